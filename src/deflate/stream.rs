//! zlib's streams, by `libz-rs-sys`, the C API of `zlib-rs`. The types of `zlib-rs` lack what a WebSocket needs:
//! `Deflate` cannot be tuned, `Inflate` cannot continue behind a final block with the same window, and both panic
//! without memory.

use alloc::boxed::Box;
use core::ffi::c_int;

use libz_rs_sys::{
    Z_BLOCK, Z_BUF_ERROR, Z_DEFAULT_STRATEGY, Z_DEFLATED, Z_NO_FLUSH, Z_OK, Z_STREAM_END, Z_SYNC_FLUSH, deflate,
    deflateEnd, deflateInit2_, deflateReset, deflateTune, inflate, inflateEnd, inflateInit2_, inflateReset,
    inflateResetKeep, z_stream, zlibVersion,
};

/// The largest window (RFC 1951 §2), without the header and checksum of the zlib format.
const RAW: c_int = -15;

#[allow(clippy::cast_possible_truncation, reason = "it is about a hundred bytes")]
const SIZE: c_int = size_of::<z_stream>() as c_int;

/// A DEFLATE stream that is being made. Boxed, because zlib's streams must not move.
pub struct DeflateStream {
    stream: Box<z_stream>,
    level: c_int,
}

// SAFETY: the stream owns everything that its pointers lead to, except input and output, which are set only during a
// call.
unsafe impl Send for DeflateStream {}
// SAFETY: through a shared reference, nothing can be done with it.
unsafe impl Sync for DeflateStream {}

impl DeflateStream {
    /// `None` if there is no memory for it.
    ///
    /// - `level`: 0 to 9
    /// - `window_bits`: 9 to 15
    /// - `memory_level`: 1 to 9
    pub fn new(level: u8, window_bits: u8, memory_level: u8) -> Option<Self> {
        let mut stream = Box::new(z_stream::default());
        let level = c_int::from(level);
        // negative: without the header and checksum of the zlib format
        let window_bits = -c_int::from(window_bits);
        let memory_level = c_int::from(memory_level);
        // SAFETY: the stream is valid, with an allocator, and version and size are those of the library itself.
        let code = unsafe {
            let version = zlibVersion();
            deflateInit2_(
                &mut *stream,
                level,
                Z_DEFLATED,
                window_bits,
                memory_level,
                Z_DEFAULT_STRATEGY,
                version,
                SIZE,
            )
        };
        if code != Z_OK {
            return None;
        }
        let mut made = Self { stream, level };
        made.tune();
        Some(made)
    }

    /// Takes input, and gives output when there is enough, or all of it to `flush`. Returns how many bytes were
    /// consumed and produced.
    pub fn run(&mut self, input: &[u8], out: &mut [u8], flush: bool) -> (usize, usize) {
        let flush = if flush { Z_SYNC_FLUSH } else { Z_NO_FLUSH };
        let (_, consumed, produced) = call(&mut self.stream, input, out, |stream| {
            // SAFETY: `new` has initialized the stream, and `call` has set its input and output.
            unsafe { deflate(stream, flush) }
        });
        (consumed, produced)
    }

    /// Begins a new stream, which does not refer to what came before.
    pub fn reset(&mut self) {
        // SAFETY: `new` has initialized the stream.
        unsafe { deflateReset(&mut *self.stream) };
        self.tune();
    }

    /// By level 2, `zlib-rs` is content with a match of 8 bytes, and notes the strings inside one of up to 4, as zlib
    /// by level 1. Looking for longer ones takes little more time, and makes messages of 16 KiB and more clearly
    /// smaller.
    fn tune(&mut self) {
        const GOOD_LENGTH: c_int = 4;
        const LONGEST_NOTED: c_int = 16;
        const NICE_LENGTH: c_int = 32;
        const LONGEST_CHAIN: c_int = 4;
        if self.level == 2 {
            // SAFETY: `new` has initialized the stream.
            unsafe {
                deflateTune(
                    &mut *self.stream,
                    GOOD_LENGTH,
                    LONGEST_NOTED,
                    NICE_LENGTH,
                    LONGEST_CHAIN,
                )
            };
        }
    }
}

impl Drop for DeflateStream {
    fn drop(&mut self) {
        // SAFETY: `new` has initialized the stream, and nothing uses it any more.
        unsafe { deflateEnd(&mut *self.stream) };
    }
}

/// A DEFLATE stream that is being decompressed. Boxed, because zlib's streams must not move.
pub struct InflateStream(Box<z_stream>);

/// The progress of a call.
pub struct Progress {
    /// Input bytes consumed.
    pub consumed: usize,
    /// Output bytes written.
    pub produced: usize,
    pub status: Status,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// More input or more room is needed.
    Going,
    /// A final block has ended.
    Ended,
    Corrupt,
}

/// Where a call stops before the end of its input.
#[derive(Clone, Copy)]
pub enum Until {
    FinalBlock,
    AnyBlock,
}

// SAFETY: the stream owns everything that its pointers lead to, except input and output, which are set only during a
// call.
unsafe impl Send for InflateStream {}
// SAFETY: through a shared reference, the window can only be copied.
unsafe impl Sync for InflateStream {}

impl InflateStream {
    /// `None` if there is no memory for it: it takes 47 KiB.
    pub fn new() -> Option<Self> {
        let mut stream = Box::new(z_stream::default());
        // SAFETY: the stream is valid, with an allocator, and version and size are those of the library itself.
        let code = unsafe { inflateInit2_(&mut *stream, RAW, zlibVersion(), SIZE) };
        if code != Z_OK {
            return None;
        }
        Some(Self(stream))
    }

    pub fn run(&mut self, input: &[u8], out: &mut [u8], until: Until) -> Progress {
        let flush = match until {
            Until::FinalBlock => Z_NO_FLUSH,
            Until::AnyBlock => Z_BLOCK,
        };
        let (code, consumed, produced) = call(&mut self.0, input, out, |stream| {
            // SAFETY: `new` has initialized the stream, and `call` has set its input and output.
            unsafe { inflate(stream, flush) }
        });
        Progress {
            consumed,
            produced,
            status: match code {
                Z_OK | Z_BUF_ERROR => Status::Going,
                Z_STREAM_END => Status::Ended,
                _ => Status::Corrupt,
            },
        }
    }

    /// Begins a new stream, which may refer to the bytes before it.
    pub fn go_on(&mut self) {
        // SAFETY: `new` has initialized the stream.
        unsafe { inflateResetKeep(&mut *self.0) };
    }

    /// Begins a new stream with nothing before it.
    pub fn reset(&mut self) {
        // SAFETY: `new` has initialized the stream.
        unsafe { inflateReset(&mut *self.0) };
    }

    /// The bytes that may be referred to.
    #[cfg(feature = "inspect")]
    pub fn window(&self) -> alloc::vec::Vec<u8> {
        let mut window = vec![0; 1 << 15];
        let mut length = 0;
        // SAFETY: `new` has initialized the stream, and 32 KiB "is always enough".
        unsafe { libz_rs_sys::inflateGetDictionary(&*self.0, window.as_mut_ptr(), &mut length) };
        window.truncate(length as usize);
        window
    }

    /// Begins a new stream that may refer to these bytes.
    #[cfg(feature = "inspect")]
    pub fn set_window(&mut self, window: &[u8]) {
        self.reset();
        let length = u32::try_from(window.len()).unwrap_or(u32::MAX);
        // SAFETY: `new` has initialized the stream; the slice has at least this length.
        unsafe { libz_rs_sys::inflateSetDictionary(&mut *self.0, window.as_ptr(), length) };
    }
}

impl Drop for InflateStream {
    fn drop(&mut self) {
        // SAFETY: `new` has initialized the stream, and nothing uses it any more.
        unsafe { inflateEnd(&mut *self.0) };
    }
}

/// Calls one of zlib's functions with this input and output, which live until it returns. Returns its code, and how
/// many bytes were consumed and produced.
fn call(
    stream: &mut z_stream,
    input: &[u8],
    out: &mut [u8],
    function: impl FnOnce(&mut z_stream) -> c_int,
) -> (c_int, usize, usize) {
    let available = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
    let (in_before, out_before) = (available(input.len()), available(out.len()));
    stream.next_in = input.as_ptr();
    stream.avail_in = in_before;
    stream.next_out = out.as_mut_ptr();
    stream.avail_out = out_before;
    let code = function(stream);
    let consumed = (in_before - stream.avail_in) as usize;
    let produced = (out_before - stream.avail_out) as usize;
    (code, consumed, produced)
}
