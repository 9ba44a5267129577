import * as inline from "websocket-component/inline";
import * as component from "websocket-component/inline/component";

import { check } from "./check.mjs";

check({ sockets: [inline], components: [component] });
