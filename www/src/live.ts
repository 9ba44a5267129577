/**
 * This browser's WebSocket against the echo server of `npm start`, which tells by a second connection what it receives
 * and sends on the first, byte by byte.
 *
 * @module
 */
import { beginLive, take } from "./actions.js";
import { change } from "./state.js";
import type { LiveBytes } from "./worker/protocol.js";

/** How often the page takes what came, in milliseconds. */
const TURN = 100;

/** A line of the server's tap, as `--record` writes it; the first one, which says who writes, has no bytes. */
interface Line {
  readonly direction?: "received" | "sent";
  readonly time: number;
  readonly base64: string;
}

let socket: WebSocket | undefined;
let waiting: LiveBytes[] = [];

/** The echo server's address, if it serves this page; else that which `npm start` has by default. */
export function defaultAddress(): string {
  return location.protocol.startsWith("http")
    ? `${location.origin.replace(/^http/, "ws")}/echo`
    : "ws://localhost:8080/echo";
}

/** Opens a connection, and shows it. What went before on it is closed. */
export async function connect(address: string, subprotocol: string): Promise<void> {
  socket?.close();
  change({ live: "connecting", error: undefined });
  await beginLive(address);
  const id = crypto.randomUUID?.() ?? String(Math.random());
  const url = new URL(address);
  url.searchParams.set("tap", id);
  const tap = new WebSocket(new URL(`/tap/${id}`, url));
  tap.onmessage = ({ data }) => heard(JSON.parse(data));
  tap.onerror = () => change({ live: "closed", error: `Nobody answers at ${address}. Is \`npm start\` running?` });
  // the server tells of nothing that was before
  tap.onopen = () => {
    socket = new WebSocket(url, subprotocol === "" ? [] : subprotocol.split(/[\s,]+/));
    socket.onopen = () => change({ live: "open" });
    socket.onclose = ({ code }) => change({ live: "closed", notice: `closed with ${code}` });
  };
}

function heard({ direction, time, base64 }: Line): void {
  if (direction === undefined) return;
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  if (waiting.length === 0) setTimeout(flush, TURN);
  waiting.push({ direction: direction === "received" ? "toServer" : "toClient", bytes, time });
}

function flush(): void {
  const bytes = waiting;
  waiting = [];
  void take(bytes);
}

/** Sends a text, or bytes. */
export function send(data: string | Uint8Array<ArrayBuffer>): void {
  socket?.send(data);
}

/** Closes with a status: 1000, or 3000 to 4999, which are those that a browser lets pages send. */
export function close(status: number, reason: string): void {
  socket?.close(status, reason);
}
