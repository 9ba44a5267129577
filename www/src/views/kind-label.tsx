/**
 * What a record is, in a word and some marks.
 *
 * @module
 */
import type { Row } from "../worker/protocol.js";

/** What a record is, with marks for what is particular about it. */
export function KindLabel({ row: { record, kind, compressed, faulty } }: { row: Row }) {
  const marks = [
    record.type === "frame" && !record.fin && "more follows",
    record.type === "frame" && record.closeStatus !== undefined && String(record.closeStatus),
    record.type === "bytes" && record.reason,
    compressed && "deflate",
    !record.whole && record.type !== "bytes" && "cut",
    record.unreliable && "unreliable",
  ].filter((mark) => mark !== false);
  return (
    <>
      <span class={`kind-name ${kind}`}>{record.type === "frame" || record.type === "bytes" ? kind : record.type}</span>
      {faulty && (
        <span class="fault-mark" role="img" aria-label="not allowed" title="not allowed">
          ✗
        </span>
      )}
      {marks.length > 0 && <span class="marks">{marks.join(", ")}</span>}
    </>
  );
}
