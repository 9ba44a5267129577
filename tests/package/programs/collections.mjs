// A server of long messages prints how often V8 has collected its whole heap for 640 MiB of them: it makes it do so for
// every 64 MiB or so of array buffers, unless the young generation is collected before.
import { once } from "node:events";
import { connect } from "node:net";
import { constants, PerformanceObserver } from "node:perf_hooks";

import { WebSocketServer } from "websocket-component";

const MESSAGES = 10_000;
const SIZE = 64 * 1024;
/** The header of such a message, with a mask of zeros. */
const HEADER = [0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
const HEAD = ["GET / HTTP/1.1", "Host: localhost", "Upgrade: websocket", "Connection: Upgrade"];
HEAD.push("Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "\r\n");

let collections = 0;
new PerformanceObserver((list) => {
  const { NODE_PERFORMANCE_GC_MAJOR: major } = constants;
  collections += list.getEntries().filter(({ detail }) => detail.kind === major).length;
}).observe({ entryTypes: ["gc"] });

const kept = Array.from({ length: 1e6 }, (_, id) => ({ id, name: `entry ${id}` }));
const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
await once(server, "listening");
const peer = connect(server.address().port, "127.0.0.1");
peer.write(HEAD.join("\r\n"));
const [socket] = await once(server, "connection");
await new Promise((resolve) => setTimeout(resolve, 50));
collections = 0;

let count = 0;
const all = new Promise((resolve) => {
  socket.onmessage = () => {
    count += 1;
    if (count === MESSAGES) resolve();
  };
});
const message = Buffer.concat([Buffer.from(HEADER), Buffer.alloc(SIZE)]);
for (let sent = 0; sent < MESSAGES; sent++) {
  if (!peer.write(message)) await once(peer, "drain");
}
await all;
await new Promise((resolve) => setTimeout(resolve, 50));
console.log(collections <= 2 && kept.length > 0 ? "OK" : `${collections} collections`);
process.exit();
