/** Tools that watch a program put their own functions in the place of `EventTarget`'s, or call those on a socket. */
import assert from "node:assert/strict";
import { getEventListeners, setMaxListeners } from "node:events";
import { type TestContext, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";

import { WebSocket } from "websocket-component";

import { masked, mockTimers, nextEvent, once, RawPeer, rawClient, serve, unclaimed, within } from "./support.js";

type Listener = (event: Event) => void;
type Add = (type: string, listener: Listener, options?: AddEventListenerOptions) => void;

const native = EventTarget.prototype.addEventListener;
const data = (event: Event): unknown => (event as MessageEvent).data;

/** The getter of the runtime's, as a tool takes it that is loaded early. */
function getter(interfaceOf: { prototype: object }, name: string): (this: unknown) => unknown {
  return Object.getOwnPropertyDescriptor(interfaceOf.prototype, name)?.get as (this: unknown) => unknown;
}

/** Puts another function in the place of a method until the test ends. */
function patch<K extends string>(t: TestContext, target: { [name in K]: unknown }, name: K, value: unknown): void {
  const before = Object.getOwnPropertyDescriptor(target, name);
  Object.defineProperty(target, name, { value, configurable: true, writable: true });
  t.after(() => {
    if (before === undefined) Reflect.deleteProperty(target, name);
    else Object.defineProperty(target, name, before);
  });
}

/** As zone.js and agents do: each listener is replaced by one that says that it runs, and is found again by it. */
function wrapListeners(t: TestContext, target: typeof EventTarget.prototype, log: string[]): void {
  const wrappers = new WeakMap<Listener, Listener>();
  const { removeEventListener } = EventTarget.prototype;
  patch(t, target, "addEventListener", function (this: EventTarget, ...[type, listener, options]: Parameters<Add>) {
    const wrapper: Listener = (event) => {
      log.push(`enter ${type}`);
      listener.call(this, event);
    };
    wrappers.set(listener, wrapper);
    native.call(this, type, wrapper, options);
  });
  patch(t, target, "removeEventListener", function (this: EventTarget, ...[type, listener]: Parameters<Add>) {
    removeEventListener.call(this, type, wrappers.get(listener) ?? listener);
  });
}

const targets = { EventTarget: EventTarget.prototype, WebSocket: WebSocket.prototype };

for (const [name, target] of Object.entries(targets)) {
  test(`addEventListener that is wrapped on ${name} wraps a server's message listeners, and takes them out`, async (t) => {
    const log: unknown[] = [];
    const { peer, socket } = await unclaimed(t);
    const removed = () => log.push("removed");
    socket.addEventListener("message", (event) => log.push(`before ${data(event)}`));
    wrapListeners(t, target, log as string[]);
    socket.addEventListener("message", (event) => log.push(`after ${data(event)}`));
    socket.addEventListener("message", removed);
    socket.removeEventListener("message", removed);
    peer.write(masked(0x81, "a"), masked(0x81, "b"), masked(0x89));
    await nextEvent(socket, "ping");
    const each = (text: string) => [`before ${text}`, "enter message", `after ${text}`];
    assert.deepEqual(log, [...each("a"), ...each("b"), "enter ping"].slice(0, log.length));
    assert.ok(log.length >= 6);
  });
}

test("a listener that EventTarget's own method adds to a server's socket gets its messages", async (t) => {
  const log: unknown[] = [];
  const { port } = await serve(t, {}, (socket) => {
    native.call(socket, "message", (event) => log.push(data(event)));
    native.call(socket, "ping", () => log.push("ping"));
    socket.addEventListener("ping", () => socket.close());
  });
  const peer = await RawPeer.connect(port);
  t.after(() => peer.socket.destroy());
  await peer.head();
  peer.write(masked(0x81, "a"), masked(0x81, "b"), masked(0x89));
  await peer.bytes(4); // a pong and a close
  assert.deepEqual(log, ["a", "b", "ping"]);
});

test("a listener that is added so behind others gets the messages of the next packet on", async (t) => {
  const { peer, socket, received } = await rawClient(t);
  const log: unknown[] = [];
  peer.write(masked(0x81, "a"), masked(0x89));
  await nextEvent(socket, "ping");
  native.call(socket, "message", (event) => log.push(data(event)));
  peer.write(masked(0x81, "b"), masked(0x89));
  await nextEvent(socket, "ping");
  assert.deepEqual([received, log], [["a", "b"], ["b"]]);
});

test("messages that wait are claimed by a listener that is added so, though nothing else comes", async (t) => {
  const { peer, socket } = await unclaimed(t);
  peer.write(masked(0x81, "a"), masked(0x89));
  await nextEvent(socket, "ping"); // behind the message, which waits
  const message = new Promise((resolve) => native.call(socket, "message", (event) => resolve(data(event))));
  assert.equal(await message, "a");
});

const claims: Record<string, (socket: WebSocket, listener: Listener, peer: RawPeer) => void> = {
  "at once by a listener": (socket, listener) => socket.addEventListener("message", listener),
  "with the next message by a listener that EventTarget's own method adds": (socket, listener, peer) => {
    native.call(socket, "message", listener);
    peer.write(masked(0x81, "b"));
  },
};

for (const [name, claim] of Object.entries(claims)) {
  test(`messages that wait are claimed ${name}: no timer is needed`, async (t) => {
    mockTimers(t);
    const { peer, socket } = await unclaimed(t);
    peer.write(masked(0x81, "a"), masked(0x89));
    await nextEvent(socket, "ping"); // behind the message, which waits
    const message = new Promise((resolve) => claim(socket, (event) => resolve(data(event)), peer));
    assert.equal(await within("the message", message), "a");
  });
}

test("messages that wait are claimed by a listener that is added so, at the next of several looks", async (t) => {
  mockTimers(t);
  const { peer, socket } = await unclaimed(t);
  peer.write(masked(0x81, "a"), masked(0x89));
  await nextEvent(socket, "ping");
  for (const time of [50, 100]) t.mock.timers.tick(time);
  const message = new Promise((resolve) => native.call(socket, "message", (event) => resolve(data(event))));
  t.mock.timers.tick(200);
  assert.equal(await within("the message", message), "a");
});

test("a listener that EventTarget's own method takes out is not called", async (t) => {
  const { peer, socket } = await unclaimed(t);
  const log: unknown[] = [];
  const removed: Listener = () => log.push("removed");
  socket.addEventListener("message", removed);
  socket.addEventListener("message", (event) => log.push(data(event)));
  EventTarget.prototype.removeEventListener.call(socket, "message", removed);
  peer.write(masked(0x81, "a"), masked(0x89));
  await nextEvent(socket, "ping");
  assert.deepEqual(log, ["a"]);
});

test("dispatchEvent that is wrapped is called with the runtime's events, whose getters work", async (t) => {
  const { dispatchEvent } = EventTarget.prototype;
  const type = getter(Event, "type");
  const seen: unknown[] = [];
  const { peer, socket, received } = await rawClient(t);
  patch(t, EventTarget.prototype, "dispatchEvent", function (this: EventTarget, event: Event) {
    if (this === socket) seen.push(type.call(event));
    return dispatchEvent.call(this, event);
  });
  peer.write(masked(0x81, "a"), masked(0x81, "b"), masked(0x89));
  await nextEvent(socket, "ping");
  assert.deepEqual(
    [seen, received],
    [
      ["message", "message", "ping"],
      ["a", "b"],
    ],
  );
  assert.equal(getEventListeners(socket, "close").length, 0, "no one else hears it");
  peer.socket.destroy();
  while (socket.readyState !== socket.CLOSED) await turn();
  assert.equal(seen.at(-1), "close");
});

test("a socket that was given an emitter's methods has its events all the same", async (t) => {
  const { peer, socket } = await unclaimed(t);
  const heard: unknown[] = [];
  // Node asks a method of this name for the listeners
  Object.assign(socket, { listeners: () => [] });
  socket.addEventListener("message", (event) => heard.push(data(event)));
  const end = nextEvent(socket, "close");
  peer.write(masked(0x81, "a"), masked(0x81, "b"));
  peer.socket.end();
  await within("the close", end);
  assert.deepEqual(heard, ["a", "b"]);
});

test("getters of the runtime's work on a message event that was asked for with options, on either side", async (t) => {
  const { server, url } = await serve(t);
  const client = new WebSocket(url);
  const [socket] = (await once(server, "connection")) as [WebSocket];
  await nextEvent(client, "open");
  const read = (event: Event) => [getter(Event, "type").call(event), getter(MessageEvent, "data").call(event)];
  for (const [one, other] of [
    [client, socket],
    [socket, client],
  ] as const) {
    const event = new Promise<Event>((resolve) => one.addEventListener("message", resolve, { passive: true }));
    other.send("Hello");
    assert.deepEqual(read(await event), ["message", "Hello"]);
  }
});

test("Node warns of more listeners on a socket than its limit, as on any target", async (t) => {
  const { socket } = await rawClient(t);
  setMaxListeners(1, socket);
  const warned = once(process, "warning");
  for (const listener of [() => {}, () => {}]) socket.addEventListener("message", listener);
  const [warning] = (await warned) as [Error & { target: unknown }];
  assert.deepEqual([warning.name, warning.target], ["MaxListenersExceededWarning", socket]);
});

test("without a listener, however it was added, messages are dropped when claimTimeout is over", async (t) => {
  mockTimers(t);
  const { peer, socket } = await unclaimed(t, { claimTimeout: 1000 });
  peer.write(masked(0x81, "a"), masked(0x89));
  await nextEvent(socket, "ping");
  t.mock.timers.tick(1000);
  const log: unknown[] = [];
  socket.addEventListener("message", (event) => log.push(data(event)));
  peer.write(masked(0x81, "b"), masked(0x89));
  await nextEvent(socket, "ping");
  assert.deepEqual(log, ["b"]);
});
