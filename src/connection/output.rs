use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// The bytes to transmit: frames one after the other, in few buffers. Short frames share a buffer; a long payload that
/// the caller gave away keeps its own.
#[derive(Debug, Default)]
pub struct Output {
    /// Older buffers; the first is being written.
    full: VecDeque<Vec<u8>>,
    /// The buffer that frames are appended to.
    last: Vec<u8>,
    /// How many bytes of the front buffer were written.
    written: usize,
    length: usize,
}

/// The largest buffer, in bytes, that is kept once it was written.
const KEPT: usize = 64 * 1024;
/// From this length on, a payload that is given away is cheaper to queue than to copy.
pub const LONG: usize = 4096;

impl Output {
    /// Bytes to write next: those of the first buffer that waits.
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

    /// Drops written bytes from the front; a larger count means all.
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

    /// Lets `write` append to the buffer; it must append, or fail without effect.
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

    /// Frees the memory if no bytes wait.
    pub fn release(&mut self) {
        if self.length == 0 {
            self.clear();
        }
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }
}
