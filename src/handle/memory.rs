use alloc::boxed::Box;
use core::ops::Range;

use crate::handle::property::{CONTROL_BUFFER_SIZE, Properties};

/// The memory of a handle: one block with an area for the receive queue and two for the send queue, so that an
/// action of one queue never touches what the other has handed out.
#[derive(Debug)]
pub struct Memory {
    block: Box<[u8]>,
    receive: usize,
    send: usize,
}

impl Memory {
    pub fn new(properties: &mut Properties) -> Self {
        let block = properties.allocated_buffer.take().unwrap_or_default();
        Self {
            block,
            receive: properties.receive_buffer_size,
            send: properties.send_buffer_size,
        }
    }

    /// Makes the block, unless the caller gave one. A handle that never opens needs none.
    pub fn allocate(&mut self) {
        if self.block.is_empty() {
            self.block = vec![0; self.receive + self.send + CONTROL_BUFFER_SIZE].into();
        }
    }

    pub const fn receive_size(&self) -> usize {
        self.receive
    }

    pub const fn send_size(&self) -> usize {
        self.send
    }

    /// Where bytes from the network are read to, and pongs are made.
    pub fn receive_area(&mut self) -> &mut [u8] {
        &mut self.block[..self.receive]
    }

    /// Where the headers, and the masked payloads, of sent data are made.
    pub const fn send_area(&self) -> Range<usize> {
        self.receive..self.receive + self.send
    }

    /// Where sent control frames are made.
    pub const fn control_area(&self) -> Range<usize> {
        let start = self.receive + self.send;
        start..start + CONTROL_BUFFER_SIZE
    }

    pub fn bytes(&self, range: Range<usize>) -> &[u8] {
        &self.block[range]
    }

    pub fn bytes_mut(&mut self, range: Range<usize>) -> &mut [u8] {
        &mut self.block[range]
    }
}
