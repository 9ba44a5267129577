/**
 * HAR files with the messages of WebSocket connections, as browsers and proxies export them. The format has no field
 * for them, so each program writes its own; one odd value never hides the rest of the file.
 *
 * @module
 */
import type { Direction } from "../records.js";
import type { Connection, Note, Piece } from "./connection.js";
import { joined } from "./flow.js";
import { isBase64, parseBase64 } from "./text.js";

interface Har {
  readonly log: { readonly entries: readonly unknown[] };
}

/** An object of which nothing is known. */
type Odd = Readonly<Record<string, unknown>>;

/** Returns the bytes of a file in the same folder as the HAR. */
export type FileBeside = (name: string) => Uint8Array | undefined;

export function isHar(value: unknown): value is Har {
  return Array.isArray((value as Har | undefined)?.log?.entries);
}

/** The WebSocket connections of a HAR, with bytes made of its messages, and how many entries are none. */
export function harConnections(har: Har, beside: FileBeside): { connections: Connection[]; skipped: number } {
  const entries = har.log.entries.map((entry) => new Entry(objectOf(entry), beside));
  const connections = entries.filter((entry) => entry.isWebSocket).map((entry) => entry.connection());
  return { connections, skipped: entries.length - connections.length };
}

class Entry {
  readonly #entry: Odd;
  readonly #request: Odd;
  readonly #response: Odd;
  readonly #beside: FileBeside;
  readonly #notes: Note[] = [];
  /** Of the last message. */
  #lastTime = 0;

  constructor(entry: Odd, beside: FileBeside) {
    this.#entry = entry;
    this.#request = objectOf(entry.request);
    this.#response = objectOf(entry.response);
    this.#beside = beside;
  }

  get isWebSocket(): boolean {
    const { _resourceType: type, _webSocketMessages: messages } = this.#entry;
    const fields = fieldsOf(this.#response);
    const upgrade = fields.find(([name]) => name.toLowerCase() === "upgrade");
    return (
      Array.isArray(messages) ||
      String(type).toLowerCase() === "websocket" ||
      /^wss?:/i.test(textOf(this.#request.url)) ||
      upgrade?.[1].toLowerCase() === "websocket" ||
      (Number(this.#response.status) === 101 && fields.length === 0)
    );
  }

  connection(): Connection {
    const time = timeOf(this.#entry.startedDateTime);
    const heads = this.#heads().map(
      (bytes, index): Piece => ({ direction: index === 0 ? "toServer" : "toClient", bytes, time, missing: 0 }),
    );
    const messages = this.#messages();
    this.#tellEnd();
    const pieces = [...heads, ...messages].filter(({ bytes }) => bytes.length > 0);
    return { client: "", server: textOf(this.#request.url), pieces, synthetic: true, notes: this.#notes };
  }

  /** Of the request and of the response. */
  #heads(): Uint8Array[] {
    if (!this.#isHttp2) return [this.#requestHead(), this.#responseHead()];
    this.#tell(
      `Opened over HTTP/2 (RFC 8441): CONNECT ${this.#target()}, answered by ${textOf(this.#response.status)}`,
    );
    return [];
  }

  /**
   * Whether it was opened by a CONNECT of HTTP/2 (RFC 8441 §5), which has no key. DevTools write HTTP/1.1 for it all
   * the same.
   */
  get #isHttp2(): boolean {
    const status = Number(this.#response.status);
    const names = [...fieldsOf(this.#request), ...fieldsOf(this.#response)].map(([name]) => name.toLowerCase());
    const hasKey = names.includes("sec-websocket-key");
    return names.some((name) => name.startsWith(":")) || (status >= 200 && status < 300 && !hasKey);
  }

  #requestHead(): Uint8Array {
    const fields = this.#fieldsOf(this.#request);
    if (fields.length === 0) {
      this.#tell("The request's headers were not recorded");
      return NOTHING;
    }
    const method = /^[A-Z]+$/.exec(textOf(this.#request.method))?.[0] ?? "GET";
    return head(`${method} ${this.#target()} HTTP/1.1`, fields);
  }

  /** The fields that a head can contain: an invalid one would make the whole head unreadable. */
  #fieldsOf(message: Odd): [string, string][] {
    const all = fieldsOf(message).filter(([name]) => !name.startsWith(":"));
    const isOdd = ([name, value]: [string, string]) =>
      !/^[!#$%&'*+.^`|~\w-]+$/.test(name) || [...value].some(isControl);
    for (const [name, value] of all.filter(isOdd))
      this.#tell(`This cannot be a header field: ${JSON.stringify(name)}: ${JSON.stringify(value)}`);
    return all.filter((field) => !isOdd(field));
  }

  #target(): string {
    const url = textOf(this.#request.url);
    if (URL.canParse(url)) {
      const { pathname, search } = new URL(url);
      return pathname + search;
    }
    this.#tell(`The entry's URL is none: ${JSON.stringify(url)}`);
    return /^\/[!-~]*$/.test(url) ? url : "/";
  }

  #responseHead(): Uint8Array {
    const status = Number(this.#response.status);
    if (!(status >= 100 && status <= 999)) {
      this.#tell("No answer was recorded");
      return NOTHING;
    }
    const fields = this.#fieldsOf(this.#response);
    if (fields.length === 0) {
      this.#tell(`The answer was ${status}; its headers were not recorded`);
      return NOTHING;
    }
    const start = `HTTP/1.1 ${status} ${textOf(this.#response.statusText).replace(/[^ -~]/g, "")}`;
    return status === 101 ? head(start, fields) : joined([head(start, fields), this.#body()]);
  }

  /** The body of a refusal. */
  #body(): Uint8Array {
    const { text, encoding } = objectOf(this.#response.content);
    if (typeof text !== "string") return NOTHING;
    if (encoding !== "base64") return new TextEncoder().encode(text);
    return isBase64(text) ? parseBase64(text) : NOTHING;
  }

  #messages(): Piece[] {
    const list = this.#entry._webSocketMessages ?? this.#attached();
    if (Array.isArray(list))
      return list.map((message) => this.#piece(objectOf(message))).filter((piece) => piece !== undefined);
    if (Number(this.#response.status) === 101 || this.#isHttp2) this.#tell("The browser did not record its messages");
    return [];
  }

  /** The messages that Playwright writes to a file of their own, one in a line. */
  #attached(): unknown[] | undefined {
    const name = textOf(objectOf(this.#response.content)._file);
    const file = name === "" ? undefined : this.#beside(name);
    if (file !== undefined) return linesOf(file);
    if (name !== "") this.#tell(`Its messages are in a file that is not here: ${name}`);
    return undefined;
  }

  #piece(message: Odd): Piece | undefined {
    const time = timeOf(message.time);
    this.#lastTime = time;
    const direction = DIRECTIONS.get(message.type);
    const { opcode, data } = message;
    if (direction === undefined || !isOpcode(opcode) || typeof data !== "string") {
      this.#tell(toldOf(message), time);
      return undefined;
    }
    // without its padding, Base64 looks like many a word
    if (opcode !== 1 && data !== "" && (data.length % 4 > 0 || !isBase64(data))) {
      this.#tell(`A message of opcode ${opcode} was not recorded as Base64: ${JSON.stringify(data)}`, time);
      return undefined;
    }
    const payload = opcode === 1 ? new TextEncoder().encode(data) : parseBase64(data);
    return { direction, bytes: frame(opcode, payload, direction === "toServer"), time, missing: 0 };
  }

  /** How it ended, where the program has said so. */
  #tellEnd(): void {
    for (const text of [this.#response._failureText, this.#response._error, this.#entry._error]) {
      if (typeof text === "string" && text !== "") this.#tell(text, this.#lastTime);
    }
    const { _webSocketClose: close } = this.#entry;
    if (close === undefined || close === null) return;
    const { code, reason } = objectOf(close);
    const how = code === undefined ? textOf(close) || "in a way that was not recorded" : `with ${textOf(code)}`;
    this.#tell(`Closed ${how}${textOf(reason) === "" ? "" : ` ${JSON.stringify(textOf(reason))}`}`, this.#lastTime);
  }

  #tell(text: string, time = timeOf(this.#entry.startedDateTime)): void {
    this.#notes.push({ text, time });
  }
}

const NOTHING = new Uint8Array(0);

const DIRECTIONS: ReadonlyMap<unknown, Direction> = new Map([
  ["send", "toServer"],
  ["receive", "toClient"],
]);

function isOpcode(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 15;
}

/** The text of an entry that is not a message: DevTools' errors have an opcode of −1. */
function toldOf(message: Odd): string {
  const { type, opcode, data } = message;
  if ((type === "error" || opcode === -1) && typeof data === "string") return data;
  return `Not a message: ${JSON.stringify(message)}`;
}

function objectOf(value: unknown): Odd {
  return typeof value === "object" && value !== null ? (value as Odd) : {};
}

function textOf(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

/** Milliseconds since 1970; 0 if the value is not a time. */
export function timeOf(value: unknown): number {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  if (typeof number !== "number" || Number.isNaN(number)) return Date.parse(textOf(value)) || 0;
  // below 2001 it counts from something else, such as the start of the browser
  if (number < 1e9 || number >= 1e20) return 0;
  const unit = UNITS.find(([most]) => number < most);
  return unit === undefined ? 0 : number * unit[1];
}

/**
 * A moment of our century in seconds, milliseconds, microseconds, nanoseconds: up to which number, and in milliseconds.
 */
const UNITS = [
  [1e11, 1000],
  [1e14, 1],
  [1e17, 1e-3],
  [1e20, 1e-6],
] as const;

/** Names and values of the fields, one for each line of a value: several fields of a name are joined by line ends. */
function fieldsOf({ headers }: Odd): [string, string][] {
  if (!Array.isArray(headers)) return [];
  return headers.flatMap((header) => {
    const { name, value } = objectOf(header);
    return textOf(value)
      .split(/[\r\n]+/)
      .map((line): [string, string] => [textOf(name), line]);
  });
}

/** Characters that a field value must not have (RFC 9110 §5.5). A tab is allowed. */
function isControl(character: string): boolean {
  return (character < " " && character !== "\t") || character === "\x7f";
}

function head(startLine: string, fields: readonly [string, string][]): Uint8Array {
  const lines = fields
    .filter(([name]) => name !== "" && !name.startsWith(":"))
    .map(([name, value]) => `${name}: ${value}\r\n`);
  const text = `${startLine.replace(/[\r\n]+/g, " ")}\r\n${lines.join("")}\r\n`;
  // a header's bytes are shown as Latin-1, but for what is not in it
  return [...text].some((character) => character > "\xff")
    ? new TextEncoder().encode(text)
    : Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Each line as JSON; a line that is not JSON as its text. */
function linesOf(file: Uint8Array): unknown[] {
  const lines = new TextDecoder().decode(file).split("\n");
  return lines
    .filter((line) => line.trim() !== "")
    .flatMap((line) => {
      try {
        return JSON.parse(line);
      } catch {
        return { data: line };
      }
    });
}

/** A frame, masked with zeros if a client sends it. */
function frame(opcode: number, payload: Uint8Array, masked: boolean): Uint8Array {
  const { length } = payload;
  const extended = length < 126 ? 0 : length < 65536 ? 2 : 8;
  const size = 2 + extended + (masked ? 4 : 0);
  const bytes = new Uint8Array(size + length);
  const view = new DataView(bytes.buffer);
  bytes[0] = 0x80 | opcode;
  bytes[1] = (masked ? 0x80 : 0) | (extended === 0 ? length : extended === 2 ? 126 : 127);
  if (extended === 2) view.setUint16(2, length);
  if (extended === 8) view.setBigUint64(2, BigInt(length));
  bytes.set(payload, size);
  return bytes;
}
