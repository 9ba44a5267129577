/**
 * A capture in the address of the page: `#capture=…`, compressed, which no server is sent.
 *
 * @module
 */
import type { Source } from "./worker/protocol.js";

const NAME = "capture";
/** Characters that an address may have for most that pass it on. */
const LONGEST = 16_000;

/** The address of the page with the capture in it; `undefined` if it is too large. */
export async function addressOf(capture: Blob): Promise<string | undefined> {
  const compressed = await through(capture, new CompressionStream("deflate-raw"));
  const text = toBase64Url(compressed);
  if (text.length > LONGEST) return undefined;
  const address = new URL(location.href);
  address.hash = `${NAME}=${text}`;
  return address.href;
}

/** What an address has in it, if it has something. */
export async function sourceOf(hash: string): Promise<Source | undefined> {
  const text = new URLSearchParams(hash.slice(1)).get(NAME);
  if (text === null) return undefined;
  const compressed = new Blob([fromBase64Url(text)]);
  const content = await through(compressed, new DecompressionStream("deflate-raw"));
  return { name: "shared capture", contents: [new Blob([content])] };
}

async function through(blob: Blob, stream: CompressionStream | DecompressionStream): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await new Response(blob.stream().pipeThrough(stream)).arrayBuffer());
}

function toBase64Url(bytes: Uint8Array): string {
  const binary = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** @throws DOMException if it is no Base64 */
function fromBase64Url(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}
