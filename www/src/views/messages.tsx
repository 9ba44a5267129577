/**
 * The messages, put together from their frames.
 *
 * @module
 */
import { useState } from "preact/hooks";

import { reveal } from "../actions.js";
import { bytes, counted, duration } from "../format.js";
import { inspection } from "../inspection.js";
import type { State } from "../state.js";
import type { MessageRow, Overview } from "../worker/protocol.js";
import { Arrow, useAnswer } from "./common.js";
import { Heads } from "./frames.js";
import { VirtualList, type Window } from "./virtual.js";

const ROW = 24;
const NONE: { from: number; rows: readonly MessageRow[] } = { from: 0, rows: [] };

/** A list of messages, each of which leads to its frames. */
export function Messages({ state: { version, overview } }: { state: State }) {
  const [{ from, to }, setWindow] = useState<Window>({ from: 0, to: 40 });
  const shown =
    useAnswer(async () => ({ from, rows: await inspection.messages(from, to) }), [from, to, version]) ?? NONE;
  if (overview === undefined) return null;
  return (
    <VirtualList
      class="records messages"
      role="grid"
      label="Messages"
      total={overview.messages}
      rowHeight={ROW}
      onWindow={setWindow}
      header={<Heads names={["No.", "Time", "Direction", "Kind", "Size", "Frames", "State", "Payload"]} />}
      row={(index) => (
        <MessageLine key={index} index={index} row={shown.rows[index - shown.from]} overview={overview} />
      )}
    />
  );
}

function MessageLine({ index, row, overview }: { index: number; row: MessageRow | undefined; overview: Overview }) {
  const style = { height: `${ROW}px` };
  if (row === undefined) return <div class="record" role="row" aria-rowindex={index + 1} style={style} />;
  const { message, time, preview } = row;
  const { text, compressed, state, wireLength, length, frames, first } = message;
  return (
    <div class={`record ${message.direction}`} role="row" aria-rowindex={index + 1} style={style}>
      <span role="gridcell">{index}</span>
      <span role="gridcell">{overview.hasTimes ? duration(time - overview.start) : "–"}</span>
      <span role="gridcell">
        <Arrow direction={message.direction} />
      </span>
      <span role="gridcell" class={`kind-name ${text ? "text" : "binary"}`}>
        {text ? "text" : "binary"}
      </span>
      <span role="gridcell" title={compressed ? `${bytes(wireLength)} compressed` : undefined}>
        {bytes(length)}{" "}
        {compressed && length > 0 && <span class="marks">{Math.round((100 * wireLength) / length)} %</span>}
      </span>
      <span role="gridcell">
        <button type="button" class="link" onClick={() => void reveal(first)}>
          {counted(frames, "frame")}
        </button>
      </span>
      <span role="gridcell" class={state === "failed" ? "verdict bad" : ""}>
        {state}
      </span>
      <span role="gridcell" class="preview">
        {preview}
      </span>
    </div>
  );
}
