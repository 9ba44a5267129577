// What it costs to keep nothing from one message to the next: the engine alone, without sockets, in this process.
import { deflateSettings, enableDeflate } from "../../dist/session/deflate.js";
import "../../dist/load/node.js";
import { wasm } from "../../dist/engine/engine.js";
import { FrameSession } from "../../dist/session/session.js";
import { frames } from "./load.mjs";
import { messages } from "./messages.mjs";

const FIELDS = {
  Host: "localhost",
  Connection: "Upgrade",
  Upgrade: "websocket",
  "Sec-WebSocket-Version": "13",
  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Extensions": "permessage-deflate",
};

/** Messages of noise that fill the window, so that none repeats within it. */
const DIFFERENT = 2048;

/**
 * Functions that send or receive messages of `size` bytes without and with takeover, and give the cost of one. With an
 * empty message only the reset remains; with longer ones, takeover has a cost of its own: its window moves.
 */
export async function resetCases(level, size) {
  const sent = messages("noise", size, DIFFERENT);
  const received = await frames(sent, false, false);
  const pair = (measure) => [session(level, false), session(level, true)].map((one) => () => measure(one));
  return {
    sending: pair((one) => microseconds(sent, (message) => one.send(message, message.length), one)),
    receiving: pair((one) => microseconds(received, (frame) => one.receive(frame, []), one)),
  };
}

/** A server's session that has agreed on compression. */
export function session(level, takeover) {
  const handle = wasm.Handle.create_server(undefined, undefined, false, false);
  const noContextTakeover = { serverNoContextTakeover: !takeover, clientNoContextTakeover: !takeover };
  enableDeflate(handle, deflateSettings({ level, threshold: 0, ...noContextTakeover }, true));
  const fields = Object.entries(FIELDS).flat();
  handle.begin_server_handshake("", "", 0, fields.join("\0"), fields.length, false);
  const none = Number.POSITIVE_INFINITY;
  return new FrameSession(handle.into_session(none, none, none), true, 0);
}

function microseconds(inputs, work, session) {
  const cost = cpuMicroseconds(inputs, work);
  session.takeOutput();
  return cost;
}

/** CPU time of one input: by the clock, whatever else runs would count too. */
export function cpuMicroseconds(inputs, work) {
  const before = process.cpuUsage();
  for (const input of inputs) work(input);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / inputs.length;
}
