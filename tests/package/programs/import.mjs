import * as slim from "@websocket-component/slim";
import * as slimComponent from "@websocket-component/slim/component";
import * as main from "websocket-component";
import * as component from "websocket-component/component";
import * as inline from "websocket-component/inline";
import * as inlineComponent from "websocket-component/inline/component";
import Ws from "websocket-component/ws";

import { check } from "./check.mjs";

await check({
  sockets: [main, inline],
  components: [component, inlineComponent, slimComponent],
  slimSockets: [slim],
  Ws,
});
