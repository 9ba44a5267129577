// Messages to the bytes that a socket is given.
import { inTurns, rate, turnsText } from "../lib/compare.mjs";
import { frameSize, KINDS, payload, QUICK_KINDS } from "../lib/frames.mjs";
import { encoder } from "../lib/ours.mjs";
import { hybi, Sender, undici, undiciNotes } from "../lib/peers.mjs";

export const about =
  "Messages to the bytes that a socket is given. No sockets: what would be written is counted and dropped; no parts are joined. A second is one of processor time.";
export const notes = [
  ...undiciNotes,
  "undici is a client only. Of `ws` it is the `Sender`. A server's text it leaves to the socket as a string, which is then made bytes by the sink, as a socket would.",
];

/** What is sent in one turn of an event loop: one message, or as many as there are, up to a number of bytes. */
const MANY = 64;
const MOST = 512 * 1024;
/** Messages sent between two looks at the clock. */
const BATCH = 256;

export const how = ({ pace }) => turnsText(pace);

export async function* run({ sizes, pace, quick }) {
  for (const role of ["server", "client"]) {
    for (const kind of quick ? QUICK_KINDS : KINDS) {
      for (const size of sizes) {
        for (const count of quick ? [many(size)] : new Set([many(size), 1])) {
          const measures = {
            "messages/s": await inTurns(contenders({ role, kind, size, count }), pace),
          };
          yield { table: "Whole messages", labels: { role, kind, size, "a turn": count }, measures };
        }
      }
    }
  }
}

function many(size) {
  return Math.max(1, Math.min(MANY, Math.floor(MOST / size)));
}

function contenders({ role, kind, size, count }) {
  const bytes = payload(kind, size);
  const message = kind === "binary" ? bytes : bytes.toString();
  const wanted = count * frameSize(size, role === "client");
  const repeats = Math.max(1, Math.floor(Math.min(BATCH, MOST / size) / count));
  const turns = {};
  for (const [name, make] of Object.entries(encoders)) {
    const encode = make(role === "server");
    if (encode === undefined) continue;
    const work = () => {
      for (let left = repeats; left > 0; left--) {
        const written = encode(message, count);
        if (written !== wanted) throw new Error(`${name} wrote ${written} bytes, not ${wanted}`);
      }
    };
    turns[name] = (milliseconds) => rate(milliseconds, count * repeats, () => undefined, work);
  }
  return turns;
}

/** Counts what is written. */
class Socket {
  written = 0;

  // an arrow, as it is handed around without its socket
  write = (part) => {
    this.written += typeof part === "string" ? Buffer.from(part).length : part.length;
    return true;
  };
  cork() {}
  uncork() {}

  take() {
    const { written } = this;
    this.written = 0;
    return written;
  }
}

/** By name: what makes a function that sends a message so often, and tells how many bytes that made. */
const encoders = {
  ours(isServer) {
    const socket = new Socket();
    const encode = encoder(isServer, socket.write);
    return (message, count) => {
      encode(message, count);
      return socket.take();
    };
  },
  ws(isServer) {
    const socket = new Socket();
    const sender = new Sender(socket, {});
    return (message, count) => {
      for (let left = count; left > 0; left--) {
        // what its `WebSocket` makes of a message without options
        const options = { binary: typeof message !== "string", mask: !isServer, compress: false, fin: true };
        sender.send(message, options);
      }
      return socket.take();
    };
  },
  "websocket-driver"(isServer) {
    const driver = hybi(isServer);
    const socket = new Socket();
    driver.io.on("data", socket.write);
    return (message, count) => {
      for (let left = count; left > 0; left--) {
        if (typeof message === "string") driver.text(message);
        else driver.binary(message);
      }
      return socket.take();
    };
  },
  undici(isServer) {
    if (isServer || undici === undefined) return undefined;
    const socket = new Socket();
    const queue = new undici.SendQueue(socket);
    const { text, typedArray } = undici.sendHints;
    return (message, count) => {
      for (let left = count; left > 0; left--) {
        // as its `WebSocket` calls it
        if (typeof message === "string") queue.add(Buffer.from(message), () => {}, text);
        else queue.add(message, () => {}, typedArray);
      }
      return socket.take();
    };
  },
};
