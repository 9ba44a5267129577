// For a page and for a worker.
import * as component from "websocket-component/inline/component";

import { frame } from "./frame.mjs";

globalThis.frame = frame(component);
if (globalThis.document === undefined) postMessage(globalThis.frame);
