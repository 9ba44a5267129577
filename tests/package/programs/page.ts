// A page's program in strict TypeScript: there the package is the component API. It is checked, not run.
import type { Handle } from "websocket-component";
import { BufferType, Handle as ComponentHandle } from "websocket-component/component";
import { Handle as InlineHandle } from "websocket-component/inline";
import { Handle as SlimHandle } from "websocket-component/slim";

export const handle: Handle = ComponentHandle.createClient();
handle.send(BufferType.BinaryMessage, new Uint8Array(1));
export const others: (typeof Handle)[] = [InlineHandle, SlimHandle];
