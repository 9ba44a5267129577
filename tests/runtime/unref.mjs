// A connection does not keep the process alive after `unref`, nor does what it waits for: `unref.mjs URL` gets a
// message and ends by itself, while the connection is open. The path says what it waits for then.
import process from "node:process";
import { WebSocket } from "websocket-component";

const long = { pingInterval: 1000, closeTimeout: 600_000, claimTimeout: 600_000 };
const socket = new WebSocket(process.argv[2], long);
const told = (what) => console.log(JSON.stringify(what));
socket.unref(); // counts once it is open
socket.onopen = () => {
  socket.ref();
  socket.send("ready");
};
socket.onclose = ({ code }) => told({ code });
switch (new URL(socket.url).pathname) {
  case "/ping":
    socket.onmessage = ({ data }) => {
      told({ data });
      socket.unref();
    };
    break;
  case "/close":
    socket.onmessage = ({ data }) => {
      told({ data });
      socket.close();
      socket.unref();
    };
    break;
  default:
    socket.addEventListener("ping", () => socket.unref()); // behind a message that waits to be claimed
    for await (const data of socket) {
      told({ data });
      break;
    }
}
