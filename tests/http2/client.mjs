// A client of others: `client.mjs URL [UNDICI]`, in a Node whose own WebSocket knows HTTP/2, or by the module undici.
// It sends one message, prints the answer, and closes.
const [url, undici] = process.argv.slice(2);
// Node's own WebSocket does not keep its process alive over HTTP/2
setInterval(() => {}, 1000);
let socket;
if (undici === undefined) socket = new WebSocket(url, ["chat"]);
else {
  const { Agent, WebSocket } = await import(undici);
  socket = new WebSocket(url, { protocols: ["chat"], dispatcher: new Agent({ allowH2: true }) });
}
socket.onopen = () => socket.send("Hello");
socket.onmessage = ({ data }) => {
  console.log(JSON.stringify({ data, protocol: socket.protocol }));
  socket.close(4000, "done");
};
socket.onerror = ({ error }) => console.error(error);
socket.onclose = ({ code, wasClean }) => {
  console.log(JSON.stringify({ code, wasClean }));
  process.exit(0);
};
