/** What a live page is told, and what is kept for one that stalls. */
import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test } from "node:test";

import { garbageCollector, inner, mustBeCollected } from "./support.js";

interface Connection {
  control: object | undefined;
  become(state: string): void;
  add(direction: string, bytes: Uint8Array): void;
  heldChanged(): void;
  pieceFrom(number: number): readonly [{ readonly bytes: Uint8Array }, number] | undefined;
}
interface Log {
  readonly connections: Map<number, Connection>;
  open(client: string, url: string): Connection;
}
// biome-ignore lint/suspicious/noExplicitAny: JSON of several shapes
type Told = any;

const { feed } = await inner<{ feed(socket: object, log: Log, hello: object): void }>("proxy/feed.js");
const { TrafficLog } = await inner<{ TrafficLog: new (limit: number) => Log }>("proxy/log.js");

/** A page's socket. */
class Page {
  readonly told: Told[] = [];
  bufferedAmount = 0;
  readonly #events = new EventEmitter();
  readonly #heard = new EventEmitter();

  addEventListener(type: string, listener: (event: object) => void): void {
    this.#events.on(type, listener);
  }

  send(text: string): void {
    this.told.push(JSON.parse(text));
    this.#heard.emit("told");
  }

  ask(question: object): void {
    this.#events.emit("message", { data: JSON.stringify(question) });
  }

  drain(): void {
    this.bufferedAmount = 0;
    this.#events.emit("drain");
  }

  async until(holds: (told: Told) => boolean): Promise<void> {
    while (!this.told.some(holds)) await new Promise((resolve) => this.#heard.once("told", resolve));
  }
}

test("connections that are forgotten while a page stalls are not kept for it", async () => {
  const collect = garbageCollector();
  const page = new Page();
  const log = new TrafficLog(1 << 20);
  const known = log.open("known", "/");
  feed(page, log, { type: "hello" });
  page.ask({ type: "watch", watch: 1, id: 1 });
  page.bufferedAmount = 1 << 30;
  const first = new WeakRef(log.open("forgotten", "/"));
  known.become("closed");
  for (let count = 0; count < 2000; count++) {
    const one = log.open("client", "/");
    one.add("toServer", new Uint8Array(1000));
    one.become("closed");
    if (count === 0) first.deref()?.become("closed");
  }
  collect();
  await mustBeCollected(first);
  page.drain();
  await page.until(({ type }) => type === "forgotten");
  const { ids, total } = page.told.find(({ type }) => type === "forgotten");
  assert.deepEqual(ids, [1]); // of all others it has never heard
  assert.equal(total, 2002 - log.connections.size);
});

test("a short piece that is remembered does not keep the long chunk that it is a part of", async () => {
  const collect = garbageCollector();
  const log = new TrafficLog(1 << 20);
  const connection = log.open("client", "/");
  const comes = () => {
    const chunk = new Uint8Array(60_000).fill(7);
    connection.add("toClient", chunk.subarray(100, 105));
    return new WeakRef(chunk.buffer);
  };
  const memory = comes();
  collect();
  await mustBeCollected(memory);
  assert.deepEqual(connection.pieceFrom(0)?.[0].bytes, new Uint8Array(5).fill(7));
});

test("a held payload is told once, and the list when it changes", async () => {
  const page = new Page();
  const log = new TrafficLog(1 << 20);
  const connection = log.open("client", "/");
  const payload = new Uint8Array(1000);
  const units = [1, 2, 3].map((number) => ({ number, direction: "toServer", kind: "text", first: 0x81, payload }));
  const held = units.slice(0, 2);
  connection.control = { isHolding: () => true, held: () => held, heldCount: 0 };
  feed(page, log, { type: "hello" });
  page.ask({ type: "watch", watch: 1, id: 1 });
  for (let turn = 0; turn < 3; turn++) {
    const before = page.told.filter(({ type }) => type === "connections").length;
    connection.add("toClient", new Uint8Array(10));
    await page.until(() => page.told.filter(({ type }) => type === "connections").length > before);
  }
  held.push(...units.slice(2));
  connection.heldChanged();
  await page.until(({ type, units: all }) => type === "held" && all.length === 3);
  const lists = page.told.filter(({ type }) => type === "held").map(({ units: all }) => all);
  assert.deepEqual(
    lists.map((all) => all.map(({ base64 }: { base64?: string }) => base64 !== undefined)),
    [
      [true, true],
      [false, false, true],
    ],
  );
  page.ask({ type: "watch", watch: 2, id: 1 });
  await page.until(({ type, watch, units: all }) => type === "held" && watch === 2 && all.every((u: Told) => u.base64));
});

test("a delay that is not a time is an error, and what waits goes on waiting", () => {
  const page = new Page();
  const log = new TrafficLog(1 << 20);
  const connection = log.open("client", "/");
  const delays: unknown[] = [];
  const release = (_: string, __: number, { delay }: { delay: unknown }) => delays.push(delay);
  connection.control = { isHolding: () => true, held: () => [], heldCount: 0, release };
  feed(page, log, { type: "hello" });
  for (const delay of [-1, "5", null, 3_600_001, 5]) {
    page.ask({ type: "release", id: 1, direction: "toServer", number: 1, delay });
  }
  assert.deepEqual(delays, [5]);
  assert.equal(page.told.filter(({ type }) => type === "error").length, 4);
});
