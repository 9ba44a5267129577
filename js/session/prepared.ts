/**
 * A message that is framed, and compressed, once for any number of connections.
 *
 * @module
 */
import { bytesOf, concat, copyOf } from "../engine/bytes.js";
import { wasm } from "../engine/engine.js";
import { guarded } from "../engine/output.js";
import { textSize } from "../engine/text.js";
import { LEVEL, MEMORY_LEVEL } from "./deflate.js";
import { FrameSession } from "./session.js";

/**
 * A message for many connections: `socket.send(prepared)`. Its frame is made once for all of a server's sockets, and so
 * is its compressed frame for each window that was agreed on without context takeover, which is a server's default.
 * Others send it as if it was new to them.
 */
export class PreparedMessage {
  /** @internal Text, or the bytes as they were. */
  readonly data: string | Uint8Array;
  /** Bytes of the message, text as UTF-8. */
  readonly size: number;
  /** By the bits of the window that they are compressed by; the one at 0 is not. */
  readonly #frames: Uint8Array[] = [];

  constructor(data: string | ArrayBufferLike | ArrayBufferView) {
    this.data = typeof data === "string" ? data : copyOf(bytesOf(data) ?? new Uint8Array(0));
    this.size = textSize(this.data);
  }

  /** @internal A server's frame, compressed with a window of `window` bits, or 0. Clients choose among eight. */
  frame(window: number): Uint8Array {
    this.#frames[window] ??= this.#make(window);
    return this.#frames[window];
  }

  #make(window: number): Uint8Array {
    const { POSITIVE_INFINITY: NONE } = Number;
    const session = guarded(() => {
      const inner = new wasm.Session(true, NONE, NONE, NONE);
      if (window > 0) inner.enable_deflate(LEVEL, MEMORY_LEVEL, window);
      return new FrameSession(inner, true);
    });
    try {
      session.send(this.data, window > 0);
      return session.takeOutput().reduce(concat, new Uint8Array(0));
    } finally {
      session.free();
    }
  }
}
