/**
 * Bytes as hex and characters.
 *
 * @module
 */
import { useEffect, useRef, useState } from "preact/hooks";

import type { HeaderFieldBits } from "../../../js/inspect/index.js";
import { hexByte } from "../format.js";
import { VirtualList } from "./virtual.js";

/** Rows that are drawn at once; of more, those that are seen. */
const FEW = 32;
const ROW = 22;

interface Props {
  readonly label: string;
  readonly bytes: Uint8Array;
  /** The number of the first byte. */
  readonly offset?: number;
  /** How many of the bytes are a frame's header. */
  readonly headerSize?: number;
  /** The field whose bits to light up. */
  readonly chosen?: HeaderFieldBits | undefined;
  /** The pointer is over this byte. */
  onByte?(index: number): void;
}

/** Bytes, sixteen to a line, or eight where there is little room. */
export function HexView(props: Props) {
  const { bytes, label } = props;
  const box = useRef<HTMLDivElement>(null);
  const [perLine, setPerLine] = useState(16);
  useEffect(() => {
    const element = box.current as HTMLDivElement;
    const observer = new ResizeObserver(() => setPerLine(element.clientWidth < 560 ? 8 : 16));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const lines = Math.ceil(bytes.length / perLine);
  const line = (index: number) => <Line key={index} {...props} start={index * perLine} perLine={perLine} />;
  return (
    <div class={props.headerSize ? "hex has-header" : "hex"} ref={box}>
      {lines > FEW ? (
        <VirtualList label={label} role="group" total={lines} rowHeight={ROW} row={line} />
      ) : (
        <div role="group" aria-label={label}>
          {Array.from({ length: lines }, (_, index) => line(index))}
          {lines === 0 && <p class="quiet">no bytes</p>}
        </div>
      )}
    </div>
  );
}

function Line({
  bytes,
  offset = 0,
  headerSize = 0,
  chosen,
  onByte,
  start,
  perLine,
}: Props & { start: number; perLine: number }) {
  const line = bytes.subarray(start, start + perLine);
  return (
    <div class="line" style={{ height: `${ROW}px` }}>
      <span class="offset">{(offset + start).toString(16).padStart(6, "0")}</span>
      <span class="octets">
        {Array.from(line, (byte, index) => (
          <Octet
            key={index}
            byte={byte}
            isHeader={start + index < headerSize}
            lit={litBits(chosen, start + index)}
            onOver={() => onByte?.(start + index)}
          />
        ))}
        {Array.from({ length: perLine - line.length }, (_, index) => (
          <span key={`none-${index}`} class="octet">
            {"  "}
          </span>
        ))}
      </span>
      <span class="characters" aria-hidden="true">
        {Array.from(line, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "·")).join("")}
      </span>
    </div>
  );
}

/** The part of a byte that a field has: from one bit to another, or nothing. */
function litBits(field: HeaderFieldBits | undefined, index: number): readonly [number, number] | undefined {
  if (field === undefined) return undefined;
  const [start, end] = [Math.max(0, field.start - index * 8), Math.min(8, field.end - index * 8)];
  return start < end ? [start, end] : undefined;
}

function Octet({
  byte,
  isHeader,
  lit,
  onOver,
}: {
  byte: number;
  isHeader: boolean;
  lit: readonly [number, number] | undefined;
  onOver(): void;
}) {
  const bits = lit === undefined ? "" : byte.toString(2).padStart(8, "0");
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the table of fields does the same for keys
    <span class={`octet ${isHeader ? "header" : ""} ${lit === undefined ? "" : "lit"}`} onMouseEnter={onOver}>
      {hexByte(byte)}
      {lit !== undefined && (
        <span class="lit-bits">
          {bits.slice(0, lit[0])}
          <b>{bits.slice(...lit)}</b>
          {bits.slice(lit[1])}
        </span>
      )}
    </span>
  );
}
