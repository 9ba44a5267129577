// `handles.mjs WHAT COUNT`: makes COUNT of a library's connection objects, without sockets, and prints the memory of
// one.
import { memorySize } from "../../dist/engine/engine.js";
import { Handle } from "../../dist/entry/component-node.js";
import { session } from "../lib/ours.mjs";
import { Receiver, Sender } from "../lib/peers.mjs";
import { memory, serveRequests } from "../lib/requests.mjs";

const makers = {
  session: () => session(true),
  handle: () => Handle.createServer(),
  ws: () => [new Receiver({ isServer: true }), new Sender({ cork() {}, uncork() {}, write() {} }, {})],
};

const make = makers[process.argv[2]];
const count = Number(process.argv[3]);

const all = [make()];
const before = { ...(await memory()), engine: memorySize() };
for (let left = count; left > 0; left--) all.push(make());
const after = { ...(await memory()), engine: memorySize() };
const each = (name) => (after[name] - before[name]) / count;
if (all.length !== count + 1) throw new Error("some are missing");
const engine = each("engine");
// Node counts the engine's memory among what is held
await serveRequests(
  { "RSS, bytes": each("rss"), "engine, bytes": engine, "JavaScript, bytes": each("held") - engine },
  {},
);
