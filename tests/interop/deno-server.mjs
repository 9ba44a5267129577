// Deno's own server: `deno run --allow-net deno-server.mjs`; prints its port.
import { farEnd } from "./peer.mjs";

Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: ({ port }) => console.log(port) }, (request) => {
  const { socket, response } = Deno.upgradeWebSocket(request);
  socket.binaryType = "arraybuffer";
  const take = farEnd((data) => socket.send(data));
  socket.onmessage = ({ data }) => take(data);
  return response;
});
