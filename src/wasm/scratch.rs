//! The memory through which bytes cross the boundary.

#[cfg(feature = "deflate")]
use alloc::vec::Vec;
use core::cell::RefCell;
use core::ops::Range;

use wasm_bindgen::prelude::wasm_bindgen;

/// One network chunk; Node reads at most 64 KiB at a time.
pub const INPUT_CAPACITY: usize = 64 * 1024;
/// What a session keeps of the chunk before: at most an unfinished header or control frame, 138 bytes.
pub const TAIL_CAPACITY: usize = 144;
const OUTPUT_CAPACITY: usize = 128 * 1024 + 64;
pub const EVENT_CAPACITY: usize = 1024;
/// What is decompressed at once.
pub const INFLATED_CAPACITY: usize = if cfg!(feature = "deflate") { 64 * 1024 } else { 0 };

/// The slots of the report after `Session.receive` and `resume`. `js/engine/` has the same numbers, and a test holds
/// them equal.
///
/// How many events are listed.
pub const REPORT_EVENTS: usize = 0;
/// Address of the payload of a ping or pong, of a close's reason, or of what is left of a compressed frame.
pub const REPORT_ADDRESS: usize = 1;
/// The bytes there.
pub const REPORT_SIZE: usize = 2;
/// The status of a close that came, or that a violation asks for.
pub const REPORT_STATUS: usize = 3;
/// The number of the error.
pub const REPORT_ERROR: usize = 4;
/// How many bytes of the chunk are done with.
pub const REPORT_TAKEN: usize = 5;
/// What has begun and not ended.
pub const REPORT_UNFINISHED: usize = 6;
/// Whether there is more to come without more input.
pub const REPORT_HAS_MORE: usize = 7;
/// How many frames have come, modulo 2^32.
pub const REPORT_FRAMES: usize = 8;
/// How many bytes of a message its last frame still announces.
pub const REPORT_ANNOUNCED: usize = 9;
/// What decompressing cost in this call, as `Session::work` counts it.
pub const REPORT_WORK: usize = 10;

/// The slots of the report after `Handle.get_action`: the action's number.
pub const ACTION_KIND: usize = 0;
/// The type of the buffer, 0 for none.
pub const ACTION_BUFFER_TYPE: usize = 1;
/// How many buffers there are, two at most.
pub const ACTION_BUFFERS: usize = 2;
/// Address and length of the first; those of the second follow.
pub const ACTION_FIRST_BUFFER: usize = 3;
/// The status of the peer's close, or 0.
pub const ACTION_CLOSE_STATUS: usize = 7;
/// Whether there is an application context.
pub const ACTION_HAS_CONTEXT: usize = 8;
/// The application context.
pub const ACTION_CONTEXT: usize = 9;
/// The action context, or 0.
pub const ACTION_ACTION_CONTEXT: usize = 10;

/// Whether a send was cancelled.
pub const ACTION_CANCELLED: usize = 11;

/// The slots of the report after `Handle.outstanding_read`: the buffer's address, or 0.
pub const READ_ADDRESS: usize = 0;
/// Its length.
pub const READ_LENGTH: usize = 1;

/// How many numbers a call can report.
pub const REPORT_LENGTH: usize = 16;
pub type Report = [u32; REPORT_LENGTH];

/// Memory that all connections share, as every call is done with it before the next begins. It is part of the module,
/// so that it is there even where no memory can be had.
pub struct Scratch {
    /// Room for what a session kept of the chunk before, then the chunk.
    pub input: [u8; TAIL_CAPACITY + INPUT_CAPACITY],
    pub unread: Range<usize>,
    pub output: [u8; OUTPUT_CAPACITY],
    /// Where compressed messages are decompressed to.
    pub inflated: [u8; INFLATED_CAPACITY],
    /// What the message that is being sent was compressed to.
    #[cfg(feature = "deflate")]
    pub compressed: Vec<u8>,
    pub events: [[u32; 3]; EVENT_CAPACITY],
    pub report: Report,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = const { RefCell::new(Scratch {
        input: [0; TAIL_CAPACITY + INPUT_CAPACITY],
        unread: 0..0,
        output: [0; OUTPUT_CAPACITY],
        inflated: [0; INFLATED_CAPACITY],
        #[cfg(feature = "deflate")]
        compressed: Vec::new(),
        events: [[0; 3]; EVENT_CAPACITY],
        report: [0; REPORT_LENGTH],
    }) };
}

/// Runs `f`, which must not do the same, with the scratch memory.
pub fn with_scratch<R>(f: impl FnOnce(&mut Scratch) -> R) -> R {
    #[cfg(not(feature = "std"))]
    return SCRATCH.with_regained(f);
    #[cfg(feature = "std")]
    SCRATCH.with_borrow_mut(f)
}

/// Where the caller writes a network chunk.
#[wasm_bindgen]
pub fn input_address() -> usize {
    with_scratch(|scratch| scratch.input[TAIL_CAPACITY..].as_ptr() as usize)
}

/// The most bytes of a chunk.
#[wasm_bindgen]
pub fn input_capacity() -> usize {
    INPUT_CAPACITY
}

/// Where frames are made.
#[wasm_bindgen]
pub fn output_address() -> usize {
    with_scratch(|scratch| scratch.output.as_ptr() as usize)
}

/// The bytes there.
#[wasm_bindgen]
pub fn output_capacity() -> usize {
    OUTPUT_CAPACITY
}

/// Where received data is listed: flags, address and length of each piece, as u32.
#[wasm_bindgen]
pub fn events_address() -> usize {
    with_scratch(|scratch| scratch.events.as_ptr() as usize)
}

/// Where a call reports more than its return value: 16 u32.
#[wasm_bindgen]
pub fn report_address() -> usize {
    with_scratch(|scratch| scratch.report.as_ptr() as usize)
}
