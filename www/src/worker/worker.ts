/**
 * Has the capture and its inspector, so that the page never waits for them.
 *
 * @module
 */
import { type Capture, type Connection, type Format, type Piece, readCapture } from "../../../js/inspect/index.js";
import { initialise } from "../../../js/inspect/inspector.js";
import wasm from "../../../pkg/websocket_component_inspect_bg.wasm?deflated";
import { compiled } from "../wasm.js";
import { Conversation } from "./conversation.js";
import { captureOf, jsonOf } from "./exports.js";
import { statisticsOf, timelineOf } from "./figures.js";
import type { Answer, Call, CaptureSummary, ConnectionSummary, Requests, Source } from "./protocol.js";

/** Formats of bytes alone. */
const ONE_WAY: readonly Format[] = ["raw", "hex", "base64"];
const NOTHING: Capture = { format: "raw", connections: [], skipped: 0 };

let capture: Capture = NOTHING;
let extensions: string | undefined;
let chosen: Connection | undefined;
let conversation: Conversation | undefined;

const requests: Requests = {
  async open(source) {
    const { contents, direction, format, extensions } = source;
    const files = await Promise.all(contents.map(async (content) => new Uint8Array(await content.arrayBuffer())));
    // a key log that is opened together with a capture decrypts it
    const keys = files.filter(isKeyLog).map((file) => new TextDecoder("latin1").decode(file));
    const options = {
      ...(format && { format }),
      ...(direction && { direction }),
      ...(extensions && { extensions }),
      keys: keys.join("\n"),
    };
    const captures = files.filter((file) => !isKeyLog(file)).map((file) => readCapture(file, options));
    const read = together(captures);
    // why there is nothing, if that is known
    if (read.connections.length === 0 && read.notes?.length) throw new Error(`${read.notes.join(". ")}.`);
    return keep(read, source, read.format);
  },
  openLive(connection) {
    const pieces: Piece[] = [];
    const connections = [{ ...connection, pieces }];
    const summary = keep({ ...NOTHING, connections }, { name: connection.server, contents: [] }, "live");
    choose(0);
    return summary;
  },
  push(all) {
    const { pieces = [] } = chosen ?? {};
    for (const bytes of all) {
      (pieces as Piece[]).push({ missing: 0, ...bytes });
      current().push(bytes);
    }
    return current().overview();
  },
  select(index) {
    choose(index);
    for (const piece of chosen?.pieces ?? []) current().push(piece);
    current().inspector.finish();
    return current().overview();
  },
  filter: (filter) => current().filter(filter),
  rows: (from, to) => current().rows(from, to),
  placeOf: (record) => current().placeOf(record),
  nearest: (record) => current().nearest(record),
  detail: (record) => current().detail(record),
  payload: (question) => current().payload(question),
  handshake: () => current().handshake(),
  faults: (from, to) => [...current().inspector.faults(from, Math.min(to, current().inspector.faultCount))],
  messages: (from, to) => current().messages(from, to),
  timeline: (bins) => timelineOf(current().inspector, bins, current().overview().hasTimes),
  statistics: () => statisticsOf(current().inspector, current().overview().hasTimes),
  exportJson: (masksSecrets) => jsonOf(current().inspector, chosen as Connection, masksSecrets),
  exportCapture: (masksSecrets) => captureOf(current().inspector, chosen as Connection, masksSecrets),
};

/** Whether a file has secrets of TLS, as browsers and Node write them. */
function isKeyLog(file: Uint8Array): boolean {
  const text = new TextDecoder("latin1").decode(file.subarray(0, 4096));
  return /^(#[^\n]*\r?\n|\s)*[A-Z0-9_]+ [0-9a-f]{64} [0-9a-f]+/i.test(text);
}

/** One capture of all. Files of the bytes of one direction each are those of the same connection. */
function together(captures: readonly Capture[]): Capture {
  const [first = NOTHING, ...others] = captures;
  if (others.length === 0) return first;
  const skipped = captures.reduce((sum, one) => sum + one.skipped, 0);
  const connections = captures.flatMap((one) => one.connections);
  if (!captures.every(({ format }) => ONE_WAY.includes(format))) return { ...first, connections, skipped };
  const pieces = connections.flatMap((connection) => connection.pieces);
  return { ...first, connections: [{ client: "", server: "", pieces, synthetic: false }], skipped };
}

/** @throws Error if no connection is chosen */
function current(): Conversation {
  if (conversation === undefined) throw new Error("No connection is chosen");
  return conversation;
}

function choose(index: number): void {
  conversation?.free();
  conversation = undefined;
  chosen = capture.connections[index];
  if (chosen === undefined) throw new RangeError(`There is no connection ${index}`);
  conversation = new Conversation(extensions, chosen);
}

function keep(read: Capture, source: Source, format: CaptureSummary["format"]): CaptureSummary {
  capture = read;
  ({ extensions } = source);
  return {
    name: source.name,
    format,
    connections: read.connections.map((one) => summaryOf(one, read.notes)),
    skipped: read.skipped,
  };
}

function summaryOf(
  { client, server, pieces, synthetic, notes = [] }: Connection,
  ofAll: readonly string[] = [],
): ConnectionSummary {
  const size = pieces.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const gaps = pieces.filter(({ missing }) => missing > 0).length;
  return { client, server, size, gaps, synthetic, notes: [...ofAll, ...notes.map(({ text }) => text)] };
}

const ready = compiled(wasm).then(initialise);

self.addEventListener("message", async ({ data: { id, name, given } }: MessageEvent<Call>) => {
  const answer = (rest: Omit<Answer, "id">) => self.postMessage({ id, ...rest } satisfies Answer);
  try {
    await ready;
    const ask = requests[name] as (...given: readonly unknown[]) => unknown;
    answer({ value: await ask(...given) });
  } catch (error) {
    answer({ error: error instanceof Error ? error.message : String(error) });
  }
});
