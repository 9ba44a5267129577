/** Handles of the component API whose handshake is done, and the loop that feeds them. */
import assert from "node:assert/strict";

import { Action, ActionQueue, Handle, type Properties } from "websocket-component/component";

/** A handshake's request (RFC 6455 §1.3). */
export const HEADERS: [string, string][] = [
  ["Host", "example.com"],
  ["Connection", "Upgrade"],
  ["Upgrade", "websocket"],
  ["Sec-WebSocket-Version", "13"],
  ["Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="],
];

/** A server whose handshake is done. */
export function openServer(properties: Properties = {}): Handle {
  const server = Handle.createServer(properties);
  server.beginServerHandshake({ headers: HEADERS });
  server.endServerHandshake();
  return server;
}

/** A client whose handshake is done. */
export function openClient(properties: Properties = {}): Handle {
  const client = Handle.createClient(properties);
  const server = Handle.createServer();
  client.endClientHandshake(server.beginServerHandshake({ headers: client.beginClientHandshake() }));
  server.delete();
  return client;
}

/** Queues a receive and gives it these bytes. */
export function read(handle: Handle, bytes: Uint8Array, context?: unknown): void {
  handle.receive(undefined, context);
  const { action, actionContext } = handle.getAction(ActionQueue.Receive);
  assert.equal(action, Action.ReceiveFromNetwork);
  handle.completeReceive(actionContext, bytes);
}

/** Pieces may end inside a character, so they are joined as Latin-1 first. */
export function utf8(latin1: string): string {
  return Buffer.from(latin1, "latin1").toString();
}

/**
 * Feeds a handle and returns the buffer types and data of what it indicates, and the bytes it sends. Throws when the
 * handle does.
 */
export function feed(
  handle: Handle,
  stream: Uint8Array,
  size = stream.length,
): { types: number[]; data: string[]; sent: Buffer } {
  const types: number[] = [];
  const data: string[] = [];
  const sent: Uint8Array[] = [];
  let at = 0;
  for (let context = 0; ; context++) {
    handle.receive(undefined, context);
    for (;;) {
      const result = handle.getAction(ActionQueue.Receive);
      if (result.action === Action.NoAction) break;
      if (result.action === Action.ReceiveFromNetwork) {
        if (at === stream.length) return { types, data, sent: Buffer.concat(sent) };
        const chunk = stream.subarray(at, at + Math.min(size, result.capacity));
        at += chunk.length;
        handle.completeReceive(result.actionContext, chunk);
        continue;
      }
      if (result.action === Action.SendToNetwork) sent.push(...result.buffers);
      else {
        assert.equal(result.applicationContext, context);
        types.push(result.bufferType);
        data.push(Buffer.concat(result.buffers).toString("latin1"));
      }
      handle.completeAction(result.actionContext, Buffer.concat(result.buffers).length);
    }
  }
}
