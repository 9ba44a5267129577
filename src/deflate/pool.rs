//! Compressors and decompressors that keep nothing from one message to the next, shared by all connections of a
//! thread: however many there are, so few work at once.

use alloc::vec::Vec;
use core::cell::RefCell;

use crate::deflate::codec::{Deflater, Inflater};

/// How many of each kind wait for their next message; more than that are freed.
const CAPACITY: usize = 4;

/// Those of one kind that wait, the one that has waited longest first.
struct Pool<T>(RefCell<Vec<T>>);

impl<T> Pool<T> {
    const fn new() -> Self {
        Self(RefCell::new(Vec::new()))
    }

    fn take(&self, fits: impl Fn(&T) -> bool) -> Option<T> {
        let mut waiting = self.0.borrow_mut();
        let at = waiting.iter().position(fits)?;
        Some(waiting.remove(at))
    }

    fn put(&self, one: T) {
        let mut waiting = self.0.borrow_mut();
        if waiting.len() == CAPACITY {
            waiting.remove(0);
        }
        waiting.push(one);
    }
}

thread_local! {
    static DEFLATERS: Pool<Deflater> = const { Pool::new() };
    static INFLATERS: Pool<Inflater> = const { Pool::new() };
}

/// A compressor for one message, settings as for [`Deflater::new`].
pub fn borrow_deflater(settings: [u8; 3]) -> Deflater {
    let waiting = DEFLATERS.with(|pool| pool.take(|deflater| deflater.settings() == settings));
    let [window_bits, memory_level, level] = settings;
    waiting.unwrap_or_else(|| Deflater::new(window_bits, memory_level, level))
}

/// Takes it back after the message.
pub fn return_deflater(mut deflater: Deflater) {
    deflater.reset();
    DEFLATERS.with(|pool| pool.put(deflater));
}

/// A decompressor for one message.
pub fn borrow_inflater(window_bits: u8) -> Inflater {
    let waiting = INFLATERS.with(|pool| pool.take(|inflater| inflater.window_bits() == window_bits));
    waiting.unwrap_or_else(|| Inflater::new(window_bits))
}

/// Takes it back after the message.
pub fn return_inflater(mut inflater: Inflater) {
    inflater.reset();
    INFLATERS.with(|pool| pool.put(inflater));
}
