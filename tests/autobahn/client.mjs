// The client that Autobahn's server tests, case after case: `node client.mjs PORT AGENT`.
import { WebSocket } from "websocket-component";

const [port, agent] = process.argv.slice(2);

let count = 0;
await connect("getCaseCount", (_socket, data) => {
  count = Number(data);
});
for (let number = 1; number <= count; number++) {
  await connect(`runCase?case=${number}&agent=${agent}`, (socket, data) => socket.send(data));
}
await connect(`updateReports?agent=${agent}`);

/** One connection, until it is closed; that is how Autobahn ends each of them. */
function connect(path, onMessage = () => {}) {
  return new Promise((resolve) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/${path}`);
    socket.binaryType = "nodebuffer";
    socket.onmessage = (event) => onMessage(socket, event.data);
    socket.onclose = resolve;
  });
}
