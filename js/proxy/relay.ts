/**
 * One connection through the proxy: the client's and the target's transports, and what goes between them.
 *
 * @module
 */
import { copyOf } from "../engine/bytes.js";
import type { Direction } from "../inspect/records.js";
import type { Transport, TransportListener } from "../transport/transport.js";
import { Lane, type LaneOwner } from "./lane.js";
import type { ConnectionLog, Control, HeldUnit, Release } from "./log.js";
import { ConnectionRules, type Rule } from "./rules.js";

/** Bytes of a response's head, at most. */
const MAX_HEAD = 256 * 1024;
/** Answers of 1xx before the one that counts, at most; as many as our own client takes. */
const MAX_INFORMATION = 16;
/** What an answer begins with. */
const HTTP = Buffer.from("HTTP/");
const NOTHING = new Uint8Array(0);
const DIRECTIONS: readonly Direction[] = ["toServer", "toClient"];

/** What a connection through the proxy is made of. */
export interface RelayOptions {
  readonly client: Transport;
  readonly log: ConnectionLog;
  readonly rules: readonly Rule[];
  /** Path and query that the client asked for. */
  readonly path: string;
  /** Gets all bytes that are passed on. */
  readonly record: ((direction: Direction, bytes: Uint8Array) => void) | undefined;
}

/** Passes a connection's bytes on. */
export class Relay implements Control {
  readonly #client: Transport;
  readonly #log: ConnectionLog;
  readonly #rules: ConnectionRules;
  readonly #path: string;
  readonly #record: RelayOptions["record"];
  #server: Transport | undefined;
  #lanes: Readonly<Record<Direction, Lane>> | undefined;
  #head: Uint8Array = NOTHING;
  #informed = 0;
  #isRaw = false;
  #isOver = false;
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #ended = new Set<Direction>();
  /** Sides that get nothing more, and when they have taken all. */
  readonly #taken = new Map<Transport, Promise<void>>();

  constructor({ client, log, rules, path, record }: RelayOptions) {
    this.#client = client;
    this.#log = log;
    this.#rules = new ConnectionRules(rules);
    this.#path = path;
    this.#record = record;
    client.start(this.#listener("toServer"));
  }

  /** Sends the request's head to the target; what the client has sent behind it follows once the target agrees. */
  connected(server: Transport, head: Uint8Array): void {
    if (this.#isOver) {
      server.destroy();
      return;
    }
    this.#server = server;
    server.start(this.#listener("toClient"));
    this.#addHead("toServer", head);
    server.write([head]);
    server.resume();
  }

  /** Whether the client has left. */
  get isOver(): boolean {
    return this.#isOver;
  }

  #listener(direction: Direction): TransportListener {
    return {
      onData: (chunk, isOwned) => this.#receive(direction, isOwned === true ? chunk : copyOf(chunk)),
      // the receiver of the other direction's bytes is this one's sender
      onDrain: () => this.#drained(opposite(direction)),
      onEnd: () => this.#end(direction),
      onClose: (error) => this.#closed(direction, error),
    };
  }

  #receive(direction: Direction, chunk: Uint8Array): void {
    if (this.#isOver) return;
    if (this.#lanes !== undefined) this.#lanes[direction].receive(chunk);
    else if (direction === "toClient" && !this.#isRaw) this.#readHead(chunk);
    else {
      this.#write(direction, [chunk]);
      if (this.#receiverOf(direction)?.isFull) this.#senderOf(direction)?.pause();
    }
  }

  #drained(direction: Direction): void {
    if (this.#lanes !== undefined) this.#lanes[direction].drained();
    else this.#senderOf(direction)?.resume();
  }

  #receiverOf(direction: Direction): Transport | undefined {
    return direction === "toServer" ? this.#server : this.#client;
  }

  #senderOf(direction: Direction): Transport | undefined {
    return this.#receiverOf(opposite(direction));
  }

  /** Passes the response's head on as it is; one that refuses is followed by the end of the connection. */
  #readHead(chunk: Uint8Array): void {
    let rest = this.#head.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#head, chunk]);
    this.#head = NOTHING;
    while (!this.#isOver && rest.length > 0) {
      const end = rest.indexOf("\r\n\r\n");
      const isHttp = rest.subarray(0, HTTP.length).equals(HTTP.subarray(0, rest.length));
      if (isHttp && end < 0 && rest.length < MAX_HEAD) {
        this.#head = rest;
        return;
      }
      const head = isHttp && end >= 0 ? rest.subarray(0, end + 4) : rest;
      rest = rest.subarray(head.length);
      if (!this.#passHead(head)) continue;
      this.#client.resume();
      if (rest.length > 0) this.#receive("toClient", rest);
      return;
    }
  }

  /** Returns whether it is the answer, and not information before it. */
  #passHead(head: Buffer): boolean {
    const text = head.toString("latin1");
    const status = text.endsWith("\r\n\r\n") ? Number(/^HTTP\/1\.\d (\d{3})/.exec(text)?.[1] ?? 0) : 0;
    const isInformation = status >= 100 && status < 200 && status !== 101;
    if (isInformation && ++this.#informed > MAX_INFORMATION) {
      this.failed(`it gave no answer after ${MAX_INFORMATION} responses of 1xx`);
      return false;
    }
    const isRefusal = status >= 200;
    const passed = isRefusal ? Buffer.from(withoutKeepAlive(text), "latin1") : head;
    this.#addHead("toClient", passed);
    this.#client.write([passed]);
    if (isInformation) return false;
    if (status === 101) this.#open(text);
    else {
      this.#isRaw = true;
      this.#log.become("refused", status === 0 ? "The target does not answer with HTTP" : `${status}`);
    }
    return true;
  }

  #open(responseHead: string): void {
    const extensions = responseHead.match(/^sec-websocket-extensions:.*/gim)?.join(",") ?? "";
    const isCompressed = /permessage-deflate/i.test(extensions);
    const lane = (direction: Direction) => {
      const alone = direction === "toServer" ? /client_no_context_takeover/i : /server_no_context_takeover/i;
      const settings = { direction, isCompressed, hasTakeover: isCompressed && !alone.test(extensions) };
      return new Lane(this.#ownerOf(direction), settings);
    };
    this.#lanes = { toServer: lane("toServer"), toClient: lane("toClient") };
    this.#log.control = this;
    this.#log.become("open");
    for (const { action, at } of this.#rules.timed()) {
      if (action.type === "close") this.#timers.push(setTimeout(() => this.close(action.status, "by a rule"), at));
    }
  }

  #ownerOf(direction: Direction): LaneOwner {
    return {
      write: (parts) => this.#write(direction, parts),
      isFull: () => this.#receiverOf(direction)?.isFull ?? false,
      pauseSender: (isPaused) => {
        const sender = this.#senderOf(direction);
        if (isPaused) sender?.pause();
        else sender?.resume();
      },
      hasRules: () => this.#rules.areActive,
      actionsFor: (subject) => this.#rules.actionsFor({ ...subject, direction, path: this.#path }),
      intervened: (action, about) => this.#log.intervened(direction, action, about),
      heldChanged: () => this.#log.heldChanged(),
      close: (status, reason) => this.close(status, reason),
    };
  }

  #write(direction: Direction, parts: readonly Uint8Array[]): void {
    for (const bytes of parts) {
      this.#log.add(direction, bytes);
      this.#record?.(direction, bytes);
    }
    this.#receiverOf(direction)?.write(parts);
  }

  #addHead(direction: Direction, head: Uint8Array): void {
    this.#log.addHead(direction, head);
    this.#record?.(direction, head);
  }

  /** A side sends nothing more: neither does the other one, once it has what waits. */
  #end(direction: Direction): void {
    if (this.#isOver) return;
    const end = () => {
      this.#ended.add(direction);
      const receiver = this.#receiverOf(direction);
      if (receiver !== undefined) void this.#endOf(receiver);
      if (this.#lanes === undefined && direction === "toServer" && this.#server === undefined)
        this.#finish("the client left");
    };
    if (direction === "toClient" && this.#lanes === undefined && !this.#isRaw) this.failed(this.#unanswered);
    else if (this.#lanes === undefined) end();
    else this.#lanes[direction].whenEmpty(end);
  }

  #closed(direction: Direction, error: Error | undefined): void {
    if (this.#isOver) return;
    // the side that ended first closed the connection, whichever socket is gone first
    const [first = direction] = error === undefined ? this.#ended : [];
    const who = first === "toServer" ? "the client" : "the target";
    if (error === undefined && !this.#ended.has(direction) && this.#lanes !== undefined) {
      // it has sent all that it had, and what waits still goes on
      this.#lanes[direction].whenEmpty(() => this.#finish(`${who} closed the connection`));
      return;
    }
    if (direction === "toClient" && this.#lanes === undefined && !this.#isRaw)
      this.failed(error?.message ?? this.#unanswered);
    else this.#finish(error === undefined ? `${who} closed the connection` : `${who}: ${error.message}`);
  }

  get #unanswered(): string {
    return `it closed the connection ${this.#head.length > 0 ? "within the head of its" : "without an"} answer`;
  }

  /** A side gets nothing more. Resolves when it has taken all that was written to it. */
  #endOf(side: Transport): Promise<void> {
    const taken =
      this.#taken.get(side) ??
      new Promise<void>((resolve) => {
        if (side.write([NOTHING], { onTaken: resolve })) resolve();
        side.end();
      });
    this.#taken.set(side, taken);
    return taken;
  }

  /** The target cannot be reached, or does not answer: the client is told by 502. */
  failed(why: string): void {
    if (this.#isOver) return;
    const body = Buffer.from(`The proxy's target: ${why}\n`);
    const head = `HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${body.length}\r\n\r\n`;
    const client = this.#client;
    const isTaken = client.write([Buffer.concat([Buffer.from(head), body])], { onTaken: () => client.destroy() });
    client.end();
    if (isTaken) client.destroy();
    this.#log.become("failed", why);
    this.#leave();
    this.#server?.destroy();
  }

  #finish(reason: string): void {
    this.#log.become("closed", reason);
    this.#leave();
    for (const side of [this.#client, this.#server]) {
      // one that has all, and does not answer the end, is not waited for
      if (side !== undefined) void this.#endOf(side).then(() => setTimeout(() => side.destroy(), 1000).unref());
    }
  }

  #leave(): void {
    this.#isOver = true;
    for (const timer of this.#timers) clearTimeout(timer);
    for (const direction of DIRECTIONS) this.#lanes?.[direction].stop();
    this.#log.control = undefined;
  }

  isHolding(direction: Direction): boolean {
    return this.#lanes?.[direction].isHolding ?? false;
  }

  hold(direction: Direction, isOn: boolean): void {
    this.#lanes?.[direction].hold(isOn);
  }

  held(): readonly HeldUnit[] {
    return DIRECTIONS.flatMap((direction) => this.#lanes?.[direction].held() ?? []);
  }

  get heldCount(): number {
    return DIRECTIONS.reduce((count, direction) => count + (this.#lanes?.[direction].heldCount ?? 0), 0);
  }

  release(direction: Direction, number: number, how: Release = {}): boolean {
    return this.#lanes?.[direction].release(number, how) ?? false;
  }

  drop(direction: Direction, number: number): boolean {
    return this.#lanes?.[direction].drop(number) ?? false;
  }

  inject(direction: Direction, first: number, payload: Uint8Array): void {
    this.#lanes?.[direction].inject(first, payload);
  }

  close(status: number | undefined, reason: string): void {
    if (this.#isOver) return;
    const how = status === undefined ? "cut" : `closed with ${status}`;
    this.#log.intervened(undefined, "closed", `${how}, ${reason}`);
    if (status !== undefined) {
      for (const direction of DIRECTIONS) {
        const frame = this.#lanes?.[direction].closeFrame(status, "");
        if (frame !== undefined) this.#write(direction, [frame]);
      }
    }
    this.#finish(`the proxy ${how}`);
    if (status !== undefined) return;
    this.#client.destroy();
    this.#server?.destroy();
  }
}

function opposite(direction: Direction): Direction {
  return direction === "toServer" ? "toClient" : "toServer";
}

/** A refusal is the last response: what follows on this connection would not be read as HTTP. */
function withoutKeepAlive(head: string): string {
  return head
    .replace(/^(?:connection|keep-alive|proxy-connection):.*\r\n(?:[ \t].*\r\n)*/gim, "")
    .replace(/\r\n/, "\r\nConnection: close\r\n");
}
