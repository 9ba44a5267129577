/** How sockets over HTTP/2 end when their peers leave, reset streams, or break the session: both roles. */
import assert from "node:assert/strict";
import { type Http2Session, constants as http2 } from "node:http2";
import process from "node:process";
import { type TestContext, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import type { WebSocket } from "websocket-component";

import { data, goaway, head, type RawSession, REQUEST, rawSession, reset, serveSessions } from "./http2-frames.js";
import { opened, openSession, serveHttp2 } from "./sessions.js";
import { closed, masked, mockTimers, once, unmasked, within } from "./support.js";

const DAY = 86_400_000;

/** Our socket, and the peer that the test drives by hand. */
interface Pair {
  readonly socket: WebSocket;
  readonly peer: RawSession;
  /** A frame of the peer's. */
  readonly frame: (first: number, payload?: string | Uint8Array) => Buffer;
  /** Our side of the session. */
  readonly session: Http2Session;
}

const roles: [role: string, make: (t: TestContext) => Promise<Pair>][] = [
  [
    "server",
    async (t) => {
      const { server, sessions, port } = await serveHttp2(t, { closeTimeout: DAY });
      const connection = once(server, "connection");
      const peer = await rawSession(t, port);
      peer.send(head(1, REQUEST));
      const [socket] = (await connection) as [WebSocket];
      await within("the answer", peer.head(1));
      return { socket, peer, frame: masked, session: sessions[0] as Http2Session };
    },
  ],
  [
    "client",
    async (t) => {
      let accept: (session: RawSession) => void = () => {};
      const accepted = new Promise<RawSession>((resolve) => (accept = resolve));
      const port = await serveSessions(t, async (raw) => {
        accept(raw);
        await raw.head(1);
        raw.send(head(1, [[":status", "200"]]));
      });
      const session = openSession(t, `http://127.0.0.1:${port}`);
      const socket = await opened(`ws://127.0.0.1:${port}/`, { session, closeTimeout: DAY });
      return { socket, peer: await accepted, frame: unmasked, session };
    },
  ],
];

const CLOSE = Buffer.from([0x0f, 0xa0, ...Buffer.from("bye")]); // 4000

async function gone(session: Http2Session): Promise<void> {
  session.on("error", () => {});
  await within("the session's end", new Promise<void>((resolve) => session.on("close", resolve)));
}

/** How a peer leaves. Returns when our side knows. */
const leavings: [how: string, leave: (peer: RawSession, session: Http2Session) => Promise<void>][] = [
  [
    "closes TCP",
    async ({ socket }, session) => {
      socket.end();
      await gone(session);
    },
  ],
  [
    "breaks TCP off",
    async ({ socket }, session) => {
      socket.resetAndDestroy();
      await gone(session);
    },
  ],
  [
    "resets the stream",
    async (peer) => {
      peer.send(reset(1, http2.NGHTTP2_CANCEL));
      await peer.round();
    },
  ],
  [
    "resets the stream without an error",
    async (peer) => {
      peer.send(reset(1, http2.NGHTTP2_NO_ERROR));
      await peer.round();
    },
  ],
];

for (const [role, make] of roles) {
  for (const [how, leave] of leavings) {
    test(`a ${role} that is paused gets all that came before its peer ${how}`, async (t) => {
      const { socket, peer, frame, session } = await make(t);
      const received: unknown[] = [];
      socket.onmessage = (event) => received.push(event.data);
      const end = closed(socket);
      socket.pause();
      peer.send(data(1, frame(0x81, "one")), data(1, frame(0x81, "two")), data(1, frame(0x88, CLOSE), true));
      await peer.round();
      await leave(peer, session);
      socket.resume();
      const { code, reason } = await end;
      assert.deepEqual([received, code, reason], [["one", "two"], 4000, "bye"]);
    });
  }

  test(`a ${role} whose peer resets the stream with NO_ERROR behind the close frame is closed at once`, async (t) => {
    const { socket, peer, frame } = await make(t);
    const end = closed(socket);
    peer.send(data(1, frame(0x88, CLOSE)), reset(1, http2.NGHTTP2_NO_ERROR));
    assert.deepEqual([(await end).code, (await end).wasClean], [4000, true]);
  });
}

test("a slow loop gets all that came before TCP closed, beyond what is read ahead", async (t) => {
  const window = 1024 * 1024;
  const settings = { enableConnectProtocol: true, initialWindowSize: window };
  const { http, server, sessions, port } = await serveHttp2(t, {}, { settings });
  http.on("session", (session) => session.setLocalWindowSize(window));
  const connection = once(server, "connection");
  const peer = await rawSession(t, port);
  peer.send(head(1, REQUEST));
  const [socket] = (await connection) as [WebSocket];
  await peer.head(1);
  const [end, sent] = [closed(socket), 40];
  for (let count = 0; count < sent; count++) peer.send(data(1, masked(0x82, new Uint8Array(15_000))));
  peer.send(data(1, masked(0x88, CLOSE), true));
  const sessionEnd = gone(sessions[0] as Http2Session);
  peer.socket.end();
  let received = 0;
  for await (const _ of socket) {
    if (received === 0) await sessionEnd;
    received += 1;
  }
  assert.deepEqual([received, (await end).code], [sent, 4000]);
});

test("streams that are reset with NO_ERROR leave their places to others", async (t) => {
  const settings = { enableConnectProtocol: true, maxConcurrentStreams: 2 };
  const { server, port } = await serveHttp2(t, { maxConnections: 2, closeTimeout: DAY }, { settings });
  const peer = await rawSession(t, port);
  for (let stream = 1; stream < 20; stream += 2) {
    const connection = once(server, "connection");
    peer.send(head(stream, REQUEST));
    const [socket] = (await connection) as [WebSocket];
    const end = closed(socket);
    peer.send(data(stream, masked(0x88, CLOSE)), reset(stream, http2.NGHTTP2_NO_ERROR));
    await end;
  }
  assert.deepEqual([server.clients.size, server.statistics.refused], [0, {}]);
});

const MINUTE = 60_000;
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
/** Whether the package asks silent peers whether they are there. */
const asks = major < 22 || (major === 22 && minor < 23);

for (const [role, make] of roles) {
  test(`a ${role} whose peer breaks HTTP/2 and leaves ends with 1006, though old versions of Node say nothing`, async (t) => {
    mockTimers(t);
    const { socket, peer, session } = await make(t);
    const [end, sessionEnd] = [closed(socket), gone(session)];
    peer.send(data(0, "on stream 0"));
    await peer.goaway();
    peer.socket.end();
    for (let minute = 0; minute < 3; minute++) t.mock.timers.tick(MINUTE);
    assert.equal((await end).code, 1006);
    await sessionEnd;
  });

  test(`a ${role} whose peer is silent stays, if it answers, even behind a GOAWAY`, { skip: !asks }, async (t) => {
    mockTimers(t);
    const { socket, peer, session } = await make(t);
    for (let count = 0; count < 4; count++) {
      if (count === 2) {
        peer.send(goaway(role === "server" ? 0 : 1, http2.NGHTTP2_NO_ERROR)); // a server has opened none
        await once(session, "goaway");
      }
      t.mock.timers.tick(MINUTE); // bytes have come before
      const { bytesRead } = session.socket;
      const { asked } = peer;
      t.mock.timers.tick(MINUTE);
      await peer.askedFor(asked + 1);
      while (session.socket.bytesRead === bytesRead) await turn();
    }
    assert.equal(socket.readyState, socket.OPEN);
    const sessionEnd = gone(session);
    session.destroy();
    await sessionEnd; // it stops a timer, which must be this test's
  });
}
