// Messages to the bytes that a socket is given. No sockets: what would be written is counted and dropped.
import { createRequire } from "node:module";

import "../../dist/entry/node.js";
import { wasm } from "../../dist/engine.js";
import { FrameSession } from "../../dist/session.js";
import { inTurns, rate } from "../lib/compare.mjs";
import { frame, payload } from "../lib/frames.mjs";

const require = createRequire(import.meta.url);
const { Sender } = require("ws");
const Hybi = require("websocket-driver/lib/websocket/driver/hybi.js");

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
        const bytes = payload(kind, size);
        const message = kind === "binary" ? bytes : bytes.toString();
        const length = frame(1, bytes, role === "client").length;
        // as many as leave in one turn of an event loop
        const count = Math.max(1, Math.min(64, Math.floor((512 * 1024) / length)));
        const contenders = {};
        for (const [name, make] of Object.entries(encoders)) {
          const encode = make(role === "server", size);
          const work = () => {
            const written = encode(message, count);
            if (written !== length * count) throw new Error(`${name} wrote ${written} bytes, not ${length * count}`);
          };
          contenders[name] = async () => rate(milliseconds, count, () => undefined, work);
        }
        yield { role, kind, size, figures: await inTurns(contenders, rounds) };
      }
    }
  }
}

const encoders = {
  ours(isServer, size) {
    const none = Number.POSITIVE_INFINITY;
    const session = new FrameSession(new wasm.Session(isServer, none, none, none), isServer);
    return (message, count) => {
      for (let left = count; left > 0; left--) session.send(message);
      let written = 0;
      for (const part of session.takeOutput()) written += part.length;
      return written;
    };
  },
  ws(isServer) {
    let written = 0;
    const write = (part) => {
      // a server's text it leaves to the socket to encode, which then does this
      written += typeof part === "string" ? Buffer.from(part).length : part.length;
      return true;
    };
    const sender = new Sender({ write, cork() {}, uncork() {} }, {});
    return (message, count) => {
      written = 0;
      const options = { mask: !isServer, binary: typeof message !== "string", compress: false, fin: true };
      for (let left = count; left > 0; left--) sender.send(message, options);
      return written;
    };
  },
  "websocket-driver"(isServer) {
    const driver = new Hybi(REQUEST, "ws://localhost/", { requireMasking: isServer, masking: !isServer });
    driver.start();
    let written = 0;
    driver.io.on("data", (part) => {
      written += part.length;
    });
    return (message, count) => {
      written = 0;
      for (let left = count; left > 0; left--) {
        if (typeof message === "string") driver.text(message);
        else driver.binary(message);
      }
      return written;
    };
  },
};
