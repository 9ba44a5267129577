// The component API in the page: two handles, the handshake between them, and the actions of one message.
import { Action, ActionQueue, BufferType, Handle } from "/dist/entry/component-browser.js";

const $ = (id) => document.getElementById(id);
$("payload").addEventListener("input", run);
run();

function run() {
  const [client, server] = [Handle.createClient(), Handle.createServer()];
  const request = client.beginClientHandshake({ subprotocols: ["chat"] });
  const response = server.beginServerHandshake({ subprotocol: "chat", headers: request });
  client.endClientHandshake(response);
  $("handshake").textContent = [
    ["Request", request],
    ["Response", response],
  ]
    .map(([name, headers]) => [`${name}:`, ...headers.map(([field, value]) => `  ${field}: ${value}`)].join("\n"))
    .join("\n\n");

  const rows = [];
  const network = [];
  client.send(BufferType.Utf8Message, new TextEncoder().encode($("payload").value));
  drive("client", client, ActionQueue.Send, network, rows);
  server.receive();
  drive("server", server, ActionQueue.Receive, network, rows);
  $("actions").replaceChildren(...rows.map(row));
  client.delete();
  server.delete();
}

/** The loop that every caller of the component has. */
function drive(name, handle, queue, network, rows) {
  for (;;) {
    const result = handle.getAction(queue);
    if (result.action === Action.NoAction) return;
    if (result.action === Action.ReceiveFromNetwork) {
      const bytes = network.shift() ?? new Uint8Array(0);
      rows.push([name, "ReceiveFromNetwork", bytes]);
      handle.completeReceive(result.actionContext, bytes);
      continue;
    }
    const bytes = Uint8Array.from(result.buffers.flatMap((buffer) => [...buffer]));
    if (result.action === Action.SendToNetwork) network.push(bytes);
    rows.push([name, Object.keys(Action).find((key) => Action[key] === result.action), bytes]);
    handle.completeAction(result.actionContext, bytes.length);
  }
}

function row(cells) {
  const line = document.createElement("tr");
  for (const cell of cells) {
    const text =
      cell instanceof Uint8Array ? [...cell].map((byte) => byte.toString(16).padStart(2, "0")).join(" ") : cell;
    line.appendChild(document.createElement("td")).textContent = text;
  }
  return line;
}
