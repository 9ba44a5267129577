// The browser's own WebSocket against the echo server that serves this page.
const $ = (id) => document.getElementById(id);
const url = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/echo`;
let socket;
/** When each message that is not back yet was sent. */
let sentAt = [];

$("address").textContent = url;
$("toggle").addEventListener("click", () =>
  socket.readyState > WebSocket.OPEN ? open() : socket.close(1000, "by hand"),
);
$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  send($("text").value);
});
for (const button of document.querySelectorAll("[data-bytes]")) {
  button.addEventListener("click", () => send(new Uint8Array(Number(button.dataset.bytes)).map((_, index) => index)));
}
open();

function open() {
  sentAt = [];
  show("connecting");
  socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => show("open");
  socket.onmessage = ({ data }) => log("←", describe(data), performance.now() - sentAt.shift());
  socket.onclose = ({ code, wasClean }) => {
    show("closed");
    log("×", `closed with ${code}${wasClean ? "" : ", not cleanly"}`);
  };
}

function show(state) {
  $("state").textContent = state;
  $("state").dataset.state = state;
  $("toggle").textContent = state === "closed" ? "Connect" : "Close";
  for (const button of $("form").querySelectorAll("button")) button.disabled = state !== "open";
}

function send(data) {
  sentAt.push(performance.now());
  socket.send(data);
  log("→", describe(data));
}

function log(mark, what, milliseconds) {
  const line = document.createElement("li");
  const [sign, text, time] = ["span", "span", "time"].map((name) => line.appendChild(document.createElement(name)));
  sign.textContent = mark;
  text.textContent = what;
  time.textContent = milliseconds === undefined ? "" : `${milliseconds.toFixed(1)} ms`;
  $("log").prepend(line);
}

function describe(data) {
  if (typeof data === "string") return data.length > 80 ? `${data.slice(0, 80)}… (${data.length} characters)` : data;
  return `${data.byteLength.toLocaleString("en")} bytes`;
}
