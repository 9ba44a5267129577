import * as inline from "websocket-component/inline";
import * as component from "websocket-component/inline/component";

import { check } from "./check.cjs";

await check({ sockets: [inline], components: [component] });
