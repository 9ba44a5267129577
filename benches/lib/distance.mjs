// A server that is far away: TCP whose bytes take their time.
import { once } from "node:events";
import { connect, createServer } from "node:net";

/** Listens in front of a port of loopback; `delay` is the milliseconds of each way. */
export async function farAway(port, delay) {
  const server = createServer({ noDelay: true }, (near) => {
    const far = connect({ port, host: "127.0.0.1", noDelay: true });
    carry(near, far, delay);
    carry(far, near, delay);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { port: server.address().port, end: () => server.close() };
}

function carry(from, to, delay) {
  from.on("error", () => to.destroy());
  from.on("data", (chunk) => setTimeout(() => to.write(chunk), delay));
  from.on("end", () => setTimeout(() => to.end(), delay));
}
