//! zlib's decompressor, by `libz-rs-sys`, the C API of `zlib-rs`. `zlib_rs::Inflate` lacks two things that a WebSocket
//! needs: it cannot continue behind a final block with the same window, and it panics without memory.

use alloc::boxed::Box;
use core::ffi::c_int;

use libz_rs_sys::{
    Z_BLOCK, Z_BUF_ERROR, Z_NO_FLUSH, Z_OK, Z_STREAM_END, inflate, inflateEnd, inflateInit2_, inflateReset,
    inflateResetKeep, z_stream, zlibVersion,
};

/// The largest window (RFC 1951 §2), without the header and checksum of the zlib format.
const RAW: c_int = -15;

#[allow(clippy::cast_possible_truncation, reason = "it is about a hundred bytes")]
const SIZE: c_int = size_of::<z_stream>() as c_int;

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
        (code == Z_OK).then_some(Self(stream))
    }

    pub fn run(&mut self, input: &[u8], out: &mut [u8], until: Until) -> Progress {
        let available = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        let (in_before, out_before) = (available(input.len()), available(out.len()));
        let stream = &mut *self.0;
        stream.next_in = input.as_ptr();
        stream.avail_in = in_before;
        stream.next_out = out.as_mut_ptr();
        stream.avail_out = out_before;
        let flush = match until {
            Until::FinalBlock => Z_NO_FLUSH,
            Until::AnyBlock => Z_BLOCK,
        };
        // SAFETY: `new` has initialized the stream. Both slices live until it returns, and have at least these lengths.
        let code = unsafe { inflate(stream, flush) };
        Progress {
            consumed: (in_before - stream.avail_in) as usize,
            produced: (out_before - stream.avail_out) as usize,
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
