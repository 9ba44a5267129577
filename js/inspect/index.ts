/**
 * All that the inspector's entries export.
 *
 * @module
 */
export { CaptureError, type CaptureErrorCode } from "./errors.js";
export { explain, type HeaderFieldBits } from "./explain.js";
export { type Capture, type Format, inspectConnection, type ReadOptions, readCapture } from "./inputs/capture.js";
export type { Connection, Note, Piece } from "./inputs/connection.js";
export { CaptureWriter, directionOf, type RecordedTraffic, type Side } from "./inputs/recorded.js";
export { type Gap, Inspector, type InspectorOptions, type PayloadOptions, type PayloadPart } from "./inspector.js";
export type {
  AgreedExtensions,
  BytesReason,
  BytesRecord,
  Direction,
  Fault,
  FrameRecord,
  HandshakeCheck,
  InspectMessage,
  InspectRecord,
  MessageState,
  OpcodeName,
  PayloadStage,
  RequestRecord,
  ResponseRecord,
} from "./records.js";
