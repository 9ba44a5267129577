/**
 * This browser's WebSocket against any server. Where the page's own process sees the connection, its bytes are shown;
 * else the messages that browsers give to pages, in frames that are made of them.
 *
 * @module
 */
import { beginLive, take } from "./actions.js";
import { watch } from "./feed.js";
import { writePlace } from "./place.js";
import { client, server, status } from "./samples/bytes.js";
import { change, current } from "./state.js";
import type { LiveBytes } from "./worker/protocol.js";

/** How often the page takes what came, in milliseconds. */
const TURN = 50;
const TEXT = 0x81;
const BINARY = 0x82;
const CLOSE = 0x88;

let socket: WebSocket | undefined;
let waiting: LiveBytes[] = [];
/** Whether frames are made of messages, because no process shows the bytes. */
let isOwn = false;

/** Where the page's process has its server; else nothing. */
export function defaultAddress(): string {
  return current().feed?.hello.address ?? "";
}

/**
 * Opens a connection, and shows it. The one before it is closed.
 *
 * @throws Error for an address or a subprotocol that browsers refuse
 */
export async function connect(address: string, subprotocols: string): Promise<void> {
  socket?.close();
  const url = addressOf(address);
  const before = new Set(current().feed?.connections.keys());
  const offered = subprotocols.trim() === "" ? [] : subprotocols.trim().split(/[\s,]+/);
  isOwn = url.host !== hostOf(defaultAddress());
  if (isOwn) await beginLive({ client: "this browser", server: url.href, synthetic: true }, undefined);
  // nothing is awaited from here on: a refusal comes at once, and must be heard
  const opened = open(url, offered);
  socket = opened;
  opened.binaryType = "arraybuffer";
  change({ live: "connecting", liveNote: undefined });
  opened.onmessage = ({ data }) => show("toClient", data);
  opened.onclose = (event) => closed(url, event, opened);
  opened.onopen = () => {
    change({ live: "open", ...(isOwn && { liveNote: noteOf(opened), view: "frames" }) });
    if (isOwn) writePlace();
    else void watchNew(before);
  };
}

/** @throws Error */
function addressOf(address: string): URL {
  const text = /^\w+:\/\//.test(address) ? address : `ws://${address}`;
  if (address.trim() === "" || !URL.canParse(text))
    throw new Error(`“${address}” is not an address, such as ws://localhost:8080/.`);
  const url = new URL(text.replace(/^http/, "ws"));
  if (url.protocol !== "ws:" && url.protocol !== "wss:") throw new Error("The address begins with ws:// or wss://.");
  url.hash = "";
  return url;
}

function hostOf(address: string): string {
  return URL.canParse(address) ? new URL(address).host : "";
}

/** @throws Error */
function open(url: URL, offered: readonly string[]): WebSocket {
  try {
    return new WebSocket(url, [...offered]);
  } catch (error) {
    throw new Error(`The browser refuses this connection: ${(error as Error).message}`);
  }
}

function noteOf({ protocol, extensions }: WebSocket): string {
  const agreed = [protocol && `subprotocol ${protocol}`, extensions].filter((part) => part !== "").join(", ");
  return `agreed on: ${agreed || "neither a subprotocol nor an extension"}`;
}

/** The process sees this connection: shows its bytes as soon as it is in the list. */
async function watchNew(before: ReadonlySet<number>): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const id = [...(current().feed?.connections.keys() ?? [])].findLast((one) => !before.has(one));
    if (id !== undefined) {
      await watch(id);
      change({ live: "open" });
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, TURN));
  }
  change({ error: "The connection is open, but the process that serves this page does not report it." });
}

function closed({ href, protocol }: URL, { code, reason, wasClean }: CloseEvent, one: WebSocket): void {
  if (one !== socket) return;
  const wasOpen = current().live === "open";
  change({ live: "closed", notice: `closed with ${code}` });
  if (!wasOpen) {
    const mixed =
      location.protocol === "https:" && protocol === "ws:" ? " A page of https:// may not connect to ws://." : "";
    const why = "no server there, a certificate that is not trusted, a handshake that was refused, or a blocker";
    change({ error: `The browser could not connect to ${href}. It does not say why: ${why}.${mixed}` });
  } else if (wasClean) push("toClient", CLOSE, code === 1005 ? new Uint8Array(0) : status(code, reason));
  else change({ error: "The connection was lost without a close frame (1006)." });
}

function show(direction: "toServer" | "toClient", data: string | ArrayBuffer): void {
  if (typeof data === "string") push(direction, TEXT, new TextEncoder().encode(data));
  else push(direction, BINARY, new Uint8Array(data));
}

function push(direction: "toServer" | "toClient", first: number, payload: Uint8Array): void {
  if (!isOwn) return;
  const [, bytes] = direction === "toServer" ? client(first, payload) : server(first, payload);
  if (waiting.length === 0) setTimeout(flush, TURN);
  waiting.push({ direction, bytes, time: Date.now() });
}

function flush(): void {
  const bytes = waiting;
  waiting = [];
  void take(bytes);
}

/** Sends a text, or bytes. */
export function send(data: string | Uint8Array<ArrayBuffer>): void {
  socket?.send(data);
  show("toServer", typeof data === "string" ? data : data.slice().buffer);
}

/** Closes with a status: 1000, or 3000 to 4999, which are those that a browser lets pages send. */
export function close(code: number, reason: string): void {
  if (socket?.readyState === WebSocket.OPEN) push("toServer", CLOSE, status(code, reason));
  socket?.close(code, reason);
}
