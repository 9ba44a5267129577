//! permessage-deflate, for handles and for drivers.

use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

use crate::deflate::{Agreement, DeflateOptions};
use crate::error::{Error, Misuse};
use crate::frame::MAX_HEADER_LENGTH;
use crate::session::DeflateSettings;
use crate::wasm::handle::WasmHandle;
use crate::wasm::scratch::{REPORT_ADDRESS, REPORT_SIZE, with_scratch};
use crate::wasm::session::{FIRST_BUFFER_TYPE, WasmSession};
use crate::wasm::strings::thrown;
use crate::wire::BufferType;

/// The most memory that is kept for compressed messages from one to the next, in bytes.
const KEPT: usize = 64 * 1024;

#[wasm_bindgen(js_class = Handle)]
impl WasmHandle {
    /// Offers permessage-deflate, or selects it, if there is memory for one more that compresses; a window of 0 bits
    /// stands for no limit, and no level for the engine's choice.
    #[allow(clippy::too_many_arguments, reason = "numbers cross the boundary one by one")]
    pub fn set_deflate(
        &mut self,
        server_no_context_takeover: bool,
        client_no_context_takeover: bool,
        server_max_window_bits: u8,
        client_max_window_bits: u8,
        offer_client_max_window_bits: bool,
        level: Option<u8>,
        memory_level: u8,
        threshold: usize,
    ) -> Result<(), JsValue> {
        if !crate::deflate::has_memory() {
            return Ok(());
        }
        let window = |bits: u8| (bits != 0).then_some(bits);
        let options = DeflateOptions {
            server_no_context_takeover,
            client_no_context_takeover,
            server_max_window_bits: window(server_max_window_bits),
            client_max_window_bits: window(client_max_window_bits),
            offer_client_max_window_bits,
        };
        let settings = DeflateSettings {
            level,
            memory_level,
            threshold,
        };
        self.handle.set_deflate(options, settings).map_err(thrown)
    }
}

#[wasm_bindgen(js_class = Session)]
impl WasmSession {
    /// Whether permessage-deflate was agreed.
    pub fn is_deflate_enabled(&self) -> bool {
        self.session.is_deflate_enabled()
    }

    /// Compresses each message for itself from now on, by a window of 2^`window_bits` bytes: what every server sends
    /// that agreed on that. For messages that are prepared for many connections.
    pub fn enable_deflate(&mut self, level: u8, memory_level: u8, window_bits: u8) {
        let agreement = Agreement {
            server_no_context_takeover: true,
            client_no_context_takeover: true,
            server_max_window_bits: window_bits,
            client_max_window_bits: 15,
        };
        let settings = DeflateSettings {
            level: Some(level),
            memory_level,
            threshold: 0,
        };
        self.session.enable_deflate(&agreement, settings);
    }

    /// The window, in bits, for which a compressed message has to be prepared that may be sent on this connection; 0 if
    /// none may, because something is kept from one message to the next that would miss it.
    pub fn prepared_window(&self) -> u8 {
        self.session.prepared_window()
    }

    /// Compresses the next `length` bytes of a message, which are in the output memory at `start`; `first` of those
    /// for one frame. Returns 0, without effect, if there is no memory for it; only a message's first piece may find
    /// none.
    pub fn compress(&mut self, start: usize, length: usize, first: bool, last: bool) -> i32 {
        with_scratch(|scratch| {
            if first {
                scratch.compressed.clear();
                scratch.compressed.shrink_to(KEPT);
            }
            let piece = scratch.output.get(start..).and_then(|rest| rest.get(..length));
            let piece = piece.unwrap_or_default();
            i32::from(self.session.compress_piece(piece, last, &mut scratch.compressed))
        })
    }

    /// Makes the frame of what was compressed, at `start` of the output memory; if its payload has no room there, its
    /// address is reported. Returns the end of the written part, which is the start if the compressor has kept all of a
    /// message that goes on; or a negative error.
    pub fn compressed_frame(&mut self, buffer_type: u32, start: usize) -> i32 {
        let Some(buffer_type) = BufferType::from_value(FIRST_BUFFER_TYPE + buffer_type) else {
            return -Error::from(Misuse::BufferTypeUnknown).id();
        };
        with_scratch(|scratch| {
            let payload = &mut scratch.compressed[..];
            scratch.report[REPORT_SIZE] = 0;
            if payload.is_empty() && !buffer_type.is_final() {
                return start as i32;
            }
            let header = match self.session.compressed_header(buffer_type, payload.len() as u64) {
                Ok(header) => header,
                Err(error) => return -error.id(),
            };
            if let Some(mask) = header.mask {
                mask.apply(payload);
            }
            let mut bytes = [0; MAX_HEADER_LENGTH];
            let size = header.encode(&mut bytes);
            let Some(room) = scratch.output.get_mut(start..).filter(|room| room.len() >= size) else {
                return -Error::from(Misuse::ScratchExceeded).id();
            };
            let (head, body) = room.split_at_mut(size);
            head.copy_from_slice(&bytes[..size]);
            let copied = match body.get_mut(..payload.len()) {
                Some(body) => {
                    body.copy_from_slice(payload);
                    payload.len()
                }
                None => 0,
            };
            scratch.report[REPORT_ADDRESS] = payload.as_ptr() as u32;
            scratch.report[REPORT_SIZE] = (payload.len() - copied) as u32;
            (start + size + copied) as i32
        })
    }

    /// Frees the compressor's context.
    pub fn release_compressor(&mut self) {
        self.session.release_compressor();
    }
}
