// The codecs of others, by inner modules where they have no other way to them.
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

export const { Receiver, Sender } = require("ws");
const Hybi = require("websocket-driver/lib/websocket/driver/hybi.js");
/** undici's parser, and its sender; `undefined` if its inner modules are not where they were. */
export const undici = findUndici();

/** A driver of websocket-driver after its handshake. */
export function hybi(isServer) {
  const settings = { requireMasking: isServer, masking: !isServer, maxLength: 100 * 2 ** 20 };
  const driver = new Hybi({ method: "GET", headers: UPGRADE }, "ws://localhost/", settings);
  driver.start();
  return driver;
}

const UPGRADE = {
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
  "sec-websocket-version": "13",
};

function findUndici() {
  try {
    const { ByteParser } = require("undici/lib/web/websocket/receiver.js");
    const { SendQueue } = require("undici/lib/web/websocket/sender.js");
    const { sendHints } = require("undici/lib/web/websocket/constants.js");
    return { ByteParser, SendQueue, sendHints };
  } catch {
    return undefined;
  }
}

/** What is to be said where undici's modules are wanted. */
export const undiciNotes =
  undici === undefined ? ["undici's inner modules are not to be reached: it is left out."] : [];
