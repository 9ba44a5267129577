// Clients, the same for every server, and as cheap as Node has them: frames are made beforehand, of the replies the
// bytes are counted. Answers "connect" with a number, by which "run" and "close" name those connections.
import { connect } from "node:net";

import { frame, payload, upgradeRequest } from "../lib/frames.mjs";
import { cpuMicroseconds, serveRequests } from "../lib/requests.mjs";

const REQUEST = upgradeRequest();
/** A close frame with status 1000, masked by a key of zeros. */
const CLOSE = Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]);
/** More connections at once than a server's backlog holds would be dropped. */
const AT_ONCE = 100;
/** All clients read into it: the bytes are used only once. */
const buffer = Buffer.alloc(256 * 1024);

/** One connection after its handshake; `onBytes` gets each piece of what comes. */
class Connection {
  onBytes = undefined;
  #socket;

  static open(port) {
    return new Promise((resolve, reject) => {
      const connection = new Connection();
      let head = "";
      connection.onBytes = (bytes) => {
        head += bytes.toString("latin1");
        if (!head.endsWith("\r\n\r\n")) return;
        if (head.startsWith("HTTP/1.1 101")) resolve(connection);
        else reject(new Error(`no WebSocket: ${head}`));
      };
      const callback = (size) => {
        connection.onBytes(buffer.subarray(0, size));
        return true;
      };
      const socket = connect({ port, host: "127.0.0.1", noDelay: true, onread: { buffer, callback } });
      connection.#socket = socket;
      socket.on("error", reject);
      socket.write(REQUEST);
    });
  }

  write(bytes) {
    this.#socket.write(bytes);
  }

  /** Closes as the protocol has it: the server ends the connection. */
  async close() {
    this.onBytes = () => {};
    const closed = new Promise((resolve) => this.#socket.once("close", resolve));
    this.#socket.end(CLOSE);
    await closed;
  }

  drop() {
    this.#socket.destroy();
  }
}

/** Bytes that are sent again and again, each time when all that they make has come back. */
class Exchange {
  #sender;
  #bytes;
  #size;
  #left = 0;
  #sentAt = 0;
  #run;

  /** @param receivers by which `size` bytes come in all for `bytes` of the first */
  constructor(receivers, bytes, size) {
    this.#sender = receivers[0];
    this.#bytes = bytes;
    this.#size = size;
    for (const receiver of receivers) receiver.onBytes = (piece) => this.#take(piece.length);
  }

  begin(run) {
    this.#run = run;
    this.#send(performance.now());
  }

  #send(now) {
    this.#sentAt = now;
    this.#left = this.#size;
    this.#sender.write(this.#bytes);
  }

  #take(length) {
    this.#left -= length;
    if (this.#left > 0) return;
    if (this.#left < 0) throw new Error("more came back than was sent");
    const now = performance.now();
    this.#run.times.push(now - this.#sentAt);
    if (now < this.#run.end) this.#send(now);
    else this.#run.ended();
  }
}

async function openAll(port, count) {
  const all = [];
  while (all.length < count) {
    const some = Math.min(AT_ONCE, count - all.length);
    all.push(...(await Promise.all(Array.from({ length: some }, () => Connection.open(port)))));
  }
  return all;
}

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

const groups = [];

/** @param batch how many messages are sent before their replies are awaited */
async function open({ port, connections, kind, size, batch, isRaw = false, isBroadcast = false }) {
  const bytes = payload(kind, size);
  const message = frame(kind, bytes, true);
  const reply = isRaw ? message : frame(kind, bytes, false);
  const all = await openAll(port, 1);
  await check(all[0], message, reply);
  all.push(...(await openAll(port, connections - 1)));
  const sent = Buffer.concat(Array(batch).fill(message));
  const make = (receivers) => new Exchange(receivers, sent, reply.length * batch * receivers.length);
  const exchanges = isBroadcast ? [make(all)] : all.map((one) => make([one]));
  const messages = batch * (isBroadcast ? connections : 1);
  return groups.push({ all, exchanges, messages }) - 1;
}

/** Runs for so long, and until the last exchange is over; `messages` are those that came back. */
async function run({ id, milliseconds }) {
  const { exchanges, messages } = groups[id];
  const times = [];
  const cpu = cpuMicroseconds();
  const start = performance.now();
  await new Promise((resolve) => {
    let running = exchanges.length;
    const ended = () => --running === 0 && resolve();
    for (const exchange of exchanges) exchange.begin({ times, end: start + milliseconds, ended });
  });
  const elapsed = performance.now() - start;
  times.sort((one, other) => one - other);
  const quantile = (part) => times[Math.floor(part * (times.length - 1))];
  const busy = (cpuMicroseconds() - cpu) / elapsed / 10;
  return { messages: times.length * messages, seconds: elapsed / 1000, p50: quantile(0.5), p99: quantile(0.99), busy };
}

function close(id) {
  for (const connection of groups[id].all) connection.drop();
  groups[id] = undefined;
}

/** Opens connections that do nothing. */
async function idle({ port, connections }) {
  return groups.push({ all: await openAll(port, connections) }) - 1;
}

/** Opens and closes connections, a few at a time; tells how many in a second. */
async function churn({ port, connections }) {
  const start = performance.now();
  for (let left = connections; left > 0; left -= AT_ONCE) {
    const some = await openAll(port, Math.min(AT_ONCE, left));
    await Promise.all(some.map((one) => one.close()));
  }
  return connections / ((performance.now() - start) / 1000);
}

await serveRequests("ready", { open, run, close, idle, churn });
