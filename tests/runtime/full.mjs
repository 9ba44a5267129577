// Listens and accepts nothing, for two minutes at most: the system answers the first two connections, and no others.
// Prints its port.
import { writeSync } from "node:fs";
import { createServer } from "node:net";
import process from "node:process";

const server = createServer().listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
  writeSync(1, `${server.address().port}\n`);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 120_000);
  process.exit();
});
