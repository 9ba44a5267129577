/**
 * What can be done to a connection that goes through the proxy: hold, let go, edit, drop, inject, close.
 *
 * @module
 */
import { useState } from "preact/hooks";

import { ask, base64Of } from "../feed.js";
import { bytes, counted, DIRECTION_NAMES, duration, hex, hexBytes } from "../format.js";
import type { Feed, HeldUnit } from "../state.js";
import { Arrow } from "./common.js";

type Direction = "toServer" | "toClient";

const OPCODES: readonly (readonly [number, string])[] = [
  [1, "text"],
  [2, "binary"],
  [0, "continuation"],
  [9, "ping"],
  [10, "pong"],
  [8, "close"],
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode) => [opcode, `reserved (${opcode})`] as const),
];
const FIN = 0x80;
const BITS: readonly (readonly [number, string])[] = [
  [FIN, "FIN"],
  [0x40, "RSV1"],
  [0x20, "RSV2"],
  [0x10, "RSV3"],
];
const OPCODE = 0x0f;

/** The watched connection, if the process can change what goes over it. */
function changeable({ connections, watched, hello }: Feed) {
  return hello.kind === "proxy" ? connections.get(watched ?? -1) : undefined;
}

/** The controls of the watched connection; nothing where the process can only look. */
export function Interventions({ feed }: { feed: Feed }) {
  const connection = changeable(feed);
  if (connection === undefined) return null;
  const isOpen = connection.state === "open";
  const { id, holding } = connection;
  return (
    <section class="interventions buttons" aria-label="Interventions">
      {(["toServer", "toClient"] as const).map((direction) => (
        <button
          key={direction}
          type="button"
          aria-pressed={holding[direction]}
          disabled={!isOpen}
          onClick={() => ask({ type: "hold", id, direction, isOn: !holding[direction] })}
        >
          Hold <Arrow direction={direction} /> {direction === "toServer" ? "to server" : "to client"}
        </button>
      ))}
      <Inject id={id} isOpen={isOpen} />
      <Close id={id} isOpen={isOpen} />
      <Done feed={feed} opened={connection.opened} />
    </section>
  );
}

/** What waits for a decision; nothing if nothing does. */
export function HeldUnits({ feed }: { feed: Feed }) {
  const connection = changeable(feed);
  if (connection === undefined || feed.held.length === 0) return null;
  return (
    <ol class="held" aria-label="Held messages">
      {feed.held.map((unit) => (
        <Held key={`${unit.direction} ${unit.number}`} id={connection.id} unit={unit} />
      ))}
    </ol>
  );
}

/** How long *Delay* holds a message, in milliseconds. */
const DELAY = 2000;

interface Edited {
  readonly text: string;
  readonly first: number;
}

function Held({ id, unit }: { id: number; unit: HeldUnit }) {
  const { direction, kind, number } = unit;
  const payload = Uint8Array.from(atob(unit.base64), (character) => character.charCodeAt(0));
  const text = kind === "text" ? textOf(payload) : undefined;
  const isText = text !== undefined;
  const shown = text ?? hexBytes(payload);
  const [edited, setEdited] = useState<Edited>();
  const release = (delay?: number) => {
    const about = { type: "release", id, direction, number, ...(delay !== undefined && { delay }) } as const;
    if (edited === undefined) return ask(about);
    const changed = isText ? new TextEncoder().encode(edited.text) : hex(edited.text);
    ask({ ...about, first: edited.first, base64: base64Of(changed) });
  };
  return (
    <li>
      <span class="held-title">
        <Arrow direction={direction} /> <span class={`kind-name ${kind}`}>{kind}</span>{" "}
        <span class="quiet">{bytes(payload.length)}</span>
      </span>
      {edited === undefined ? (
        <code class="preview">{shown.slice(0, 400)}</code>
      ) : (
        <>
          <textarea
            rows={3}
            aria-label={isText ? "Text to send instead" : "Bytes to send instead, as hex"}
            value={edited.text}
            onInput={(event) => setEdited({ ...edited, text: event.currentTarget.value })}
          />
          <FirstByte value={edited.first} onChange={(first) => setEdited({ ...edited, first })} />
        </>
      )}
      <span class="buttons">
        <button type="button" class="first" onClick={() => release()}>
          {edited === undefined ? "Let go" : "Send edited"}
        </button>
        {edited === undefined && (
          <button type="button" onClick={() => setEdited({ text: shown, first: unit.first })}>
            Edit
          </button>
        )}
        <button type="button" onClick={() => release(DELAY)}>
          Delay {DELAY / 1000} s
        </button>
        <button type="button" onClick={() => ask({ type: "drop", id, direction, number })}>
          Drop
        </button>
      </span>
    </li>
  );
}

/** Nothing for bytes that are not UTF-8: an edited text would not have them any more. */
function textOf(payload: Uint8Array): string | undefined {
  try {
    return new TextDecoder(undefined, { fatal: true, ignoreBOM: true }).decode(payload);
  } catch {
    return undefined;
  }
}

/** The first byte of a frame's header: its kind, and the bits before that. */
function FirstByte({ value, onChange }: { value: number; onChange(value: number): void }) {
  return (
    <span class="first-byte">
      <label>
        Kind{" "}
        <select
          value={String(value & OPCODE)}
          onChange={(event) => onChange((value & ~OPCODE) | Number(event.currentTarget.value))}
        >
          {OPCODES.map(([opcode, name]) => (
            <option key={opcode} value={String(opcode)}>
              {name}
            </option>
          ))}
        </select>
      </label>
      {BITS.map(([bit, name]) => (
        <label key={bit} class="tick">
          <input type="checkbox" checked={(value & bit) !== 0} onChange={() => onChange(value ^ bit)} /> {name}
        </label>
      ))}
    </span>
  );
}

function Inject({ id, isOpen }: { id: number; isOpen: boolean }) {
  const [direction, setDirection] = useState<Direction>("toClient");
  const [first, setFirst] = useState(FIN | 1);
  const [isHex, setIsHex] = useState(false);
  const [text, setText] = useState("Hello");
  const payload = isHex ? hex(text) : new TextEncoder().encode(text);
  return (
    <details class="popup">
      <summary>Inject …</summary>
      <form
        aria-label="Inject a frame"
        onSubmit={(event) => {
          event.preventDefault();
          ask({ type: "inject", id, direction, first, base64: base64Of(payload) });
        }}
      >
        <label>
          Direction
          <select value={direction} onChange={(event) => setDirection(event.currentTarget.value as Direction)}>
            <option value="toServer">→ to server</option>
            <option value="toClient">← to client</option>
          </select>
        </label>
        <FirstByte value={first} onChange={setFirst} />
        <label>
          Payload
          <textarea rows={3} value={text} onInput={(event) => setText(event.currentTarget.value)} />
        </label>
        <label class="tick">
          <input type="checkbox" checked={isHex} onChange={(event) => setIsHex(event.currentTarget.checked)} /> payload
          as hex
        </label>
        <button type="submit" class="first" disabled={!isOpen}>
          Inject {bytes(payload.length)}
        </button>
      </form>
    </details>
  );
}

function Close({ id, isOpen }: { id: number; isOpen: boolean }) {
  const [status, setStatus] = useState("1011");
  return (
    <details class="popup">
      <summary>Close …</summary>
      <form
        aria-label="Close the connection"
        onSubmit={(event) => {
          event.preventDefault();
          ask({ type: "close", id, status: Number(status) });
        }}
      >
        <label>
          Status
          <input
            type="number"
            min="1000"
            max="4999"
            value={status}
            onInput={(event) => setStatus(event.currentTarget.value)}
          />
        </label>
        <button type="submit" class="first" disabled={!isOpen}>
          Close both sides
        </button>
        <button type="button" disabled={!isOpen} onClick={() => ask({ type: "close", id, status: null })}>
          Cut TCP
        </button>
      </form>
    </details>
  );
}

function Done({ feed: { interventions }, opened }: { feed: Feed; opened: number }) {
  if (interventions.length === 0) return null;
  return (
    <details class="popup">
      <summary>{counted(interventions.length, "intervention")}</summary>
      <ol class="log">
        {interventions.map(({ time, direction, action, about }, index) => (
          <li key={index}>
            <span class="quiet">{duration(time - opened)}</span> {action}
            {direction !== undefined && `, ${DIRECTION_NAMES[direction]}`}: {about}
          </li>
        ))}
      </ol>
    </details>
  );
}
