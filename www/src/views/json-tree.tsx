/**
 * JSON, or what another format has in it, as a tree that opens and closes.
 *
 * @module
 */
import { useState } from "preact/hooks";

import { counted, leafText } from "../format.js";

/** Members that are shown at first. */
const FIRST = 100;
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
        <span class={`value ${value === null ? "null" : typeof value}`}>{leafText(value)}</span>
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

function Name({ name }: { name: string | undefined }) {
  return name === undefined ? null : <span class="name">{name}: </span>;
}
