/**
 * Close frames: their statuses (RFC 6455 §7.4), and how long a reason may be.
 *
 * @module
 */

/** The close statuses that have names (`WEB_SOCKET_CLOSE_STATUS`). */
export const CloseStatus = Object.freeze({
  /** Done with what the connection was for. */
  Success: 1000,
  /** The server goes down, or the page is left. */
  EndpointUnavailable: 1001,
  /** The peer broke the protocol. */
  ProtocolError: 1002,
  /** A kind of data that is not taken, such as binary. */
  InvalidDataType: 1003,
  /** Never sent: the close frame had no status. */
  Empty: 1005,
  /** Never sent: there was no close frame. */
  Aborted: 1006,
  /** The data does not fit the message's kind: text that is not UTF-8. */
  InvalidPayload: 1007,
  /** Against a rule of the endpoint's own. */
  PolicyViolation: 1008,
  /** Over the endpoint's limits. */
  MessageTooBig: 1009,
  /** The server did not select an extension that the client needs. */
  UnsupportedExtensions: 1010,
  /** The endpoint failed, and cannot go on. */
  ServerError: 1011,
  /** Never sent: TLS failed. */
  SecureHandshakeError: 1015,
} as const);

/** Whether a close frame may have this status (RFC 6455 §7.4). */
export function isSendableStatus(status: number): boolean {
  return (status >= 1000 && status <= 1003) || (status >= 1007 && status <= 1014) || (status >= 3000 && status <= 4999);
}

/** Lack of room ends the connection: the client may come back. The component API has no name for this status. */
export const TRY_AGAIN_LATER = 1013;

/** The longest close reason, in bytes of UTF-8. */
export const MAX_CLOSE_REASON_LENGTH = 123;
