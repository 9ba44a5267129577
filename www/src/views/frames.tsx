/**
 * The list of all records, with its filters, its timeline, and the detail of one.
 *
 * @module
 */
import { useState } from "preact/hooks";

import { filter, select } from "../actions.js";
import { bytes, count, duration } from "../format.js";
import { inspection } from "../inspection.js";
import type { State } from "../state.js";
import { KINDS, NO_FILTER, sizeOf } from "../worker/kinds.js";
import type { Filter, Kind, Overview, Row } from "../worker/protocol.js";
import { Arrow, useAnswer } from "./common.js";
import { DetailView } from "./detail.js";
import { HeldUnits } from "./interventions.js";
import { KindLabel } from "./kind-label.js";
import { Split } from "./split.js";
import { TimelineView } from "./timeline.js";
import { VirtualList, type Window } from "./virtual.js";

/** Pixels. */
const ROW = 22;
const NONE: { from: number; rows: readonly Row[] } = { from: 0, rows: [] };

/** Timeline, filters, list and detail. */
export function Frames({ state }: { state: State }) {
  const { overview, selected, feed } = state;
  if (overview === undefined) return <p class="quiet empty">Choose a connection to see its frames.</p>;
  return (
    <>
      {feed !== undefined && <HeldUnits feed={feed} />}
      <TimelineView state={state} overview={overview} />
      <Filters state={state} />
      <Split>
        <RecordList state={state} overview={overview} />
        {selected === undefined ? (
          <section class="panel detail" aria-label="The record">
            <p class="quiet">{overview.records === 0 ? "Nothing has come yet." : "No record passes the filter."}</p>
          </section>
        ) : (
          <DetailView key={selected} record={selected} state={state} start={overview.start} />
        )}
      </Split>
    </>
  );
}

function Filters({ state: { filter: now, listed, overview } }: { state: State }) {
  const toggled = (kind: Kind) =>
    now.kinds.includes(kind) ? now.kinds.filter((one) => one !== kind) : [...now.kinds, kind];
  const { kinds = {}, records = 0, faults = 0 } = overview ?? {};
  return (
    <form class="filters" role="search" aria-label="Filters" onSubmit={(event) => event.preventDefault()}>
      <input
        type="search"
        class="search"
        aria-label="Search payloads"
        placeholder="Search payloads"
        value={now.text}
        onInput={(event) => void filter({ text: event.currentTarget.value })}
      />
      <fieldset class="kinds">
        <legend class="unseen">Kinds</legend>
        {KINDS.filter((kind) => kinds[kind] !== undefined || now.kinds.includes(kind)).map((kind) => (
          <label key={kind} class={`kind ${kind}`}>
            <input
              type="checkbox"
              checked={now.kinds.includes(kind)}
              onChange={() => void filter({ kinds: toggled(kind) })}
            />
            <span>
              {kind} <small>{count(kinds[kind] ?? 0)}</small>
            </span>
          </label>
        ))}
        {(faults > 0 || now.faultsOnly) && (
          <label class="kind faults">
            <input
              type="checkbox"
              checked={now.faultsOnly}
              onChange={(event) => void filter({ faultsOnly: event.currentTarget.checked })}
            />
            <span>
              problems <small>{count(faults)}</small>
            </span>
          </label>
        )}
      </fieldset>
      <select
        aria-label="Direction"
        value={now.direction ?? ""}
        onChange={(event) =>
          void filter({ direction: (event.currentTarget.value || undefined) as Filter["direction"] })
        }
      >
        <option value="">⇄ both ways</option>
        <option value="toServer">→ to server</option>
        <option value="toClient">← to client</option>
      </select>
      <details class="popup">
        <summary>{now.smallest > 0 || now.largest < Number.POSITIVE_INFINITY ? "✓ Size" : "Size"}</summary>
        <div class="sizes">
          <SizeInput label="from" value={now.smallest} none={0} onSize={(smallest) => void filter({ smallest })} />
          <SizeInput
            label="to"
            value={now.largest}
            none={Number.POSITIVE_INFINITY}
            onSize={(largest) => void filter({ largest })}
          />
        </div>
      </details>
      <output class="quiet">
        {count(listed)} of {count(records)}
      </output>
      {now !== NO_FILTER && (
        <button type="button" onClick={() => void filter(NO_FILTER)}>
          Show all
        </button>
      )}
    </form>
  );
}

function SizeInput({
  label,
  value,
  none,
  onSize,
}: {
  label: string;
  value: number;
  none: number;
  onSize(size: number): void;
}) {
  const read = (text: string) => onSize(text === "" ? none : Math.max(0, Number(text)));
  return (
    <label class="size">
      {label}{" "}
      <input
        type="number"
        min="0"
        aria-label={`Size ${label}, in bytes`}
        placeholder="bytes"
        value={value === none ? "" : String(value)}
        onInput={(event) => read(event.currentTarget.value)}
      />
    </label>
  );
}

function RecordList({ state, overview }: { state: State; overview: Overview }) {
  const { listed, selected, version } = state;
  const [{ from, to }, setWindow] = useState<Window>({ from: 0, to: 40 });
  const shown = useAnswer(async () => ({ from, rows: await inspection.rows(from, to) }), [from, to, version]) ?? NONE;
  const place = useAnswer(() => inspection.placeOf(selected ?? 0), [selected, version]);

  const chooseAt = async (wanted: number) => {
    const [row] = await inspection.rows(Math.max(0, Math.min(wanted, listed - 1)), wanted + 1);
    if (row !== undefined) select(row.record.index);
  };
  const onKey = (event: KeyboardEvent) => {
    const at = place ?? 0;
    const wanted = keyTargets(at, listed)[event.key];
    if (wanted === undefined) return;
    event.preventDefault();
    void chooseAt(Math.max(0, Math.min(wanted, listed - 1)));
  };
  return (
    <VirtualList
      id="records"
      class="records"
      role="grid"
      label="Records. Arrow keys choose one."
      total={listed}
      rowHeight={ROW}
      shown={selected === undefined ? undefined : place}
      active={selected === undefined ? undefined : `record-${selected}`}
      onKey={onKey}
      onWindow={setWindow}
      header={<RecordHeads />}
      row={(index) => (
        <RecordRow key={index} index={index} row={shown.rows[index - shown.from]} state={state} overview={overview} />
      )}
    />
  );
}

function keyTargets(at: number, total: number): Record<string, number> {
  return { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + 15, PageUp: at - 15, Home: 0, End: total - 1 };
}

/** Names of columns; a hidden one is there for those who hear them. */
export function Heads({ names }: { names: readonly string[] }) {
  return (
    <div class="record heads" role="row">
      {names.map((name) => (
        <span key={name} role="columnheader">
          {name === "Direction" ? <span class="unseen">{name}</span> : name}
        </span>
      ))}
    </div>
  );
}

function RecordHeads() {
  return <Heads names={["No.", "Time", "Direction", "Kind", "Size", "Payload"]} />;
}

function RecordRow({
  index,
  row,
  state,
  overview,
}: {
  index: number;
  row: Row | undefined;
  state: State;
  overview: Overview;
}) {
  if (row === undefined)
    return <div class="record" role="row" aria-rowindex={index + 1} style={{ height: `${ROW}px` }} />;
  const { record, preview } = row;
  const isSelected = record.index === state.selected;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the list takes the keys for all its rows
    <div
      id={`record-${record.index}`}
      class={`record ${record.direction} ${isSelected ? "selected" : ""}`}
      role="row"
      aria-rowindex={index + 1}
      aria-selected={isSelected}
      style={{ height: `${ROW}px` }}
      onClick={() => select(record.index)}
    >
      <span role="gridcell">{record.index}</span>
      <span role="gridcell">{overview.hasTimes ? duration(record.time - overview.start) : "–"}</span>
      <span role="gridcell">
        <Arrow direction={record.direction} />
      </span>
      <span role="gridcell">
        <KindLabel row={row} />
      </span>
      <span role="gridcell">{bytes(sizeOf(record))}</span>
      <span role="gridcell" class="preview">
        {preview}
      </span>
    </div>
  );
}
