/**
 * What a call of the engine reports beside its return value: the slots of `scratch().report`, each a u32. They have the
 * names and numbers of `src/wasm/scratch.rs`; `tests/js/report.test.ts` holds them equal.
 *
 * @module
 */

/** After `Session.receive` and `resume`, and of a place also after `compressed_frame`. */
export const ReportSlot = {
  /** How many events are listed. */
  Events: 0,
  /** Address of the payload of a ping or pong, of a close's reason, or of what is left of a compressed frame; … */
  Address: 1,
  /** … and the bytes there. */
  Size: 2,
  /** The status of a close that came, or that a violation asks for. */
  Status: 3,
  /** The number of the error. */
  Error: 4,
  /** How many bytes of the chunk are done with. */
  Taken: 5,
  /** The frame or message that has begun and not ended. */
  Unfinished: 6,
  /** Whether there is more to come without more input. */
  HasMore: 7,
  /** How many frames have come, modulo 2^32. */
  Frames: 8,
  /** How many bytes of a message its last frame still announces; 0 if none has begun, or it is compressed. */
  Announced: 9,
  /** The cost of decompression in this call: the bytes that it made, and 32 for each compressed byte. */
  Work: 10,
} as const;

/** After `Handle.get_action`. */
export const ActionSlot = {
  /** The action's number. */
  Kind: 0,
  /** The type of the buffer, 0 for none. */
  BufferType: 1,
  /** How many buffers there are, two at most. */
  Buffers: 2,
  /** Address and length of the first; those of the second follow. */
  FirstBuffer: 3,
  /** The status of the peer's close, or 0. */
  CloseStatus: 7,
  /** Whether there is an application context. */
  HasContext: 8,
  /** The application context. */
  Context: 9,
  /** The action context, or 0. */
  ActionContext: 10,
  /** Whether a send was cancelled. */
  Cancelled: 11,
} as const;

/** After `Handle.outstanding_read`. */
export const ReadSlot = {
  /** The buffer's address, or 0. */
  Address: 0,
  /** Its length. */
  Length: 1,
} as const;
