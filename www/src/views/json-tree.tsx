/**
 * JSON, or what another format has in it, as a tree that opens and closes.
 *
 * @module
 */
import { useState } from "preact/hooks";

import { counted, hexBytes } from "../format.js";

/** Members that are shown at first. */
const FIRST = 100;
/** Bytes of a leaf that are shown. */
const BYTES = 64;
/** Levels that are open at first. */
const OPEN = 2;

/** @param name that of the member whose value this is */
export function JsonTree({ value, name, level = 0 }: { value: unknown; name?: string; level?: number }) {
  const [isOpen, setIsOpen] = useState(level < OPEN);
  const [most, setMost] = useState(FIRST);
  if (typeof value !== "object" || value === null || value instanceof Uint8Array || value instanceof Date) {
    return (
      <div class="leaf">
        <Name name={name} />
        <span class={`value ${value === null ? "null" : typeof value}`}>{leafOf(value)}</span>
      </div>
    );
  }
  const members = Object.entries(value);
  const summary = Array.isArray(value)
    ? `[ ${counted(members.length, "item")} ]`
    : `{ ${counted(members.length, "member")} }`;
  return (
    <details class={level === 0 ? "json" : ""} open={isOpen} onToggle={(event) => setIsOpen(event.currentTarget.open)}>
      <summary>
        <Name name={name} />
        <span class="quiet">{summary}</span>
      </summary>
      {isOpen &&
        members
          .slice(0, most)
          .map(([key, member]) => <JsonTree key={key} name={key} value={member} level={level + 1} />)}
      {isOpen && members.length > most && (
        <button type="button" class="link" onClick={() => setMost(most + 10 * FIRST)}>
          {`${members.length - most} more`}
        </button>
      )}
    </details>
  );
}

/** A value that has no members: of JSON, and what other formats have beside it. */
function leafOf(value: unknown): string {
  if (value instanceof Uint8Array) {
    const more = value.length > BYTES ? ` … (${counted(value.length, "byte")})` : "";
    return `‹${hexBytes(value.subarray(0, BYTES))}${more}›`;
  }
  if (value instanceof Date) return value.toISOString();
  return typeof value === "bigint" ? `${value}` : (JSON.stringify(value) ?? "undefined");
}

function Name({ name }: { name: string | undefined }) {
  return name === undefined ? null : <span class="name">{name}: </span>;
}
