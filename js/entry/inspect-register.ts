/**
 * `node --import websocket-component/inspect/register app.js`: the inspector's page for a program that knows nothing of
 * it. The variable `WEBSOCKET_INSPECT_PORT` has the page's port.
 *
 * @module
 */
import { isMainThread } from "node:worker_threads";

import "./node.js";
import { inspectProcess } from "../proxy/inspect-server.js";

// a worker is given the option of its process too
if (isMainThread) {
  const { WEBSOCKET_INSPECT_PORT: port } = process.env;
  const { url } = await inspectProcess(port === undefined ? {} : { port: Number(port) });
  process.stderr.write(`WebSocket traffic of this process: ${url}\n`);
}
