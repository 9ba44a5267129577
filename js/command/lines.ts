/**
 * Carries out a line of the input on a socket.
 *
 * @module
 */
import type { WebSocket } from "../entry/node.js";

export const HELP = `  text               sends a text message; with --binary, its bytes
  //text             sends a text message that begins with a slash
  /binary HEX        sends a binary message
  /ping [TEXT]       sends a ping
  /pong [TEXT]       sends a pong
  /close [STATUS [REASON]]
  /help`;

/** @throws Error in words for the user, for what cannot be done */
export function act(socket: WebSocket, line: string, binary: boolean, say: (text: string) => void): void {
  const [, command, argument = ""] = /^\/([a-z]+)(?: (.*))?$/.exec(line) ?? [];
  if (command === "help") say(HELP);
  else if (command === "ping") socket.ping(argument);
  else if (command === "pong") socket.pong(argument);
  else if (command === "binary") socket.send(bytesOfHex(argument));
  else if (command === "close") close(socket, argument);
  else if (command !== undefined) say(`/${command} is not a command; /help lists them`);
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
  if (digits.length % 2 !== 0 || /[^0-9a-f]/i.test(digits))
    throw new Error("/binary takes pairs of hexadecimal digits");
  return Uint8Array.from(Buffer.from(digits, "hex"));
}
