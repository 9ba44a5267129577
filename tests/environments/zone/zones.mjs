// `node zones.mjs before|after`: loads zone.js, which wraps the methods of `EventTarget`, before or after the package,
// and says in which zone the listeners of a server's and of a client's socket run.
const [, , order] = process.argv;
const load = () => import("zone.js");
if (order === "before") await load();
const { WebSocket, WebSocketServer } = await import("websocket-component");
if (order === "after") await load();

const zone = Zone.current.fork({ name: "application" });
const log = new Set();
const say = (what) => log.add(`${what} in ${Zone.current.name}`);
const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
server.on("connection", (socket) => {
  zone.run(() => {
    socket.addEventListener("message", ({ data }) => {
      say("server's listener");
      socket.send(data);
    });
    socket.onmessage = () => say("server's handler");
    socket.addEventListener("close", () => say("server's close"));
  });
});
await new Promise((resolve) => server.once("listening", resolve));

zone.run(() => {
  const client = new WebSocket(`ws://127.0.0.1:${server.address().port}`);
  client.addEventListener("open", () => client.send("Hello"));
  client.addEventListener("message", () => {
    say("client's listener");
    client.close();
  });
  client.onclose = async () => {
    say("client's close");
    await server.close();
    console.log([...log].sort().join("\n"));
  };
});
