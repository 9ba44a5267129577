/**
 * All that the component entry exports.
 *
 * @module
 */

export { EngineTrap } from "../engine/engine.js";
export {
  type ProtocolErrorCode,
  WebSocketError,
  type WebSocketErrorCode,
  WebSocketProtocolError,
} from "../engine/errors.js";
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
} from "../engine/http.js";
export * from "./component.js";
export * from "./constants.js";
