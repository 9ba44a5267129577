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
 * is its compressed frame for those that agreed on compression without context takeover, which is a server's default.
 * Others send it as if it was new to them.
 */
export class PreparedMessage {
  /** @internal Text, or the bytes as they were. */
  readonly data: string | Uint8Array;
  /** Bytes of the message, text as UTF-8. */
  readonly size: number;
  #plain: Uint8Array | undefined;
  #compressed: Uint8Array | undefined;

  constructor(data: string | ArrayBufferLike | ArrayBufferView) {
    this.data = typeof data === "string" ? data : copyOf(bytesOf(data) ?? new Uint8Array(0));
    this.size = textSize(this.data);
  }

  /** @internal A server's frame. */
  frame(compress: boolean): Uint8Array {
    if (compress) this.#compressed ??= this.#make(true);
    else this.#plain ??= this.#make(false);
    return (compress ? this.#compressed : this.#plain) as Uint8Array;
  }

  #make(compress: boolean): Uint8Array {
    const { POSITIVE_INFINITY: NONE } = Number;
    const session = guarded(() => {
      const inner = new wasm.Session(true, NONE, NONE, NONE);
      if (compress) inner.enable_deflate(LEVEL, MEMORY_LEVEL);
      return new FrameSession(inner, true);
    });
    try {
      session.send(this.data, compress);
      return session.takeOutput().reduce(concat, new Uint8Array(0));
    } finally {
      session.free();
    }
  }
}
