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
import { KindLabel } from "./kind-label.js";
import { TimelineView } from "./timeline.js";
import { VirtualList, type Window } from "./virtual.js";

const ROW = 28;
const NONE: { from: number; rows: readonly Row[] } = { from: 0, rows: [] };

/** Timeline, filters, list and detail. */
export function Frames({ state }: { state: State }) {
  const { overview, selected } = state;
  if (overview === undefined) return null;
  return (
    <>
      <TimelineView state={state} overview={overview} />
      <Filters state={state} />
      <div class="columns">
        <RecordList state={state} overview={overview} />
        {selected === undefined ? (
          <section class="panel detail">
            <p class="quiet">Choose a record to see its bytes.</p>
          </section>
        ) : (
          <DetailView key={selected} record={selected} version={state.version} start={overview.start} />
        )}
      </div>
    </>
  );
}

function Filters({ state: { filter: now, listed, overview } }: { state: State }) {
  const toggled = (kind: Kind) =>
    now.kinds.includes(kind) ? now.kinds.filter((one) => one !== kind) : [...now.kinds, kind];
  return (
    <form class="filters" aria-label="Filters" onSubmit={(event) => event.preventDefault()}>
      <fieldset class="kinds">
        <legend class="unseen">Kinds</legend>
        {KINDS.map((kind) => (
          <label key={kind} class={`kind ${kind}`}>
            <input
              type="checkbox"
              checked={now.kinds.includes(kind)}
              onChange={() => void filter({ kinds: toggled(kind) })}
            />
            <span>{kind}</span>
          </label>
        ))}
      </fieldset>
      <label>
        Direction{" "}
        <select
          value={now.direction ?? ""}
          onChange={(event) =>
            void filter({ direction: (event.currentTarget.value || undefined) as Filter["direction"] })
          }
        >
          <option value="">both</option>
          <option value="toServer">→ to server</option>
          <option value="toClient">← to client</option>
        </select>
      </label>
      <SizeInput label="From" value={now.smallest} none={0} onSize={(smallest) => void filter({ smallest })} />
      <SizeInput
        label="to"
        value={now.largest}
        none={Number.POSITIVE_INFINITY}
        onSize={(largest) => void filter({ largest })}
      />
      <label class="search">
        Contains{" "}
        <input
          type="search"
          value={now.text}
          placeholder="text in payloads"
          onInput={(event) => void filter({ text: event.currentTarget.value })}
        />
      </label>
      <label class="kind faults">
        <input
          type="checkbox"
          checked={now.faultsOnly}
          onChange={(event) => void filter({ faultsOnly: event.currentTarget.checked })}
        />
        <span>problems only</span>
      </label>
      <output class="quiet">
        {count(listed)} of {count(overview?.records ?? 0)}
      </output>
      <button type="button" disabled={now === NO_FILTER} onClick={() => void filter(NO_FILTER)}>
        Show all
      </button>
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
    <label>
      {label}{" "}
      <input
        type="number"
        min="0"
        class="size"
        aria-label={`Size ${label.toLowerCase()}, in bytes`}
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

function RecordHeads() {
  return (
    <div class="record heads" role="row">
      {["No.", "Time", "", "Kind", "Size", "Payload"].map((name) => (
        <span key={name} role="columnheader" aria-label={name || "Direction"}>
          {name}
        </span>
      ))}
    </div>
  );
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
