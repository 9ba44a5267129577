use alloc::vec::Vec;
use core::ops::Range;

/// The bytes of a direction and the times at which they came. Grows without copying what it has.
#[derive(Debug, Default)]
pub struct Store {
    blocks: Vec<Vec<u8>>,
    length: u64,
    /// Where each piece begins, and its time.
    pieces: Vec<(u64, f64)>,
    /// Where zeros stand for bytes that nobody has.
    missing: Vec<Range<u64>>,
}

/// The bytes of a block; the last one may have fewer.
const BLOCK: usize = 1 << 20;

static ZEROS: [u8; 4096] = [0; 4096];

impl Store {
    pub const fn length(&self) -> u64 {
        self.length
    }

    pub fn push(&mut self, mut bytes: &[u8], time: f64) {
        if bytes.is_empty() {
            return;
        }
        if self.pieces.last().is_none_or(|&(_, last)| last != time) {
            self.pieces.push((self.length, time));
        }
        self.length += bytes.len() as u64;
        while !bytes.is_empty() {
            match self.blocks.last() {
                Some(block) if block.len() < BLOCK => {}
                // most connections need no more than a part of the first one
                None => self.blocks.push(Vec::new()),
                // in one step, as every step in which WebAssembly's memory grows costs much
                Some(_) => self.blocks.push(Vec::with_capacity(BLOCK)),
            }
            let Some(block) = self.blocks.last_mut() else { return };
            let (now, later) = bytes.split_at(bytes.len().min(BLOCK - block.len()));
            block.extend_from_slice(now);
            bytes = later;
        }
    }

    /// Takes zeros in place of so many bytes that nobody has.
    pub fn push_missing(&mut self, length: u64, time: f64) {
        let end = self.length.saturating_add(length);
        self.missing.push(self.length..end);
        while self.length < end {
            let step = usize::try_from(end - self.length).map_or(ZEROS.len(), |left| left.min(ZEROS.len()));
            self.push(&ZEROS[..step], time);
        }
    }

    /// Whether a byte of the range is one that nobody has.
    pub fn is_missing(&self, range: &Range<u64>) -> bool {
        let after = self.missing.partition_point(|missing| missing.end <= range.start);
        self.missing.get(after).is_some_and(|missing| missing.start < range.end)
    }

    /// When the byte at `offset` came.
    pub fn time(&self, offset: u64) -> f64 {
        let after = self.pieces.partition_point(|&(start, _)| start <= offset);
        after.checked_sub(1).map_or(0.0, |index| self.pieces[index].1)
    }

    /// The bytes of a range, as far as there are any, in slices.
    pub fn slices(&self, range: Range<u64>) -> impl Iterator<Item = &[u8]> {
        let end = range.end.min(self.length);
        let mut at = range.start;
        core::iter::from_fn(move || {
            if at >= end {
                return None;
            }
            // what is stored has a length in memory
            let [block, offset, most] = [at / BLOCK as u64, at % BLOCK as u64, end - at]
                .map(|value| usize::try_from(value).unwrap_or(usize::MAX));
            let rest = &self.blocks[block][offset..];
            let slice = &rest[..rest.len().min(most)];
            at += slice.len() as u64;
            Some(slice)
        })
    }

    /// A copy of the bytes of a range, as far as there are any.
    pub fn bytes(&self, range: Range<u64>) -> Vec<u8> {
        let mut bytes = Vec::new();
        for slice in self.slices(range) {
            bytes.extend_from_slice(slice);
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::{BLOCK, Store};

    #[test]
    fn what_was_pushed_is_read_over_the_ends_of_blocks_with_its_time() {
        let bytes: Vec<u8> = (0..=250).cycle().take(BLOCK * 2 + 100).collect();
        let mut store = Store::default();
        for (time, piece) in (0_u32..).zip(bytes.chunks(BLOCK / 3 + 1)) {
            store.push(piece, f64::from(time));
        }
        assert_eq!(store.bytes(0..u64::MAX), bytes);
        let around = BLOCK as u64 - 2..BLOCK as u64 + 3;
        assert_eq!(store.bytes(around), &bytes[BLOCK - 2..BLOCK + 3]);
        let second = BLOCK as u64 / 3 + 1;
        assert_eq!(
            [store.time(0), store.time(second - 1), store.time(second)],
            [0.0, 0.0, 1.0]
        );
    }
}
