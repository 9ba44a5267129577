/** A server's socket calls its message listeners itself. They must not notice: they see the same as a client's. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { inspect } from "node:util";

import { WebSocket } from "websocket-component";

import { masked, nextEvent, once, rawClient, serve, uncaughtErrors } from "./support.js";

type Listen = (socket: WebSocket, log: unknown[]) => void;

/** What is logged while three messages come, to a socket whose runtime dispatches and to one of a server's. */
async function logs(t: TestContext, listen: Listen): Promise<[client: unknown[], server: unknown[]]> {
  const { server, url } = await serve(t);
  const client = new WebSocket(url);
  const [socket] = (await once(server, "connection")) as [WebSocket];
  await nextEvent(client, "open");
  const both = [client, socket].map(async (one) => {
    const log: unknown[] = [];
    listen(one, log);
    const last = nextEvent(one, "ping"); // behind the messages
    (one === client ? socket : client).send("a");
    for (const data of ["b", "c"]) (one === client ? socket : client).send(data);
    (one === client ? socket : client).ping();
    await last;
    await new Promise(setImmediate); // what listeners have thrown is told in a later tick
    return log;
  });
  return Promise.all(both) as Promise<[unknown[], unknown[]]>;
}

/** Both see the same, and that much of it. */
async function alike(t: TestContext, count: number, listen: Listen): Promise<void> {
  const [client, server] = await logs(t, listen);
  assert.deepEqual(server, client);
  assert.equal(client.length, count);
}

const data = (event: Event) => (event as MessageEvent).data as string;

test("listeners are called in their order, on the socket, and once if they come twice", (t) =>
  alike(t, 9, (socket, log) => {
    const first = function (this: unknown, event: Event) {
      log.push(`1 ${data(event)} ${this === socket}`);
    };
    socket.addEventListener("message", first);
    socket.onmessage = (event) => log.push(`handler ${data(event)}`);
    socket.addEventListener("message", (event) => log.push(`2 ${data(event)}`));
    socket.addEventListener("message", first);
    socket.addEventListener("message", null);
  }));

test("the type of an event may be whatever becomes a string", (t) =>
  alike(t, 2, (socket, log) => {
    const type = new String("message") as string;
    const listener = (event: Event) => {
      log.push(data(event));
      if (data(event) === "b") socket.removeEventListener(type, listener);
    };
    socket.addEventListener(type, listener);
  }));

test("a listener that is taken out by one before it is not called, and one that is added not yet", (t) =>
  alike(t, 5, (socket, log) => {
    const second = (event: Event) => log.push(`2 ${data(event)}`);
    const third = (event: Event) => log.push(`3 ${data(event)}`);
    socket.addEventListener("message", (event) => {
      log.push(`1 ${data(event)}`);
      if (data(event) !== "b") return;
      socket.removeEventListener("message", second);
      socket.addEventListener("message", third);
    });
    socket.addEventListener("message", second);
    socket.removeEventListener("message", second, { capture: true }); // another, which is not there
  }));

test("a listener that is taken out and comes again waits for the next event", async (t) => {
  const { socket, peer } = await rawClient(t);
  const log: string[] = [];
  const second = () => log.push("2");
  socket.addEventListener("message", () => {
    log.push("1");
    socket.removeEventListener("message", second);
    socket.addEventListener("message", second);
  });
  socket.addEventListener("message", second);
  socket.addEventListener("message", () => log.push("3"));
  peer.write(masked(0x81, "a"), masked(0x89));
  await nextEvent(socket, "ping");
  assert.deepEqual(log, ["1", "3"]); // DOM's "inner invoke", step 2; Node's own dispatch may call it at the end
});

test("listeners with options, for the capturing phase, and objects are called as ever, the others with them", (t) =>
  alike(t, 13, (socket, log) => {
    const end = new AbortController();
    const removed = () => assert.fail("it was taken out");
    socket.addEventListener("message", (event) => log.push(`1 ${data(event)}`));
    socket.addEventListener("message", (event) => log.push(`once ${data(event)}`), { once: true });
    socket.addEventListener("message", { handleEvent: (event) => log.push(`object ${data(event)}`) });
    socket.addEventListener("message", (event) => log.push(`capture ${data(event)}`), true);
    socket.addEventListener("message", removed, { capture: true });
    socket.removeEventListener("message", removed, { capture: true });
    socket.addEventListener("message", () => end.abort());
    socket.addEventListener("message", (event) => log.push(`signal ${data(event)}`), { signal: end.signal });
    socket.addEventListener("message", (event) => log.push(`passive ${data(event)}`), { passive: true });
  }));

test("a listener for one message leaves the others to those that listen to all", (t) =>
  alike(t, 4, (socket, log) => {
    socket.onmessage = (event) => {
      if (data(event) === "a")
        socket.addEventListener("message", (next) => log.push(`next ${data(next)}`), { once: true });
      log.push(data(event));
    };
  }));

test("an event that is stopped at once goes to no further listener, one that is only stopped does", (t) =>
  alike(t, 5, (socket, log) => {
    socket.addEventListener("message", (event) => {
      if (data(event) === "a") event.stopImmediatePropagation();
      if (data(event) === "b") event.stopPropagation();
      if (data(event) === "c") event.cancelBubble = true;
      log.push(`${data(event)} ${event.cancelBubble}`);
    });
    socket.addEventListener("message", (event) => log.push(event.cancelBubble));
  }));

test("a listener's exception or rejected promise is reported as uncaught, and the others are called", async (t) => {
  const uncaught = uncaughtErrors(t);
  await alike(t, 6, (socket, log) => {
    socket.onmessage = (event) => {
      log.push(data(event));
      throw new Error(`handler ${data(event)}`);
    };
    socket.addEventListener("message", async (event) => {
      log.push(data(event));
      throw new Error(`listener ${data(event)}`);
    });
  });
  const each = ["a", "b", "c"].flatMap((name) => [`handler ${name}`, `listener ${name}`]);
  assert.deepEqual(uncaught.map((error) => (error as Error).message).sort(), [...each, ...each].sort());
});

test("events that others dispatch reach the same listeners", (t) =>
  alike(t, 8, (socket, log) => {
    socket.onmessage = (event) => log.push(`handler ${data(event)}`);
    socket.addEventListener("message", (event) => log.push(`listener ${data(event)}`));
    socket.dispatchEvent(new MessageEvent("message", { data: "own" }));
  }));

/** Every member of an event, by its name. */
function members(event: MessageEvent): [name: string, value: unknown][] {
  const names = [MessageEvent.prototype, Event.prototype].flatMap((one) => Object.getOwnPropertyNames(one));
  return [...new Set([...names, "isTrusted"])].sort().map((name) => {
    const value = event[name as keyof MessageEvent] as unknown;
    return [name, typeof value === "function" && name !== "constructor" ? "a function" : value];
  });
}

/** What it says of itself, sockets and times by what they are. */
function told(event: MessageEvent, socket: EventTarget): unknown[] {
  const ofSocket = (value: unknown) => (value === socket ? "the socket" : value);
  const values = members(event).map(([name, value]) => [name, name === "timeStamp" ? typeof value : ofSocket(value)]);
  return [values, event.composedPath().map(ofSocket), event instanceof MessageEvent, `${event}`, Object.keys(event)];
}

test("an event says of itself what one of the runtime's says, while it is dispatched and after", (t) =>
  alike(t, 6, (socket, log) => {
    const events: MessageEvent[] = [];
    const origin = (told: unknown[]) => JSON.stringify(told).replace(/ws:\/\/[\d.:]+/, "");
    socket.addEventListener("message", (event) => {
      event.preventDefault(); // it cannot be cancelled
      log.push(origin(told(event, socket)));
      events.push(event);
    });
    socket.addEventListener("ping", () => {
      for (const event of events) log.push(origin(told(event, socket)));
    });
  }));

test("an event that was dispatched is over, whatever is called on it then", (t) =>
  alike(t, 9, (socket, log) => {
    const events: Event[] = [];
    socket.addEventListener("message", (event) => events.push(event));
    socket.addEventListener("ping", () => {
      for (const event of events) {
        event.stopImmediatePropagation();
        log.push(event.currentTarget, event.eventPhase, event.composedPath().length);
      }
    });
  }));

test("an event is shown as one of the runtime's, and another can be made of it and dispatched", async (t) => {
  const { server, url } = await serve(t);
  const client = new WebSocket(url);
  const [socket] = (await once(server, "connection")) as [WebSocket];
  client.onopen = () => client.send("Hello");
  const event = await new Promise<MessageEvent>((resolve) => {
    socket.onmessage = resolve;
  });
  const copy = new MessageEvent(event.type, event as unknown as MessageEventInit);
  const withoutTime = (shown: string) => shown.replace(/timeStamp: [\d.]+/, "");
  assert.equal(withoutTime(inspect(event)), withoutTime(inspect(copy)));
  assert.match(inspect(event), /^MessageEvent \{/);
  const target = new EventTarget();
  const dispatched = nextEvent<MessageEvent>(target, "message");
  target.dispatchEvent(copy);
  assert.equal((await dispatched).data, "Hello");
  assert.ok(event.timeStamp > 0 && event.timeStamp <= performance.now());
  assert.equal(event.timeStamp, event.timeStamp);
});

test("a client's event says of itself what one of the runtime's says, and any target dispatches it again", async (t) => {
  const { server, url } = await serve(t);
  const client = new WebSocket(url);
  const [socket] = (await once(server, "connection")) as [WebSocket];
  await nextEvent(client, "open");
  const came = whileDispatched(client);
  socket.send("Hello");
  const [event, during] = await came;

  const target = new EventTarget();
  const likewise = whileDispatched(target);
  const runtimes = new MessageEvent("message", { data: "Hello", origin: new URL(client.url).origin });
  target.dispatchEvent(runtimes);
  assert.deepEqual([during, told(event, client)], [(await likewise)[1], told(runtimes, target)]);
  const withoutTime = (shown: string) => shown.replace(/timeStamp: [\d.]+/, "");
  assert.equal(withoutTime(inspect(event)), withoutTime(inspect(runtimes)));

  const again = nextEvent<MessageEvent>(target, "message");
  assert.equal(target.dispatchEvent(event), true);
  assert.equal(await again, event);
});

/** The next message's event, and what it says while it is dispatched. */
function whileDispatched(target: EventTarget): Promise<[event: MessageEvent, told: unknown[]]> {
  return new Promise((resolve) => {
    const take = (event: Event) => resolve([event as MessageEvent, told(event as MessageEvent, target)]);
    target.addEventListener("message", take, { once: true });
  });
}
