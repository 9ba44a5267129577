//! Frames of short messages, many in one call.

use wasm_bindgen::prelude::wasm_bindgen;

use crate::error::{Error, Misuse};
use crate::wasm::scratch::{Scratch, TAIL_CAPACITY, with_scratch};
use crate::wasm::session::{FIRST_BUFFER_TYPE, WasmSession};
use crate::wire::BufferType;

#[wasm_bindgen(js_class = Session)]
impl WasmSession {
    /// Makes `count` frames, at `start` in the output memory. Their payloads are in the input memory, one behind the
    /// other, and their lengths in the memory of the events, as u32. Returns the last frame's end, or a negative error.
    pub fn frames(&mut self, buffer_type: u32, start: usize, count: usize) -> i32 {
        let made = with_scratch(|scratch| self.make_frames(scratch, buffer_type, start, count));
        made.map_or_else(|error| -error.id(), |end| end as i32)
    }
}

impl WasmSession {
    fn make_frames(
        &mut self,
        scratch: &mut Scratch,
        buffer_type: u32,
        start: usize,
        count: usize,
    ) -> Result<usize, Error> {
        let buffer_type = BufferType::from_value(FIRST_BUFFER_TYPE + buffer_type).ok_or(Misuse::BufferTypeUnknown)?;
        let lengths = scratch
            .events
            .as_flattened()
            .get(..count)
            .ok_or(Misuse::ScratchExceeded)?;
        let mut payloads = &scratch.input[TAIL_CAPACITY..];
        let mut end = start;
        for &length in lengths {
            let payload;
            (payload, payloads) = payloads
                .split_at_checked(length as usize)
                .ok_or(Misuse::ScratchExceeded)?;
            let room = scratch.output.get_mut(end..).and_then(<[u8]>::first_chunk_mut);
            let header = self.session.header(buffer_type, payload.len() as u64)?;
            let body = end + header.encode(room.ok_or(Misuse::ScratchExceeded)?);
            end = body + payload.len();
            let body = scratch.output.get_mut(body..end).ok_or(Misuse::ScratchExceeded)?;
            body.copy_from_slice(payload);
            if let Some(mask) = header.mask {
                mask.apply(body);
            }
        }
        Ok(end)
    }
}
