/**
 * What is in a TCP stream: WebSocket, perhaps behind other requests, a proxy's answer or the PROXY protocol's line; or
 * something else.
 *
 * @module
 */
import { Inspector } from "../inspector.js";
import type { InspectRecord } from "../records.js";
import type { Connection, Note } from "./connection.js";
import { type Flow, isBefore, piecesIn } from "./flow.js";
import { endOfBody, fieldOf, type Head, headAt, isRequest, isResponse, isUpgrade, statusOf } from "./http.js";
import { http2Connections, isHttp2 } from "./http2.js";
import type { TcpStream } from "./tcp.js";
import { decrypted, isTls, type KeyLog } from "./tls.js";

/** How to read streams. */
export interface StreamOptions {
  /** Keys that decrypt TLS. */
  readonly keys: KeyLog;
  /** The response's `Sec-WebSocket-Extensions`, where the capture does not have it. */
  readonly extensions?: string | undefined;
  /** Traffic of this port is WebSocket, whatever it looks like. */
  readonly port?: number | undefined;
}

/** The connections and notes that were found. */
export interface Found {
  readonly connections: readonly Connection[];
  /** Why it stays encrypted, if it does. */
  readonly encrypted: string | undefined;
  /** Messages are compressed, and what was agreed on is not known. */
  readonly needsExtensions: boolean;
}

const NONE: Found = { connections: [], encrypted: undefined, needsExtensions: false };

/** The connections of WebSocket in a TCP stream. */
export function connectionsOf(stream: TcpStream, options: StreamOptions): Found {
  const other = {
    ...stream,
    client: stream.server,
    server: stream.client,
    toServer: stream.toClient,
    toClient: stream.toServer,
  };
  const found = new Reader(stream, options).read();
  const isOpen = found.connections.length === 0 && found.encrypted === undefined && !stream.isClientKnown;
  return isOpen ? new Reader(other, options).read() : found;
}

class Reader {
  readonly #stream: TcpStream;
  readonly #options: StreamOptions;
  readonly #notes: Note[];

  constructor(stream: TcpStream, options: StreamOptions, notes: Note[] = []) {
    this.#stream = stream;
    this.#options = options;
    this.#notes = notes;
  }

  read(): Found {
    const { toServer, toClient } = this.#stream;
    const first = toServer.read(0, LONGEST_LINE);
    const proxied = proxyProtocol(first);
    if (proxied !== undefined) {
      this.#tell(proxied.text, toServer.time(0));
      return this.#behind(toServer.from(proxied.length), toClient);
    }
    if (isTls(first) || isTls(toClient.read(0, 600))) return this.#decrypted();
    if (isHttp2(first)) {
      return { ...NONE, connections: http2Connections(this.#stream, toServer, toClient, this.#notes) };
    }
    if (isRequest(first)) return this.#exchanges();
    const answer = isResponse(toClient.read(0, 16)) ? headAt(toClient, 0) : undefined;
    const isGranted = answer !== undefined && statusOf(answer) === 101 && isUpgrade(answer);
    // others may have come before the one that grants it
    if (!isGranted && answer !== undefined) return this.#search(0);
    // what begins in another way is something else, and not a conversation that was joined
    if (!isGranted && !this.#isForced() && (toServer.isStartSeen || toClient.isStartSeen)) return NONE;
    const { isConvincing, needsExtensions } = this.#probe(toServer, toClient);
    if (!isGranted && !this.#isForced() && !isConvincing) return NONE;
    const connections = this.#connection(0, 0).connections.map((one) => ({ ...one, midStream: true }));
    return { ...NONE, connections, needsExtensions };
  }

  #tell(text: string, time: number): void {
    this.#notes.push({ text, time });
  }

  /** Another protocol was wrapped around it. */
  #behind(toServer: Flow, toClient: Flow): Found {
    return new Reader({ ...this.#stream, toServer, toClient }, this.#options, this.#notes).read();
  }

  #decrypted(): Found {
    const { keys } = this.#options;
    if (keys.isEmpty) return { ...NONE, encrypted: "there is no key log" };
    const found = decrypted(this.#stream.toServer, this.#stream.toClient, keys);
    if (typeof found === "string") return { ...NONE, encrypted: found };
    for (const note of found.notes) this.#tell(note, this.#stream.toServer.time(0));
    return this.#behind(found.toServer, found.toClient);
  }

  #isForced(): boolean {
    const ends = [this.#stream.client, this.#stream.server];
    return this.#options.port !== undefined && ends.some((end) => end.endsWith(`:${this.#options.port}`));
  }

  /** Goes from request to request until one is answered by an upgrade. */
  #exchanges(): Found {
    const { toServer, toClient } = this.#stream;
    let [sent, received] = [0, 0];
    while (isRequest(toServer.read(sent, LONGEST_LINE))) {
      // an empty line may stand before it
      if (toServer.read(sent, 1)[0] === 0x0d) sent += 2;
      const request = headAt(toServer, sent);
      if (request === undefined) return this.#cutRequest(sent, received);
      received = this.#skipInterim(received);
      const response = isResponse(toClient.read(received, 16)) ? headAt(toClient, received) : undefined;
      if (response === undefined) return this.#unanswered(request, sent, received);
      const status = statusOf(response);
      const nextSent = endOfBody(toServer, sent, request);
      if (status === 101) return this.#upgraded(request, sent, nextSent, response, received);
      const isTunnel = /^CONNECT /.test(request.line) && status >= 200 && status < 300;
      const nextReceived = isTunnel ? received + response.length : endOfBody(toClient, received, response, request);
      const isLast = nextSent === undefined || toServer.read(nextSent, 1).length === 0;
      if (isUpgrade(request) && isLast) return this.#connection(sent, received);
      this.#tellExchange(request, response, received, nextReceived);
      if (nextSent === undefined || nextReceived === undefined) return this.#search(sent + request.length);
      if (isTunnel) return this.#behind(toServer.from(nextSent), toClient.from(nextReceived));
      [sent, received] = [nextSent, nextReceived];
    }
    return this.#search(sent);
  }

  /** What comes instead of the answer is the rest of something else, is missing, or has not come. */
  #unanswered(request: Head, sent: number, received: number): Found {
    const { toClient } = this.#stream;
    const isRest = toClient.missing(received) === 0 && !isResponse(toClient.read(received, 16));
    const found = isUpgrade(request) && !isRest ? NONE : this.#search(sent);
    return isUpgrade(request) && found === NONE ? this.#connection(sent, received) : found;
  }

  #upgraded(request: Head, sent: number, nextSent: number | undefined, response: Head, received: number): Found {
    const { toServer, toClient } = this.#stream;
    if (isUpgrade(request)) return this.#connection(sent, received);
    // it answers a later request: something is missing
    if (isUpgrade(response)) return this.#search(sent);
    if (nextSent === undefined || fieldOf(response, "upgrade").toLowerCase() !== "h2c") return NONE;
    this.#tell(`${request.line} was answered by ${response.line}, to HTTP/2`, toClient.time(received));
    return this.#behind(toServer.from(nextSent), toClient.from(received + response.length));
  }

  /** Behind a 100 or a 103, the answer is still to come. */
  #skipInterim(place: number): number {
    let at = place;
    for (;;) {
      const head = headAt(this.#stream.toClient, at);
      const status = head === undefined ? 0 : statusOf(head);
      if (head === undefined || status < 100 || status >= 200 || status === 101) return at;
      at += head.length;
    }
  }

  #tellExchange(request: Head, response: Head, place: number, end: number | undefined): void {
    const { toClient } = this.#stream;
    const fields = response.fields.map(([name, value]) => `${name}: ${value}`).join("; ");
    const start = place + response.length;
    const length = end === undefined ? 0 : end - start;
    const body =
      length > 0 && isUpgrade(request)
        ? `: ${new TextDecoder().decode(toClient.read(start, Math.min(length, 1000)))}`
        : "";
    const size = length > 0 ? `, ${length} bytes${body}` : "";
    const answer = isUpgrade(request) ? `${response.line} (${fields})` : response.line;
    this.#tell(`${request.line} was answered by ${answer}${size}`, toClient.time(place));
  }

  /** The request's head does not end before something is missing: it is an upgrade if the answer says so. */
  #cutRequest(sent: number, received: number): Found {
    const { toServer, toClient } = this.#stream;
    const isAsked = /\r\nupgrade:[^\r]*websocket/i.test(new TextDecoder("latin1").decode(toServer.read(sent)));
    const start = new TextDecoder("latin1").decode(toClient.read(received));
    const isGranted =
      /^HTTP\/1\.[01] 101 /.test(start) && (isAsked || !/\r\nupgrade: *(?!websocket)[^\r\s]/i.test(start));
    return isAsked || isGranted ? this.#connection(sent, received) : this.#search(sent);
  }

  /** Bytes are missing among the exchanges: looks for an upgrade where a segment begins. */
  #search(from: number): Found {
    const { toServer, toClient } = this.#stream;
    const granted = upgrades(toClient, 0, START_OF_RESPONSE).find(
      (place) => statusOf(headAt(toClient, place) as Head) === 101,
    );
    if (granted === undefined && toClient.length > 0) return NONE;
    const isEarlier = (place: number) =>
      granted === undefined || isBefore(toServer.moment(place), toClient.moment(granted));
    const asked = upgrades(toServer, from, START_OF_REQUEST).findLast(isEarlier);
    if (granted === undefined && asked === undefined) return NONE;
    return this.#connection(asked ?? this.#endOfRequests(from), granted ?? 0);
  }

  #endOfRequests(from: number): number {
    const { toServer } = this.#stream;
    let at = from;
    while (isRequest(toServer.read(at, LONGEST_LINE))) {
      const request = headAt(toServer, at);
      const end = request && endOfBody(toServer, at, request);
      if (end === undefined) break;
      at = end;
    }
    return at;
  }

  /** The rest is a WebSocket connection, perhaps a refused one. */
  #connection(sent: number, received: number): Found {
    const { client, server } = this.#stream;
    const toServer = this.#stream.toServer.from(sent);
    const toClient = this.#stream.toClient.from(received);
    const pieces = piecesIn(toServer, toClient);
    return { ...NONE, connections: [{ client, server, pieces, synthetic: false, notes: this.#notes }] };
  }

  /** Whether bytes whose beginning is missing are frames: by what the engine finds in the first of them. */
  #probe(toServer: Flow, toClient: Flow): { isConvincing: boolean; needsExtensions: boolean } {
    const inspector = new Inspector({ midStream: true, extensions: this.#options.extensions ?? "" });
    try {
      let size = 0;
      for (const { direction, bytes, time, missing } of piecesIn(toServer, toClient)) {
        if (missing > 0) inspector.pushMissing(direction, missing, time);
        inspector.push(direction, bytes, time);
        size += bytes.length;
        if (size > MOST_PROBED) break;
      }
      inspector.finish();
      const records = [...inspector.records()];
      const isCompressed = records.some((record) => record.type === "frame" && record.rsv1);
      return {
        isConvincing: inspector.faultCount === 0 && areConvincing(records),
        needsExtensions: isCompressed && !inspector.extensions.known,
      };
    } finally {
      inspector.free();
    }
  }
}

/**
 * Where segments begin with a head that asks for an upgrade, or grants it. Segments inside another head are left out:
 * bytes would be read as often as a segment before them looks like the start of a head.
 */
function upgrades(flow: Flow, from: number, start: RegExp): number[] {
  const found: number[] = [];
  let behind = from;
  for (const place of flow.starts(from)) {
    if (place < behind || !start.test(new TextDecoder("latin1").decode(flow.read(place, 64)))) continue;
    const head = headAt(flow, place);
    if (head !== undefined && isUpgrade(head)) found.push(place);
    behind = place + (head?.length ?? flow.read(place).length);
  }
  return found;
}

/** How a request begins that may ask for an upgrade; its first line may go on. */
const START_OF_REQUEST = /^GET [!-~]+( HTTP\/1\.[01]\r|$)/;
const START_OF_RESPONSE = /^HTTP\/1\.[01] \d{3}/;
/** Bytes of a request's first line. */
const LONGEST_LINE = 8192;
/** Bytes of a stream that are looked at. */
const MOST_PROBED = 512 * 1024;

/**
 * At least two frames in two directions, or three in one, and each direction has more of frames than of anything else.
 */
function areConvincing(records: readonly InspectRecord[]): boolean {
  const frames = records.filter((record) => record.type === "frame");
  const directions = new Set(records.map(({ direction }) => direction));
  const isMostlyFrames = [...directions].every((direction) => {
    const mine = records.filter((record) => record.direction === direction);
    const first = mine.findIndex((record) => record.type === "frame");
    const sizes = mine.slice(first).map((record) => [record.end - record.start, record.type === "frame"] as const);
    const sum = (ofFrames: boolean) => sizes.filter(([, is]) => is === ofFrames).reduce((all, [size]) => all + size, 0);
    return first >= 0 && sum(true) >= sum(false);
  });
  return isMostlyFrames && frames.length >= (directions.size === 2 ? 2 : 3);
}

const PROXY_SIGNATURE = "\r\n\r\n\0\r\nQUIT\n";

/** What a proxy says about the client, in the forms of https://www.haproxy.org/download/2.8/doc/proxy-protocol.txt. */
function proxyProtocol(bytes: Uint8Array): { text: string; length: number } | undefined {
  const text = new TextDecoder("latin1").decode(bytes);
  const line = /^PROXY (TCP4|TCP6|UNKNOWN)[^\r\n]{0,100}\r\n/.exec(text)?.[0];
  if (line !== undefined) return { text: `A proxy said: ${line.trim()}`, length: line.length };
  if (!text.startsWith(PROXY_SIGNATURE) || bytes.length < 16) return undefined;
  const length = 16 + (((bytes[14] as number) << 8) | (bytes[15] as number));
  return { text: `A proxy described the client in ${length} bytes (PROXY protocol, version 2)`, length };
}
