/**
 * What can be done on a connection of this browser.
 *
 * @module
 */
import { useState } from "preact/hooks";

import { close, send } from "../live.js";
import type { LiveState } from "../state.js";

const KIBIBYTE = 1024;

/** Sends and closes. */
export function LiveBar({ live }: { live: LiveState }) {
  const [text, setText] = useState("Hello, Köln 🎡");
  const isClosed = live !== "open";
  const sendBytes = (size: number) => send(Uint8Array.from({ length: size }, (_, index) => index));
  return (
    <form
      class="live"
      aria-label="Live connection"
      onSubmit={(event) => {
        event.preventDefault();
        send(text);
      }}
    >
      <output class={`live-state ${live}`} data-live={live}>
        {live}
      </output>
      <label class="grows">
        Message <input value={text} onInput={(event) => setText(event.currentTarget.value)} />
      </label>
      <button type="submit" class="first" disabled={isClosed}>
        Send text
      </button>
      <button type="button" disabled={isClosed} onClick={() => send(text.repeat(200))}>
        Text × 200
      </button>
      <button type="button" disabled={isClosed} onClick={() => sendBytes(KIBIBYTE)}>
        1 KiB
      </button>
      <button type="button" disabled={isClosed} onClick={() => sendBytes(KIBIBYTE ** 2)}>
        1 MiB
      </button>
      <button type="button" disabled={isClosed} onClick={() => close(1000, "by hand")}>
        Close
      </button>
    </form>
  );
}
