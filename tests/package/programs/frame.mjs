/** A frame that the component makes, in hexadecimal: "Hello" from a server, RFC 6455, section 5.7. */
export function frame({ Action, ActionQueue, BufferType, Handle }) {
  const server = Handle.createServer();
  const headers = [
    ["Host", "example.com"],
    ["Upgrade", "websocket"],
    ["Connection", "Upgrade"],
    ["Sec-WebSocket-Version", "13"],
    ["Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="],
  ];
  server.beginServerHandshake({ headers });
  server.endServerHandshake();
  server.send(BufferType.Utf8Message, new TextEncoder().encode("Hello"));
  const { action, buffers } = server.getAction(ActionQueue.Send);
  if (action !== Action.SendToNetwork) throw new Error(`action ${action}`);
  return buffers.flatMap((bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0"))).join("");
}
