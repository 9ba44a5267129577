//! The memory through which bytes cross the boundary.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::ops::Range;

use wasm_bindgen::prelude::wasm_bindgen;

/// One network chunk; Node reads at most so much at a time.
pub const INPUT_CAPACITY: usize = 64 * 1024;
/// What a session keeps of the chunk before: at most an unfinished header or control frame, 138 bytes.
pub const TAIL_CAPACITY: usize = 144;
const OUTPUT_CAPACITY: usize = 128 * 1024 + 64;
pub const EVENT_CAPACITY: usize = 1024;
/// What is decompressed at once.
pub const INFLATED_CAPACITY: usize = 64 * 1024;

/// Memory that all connections share, as every call is done with it before the next begins.
pub struct Scratch {
    /// Room for what a session kept of the chunk before, then the chunk.
    pub input: Box<[u8]>,
    pub unread: Range<usize>,
    pub output: Box<[u8]>,
    /// Where compressed messages are decompressed to; none before the first session that needs it.
    pub inflated: Vec<u8>,
    /// What the message that is being sent was compressed to.
    #[cfg(feature = "deflate")]
    pub compressed: Vec<u8>,
    pub events: Box<[[u32; 3]]>,
    pub report: Box<[u32; 16]>,
}

impl Scratch {
    fn leak() -> &'static RefCell<Self> {
        Box::leak(Box::new(RefCell::new(Self {
            input: vec![0; TAIL_CAPACITY + INPUT_CAPACITY].into(),
            unread: 0..0,
            output: vec![0; OUTPUT_CAPACITY].into(),
            inflated: Vec::new(),
            #[cfg(feature = "deflate")]
            compressed: Vec::new(),
            events: vec![[0; 3]; EVENT_CAPACITY].into(),
            report: Box::new([0; 16]),
        })))
    }
}

thread_local! {
    static SCRATCH: Cell<Option<&'static RefCell<Scratch>>> = const { Cell::new(None) };
}

/// Runs `f` with the scratch memory. A call that trapped never gave it back: then there is a new one, at other
/// addresses.
pub fn with_scratch<R>(f: impl FnOnce(&mut Scratch) -> R) -> R {
    SCRATCH.with(|current| {
        if let Some(Ok(mut scratch)) = current.get().map(RefCell::try_borrow_mut) {
            return f(&mut scratch);
        }
        let fresh = Scratch::leak();
        current.set(Some(fresh));
        f(&mut fresh.borrow_mut())
    })
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

/// Where a call leaves what its return value does not tell: 16 u32.
#[wasm_bindgen]
pub fn report_address() -> usize {
    with_scratch(|scratch| scratch.report.as_ptr() as usize)
}
