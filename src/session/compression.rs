use alloc::vec::Vec;

use crate::deflate::{
    Agreement, Deflater, Flush, Inflater, Unfinished, borrow_deflater, borrow_inflater, new_deflater, new_inflater,
    return_deflater, return_inflater,
};
use crate::error::{Misuse, Violation};
use crate::session::Role;

/// Our side's compression settings (RFC 7692), once permessage-deflate was agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeflateSettings {
    /// 0 (stored) to 9 (smallest). By default 2 where each message is compressed for itself: of 16 KiB, it takes 60 %
    /// of the time of 6 for 9 % more bytes. With context takeover, where these would be 19 % more, 6.
    pub level: Option<u8>,
    /// 1 (least memory) to 9.
    pub memory_level: u8,
    /// Messages of fewer bytes are sent uncompressed. For a message in parts, the first part decides.
    pub threshold: usize,
}

impl DeflateSettings {
    /// The level by the agreement, memory level 8, from 1024 bytes on.
    pub const DEFAULT: Self = Self {
        level: None,
        memory_level: 8,
        threshold: 1024,
    };

    /// # Errors
    /// A level is out of range.
    pub(crate) const fn check(&self) -> Result<(), Misuse> {
        if matches!(self.level, None | Some(..=9)) && self.memory_level >= 1 && self.memory_level <= 9 {
            Ok(())
        } else {
            Err(Misuse::DeflateSettingsInvalid)
        }
    }

    fn level(&self, takeover: bool) -> u8 {
        self.level.unwrap_or(if takeover { 6 } else { 2 })
    }
}

impl Default for DeflateSettings {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Both directions' compression of one connection. A context is made for the first message that needs it. One that may
/// be kept for the next message is; others are the pool's.
#[derive(Debug)]
pub struct Compression {
    settings: DeflateSettings,
    pub(super) sending: Direction<Deflater>,
    receiving: Direction<Inflater>,
    /// Of the message whose last part was not sent yet: whether it is compressed.
    message: Option<bool>,
    /// Of the message that is being received, if its decompressor is the pool's.
    unfinished: Option<Unfinished>,
}

#[derive(Debug)]
pub(super) struct Direction<T> {
    pub(super) window_bits: u8,
    pub(super) takeover: bool,
    context: Option<T>,
}

impl<T> Direction<T> {
    const fn new(window_bits: u8, no_context_takeover: bool) -> Self {
        Self {
            window_bits,
            takeover: !no_context_takeover,
            context: None,
        }
    }
}

impl Compression {
    pub const fn new(role: Role, agreement: &Agreement, settings: DeflateSettings) -> Self {
        let of_server = (agreement.server_max_window_bits, agreement.server_no_context_takeover);
        let of_client = (agreement.client_max_window_bits, agreement.client_no_context_takeover);
        let (sending, receiving) = match role {
            Role::Client => (of_client, of_server),
            Role::Server => (of_server, of_client),
        };
        Self {
            settings,
            sending: Direction::new(sending.0, sending.1),
            receiving: Direction::new(receiving.0, receiving.1),
            message: None,
            unfinished: None,
        }
    }

    /// Whether the message that is being sent is compressed.
    pub const fn is_inside_compressed(&self) -> bool {
        matches!(self.message, Some(true))
    }

    /// Compresses the next part of a message, unless the message goes as it is. `wanted` decides that of a message's
    /// first part; by default, its size. Without memory to compress by, it goes as it is.
    pub fn compress(&mut self, part: &[u8], last: bool, wanted: Option<bool>) -> Option<Vec<u8>> {
        let by_default = part.len() >= self.settings.threshold;
        let mut out = Vec::new();
        let is_compressed = self.message.unwrap_or(wanted.unwrap_or(by_default))
            && self.append(part, if last { Flush::Last } else { Flush::Now }, &mut out);
        self.message = (!last).then_some(is_compressed);
        is_compressed.then_some(out)
    }

    /// Appends what the next part of a compressed message makes. Tells whether there was memory for that, as there is
    /// behind its first part.
    pub fn append(&mut self, part: &[u8], flush: Flush, out: &mut Vec<u8>) -> bool {
        let takeover = self.sending.takeover;
        let settings = [
            self.sending.window_bits,
            self.settings.memory_level,
            self.settings.level(takeover),
        ];
        let context = self.sending.context.take();
        let Some(mut deflater) = context.or_else(|| match takeover {
            true => new_deflater(settings),
            false => borrow_deflater(settings),
        }) else {
            return false;
        };
        deflater.compress(part, flush, out);
        if flush == Flush::Last && !takeover {
            return_deflater(deflater);
        } else {
            self.sending.context = Some(deflater);
        }
        true
    }

    /// Frees what our side keeps from one message for the next: the next is compressed for itself, which its receiver
    /// need not know. Without effect inside a message.
    pub fn release(&mut self) {
        if self.message.is_none() {
            self.sending.context = None;
        }
    }

    /// Decompresses the next bytes of the message that is being received: gives how many are done with, and how many
    /// were written.
    pub fn inflate(&mut self, input: &[u8], out: &mut [u8]) -> Result<(usize, usize), Violation> {
        let mut inflater = match self.receiving.context.take() {
            Some(inflater) => inflater,
            None => self.inflater().ok_or(Violation::MemoryExhausted)?,
        };
        let inflated = inflater.inflate(input, out);
        self.receiving.context = Some(inflater);
        inflated.map_err(|_| Violation::DeflateCorrupt)
    }

    fn inflater(&mut self) -> Option<Inflater> {
        if self.receiving.takeover {
            return new_inflater(self.receiving.window_bits);
        }
        self.unfinished = Some(Unfinished::begin()?);
        borrow_inflater(self.receiving.window_bits)
    }

    /// The next call of either will fail.
    pub fn is_corrupt(&self) -> bool {
        self.receiving.context.as_ref().is_some_and(Inflater::is_corrupt)
    }

    /// Ends that message: gives how many bytes were written, and whether those are all.
    pub fn finish(&mut self, out: &mut [u8]) -> Result<(usize, bool), Violation> {
        let Some(inflater) = &mut self.receiving.context else {
            return Err(Violation::DeflateCorrupt); // nothing was given to it
        };
        let (produced, done) = inflater.finish(out).map_err(|_| Violation::DeflateCorrupt)?;
        if done
            && !self.receiving.takeover
            && let Some(inflater) = self.receiving.context.take()
        {
            return_inflater(inflater);
            self.unfinished = None;
        }
        Ok((produced, done))
    }
}
