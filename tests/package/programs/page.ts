// A page's program in strict TypeScript: there the package is the component API. It is checked, not run.

import { Handle as SlimHandle } from "@websocket-component/slim";
import type { Handle } from "websocket-component";
import { BufferType, Handle as ComponentHandle } from "websocket-component/component";
import { Handle as InlineHandle } from "websocket-component/inline";

export const handle: Handle = ComponentHandle.createClient();
handle.send(BufferType.BinaryMessage, new Uint8Array(1));
export const others: (typeof Handle)[] = [InlineHandle];
export const slim: SlimHandle = SlimHandle.createClient();
