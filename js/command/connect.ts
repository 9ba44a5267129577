/**
 * The command `connect`: lines of standard input are messages, messages are lines of standard output.
 *
 * @module
 */
import { createInterface } from "node:readline";

import { type CloseEvent, type ControlEvent, type ErrorEvent, WebSocket } from "../entry/node.js";
import { fail, painter, UsageError } from "./arguments.js";
import { type Watching, watcher } from "./frames.js";
import { printable } from "./printable.js";

/** The options of the command. */
export interface ConnectValues extends Watching {
  readonly binary: boolean;
  readonly header: readonly string[];
  readonly subprotocol: readonly string[];
}

/**
 * Talks to a server until either side closes. The end of standard input closes; the status is 1 if the connection could
 * not be made, or was lost.
 */
export function connect(url: string, values: ConnectValues): void {
  const paint = painter();
  const say = (text: string) => void process.stderr.write(`${paint("dim", text)}\n`);
  const tap = watcher("client", values, (text) => process.stdout.write(text))();
  const socket = open(url, values, tap);
  socket.binaryType = "arraybuffer";
  socket.addEventListener("open", () => {
    const agreed = [socket.protocol, socket.extensions].filter((text) => text !== "").join("; ");
    say(`connected${agreed === "" ? "" : ` (${printable(agreed)})`}; /help lists what can be done`);
    readLines(socket, values.binary, say);
  });
  if (!values.frames) socket.addEventListener("message", ({ data }) => process.stdout.write(`${lineOf(data)}\n`));
  socket.addEventListener("ping", ({ data }: ControlEvent) => say(`ping ${textOf(data)}`));
  socket.addEventListener("pong", ({ data, roundTripTime }: ControlEvent) => {
    say(`pong ${textOf(data)}${roundTripTime === undefined ? "" : ` after ${roundTripTime.toFixed(1)} ms`}`);
  });
  socket.addEventListener("error", ({ error }: ErrorEvent) => fail(error));
  socket.addEventListener("close", ({ code, reason, wasClean }: CloseEvent) => {
    say(`closed with ${code}${reason === "" ? "" : ` ${printable(reason)}`}`);
    if (!wasClean) process.exitCode = 1;
    process.stdin.destroy();
  });
  process.once("SIGINT", () => socket.close(1000));
}

function open(
  url: string,
  { header, subprotocol }: ConnectValues,
  tap: ReturnType<ReturnType<typeof watcher>>,
): WebSocket {
  try {
    const headers = header.map(headerOf);
    return new WebSocket(url, subprotocol, { headers, ...(tap === undefined ? {} : { tap }) });
  } catch (error) {
    throw error instanceof DOMException ? new UsageError(error.message) : error;
  }
}

function headerOf(text: string): readonly [string, string] {
  const [, name, value] = /^([^:\s]+):\s*(.*)$/.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new UsageError(`${text} is no header: Name: value`);
  return [name, value];
}

const HELP = `  text               sends a text message; with --binary, its bytes
  //text             sends a text message that begins with a slash
  /binary HEX        sends a binary message
  /ping [TEXT]       sends a ping
  /close [STATUS [REASON]]
  /help`;

function readLines(socket: WebSocket, binary: boolean, say: (text: string) => void): void {
  const lines = createInterface({ input: process.stdin, terminal: false });
  lines.on("line", (line) => {
    try {
      act(socket, line, binary, say);
    } catch (error) {
      say((error as Error).message);
    }
  });
  lines.on("close", () => closeAfterReplies(socket));
}

/** The payload of the last ping. */
const END = "end of input";

/**
 * A peer's pong comes behind all that it has to say to what came before the ping; what comes after our close is lost.
 */
function closeAfterReplies(socket: WebSocket): void {
  if (socket.readyState !== WebSocket.OPEN) return;
  socket.addEventListener("pong", ({ data }: ControlEvent) => {
    if (textOf(data) === END) socket.close(1000);
  });
  socket.ping(END);
}

function act(socket: WebSocket, line: string, binary: boolean, say: (text: string) => void): void {
  const [, command, argument = ""] = /^\/([a-z]+)(?: (.*))?$/.exec(line) ?? [];
  if (command === "help") say(HELP);
  else if (command === "ping") socket.ping(argument);
  else if (command === "binary") socket.send(bytesOfHex(argument));
  else if (command === "close") close(socket, argument);
  else if (command !== undefined) say(`/${command} is no command; /help lists them`);
  else send(socket, line.startsWith("//") ? line.slice(1) : line, binary);
}

function send(socket: WebSocket, text: string, binary: boolean): void {
  socket.send(binary ? new TextEncoder().encode(text) : text);
}

function close(socket: WebSocket, argument: string): void {
  const [status = "", ...reason] = argument.split(" ");
  if (status === "") socket.close();
  else socket.close(Number(status), reason.join(" "));
}

function bytesOfHex(text: string): Uint8Array {
  const digits = text.replace(/\s/g, "");
  if (!/^([0-9a-f]{2})*$/i.test(digits)) throw new Error("/binary takes pairs of hexadecimal digits");
  return Uint8Array.from(Buffer.from(digits, "hex"));
}

function lineOf(data: unknown): string {
  return typeof data === "string" ? shown(data) : Buffer.from(data as ArrayBuffer).toString("hex");
}

/** To a terminal without what moves its cursor, to a pipe as it is. */
function shown(text: string): string {
  return process.stdout.isTTY ? printable(text) : text;
}

function textOf(bytes: Uint8Array): string {
  return printable(new TextDecoder().decode(bytes));
}
