/** How many writes the answers of a turn take: as few as the network needs, whichever way a program reads and sends. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setImmediate } from "node:timers/promises";

import { WebSocket, WebSocketStream } from "websocket-component";

import { messages, once, serve } from "./support.js";

const COUNT = 50;
const TEXTS = Array.from({ length: COUNT }, (_, at) => `message ${at}`);

/** Sends all texts in one packet to a server that `answer`s; gives the answers, and the writes that these took. */
async function writesFor(t: TestContext, answer: (socket: WebSocket) => unknown): Promise<[unknown[], number]> {
  let writes = 0;
  const count = ({ direction }: { direction: "received" | "sent" }) => {
    if (direction === "sent") writes += 1;
  };
  const { server, url } = await serve(t, { tap: () => count });
  const connection = once(server, "connection");
  const client = new WebSocket(url);
  t.after(() => client.terminate());
  const [socket] = (await connection) as [WebSocket];
  answer(socket);
  await once(client, "open");
  const answers = messages(client, COUNT);
  writes = 0;
  for (const text of TEXTS) client.send(text);
  return [await answers, writes];
}

const idioms: { readonly [name: string]: (socket: WebSocket) => unknown } = {
  "a listener that sends": (socket) => socket.addEventListener("message", ({ data }) => socket.send(data)),
  "a listener that awaits, and sends": (socket) =>
    socket.addEventListener("message", async ({ data }) => {
      await Promise.resolve();
      socket.send(data);
    }),
  "a loop that sends": async (socket) => {
    for await (const data of socket) socket.send(data);
  },
  "a loop that awaits, and sends": async (socket) => {
    for await (const data of socket) socket.send(await Promise.resolve(data));
  },
  "a WebSocketStream that is piped": async (socket) => {
    const { readable, writable } = await new WebSocketStream(socket).opened;
    await readable.pipeTo(writable).catch(() => {}); // until the client has gone
  },
  "a WebSocketStream whose writes are awaited": async (socket) => {
    const { readable, writable } = await new WebSocketStream(socket).opened;
    const writer = writable.getWriter();
    for await (const data of readable) await writer.write(data);
  },
};

for (const [name, answer] of Object.entries(idioms)) {
  test(`${name} answers the ${COUNT} messages of a packet, in their order, by one write`, async (t) => {
    assert.deepEqual(await writesFor(t, answer), [TEXTS, 1]);
  });
}

test("a loop that awaits each write has a write for each, in order, where the network does not take it at once", async (t) => {
  const answer = async (socket: WebSocket) => {
    for await (const data of socket) await socket.write(data);
  };
  assert.deepEqual(await writesFor(t, answer), [TEXTS, COUNT]);
});

/** What `bufferedAmount` is after each of these was sent. */
function sums(texts: readonly string[]): number[] {
  let size = 0;
  return texts.map((text) => {
    size += Buffer.byteLength(text);
    return size;
  });
}

test("a listener that reads bufferedAmount after each send makes one write too, and reads what it has sent", async (t) => {
  const amounts: number[] = [];
  const texts = [...TEXTS.keys()].map((at) => `${at} \u{1f600}é\ud800`.repeat(1 + (at % 3)));
  const [answers, writes] = await writesFor(t, (socket) =>
    socket.addEventListener("message", () => {
      socket.send(texts[amounts.length] as string);
      amounts.push(socket.bufferedAmount);
    }),
  );
  assert.deepEqual(amounts, sums(texts));
  assert.equal(writes, 1);
  assert.deepEqual(
    answers,
    texts.map((text) => text.toWellFormed()),
  );
});

test("bufferedAmount is exact for what came and is sent on, to one or to many, ASCII or not, claimed at once or later", async (t) => {
  const { server, url } = await serve(t);
  const sockets: WebSocket[] = [];
  server.on("connection", (socket) => sockets.push(socket));
  const clients = [new WebSocket(url), new WebSocket(url)] as const;
  t.after(() => clients.forEach((socket) => void socket.terminate()));
  for (const client of clients) await once(client, "open");
  const [first, second] = sockets as [WebSocket, WebSocket];
  // each in a packet of its own: what one was says nothing of those that wait
  const texts = ["\u00e9\u00e9\u00e9\u00e9", "abcd", "\u00e9bcd", "abcd", "\u20ac".repeat(600), "abcd", ""];
  for (const [index, text] of texts.entries()) {
    clients[0].send(text);
    while (first.statistics?.messagesReceived !== index + 1) await setImmediate();
  }
  const amounts: [number, number][] = [];
  await new Promise<void>((resolve) => {
    first.onmessage = ({ data }) => {
      for (const socket of [first, second]) socket.send(data);
      amounts.push([first.bufferedAmount, second.bufferedAmount]);
      if (amounts.length === texts.length) resolve();
    };
  });
  assert.deepEqual(
    amounts,
    sums(texts).map((size) => [size, size]),
  );
});
