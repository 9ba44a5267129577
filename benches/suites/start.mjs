// How soon a fresh process can talk, and how much it has to load for it.
import { fileURLToPath } from "node:url";

import { sizesOf } from "../../scripts/lib/sizes.mjs";
import { byFigure, processesText } from "../lib/compare.mjs";
import { absent, CLIENT_PAIRS, CLIENTS, present, start } from "../lib/servers.mjs";

export const about =
  "A client in a fresh process: until its module is imported, and from there until the first message has come back from a server that runs already; and the processor time of the process until then, the runtime's own start with it. The less the better.";
export const notes = absent();

export const contenders = { ...CLIENTS, "ours, slim": ["node", "websocket-component/slim"] };

const PAIRS = [...CLIENT_PAIRS, ["ours, slim", "ws"]];

const ENGINES = { "with compression": "websocket_component_bg", slim: "websocket_component_slim_bg" };

export const how = ({ pace }) => processesText(pace.rounds);

export async function* run({ pace }) {
  const server = await start("node", "server.mjs", "ours", "echo");
  const url = `ws://127.0.0.1:${server.greeting.port}/`;
  const runs = {};
  // the first round is for the system's caches
  for (let round = -1; round < pace.rounds; round++) {
    for (const [name, [runtime, specifier]] of Object.entries(present(contenders))) {
      const client = await start(runtime, "start.mjs", specifier, url);
      await client.stop();
      if (round >= 0) runs[name] = [...(runs[name] ?? []), client.greeting];
    }
  }
  await server.stop();
  yield {
    table: "A client in a fresh process",
    labels: {},
    measures: byFigure(runs),
    pairs: PAIRS,
  };
  for (const [engine, stem] of Object.entries(ENGINES)) {
    const sizes = sizesOf(fileURLToPath(new URL(`../../pkg/${stem}.wasm`, import.meta.url)));
    const kib = Object.fromEntries(Object.entries(sizes).map(([form, size]) => [form, [size / 1024]]));
    yield { table: "The engine, by `npm run size`", labels: { engine }, measures: {}, asides: { KiB: kib } };
  }
}
