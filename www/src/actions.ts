/**
 * What a user can do with a capture.
 *
 * @module
 */
import { inspection } from "./inspection.js";
import { change, current, type View } from "./state.js";
import { NO_FILTER } from "./worker/kinds.js";
import type { CaptureSummary, Filter, LiveBytes, Overview, Source } from "./worker/protocol.js";

/** Reads a capture, and shows its first connection. */
export async function open(source: Source): Promise<void> {
  await working(`Reading ${source.name} …`, async () => {
    const capture = await inspection.open(source);
    if (capture.connections.length === 0) {
      throw new Error(`No WebSocket connection is in ${source.name}; ${capture.skipped} others are.`);
    }
    change({ capture, live: undefined });
    await choose(0);
    change({ view: "frames" });
  });
}

/** Shows a connection of the capture. */
export async function choose(connection: number): Promise<void> {
  await working("Inspecting …", async () => {
    const overview = await inspection.select(connection);
    started(connection, overview);
    change({ notice: `${overview.records} records, ${overview.faults} problems` });
  });
}

/** Shows a live connection, of which nothing has come. */
export async function beginLive(server: string): Promise<void> {
  const capture = await inspection.openLive(server);
  const overview = await inspection.push([]);
  started(0, overview, capture);
  change({ view: "frames" });
}

function started(connection: number, overview: Overview, capture?: CaptureSummary): void {
  change({
    ...(capture && { capture }),
    connection,
    overview,
    filter: NO_FILTER,
    listed: overview.records,
    selected: overview.records > 0 ? 0 : undefined,
    version: current().version + 1,
    error: undefined,
  });
}

/** Adds what came on a live connection; whoever looks at the last record goes on to the new last one. */
export async function take(bytes: readonly LiveBytes[]): Promise<void> {
  const overview = await inspection.push(bytes);
  const listed = (await inspection.filter(current().filter)) ?? current().listed;
  const { selected = -1, overview: before, version } = current();
  const follows = selected === (before?.records ?? 0) - 1;
  change({ overview, listed, version: version + 1, ...(follows && { selected: overview.records - 1 }) });
}

/** Lists what passes the filter. */
export async function filter(changes: Partial<Filter>): Promise<void> {
  const wanted = { ...current().filter, ...changes };
  change({ filter: wanted, busy: "Filtering …" });
  const listed = await inspection.filter(wanted);
  // the next filter is already at work
  if (listed === undefined) return;
  change({ listed, busy: undefined, version: current().version + 1, notice: `${listed} records listed` });
}

/** Shows a record's detail. */
export function select(record: number): void {
  change({ selected: record });
}

/** Shows a record among the others. */
export async function reveal(record: number): Promise<void> {
  const { filter, overview } = current();
  if (filter !== NO_FILTER) {
    await inspection.filter(NO_FILTER);
    change({ filter: NO_FILTER, listed: overview?.records ?? 0, version: current().version + 1 });
  }
  change({ view: "frames", selected: record });
}

/** Shows a view. */
export function show(view: View): void {
  change({ view });
}

/** Hands a file to the browser's downloads. */
export function download(name: string, content: Blob): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

/** Does something that may fail, and says so if it does. */
export async function working(what: string, work: () => Promise<void>): Promise<void> {
  change({ busy: what, error: undefined });
  try {
    await work();
  } catch (error) {
    change({ error: error instanceof Error ? error.message : String(error) });
  } finally {
    change({ busy: undefined });
  }
}
