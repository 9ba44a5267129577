// the entries that read the engine's file
import * as main from "websocket-component";
import * as ws from "websocket-component/ws";

import { roundTrip } from "../roundtrip.cjs";

(async () => {
  await roundTrip(main, "main");
  await roundTrip(ws, "ws");
  console.log("OK");
  process.exit();
})();
