/**
 * What an inspector reports about a conversation.
 *
 * @module
 */

/** Which way bytes went: `"toServer"` is what the client sent. */
export type Direction = "toServer" | "toClient";

/**
 * What all records have. Those of a direction cover its bytes without a gap, each from the end of the one before it.
 */
interface RecordBase {
  /** Its place among the records. */
  readonly index: number;
  /** Which way its bytes went. */
  readonly direction: Direction;
  /** When its first byte came, as it was given to `push`. */
  readonly time: number;
  /** Where it begins, in bytes of its direction. */
  readonly start: number;
  /** Where it ends, or would end if the bytes did not end before. */
  readonly end: number;
  /** All its bytes have come. */
  readonly whole: boolean;
  /**
   * A violation before it in the same direction would have closed the connection, and may have hidden where frames
   * begin.
   */
  readonly unreliable: boolean;
  /**
   * Bytes before it are missing, and where it begins was found again: a piece begins there, and what the headers from
   * there on say is possible.
   */
  readonly found: boolean;
  /** How many of its bytes are missing. */
  readonly missing: number;
}

/** The client's half of the handshake: an HTTP request's head. */
export interface RequestRecord extends RecordBase {
  /** Tells it from the other records. */
  readonly type: "request";
}

/** The server's half of the handshake: a response's head. */
export interface ResponseRecord extends RecordBase {
  /** Tells it from the other records. */
  readonly type: "response";
}

/** The names of opcodes; the ten others are reserved (RFC 6455 §5.2). */
export type OpcodeName = "continuation" | "text" | "binary" | "close" | "ping" | "pong" | "reserved";

/** A frame (RFC 6455 §5.2). */
export interface FrameRecord extends RecordBase {
  /** Tells it from the other records. */
  readonly type: "frame";
  /** Whether it is the last frame of its message. */
  readonly fin: boolean;
  /** With permessage-deflate, set on the first frame of a compressed message (RFC 7692 §6). */
  readonly rsv1: boolean;
  /** Reserved for extensions. */
  readonly rsv2: boolean;
  /** Reserved for extensions. */
  readonly rsv3: boolean;
  /** 0 to 15. */
  readonly opcode: number;
  /** The opcode in a word. */
  readonly opcodeName: OpcodeName;
  /** The masking key, as a number of 32 bits whose first byte is the highest, if the frame is masked. */
  readonly mask: number | undefined;
  /** The bits that the length takes in the header. */
  readonly lengthBits: 7 | 16 | 64;
  /** Bytes of the header: 2 to 14. */
  readonly headerSize: number;
  /** Bytes of the payload. */
  readonly length: number;
  /** The index of its message, if it belongs to one. */
  readonly message: number | undefined;
  /**
   * The index of the pong to this ping, of the ping to this pong, or of the other side's close: the lower one of two
   * closes began the closing.
   */
  readonly partner: number | undefined;
  /** Of a close that is whole: its status, 1005 if it has none. The reason is its payload from the third byte on. */
  readonly closeStatus: number | undefined;
  /** The engine would refuse it; `faults` tell why. */
  readonly violation: boolean;
}

/** Why bytes belong to neither a frame nor a head. */
export type BytesReason =
  /** The stream ends in a head or a frame's header. */
  | "cut"
  /** They come after a close, and mean nothing. */
  | "afterClose"
  /** They come after a head that opens no WebSocket connection. */
  | "notWebSocket"
  /** They come after a frame whose length cannot be. */
  | "noBoundary"
  /** They are missing where a head or a frame's header would be, or come before the next header that was found. */
  | "missing";

/** Bytes that are nothing of WebSocket's. */
export interface BytesRecord extends RecordBase {
  /** Tells it from the other records. */
  readonly type: "bytes";
  /** Why. */
  readonly reason: BytesReason;
}

/** One thing on the wire. */
export type InspectRecord = RequestRecord | ResponseRecord | FrameRecord | BytesRecord;

/** How far a message came. */
export type MessageState =
  /** Its last frame has not ended. */
  | "unfinished"
  | "whole"
  /** It is not valid; `faults` tell why. */
  | "failed"
  /** Bytes of it are missing, or it is compressed with reference to one that cannot be decompressed. */
  | "unreadable";

/** A message, over all its frames. */
export interface InspectMessage {
  /** Its place among the messages. */
  readonly index: number;
  /** Which way it went. */
  readonly direction: Direction;
  /** Whether it is text; else it is binary. */
  readonly text: boolean;
  /** permessage-deflate (RFC 7692). */
  readonly compressed: boolean;
  /** How far it came. */
  readonly state: MessageState;
  /** The index of the record of its first frame. */
  readonly first: number;
  /** The index of the record of its last frame so far. */
  readonly last: number;
  /** How many frames it has so far. */
  readonly frames: number;
  /** Payload bytes on the wire. */
  readonly wireLength: number;
  /** Payload bytes after decompressing; the same if it is not compressed. */
  readonly length: number;
}

/** Something that the RFCs do not allow. */
export interface Fault {
  /** Its place among the faults. */
  readonly index: number;
  /** The index of the record that it is about. */
  readonly record: number;
  /** Where it shows, in bytes of the record's direction. */
  readonly offset: number;
  /** A name for it, such as `"MaskMissing"`. */
  readonly name: string;
  /** The fault, in words. */
  readonly message: string;
  /** The section that asks for something else. */
  readonly section: string;
  /** The status that the engine closes the connection with; `undefined` for a handshake, which it refuses. */
  readonly closeStatus: number | undefined;
}

/** One thing that the RFCs ask of a head. */
export interface HandshakeCheck {
  /**
   * A field's name, or `"method"`, `"target"`, `"version"`, `"status"`, `"fields"` (how many) or `"head"` (all of it).
   */
  readonly subject: string;
  /** The section that asks for it. */
  readonly section: string;
  /** The value, bytes as Latin-1; nothing if it is missing. */
  readonly found: readonly string[];
  /** Its fault, if it has one. */
  readonly error:
    | {
        /** A name for it, as a `Fault` has it. */
        readonly name: string;
        /** In words. */
        readonly message: string;
      }
    | undefined;
}

/** The extensions of a connection. */
export interface AgreedExtensions {
  /** permessage-deflate: windows in bits, and which side starts each message with an empty one. */
  readonly deflate:
    | {
        /** Of the server's messages, 8 to 15. */
        readonly serverMaxWindowBits: number;
        /** Of the client's messages, 8 to 15. */
        readonly clientMaxWindowBits: number;
        /** Whether each of the server's messages starts with an empty window. */
        readonly serverNoContextTakeover: boolean;
        /** Whether each of the client's messages starts with an empty window. */
        readonly clientNoContextTakeover: boolean;
      }
    | undefined;
  /** There are others, for which any reserved bit may be set. */
  readonly others: boolean;
  /** Where a capture has no whole response, anything may have been agreed on. */
  readonly known: boolean;
}

/** How a payload is decoded before it is given out: not at all, unmasked, or unmasked and decompressed. */
export type PayloadStage = "wire" | "unmasked" | "inflated";
