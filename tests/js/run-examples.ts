/** Imports the modules that it is given, one after the other, each once the servers of those before it listen. */
import { once } from "node:events";
import { Server } from "node:net";
import { pathToFileURL } from "node:url";

const servers: Server[] = [];
const { listen } = Server.prototype;
Server.prototype.listen = function (this: Server, ...options: unknown[]): Server {
  servers.push(this);
  return Reflect.apply(listen, this, options);
} as typeof listen;

for (const file of process.argv.slice(2)) {
  await import(pathToFileURL(file).href);
  await Promise.all(servers.filter(({ listening }) => !listening).map((server) => once(server, "listening")));
}
