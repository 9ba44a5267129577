/**
 * What can be done to a connection that goes through the proxy: hold, let go, edit, drop, inject, close.
 *
 * @module
 */
import { useState } from "preact/hooks";

import type { FedUnit } from "../../../js/proxy/feed-protocol.js";
import { ask, base64Of } from "../feed.js";
import { bytes, counted, DIRECTION_NAMES, duration, hex, hexBytes } from "../format.js";
import type { Feed } from "../state.js";
import { Arrow } from "./common.js";

type Direction = "toServer" | "toClient";

const OPCODES: readonly (readonly [number, string])[] = [
  [1, "text"],
  [2, "binary"],
  [0, "continuation"],
  [9, "ping"],
  [10, "pong"],
  [8, "close"],
  [3, "reserved (3)"],
];
const [FIN, RSV1] = [0x80, 0x40];

/** The controls of the watched connection; nothing where the process can only look. */
export function Interventions({ feed }: { feed: Feed }) {
  const connection = feed.connections.get(feed.watched ?? -1);
  if (connection === undefined || feed.hello.kind !== "proxy") return null;
  const isOpen = connection.state === "open";
  const { id, holding } = connection;
  return (
    <section class="interventions" aria-label="Interventions">
      <div class="buttons">
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
      </div>
      {feed.held.length > 0 && (
        <ol class="held" aria-label="Held messages">
          {feed.held.map((unit) => (
            <Held key={`${unit.direction} ${unit.number}`} id={id} unit={unit} />
          ))}
        </ol>
      )}
    </section>
  );
}

function Held({ id, unit }: { id: number; unit: FedUnit }) {
  const { direction, kind, number } = unit;
  const payload = Uint8Array.from(atob(unit.base64), (character) => character.charCodeAt(0));
  const isText = kind === "text";
  const shown = isText ? new TextDecoder().decode(payload) : hexBytes(payload);
  const [edited, setEdited] = useState<string>();
  const release = () => {
    const changed = edited === undefined ? undefined : isText ? new TextEncoder().encode(edited) : hex(edited);
    ask({ type: "release", id, direction, number, ...(changed && { base64: base64Of(changed) }) });
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
        <textarea
          rows={3}
          aria-label={isText ? "Text to send instead" : "Bytes to send instead, as hex"}
          value={edited}
          onInput={(event) => setEdited(event.currentTarget.value)}
        />
      )}
      <span class="buttons">
        <button type="button" class="first" onClick={release}>
          {edited === undefined ? "Let go" : "Send edited"}
        </button>
        {edited === undefined && (
          <button type="button" onClick={() => setEdited(shown)}>
            Edit
          </button>
        )}
        <button type="button" onClick={() => ask({ type: "drop", id, direction, number })}>
          Drop
        </button>
      </span>
    </li>
  );
}

function Inject({ id, isOpen }: { id: number; isOpen: boolean }) {
  const [direction, setDirection] = useState<Direction>("toClient");
  const [opcode, setOpcode] = useState(1);
  const [isLast, setIsLast] = useState(true);
  const [hasRsv1, setHasRsv1] = useState(false);
  const [isHex, setIsHex] = useState(false);
  const [text, setText] = useState("Hello");
  const first = (isLast ? FIN : 0) | (hasRsv1 ? RSV1 : 0) | opcode;
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
        <label>
          Kind
          <select value={String(opcode)} onChange={(event) => setOpcode(Number(event.currentTarget.value))}>
            {OPCODES.map(([value, name]) => (
              <option key={value} value={String(value)}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <label class="tick">
          <input type="checkbox" checked={isLast} onChange={(event) => setIsLast(event.currentTarget.checked)} /> FIN
        </label>
        <label class="tick">
          <input type="checkbox" checked={hasRsv1} onChange={(event) => setHasRsv1(event.currentTarget.checked)} /> RSV1
        </label>
        <label class="tick">
          <input type="checkbox" checked={isHex} onChange={(event) => setIsHex(event.currentTarget.checked)} /> payload
          as hex
        </label>
        <label>
          Payload
          <textarea rows={3} value={text} onInput={(event) => setText(event.currentTarget.value)} />
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
