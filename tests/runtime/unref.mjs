// A connection does not keep the process alive after `unref`, nor does `pingInterval`: `unref.mjs URL` gets a message
// and ends by itself, while the connection is open.
import process from "node:process";
import { WebSocket } from "websocket-component";

const socket = new WebSocket(process.argv[2], { pingInterval: 1000 });
socket.unref(); // counts once it is open
socket.onopen = () => {
  socket.ref();
  socket.send("ready");
};
socket.onmessage = ({ data }) => {
  console.log(JSON.stringify({ data }));
  socket.unref();
};
socket.onclose = ({ code }) => console.log(JSON.stringify({ code }));
