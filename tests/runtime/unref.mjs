// A connection does not keep the process alive after `unref`, nor does what it waits for: `unref.mjs URL` gets a
// message and ends by itself, while the connection is open. The path says what it waits for then. By `/left` it sends a
// message that has to leave first, by `/given-up` it never gets a connection.
import process from "node:process";
import { WebSocket } from "websocket-component";

import { authority } from "./certificate.mjs";

const long = { pingInterval: 1000, closeTimeout: 600_000, claimTimeout: 600_000 };
const { pathname } = new URL(process.argv[2]);
const socket = new WebSocket(process.argv[2], {
  ...long,
  handshakeTimeout: pathname === "/given-up" ? 200 : 600_000,
  perMessageDeflate: false,
  tls: { ca: authority },
});
const told = (what) => console.log(JSON.stringify(what));
socket.unref(); // counts once it is open
socket.onopen = () => {
  socket.ref();
  socket.send("ready");
};
socket.onclose = ({ code }) => told({ code });
switch (pathname) {
  case "/given-up":
    socket.onclose = null;
    socket.onerror = ({ error }) => told({ code: error.code });
    break;
  case "/left":
    socket.onopen = () => {
      socket.send(new Uint8Array(16 << 20));
      told({ data: "sent" });
    };
    break;
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
