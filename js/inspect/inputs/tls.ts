/**
 * TLS 1.2 and 1.3, decrypted by a key log (https://datatracker.ietf.org/doc/draft-ietf-tls-keylogfile/): the record
 * layer of RFC 5246 and RFC 8446. The ciphers are those of the engine's libraries.
 *
 * @module
 */
import { concat } from "../../engine/bytes.js";
import { decryptCbc, hmac, openSealed } from "../inspector.js";
import { Flow, joined, type Moment, type Part } from "./flow.js";

const LINE = /^([A-Z0-9_]+) ([0-9a-f]{64}) ([0-9a-f]+)$/i;

/** The secrets of a key log, by their labels and the clients' randoms. */
export class KeyLog {
  readonly #secrets = new Map<string, Uint8Array>();

  /** Takes lines; those that are none of a key log are left out. */
  add(text: string): void {
    for (const line of text.split(/\r?\n/)) {
      const [, label, random, secret = ""] = LINE.exec(line.trim()) ?? [];
      if (secret !== "" && secret.length % 2 === 0)
        this.#secrets.set(`${label} ${random?.toLowerCase()}`, bytesOf(secret));
    }
  }

  get isEmpty(): boolean {
    return this.#secrets.size === 0;
  }

  secret(label: string, random: string): Uint8Array | undefined {
    return this.#secrets.get(`${label} ${random}`);
  }
}

/** The decrypted bytes, and notes about them. */
export interface Decrypted {
  readonly toServer: Flow;
  readonly toClient: Flow;
  readonly notes: readonly string[];
}

const Content = { ChangeCipherSpec: 20, Handshake: 22, Data: 23 } as const;
const Message = { ClientHello: 1, ServerHello: 2, Finished: 20 } as const;
const TLS_1_2 = 0x0303;
const TLS_1_3 = 0x0304;
/** By what a record of TLS 1.2 is longer than its content, by the cipher's number; CBC pads. */
const OVERHEADS = [undefined, 24, 24, 16, undefined] as const;
/** The most records that are looked for among missing bytes. */
const MOST_LOST = 4096;
/** The random of a server that asks for another hello (RFC 8446 §4.1.3). */
const RETRY = "cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c";
/** The most bytes of a record (RFC 5246 §6.2.3). */
const LONGEST_RECORD = 16_384 + 2048;

interface Suite {
  /** 1 AES-128-GCM, 2 AES-256-GCM, 3 ChaCha20-Poly1305, 4 AES-CBC. */
  readonly cipher: 1 | 2 | 3 | 4;
  readonly key: number;
  /** Bits of the hash of the key derivation. */
  readonly hash: 256 | 384;
  /** Of CBC: bytes of the MAC. */
  readonly mac: number;
}

function suites(suite: Suite, ...numbers: number[]): [number, Suite][] {
  return numbers.map((number) => [number, suite]);
}

/** By their numbers (https://www.iana.org/assignments/tls-parameters). */
const SUITES: ReadonlyMap<number, Suite> = new Map([
  ...suites({ cipher: 1, key: 16, hash: 256, mac: 0 }, 0x1301, 0x009c, 0x009e, 0xc02b, 0xc02f),
  ...suites({ cipher: 2, key: 32, hash: 384, mac: 0 }, 0x1302, 0x009d, 0x009f, 0xc02c, 0xc030),
  ...suites({ cipher: 3, key: 32, hash: 256, mac: 0 }, 0x1303, 0xcca8, 0xcca9, 0xccaa),
  ...suites({ cipher: 4, key: 16, hash: 256, mac: 20 }, 0x002f, 0x0033, 0xc009, 0xc013),
  ...suites({ cipher: 4, key: 32, hash: 256, mac: 20 }, 0x0035, 0x0039, 0xc00a, 0xc014),
  ...suites({ cipher: 4, key: 16, hash: 256, mac: 32 }, 0x003c, 0x0067, 0xc023, 0xc027),
  ...suites({ cipher: 4, key: 32, hash: 256, mac: 32 }, 0x003d, 0x006b),
  ...suites({ cipher: 4, key: 32, hash: 384, mac: 48 }, 0xc024, 0xc028),
]);

/** A record of a handshake, or of data in the midst of a connection. */
export function isTls(bytes: Uint8Array): boolean {
  const [type = 0, major = 0, minor = 0, high = 0] = bytes;
  return (
    bytes.length >= 5 &&
    (type === Content.Handshake || type === Content.Data) &&
    major === 3 &&
    minor <= 4 &&
    high <= 0x48
  );
}

/** The data of both directions; or in words, why it cannot be had. */
export function decrypted(toServer: Flow, toClient: Flow, keys: KeyLog): Decrypted | string {
  const client = handshakeOf(toServer).find(({ type }) => type === Message.ClientHello);
  const hellos = handshakeOf(toClient).filter(({ type }) => type === Message.ServerHello);
  const server = hellos.find(({ body }) => hexOf(body.subarray(2, 34)) !== RETRY);
  if (client === undefined || server === undefined || server.body.length < 38)
    return "its handshake is not in the capture";
  const random = hexOf(client.body.subarray(2, 34));
  const hello = serverHello(server.body);
  const suite = SUITES.get(hello.suite);
  if (suite === undefined) return `its cipher suite 0x${hello.suite.toString(16).padStart(4, "0")} is not known here`;
  if (hello.version < TLS_1_2) return `it is TLS 1.${Math.max(0, hello.version - 0x0301)}, which is not decrypted here`;
  const isNew = hello.version === TLS_1_3;
  const [sent, received] = (["CLIENT", "SERVER"] as const).map((side): Opened => {
    const epoch = isNew ? epochsOf13(side, random, suite, keys) : epochsOf12(side, random, hello, suite, keys);
    if (epoch === undefined) return { parts: [], problem: "the key log has no secrets of it" };
    const overhead = isNew ? 17 : OVERHEADS[suite.cipher];
    return new Direction(side === "CLIENT" ? toServer : toClient, epoch, isNew, overhead).read();
  }) as [Opened, Opened];
  if (sent.parts.length + received.parts.length === 0) return sent.problem ?? received.problem ?? "it has no data";
  const notes = [`Decrypted from TLS 1.${isNew ? 3 : 2}`];
  for (const [{ parts, problem }, name] of [
    [sent, "client"],
    [received, "server"],
  ] as const) {
    const from = parts.length === 0 ? "The" : "From there on, the";
    if (problem !== undefined) notes.push(`${from} bytes of the ${name} cannot be decrypted: ${problem}`);
  }
  return { toServer: new Flow(sent.parts, true), toClient: new Flow(received.parts, true), notes };
}

interface Record extends Moment {
  readonly type: number;
  /** With the header of five bytes. */
  readonly bytes: Uint8Array;
  /** How many bytes of records are missing before it. */
  readonly lost: number;
}

/** The records of a direction that are whole; at its end, how many bytes are missing behind the last one. */
function* recordsOf(flow: Flow): Generator<Record, number> {
  let lost = 0;
  for (let at = 0; at < flow.length; ) {
    const header = flow.read(at, 5);
    const [type = 0, , , high = 0, low = 0] = header;
    const end = at + 5 + ((high << 8) | low);
    const isHeader = isRecord(header);
    const bytes = isHeader ? flow.read(at, end - at) : header;
    if (isHeader && bytes.length === end - at) {
      yield { type, bytes, lost, ...flow.moment(end - 1) };
      [at, lost] = [end, 0];
      continue;
    }
    // it is cut by the connection's end
    if (flow.missing(at + bytes.length) === 0 && at + bytes.length >= flow.length) break;
    const next = isHeader ? end : nextRecord(flow, at + 1);
    lost += next - at;
    at = next;
  }
  return lost;
}

function isRecord([type = 0, major = 0, minor = 0, high = 0, low]: Uint8Array): boolean {
  const isKind = type >= Content.ChangeCipherSpec && type <= Content.Data;
  return low !== undefined && isKind && major === 3 && minor <= 4 && ((high << 8) | low) <= LONGEST_RECORD;
}

/** Behind missing bytes, a record is looked for where a segment begins. */
function nextRecord(flow: Flow, from: number): number {
  for (const place of flow.starts(from)) if (isRecord(flow.read(place, 5))) return place;
  return flow.length;
}

interface HandshakeMessage {
  readonly type: number;
  readonly body: Uint8Array;
}

/** The messages of the handshake that are not encrypted. */
function handshakeOf(flow: Flow): HandshakeMessage[] {
  const parts: Uint8Array[] = [];
  let size = 0;
  for (const { type, lost, bytes } of recordsOf(flow)) {
    // a change of ciphers comes before a second hello too
    if (type === Content.Data || lost > 0 || size > 1 << 18) break;
    if (type !== Content.Handshake) continue;
    parts.push(bytes.subarray(5));
    size += bytes.length - 5;
  }
  return messagesIn(joined(parts));
}

function messagesIn(bytes: Uint8Array): HandshakeMessage[] {
  const messages: HandshakeMessage[] = [];
  for (let at = 0; at + 4 <= bytes.length; ) {
    const [type = 0, high = 0, middle = 0, low = 0] = bytes.subarray(at, at + 4);
    const end = at + 4 + ((high << 16) | (middle << 8) | low);
    if (end > bytes.length) break;
    messages.push({ type, body: bytes.subarray(at + 4, end) });
    at = end;
  }
  return messages;
}

interface ServerHello {
  readonly version: number;
  readonly random: Uint8Array;
  readonly suite: number;
  /** RFC 7366. */
  readonly encryptThenMac: boolean;
}

function serverHello(body: Uint8Array): ServerHello {
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  let version = view.getUint16(0);
  let encryptThenMac = false;
  const random = body.subarray(2, 34);
  const session = 35 + (body[34] ?? 0);
  const suite = session + 2 <= body.length ? view.getUint16(session) : 0;
  for (let at = session + 5; at + 4 <= body.length; ) {
    const [type, length] = [view.getUint16(at), view.getUint16(at + 2)];
    if (type === 43 && length === 2 && at + 6 <= body.length) version = view.getUint16(at + 4);
    if (type === 22) encryptThenMac = true;
    at += 4 + length;
  }
  return { version, random, suite, encryptThenMac };
}

/** Keys of a direction, from one change of them to the next. */
interface Epoch {
  /** The content of a record; nothing if another key sealed it. */
  open(record: Record, sequence: number): { type: number; content: Uint8Array } | undefined;
  next(): Epoch | undefined;
}

function epochsOf13(side: "CLIENT" | "SERVER", random: string, suite: Suite, keys: KeyLog): Epoch | undefined {
  const handshake = keys.secret(`${side}_HANDSHAKE_TRAFFIC_SECRET`, random);
  const traffic = keys.secret(`${side}_TRAFFIC_SECRET_0`, random);
  if (traffic === undefined) return undefined;
  const data = (secret: Uint8Array): Epoch => ({
    ...epochOf13(secret, suite),
    next: () => data(expanded(suite, secret, "traffic upd", suite.hash / 8)),
  });
  return handshake === undefined ? data(traffic) : { ...epochOf13(handshake, suite), next: () => data(traffic) };
}

function epochOf13(secret: Uint8Array, suite: Suite): Pick<Epoch, "open"> {
  const key = expanded(suite, secret, "key", suite.key);
  const iv = expanded(suite, secret, "iv", 12);
  return {
    open({ bytes }, sequence) {
      const inner = openSealed(suite.cipher, key, mixed(iv, sequence), bytes.subarray(0, 5), bytes.subarray(5));
      if (inner === undefined) return undefined;
      // padding is zeros, and before it stands the type (RFC 8446 §5.4)
      const end = inner.findLastIndex((byte) => byte !== 0);
      return end < 0 ? undefined : { type: inner[end] as number, content: inner.subarray(0, end) };
    },
  };
}

function epochsOf12(
  side: "CLIENT" | "SERVER",
  random: string,
  hello: ServerHello,
  suite: Suite,
  keys: KeyLog,
): Epoch | undefined {
  const master = keys.secret("CLIENT_RANDOM", random);
  if (master === undefined) return undefined;
  const fixed = suite.cipher === 3 ? 12 : suite.cipher === 4 ? 0 : 4;
  const seed = concat(hello.random, bytesOf(random));
  const block = keyBlock(suite, master, seed, 2 * (suite.mac + suite.key + fixed));
  const isClient = side === "CLIENT";
  const at = (start: number, size: number) =>
    block.subarray(start + (isClient ? 0 : size), start + (isClient ? size : 2 * size));
  const mac = at(0, suite.mac);
  const key = at(2 * suite.mac, suite.key);
  const iv = at(2 * (suite.mac + suite.key), fixed);
  const open: Epoch["open"] = (record, sequence) => {
    const content =
      suite.cipher === 4
        ? openCbc(suite, hello, [mac, key], record, sequence)
        : openAead(suite, key, iv, record, sequence);
    return content === undefined ? undefined : { type: record.type, content };
  };
  return { open, next: () => undefined };
}

/** RFC 5288 §3 and RFC 7905 §2. */
function openAead(
  suite: Suite,
  key: Uint8Array,
  iv: Uint8Array,
  { bytes }: Record,
  sequence: number,
): Uint8Array | undefined {
  const explicit = suite.cipher === 3 ? 0 : 8;
  const sealed = bytes.subarray(5 + explicit);
  const length = sealed.length - 16;
  if (length < 0) return undefined;
  const nonce = explicit === 0 ? mixed(iv, sequence) : concat(iv, bytes.subarray(5, 13));
  return openSealed(suite.cipher, key, nonce, associated(bytes, sequence, length), sealed);
}

/** What is sealed with a record: its number, its type, its version and its length. */
function associated(bytes: Uint8Array, sequence: number, length: number): Uint8Array {
  const data = new Uint8Array(13);
  const view = new DataView(data.buffer);
  view.setBigUint64(0, BigInt(sequence));
  data.set(bytes.subarray(0, 3), 8);
  view.setUint16(11, length);
  return data;
}

/** RFC 5246 §6.2.3.2 and RFC 7366: a vector, then blocks, of which the padding is the end; and a MAC. */
function openCbc(
  suite: Suite,
  { encryptThenMac }: ServerHello,
  [macKey, key]: readonly [Uint8Array, Uint8Array],
  { bytes }: Record,
  sequence: number,
): Uint8Array | undefined {
  const isSealed = (content: Uint8Array, mac: Uint8Array) => {
    const data = concat(associated(bytes, sequence, content.length), content);
    return hexOf(hmac(suite.mac === 20 ? 160 : suite.mac * 8, macKey, data)) === hexOf(mac);
  };
  const end = bytes.length - (encryptThenMac ? suite.mac : 0);
  if (end < 5 + 32 || (encryptThenMac && !isSealed(bytes.subarray(5, end), bytes.subarray(end)))) return undefined;
  const plain = decryptCbc(key, bytes.subarray(5, 21), bytes.subarray(21, end));
  if (plain === undefined) return undefined;
  const padding = (plain.at(-1) as number) + 1;
  const content = plain.subarray(0, Math.max(0, plain.length - padding));
  if (encryptThenMac) return content;
  const length = Math.max(0, content.length - suite.mac);
  return isSealed(content.subarray(0, length), content.subarray(length)) ? content.subarray(0, length) : undefined;
}

/** What a direction's records contain, and why that is not all. */
interface Opened {
  readonly parts: Part[];
  readonly problem: string | undefined;
}

/** One direction's records, opened one after the other. */
class Direction {
  readonly #flow: Flow;
  readonly #isNew: boolean;
  /** By what a record is longer than its content, if that is always the same. */
  readonly #overhead: number | undefined;
  readonly #parts: Part[] = [];
  #epoch: Epoch;
  #sequence = 0;
  /** Bytes of content that are missing before what comes next. */
  #missing = 0;

  constructor(flow: Flow, epoch: Epoch, isNew: boolean, overhead: number | undefined) {
    this.#flow = flow;
    this.#epoch = epoch;
    this.#isNew = isNew;
    this.#overhead = overhead;
  }

  read(): Opened {
    const records = recordsOf(this.#flow);
    let isEncrypted = false;
    let isSkipped = false;
    let step = records.next();
    for (; !step.done; step = records.next()) {
      const record = step.value;
      if (record.type === Content.ChangeCipherSpec) isEncrypted = true;
      else if (record.type === Content.Data || (isEncrypted && !this.#isNew)) {
        const opened = this.#open(record);
        // data that was sent before the handshake's end has keys of its own
        const isEarly = this.#isNew && this.#parts.length === 0;
        if (opened === undefined && !isEarly) return this.#ended(record.lost > 0 ? MISSING : UNKNOWN);
        isSkipped ||= opened === undefined;
        if (opened?.type === Content.Data && opened.content.length > 0) this.#take(opened.content, record);
      }
    }
    if (step.value > 0) return this.#ended(MISSING);
    return this.#ended(isSkipped && this.#parts.length === 0 ? UNKNOWN : undefined);
  }

  #ended(problem: string | undefined): Opened {
    return { parts: this.#parts, problem };
  }

  #take(bytes: Uint8Array, { time, order }: Moment): void {
    this.#parts.push({ bytes, time, order, missing: this.#missing });
    this.#missing = 0;
  }

  /** With the present key, or with the one after it. */
  #open(record: Record): { type: number; content: Uint8Array } | undefined {
    const { lost } = record;
    const added = 5 + (this.#overhead ?? 0);
    const most = lost === 0 ? 0 : Math.min(MOST_LOST, Math.ceil(lost / added));
    if (lost > 0 && this.#overhead === undefined) return undefined;
    // each lost record had a number
    for (let skipped = Math.min(1, lost); skipped <= most; skipped++) {
      const opened = this.#epoch.open(record, this.#sequence + skipped);
      if (opened === undefined) continue;
      this.#sequence += skipped + 1;
      if (this.#parts.length > 0) this.#missing += Math.max(0, lost - skipped * added);
      return opened;
    }
    const next = this.#epoch.next();
    const reopened = next?.open(record, 0);
    if (next !== undefined && reopened !== undefined) [this.#epoch, this.#sequence] = [next, 1];
    return reopened;
  }
}

const MISSING = "bytes are missing";
const UNKNOWN = "a record is corrupt, or its key is not in the key log";

/** A vector with the record's number in it (RFC 8446 §5.3). */
function mixed(iv: Uint8Array, sequence: number): Uint8Array {
  const nonce = iv.slice();
  const view = new DataView(nonce.buffer);
  view.setBigUint64(4, view.getBigUint64(4) ^ BigInt(sequence));
  return nonce;
}

/** HKDF-Expand-Label without a context (RFC 8446 §7.1), of no more than one block. */
function expanded(suite: Suite, secret: Uint8Array, label: string, length: number): Uint8Array {
  const name = new TextEncoder().encode(`tls13 ${label}`);
  const info = Uint8Array.of(0, length, name.length, ...name, 0, 1);
  return hmac(suite.hash, secret, info).subarray(0, length);
}

/** The pseudorandom function of RFC 5246 §5. */
function keyBlock(suite: Suite, secret: Uint8Array, random: Uint8Array, length: number): Uint8Array {
  const seed = concat(new TextEncoder().encode("key expansion"), random);
  let block: Uint8Array = new Uint8Array(0);
  for (let a = hmac(suite.hash, secret, seed); block.length < length; a = hmac(suite.hash, secret, a)) {
    block = concat(block, hmac(suite.hash, secret, concat(a, seed)));
  }
  return block;
}

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
