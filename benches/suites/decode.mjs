// Network bytes to messages, as a listener gets them: text as a string, binary as a Buffer. No sockets.
import { createRequire } from "node:module";

import "../../dist/entry/node.js";
import { wasm } from "../../dist/engine.js";
import { FrameSession } from "../../dist/session.js";
import { inTurns, rate } from "../lib/compare.mjs";
import { BINARY, chunks, frame, payload, TEXT } from "../lib/frames.mjs";

const require = createRequire(import.meta.url);
const { Receiver } = require("ws");
const Hybi = require("websocket-driver/lib/websocket/driver/hybi.js");
const { ByteParser } = require("undici/lib/web/websocket/receiver.js");

/** What lets websocket-driver begin. */
const REQUEST = {
  method: "GET",
  headers: {
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    "sec-websocket-version": "13",
  },
};

export const unit = "messages/s";

export async function* run({ sizes, rounds, milliseconds }) {
  for (const role of ["server", "client"]) {
    for (const kind of ["ascii", "unicode", "binary"]) {
      for (const size of sizes) {
        const isMasked = role === "server";
        const one = frame(kind === "binary" ? BINARY : TEXT, payload(kind, size), isMasked);
        // a few hundred KiB at a time, so that what is made for a turn is not all in the cache
        const count = Math.max(1, Math.floor((512 * 1024) / one.length));
        const input = chunks(one, count);
        // what decodes in place must not find its own work
        const prepare = () => input.map((chunk) => Buffer.from(chunk));
        const contenders = {};
        for (const [name, make] of Object.entries(decoders)) {
          const decode = make(isMasked, kind !== "binary", size);
          if (decode === undefined) continue;
          contenders[name] = async () => {
            if (decode.reset) decode.reset();
            return rate(milliseconds, count, prepare, (all) => decode.take(all, count));
          };
        }
        yield { role, kind, size, figures: await inTurns(contenders, rounds) };
      }
    }
  }
}

/** Counts what comes, and looks at it: a figure of messages that nobody got would be none. */
class Sink {
  count = 0;
  #size;
  constructor(size, isText) {
    this.#size = size;
    this.isText = isText;
  }
  take(message) {
    const length = this.isText ? message.length : message.byteLength;
    if (length === 0 || length > this.#size || (typeof message === "string") !== this.isText)
      throw new Error("no message");
    this.count += 1;
  }
  expect(count) {
    if (this.count !== count) throw new Error(`${this.count} messages of ${count}`);
    this.count = 0;
  }
}

const decoders = {
  ours(isServer, isText, size) {
    const none = Number.POSITIVE_INFINITY;
    const session = new FrameSession(new wasm.Session(isServer, none, none, none), isServer);
    const sink = new Sink(size, isText);
    return {
      take(all, count) {
        for (const chunk of all) {
          for (let taken = 0; taken < chunk.length; ) {
            const received = [];
            taken += session.receive(taken === 0 ? chunk : chunk.subarray(taken), received, Number.POSITIVE_INFINITY, true);
            for (const message of received) sink.take(message);
          }
        }
        sink.expect(count);
      },
    };
  },
  ws(isServer, isText, size) {
    const receiver = new Receiver({ isServer, maxPayload: 0, allowSynchronousEvents: true });
    const sink = new Sink(size, isText);
    receiver.on("message", (data, isBinary) => sink.take(isBinary ? data : data.toString()));
    return {
      take(all, count) {
        for (const chunk of all) receiver.write(chunk);
        sink.expect(count);
      },
    };
  },
  "websocket-driver"(isServer, isText, size) {
    const url = "ws://localhost/";

    const driver = new Hybi(REQUEST, url, { requireMasking: isServer, masking: !isServer, maxLength: 2 ** 27 });
    driver.start();
    const sink = new Sink(size, isText);
    driver.on("message", ({ data }) => sink.take(data));
    return {
      take(all, count) {
        for (const chunk of all) driver.parse(chunk);
        sink.expect(count);
      },
    };
  },
  undici(isServer, isText, size) {
    if (isServer) return undefined; // it is a client only
    const sink = new Sink(size, isText);
    const decoder = new TextDecoder();
    const onMessage = (_type, data) => sink.take(isText ? decoder.decode(data) : data);
    const parser = new ByteParser({ onMessage, onParserDrain() {}, onFail() {}, readyState: 1 }, new Map());
    return {
      take(all, count) {
        for (const chunk of all) parser.write(chunk);
        sink.expect(count);
      },
    };
  },
};
