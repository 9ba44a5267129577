use alloc::vec::Vec;
use core::ops::Range;

/// The bytes of a direction and the times at which they came. It grows without copying; missing bytes take no memory,
/// and are never read.
#[derive(Debug, Default)]
pub struct Store {
    blocks: Vec<Vec<u8>>,
    length: u64,
    /// Where each piece that was pushed begins, and its time.
    pieces: Vec<(u64, f64)>,
    gaps: Vec<Gap>,
}

/// A range of missing bytes.
#[derive(Clone, Debug)]
struct Gap {
    range: Range<u64>,
    /// How many bytes are missing up to its end.
    total: u64,
}

/// The bytes of a block; the last one may have fewer.
const BLOCK: usize = 1 << 20;
/// Missing bytes end here, so that the end of a frame behind them, and of what is pushed, is a number too.
const MOST: u64 = 1 << 62;

impl Store {
    /// The length, including missing bytes.
    pub const fn length(&self) -> u64 {
        self.length
    }

    pub fn push(&mut self, mut bytes: &[u8], time: f64) {
        if bytes.is_empty() {
            return;
        }
        self.pieces.push((self.length, time));
        self.length += bytes.len() as u64;
        while !bytes.is_empty() {
            match self.blocks.last() {
                Some(block) if block.len() < BLOCK => {}
                // most connections need no more than a part of the first one
                None => self.blocks.push(Vec::new()),
                // in one step, because each growth of WebAssembly's memory is expensive
                Some(_) => self.blocks.push(Vec::with_capacity(BLOCK)),
            }
            let Some(block) = self.blocks.last_mut() else { return };
            let (now, later) = bytes.split_at(bytes.len().min(BLOCK - block.len()));
            block.extend_from_slice(now);
            bytes = later;
        }
    }

    /// Counts `length` missing bytes, as far as the length allows.
    pub fn push_missing(&mut self, length: u64, time: f64) {
        let range = self.length..self.length.saturating_add(length).min(MOST);
        if range.is_empty() {
            return;
        }
        self.pieces.push((range.start, time));
        self.length = range.end;
        let total = self.gaps.last().map_or(0, |gap| gap.total) + (range.end - range.start);
        match self.gaps.last_mut() {
            Some(last) if last.range.end == range.start => {
                *last = Gap {
                    range: last.range.start..range.end,
                    total,
                }
            }
            _ => self.gaps.push(Gap { range, total }),
        }
    }

    /// The missing parts of a range.
    pub fn gaps(&self, range: Range<u64>) -> impl Iterator<Item = Range<u64>> {
        let first = self.gaps.partition_point(|gap| gap.range.end <= range.start);
        self.gaps[first..]
            .iter()
            .map(move |gap| gap.range.start.max(range.start)..gap.range.end.min(range.end))
            .take_while(|gap| !gap.is_empty())
    }

    /// Whether a byte of the range is missing.
    pub fn is_missing(&self, range: &Range<u64>) -> bool {
        self.gaps(range.clone()).next().is_some()
    }

    /// When the byte at `offset` came.
    pub fn time(&self, offset: u64) -> f64 {
        let after = self.pieces.partition_point(|&(start, _)| start <= offset);
        after.checked_sub(1).map_or(0.0, |index| self.pieces[index].1)
    }

    /// The start of the first piece of bytes at or behind `offset`.
    pub fn next_piece(&self, offset: u64) -> Option<u64> {
        let first = self.pieces.partition_point(|&(start, _)| start < offset);
        let mut starts = self.pieces[first..].iter().map(|&(start, _)| start);
        starts.find(|&start| !self.is_missing(&(start..start + 1)))
    }

    /// Whether a piece begins at `offset`, or the last one ends there.
    pub fn is_boundary(&self, offset: u64) -> bool {
        offset == self.length || self.pieces.binary_search_by(|&(start, _)| start.cmp(&offset)).is_ok()
    }

    /// The bytes from the start of a range on, as far as there are any, in slices: up to its end, or to the first
    /// missing byte.
    pub fn slices(&self, range: Range<u64>) -> impl Iterator<Item = &[u8]> {
        let after = self.gaps.partition_point(|gap| gap.range.end <= range.start);
        let next = self.gaps.get(after).map_or(self.length, |gap| gap.range.start);
        // their place in the blocks, which do not store missing bytes
        let before = after.checked_sub(1).map_or(0, |index| self.gaps[index].total);
        let end = range.end.min(next).saturating_sub(before);
        let mut at = range.start - before;
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

    /// A copy of the bytes from the start of a range on, as far as there are any.
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

    #[test]
    fn what_is_missing_is_no_byte_and_takes_no_memory() {
        let mut store = Store::default();
        store.push(b"ab", 1.0);
        store.push_missing(1 << 40, 2.0);
        store.push_missing(3, 2.0);
        store.push(b"cd", 3.0);
        let behind = (1 << 40) + 5;
        assert_eq!(store.length(), behind + 2);
        assert_eq!(store.bytes(1..u64::MAX), b"b");
        assert_eq!(store.bytes(2..u64::MAX), b"");
        assert_eq!(store.bytes(behind..u64::MAX), b"cd");
        assert!(store.gaps(1..u64::MAX).eq(core::iter::once(2..behind)));
        assert!(store.gaps(7..9).eq(core::iter::once(7..9)));
        assert_eq!(store.next_piece(1), Some(behind));
        assert!(store.is_boundary(behind) && !store.is_boundary(behind + 1) && store.is_boundary(behind + 2));
    }
}
