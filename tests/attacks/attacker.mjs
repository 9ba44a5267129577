// A process of its own: `attacker.mjs PORT NAME` attacks, says what it sent, and lets go when it is told to.
import { attacks } from "./attacks.mjs";
import { Peer } from "./peer.mjs";

const [port, name] = process.argv.slice(2);
const peers = await attacks[name].run(Number(port));
process.send({ sent: Peer.sent });
process.once("message", () => {
  for (const peer of peers) peer.close();
  // A reset that comes behind the server's own end leaves Node with a handle that nothing closes.
  process.exit();
});
