/**
 * What a user can do with a capture.
 *
 * @module
 */
import { inspection } from "./inspection.js";
import { currentSource, going, type Place, placeOf, setSource, writePlace } from "./place.js";
import { captureOf, SAMPLES } from "./samples/samples.js";
import { sourceOf } from "./share.js";
import { change, current, type View } from "./state.js";
import { NO_FILTER } from "./worker/kinds.js";
import type { CaptureSummary, Filter, LiveBytes, LiveConnection, Overview, Source } from "./worker/protocol.js";

/** Files that were opened in this visit, by the number that the address has. */
const files: Source[] = [];

/** Opens files, or bytes that were pasted. */
export function openFiles(source: Source): Promise<boolean> {
  files.push(source);
  return open(source, ["file", String(files.length)]);
}

/** Opens the sample with this title. */
export async function openSample(title: string): Promise<boolean> {
  const sample = SAMPLES.find((one) => one.title === title);
  return sample !== undefined && open({ name: title, contents: [captureOf(sample)] }, ["sample", title]);
}

/** Reads a capture, and shows its first connection; it becomes the place in the address. */
async function open(source: Source, place: Place["source"], connection = 0): Promise<boolean> {
  let isOpen = false;
  await working(`Reading ${source.name} …`, async () => {
    const capture = await inspection.open(source);
    if (capture.connections.length === 0) {
      const others = capture.skipped === 0 ? "" : ` It has ${capture.skipped} of other kinds.`;
      throw new Error(`There is no WebSocket connection in ${source.name}.${others}`);
    }
    change({ capture, live: undefined, liveNote: undefined });
    setSource(place);
    // one step for Back, not one for the capture and one for its view
    change({ view: "frames" });
    await choose(Math.min(connection, capture.connections.length - 1));
    focusList();
    isOpen = true;
  });
  return isOpen;
}

/** The focus goes to what was opened: the control that it was on is gone. */
function focusList(): void {
  requestAnimationFrame(() => document.getElementById("records")?.focus({ preventScroll: true }));
}

/** Goes to where an address leads, after Back, Forward, a reload, or a link. */
async function go(place: Place, watch: (id: number) => Promise<void>): Promise<void> {
  const [name, value = ""] = place.source ?? [];
  const isThere = currentSource()?.join() === place.source?.join();
  if (name !== undefined && !isThere && !(await openPlace(place, name, value, watch))) return;
  if (isThere && current().capture !== undefined && place.connection !== current().connection) {
    await choose(place.connection);
  }
  const canShow = current().overview !== undefined || place.view === "loop";
  const view = place.view ?? (name === undefined ? "open" : "frames");
  change({ view: canShow ? view : "open" });
  if (place.record !== undefined) await reveal(place.record);
}

async function openPlace(
  place: Place,
  name: string,
  value: string,
  watch: (id: number) => Promise<void>,
): Promise<boolean> {
  if (name === "sample") return openSample(value);
  if (name === "live") {
    await watch(Number(value));
    return true;
  }
  if (name === "file") {
    const source = files[Number(value) - 1];
    if (source !== undefined) return open(source, place.source, place.connection);
    change({ notice: "A page cannot open a file again by itself: choose it once more." });
    setSource(undefined);
    return false;
  }
  let isOpen = false;
  await working("Reading the address …", async () => {
    const source = await sourceOf(value);
    isOpen = await open(source, place.source, place.connection);
  });
  return isOpen;
}

/** Shows a connection of the capture. */
export async function choose(connection: number): Promise<void> {
  await working("Inspecting …", async () => {
    const overview = await inspection.select(connection);
    started(connection, overview);
    change({ notice: `${overview.records} records, ${overview.faults} problems` });
  });
  writePlace();
}

/** Shows a live connection, of which nothing has come. */
export async function beginLive(connection: LiveConnection, place: Place["source"]): Promise<void> {
  const capture = await inspection.openLive(connection);
  const overview = await inspection.push([]);
  started(0, overview, capture);
  setSource(place);
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

/** Adds what came on a live connection. If the last record was selected, the new last one is. */
export async function take(bytes: readonly LiveBytes[]): Promise<void> {
  const overview = await inspection.push(bytes);
  const listed = (await inspection.filter(current().filter)) ?? current().listed;
  const { selected = -1, overview: before, version } = current();
  const follows = selected === (before?.records ?? 0) - 1 && current().filter === NO_FILTER;
  const last = overview.records > 0 ? overview.records - 1 : undefined;
  change({ overview, listed, version: version + 1, ...(follows && { selected: last }) });
}

/** Lists what passes the filter. The detail is never that of a record that is not listed. */
export async function filter(changes: Partial<Filter>): Promise<void> {
  const wanted = { ...current().filter, ...changes };
  change({ filter: wanted, busy: "Filtering …" });
  const listed = await inspection.filter(wanted);
  // the next filter is already at work
  if (listed === undefined) return;
  const selected = listed === 0 ? undefined : await inspection.nearest(current().selected ?? 0);
  change({ listed, selected, busy: undefined, version: current().version + 1, notice: `${listed} records listed` });
}

/** Shows a record's detail. */
export function select(record: number): void {
  change({ selected: record });
  writePlace();
}

/** Shows a record among the others. */
export async function reveal(record: number): Promise<void> {
  const { filter, overview } = current();
  if (overview === undefined || record >= overview.records) return;
  if (filter !== NO_FILTER) {
    await inspection.filter(NO_FILTER);
    change({ filter: NO_FILTER, listed: overview.records, version: current().version + 1 });
  }
  change({ view: "frames", selected: record });
  writePlace();
}

/** Shows a view. */
export function show(view: View): void {
  change({ view });
  writePlace();
}

/** Hands a file to the browser's downloads. */
export function download(name: string, content: Blob): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

/** Puts a text into the clipboard, and says so. */
export async function copy(text: string, what: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    change({ notice: `${what} copied` });
  } catch {
    change({ error: "The browser does not let this page write to the clipboard." });
  }
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

/** Goes to where the address leads now. */
export function goToAddress(watch: (id: number) => Promise<void>): void {
  void going(() => go(placeOf(location.hash), watch));
}
