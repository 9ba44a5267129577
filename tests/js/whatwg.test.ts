/** The class as a standard has it: the interface by Web IDL, its arguments, its handlers, and its events' classes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";

import { CloseEvent, ErrorEvent, WebSocket, type WebSocketOptions } from "websocket-component";

import { closed, nextEvent, once, serve, serveEcho, serveRaw } from "./support.js";

/** Something that no type allows, and JavaScript does. */
const any = <T>(value: unknown): T => value as T;

/** A socket that goes on connecting until the test's end. */
async function connecting(t: { after(end: () => void): void } & Parameters<typeof serveRaw>[0]): Promise<WebSocket> {
  const socket = new WebSocket(await serveRaw(t, () => {}));
  t.after(() => socket.terminate());
  return socket;
}

const ATTRIBUTES = ["url", "readyState", "bufferedAmount", "extensions", "protocol"];
const WRITABLE_ATTRIBUTES = ["onopen", "onerror", "onclose", "onmessage", "binaryType"];
const OPERATIONS: readonly [name: string, length: number][] = [
  ["close", 0],
  ["send", 1],
];

test("what enumerates is what the interface's definition lists, and no addition", () => {
  const constants = ["CONNECTING", "OPEN", "CLOSING", "CLOSED"];
  const members = [...ATTRIBUTES, ...WRITABLE_ATTRIBUTES, ...OPERATIONS.map(([name]) => name), ...constants];
  assert.deepEqual(Object.keys(WebSocket.prototype).sort(), members.sort());
  assert.deepEqual(Object.keys(WebSocket), constants);
  assert.equal(Object.hasOwn(WebSocket.prototype, "addEventListener"), false);
});

test("a server's socket is one of the same class, by all that shows it", async (t) => {
  const { server, url } = await serve(t);
  const client = new WebSocket(url);
  const [socket] = (await once(server, "connection")) as [WebSocket];
  assert.ok(socket instanceof WebSocket);
  assert.equal(socket.constructor, WebSocket);
  assert.deepEqual(Object.keys(socket), ["data"]);
  assert.match(inspect(socket), /^WebSocket /);
  client.terminate();
});

test("the class has the name, the length, the prototype and the tag of its interface", () => {
  assert.equal(WebSocket.name, "WebSocket");
  assert.equal(WebSocket.length, 1);
  assert.equal(Object.getPrototypeOf(WebSocket), EventTarget);
  assert.equal(Object.getPrototypeOf(WebSocket.prototype), EventTarget.prototype);
  assert.equal(Object.getOwnPropertyDescriptor(WebSocket, "prototype")?.writable, false);
  assert.deepEqual(Object.getOwnPropertyDescriptor(WebSocket.prototype, Symbol.toStringTag), {
    value: "WebSocket",
    writable: false,
    enumerable: false,
    configurable: true,
  });
});

test("attributes are accessors, operations methods, and both refuse what is not a WebSocket", () => {
  for (const name of [...ATTRIBUTES, ...WRITABLE_ATTRIBUTES]) {
    const attribute = Object.getOwnPropertyDescriptor(WebSocket.prototype, name);
    assert.deepEqual([attribute?.enumerable, attribute?.configurable], [true, true], name);
    assert.equal(attribute?.set !== undefined, WRITABLE_ATTRIBUTES.includes(name), name);
    for (const other of [{}, WebSocket.prototype, new EventTarget(), undefined]) {
      assert.throws(() => attribute?.get?.call(other), TypeError, name);
      if (attribute?.set !== undefined) assert.throws(() => attribute.set?.call(other, "nonsense"), TypeError, name);
    }
  }
  for (const [name, length] of OPERATIONS) {
    const operation = Object.getOwnPropertyDescriptor(WebSocket.prototype, name);
    assert.deepEqual([operation?.writable, operation?.enumerable, operation?.configurable], [true, true, true], name);
    assert.equal(operation?.value.length, length, name);
    for (const other of [{}, WebSocket.prototype, undefined]) {
      assert.throws(() => operation?.value.call(other, any(1000)), TypeError, name);
    }
  }
});

test("read-only attributes cannot be set, and no interface member is an own property", async (t) => {
  const socket = await connecting(t);
  for (const name of ATTRIBUTES) {
    assert.throws(() => Object.assign(socket, { [name]: 5 }), TypeError, name);
    assert.ok(name in socket);
  }
  assert.deepEqual(
    Reflect.ownKeys(socket).filter((key) => typeof key === "string"),
    [],
  );
});

test("an argument that is missing is a TypeError, and so is the class without new", async (t) => {
  const socket = await connecting(t);
  assert.throws(() => Reflect.construct(WebSocket, []), TypeError);
  assert.throws(() => any<() => void>(WebSocket)(), TypeError);
  assert.throws(() => Reflect.apply(socket.send, socket, []), TypeError);
  assert.throws(() => Reflect.construct(CloseEvent, []), TypeError);
  assert.throws(() => Reflect.construct(ErrorEvent, []), TypeError);
  assert.throws(() => new WebSocket(any(undefined)), { name: "SyntaxError" }, "undefined is given, and no URL");
});

test("a symbol is not a string", async (t) => {
  const socket = await connecting(t);
  const symbol = any<string>(Symbol("s"));
  for (const call of [
    () => new WebSocket(symbol),
    () => new WebSocket("ws://localhost", symbol),
    () => new WebSocket("ws://localhost", [symbol]),
    () => socket.close(1000, symbol),
    () => {
      socket.binaryType = any(symbol);
    },
  ]) {
    assert.throws(call, TypeError);
  }
});

test("subprotocols are a string or whatever can be iterated", async (t) => {
  const { url } = await serveEcho(t);
  const given: [protocols: string | Iterable<string>, selected: string][] = [
    ["chat", "chat"],
    [["chat", "superchat"], "chat"],
    [new Set(["superchat", "chat"]), "superchat"],
    [(function* () {})(), ""],
    [any<string>(new String("xy")), "x"], // an object with an iterator is a sequence, before all else
    [any<string>([1, { toString: () => "two" }]), "1"],
    [any<string>(null), "null"],
    [any<string>(7), "7"],
    [any<string>(undefined), ""],
  ];
  for (const [protocols, selected] of given) {
    const socket = new WebSocket(url, protocols);
    assert.equal(socket.protocol, "");
    await nextEvent(socket, "open");
    assert.equal(socket.protocol, selected);
    socket.close();
    await closed(socket);
  }
});

test("arguments are converted in their order, and only then looked at", async (t) => {
  const order: string[] = [];
  const saying = (name: string, value: string) => ({
    toString: () => {
      order.push(name);
      return value;
    },
  });
  assert.throws(() => new WebSocket(any(saying("url", "no URL")), any([saying("protocol", "a b")])), {
    message: /no URL/,
  });
  const socket = await connecting(t);
  const code = { valueOf: () => order.push("code") };
  assert.throws(() => socket.close(any(code), any(saying("reason", ""))), { name: "InvalidAccessError" });
  assert.deepEqual(order, ["url", "protocol", "code", "reason"]);
});

test("url is the URL record, serialised", async (t) => {
  const given: [url: string | URL, serialised: string][] = [
    ["ws://localhost:80/", "ws://localhost/"],
    ["wss://LOCALHOST:443", "wss://localhost/"],
    ["http://localhost:443/", "ws://localhost:443/"],
    ["https://localhost:80/", "wss://localhost:80/"],
    ["ws://user:pass%20word@localhost/", "ws://user:pass%20word@localhost/"],
    ["ws://[0:0::1]:8080/a/../b", "ws://[::1]:8080/b"],
    [" ws://localhost/?\uD800é ", "ws://localhost/?%EF%BF%BD%C3%A9"],
    [new URL("ws://localhost/a?b"), "ws://localhost/a?b"],
  ];
  for (const [url, serialised] of given) {
    const socket = new WebSocket(url);
    t.after(() => socket.terminate());
    assert.equal(socket.url, serialised);
    socket.terminate();
  }
});

test("close takes its code by [Clamp]: to the nearest, of two to the even one, and strings as numbers", async (t) => {
  const refused: unknown[] = [2999.4, 2998.5, 4999.5, 999.4, Number.POSITIVE_INFINITY, null, "reason", true, [], {}];
  const taken: unknown[] = [999.5, 1000.5, 2999.5, 3000.4, 4999.4, "3000", [4000]];
  const socket = await connecting(t);
  for (const code of refused) {
    assert.throws(() => socket.close(any(code)), { name: "InvalidAccessError" }, String(code));
  }
  assert.throws(() => socket.close(any(1000n)), TypeError);
  assert.equal(socket.readyState, WebSocket.CONNECTING);
  for (const code of taken) {
    const one = await connecting(t);
    one.close(any(code));
    assert.equal(one.readyState, WebSocket.CLOSING, String(code));
  }
});

test("an event handler is null for a value that is not an object, and any object is kept", async (t) => {
  const socket = await connecting(t);
  const kept: unknown[] = [() => {}, {}, { handleEvent: () => assert.fail("no event listener") }, [], new Date()];
  for (const type of ["open", "message", "error", "close"] as const) {
    const name = `on${type}` as const;
    assert.equal(socket[name], null);
    for (const value of kept) {
      socket[name] = any(value);
      assert.equal(socket[name], value);
      socket.dispatchEvent(new Event(type));
    }
    for (const value of [1, "alert()", true, Symbol("s"), undefined, null]) {
      socket[name] = () => {};
      socket[name] = any(value);
      assert.equal(socket[name], null, String(value));
    }
  }
});

test("a handler is called with the event, on the socket; false cancels; set again after null it goes last", async (t) => {
  const socket = await connecting(t);
  const turns: unknown[] = [];
  socket.onopen = function (this: unknown, event) {
    turns.push([this === socket, event.type]);
    return false;
  };
  socket.addEventListener("open", () => turns.push("listener"));
  const event = new Event("open", { cancelable: true });
  assert.equal(socket.dispatchEvent(event), false);
  assert.equal(event.defaultPrevented, true);
  const { onopen } = socket;
  socket.onopen = null;
  socket.onopen = onopen;
  socket.dispatchEvent(new Event("open"));
  assert.deepEqual(turns, [[true, "open"], "listener", "listener", [true, "open"]]);
});

test("options as a second argument are not subprotocols, those as a third go with them", async (t) => {
  const { url } = await serveEcho(t);
  const given: [string | Iterable<string> | WebSocketOptions, WebSocketOptions?][] = [
    [{ protocols: new Set(["chat"]), headers: { "X-One": "1" } }],
    ["chat", { headers: { "X-One": "1" } }],
  ];
  for (const [second, third] of given) {
    const socket = new WebSocket(url, second, third);
    await nextEvent(socket, "open");
    assert.equal(socket.protocol, "chat");
    socket.close();
    await closed(socket);
  }
});

test("CloseEvent is as its interface is defined", () => {
  const plain = new CloseEvent("close");
  assert.deepEqual([plain.wasClean, plain.code, plain.reason, plain.bubbles], [false, 0, "", false]);
  const details = {
    wasClean: any<boolean>(1),
    code: 65536 + 1000.9,
    reason: "\uD800",
    bubbles: true,
    cancelable: true,
  };
  const full = new CloseEvent("close", details);
  assert.deepEqual([full.wasClean, full.code, full.reason], [true, 1000, "\uFFFD"]);
  assert.deepEqual([full.bubbles, full.cancelable], [true, true]);
  assert.equal(new CloseEvent("close", any(null)).code, 0);
  assert.throws(() => Object.assign(full, { wasClean: false }), TypeError);
  assertInterface(CloseEvent, "CloseEvent", ["wasClean", "code", "reason"]);
});

test("ErrorEvent is as its interface is defined, where the runtime has none of its own", () => {
  const error = new Error("why");
  const event = new ErrorEvent("error", { message: "m", filename: "f", lineno: 2 ** 32 + 3, colno: 4, error });
  assert.deepEqual([event.message, event.filename, event.lineno, event.colno, event.error], ["m", "f", 3, 4, error]);
  const plain = new ErrorEvent("error");
  assert.deepEqual([plain.message, plain.filename, plain.lineno, plain.colno], ["", "", 0, 0]);
  assertInterface(ErrorEvent, "ErrorEvent", ["message", "filename", "lineno", "colno", "error"]);
});

/** A class of events: its name and tag, one argument, and these attributes, which enumerate. */
function assertInterface(target: typeof CloseEvent | typeof ErrorEvent, name: string, attributes: string[]): void {
  const prototype = any<{ prototype: object }>(target).prototype;
  assert.deepEqual([target.name, target.length], [name, 1]);
  assert.equal(Object.getOwnPropertyDescriptor(prototype, Symbol.toStringTag)?.value, name);
  for (const attribute of attributes) {
    const { get, set, enumerable } = Object.getOwnPropertyDescriptor(prototype, attribute) ?? {};
    assert.deepEqual([typeof get, set, enumerable], ["function", undefined, true], attribute);
    assert.throws(() => get?.call(prototype), TypeError, attribute);
  }
}
