// What must hold where `ws` is overridden: the packages that ask for it get ours, and do their work with it.
const assert = require("node:assert/strict");
const { once } = require("node:events");
const { createRequire } = require("node:module");
const { dirname, join } = require("node:path");
const { pathToFileURL } = require("node:url");

const jayson = require("jayson");
const { Server } = require("socket.io");
const { io } = require("socket.io-client");

/** What a package gets for `ws`, by the way of the packages that lead to it. */
function wsOf(...way) {
  let from = require;
  for (const name of way) from = createRequire(from.resolve(name));
  return { name: from("ws/package.json").name, path: from.resolve("ws/package.json"), WebSocket: from("ws") };
}

async function main() {
  const { name, path, WebSocket } = wsOf("socket.io", "engine.io");
  assert.equal(name, "@websocket-component/ws");
  assert.equal(wsOf("jayson").name, name);
  assert.equal(wsOf("socket.io-client", "engine.io-client").name, name);

  const server = new Server(0);
  server.on("connection", (socket) => socket.on("echo", (text, answer) => answer(text)));
  assert.ok(server.engine.ws instanceof WebSocket.Server);
  const client = io(`http://127.0.0.1:${server.httpServer.address().port}`, { transports: ["websocket"] });
  const bytes = Buffer.from([1, 2, 3]);
  assert.deepEqual(await client.emitWithAck("echo", { bytes }), { bytes });
  client.close();
  await server.close();

  const rpc = new jayson.Server({ add: ([a, b], callback) => callback(null, a + b) }).websocket({ port: 0 });
  await once(rpc, "listening");
  const caller = jayson.Client.websocket({ url: `ws://127.0.0.1:${rpc.address().port}` });
  await once(caller.ws, "open");
  const { result } = await new Promise((resolve, reject) => {
    caller.request("add", [1, 2], (error, answer) => (error ? reject(error) : resolve(answer)));
  });
  assert.equal(result, 3);
  caller.ws.close();
  rpc.close();
  const wrapper = await import(pathToFileURL(join(dirname(path), "wrapper.mjs")));
  assert.equal(wrapper.default, WebSocket);
  assert.equal(wrapper.WebSocketServer, WebSocket.Server);
  console.log("OK");
}

main();
