// Network bytes to messages.
import { inTurns, rate, turnsText } from "../lib/compare.mjs";
import { CHUNK, chunksOf, frame, fresh, KINDS, payload, QUICK_KINDS } from "../lib/frames.mjs";
import { decoder } from "../lib/ours.mjs";
import { hybi, Receiver, undici, undiciNotes } from "../lib/peers.mjs";

export const about =
  "Network bytes to messages as a listener gets them: text as a string, binary as a `Buffer`. No sockets; chunks as these give them, each in memory of its own. A second is one of processor time.";
export const notes = [
  ...undiciNotes,
  "undici is a client only. Of `ws` it is the `Receiver`, and the `toString` by which its users get text.",
];

/** Bytes decoded between two looks at the clock: more than fits into the caches nearest to the processor. */
const BATCH = 512 * 1024;

export const how = ({ pace }) => turnsText(pace);

export async function* run({ sizes, pace, quick }) {
  for (const role of ["server", "client"]) {
    for (const kind of quick ? QUICK_KINDS : KINDS) {
      for (const size of sizes) {
        for (const [chunks, input, count] of inputs(frame(kind, payload(kind, size), role === "server"), quick)) {
          const turns = contenders({ role, kind, size, input, count });
          const measures = { "messages/s": await inTurns(turns, pace) };
          yield { table: "Whole messages", labels: { role, kind, size, chunks }, measures };
        }
      }
    }
  }
}

/** How frames come: many in a chunk or in many chunks, or each in a chunk of its own. */
function inputs(one, quick) {
  const count = Math.max(1, Math.floor(BATCH / one.length));
  const all = [["64 KiB", chunksOf(one, count, CHUNK), count]];
  // as many chunks as others have
  if (one.length < CHUNK && !quick) all.push(["a frame", chunksOf(one, count, one.length), count]);
  return all;
}

function contenders({ role, kind, size, input, count }) {
  const isText = kind !== "binary";
  const turns = {};
  for (const [name, make] of Object.entries(decoders)) {
    const sink = new Sink(size, isText);
    const take = make(role === "server", isText, (message) => sink.take(message));
    if (take === undefined) continue;
    const work = (chunks) => {
      for (const chunk of chunks) take(chunk);
      sink.expect(count);
    };
    turns[name] = (milliseconds) => rate(milliseconds, count, () => input.map(fresh), work);
  }
  return turns;
}

/** Counts the messages and reads each: undelivered messages must not count. */
class Sink {
  #count = 0;
  #size;
  #isText;

  constructor(size, isText) {
    this.#size = size;
    this.#isText = isText;
  }

  take(message) {
    // a character has up to four bytes
    const isWhole = this.#isText
      ? typeof message === "string" && message.length * 4 >= this.#size
      : message.length === this.#size;
    if (!isWhole) throw new Error("not the message that was sent");
    this.#count += 1;
  }

  expect(count) {
    if (this.#count !== count) throw new Error(`${this.#count} messages of ${count}`);
    this.#count = 0;
  }
}

/** By name: what makes a function that takes a chunk, and gives out messages. */
const decoders = {
  ours: (isServer, _isText, give) => decoder(isServer, give),
  ws(isServer, _isText, give) {
    const receiver = new Receiver({ isServer, maxPayload: 100 * 2 ** 20 });
    receiver.on("message", (data, isBinary) => give(isBinary ? data : data.toString()));
    return (chunk) => receiver.write(chunk);
  },
  "websocket-driver"(isServer, _isText, give) {
    const driver = hybi(isServer);
    driver.on("message", ({ data }) => give(data));
    return (chunk) => driver.parse(chunk);
  },
  undici(isServer, isText, give) {
    if (isServer || undici === undefined) return undefined;
    const text = new TextDecoder("utf-8", { fatal: true });
    const onMessage = (_type, data) => give(isText ? text.decode(data) : data);
    const socket = { writableNeedDrain: false };
    const parser = new undici.ByteParser(
      { onMessage, onParserDrain() {}, onFail() {}, readyState: 1, socket },
      new Map(),
    );
    return (chunk) => parser.write(chunk);
  },
};
