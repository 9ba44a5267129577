/**
 * A capture in the address of the page: `#capture=…`, compressed, which no server is sent.
 *
 * @module
 */
import type { Source } from "./worker/protocol.js";

const NAME = "capture";
/** Characters that an address may have for most programs that pass it on. */
const LONGEST = 16_000;
/** Bytes that a capture of an address may decompress to: a few bytes can claim to be very many. */
const MAX_SIZE = 16 * 1024 * 1024;

/** The address of the page with the capture in it; `undefined` if it is too large. */
export async function addressOf(capture: Blob): Promise<string | undefined> {
  const compressed = await bounded(capture.stream().pipeThrough(new CompressionStream("deflate-raw")), MAX_SIZE);
  const text = toBase64Url(compressed);
  if (text.length > LONGEST) return undefined;
  const address = new URL(location.href);
  address.hash = `${NAME}=${text}`;
  return address.href;
}

/**
 * What an address has in it.
 *
 * @throws Error if it is damaged or decompresses to too much
 */
export async function sourceOf(text: string): Promise<Source> {
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = fromBase64Url(text);
  } catch {
    throw new Error("The capture in the address is damaged: perhaps its end was cut off.");
  }
  const content = await bounded(
    new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw")),
    MAX_SIZE,
  );
  return { name: "shared capture", contents: [new Blob([content])] };
}

/** @throws Error if the stream is damaged, or longer than `limit` bytes */
async function bounded(stream: ReadableStream<Uint8Array>, limit: number): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read().catch(() => {
      throw new Error("The capture in the address is damaged: perhaps its end was cut off.");
    });
    if (done) break;
    size += value.length;
    if (size > limit) {
      await reader.cancel();
      throw new Error(`The capture in the address is larger than ${limit / 1024 ** 2} MiB: ask for it as a file.`);
    }
    parts.push(value as Uint8Array<ArrayBuffer>);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

function toBase64Url(bytes: Uint8Array): string {
  const binary = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** @throws DOMException if it is not Base64 */
function fromBase64Url(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}
