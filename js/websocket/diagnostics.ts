/**
 * What `node:diagnostics_channel` is told of. Costs nothing while nobody listens.
 *
 * @module
 */
import { channel } from "node:diagnostics_channel";

/** Channels by what they tell; each message has the `socket`, and what its event has. */
export const channels = {
  /** `websocket-component:open`: a handshake is done. */
  open: channel("websocket-component:open"),
  /** `websocket-component:close`, with `code`, `reason`, `wasClean`, and `error` if there was one. */
  close: channel("websocket-component:close"),
  /** `websocket-component:ping`, with `payload`: one came. */
  ping: channel("websocket-component:ping"),
  /** `websocket-component:pong`, with `payload`, and `roundTripTime` in milliseconds if it answers one of ours. */
  pong: channel("websocket-component:pong"),
} as const;
