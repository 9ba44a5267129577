//! What the batch entry for JavaScript needs beside the public methods: messages that are compressed piece by piece.

use alloc::vec::Vec;

use crate::deflate::{Agreement, Flush};
use crate::error::Error;
use crate::frame::{Header, RSV1};
use crate::session::{Role, Session};
use crate::wire::BufferType;

impl Session {
    /// Whether what a session with this agreement compresses could be sent by this one, as it is.
    pub(crate) fn sends_as(&self, agreement: &Agreement) -> bool {
        let sending = self.compression.as_deref().map(|own| &own.sending);
        self.role == Role::Server
            && agreement.server_no_context_takeover
            && sending.is_some_and(|own| !own.takeover && own.window_bits >= agreement.server_max_window_bits)
    }

    /// Appends what the next piece of a whole message is compressed to.
    pub(crate) fn compress_piece(&mut self, piece: &[u8], last: bool, out: &mut Vec<u8>) {
        if let Some(compression) = &mut self.compression {
            compression.append(piece, if last { Flush::Last } else { Flush::Later }, out);
        }
    }

    /// The header of the only frame of a message that is compressed to `length` bytes.
    pub(crate) fn compressed_header(&mut self, buffer_type: BufferType, length: u64) -> Result<Header, Error> {
        let key = self.next_mask()?;
        let mut start = self.accept(buffer_type, length)?;
        start.rsv = RSV1;
        Ok(start.header(key, length))
    }
}
