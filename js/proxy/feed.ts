/**
 * One live page: it hears about all connections, and gets the bytes of the watched one as fast as it accepts them.
 *
 * @module
 */
import type { Direction } from "../inspect/records.js";
import type { WebSocket } from "../websocket/websocket.js";
import type { Asked, FedPiece, Hello, Told } from "./feed-protocol.js";
import type { ConnectionLog, Control, LoggedPiece, Release, TrafficLog } from "./log.js";

/** How often a page is told, in milliseconds. */
const TURN = 50;
/** Bytes that one message has, about; and that may wait to be sent. */
const BATCH = 256 * 1024;
const MAX_BUFFERED = 1 << 20;
/** Milliseconds that a message may be delayed from the page, at most. */
const MAX_DELAY = 3_600_000;

/** Begins to tell a page. */
export function feed(socket: WebSocket, log: TrafficLog, hello: Hello): void {
  const one = new Feed(socket, log);
  one.begin(hello);
}

class Feed {
  readonly #socket: WebSocket;
  readonly #log: TrafficLog;
  /** Connections of which the page must hear; those that it knows, and of these those that are forgotten. */
  readonly #changed = new Set<number>();
  readonly #known = new Set<number>();
  #forgotten: number[] = [];
  #total = 0;
  #timer: NodeJS.Timeout | undefined;
  #watch = 0;
  #watched: ConnectionLog | undefined;
  /** The number of the next piece, and where each direction goes on. */
  #next = 0;
  #expected: Record<Direction, number> = { toServer: 0, toClient: 0 };
  #hasHeads = 0;
  /** What the page knows of the watched connection: units that wait, as it was told, and how much was done. */
  #held = "";
  #payloads: ReadonlySet<string> = new Set();
  #interventions = 0;

  constructor(socket: WebSocket, log: TrafficLog) {
    this.#socket = socket;
    this.#log = log;
  }

  begin(hello: Hello): void {
    const leave = this.#log.listen({
      onChange: (connection) => {
        this.#changed.add(connection.id);
        this.#schedule();
      },
      onForgotten: (id) => {
        this.#changed.delete(id);
        if (this.#known.delete(id)) this.#forgotten.push(id);
        if (this.#watched?.id === id) this.#watched = undefined;
        this.#schedule();
      },
    });
    this.#socket.addEventListener("close", () => {
      leave();
      clearTimeout(this.#timer);
    });
    this.#socket.addEventListener("drain", () => this.#schedule());
    this.#socket.addEventListener("message", ({ data }) => this.#heard(String(data)));
    this.#tell(hello);
    this.#tellConnections([...this.#log.connections.values()]);
  }

  #tellConnections(all: readonly ConnectionLog[]): void {
    for (const { id } of all) this.#known.add(id);
    this.#tell({ type: "connections", changed: all.map(({ summary }) => summary) });
  }

  #tell(message: Told): void {
    this.#socket.send(JSON.stringify(message));
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => this.#turn(), TURN);
  }

  #turn(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    // a page that does not keep up is told later; the log does not wait for it
    if (this.#socket.bufferedAmount > MAX_BUFFERED) return;
    const changed = [...this.#changed].flatMap((id) => this.#log.connections.get(id) ?? []);
    this.#changed.clear();
    if (changed.length > 0) this.#tellConnections(changed);
    const total = this.#log.forgottenConnections;
    if (this.#total !== total) {
      this.#tell({ type: "forgotten", ids: this.#forgotten, total });
      this.#forgotten = [];
      this.#total = total;
    }
    if (this.#watched === undefined) return;
    if (changed.includes(this.#watched)) this.#tellState(this.#watched);
    this.#tellPieces(this.#watched);
  }

  /** What has changed: a page that knows a payload gets it no more. */
  #tellState(connection: ConnectionLog): void {
    const held = (connection.control?.held() ?? []).map((unit) => {
      return { unit, key: `${unit.direction} ${unit.number}` };
    });
    const keys = held.map(({ key }) => key);
    if (this.#held !== keys.join()) {
      const units = held.map(({ unit: { payload, ...unit }, key }) => {
        return this.#payloads.has(key) ? unit : { ...unit, base64: Buffer.from(payload).toString("base64") };
      });
      this.#held = keys.join();
      this.#payloads = new Set(keys);
      this.#tell({ type: "held", watch: this.#watch, units });
    }
    if (this.#interventions === connection.interventionCount) return;
    this.#interventions = connection.interventionCount;
    this.#tell({ type: "interventions", watch: this.#watch, all: connection.interventions });
  }

  #tellPieces(connection: ConnectionLog): void {
    const pieces: FedPiece[] = [];
    let size = 0;
    for (const piece of this.#nextPieces(connection)) {
      pieces.push(piece);
      size += piece.base64.length;
      if (size < BATCH) continue;
      this.#schedule();
      break;
    }
    if (pieces.length > 0) this.#tell({ type: "pieces", watch: this.#watch, pieces });
  }

  *#nextPieces(connection: ConnectionLog): Generator<FedPiece> {
    for (; this.#hasHeads < connection.heads.length; this.#hasHeads++) {
      yield this.#fed(connection.heads[this.#hasHeads] as LoggedPiece);
    }
    for (let found = connection.pieceFrom(this.#next); found !== undefined; found = connection.pieceFrom(this.#next)) {
      const [piece, number] = found;
      this.#next = number + 1;
      // behind a gap, what is in the middle of a message would be read as something else
      const isReadable = piece.start === this.#expected[piece.direction] || piece.isBoundary;
      if (isReadable) yield this.#fed(piece);
    }
  }

  #fed({ direction, time, start, bytes }: LoggedPiece): FedPiece {
    const missing = start - this.#expected[direction];
    this.#expected[direction] = start + bytes.length;
    return { direction, time, missing, base64: Buffer.from(bytes).toString("base64") };
  }

  #heard(text: string): void {
    try {
      this.#act(JSON.parse(text));
    } catch (error) {
      this.#tell({ type: "error", message: (error as Error).message });
    }
  }

  /** @throws Error if there is no such thing to act on */
  #act(asked: Asked): void {
    if (asked.type === "watch") {
      this.#begin(asked.watch, asked.id);
      return;
    }
    const control = this.#controlOf(asked.id);
    const direction = asked.type === "close" ? undefined : directionOf(asked.direction);
    if (asked.type === "close") control.close(asked.status ?? undefined, "by hand");
    else if (asked.type === "hold") control.hold(direction as Direction, asked.isOn === true);
    else if (asked.type === "inject") {
      control.inject(direction as Direction, asked.first & 0xff, Buffer.from(asked.base64, "base64"));
    } else {
      const wasThere =
        asked.type === "drop"
          ? control.drop(direction as Direction, asked.number)
          : control.release(direction as Direction, asked.number, releaseOf(asked));
      if (!wasThere) throw new Error("This message does not wait any more.");
    }
  }

  #begin(watch: number, id: number): void {
    this.#watch = watch;
    this.#watched = this.#log.connections.get(id);
    if (this.#watched === undefined) throw new Error(`Connection ${id} is no longer in the memory.`);
    this.#next = 0;
    this.#hasHeads = 0;
    this.#expected = { toServer: 0, toClient: 0 };
    this.#held = "";
    this.#payloads = new Set();
    this.#interventions = 0;
    this.#changed.add(id);
    this.#turn();
  }

  #controlOf(id: number): Control {
    const control = this.#log.connections.get(id)?.control;
    if (control === undefined) throw new Error(`Nothing can be done to connection ${id}: it is not open here.`);
    return control;
  }
}

function releaseOf({ base64, first, delay }: Extract<Asked, { type: "release" }>): Release {
  const isTime = typeof delay === "number" && delay >= 0 && delay <= MAX_DELAY;
  if (delay !== undefined && !isTime) throw new Error("The delay is from 0 ms to an hour.");
  return {
    payload: base64 === undefined ? undefined : Buffer.from(base64, "base64"),
    first: first === undefined ? undefined : first & 0xff,
    delay,
  };
}

function directionOf(direction: unknown): Direction {
  if (direction === "toServer" || direction === "toClient") return direction;
  throw new Error("The direction is toServer or toClient.");
}
