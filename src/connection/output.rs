use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// The bytes to transmit: frames one after the other, in few buffers. Short frames share one; a long payload that the
/// caller gave away is one by itself.
#[derive(Debug, Default)]
pub struct Output {
    /// Older buffers; the first is being written.
    full: VecDeque<Vec<u8>>,
    /// To which frames are appended.
    last: Vec<u8>,
    /// How much of the buffer in front was written.
    written: usize,
    length: usize,
}

/// A buffer of more than this many bytes is not kept once it was written.
const KEPT: usize = 64 * 1024;
/// From this length on, a payload that is given away is cheaper to queue than to copy.
pub const LONG: usize = 4096;

impl Output {
    /// Bytes to write next: all that wait, or if they are in several buffers, those of the first.
    pub fn front(&self) -> &[u8] {
        &self.full.front().unwrap_or(&self.last)[self.written..]
    }

    /// All buffers that wait, in order.
    #[cfg(feature = "std")]
    pub fn buffers(&self) -> impl Iterator<Item = &[u8]> {
        let others = self.full.iter().skip(1).map(Vec::as_slice);
        let last = (!self.full.is_empty()).then_some(self.last.as_slice());
        core::iter::once(self.front()).chain(others).chain(last)
    }

    /// How many bytes wait.
    pub const fn len(&self) -> usize {
        self.length
    }

    /// Drops bytes that were written from the front; more than there are counts as all.
    pub fn consume(&mut self, count: usize) {
        let mut count = count.min(self.length);
        self.length -= count;
        while let Some(front) = self.full.front() {
            let left = front.len() - self.written;
            if count < left {
                break;
            }
            count -= left;
            self.written = 0;
            self.full.pop_front();
        }
        self.written += count;
        if self.length == 0 && self.last.capacity() > KEPT {
            self.clear();
        } else if self.full.is_empty() && (self.length == 0 || self.written > self.last.len().max(KEPT) / 2) {
            self.last.drain(..self.written);
            self.written = 0;
        }
    }

    /// Appends what `write` does, which appends or fails without effect.
    pub fn append<T, E>(&mut self, write: impl FnOnce(&mut Vec<u8>) -> Result<T, E>) -> Result<T, E> {
        let before = self.last.len();
        let result = write(&mut self.last);
        self.length += self.last.len() - before;
        result
    }

    /// Appends a copy.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.last.extend_from_slice(bytes);
        self.length += bytes.len();
    }

    /// Appends a buffer as it is.
    pub fn push(&mut self, buffer: Vec<u8>) {
        self.length += buffer.len();
        if !self.last.is_empty() {
            self.full.push_back(core::mem::take(&mut self.last));
        }
        self.full.push_back(buffer);
    }

    /// Frees the memory where nothing waits.
    pub fn release(&mut self) {
        if self.length == 0 {
            self.clear();
        }
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }
}
