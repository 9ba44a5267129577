// A native client that Autobahn's server tests, a process for each case: `node native-client.mjs PROGRAM PORT AGENT`.
// The crate's has an address and a path as its arguments; with `--url`, as for the one in C++, they are a URL.
import { spawnSync } from "node:child_process";

const [program, port, agent, style] = process.argv.slice(2);

const count = Number(connect("getCaseCount", true));
for (let number = 1; number <= count; number++) connect(`runCase?case=${number}&agent=${agent}`);
connect(`updateReports?agent=${agent}`);

/** Runs a client, which echoes; or, to be told something, prints what comes first. */
function connect(path, prints = false) {
  const url = [`ws://127.0.0.1:${port}/${path}`, ...(prints ? [""] : [])];
  const args = style === "--url" ? url : [`127.0.0.1:${port}`, `/${path}`];
  return spawnSync(program, args, { maxBuffer: 1 << 30 }).stdout;
}
