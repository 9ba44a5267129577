/**
 * Two handles of the component API with a wire between them, moved on one call at a time.
 *
 * @module
 */
import {
  Action,
  ActionQueue,
  type ActionResult,
  BufferType,
  Handle,
  WebSocketProtocolError,
} from "../../../js/component/index.js";
import { initialise } from "../../../js/engine/engine.js";
import wasm from "../../../pkg/websocket_component_bg.wasm?deflated";
import { counted, hexBytes } from "../format.js";
import { compiled } from "../wasm.js";

/** Which of the two. */
export type End = "client" | "server";

/** Both, the client first. */
export const ENDS: readonly End[] = ["client", "server"];

/** What can be sent, by the names of `WEB_SOCKET_BUFFER_TYPE`. */
export type SendType = Exclude<keyof typeof BufferType, "Utf8Fragment" | "BinaryFragment">;

/** A call that was made, and what came of it. */
export interface Step {
  readonly end: End;
  readonly call: string;
  readonly result: string;
  /** Those that the call gave out or took. */
  readonly bytes: Uint8Array | undefined;
  readonly isError: boolean;
}

/** A violation that an end has found. */
export interface Violation {
  readonly message: string;
  readonly section: string;
  /** What to close with. */
  readonly closeStatus: number | undefined;
}

/** What can be done to bytes that are on their way. */
export const BREAKS = [
  "Flip a bit",
  "Take the mask bit away",
  "Set RSV1",
  "Make the opcode 3",
  "Lose the last byte",
] as const;
/** One of {@link BREAKS}. */
export type Break = (typeof BREAKS)[number];

/** Properties of the client. */
export interface LoopOptions {
  /** `DISABLE_MASKING`: a key of zeros. */
  readonly disableMasking: boolean;
  /** Offer and select permessage-deflate. */
  readonly perMessageDeflate: boolean;
}

const ACTIONS = Object.fromEntries(Object.entries(Action).map(([name, number]) => [number, name]));
const TYPES = Object.fromEntries(Object.entries(BufferType).map(([name, number]) => [number, name]));
const NOTHING = new Uint8Array(0);
/** Steps that "run" makes at most. */
const MOST_STEPS = 400;

/** A send that waits; it is its own application context. */
interface Queued {
  readonly what: string;
}

class Peer {
  readonly handle: Handle;
  /** What is queued, in words, and not yet indicated. */
  readonly sends: Queued[] = [];
  receives = 0;
  /** Those that wait for their completion. */
  readonly actions: ActionResult[] = [];
  /** Something has happened since there was nothing to do. */
  mayAct = false;
  violation: Violation | undefined;
  /** It has received a close. */
  isClosed = false;
  /** What it was told: the messages as they came. */
  readonly told: string[] = [];
  /** What its peer has sent, and it has not read. */
  incoming: Uint8Array = NOTHING;

  constructor(handle: Handle) {
    this.handle = handle;
  }
}

/** The engine, made when it is first needed. */
let engine: Promise<void> | undefined;

/** Makes the engine, and two ends that have shaken hands. */
export async function startLoop(options: LoopOptions): Promise<LoopModel> {
  engine ??= compiled(wasm).then(initialise);
  await engine;
  return new LoopModel(options);
}

/** A conversation in memory. Every method is one call of the API, and adds a step. */
export class LoopModel {
  readonly peers: Readonly<Record<End, Peer>>;
  readonly steps: Step[] = [];
  /** All bytes that were given to the wire, in order. */
  readonly sent: { readonly end: End; readonly bytes: Uint8Array }[] = [];

  /** The server's `Sec-WebSocket-Extensions`, if it selected compression. */
  deflate: string | undefined;

  constructor({ disableMasking, perMessageDeflate }: LoopOptions) {
    this.peers = {
      client: new Peer(Handle.createClient({ disableMasking, perMessageDeflate })),
      server: new Peer(Handle.createServer({ disableMasking, perMessageDeflate })),
    };
    this.#shakeHands();
  }

  #shakeHands(): void {
    const { client, server } = this.peers;
    const lines = (fields: readonly (readonly [string, string])[]) =>
      fields.map(([name, value]) => `${name}: ${value}`).join("\n");
    const request = client.handle.beginClientHandshake();
    this.#note("client", "beginClientHandshake()", lines(request));
    const host: [string, string] = ["Host", "example.com"];
    const response = server.handle.beginServerHandshake({ headers: [host, ...request] });
    this.#note("server", "beginServerHandshake(request)", lines(response));
    this.deflate = response.find(([name]) => name === "Sec-WebSocket-Extensions")?.[1];
    client.handle.endClientHandshake(response);
    this.#note("client", "endClientHandshake(response)", "the connection is open");
    server.handle.endServerHandshake();
  }

  #note(end: End, call: string, result: string, bytes?: Uint8Array): void {
    this.steps.push({ end, call, result, bytes, isError: false });
  }

  /** Queues a message, in as many fragments as asked for, or another frame. */
  send(end: End, type: SendType, text: string, fragments = 1): void {
    const bytes = new TextEncoder().encode(text);
    if (type !== "Utf8Message" && type !== "BinaryMessage") {
      this.#queue(end, type, type === "Close" ? { status: 1000, reason: text } : bytes);
      return;
    }
    const size = Math.max(1, Math.ceil(bytes.length / fragments));
    const part = type === "Utf8Message" ? "Utf8Fragment" : "BinaryFragment";
    for (let at = 0; at === 0 || at < bytes.length; at += size) {
      this.#queue(end, at + size < bytes.length ? part : type, bytes.subarray(at, at + size));
    }
  }

  /** Queues the close that a violation asks for. */
  closeWith(end: End, status: number): void {
    this.#queue(end, "Close", { status });
  }

  #queue(end: End, type: keyof typeof BufferType, buffer: Uint8Array | { status: number; reason?: string }): void {
    const what = buffer instanceof Uint8Array ? counted(buffer.length, "byte") : `status ${buffer.status}`;
    this.#call(end, `send(${type}, ${what})`, (peer) => {
      const queued = { what: `${type}, ${what}` };
      peer.handle.send(BufferType[type], buffer, queued);
      peer.sends.push(queued);
      return ["queued"];
    });
  }

  /** Queues a receive. */
  receive(end: End): void {
    this.#call(end, "receive()", (peer) => {
      peer.handle.receive();
      peer.receives += 1;
      return ["queued"];
    });
  }

  /** Asks what to do. An end that has found a violation only sends from then on. */
  getAction(end: End): void {
    this.#call(end, "getAction()", (peer) => {
      peer.mayAct = false;
      const action = peer.handle.getAction(peer.violation === undefined ? ActionQueue.All : ActionQueue.Send);
      if (action.action === Action.NoAction) return ["NoAction: there is nothing to do now"];
      peer.actions.push(action);
      return [nameOf(action), joined(action.buffers)];
    });
  }

  /** Whether the action can be completed: a read needs bytes. */
  canComplete(end: End, { action }: ActionResult): boolean {
    return action !== Action.ReceiveFromNetwork || this.peers[end].incoming.length > 0;
  }

  /** Does what an action asks for, and reports it. */
  completeAction(end: End, action: ActionResult): void {
    this.#call(end, `completeAction(${ACTIONS[action.action]})`, (peer) => {
      peer.actions.splice(peer.actions.indexOf(action), 1);
      return this.#complete(end, peer, action);
    });
  }

  #complete(end: End, peer: Peer, action: ActionResult): Result {
    const bytes = joined(action.buffers);
    if (action.action === Action.ReceiveFromNetwork) {
      const read = peer.incoming.subarray(0, action.capacity);
      peer.incoming = peer.incoming.slice(read.length);
      peer.handle.completeReceive(action.actionContext, read);
      return [`read ${counted(read.length, "byte")} from the wire`, read];
    }
    peer.handle.completeAction(action.actionContext, bytes.length);
    if (action.action === Action.SendToNetwork) return this.#write(end, bytes);
    if (action.action === Action.IndicateSendComplete) {
      const done = peer.sends.indexOf(action.applicationContext as Queued);
      const [queued] = done < 0 ? [] : peer.sends.splice(done, 1);
      return [`done: ${queued?.what ?? "what the component sent by itself"}`];
    }
    peer.receives -= 1;
    peer.isClosed ||= action.bufferType === BufferType.Close;
    const told = toldBy(action, bytes);
    if (told !== "") peer.told.push(told);
    return [told || "a receive that brought nothing"];
  }

  #write(end: End, bytes: Uint8Array): Result {
    const other = this.peers[end === "client" ? "server" : "client"];
    other.incoming = joined([other.incoming, bytes]);
    this.sent.push({ end, bytes });
    return [`wrote ${counted(bytes.length, "byte")} to the wire`, bytes];
  }

  /** Changes the bytes that are on their way to an end. */
  break(to: End, how: Break): void {
    const peer = this.peers[to];
    const bytes = peer.incoming.slice();
    const change = (at: number, value: (byte: number) => number) => {
      if (at < bytes.length) bytes[at] = value(bytes[at] as number);
    };
    if (how === "Flip a bit") change(bytes.length - 1, (byte) => byte ^ 0x80);
    if (how === "Take the mask bit away") change(1, (byte) => byte & 0x7f);
    if (how === "Set RSV1") change(0, (byte) => byte | 0x40);
    if (how === "Make the opcode 3") change(0, (byte) => (byte & 0xf0) | 3);
    this.overwrite(to, how === "Lose the last byte" ? bytes.subarray(0, -1) : bytes, how);
  }

  /** Replaces the bytes that are on their way to an end. */
  overwrite(to: End, bytes: Uint8Array, how = "Edited"): void {
    this.peers[to].incoming = bytes;
    this.steps.push({
      end: to,
      call: "(on the wire)",
      result: `${how}: ${hexBytes(bytes.subarray(0, 16))} …`,
      bytes,
      isError: true,
    });
  }

  /** Makes the next call that a well-behaved caller would make. @returns whether there was one */
  next(): boolean {
    return this.#completeOne() || this.#askOne() || this.#receiveOne();
  }

  #completeOne(): boolean {
    for (const end of ENDS) {
      const action = this.peers[end].actions.find((one) => this.canComplete(end, one));
      if (action === undefined) continue;
      this.completeAction(end, action);
      return true;
    }
    return false;
  }

  #askOne(): boolean {
    const end = ENDS.find((one) => this.peers[one].mayAct);
    if (end !== undefined) this.getAction(end);
    return end !== undefined;
  }

  #receiveOne(): boolean {
    const end = ENDS.find((one) => {
      const { incoming, receives, violation, isClosed } = this.peers[one];
      return incoming.length > 0 && receives === 0 && violation === undefined && !isClosed;
    });
    if (end !== undefined) this.receive(end);
    return end !== undefined;
  }

  /** Goes on until nothing is left to do. */
  run(): void {
    for (let step = 0; step < MOST_STEPS && this.next(); step++);
  }

  /** Gives the memory back. */
  delete(): void {
    for (const end of ENDS) this.peers[end].handle.delete();
  }

  #call(end: End, call: string, make: (peer: Peer) => Result): void {
    this.peers[end].mayAct = true;
    try {
      const [result, bytes] = make(this.peers[end]);
      this.#note(end, call, result, bytes);
    } catch (error) {
      if (!(error instanceof WebSocketProtocolError)) throw error;
      const { message, section, closeStatus } = error;
      if (closeStatus !== undefined) this.peers[end].violation = { message, section, closeStatus };
      this.steps.push({ end, call, result: `${error.code}: ${message} (${section})`, bytes: undefined, isError: true });
    }
  }
}

/** What a call came to, and the bytes it was about. */
type Result = readonly [result: string, bytes?: Uint8Array];

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** An action by its name, and what it is about. */
export function nameOf({ action, bufferType, closeStatus }: ActionResult): string {
  const type = TYPES[bufferType];
  const status = closeStatus === undefined ? "" : ` with ${closeStatus}`;
  return `${ACTIONS[action]}${type === undefined ? "" : `: ${type}${status}`}`;
}

function toldBy({ bufferType, closeStatus }: ActionResult, bytes: Uint8Array): string {
  const name = TYPES[bufferType];
  const text = new TextDecoder().decode(bytes);
  if (name === undefined) return "";
  if (name === "Close") return `Close ${closeStatus} ${text}`.trim();
  return name.startsWith("Binary") ? `${name}: ${hexBytes(bytes)}` : `${name}: “${text}”`;
}
