/**
 * What the page shows. One object, replaced at each change, and drawn anew then.
 *
 * @module
 */
import type { ConnectionSummary as FedConnection, FedUnit, Hello, Intervention } from "../../js/proxy/feed-protocol.js";
import { NO_FILTER } from "./worker/kinds.js";
import type { CaptureSummary, Filter, Overview } from "./worker/protocol.js";

/** The views, in the order of their tabs. */
export const VIEWS = ["open", "frames", "handshake", "messages", "problems", "statistics", "loop"] as const;
/** One of {@link VIEWS}. */
export type View = (typeof VIEWS)[number];

/** How far a connection of this browser is. */
export type LiveState = "connecting" | "open" | "closed";

/** A message or a control frame that waits, with its payload. */
export interface HeldUnit extends FedUnit {
  readonly base64: string;
}

/** The process that serves the page, and what it reports. */
export interface Feed {
  readonly hello: Hello;
  /** Whether the process still answers. */
  readonly isConnected: boolean;
  /** By their ids, the oldest first. */
  readonly connections: ReadonlyMap<number, FedConnection>;
  /** Connections that the process has dropped from its memory. */
  readonly forgotten: number;
  /** The connection that is shown. */
  readonly watched: number | undefined;
  /** Of the watched connection. */
  readonly held: readonly HeldUnit[];
  readonly interventions: readonly Intervention[];
}

/** All that the views are drawn from. */
export interface State {
  readonly view: View;
  readonly capture: CaptureSummary | undefined;
  /** The index of the chosen connection. */
  readonly connection: number;
  readonly overview: Overview | undefined;
  /** Grows whenever the worker may answer otherwise than before. */
  readonly version: number;
  readonly filter: Filter;
  /** How many records pass the filter. */
  readonly listed: number;
  /** The record whose detail is shown. */
  readonly selected: number | undefined;
  /** What the page waits for. */
  readonly busy: string | undefined;
  readonly error: string | undefined;
  /** Something that went well, for those who do not see it. */
  readonly notice: string;
  /** This browser's own connection. */
  readonly live: LiveState | undefined;
  /** What is agreed on and what is not shown of this browser's own connection. */
  readonly liveNote: string | undefined;
  readonly feed: Feed | undefined;
}

let state: State = {
  view: "open",
  capture: undefined,
  connection: 0,
  overview: undefined,
  version: 0,
  filter: NO_FILTER,
  listed: 0,
  selected: undefined,
  busy: undefined,
  error: undefined,
  notice: "",
  live: undefined,
  liveNote: undefined,
  feed: undefined,
};
let draw: (state: State) => void = () => {};

/** The present state. */
export function current(): State {
  return state;
}

/** Changes some of it. */
export function change(changes: Partial<State>): void {
  state = { ...state, ...changes };
  draw(state);
}

/** Says who draws it. */
export function onChange(drawer: (state: State) => void): void {
  draw = drawer;
  draw(state);
}
