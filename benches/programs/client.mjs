// `client.mjs NAME`: clients of a library, or with the name "own" the runtime's. Asked to "connect" to a server, they
// do as the mode says; asked for "cpu" it says what it has used.
import { importModule } from "../lib/package.mjs";
import { cpuMicroseconds, serveRequests } from "../lib/requests.mjs";

const [, , name] = process.argv;
const { WebSocket } = name === "own" ? globalThis : await importModule(name);

/** By mode: what makes the function that gets a connection's messages. */
const modes = {
  /** A feed of JSON; the last of a batch is confirmed. */
  feed({ batch }) {
    let left = batch;
    return (socket, data) => {
      const { price } = JSON.parse(data);
      if (typeof price !== "number") throw new Error("not the message that was sent");
      left -= 1;
      if (left > 0) return;
      left = batch;
      socket.send("ok");
    };
  },
  /** A batch of messages, each time when one comes. */
  send({ batch, size }) {
    const text = "x".repeat(size);
    return (socket) => {
      for (let left = batch; left > 0; left--) socket.send(text);
    };
  },
  "ping-pong": () => (socket, data) => socket.send(data),
};

async function connect({ port, connections, mode, ...spec }) {
  for (let count = 0; count < connections; count++) await open(`ws://127.0.0.1:${port}/`, modes[mode](spec));
  return connections;
}

function open(url, take) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url);
    if (name === "ws" || name === "websocket-component/ws")
      socket.on("message", (bytes) => take(socket, bytes.toString()));
    else socket.onmessage = ({ data }) => take(socket, data);
    socket.onopen = resolve;
    socket.onerror = reject;
  });
}

await serveRequests("ready", { connect, cpu: cpuMicroseconds });
