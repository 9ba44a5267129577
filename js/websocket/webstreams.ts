/**
 * The classes of the Streams standard. They are globals too, but not in jsdom, as test runners use it.
 *
 * @module
 */
import * as web from "node:stream/web";

// by the types of the globals, which are those of Node, Deno and the DOM alike
export const ReadableStream: typeof globalThis.ReadableStream =
  web.ReadableStream as unknown as typeof globalThis.ReadableStream;
export const WritableStream: typeof globalThis.WritableStream =
  web.WritableStream as unknown as typeof globalThis.WritableStream;
