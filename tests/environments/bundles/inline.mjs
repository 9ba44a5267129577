// the entries that have the engine in their text
import * as main from "websocket-component/inline";
import * as ws from "websocket-component/inline/ws";

import { roundTrip } from "../roundtrip.cjs";

(async () => {
  await roundTrip(main, "main");
  await roundTrip(ws, "ws");
  console.log("OK");
  process.exit();
})();
