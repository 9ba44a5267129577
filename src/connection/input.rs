use core::ops::Range;

use alloc::vec::Vec;

/// Received bytes in one buffer: first the parts of the message that is being collected, without gaps, then the bytes
/// that the session has not consumed, then room for more.
#[derive(Debug, Default)]
pub struct Input {
    /// All of it is initialised; the filled part ends at `end`.
    buffer: Vec<u8>,
    message: Range<usize>,
    start: usize,
    end: usize,
    /// How many bytes behind `end` were given out to be written, and have not been counted.
    given: usize,
}

/// From this length on, reads inside a message stop at its end, so that the next message begins at the front of the
/// buffer and need not be moved there.
const LONG: usize = 64 * 1024;
/// The largest buffer that is kept for the next message.
pub const KEPT: usize = 2 * 1024 * 1024;

impl Input {
    /// The bytes that the session has not consumed.
    pub fn unread(&mut self) -> &mut [u8] {
        &mut self.buffer[self.start..self.end]
    }

    /// Where [`unread`](Self::unread) begins.
    pub const fn start(&self) -> usize {
        self.start
    }

    pub fn bytes(&self, range: Range<usize>) -> &[u8] {
        &self.buffer[range]
    }

    pub const fn consume(&mut self, count: usize) {
        self.start += count;
    }

    /// Room for at least one byte. `announced` is how many bytes of a message's last frame are still to come.
    ///
    /// The buffer grows with the bytes received: it at most doubles, whatever length the peer announces.
    pub fn room(&mut self, announced: u64, read_size: usize) -> &mut [u8] {
        if self.is_empty() {
            (self.message, self.start, self.end) = (0..0, 0, 0);
        }
        let announced = usize::try_from(announced).unwrap_or(usize::MAX);
        let is_long = announced > 0 && self.message.len().saturating_add(announced) >= LONG;
        let wanted = if is_long { announced.min(read_size) } else { read_size };
        self.shrink(read_size);
        if self.buffer.len() - self.end < wanted {
            // moving pays if it frees much; or to begin a long message at the front while most of it has yet to come
            if self.gaps() >= 2 * self.kept() || (is_long && self.kept() <= announced) {
                self.compact();
            }
            let grown = self.end + announced.min(self.end).max(wanted);
            if self.buffer.len() - self.end < wanted {
                self.buffer.resize(grown, 0);
            }
        }
        self.given = if is_long { wanted } else { self.buffer.len() - self.end };
        &mut self.buffer[self.end..self.end + self.given]
    }

    /// Counts bytes that were written to the [`room`](Self::room); a count above its length means all of it.
    pub fn fill(&mut self, count: usize) {
        let count = count.min(self.given);
        self.end += count;
        self.given -= count;
    }

    /// Frees what a long message needed, if less than half of it is needed for what is left and `coming` bytes.
    fn shrink(&mut self, coming: usize) {
        let needed = self.kept().saturating_add(coming);
        if self.buffer.len() > KEPT && self.buffer.len() / 2 > needed {
            self.compact();
            self.buffer.truncate(self.end);
            self.buffer.shrink_to(needed);
        }
    }

    /// Appends a copy.
    pub fn push(&mut self, bytes: &[u8]) {
        self.given = 0;
        self.shrink(bytes.len());
        if self.buffer.len() - self.end < bytes.len() {
            self.compact();
            self.buffer.truncate(self.end);
            self.buffer.extend_from_slice(bytes);
        } else {
            self.buffer[self.end..self.end + bytes.len()].copy_from_slice(bytes);
        }
        self.end += bytes.len();
    }

    /// Takes over the buffer if no bytes are before it, else appends a copy.
    pub fn push_owned(&mut self, bytes: Vec<u8>) {
        if self.is_empty() {
            let end = bytes.len();
            *self = Self {
                buffer: bytes,
                end,
                ..Self::default()
            };
        } else {
            self.push(&bytes);
        }
    }

    /// Appends a part, a range of the buffer, to the message.
    pub fn collect(&mut self, part: Range<usize>) {
        if self.message.is_empty() {
            self.message = part;
        } else {
            let end = self.message.end + part.len();
            if part.start != self.message.end {
                self.buffer.copy_within(part, self.message.end);
            }
            self.message.end = end;
        }
    }

    /// Where the collected message is. It stays there until bytes are added.
    pub const fn take_message(&mut self) -> Range<usize> {
        let message = self.message.start..self.message.end;
        self.message = 0..0;
        message
    }

    /// The whole buffer, if the message is all that it holds.
    pub fn take_buffer(&mut self, message: Range<usize>) -> Option<Vec<u8>> {
        if message.start > 0 || !self.is_empty() {
            return None;
        }
        let mut buffer = core::mem::take(self).buffer;
        buffer.truncate(message.end);
        Some(buffer)
    }

    /// Drops all bytes, and the memory.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Frees the memory if it holds no bytes.
    pub fn release(&mut self) {
        if self.is_empty() {
            self.clear();
        }
    }

    const fn is_empty(&self) -> bool {
        self.start == self.end && self.message.start == self.message.end
    }

    /// How many bytes are kept: the message's and the unread ones.
    const fn kept(&self) -> usize {
        (self.message.end - self.message.start) + (self.end - self.start)
    }

    /// How many bytes of the filled part are not.
    const fn gaps(&self) -> usize {
        self.end - self.kept()
    }

    /// Moves the kept bytes to the front.
    fn compact(&mut self) {
        if self.gaps() == 0 {
            return;
        }
        if self.message.is_empty() {
            self.message = self.start..self.start;
        }
        let unread = self.start..self.end;
        self.buffer.copy_within(self.message.clone(), 0);
        self.message = 0..self.message.len();
        self.buffer.copy_within(unread.clone(), self.message.end);
        self.start = self.message.end;
        self.end = self.start + unread.len();
    }
}
