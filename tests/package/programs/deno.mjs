import * as main from "npm:websocket-component";
import * as component from "npm:websocket-component/component";

import { check } from "./check.mjs";

await check({ sockets: [main], components: [component] });
