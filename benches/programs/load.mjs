// The load, the same for every contender. Answers "open" and "listen" with the number of a group of connections, by
// which "run" and "close" name it.
import { Exchange, exchangeFor, listen, openAll } from "../lib/exchange.mjs";
import { frame, frameSize, payload } from "../lib/frames.mjs";
import { cpuMicroseconds, serveRequests } from "../lib/requests.mjs";

const groups = [];

/** What one message makes is looked at, once. */
async function check(connection, message, reply) {
  const parts = [];
  let length = 0;
  await new Promise((resolve) => {
    connection.onBytes = (bytes) => {
      parts.push(Buffer.from(bytes));
      length += bytes.length;
      if (length >= reply.length) resolve();
    };
    connection.write(message);
  });
  if (!Buffer.concat(parts).equals(reply)) throw new Error("what came back is not what was sent");
}

/**
 * Connects to a server.
 *
 * @param batch how many messages are sent before their replies are awaited
 * @param packet how many bytes are written at once, by default all
 */
async function open({ port, isSecure, connections, kind, size, batch, packet, isRaw = false, isBroadcast = false }) {
  const bytes = payload(kind, size);
  const message = frame(kind, bytes, true);
  const reply = isRaw ? message : frame(kind, bytes, false);
  const all = await openAll({ port, isSecure }, 1);
  await check(all[0], message, reply);
  all.push(...(await openAll({ port, isSecure }, connections - 1)));
  const sent = Buffer.concat(Array(batch).fill(message));
  const make = (receivers) => new Exchange(receivers, sent, reply.length * batch * receivers.length, packet);
  const exchanges = isBroadcast ? [make(all)] : all.map((one) => make([one]));
  const messages = batch * (isBroadcast ? connections : 1);
  return groups.push({ all, exchanges, messages }) - 1;
}

/** By mode of programs/client.mjs: what is sent to a client, and the bytes that it answers with. */
const forClients = {
  feed: ({ size, batch }) => ({
    sent: Buffer.concat(Array(batch).fill(frame("JSON", payload("JSON", size), false))),
    reply: frameSize("ok".length, true),
  }),
  send: ({ size, batch }) => ({ sent: frame("ascii", Buffer.from("go"), false), reply: batch * frameSize(size, true) }),
  "ping-pong": ({ size }) => ({ sent: frame("ascii", payload("ascii", size), false), reply: frameSize(size, true) }),
};

/** Waits for clients, at the port that this gives beside the group's number. */
async function listenFor(spec) {
  const { sent, reply } = forClients[spec.mode](spec);
  const group = { all: [], exchanges: [], messages: spec.batch };
  const port = await listen((connection) => {
    group.all.push(connection);
    group.exchanges.push(new Exchange([connection], sent, reply));
  });
  return { port, id: groups.push(group) - 1 };
}

/** Runs for this time, and until the last exchange is over; `messages` are those that came back. */
async function run({ id, milliseconds }) {
  const { exchanges, messages } = groups[id];
  const cpu = cpuMicroseconds();
  const start = performance.now();
  const times = await exchangeFor(milliseconds, exchanges);
  const elapsed = performance.now() - start;
  const busy = (cpuMicroseconds() - cpu) / elapsed / 10;
  return {
    messages: times.length * messages,
    seconds: elapsed / 1000,
    p50: quantile(times, 0.5),
    p99: quantile(times, 0.99),
    busy,
  };
}

function quantile(sorted, part) {
  return sorted[Math.floor(part * (sorted.length - 1))];
}

function close(id) {
  for (const connection of groups[id].all) connection.drop();
  groups[id] = undefined;
}

const HELLO = frame("ascii", payload("ascii", 125), true);
const HELLO_BACK = frame("ascii", payload("ascii", 125), false);

/** Opens connections, a few at a time; each has a message sent back, and closes. Gives the seconds that it took. */
async function churn({ port, connections, isRaw = false }) {
  const reply = isRaw ? HELLO : HELLO_BACK;
  const start = performance.now();
  for (let left = connections; left > 0; left -= TOGETHER) {
    const some = await openAll({ port }, Math.min(TOGETHER, left));
    await Promise.all(
      some.map(async (one) => {
        await exchangeFor(0, [new Exchange([one], HELLO, reply.length)]);
        await one.close();
      }),
    );
  }
  return (performance.now() - start) / 1000;
}

const TOGETHER = 50;
const OFFER = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits";

/** Milliseconds without a byte after which a message is taken for whole. */
const QUIET = 100;

/**
 * The longest time that others wait, in at least this many milliseconds: alone, and while one connection asks for a
 * long message and gets it. Gives also when its last byte came.
 */
async function stall({ port, milliseconds, others }) {
  const all = await openAll({ port }, others);
  const exchanges = all.map((one) => new Exchange([one], HELLO, HELLO_BACK.length));
  const alone = (await exchangeFor(milliseconds, exchanges)).at(-1);
  const [one] = await openAll({ port, fields: [OFFER] }, 1);
  const asked = performance.now();
  let arrived = asked;
  one.onBytes = () => {
    arrived = performance.now();
  };
  one.write(frame("ascii", Buffer.from("big"), true));
  let longest = 0;
  do longest = Math.max(longest, (await exchangeFor(milliseconds, exchanges)).at(-1));
  while (arrived === asked || performance.now() - arrived < QUIET);
  for (const connection of [...all, one]) connection.drop();
  return { alone, longest, whole: arrived - asked };
}

await serveRequests("ready", { open, listen: listenFor, run, close, churn, stall });
