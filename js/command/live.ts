/**
 * A capture that goes on, such as that of `tcpdump -w -`: what is new in it is shown as it comes.
 *
 * @module
 */
import { type Connection, Inspector, type InspectRecord, type ReadOptions, readCapture } from "../inspect/index.js";

/** Shows the records of a connection that were not shown before. */
export type Show = (
  number: number,
  connection: Connection,
  inspector: Inspector,
  records: InspectRecord[],
) => Promise<void>;

/** Milliseconds after which a capture that has not ended counts as one that goes on. */
const PATIENCE = 1000;
/** The pause before the capture is read again, as a multiple of the time that reading it took. */
const REST = 10;
const LIVE_FORMATS: readonly string[] = ["pcap", "pcapng", "snoop", "recorded"];

/** The capture, if it ends soon; otherwise `show` has shown what is in it. */
export async function readLive(
  input: NodeJS.ReadableStream,
  options: ReadOptions,
  show: Show,
): Promise<Uint8Array | undefined> {
  const capture = new Growing(options, show);
  const end = new Promise<"end">((resolve, reject) => {
    input.on("data", (chunk: Uint8Array) => capture.add(chunk));
    input.once("end", () => resolve("end"));
    input.once("error", reject);
  });
  let wait = PATIENCE;
  while ((await Promise.race([end, passed(wait)])) !== "end") {
    const started = performance.now();
    await capture.show(false);
    wait = Math.max(PATIENCE / 4, (performance.now() - started) * REST);
  }
  if (!capture.isShown) return capture.bytes;
  await capture.show(true);
  return undefined;
}

function passed(milliseconds: number): Promise<"passed"> {
  return new Promise((resolve) => setTimeout(() => resolve("passed"), milliseconds));
}

class Growing {
  /** Whether something of it was shown. */
  isShown = false;
  readonly #options: ReadOptions;
  readonly #show: Show;
  #chunks: Uint8Array[] = [];
  /** By what names a connection: its number, and what was shown of it. */
  readonly #connections = new Map<string, { number: number; shown: Set<string> }>();
  #size = 0;
  #readSize = 0;

  constructor(options: ReadOptions, show: Show) {
    this.#options = options;
    this.#show = show;
  }

  add(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
  }

  get bytes(): Uint8Array {
    const all = this.#chunks.length === 1 ? (this.#chunks[0] as Uint8Array) : Buffer.concat(this.#chunks);
    this.#chunks = [all];
    return all;
  }

  /** Shows what is new; at its end, also what is cut. */
  async show(isEnd: boolean): Promise<void> {
    if (this.#size === 0 || (this.#size === this.#readSize && !isEnd)) return;
    this.#readSize = this.#size;
    let connections: readonly Connection[];
    try {
      const capture = readCapture(this.bytes, this.#options);
      if (!LIVE_FORMATS.includes(capture.format)) return;
      ({ connections } = capture);
    } catch (error) {
      // its beginning may not have come yet
      if (isEnd || this.isShown) throw error;
      return;
    }
    for (const connection of connections) await this.#showConnection(connection, isEnd);
  }

  async #showConnection(connection: Connection, isEnd: boolean): Promise<void> {
    const key = `${connection.client} ${connection.server} ${connection.pieces[0]?.time}`;
    const known = this.#connections.get(key) ?? { number: this.#connections.size + 1, shown: new Set() };
    this.#connections.set(key, known);
    const { midStream = false, http2 = false } = connection;
    const inspector = new Inspector({ midStream, http2, extensions: this.#options.extensions ?? "" });
    for (const { direction, bytes, time, missing } of connection.pieces) {
      if (missing > 0) inspector.pushMissing(direction, missing, time);
      inspector.push(direction, bytes, time);
    }
    if (isEnd) inspector.finish();
    const fresh = [...inspector.records()].filter((record) => {
      const place = `${record.direction} ${record.start}`;
      const isNew = (record.whole || isEnd) && !known.shown.has(place);
      if (isNew) known.shown.add(place);
      return isNew;
    });
    if (fresh.length > 0) {
      this.isShown = true;
      await this.#show(known.number, connection, inspector, fresh);
    }
    inspector.free();
  }
}
