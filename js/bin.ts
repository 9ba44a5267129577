#!/usr/bin/env node
/**
 * The command line.
 *
 * @module
 */
import { parseArgs } from "node:util";

import { endWithReader, fail, portOf, UsageError, version } from "./command/arguments.js";
import { printable } from "./command/printable.js";

const USAGE = `Usage: websocket-component serve --echo [--host H] [--port N] [--frames] [--record FILE]
       websocket-component connect URL [-H 'Name: value']… [--subprotocol P]… [--binary] [--frames] [--record FILE]
       websocket-component inspect FILE|- [--json] [--payload] [--connection N] [--format F] [--direction D]

  serve --echo         runs a server that sends every message back
    --host H           the address to listen on; 127.0.0.1
    --port N           the port to listen on, 0 for any that is free; 8080

  connect URL          sends lines of standard input as messages, and prints those that come; /help lists more. At the
                       end of the input it waits for a pong, and with it for replies, and closes
    -H, --header H     adds a header to the request, such as 'Origin: https://example.com'
    --subprotocol P    offers a subprotocol
    --binary           sends lines as binary messages

  with both
    --frames           prints what goes over the wire, handshake and frames of both sides
    --record FILE      writes what goes over the wire to a file that inspect reads

  inspect FILE         prints what is in a capture: pcap, pcapng, HAR, --record's, hexadecimal dump, hex, Base64 or the
                       bytes of one direction; - is standard input
    --json             a line of JSON for each thing on the wire
    --payload          whole payloads; in JSON as Base64
    --connection N     the Nth connection alone
    --format F         pcap, pcapng, har, recorded, dump, hex, base64 or raw, in place of what the content says
    --direction D      toServer or toClient, for hex, base64 and raw
    --extensions E     the response's Sec-WebSocket-Extensions, where the capture has no handshake

  --help               shows this
  --version            shows the version

Exit status: 0 done, 1 failed, 2 wrong usage, 3 inspect found what breaks the protocol.
`;

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      echo: { type: "boolean", default: false },
      host: { type: "string", default: "127.0.0.1" },
      port: { type: "string", default: "8080" },
      header: { type: "string", short: "H", multiple: true, default: [] },
      subprotocol: { type: "string", multiple: true, default: [] },
      binary: { type: "boolean", default: false },
      frames: { type: "boolean", default: false },
      record: { type: "string" },
      json: { type: "boolean", default: false },
      payload: { type: "boolean", default: false },
      connection: { type: "string" },
      format: { type: "string" },
      direction: { type: "string" },
      extensions: { type: "string" },
      help: { type: "boolean", short: "h" },
      version: { type: "boolean" },
    },
  });
  if (values.help) return void process.stdout.write(USAGE);
  if (values.version) return void process.stdout.write(`${version()}\n`);
  const [command, argument, ...more] = positionals;
  const { frames, record } = values;
  if (command === "serve" && argument === undefined) {
    if (!values.echo) throw new UsageError("serve needs --echo");
    const port = portOf(values.port);
    (await import("./command/serve.js")).serveEcho(values.host, port, { frames, record });
  } else if (command === "connect") {
    (await import("./command/connect.js")).connect(only("a URL", argument, more), { ...values, record });
  } else if (command === "inspect") {
    const { json, payload, connection, format, direction, extensions } = values;
    const chosen = { json, payload, connection, format, direction, extensions };
    await (await import("./command/inspect.js")).inspect(only("a file", argument, more), chosen);
  } else {
    throw new UsageError("the commands are serve, connect and inspect");
  }
}

function only(what: string, argument: string | undefined, more: readonly string[]): string {
  if (argument === undefined || more.length > 0) throw new UsageError(`the command needs ${what}`);
  return argument;
}

endWithReader();
try {
  await main();
} catch (error) {
  const isUsage = error instanceof UsageError || (error as { code?: string }).code?.startsWith("ERR_PARSE_ARGS");
  if (isUsage) {
    process.stderr.write(`websocket-component: ${printable((error as Error).message)}\n\n${USAGE}`);
    process.exitCode = 2;
  } else {
    fail(error);
  }
}
