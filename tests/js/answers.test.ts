/** Writes that are awaited in a loop: those that answer one packet leave together, and none is lost for that. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";

import { type SocketOptions, WebSocket } from "websocket-component";

import { clog, connector, type Ends, FRAME, frames, ROLES, type Role, wireSize } from "./ends.js";
import { masked, messages, nextEvent, once, RawPeer, serve, unmasked } from "./support.js";

const COUNT = 50;
const TEXTS = Array.from({ length: COUNT }, (_, at) => `message ${at}`);
/** Bytes that may be written to no avail. */
const MOST = 16 * 1024;

/** A connection without a listener of messages. */
async function ends(t: TestContext, role: Role, options: SocketOptions = {}): Promise<Ends> {
  const one = await (await connector(t, role, options))();
  one.socket.onmessage = null;
  return one;
}

/** Counts the writes to our end of it: what the system is given, by the method that all of them come to. */
function countWrites(t: TestContext, { peer }: Ends): () => number {
  let count = 0;
  const methods = Socket.prototype as unknown as { _writeGeneric(...args: unknown[]): void };
  const write = methods._writeGeneric;
  t.mock.method(methods, "_writeGeneric", function (this: Socket, ...args: unknown[]) {
    if (this.remotePort === peer.socket.localPort) count += 1;
    write.apply(this, args);
  });
  return () => count;
}

/** Sends all texts in one packet. */
function send({ peer }: Ends, role: Role): void {
  peer.write(...TEXTS.map((text) => FRAME[role](0x81, text)));
}

for (const role of ROLES) {
  test(`a ${role}'s loop that awaits each write answers the messages of a packet, in their order, by one`, async (t) => {
    const one = await ends(t, role);
    const { socket, peer } = one;
    const writes = countWrites(t, one);
    const exitListeners = process.listenerCount("exit");
    const loop = async () => {
      for await (const text of socket) await socket.write(text as string);
    };
    loop().catch(() => {}); // until the peer has gone
    for (let packet = 1; packet <= 3; packet++) {
      send(one, role);
      const answers = await peer.bytes(wireSize(role, ...TEXTS.map(({ length }) => length)));
      assert.deepEqual(
        frames(answers).map(({ payload }) => payload.toString()),
        TEXTS,
      );
      assert.equal(writes(), packet);
      assert.ok(process.listenerCount("exit") <= exitListeners + 1, "one, for all that waits");
    }
  });

  test(`a ${role}'s awaited writes leave no more than 16 KiB behind, and none after the last of a packet`, async (t) => {
    const one = await ends(t, role);
    const { socket, peer } = one;
    const writes = countWrites(t, one);
    const answer = Buffer.alloc(3000);
    const behind: number[] = [];
    const loop = (async () => {
      for await (const _ of socket) {
        await socket.write(behind.length % 2 === 0 ? answer : answer.buffer.slice(0, 3000));
        if (behind.push(socket.bufferedAmount) === COUNT) return;
      }
    })();
    send(one, role);
    await loop;
    await peer.bytes(wireSize(role, ...TEXTS.map(() => answer.length)));
    assert.ok(Math.max(...behind) <= MOST && behind.at(-1) === 0, `${behind}`);
    assert.equal(writes(), Math.ceil(COUNT / 6), "five that do not wait, and one that does");
  });

  test(`a ${role}'s write waits for a network that is full, whatever the loop has to read`, async (t) => {
    const one = await ends(t, role);
    const { socket, peer } = one;
    await clog(one);
    let [begun, written] = [0, 0];
    const loop = (async () => {
      for await (const text of socket) {
        begun += 1;
        await socket.write(text as string);
        written += 1;
        if (written === COUNT) return;
      }
    })();
    send(one, role);
    while (begun === 0) await turn();
    for (let count = 0; count < 50; count++) await turn();
    assert.deepEqual([begun, written], [1, 0]);
    peer.socket.resume();
    await loop;
  });

  test(`what a ${role}'s loop has written leaves although it terminates the socket`, async (t) => {
    const one = await ends(t, role);
    const { socket, peer } = one;
    let written = 0;
    const loop = (async () => {
      for await (const text of socket) {
        await socket.write(text as string);
        written += 1;
        if (written === 3) socket.terminate();
        if (written === 3) await assert.rejects(socket.write("too late"), { code: "WS_ERR_NOT_SENT" });
      }
    })();
    send(one, role);
    await assert.rejects(loop, { code: "WS_ERR_TERMINATED" });
    const answers = frames(await peer.rest());
    assert.deepEqual(
      answers.map(({ payload }) => payload.toString()),
      TEXTS.slice(0, 3),
    );
  });

  test(`a ${role}'s write for which there is no room is rejected in a loop, too`, async (t) => {
    const one = await ends(t, role, { maxBufferedBytes: 8192 });
    const { socket } = one;
    const outcomes: unknown[] = [];
    const loop = (async () => {
      for await (const text of socket) {
        const data = text === TEXTS[1] ? Buffer.alloc(9000) : text;
        outcomes.push(await socket.write(data as string).catch(({ code }) => code));
      }
    })();
    send(one, role);
    await assert.rejects(loop, { code: "WS_ERR_BUFFER_FULL" });
    assert.deepEqual(outcomes, [undefined, "WS_ERR_NOT_SENT"]);
  });

  test(`a ${role}'s write with a signal, or behind a Blob, waits for the network`, async (t) => {
    const one = await ends(t, role);
    const { socket } = one;
    const { signal } = new AbortController();
    const behind: number[] = [];
    const loop = (async () => {
      for await (const text of socket) {
        await socket.write(text as string, { signal });
        behind.push(socket.bufferedAmount);
        socket.send(new Blob(["read first"]));
        await socket.write(text as string);
        behind.push(socket.bufferedAmount);
        if (behind.length === 10) return;
      }
    })();
    send(one, role);
    await loop;
    assert.deepEqual(behind, Array(10).fill(0));
  });
}

test("a loop's write behind a long message waits until that is compressed, and has left", async (t) => {
  const behind: number[] = [];
  const { url } = await serve(t, {}, async (socket) => {
    for await (const text of socket) {
      socket.send("long ".repeat(100_000));
      await socket.write(text as string);
      behind.push(socket.bufferedAmount);
    }
  });
  const client = new WebSocket(url);
  await nextEvent(client, "open");
  const answers = messages(client, 6);
  for (const text of TEXTS.slice(0, 3)) client.send(text);
  const texts = (await answers).filter((text) => (text as string).length < 100);
  assert.deepEqual(texts, TEXTS.slice(0, 3));
  assert.deepEqual(behind, [0, 0, 0]);
  client.close();
});

test("what a loop has written leaves although the process exits, or ends by an error", async (t) => {
  const entry = import.meta.resolve("websocket-component");
  for (const [end, code] of [
    ["process.exit(0)", 0],
    ["Promise.reject(new Error('the end'))", 1],
  ] as const) {
    const program = `
      import { WebSocketServer } from ${JSON.stringify(entry)};
      const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
      server.on("listening", () => console.log(server.address().port));
      server.on("connection", async (socket) => {
        let count = 0;
        for await (const text of socket) {
          await socket.write(text);
          count += 1;
          if (count === 3) ${end};
          if (count === 3) break;
        }
      });`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    t.after(() => child.kill("SIGKILL"));
    const exited = once(child, "exit");
    const [port] = await once(child.stdout, "data");
    const peer = await RawPeer.connect(Number(port));
    t.after(() => peer.socket.destroy());
    await peer.head();
    peer.write(...TEXTS.map((text) => masked(0x81, text)));
    const answers = TEXTS.slice(0, 3).map((text) => unmasked(0x81, text));
    assert.deepEqual(await peer.rest(), Buffer.concat(answers));
    assert.deepEqual(await exited, [code, null]);
  }
});
