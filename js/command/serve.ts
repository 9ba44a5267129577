/**
 * The command `serve`.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";

import { type CloseEvent, type WebSocket, WebSocketServer } from "../entry/node.js";
import { fail, portOf, UsageError } from "./arguments.js";
import { echo } from "./echo.js";
import { act } from "./lines.js";
import { printable } from "./printable.js";
import { Prompt, type Shown } from "./prompt.js";
import { type Watching, watcher } from "./watch.js";

/** The options of the command. */
export interface ServeValues extends Watching, Shown {
  readonly echo: boolean;
  readonly listen: boolean;
  readonly binary: boolean;
  readonly host: string;
  readonly port: string;
  readonly subprotocol: readonly string[];
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly "no-deflate": boolean;
}

/**
 * Runs a server until it is told to end: one that sends every message back, or one whose messages are lines of standard
 * output, each with its connection's number, and which sends lines of standard input to all its clients.
 */
export function serve(values: ServeValues): void {
  const { host, cert, key, subprotocol } = values;
  if (values.echo === values.listen) throw new UsageError("serve needs --echo or --listen, one of them");
  if ((cert === undefined) !== (key === undefined)) throw new UsageError("--cert and --key belong together");
  const prompt = new Prompt(values);
  const tap = watcher("server", values, (text) => prompt.print(text));
  const server = new WebSocketServer({
    host,
    port: portOf(values.port),
    tap,
    ...(cert === undefined || key === undefined ? {} : { tls: { cert: readFileSync(cert), key: readFileSync(key) } }),
    ...(subprotocol.length === 0
      ? {}
      : { chooseProtocol: (offered) => offered.find((one) => subprotocol.includes(one)) }),
    ...(values["no-deflate"] ? { perMessageDeflate: false } : {}),
  });
  server.on("connection", values.echo ? echo : listener(prompt, values));
  server.on("error", fail);
  server.on("listening", () => {
    const { address, family, port } = server.address() as AddressInfo;
    const name = family === "IPv6" ? `[${address}]` : address;
    const scheme = cert === undefined ? "ws" : "wss";
    process.stdout.write(`${values.echo ? "echo " : ""}server on ${scheme}://${name}:${port}\n`);
    if (values.listen) readLines(prompt, server, values.binary);
  });
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      prompt.close();
      void server.close();
    });
  }
}

function listener(prompt: Prompt, { frames }: ServeValues): (socket: WebSocket) => void {
  let connections = 0;
  return (socket) => {
    connections += 1;
    const name = `[${connections}] `;
    prompt.say(`${name}connected`);
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", ({ data }: MessageEvent) => {
      if (!frames) prompt.message(typeof data === "string" ? data : new Uint8Array(data as ArrayBuffer), name);
    });
    socket.addEventListener("close", ({ code, reason }: CloseEvent) => {
      prompt.say(`${name}closed with ${code}${reason === "" ? "" : ` ${printable(reason)}`}`);
    });
  };
}

/** The end of the input leaves the server as it is. */
function readLines(prompt: Prompt, server: WebSocketServer, binary: boolean): void {
  const say = (text: string) => prompt.say(text);
  prompt.read(
    (line) => {
      if (server.clients.size === 0) say("no client is connected");
      for (const socket of server.clients) {
        try {
          act(socket, line, binary, say);
        } catch (error) {
          say(printable((error as Error).message));
        }
        if (line === "/help") break;
      }
      return undefined;
    },
    () => {},
  );
}
