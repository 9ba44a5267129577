// `ws` by its own name, which an override makes ours: no import says that the engine must be in the bundle
import ws, * as all from "ws";

import { roundTrip } from "../roundtrip.cjs";

if (ws !== all.WebSocket) throw new Error("the default export is another class");

roundTrip(all, "ws").then(() => {
  console.log("OK");
  process.exit();
});
