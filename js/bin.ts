#!/usr/bin/env node
/**
 * The command line.
 *
 * @module
 */
import { type ParseArgsConfig, parseArgs } from "node:util";

import { endWithReader, fail, UsageError, version } from "./command/arguments.js";
import { KINDS } from "./command/filter.js";
import { printable } from "./command/printable.js";

type Options = NonNullable<ParseArgsConfig["options"]>;

/** One of the commands. */
interface Command {
  readonly usage: string;
  readonly options: Options;
  /** @param argument the argument that is not an option */
  run(values: never, argument: string): unknown;
  /** The meaning of the argument; without it, the command takes none. */
  readonly argument?: string;
}

const flag = { type: "boolean" as const, default: false };
const text = { type: "string" as const };
const list = { type: "string" as const, multiple: true, default: [] as string[] };

const WATCHING: Options = { frames: flag, record: text, json: flag, timestamps: flag };
const WATCHING_USAGE = `    --frames              prints what goes over the wire, handshake and frames of both sides
    --record FILE         writes what goes over the wire to a file that inspect reads
    --json                shows messages that are JSON over several lines
    --timestamps          says when each message came, with the time zone`;

const COMMANDS: Readonly<Record<string, Command>> = {
  serve: {
    usage: `Usage: websocket-component serve --echo|--listen [OPTION]…

  Runs a WebSocket server until it is told to end.

    --echo                sends every message back
    --listen              prints messages, and sends lines of standard input to all who are connected; /help lists more
    --host H              the address to listen on; 127.0.0.1
    --port N              the port to listen on, 0 for any that is free; 8080
    --cert, --key FILE    a certificate and its key, in PEM: the server is for wss: then
    -s, --subprotocol P   selects this subprotocol where it is offered
    --binary              sends lines as binary messages
    --no-deflate          agrees on no compression
${WATCHING_USAGE}
`,
    options: {
      ...WATCHING,
      echo: flag,
      listen: flag,
      host: { type: "string", default: "127.0.0.1" },
      port: { type: "string", default: "8080" },
      cert: text,
      key: text,
      subprotocol: { ...list, short: "s" },
      binary: flag,
      "no-deflate": flag,
    },
    run: async (values) => (await import("./command/serve.js")).serve(values),
  },
  connect: {
    argument: "a URL",
    usage: `Usage: websocket-component connect URL [OPTION]…

  Sends lines of standard input as messages, and prints those that come; /help lists more. At the end of the input it waits
  for what the server still has to say, and closes. URL may be without its scheme (localhost:8080), or of a unix socket
  (ws+unix:/path/to/socket:/chat).

    -H, --header H        adds a header to the request, such as 'Accept-Language: en'
    -o, --origin O        adds an Origin header
    --auth USER:PASSWORD  adds basic authentication
    -s, --subprotocol P   offers a subprotocol
    -x, --execute TEXT    sends a message; may be given again
    --file FILE           sends a file as one message, - for standard input; binary, unless it is UTF-8
    -w, --wait SECONDS    closes after SECONDS without a message, counted from the last one sent; -1: never. Together with
                          --execute or --file, standard input is not read
    --one                 closes after the first message that comes
    --receive-only        reads no standard input
    --binary              sends lines, --execute and --file as binary messages
    --no-deflate          offers no compression
    -L, --location        follows redirects
    -k, --insecure        takes any certificate
    --ca FILE             trusts this certificate
    --cert, --key FILE    the client's certificate and its key, in PEM; --passphrase P of the key
    --proxy URL           connects through an HTTP proxy
    -v, --verbose         prints the response's headers; those of a refusal, and its body, are printed always
${WATCHING_USAGE}
`,
    options: {
      ...WATCHING,
      header: { ...list, short: "H" },
      origin: { ...text, short: "o" },
      auth: text,
      subprotocol: { ...list, short: "s" },
      execute: { ...list, short: "x" },
      file: list,
      wait: { ...text, short: "w" },
      one: flag,
      "receive-only": flag,
      binary: flag,
      "no-deflate": flag,
      location: { ...flag, short: "L" },
      insecure: { ...flag, short: "k" },
      ca: text,
      cert: text,
      key: text,
      passphrase: text,
      proxy: text,
      verbose: { ...flag, short: "v" },
    },
    run: async (values, url) => (await import("./command/connect.js")).connect(url, values),
  },
  inspect: {
    argument: "a file",
    usage: `Usage: websocket-component inspect FILE|- [OPTION]…

  Prints what is in a capture: pcap, pcapng, snoop, HAR, what --record writes, hexadecimal dump, hex, Base64 or the bytes of
  one direction, in gzip or zip or not; - is standard input, which may be a capture that goes on: tcpdump -w - | …

    --json                a line of JSON for each connection and each thing on the wire
    --payload             whole payloads
    --connection N        the Nth connection alone
    --direction D         toServer or toClient: what went that way alone. Of hex, Base64 and raw bytes: which way they went
    --kind K              what is of this kind alone; may be given again:
                          ${KINDS.join(", ")}
    --grep TEXT           what has this text in its payload alone, in any case of letters
    --since, --until T    what was sent in that time alone, such as 2026-01-01T12:00:00Z; without a zone it is local
    --faults              what breaks the protocol alone
    --keys FILE           a TLS key log (SSLKEYLOGFILE), which decrypts TLS 1.2 and 1.3
    --extensions E        the response's Sec-WebSocket-Extensions, where the capture has no handshake
    --port N              what goes to and from this port is WebSocket, whatever it looks like
    --format F            pcap, pcapng, snoop, har, recorded, dump, hex, base64 or raw, in place of what the content says
`,
    options: {
      json: flag,
      payload: flag,
      connection: text,
      direction: text,
      kind: list,
      grep: text,
      since: text,
      until: text,
      faults: flag,
      keys: text,
      extensions: text,
      port: text,
      format: text,
    },
    run: async (values, file) => (await import("./command/inspect.js")).inspect(file, values),
  },
  proxy: {
    usage: `Usage: websocket-component proxy TARGET [OPTION]… [RULE]…

  Passes everything on between clients and TARGET (ws://, wss://, http:// or https://), and serves a page that shows each
  WebSocket connection as it goes, and can hold, edit, drop, delay, inject and replay messages.

    --host H, --port N    where clients connect to; 127.0.0.1 and 8080
    --page-port N         where the page is, on 127.0.0.1 only; the next port
    --open                opens the page in the browser
    --record FILE         writes what is passed on to a file that inspect reads
    --memory MIB          how much traffic is remembered, oldest dropped first; 64
    --insecure            accepts any certificate of the target
    --ca FILE             trusts one more authority for the target's certificate
    --cert, --key FILE    the proxy's own certificate and key, in PEM: clients use wss:// then
    --tls                 the same with a certificate that openssl makes for this run; clients must be told to accept it

  Rules count for each connection by itself, and may be given again:

    --drop FILTER                     drops what the filter matches
    --delay 'TIME [FILTER]'           holds it for a time such as 500ms or 2s
    --close-after 'N|TIME [FILTER]'   closes after N of them, or a time after the opening: with code=1011 by a close frame,
                                      without by cutting TCP

  A filter is words that must all hold: to-server, to-client, text, binary, ping, pong, close, path=/chat, every=3,
  /pattern/ or /pattern/i for the payload's text.
`,
    argument: "a target",
    options: {
      host: { type: "string", default: "127.0.0.1" },
      port: { type: "string", default: "8080" },
      "page-port": text,
      open: flag,
      record: text,
      memory: text,
      insecure: flag,
      ca: text,
      cert: text,
      key: text,
      tls: flag,
      drop: list,
      delay: list,
      "close-after": list,
    },
    run: async (values, target) => (await import("./command/proxy.js")).proxy(target, values),
  },
};

const USAGE = `Usage: websocket-component COMMAND [OPTION]…

  serve     runs a server: one that sends every message back, or one to talk to its clients with
  connect   talks to a server
  inspect   prints what is in a capture
  proxy     passes traffic on to a server, and shows and changes it on a page

  COMMAND --help shows the options of a command, --version the version.

Exit status: 0 done, 1 failed, 2 wrong usage, 3 inspect found what breaks the protocol.
`;

async function main([name = "", ...args]: string[]): Promise<void> {
  if (name === "--help" || name === "-h") return void process.stdout.write(USAGE);
  if (name === "--version" || name === "-V") return void process.stdout.write(`${version()}\n`);
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined)
    throw new UsageError(`the commands are ${Object.keys(COMMANDS).join(", ")}; --help tells more`);
  try {
    const options: Options = { ...command.options, help: { ...flag, short: "h" } };
    const { values, positionals } = parseArgs({ args: joined(args), options, allowPositionals: true });
    if (values.help) return void process.stdout.write(command.usage);
    const [argument = "", ...more] = positionals;
    if (more.length > 0 || (argument === "") === (command.argument !== undefined)) {
      throw new UsageError(command.argument === undefined ? "it takes options alone" : `it needs ${command.argument}`);
    }
    await command.run(values as never, argument);
  } catch (error) {
    if (!isUsage(error)) throw error;
    throw new UsageError(`${name}: ${(error as Error).message.split(/\.\s/)[0]}; ${name} --help tells more`);
  }
}

/** A number behind an option is its value, if it is negative too. */
function joined(args: readonly string[]): string[] {
  const all: string[] = [];
  for (const arg of args) {
    const last = all.at(-1) ?? "";
    if (/^-\d/.test(arg) && /^--?[a-z][\w-]*$/i.test(last))
      all.push(`${all.pop()}${last.startsWith("--") ? "=" : ""}${arg}`);
    else all.push(arg);
  }
  return all;
}

function isUsage(error: unknown): boolean {
  return error instanceof UsageError || !!(error as { code?: string }).code?.startsWith("ERR_PARSE_ARGS");
}

endWithReader();
try {
  await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof UsageError) {
    process.stderr.write(`websocket-component: ${printable(error.message)}\n`);
    process.exitCode = 2;
  } else {
    fail(error);
  }
}
