// What both ends of a connection do, in whatever runtime: 20 messages there and back, then 20 the other way.

const WORDS = ["frame", "mask", "größe", "window", "€", "😀", "opcode", "a", "takeover", "0123456789"];

/** Texts and binary data in turn, from about 10 bytes to 1 MiB; the same in every runtime. */
export function messages(seed) {
  let state = seed;
  const next = (most) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * most);
  };
  return Array.from({ length: 20 }, (_, index) => {
    const size = Math.round(10 * (2 ** 20 / 10) ** (Math.floor(index / 2) / 9));
    if (index % 2 === 1) return Uint8Array.from({ length: size }, (_, at) => (at % 64 < 48 ? at & 15 : next(256)));
    let text = "";
    while (text.length < size) text += `${WORDS[next(WORDS.length)]} `;
    return text;
  });
}

/** Bytes of payload, text as UTF-8. */
export function sizeOf(data) {
  return typeof data === "string" ? new TextEncoder().encode(data).length : data.byteLength;
}

export function isSame(one, other) {
  if (typeof one === "string" || typeof other === "string") return one === other;
  const [a, b] = [bytes(one), bytes(other)];
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

function bytes(data) {
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}

/** The far end: echoes, until it is told to send messages of its own and to say what came of them. */
export function farEnd(send) {
  let awaited;
  const wrong = [];
  return (data) => {
    if (data === "your turn") {
      awaited = messages(2);
      for (const message of awaited) send(message);
    } else if (awaited === undefined) {
      send(data);
    } else {
      const expected = awaited.shift();
      if (!isSame(expected, data)) wrong.push(`${typeof expected} of ${sizeOf(expected)} bytes`);
      if (awaited.length === 0) send(wrong.length === 0 ? "OK" : `FAIL: it got back another ${wrong[0]}`);
    }
  };
}

/** The near end, at a WebSocket whose binary data are bytes: resolves to "OK" or what went wrong. */
export function nearEnd(socket) {
  return new Promise((resolve) => {
    const awaited = messages(1);
    let echoed = 0;
    socket.addEventListener("close", ({ code, reason }) => resolve(`FAIL: closed with ${code} ${reason}`.trim()));
    socket.addEventListener("error", ({ error, message }) => resolve(`FAIL: ${error?.message ?? message}`));
    socket.addEventListener("message", ({ data }) => {
      if (awaited.length > 0) {
        const expected = awaited.shift();
        const what = `${typeof expected} of ${sizeOf(expected)} bytes`;
        if (!isSame(expected, data)) resolve(`FAIL: we got back another ${what}`);
        else if (awaited.length === 0) socket.send("your turn");
      } else if (echoed++ < 20) {
        socket.send(data);
      } else {
        resolve(data);
      }
    });
    for (const message of awaited) socket.send(message);
  });
}

/** Connects with the runtime's own WebSocket and is the far end. */
export function connect(url) {
  const socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  const take = farEnd((data) => socket.send(data));
  socket.onmessage = ({ data }) => take(data);
  return new Promise((resolve) => {
    socket.onclose = resolve;
  });
}
