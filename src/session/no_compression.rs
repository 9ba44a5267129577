//! The stand-in for compression without the feature `deflate`: it is never created.

use alloc::vec::Vec;

use crate::error::Violation;

/// Cannot be made.
#[derive(Debug)]
pub enum Compression {}

impl Compression {
    pub const fn is_inside_compressed(&self) -> bool {
        match *self {}
    }

    pub const fn compress(&mut self, _part: &[u8], _last: bool, _wanted: Option<bool>) -> Option<Vec<u8>> {
        match *self {}
    }

    pub const fn inflate(&mut self, _input: &[u8], _out: &mut [u8]) -> Result<(usize, usize), Violation> {
        match *self {}
    }

    pub const fn is_corrupt(&self) -> bool {
        match *self {}
    }

    pub const fn finish(&mut self, _out: &mut [u8]) -> Result<(usize, bool), Violation> {
        match *self {}
    }
}
