// What every runtime must do with the package.
import assert from "node:assert/strict";

import { frame } from "./frame.mjs";

const LONG = "compressible ".repeat(10_000);
const BYTES = Uint8Array.from({ length: 70_000 }, (_, index) => index * 7);

/** Text, bytes and a compressed message, to a server and back, over TCP. */
async function roundTrip({ WebSocket, WebSocketServer }, extension) {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  server.on("connection", (socket) => {
    socket.onmessage = ({ data }) => socket.send(data);
  });
  await new Promise((resolve) => server.on("listening", resolve));
  const socket = new WebSocket(`ws://127.0.0.1:${server.address().port}`);
  socket.binaryType = "arraybuffer";
  await event(socket, "open");
  assert.match(socket.extensions, extension);
  for (const data of ["größe 😀", BYTES, LONG]) {
    const answer = event(socket, "message");
    socket.send(data);
    const received = (await answer).data;
    if (typeof data === "string") assert.equal(received, data);
    else assert.deepEqual(new Uint8Array(received), data);
  }
  const end = event(socket, "close");
  socket.close(1000, "done");
  const { code, wasClean } = await end;
  assert.deepEqual({ code, wasClean }, { code: 1000, wasClean: true });
  await server.close();
}

function event(target, type) {
  return new Promise((resolve, reject) => {
    target.addEventListener(type, resolve, { once: true });
    if (type !== "close") target.addEventListener("error", ({ error }) => reject(error), { once: true });
  });
}

/** Takes the namespaces of the entries, and prints `OK` when each has done its part. */
export async function check({ sockets = [], components = [], slimSockets = [] }) {
  for (const entry of components) assert.equal(frame(entry), "810548656c6c6f");
  for (const entry of sockets) await roundTrip(entry, /^permessage-deflate/);
  for (const entry of slimSockets) await roundTrip(entry, /^$/);
  console.log("OK");
}
