// Bun's own server: `bun bun-server.mjs COMPRESS DECOMPRESS`, names of its compressors; prints its port.
import { farEnd } from "./peer.mjs";

const [compress, decompress] = process.argv.slice(2);
const ends = new WeakMap();
const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: (request, server) => (server.upgrade(request) ? undefined : new Response("", { status: 426 })),
  websocket: {
    perMessageDeflate: { compress, decompress },
    // its limit of bytes that wait would drop messages
    backpressureLimit: 64 << 20,
    open: (socket) =>
      void ends.set(
        socket,
        farEnd((data) => socket.send(data, true)),
      ),
    message: (socket, data) => ends.get(socket)(data),
  },
});
console.log(server.port);
