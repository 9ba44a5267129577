// `start.mjs MODULE URL`: imports a module, or nothing for the runtime's own WebSocket, sends a message to an echo
// server, and tells how long that took.
import process from "node:process";

import { importModule } from "../lib/package.mjs";

const [, , specifier, url] = process.argv;

const begin = performance.now();
const { WebSocket } = specifier === "own" ? globalThis : await importModule(specifier);
const imported = performance.now();
const socket = new WebSocket(url);
socket.onopen = () => socket.send("Hello");
await new Promise((resolve, reject) => {
  socket.onmessage = resolve;
  socket.onerror = reject;
});
const echoed = performance.now();
const { user, system } = process.cpuUsage();
const figures = {
  "import, ms": imported - begin,
  "to the first echo, ms": echoed - begin,
  "CPU in all, ms": (user + system) / 1000,
};
console.log(JSON.stringify(figures));
process.exit();
