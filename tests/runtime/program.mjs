// Ours in a runtime: `program.mjs suite FOLDER [COLUMN]` runs the tests, with a folder for a socket; `client URL` talks
// to a server of others; `server` prints its port and talks to clients of others, until its standard input ends. Each
// prints lines of JSON.
import process from "node:process";
import * as ours from "websocket-component";

import { nearEnd } from "../interop/peer.mjs";
import { runSuite } from "./suite.mjs";

async function client(url) {
  const socket = new ours.WebSocket(url, { perMessageDeflate: { threshold: 0 } });
  socket.binaryType = "arraybuffer";
  await new Promise((resolve) => {
    socket.onopen = socket.onerror = resolve;
  });
  return ended(socket, await nearEnd(socket));
}

async function serve() {
  const server = new ours.WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: { threshold: 0 } });
  server.on("connection", async (socket) => {
    const verdict = await nearEnd(socket);
    console.log(JSON.stringify({ verdict: await ended(socket, verdict) }));
  });
  server.on("listening", () => console.log(JSON.stringify({ port: server.address().port })));
  await new Promise((resolve) => process.stdin.on("end", resolve).resume());
}

/** Closes; what the peer made of the messages stands, if the end was a good one. */
async function ended(socket, verdict) {
  const end = new Promise((resolve) => {
    socket.onclose = resolve;
  });
  if (socket.readyState === socket.CLOSED) return verdict;
  socket.close(1000);
  const { wasClean, code } = await end;
  return wasClean ? verdict : `FAIL: ended with ${code}`;
}

const [what, argument, column] = process.argv.slice(2);
if (what === "suite") {
  console.log(JSON.stringify({ entry: import.meta.resolve("websocket-component") }));
  await runSuite(ours, argument, column);
} else if (what === "client") {
  console.log(JSON.stringify({ verdict: await client(argument) }));
} else {
  await serve();
}
process.exit();
