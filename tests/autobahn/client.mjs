// The client that Autobahn's server tests, case after case: `node client.mjs PORT AGENT [--http2]`.
import { WebSocket } from "websocket-component";

import { authority } from "../runtime/certificate.mjs";

const [port, agent, http2] = process.argv.slice(2);
const base = http2 === undefined ? `ws://127.0.0.1:${port}` : `wss://localhost:${port}`;
const options = http2 === undefined ? {} : { http2: true, tls: { ca: authority } };

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
    const socket = new WebSocket(`${base}/${path}`, options);
    socket.binaryType = "nodebuffer";
    socket.onmessage = (event) => onMessage(socket, event.data);
    socket.onclose = resolve;
  });
}
