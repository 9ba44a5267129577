// The client of `ws`: `node ws-client.mjs URL`.
import { WebSocket } from "ws";

import { farEnd } from "../interop/peer.mjs";

const ws = new WebSocket(process.argv[2], { perMessageDeflate: { threshold: 0 } });
const take = farEnd((data) => ws.send(data));
ws.on("message", (data, isBinary) => take(isBinary ? data : data.toString()));
