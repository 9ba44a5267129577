/**
 * A message that is framed, and compressed, once for any number of connections.
 *
 * @module
 */
import { bytesOf, copyOf, copyOfAll, isBlob, part } from "../engine/bytes.js";
import { wasm } from "../engine/engine.js";
import { guarded } from "../engine/output.js";
import { textSize } from "../engine/text.js";
import { MEMORY_LEVEL, ZLIB_LEVEL } from "./deflate.js";
import { wholeFrame } from "./frames.js";
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
  readonly #frames: (Uint8Array | undefined)[] = [];
  /** What goes on with those that are made slice by slice. */
  readonly #unfinished: (ReturnType<typeof preparing> | undefined)[] = [];

  /**
   * @param data what is neither text nor bytes becomes a string, as in `send`
   * @throws TypeError for a Blob, which has to be read first
   */
  constructor(data: string | ArrayBufferLike | ArrayBufferView) {
    if (isBlob(data)) throw new TypeError("A Blob cannot be prepared: give what its arrayBuffer() resolves with");
    const bytes = bytesOf(data);
    this.data = bytes === undefined ? `${data}` : copyOf(bytes);
    this.size = textSize(this.data);
  }

  /** @internal A server's frame, compressed with a window of `window` bits, or 0. Clients choose among eight. */
  frame(window: number): Uint8Array {
    this.#frames[window] ??= this.#make(window);
    return this.#frames[window];
  }

  /** @internal As {@link PreparedFrames} says. */
  prepare(window: number): boolean {
    if (this.#frames[window] !== undefined) return true;
    const prepare = this.#unfinished[window] ?? preparing(this.data, window);
    this.#unfinished[window] = undefined;
    this.#frames[window] = prepare();
    const isDone = this.#frames[window] !== undefined;
    if (!isDone) this.#unfinished[window] = prepare;
    return isDone;
  }

  #make(window: number): Uint8Array {
    if (window === 0) return wholeFrame(this.data, this.size, typeof this.data === "string");
    const session = sessionFor(window);
    try {
      session.send(this.data, true);
      return allOf(session);
    } finally {
      session.free();
    }
  }
}

/** Makes the compressed frame slice by slice: the function that does the next gives the frame if that was the last. */
function preparing(data: string | Uint8Array, window: number): () => Uint8Array | undefined {
  const session = sessionFor(window);
  session.watch(); // no one need go on
  const slices = session.slices(data);
  return () => {
    if (!slices()) return undefined;
    const frame = allOf(session);
    session.free();
    return frame;
  };
}

/** A session of a server that compresses with this window. */
function sessionFor(window: number): FrameSession {
  const { POSITIVE_INFINITY: NONE } = Number;
  return guarded(() => {
    const inner = new wasm.Session(true, NONE, NONE, NONE);
    // by the higher of the default levels: what is compressed once is sent often
    inner.enable_deflate(ZLIB_LEVEL, MEMORY_LEVEL, window);
    return new FrameSession(inner, true);
  });
}

/** In memory of its own; a `Buffer` if there is that, which Node would make of it for each connection. */
function allOf(session: FrameSession): Uint8Array {
  const all = copyOfAll(session.takeOutput());
  return part(all, 0, all.length);
}
