// The crate's client that Autobahn's server tests, a process for each case: `node native-client.mjs PROGRAM PORT
// AGENT`.
import { spawnSync } from "node:child_process";

const [program, port, agent] = process.argv.slice(2);

const count = Number(connect("getCaseCount"));
for (let number = 1; number <= count; number++) connect(`runCase?case=${number}&agent=${agent}`);
connect(`updateReports?agent=${agent}`);

function connect(path) {
  return spawnSync(program, [`127.0.0.1:${port}`, `/${path}`], { maxBuffer: 1 << 30 }).stdout;
}
