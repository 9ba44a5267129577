// What must hold in every environment: text, bytes and a close, there and back, by one entry of the package. For
// modules and CommonJS alike, so it takes what it needs: the entry's exports, and the name of its API.
exports.roundTrip = async function roundTrip(entry, api) {
  // bundlers drop what they take for unused
  if (api === "ws" && entry.WebSocket.Server !== entry.WebSocketServer) throw new Error("WebSocket.Server is missing");
  const { server, port } = await (api === "ws" ? serveByWs(entry) : serve(entry));
  const socket = new entry.WebSocket(`ws://127.0.0.1:${port}`);
  socket.binaryType = "arraybuffer";
  const received = [];
  const closed = new Promise((resolve, reject) => {
    socket.addEventListener("error", ({ error, message }) => reject(error ?? new Error(message)));
    socket.addEventListener("close", ({ code, wasClean }) => resolve({ code, wasClean }));
  });
  socket.addEventListener("open", () => {
    socket.send("Grüße");
    socket.send(new Uint8Array([1, 2, 3]));
    socket.send(new Uint8Array(100_000).fill(7));
  });
  socket.addEventListener("message", ({ data }) => {
    received.push(typeof data === "string" ? data : describe(new Uint8Array(data)));
    if (received.length === 3) socket.close(1000, "done");
  });
  const end = await closed;
  await new Promise((resolve) => {
    if (api === "ws") server.close(resolve);
    else server.close().then(resolve);
  });
  const result = JSON.stringify({ received, end });
  if (result !== EXPECTED) throw new Error(`${result} is not ${EXPECTED}`);
};

const EXPECTED = JSON.stringify({
  received: ["Grüße", "3 bytes, 1 to 3", "100000 bytes, 7 to 7"],
  end: { code: 1000, wasClean: true },
});

function describe(bytes) {
  return `${bytes.length} bytes, ${bytes[0]} to ${bytes[bytes.length - 1]}`;
}

async function serve({ WebSocketServer }) {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  server.on("connection", (socket) => {
    socket.addEventListener("message", ({ data }) => socket.send(data));
  });
  await new Promise((resolve) => server.once("listening", resolve));
  return { server, port: server.address().port };
}

async function serveByWs({ WebSocketServer }) {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  server.on("connection", (socket) => {
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }, () => {}));
  });
  await new Promise((resolve) => server.once("listening", resolve));
  return { server, port: server.address().port };
}
