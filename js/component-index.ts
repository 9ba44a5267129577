/**
 * All that the component entry exports.
 *
 * @module
 */
export * from "./component.js";
export { EngineTrap } from "./engine.js";
export { type ProtocolErrorCode, WebSocketError, type WebSocketErrorCode, WebSocketProtocolError } from "./errors.js";
export {
  type HeaderField,
  type HeaderFields,
  offeredSubprotocols,
  parseRequest,
  parseResponse,
  type RequestHead,
  type ResponseHead,
  writeRequest,
  writeResponse,
} from "./http.js";
