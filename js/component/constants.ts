/**
 * The numbers of the component API.
 *
 * @module
 */

export { CloseStatus, MAX_CLOSE_REASON_LENGTH } from "../engine/status.js";

/** The next thing to do (`WEB_SOCKET_ACTION`). */
export const Action = Object.freeze({
  /** Nothing now. */
  NoAction: 0,
  /** Write the buffers, in order. */
  SendToNetwork: 1,
  /** A send is done. */
  IndicateSendComplete: 2,
  /** Read into the buffer. */
  ReceiveFromNetwork: 3,
  /** A receive is done. */
  IndicateReceiveComplete: 4,
} as const);
/** One of the numbers of {@link Action:var}. */
export type Action = (typeof Action)[keyof typeof Action];

/** Where to take an action from (`WEB_SOCKET_ACTION_QUEUE`). */
export const ActionQueue = Object.freeze({
  /** Sends. */
  Send: 1,
  /** Receives, and the pongs that answer pings. */
  Receive: 2,
  /** Both. */
  All: 3,
} as const);
/** One of the numbers of {@link ActionQueue:var}. */
export type ActionQueue = (typeof ActionQueue)[keyof typeof ActionQueue];

/** The content of a buffer (`WEB_SOCKET_BUFFER_TYPE`), unsigned. */
export const BufferType = Object.freeze({
  /** The last or only part of a text message. */
  Utf8Message: 0x80000000,
  /** A part of a text message; more follows. */
  Utf8Fragment: 0x80000001,
  /** The last or only part of a binary message. */
  BinaryMessage: 0x80000002,
  /** A part of a binary message; more follows. */
  BinaryFragment: 0x80000003,
  /** A close frame. */
  Close: 0x80000004,
  /** Sent: a ping. Received: a pong. */
  PingPong: 0x80000005,
  /** A pong that answers no ping. */
  UnsolicitedPong: 0x80000006,
} as const);

/** The properties' numbers (`WEB_SOCKET_PROPERTY_TYPE`). */
export const PropertyType = Object.freeze({
  /** Bytes; `receiveBufferSize`. */
  ReceiveBufferSize: 0,
  /** Bytes; `sendBufferSize`. */
  SendBufferSize: 1,
  /** `disableMasking`. */
  DisableMasking: 2,
  /** Not offered: memory is the engine's. */
  AllocatedBuffer: 3,
  /** `disableUtf8Verification`. */
  DisableUtf8Verification: 4,
  /** Global: milliseconds after which a ping is advised. */
  KeepaliveInterval: 5,
  /** Global: the protocol's versions. */
  SupportedVersions: 6,
} as const);
