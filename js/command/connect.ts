/**
 * The command `connect`: lines of standard input are messages, messages are lines of standard output.
 *
 * @module
 */
import { readFileSync } from "node:fs";

import {
  type CloseEvent,
  type ControlEvent,
  type ErrorEvent,
  WebSocket,
  type WebSocketOptions,
} from "../entry/node.js";
import type { Tap } from "../transport/tap.js";
import { fail, UsageError } from "./arguments.js";
import { act } from "./lines.js";
import { printable, printableLines } from "./printable.js";
import { Prompt, type Shown, shownText } from "./prompt.js";
import { targetOf, through } from "./target.js";
import { type Watching, watcher } from "./watch.js";

/** The options of the command. */
export interface ConnectValues extends Watching, Shown {
  readonly binary: boolean;
  readonly header: readonly string[];
  readonly subprotocol: readonly string[];
  readonly origin: string | undefined;
  readonly auth: string | undefined;
  readonly insecure: boolean;
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly passphrase: string | undefined;
  readonly proxy: string | undefined;
  readonly location: boolean;
  readonly "no-deflate": boolean;
  readonly execute: readonly string[];
  readonly file: readonly string[];
  readonly one: boolean;
  readonly "receive-only": boolean;
  readonly wait: string | undefined;
  readonly verbose: boolean;
}

/** Redirects that are followed. */
const MOST_REDIRECTS = 10;
/** Bytes of lines that may wait for the server before the input waits. */
const MOST_WAITING = 64 * 1024;
/** Seconds without a message after which nothing more is expected, once the server has answered the last ping. */
const QUIET = 1;
/** Seconds for a server to answer it, or to send something before that. */
const PATIENCE = 10;

/**
 * Talks to a server until either side closes. The end of standard input closes; the status is 1 if the connection could
 * not be made, or was lost.
 */
export function connect(text: string, values: ConnectValues): void {
  new Client(text, values);
}

class Client {
  readonly #values: ConnectValues;
  readonly #prompt: Prompt;
  readonly #handshake = new Handshake();
  readonly #socket: WebSocket;
  readonly #wait: number | undefined;
  /** Seconds without a message after which nothing more is expected. */
  #patience = PATIENCE;
  #timer: NodeJS.Timeout | undefined;

  constructor(text: string, values: ConnectValues) {
    this.#values = values;
    this.#wait = values.wait === undefined ? undefined : secondsOf(values.wait);
    this.#prompt = new Prompt(values);
    const watch = watcher("client", values, (shown) => this.#prompt.print(shown))();
    const messages = values.file.map((file) => messageOf(file, values.binary));
    this.#socket = open(text, values, (traffic) => {
      this.#handshake.take(traffic);
      watch?.(traffic);
    });
    this.#socket.binaryType = "arraybuffer";
    this.#socket.addEventListener("open", () => this.#opened(messages));
    this.#socket.addEventListener("message", ({ data }: MessageEvent) => this.#received(data));
    this.#socket.addEventListener("ping", ({ data }: ControlEvent) => this.#prompt.say(`ping ${shownText(data)}`));
    this.#socket.addEventListener("pong", ({ data, roundTripTime }: ControlEvent) => this.#ponged(data, roundTripTime));
    this.#socket.addEventListener("error", ({ error }: ErrorEvent) => this.#failed(error as Error));
    this.#socket.addEventListener("close", (event: CloseEvent) => this.#closed(event));
    process.once("SIGINT", () => this.#socket.close(1000));
  }

  #opened(messages: readonly (string | Uint8Array)[]): void {
    const { binary, execute, verbose } = this.#values;
    const agreed = [this.#socket.protocol, this.#socket.extensions].filter((text) => text !== "").join("; ");
    this.#prompt.say(`connected${agreed === "" ? "" : ` (${printable(agreed)})`}; /help lists what can be done`);
    if (verbose) this.#prompt.say(this.#handshake.text);
    for (const message of messages) this.#socket.send(message);
    for (const text of execute) this.#socket.send(binary ? new TextEncoder().encode(text) : text);
    // what is to be sent is known then
    const isDone = messages.length + execute.length > 0 && (this.#values.wait !== undefined || this.#values.one);
    if (this.#values["receive-only"]) return;
    if (isDone) this.#inputEnded();
    else
      this.#prompt.read(
        (line) => this.#act(line),
        () => void this.#room().then(() => this.#inputEnded()),
      );
  }

  #act(line: string): Promise<void> | undefined {
    try {
      act(this.#socket, line, this.#values.binary, (text) => this.#prompt.say(text));
    } catch (error) {
      this.#prompt.say(printable((error as Error).message));
    }
    return this.#socket.bufferedAmount > MOST_WAITING ? this.#room() : undefined;
  }

  /** Resolves when the network takes more, or never will. */
  #room(): Promise<void> {
    return this.#socket.ready.catch(() => {});
  }

  #received(data: unknown): void {
    if (!this.#values.frames)
      this.#prompt.message(typeof data === "string" ? data : new Uint8Array(data as ArrayBuffer));
    if (this.#values.one) this.#socket.close(1000);
    // more may follow it
    if (this.#timer !== undefined) this.#closeIn(this.#wait ?? this.#patience);
  }

  /** A peer's pong comes behind all that it has to say at once to what came before the ping; the rest gets its time. */
  #inputEnded(): void {
    if (this.#socket.readyState !== WebSocket.OPEN || this.#values.one) return;
    if (this.#wait !== undefined) {
      if (this.#wait >= 0) this.#closeIn(this.#wait);
      return;
    }
    this.#socket.addEventListener("pong", ({ data }: ControlEvent) => {
      if (new TextDecoder().decode(data) !== END) return;
      this.#patience = QUIET;
      this.#closeIn(QUIET);
    });
    this.#socket.ping(END);
    this.#closeIn(PATIENCE);
  }

  #closeIn(seconds: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#socket.close(1000), seconds * 1000);
  }

  #ponged(data: Uint8Array, roundTripTime: number | undefined): void {
    const time = roundTripTime === undefined ? "" : ` after ${roundTripTime.toFixed(1)} ms`;
    this.#prompt.say(`pong ${shownText(data)}${time}`);
  }

  #failed(error: Error): void {
    fail(error);
    if (this.#handshake.isRefusal) this.#prompt.say(this.#handshake.text);
  }

  #closed({ code, reason, wasClean }: CloseEvent): void {
    clearTimeout(this.#timer);
    this.#prompt.say(`closed with ${code}${reason === "" ? "" : ` ${printable(reason)}`}`);
    if (!wasClean) process.exitCode = 1;
    this.#prompt.close();
  }
}

/** The payload of the last ping. */
const END = "end of input";
/** Bytes of an answer that are kept. */
const LONGEST_ANSWER = 64 * 1024;

/** The server's answer to the request: its head, and the body of a refusal. */
class Handshake {
  #answer = Buffer.alloc(0);

  take({ direction, bytes }: { direction: string; bytes: Uint8Array }): void {
    const isWanted = this.#answer.length < LONGEST_ANSWER && (this.#isOpen || this.isRefusal);
    if (direction === "received" && isWanted) this.#answer = Buffer.concat([this.#answer, bytes]);
    // another request, behind a redirect
    if (direction === "sent" && !this.#isOpen && this.isRefusal) this.#answer = Buffer.alloc(0);
  }

  get #isOpen(): boolean {
    return !this.#answer.includes("\r\n\r\n");
  }

  get isRefusal(): boolean {
    return /^HTTP\/1\.[01] (?!101)\d{3}/.test(this.#answer.toString("latin1", 0, 12));
  }

  /** Ready to be shown. */
  get text(): string {
    const end = this.#answer.indexOf("\r\n\r\n");
    const head = this.#answer.toString("latin1", 0, end < 0 ? undefined : end);
    const body = this.isRefusal && end >= 0 ? `\n\n${this.#answer.toString("utf8", end + 4)}` : "";
    return printableLines(`${head}${body}`.trimEnd());
  }
}

function secondsOf(text: string): number {
  const seconds = Number(text);
  if (text.trim() !== "" && Number.isFinite(seconds) && seconds <= 2_000_000) return seconds;
  throw new UsageError(`--wait must be a number of seconds, or -1 for no end, not ${text}`);
}

/** Text if it is UTF-8, else bytes. */
function messageOf(file: string, binary: boolean): string | Uint8Array {
  const bytes = readFileSync(file === "-" ? 0 : file);
  if (binary) return bytes;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return bytes;
  }
}

function open(text: string, values: ConnectValues, tap: Tap): WebSocket {
  const { url, socketPath } = targetOf(text);
  const { insecure, ca, cert, key, passphrase, proxy, origin, auth } = values;
  const headers = values.header.map(headerOf);
  if (origin !== undefined) headers.push(["Origin", origin]);
  if (auth !== undefined) headers.push(["Authorization", `Basic ${Buffer.from(auth).toString("base64")}`]);
  const tls = {
    ...(insecure ? { rejectUnauthorized: false } : {}),
    ...(ca === undefined ? {} : { ca: readFileSync(ca) }),
    ...(cert === undefined ? {} : { cert: readFileSync(cert) }),
    ...(key === undefined ? {} : { key: readFileSync(key) }),
    ...(passphrase === undefined ? {} : { passphrase }),
  };
  const options: WebSocketOptions = {
    headers,
    tap,
    tls,
    ...(socketPath === undefined ? {} : { socketPath }),
    ...(proxy === undefined ? {} : { createConnection: through(proxy) }),
    ...(values.location ? { maxRedirects: MOST_REDIRECTS } : {}),
    ...(values["no-deflate"] ? { perMessageDeflate: false } : {}),
  };
  try {
    return new WebSocket(url, values.subprotocol, options);
  } catch (error) {
    throw error instanceof DOMException ? new UsageError(error.message) : error;
  }
}

function headerOf(text: string): [string, string] {
  const [, name, value] = /^([^:\s]+):\s*(.*)$/.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new UsageError(`${text} is not a header; write Name: value`);
  return [name, value];
}
