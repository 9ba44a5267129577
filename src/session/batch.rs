//! What the batch entry for JavaScript needs beside the public methods: messages that are compressed piece by piece.

use alloc::vec::Vec;

use crate::deflate::Flush;
use crate::error::Error;
use crate::frame::{Header, RSV1};
use crate::session::{Role, Session};
use crate::wire::{BufferType, Opcode};

impl Session {
    /// Bits of the window by which a server compresses each message for itself, so that others who do may send what it
    /// has made; 0 if it does not.
    pub(crate) fn prepared_window(&self) -> u8 {
        match self.compression.as_deref() {
            Some(own) if self.role == Role::Server && !own.sending.takeover => own.sending.window_bits,
            _ => 0,
        }
    }

    /// Appends what the next piece of a message is compressed to. Tells whether there was memory for that, as there is
    /// behind the first piece.
    pub(crate) fn compress_piece(&mut self, piece: &[u8], last: bool, out: &mut Vec<u8>) -> bool {
        let flush = if last { Flush::Last } else { Flush::Later };
        let compression = self.compression.as_deref_mut();
        compression.is_some_and(|compression| compression.append(piece, flush, out))
    }

    /// The header of a frame with the next `length` bytes of a message that is compressed.
    pub(crate) fn compressed_header(&mut self, buffer_type: BufferType, length: u64) -> Result<Header, Error> {
        let key = self.next_mask()?;
        let mut start = self.accept(buffer_type, length)?;
        // RFC 7692 §6: of a message's first frame alone
        if start.opcode != Opcode::Continuation {
            start.rsv = RSV1;
        }
        Ok(start.header(key, length))
    }
}
