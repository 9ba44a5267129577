//! Memory that both sides use: the caller's payloads and blocks, and the block of a handle.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ops::Range;
use std::slice;

use websocket_component::Block;

/// Bytes at an address. The caller keeps them as the documentation of `websocket.h` asks: a payload until its
/// indication, a receive's buffer likewise, `ALLOCATED_BUFFER` until the handle is deleted.
#[derive(Clone, Copy)]
pub struct Place {
    start: *mut u8,
    length: usize,
}

// SAFETY: a handle is used by one thread at a time, and these bytes with it.
unsafe impl Send for Place {}
// SAFETY: shared references only read.
unsafe impl Sync for Place {}

impl Place {
    /// # Safety
    /// `length` bytes at `start` can be read, and written where the place is used for that, until the operation or the
    /// handle that gets it is done.
    pub const unsafe fn new(start: *mut u8, length: usize) -> Self {
        Self { start, length }
    }

    /// The address of bytes of this place, derived from the caller's own pointer; none if they are elsewhere.
    pub fn find(self, bytes: &[u8]) -> Option<*mut u8> {
        let offset = bytes.as_ptr().addr().checked_sub(self.start.addr())?;
        // SAFETY: the offset is within the place.
        (offset + bytes.len() <= self.length && !bytes.is_empty()).then(|| unsafe { self.start.add(offset) })
    }

    fn check(&self, range: &Range<usize>) {
        assert!(range.start <= range.end && range.end <= self.length, "inside the place");
    }
}

impl AsRef<[u8]> for Place {
    fn as_ref(&self) -> &[u8] {
        self.bytes(0..self.length)
    }
}

/// References cover what is asked for and no more, since the caller may be reading into another part.
impl Block for Place {
    fn size(&self) -> usize {
        self.length
    }

    fn bytes(&self, range: Range<usize>) -> &[u8] {
        self.check(&range);
        if range.is_empty() {
            return &[];
        }
        // SAFETY: by `new`, for a range that was checked.
        unsafe { slice::from_raw_parts(self.start.add(range.start), range.len()) }
    }

    fn bytes_mut(&mut self, range: Range<usize>) -> &mut [u8] {
        self.check(&range);
        if range.is_empty() {
            return &mut [];
        }
        // SAFETY: by `new`, for a range that was checked; nothing else uses these bytes during the call.
        unsafe { slice::from_raw_parts_mut(self.start.add(range.start), range.len()) }
    }
}

/// The block of a handle to which the caller gave none.
pub struct OwnBlock {
    place: Place,
    layout: Layout,
}

impl OwnBlock {
    /// None if there is no memory.
    pub fn new(size: usize) -> Option<Self> {
        let layout = Layout::from_size_align(size, 8)
            .ok()
            .filter(|layout| layout.size() > 0)?;
        // SAFETY: the layout has a size.
        let start = unsafe { alloc_zeroed(layout) };
        if start.is_null() {
            return None;
        }
        // SAFETY: the memory is there until the block is dropped.
        let place = unsafe { Place::new(start, size) };
        Some(Self { place, layout })
    }

    pub const fn place(&self) -> Place {
        self.place
    }
}

impl Drop for OwnBlock {
    fn drop(&mut self) {
        // SAFETY: it was allocated with this layout, and its last user was dropped before.
        unsafe { dealloc(self.place.start, self.layout) }
    }
}
