/**
 * What went over connections, as far as a bounded memory holds it: the oldest is given up first, and that is said.
 *
 * @module
 */
import type { Direction } from "../inspect/records.js";
import { FIN, FrameCutter, isControl } from "./frames.js";
import { kept } from "./unit.js";

/** Bytes that went one way. */
export interface LoggedPiece {
  readonly direction: Direction;
  readonly bytes: Uint8Array;
  /** Milliseconds since 1970. */
  readonly time: number;
  /** Where they begin, in bytes of their direction. */
  readonly start: number;
  /** The direction was between two messages before them: a reader can begin here. */
  readonly isBoundary: boolean;
}

/** Something that the proxy did of its own accord, or that it was told to do. */
export interface Intervention {
  readonly time: number;
  readonly direction: Direction | undefined;
  /** `dropped`, `delayed`, `edited`, `injected`, `passed on` without a decision, or `closed`. */
  readonly action: string;
  /** Of what, and why. */
  readonly about: string;
}

/** A message or a control frame that waits for a decision. */
export interface HeldUnit {
  readonly number: number;
  readonly direction: Direction;
  readonly kind: string;
  /** The first byte of its frame, if it is sent as one: FIN and the opcode. */
  readonly first: number;
  readonly payload: Uint8Array;
}

/** How a held message goes on; as it came, if nothing is given. */
export interface Release {
  /** Another payload, in one frame. */
  readonly payload?: Uint8Array | undefined;
  /** With another payload: the first byte of its frame, in place of FIN and the opcode that came. */
  readonly first?: number | undefined;
  /** Milliseconds until then. */
  readonly delay?: number | undefined;
}

/** How far a connection is. */
export type LogState = "opening" | "open" | "refused" | "failed" | "closed";

/** A connection, as a list of them shows it. */
export interface ConnectionSummary {
  /** From 1 on, in the order in which they came. */
  readonly id: number;
  /** Address and port. */
  readonly client: string;
  /** The address that the client asked for. */
  readonly url: string;
  /** Whether it is a stream of HTTP/2. */
  readonly http2: boolean;
  /** When it came, in milliseconds since 1970. */
  readonly opened: number;
  readonly closed: number | undefined;
  readonly state: LogState;
  /** Why it failed, or how it ended. */
  readonly reason: string;
  /** Bytes and frames by direction, from the beginning on. */
  readonly bytes: Readonly<Record<Direction, number>>;
  readonly frames: Readonly<Record<Direction, number>>;
  /** Bytes that were given up to stay within the memory. */
  readonly forgotten: number;
  /** Whether the proxy stops what goes each way until the user decides. */
  readonly holding: Readonly<Record<Direction, boolean>>;
  /** How many messages and control frames wait for a decision. */
  readonly held: number;
  readonly interventions: number;
}

/** Memory of a piece beside its bytes, about. */
const PIECE_COST = 160;
/** Memory of a connection without its pieces, about. */
const CONNECTION_COST = 2048;
/** Interventions that are remembered of a connection. */
const MAX_INTERVENTIONS = 500;

/** One connection's bytes, and what is known of it. */
export class ConnectionLog {
  readonly id: number;
  readonly client: string;
  readonly url: string;
  /** Whether it is a stream of HTTP/2. */
  http2 = false;
  readonly opened: number = Date.now();
  /** Holds, drops, edits and injects; `undefined` where there is only a tap. */
  control: Control | undefined;
  readonly interventions: Intervention[] = [];
  #interventionCount = 0;
  #closed: number | undefined;
  #state: LogState = "opening";
  #reason = "";
  readonly #owner: TrafficLog;
  /** The handshake, which is kept as long as anything is. */
  readonly #heads: LoggedPiece[] = [];
  #pieces: (LoggedPiece | undefined)[] = [];
  /** The number of the first piece that is left. */
  #first = 0;
  /** Places at the beginning of the list that are free. */
  #free = 0;
  #forgotten = 0;
  readonly #lanes: Readonly<Record<Direction, LoggedLane>> = { toServer: new LoggedLane(), toClient: new LoggedLane() };

  constructor(owner: TrafficLog, id: number, client: string, url: string) {
    this.#owner = owner;
    this.id = id;
    this.client = client;
    this.url = url;
  }

  get state(): LogState {
    return this.#state;
  }

  /** Adds a request's or a response's head. */
  addHead(direction: Direction, bytes: Uint8Array): void {
    this.#heads.push(this.#piece(direction, bytes, true));
    this.#owner.hasGrown(this, bytes.length + PIECE_COST);
  }

  /** Adds bytes that are not overwritten later. Of an open connection they are frames. */
  add(direction: Direction, bytes: Uint8Array): void {
    const lane = this.#lanes[direction];
    const isFrames = this.#state === "open";
    const cut = isFrames ? lane.follow(bytes) : 0;
    // a piece that begins where a message does is one that can be read when those before it are gone
    if (cut > 0) this.#push(direction, bytes.subarray(0, cut), lane.wasBetween);
    this.#push(direction, bytes.subarray(cut), cut > 0 || lane.wasBetween);
  }

  #push(direction: Direction, bytes: Uint8Array, isBoundary: boolean): void {
    this.#pieces.push(this.#piece(direction, bytes, isBoundary));
    this.#owner.hasGrown(this, bytes.length + PIECE_COST);
  }

  #piece(direction: Direction, bytes: Uint8Array, isBoundary: boolean): LoggedPiece {
    const lane = this.#lanes[direction];
    const piece = { direction, bytes: kept(bytes), time: Date.now(), start: lane.length, isBoundary };
    lane.length += bytes.length;
    return piece;
  }

  /** Says how far it is. */
  become(state: LogState, reason: string = this.#reason): void {
    if (this.#closed !== undefined) return;
    const isEnd = state === "closed" || state === "failed";
    // a refusal stays one when its connection ends
    if (!(state === "closed" && this.#state === "refused")) this.#state = state;
    this.#reason = reason;
    if (isEnd) this.#closed = Date.now();
    this.#owner.hasChanged(this);
  }

  /** Remembers what was done to it. */
  intervened(direction: Direction | undefined, action: string, about: string): void {
    this.#interventionCount += 1;
    this.interventions.push({ time: Date.now(), direction, action, about });
    if (this.interventions.length > MAX_INTERVENTIONS) this.interventions.shift();
    this.#owner.hasChanged(this);
  }

  /** How much was done to it, from the beginning on. */
  get interventionCount(): number {
    return this.#interventionCount;
  }

  /** Tells that what waits for a decision has changed. */
  heldChanged(): void {
    this.#owner.hasChanged(this);
  }

  /** The handshake. */
  get heads(): readonly LoggedPiece[] {
    return this.#heads;
  }

  /** The number behind the last piece. */
  get end(): number {
    return this.#first + this.#pieces.length - this.#free;
  }

  /** The next piece from this number on that is still there, and its number. */
  pieceFrom(number: number): readonly [LoggedPiece, number] | undefined {
    const at = Math.max(number, this.#first);
    const piece = this.#pieces[at - this.#first + this.#free];
    return piece && [piece, at];
  }

  /** Memory that it takes, about. */
  get cost(): number {
    return this.#lanes.toServer.length + this.#lanes.toClient.length - this.#forgotten + this.#overhead();
  }

  #overhead(): number {
    return CONNECTION_COST + PIECE_COST * (this.#pieces.length - this.#free + this.#heads.length);
  }

  /** When its oldest piece came; nothing if it has none. */
  get oldest(): number | undefined {
    return this.#pieces[this.#free]?.time;
  }

  /** Gives its oldest bytes up. Returns the memory that is free then. */
  forgetOldest(): number {
    const oldest = this.#pieces[this.#free];
    if (oldest === undefined) return 0;
    // the list keeps the place for a while, not what was there
    this.#pieces[this.#free] = undefined;
    this.#free += 1;
    this.#first += 1;
    this.#forgotten += oldest.bytes.length;
    if (this.#free > 1024 && this.#free > this.#pieces.length / 2) {
      this.#pieces = this.#pieces.slice(this.#free);
      this.#free = 0;
    }
    return oldest.bytes.length + PIECE_COST;
  }

  get isClosed(): boolean {
    return this.#closed !== undefined;
  }

  get summary(): ConnectionSummary {
    const { toServer, toClient } = this.#lanes;
    return {
      id: this.id,
      client: this.client,
      url: this.url,
      http2: this.http2,
      opened: this.opened,
      closed: this.#closed,
      state: this.#state,
      reason: this.#reason,
      bytes: { toServer: toServer.length, toClient: toClient.length },
      frames: { toServer: toServer.frames, toClient: toClient.frames },
      forgotten: this.#forgotten,
      holding: {
        toServer: this.control?.isHolding("toServer") ?? false,
        toClient: this.control?.isHolding("toClient") ?? false,
      },
      held: this.control?.heldCount ?? 0,
      interventions: this.#interventionCount,
    };
  }
}

/** One direction of a connection: how much went, and whether it is between two messages. */
class LoggedLane {
  length = 0;
  frames = 0;
  readonly #cutter = new FrameCutter();
  #isInMessage = false;
  #isLost = false;

  /** Whether the bytes that were followed last began between two messages. */
  wasBetween = true;

  /**
   * Counts the frames of the next bytes. Returns where the first message in them begins behind their beginning, or 0.
   */
  follow(bytes: Uint8Array): number {
    this.wasBetween = !this.#isLost && !this.#isInMessage && this.#cutter.isBetween;
    if (this.#isLost) return 0;
    let at = -this.#cutter.pending;
    let cut = 0;
    try {
      for (const part of this.#cutter.cut(bytes)) {
        at += part.bytes.length;
        if (!isControl(part.head.first)) this.#isInMessage = !(part.ends && (part.head.first & FIN) !== 0);
        if (part.ends) this.frames += 1;
        if (cut === 0 && part.ends && !this.#isInMessage && at < bytes.length) cut = at;
      }
    } catch {
      this.#isLost = true;
    }
    return cut;
  }
}

/** What can be done to a connection from outside. */
export interface Control {
  isHolding(direction: Direction): boolean;
  /** Stops what goes this way, message by message, or lets it all go on. */
  hold(direction: Direction, isOn: boolean): void;
  /** What waits for a decision. */
  held(): readonly HeldUnit[];
  readonly heldCount: number;
  /** Lets one go on, in its place. Returns whether it was still there. */
  release(direction: Direction, number: number, how?: Release): boolean;
  /** Takes one out. Returns whether it was still there. */
  drop(direction: Direction, number: number): boolean;
  /** Sends a frame of the caller's making, as soon as the direction is between two messages. */
  inject(direction: Direction, first: number, payload: Uint8Array): void;
  /** Closes both sides with this status; without one, cuts TCP. */
  close(status: number | undefined, reason: string): void;
}

/** Is told what happens in a log. */
export interface LogListener {
  /** A connection has come, or something of it is otherwise than before; often. */
  onChange(connection: ConnectionLog): void;
  /** A connection was given up altogether. */
  onForgotten(id: number): void;
}

/** All connections, within a bounded memory. */
export class TrafficLog {
  /** In the order in which they came. */
  readonly connections: Map<number, ConnectionLog> = new Map();
  readonly #limit: number;
  readonly #listeners = new Set<LogListener>();
  #cost = 0;
  #count = 0;
  #forgottenConnections = 0;

  /** @param limit bytes, about */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get limit(): number {
    return this.#limit;
  }

  /** Connections that were given up altogether. */
  get forgottenConnections(): number {
    return this.#forgottenConnections;
  }

  /** Begins a connection's log. */
  open(client: string, url: string): ConnectionLog {
    const connection = new ConnectionLog(this, ++this.#count, client, url);
    this.connections.set(connection.id, connection);
    this.hasGrown(connection, CONNECTION_COST);
    return connection;
  }

  listen(listener: LogListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** @internal */
  hasGrown(connection: ConnectionLog, cost: number): void {
    this.#cost += cost;
    while (this.#cost > this.#limit && this.#forgetSome());
    this.hasChanged(connection);
  }

  /** @internal */
  hasChanged(connection: ConnectionLog): void {
    for (const listener of this.#listeners) listener.onChange(connection);
  }

  /** Connections that ended go first, whole; then the oldest bytes of those that are open. */
  #forgetSome(): boolean {
    let oldest: ConnectionLog | undefined;
    for (const connection of this.connections.values()) {
      if (connection.isClosed && this.connections.size > 1) {
        this.#forget(connection);
        return true;
      }
      if (connection.oldest === undefined) continue;
      if (oldest?.oldest === undefined || connection.oldest < oldest.oldest) oldest = connection;
    }
    const freed = oldest?.forgetOldest() ?? 0;
    this.#cost -= freed;
    return freed > 0;
  }

  #forget(connection: ConnectionLog): void {
    this.#cost -= connection.cost;
    this.connections.delete(connection.id);
    this.#forgottenConnections += 1;
    for (const listener of this.#listeners) listener.onForgotten(connection.id);
  }
}
