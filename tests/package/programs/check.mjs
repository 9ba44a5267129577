// What every runtime must do with the package.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { once } from "node:events";

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

/** The same by the API of `ws`, whose class has all others. */
async function wsRoundTrip(Ws) {
  const server = new Ws.WebSocketServer({ port: 0, host: "127.0.0.1" });
  server.on("connection", (ws) => ws.on("message", (data, isBinary) => ws.send(data, { binary: isBinary })));
  await once(server, "listening");
  const ws = new Ws(`ws://127.0.0.1:${server.address().port}`);
  await once(ws, "open");
  for (const data of ["größe 😀", BYTES]) {
    ws.send(data);
    const [received, isBinary] = await once(ws, "message");
    assert.equal(isBinary, typeof data !== "string");
    assert.deepEqual(received, Buffer.from(data));
  }
  ws.close(4000, "done");
  const [code] = await once(ws, "close");
  assert.equal(code, 4000);
  await new Promise((resolve) => server.close(resolve));
}

function event(target, type) {
  return new Promise((resolve, reject) => {
    target.addEventListener(type, resolve, { once: true });
    if (type !== "close") target.addEventListener("error", ({ error }) => reject(error), { once: true });
  });
}

/**
 * Takes the namespaces of the entries, and the class of `websocket-component/ws`, and prints `OK` when each has done
 * its part.
 */
export async function check({ sockets = [], components = [], slimSockets = [], Ws }) {
  for (const entry of components) assert.equal(frame(entry), "810548656c6c6f");
  for (const entry of sockets) await roundTrip(entry, /^permessage-deflate/);
  for (const entry of slimSockets) await roundTrip(entry, /^$/);
  if (Ws !== undefined) await wsRoundTrip(Ws);
  console.log("OK");
}
