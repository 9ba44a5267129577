use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::Range;

use crate::handle::property::{CONTROL_BUFFER_SIZE, Properties};

/// Memory that a handle uses instead of its own: registered for an I/O interface, shared with a device, or owned by
/// another language. [`Handle::create_in`](crate::Handle::create_in) takes all of a handle's buffers from one, and
/// [`Handle::receive_into`](crate::Handle::receive_into) copies received data into one.
///
/// The handle borrows only the range that it works on, so a caller may read from the network into one part while the
/// handle uses another.
pub trait Block: Send + Sync {
    /// The number of bytes, which never changes.
    fn size(&self) -> usize;

    /// The bytes of a range, which ends at [`size`](Self::size) at most. Every call gives the same memory.
    fn bytes(&self, range: Range<usize>) -> &[u8];

    /// The same bytes, to write to.
    fn bytes_mut(&mut self, range: Range<usize>) -> &mut [u8];
}

impl Block for Box<[u8]> {
    fn size(&self) -> usize {
        self.len()
    }

    fn bytes(&self, range: Range<usize>) -> &[u8] {
        &self[range]
    }

    fn bytes_mut(&mut self, range: Range<usize>) -> &mut [u8] {
        &mut self[range]
    }
}

impl Block for Vec<u8> {
    fn size(&self) -> usize {
        self.len()
    }

    fn bytes(&self, range: Range<usize>) -> &[u8] {
        &self[range]
    }

    fn bytes_mut(&mut self, range: Range<usize>) -> &mut [u8] {
        &mut self[range]
    }
}

/// The memory of a handle: one block with an area for the receive queue and two for the send queue, so that an
/// action of one queue never touches what the other has handed out.
pub struct Memory {
    block: Source,
    receive: usize,
    send: usize,
}

enum Source {
    /// Allocated when the handle opens: until then it is empty.
    Own(Box<[u8]>),
    /// That of [`Property::AllocatedBuffer`](crate::Property::AllocatedBuffer).
    Allocated(Box<[u8]>),
    Block(Box<dyn Block>),
}

impl Memory {
    pub fn new(properties: &mut Properties, block: Option<Box<dyn Block>>) -> Self {
        let block = match (block, properties.allocated_buffer.take()) {
            (Some(block), _) => Source::Block(block),
            (None, Some(allocated)) => Source::Allocated(allocated),
            (None, None) => Source::Own(Box::default()),
        };
        Self {
            block,
            receive: properties.receive_buffer_size,
            send: properties.send_buffer_size,
        }
    }

    /// Allocates the block, unless the caller gave one. A handle that never opens needs none.
    pub fn allocate(&mut self) {
        if let Source::Own(block) = &mut self.block {
            *block = vec![0; self.receive + self.send + CONTROL_BUFFER_SIZE].into();
        }
    }

    /// The memory that came with the handle's properties, back for its owner.
    pub fn into_allocated(self) -> Option<Box<[u8]>> {
        match self.block {
            Source::Allocated(memory) => Some(memory),
            Source::Own(_) | Source::Block(_) => None,
        }
    }

    pub const fn receive_size(&self) -> usize {
        self.receive
    }

    pub const fn send_size(&self) -> usize {
        self.send
    }

    /// The area that network bytes are read into, and in which pongs are made.
    pub fn receive_area(&mut self) -> &mut [u8] {
        self.bytes_mut(0..self.receive)
    }

    /// The area for headers and masked payloads of sent data.
    pub const fn send_area(&self) -> Range<usize> {
        self.receive..self.receive + self.send
    }

    /// The area for sent control frames.
    pub const fn control_area(&self) -> Range<usize> {
        let start = self.receive + self.send;
        start..start + CONTROL_BUFFER_SIZE
    }

    pub fn bytes(&self, range: Range<usize>) -> &[u8] {
        match &self.block {
            Source::Own(memory) | Source::Allocated(memory) => &memory[range],
            Source::Block(block) => block.bytes(range),
        }
    }

    pub fn bytes_mut(&mut self, range: Range<usize>) -> &mut [u8] {
        match &mut self.block {
            Source::Own(memory) | Source::Allocated(memory) => &mut memory[range],
            Source::Block(block) => block.bytes_mut(range),
        }
    }
}
