/**
 * Where the user is, in the address: Back and Forward lead through captures and views, and reloading leads back to
 * where the user was, if the source can be opened again.
 *
 * @module
 */
import { current, type State, VIEWS, type View } from "./state.js";

/** What an address says. */
export interface Place {
  /** A sample's title, a shared capture, a connection of the process that serves the page, or a file of this visit. */
  readonly source: readonly [name: "sample" | "capture" | "live" | "file", value: string] | undefined;
  readonly connection: number;
  readonly view: View | undefined;
  readonly record: number | undefined;
}

const SOURCES = ["sample", "capture", "live", "file"] as const;
const TITLES: Readonly<Record<View, string>> = {
  open: "Open",
  frames: "Frames",
  handshake: "Handshake",
  messages: "Messages",
  problems: "Problems",
  statistics: "Statistics",
  loop: "Action loop",
};

let source: Place["source"];
let isGoing = false;

/** What the address says now. */
export function placeOf(hash: string): Place {
  const values = new URLSearchParams(hash.slice(1));
  const name = SOURCES.find((one) => values.has(one));
  const view = values.get("view") as View | null;
  return {
    source: name && [name, values.get(name) as string],
    connection: numberOf(values.get("connection")) ?? 0,
    view: view !== null && VIEWS.includes(view) ? view : undefined,
    record: numberOf(values.get("record")),
  };
}

function numberOf(text: string | null): number | undefined {
  return text !== null && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

/** Says what is opened; the address has it from now on. */
export function setSource(opened: Place["source"]): void {
  source = opened;
}

/** What is opened, as the address has it. */
export function currentSource(): Place["source"] {
  return source;
}

/** Does what leads to where the address already is: it makes no steps of its own. */
export async function going(work: () => Promise<void>): Promise<void> {
  isGoing = true;
  try {
    await work();
  } finally {
    isGoing = false;
    writePlace();
  }
}

/** Writes the state to the address: another capture or view is a step that Back undoes, another record is not. */
export function writePlace(state: State = current()): void {
  const values = new URLSearchParams();
  if (source !== undefined) values.set(...source);
  if (state.connection > 0) values.set("connection", String(state.connection));
  if (source !== undefined || state.view !== "open") values.set("view", state.view);
  const step = values.toString();
  if (state.view === "frames" && state.selected !== undefined && state.selected > 0) {
    values.set("record", String(state.selected));
  }
  const hash = values.size > 0 ? `#${values}` : "";
  document.title = titleOf(state);
  if (isGoing || hash === location.hash) return;
  const before = new URLSearchParams(location.hash.slice(1));
  before.delete("record");
  const address = hash === "" ? location.pathname + location.search : hash;
  if (step === before.toString()) history.replaceState(null, "", address);
  else history.pushState(null, "", address);
}

function titleOf({ view, capture }: State): string {
  const parts = [
    view === "open" ? "" : TITLES[view],
    view === "loop" ? "" : (capture?.name ?? ""),
    "WebSocket inspector",
  ];
  return parts.filter((part) => part !== "").join(" – ");
}
