/**
 * One record: its header by bits, its payload, its message, its faults.
 *
 * @module
 */
import { useState } from "preact/hooks";

import type { Fault, FrameRecord, HeaderFieldBits } from "../../../js/inspect/index.js";
import { reveal } from "../actions.js";
import { bytes, counted, DIRECTION_NAMES, duration, hexBytes } from "../format.js";
import { inspection } from "../inspection.js";
import type { State } from "../state.js";
import type { Detail } from "../worker/protocol.js";
import { CopyButton, Section, sentence, useAnswer, Verdict } from "./common.js";
import { HexView } from "./hex.js";
import { KindLabel } from "./kind-label.js";
import { PayloadView } from "./payload.js";

/** @param start the time of the first record */
export function DetailView({ record, state, start }: { record: number; state: State; start: number }) {
  const { version } = state;
  const detail = useAnswer(() => inspection.detail(record), [record, version]);
  if (detail === undefined) return <section class="panel detail" aria-label="The record" aria-busy="true" />;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys
    <section class="panel detail" aria-labelledby="detail-title" tabIndex={0}>
      <Title detail={detail} start={start} />
      <Faults faults={detail.faults} />
      <PayloadView detail={detail} state={state} />
      <MessageParts detail={detail} />
      <Wire detail={detail} />
    </section>
  );
}

function Title({ detail: { row }, start }: { detail: Detail; start: number }) {
  const { record } = row;
  return (
    <>
      <h2 id="detail-title">
        Record {record.index}: <KindLabel row={row} />
      </h2>
      <p class="quiet">
        {DIRECTION_NAMES[record.direction]}, bytes {record.start}–{record.end - 1}
        {record.time !== 0 && `, ${duration(record.time - start)} after the first`}
        {record.type === "frame" && <Partner record={record} />}
      </p>
    </>
  );
}

function Partner({ record: { opcodeName, partner } }: { record: FrameRecord }) {
  if (partner === undefined) return null;
  const what = { ping: "answered by", pong: "answers", close: "the other side’s close:" }[opcodeName as string];
  return (
    <>
      ; {what} <RecordLink record={partner} />
    </>
  );
}

/** Leads to a record. */
export function RecordLink({ record }: { record: number }) {
  return (
    <button type="button" class="link" onClick={() => void reveal(record)}>
      record {record}
    </button>
  );
}

/** What is not allowed about it, and what the engine would do. */
function Faults({ faults }: { faults: readonly Fault[] }) {
  return faults.map((fault) => (
    <p key={fault.index} class="fault">
      <Verdict good={false}>
        <strong>{sentence(fault.message)}</strong>
      </Verdict>{" "}
      {fault.closeStatus === undefined
        ? "The handshake fails."
        : `An endpoint closes the connection with ${fault.closeStatus}.`}{" "}
      <span class="quiet">{fault.name}</span> <Section name={fault.section} />
    </p>
  ));
}

/** The header's fields, and the bytes that they are in. */
function Wire({ detail: { row, fields, wire, available } }: { detail: Detail }) {
  const [field, setField] = useState<HeaderFieldBits>();
  const { record } = row;
  const headerSize = record.type === "frame" ? record.headerSize : 0;
  const first = fields.length > 0 ? wire.subarray(0, 64) : wire;
  const announced = record.end - record.start;
  return (
    <>
      {fields.length > 0 && <Bits fields={fields} wire={wire} chosen={field} onChoose={setField} />}
      <div class="with-copy">
        <h3>On the wire</h3>
        <CopyButton what="Hex" text={() => hexBytes(wire)} />
      </div>
      <HexView
        label="Bytes on the wire"
        bytes={first}
        offset={record.start}
        headerSize={headerSize}
        chosen={field}
        onByte={(index) => setField(fields.find(({ start, end }) => start <= index * 8 + 7 && index * 8 < end))}
      />
      {available > first.length && <p class="quiet">and {bytes(available - first.length)} more</p>}
      {announced > available && (
        <p class="quiet">
          Its header announces {bytes(announced - available)} more, which{" "}
          {record.whole ? "are missing" : "did not come"}.
        </p>
      )}
    </>
  );
}

interface BitsProps {
  readonly fields: readonly HeaderFieldBits[];
  readonly wire: Uint8Array;
  readonly chosen: HeaderFieldBits | undefined;
  onChoose(field: HeaderFieldBits | undefined): void;
}

function Bits({ fields, wire, chosen, onChoose }: BitsProps) {
  return (
    <table class="fields">
      <caption>The header, field by field</caption>
      <thead>
        <tr>
          <th scope="col">Field</th>
          <th scope="col">Bits</th>
          <th scope="col">Meaning</th>
          <th scope="col">Section</th>
        </tr>
      </thead>
      <tbody onMouseLeave={() => onChoose(undefined)}>
        {fields.map((field) => (
          <tr
            key={field.name}
            class={field === chosen ? "chosen" : ""}
            // focus shows the field's bits, as the pointer does
            tabIndex={0}
            onMouseEnter={() => onChoose(field)}
            onFocus={() => onChoose(field)}
            onBlur={() => onChoose(undefined)}
          >
            <th scope="row">{field.name}</th>
            <td class="bits">{bitsOf(field, wire)}</td>
            <td>{field.meaning}</td>
            <td>
              <Section name={field.section} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Up to a byte's worth as bits, more as hex. */
function bitsOf({ start, end }: HeaderFieldBits, wire: Uint8Array): string {
  if (end - start > 8) {
    const digits = Array.from(wire.subarray(start / 8, end / 8), (byte) => byte.toString(16).padStart(2, "0"));
    return `0x${digits.join("")}`;
  }
  const byte = (wire[start >> 3] ?? 0).toString(2).padStart(8, "0");
  return byte.slice(start % 8, (start % 8) + end - start);
}

/** Which frames a message is made of. */
function MessageParts({ detail: { message, frames, row } }: { detail: Detail }) {
  if (message === undefined) return null;
  const { text, compressed, state, wireLength, length } = message;
  return (
    <div class="message">
      <h3>Message {message.index}</h3>
      <p>
        {text ? "Text" : "Binary"}, {state}, {bytes(length)}
        {compressed && ` from ${bytes(wireLength)} compressed`}, in {counted(message.frames, "frame")}
      </p>
      {message.frames > 1 && (
        <ol class="parts" aria-label="Its frames">
          {frames.map((frame) => (
            <li key={frame}>
              {frame === row.record.index ? <strong>record {frame}</strong> : <RecordLink record={frame} />}
            </li>
          ))}
          {message.frames > frames.length && <li>and {message.frames - frames.length} more</li>}
        </ol>
      )}
    </div>
  );
}
