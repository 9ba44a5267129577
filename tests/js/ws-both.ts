/** What tests share that ask `websocket-component/ws` and `ws` the same. */
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";

import type * as ours from "websocket-component/ws";
import * as ws from "ws";

import { once } from "./support.js";

/** What both export. */
export type Library = typeof ours;

/** `ws` under our types. */
export const theirs = ws as unknown as Library;

/** A server of a library on a free port, which is closed with its sockets at the test's end. */
export async function serve(
  t: TestContext,
  { WebSocketServer }: Library,
  options: ours.ServerOptions = {},
): Promise<{ server: ours.WebSocketServer; port: number }> {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", ...options });
  await once(server, "listening");
  t.after(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  return { server, port: (server.address() as AddressInfo).port };
}
