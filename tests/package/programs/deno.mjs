import * as main from "npm:websocket-component";
import * as component from "npm:websocket-component/component";

import { check } from "./check.cjs";

await check({ sockets: [main], components: [component] });
