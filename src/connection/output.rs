use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::fmt;

/// The bytes to transmit. Short frames stand one after the other in a buffer that is used again; a long payload that
/// the caller gave away or shares stays where it is.
#[derive(Debug, Default)]
pub struct Output {
    /// Short frames, and the headers of the long payloads.
    frames: Vec<u8>,
    /// How many bytes of them were written.
    written: usize,
    /// The long payloads, each with its place in `frames`.
    long: VecDeque<(usize, Payload)>,
    /// How many bytes of the first of them were written.
    long_written: usize,
    length: usize,
}

/// A long payload.
pub enum Payload {
    Owned(Vec<u8>),
    /// One that the caller keeps too, and how many bytes of it the frame's header announced.
    Shared(Box<dyn AsRef<[u8]> + Send + Sync>, usize),
}

/// The largest buffer, in bytes, that is kept once it was written.
const KEPT: usize = 128 * 1024;
/// From this length on, a payload that is given away or shared is cheaper to queue than to copy.
pub const LONG: usize = 4096;

impl Output {
    /// Bytes to write next.
    pub fn front(&self) -> &[u8] {
        match self.long.front() {
            Some((at, payload)) if *at == self.written => payload.after(self.long_written),
            Some((at, _)) => &self.frames[self.written..*at],
            None => &self.frames[self.written..],
        }
    }

    /// Writes once, from as many buffers as is worth a call.
    #[cfg(feature = "std")]
    pub fn write_once(&self, sink: &mut impl std::io::Write) -> std::io::Result<usize> {
        if self.long.is_empty() {
            return sink.write(self.front());
        }
        let mut slices = [std::io::IoSlice::new(&[]); 16];
        let used = self.fill(&mut slices);
        sink.write_vectored(&slices[..used])
    }

    /// Points the slices to the bytes that wait, in order, and returns how many it used.
    #[cfg(feature = "std")]
    pub fn fill<'a>(&'a self, slices: &mut [std::io::IoSlice<'a>]) -> usize {
        let (mut start, mut written) = (self.written, self.long_written);
        let parts = self.long.iter().flat_map(move |(at, payload)| {
            let parts = [&self.frames[start..*at], payload.after(written)];
            (start, written) = (*at, 0);
            parts
        });
        let last = self.long.back().map_or(self.written, |(at, _)| *at);
        let parts = parts.chain([&self.frames[last..]]).filter(|part| !part.is_empty());
        let pairs = slices.iter_mut().zip(parts);
        pairs.map(|(slice, part)| *slice = std::io::IoSlice::new(part)).count()
    }

    /// How many bytes wait.
    pub const fn len(&self) -> usize {
        self.length
    }

    /// Drops written bytes from the front; a larger count means all.
    pub fn consume(&mut self, count: usize) {
        let mut count = count.min(self.length);
        self.length -= count;
        while let Some((at, payload)) = self.long.front() {
            let (before, left) = (*at - self.written, payload.len() - self.long_written);
            if count < before {
                break;
            }
            self.written += before;
            count -= before;
            if count < left {
                self.long_written += count;
                return;
            }
            count -= left;
            self.long_written = 0;
            self.long.pop_front();
        }
        self.written += count;
        self.reuse();
    }

    /// Makes room in the buffer.
    fn reuse(&mut self) {
        if self.length == 0 {
            self.frames.clear();
            self.written = 0;
            if self.frames.capacity() > KEPT {
                self.frames = Vec::new();
            }
        } else if self.written > self.frames.len().max(KEPT) / 2 {
            self.frames.drain(..self.written);
            for (at, _) in &mut self.long {
                *at -= self.written;
            }
            self.written = 0;
        }
    }

    /// Lets `write` append to the buffer; it must append, or fail without effect.
    pub fn append<T, E>(&mut self, write: impl FnOnce(&mut Vec<u8>) -> Result<T, E>) -> Result<T, E> {
        let before = self.frames.len();
        let result = write(&mut self.frames);
        self.length += self.frames.len() - before;
        result
    }

    /// Appends a copy.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.frames.extend_from_slice(bytes);
        self.length += bytes.len();
    }

    /// Appends a header, and the long payload behind it as it is.
    pub fn push(&mut self, header: &[u8], payload: Payload) {
        self.extend(header);
        self.length += payload.len();
        self.long.push_back((self.frames.len(), payload));
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

impl Payload {
    pub fn shared(payload: impl AsRef<[u8]> + Send + Sync + 'static, length: usize) -> Self {
        Self::Shared(Box::new(payload), length)
    }

    /// What comes after the bytes that were written.
    fn after(&self, written: usize) -> &[u8] {
        let bytes = match self {
            Self::Owned(bytes) => bytes,
            Self::Shared(payload, _) => (**payload).as_ref(),
        };
        // a shared payload with fewer bytes than it announced ends the writing, instead of the process
        bytes.get(written..self.len()).unwrap_or_default()
    }

    const fn len(&self) -> usize {
        match self {
            Self::Owned(bytes) => bytes.len(),
            Self::Shared(_, length) => *length,
        }
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Payload").field(&self.len()).finish()
    }
}
