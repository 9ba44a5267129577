import * as component from "websocket-component/component";

import { frame } from "./frame.mjs";

globalThis.frame = frame(component);
