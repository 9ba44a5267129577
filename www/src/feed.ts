/**
 * The process that serves the page, such as the command `proxy`: its connections, and the bytes of the one that is
 * shown.
 *
 * @module
 */
import type { Asked, FedPiece, FedUnit, Told } from "../../js/proxy/feed-protocol.js";
import { beginLive, take, working } from "./actions.js";
import { writePlace } from "./place.js";
import { change, current, type Feed, type HeldUnit } from "./state.js";
import type { LiveBytes } from "./worker/protocol.js";

/** How long to wait before the page connects again, in milliseconds. */
const RETRY = 1000;

let socket: WebSocket | undefined;
let watches = 0;
/** What came while the worker was busy with what came before. */
let waiting: LiveBytes[] = [];
let isTaking = false;
/** Bytes of the watched connection that the worker holds. */
let size = 0;
/** Resolves once the process has answered. */
let greet: () => void = () => {};
const greeted = new Promise<void>((resolve) => {
  greet = resolve;
});

/** Where the page's process says that it can be asked; nothing on a page that is only files. */
export function feedPath(): string | undefined {
  return document.documentElement.dataset.feed;
}

/** Connects to the process, and again whenever it was lost. */
export function startFeed(): void {
  const path = feedPath();
  if (path === undefined) return;
  socket = new WebSocket(new URL(path, location.href.replace(/^http/, "ws")));
  socket.onmessage = ({ data }) => heard(JSON.parse(String(data)));
  socket.onclose = () => {
    changeFeed({ isConnected: false, held: [] });
    setTimeout(startFeed, RETRY);
  };
}

/** Resolves once the process has answered. */
function whenGreeted(): Promise<void> {
  return greeted;
}

function changeFeed(changes: Partial<Feed>): void {
  const { feed } = current();
  if (feed !== undefined) change({ feed: { ...feed, ...changes } });
}

function heard(told: Told): void {
  switch (told.type) {
    case "hello":
      change({
        feed: {
          hello: told,
          isConnected: true,
          connections: new Map(),
          forgotten: 0,
          watched: undefined,
          held: [],
          interventions: [],
        },
      });
      break;
    case "connections": {
      const connections = new Map(current().feed?.connections);
      for (const one of told.changed) connections.set(one.id, one);
      changeFeed({ connections });
      // the first list of all follows the greeting
      greet();
      break;
    }
    case "forgotten": {
      const connections = new Map(current().feed?.connections);
      for (const id of told.ids) connections.delete(id);
      changeFeed({ connections, forgotten: told.total });
      break;
    }
    case "pieces":
      if (told.watch === watches) receive(told.pieces);
      break;
    case "held":
      if (told.watch === watches) changeFeed({ held: told.units.map(withPayload) });
      break;
    case "interventions":
      if (told.watch === watches) changeFeed({ interventions: told.all });
      break;
    case "error":
      change({ error: told.message });
      break;
  }
}

/** A payload comes once, and stays. */
function withPayload(unit: FedUnit): HeldUnit {
  const isSame = ({ number, direction }: HeldUnit) => number === unit.number && direction === unit.direction;
  return { ...unit, base64: unit.base64 ?? current().feed?.held.find(isSame)?.base64 ?? "" };
}

/** Shows a connection of the process. */
export async function watch(id: number): Promise<void> {
  await working("Opening the connection …", async () => {
    await whenGreeted();
    const connection = current().feed?.connections.get(id);
    if (connection === undefined) throw new Error(`Connection ${id} is not in the memory of the process any more.`);
    watches += 1;
    waiting = [];
    size = 0;
    const { client, url: server, http2 } = connection;
    await beginLive({ client, server, http2, synthetic: false }, ["live", String(id)]);
    changeFeed({ watched: id, held: [], interventions: [] });
    ask({ type: "watch", watch: watches, id });
    change({ view: "frames", live: undefined, liveNote: undefined });
    writePlace();
  });
}

function receive(pieces: readonly FedPiece[]): void {
  for (const { base64, direction, time, missing } of pieces) {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    size += bytes.length;
    waiting.push({ direction, bytes, time, missing });
  }
  const { feed } = current();
  if (feed?.watched !== undefined && size > 2 * feed.hello.limit) {
    // the process has long dropped what the page still holds: begin again with what is left there
    void watch(feed.watched);
  } else if (!isTaking) void takeWaiting();
}

async function takeWaiting(): Promise<void> {
  isTaking = true;
  while (waiting.length > 0) {
    const bytes = waiting;
    waiting = [];
    await take(bytes);
  }
  isTaking = false;
}

/** Asks the process for something. */
export function ask(question: Asked): void {
  socket?.send(JSON.stringify(question));
}

/** Bytes as the process takes them. */
export function base64Of(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}
