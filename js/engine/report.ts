/**
 * What a call of the engine reports beside its return value: the slots of `scratch().report`, each a u32. The Rust side
 * names the same slots in `src/wasm/scratch.rs`; a test holds both equal.
 *
 * @module
 */

/** After a call that receives: how many events are listed, the outcome's payload, status and error, and progress. */
export const ReceiveSlot = {
  Events: 0,
  /** Where the payload of a ping, pong or close is, … */
  Address: 1,
  /** … and its length in bytes. */
  Size: 2,
  CloseStatus: 3,
  /** The engine's number for the error. */
  Error: 4,
  /** How many bytes of the chunk are done with. */
  Taken: 5,
  /** What has begun and not ended. */
  Unfinished: 6,
  /** Whether decompressed bytes wait for room. */
  HasMore: 7,
  /** Frames that came, modulo 2^32. */
  Frames: 8,
  /** Bytes that the last frame of an unfinished message still announces; 0 if none has begun, or it is compressed. */
  Announced: 9,
  /** What decompressing cost in this call: bytes that it made, and 32 for each compressed byte. */
  Work: 10,
} as const;

/** After a call that leaves a payload, or room for one, elsewhere in memory. */
export const PlaceSlot = { Address: 1, Size: 2 } as const;
