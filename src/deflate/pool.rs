//! Compressors and decompressors that keep nothing from one message to the next, shared by all connections of a
//! thread: however many there are, so few work at once.

use std::cell::RefCell;

use crate::deflate::codec::{Deflater, Inflater};

/// How many of each kind wait for their next message; more than that are freed.
const CAPACITY: usize = 4;

thread_local! {
    static DEFLATERS: RefCell<Vec<Deflater>> = const { RefCell::new(Vec::new()) };
    static INFLATERS: RefCell<Vec<Inflater>> = const { RefCell::new(Vec::new()) };
}

/// A compressor for one message, settings as for [`Deflater::new`].
pub fn borrow_deflater(settings: [u8; 3]) -> Deflater {
    let waiting = DEFLATERS.with_borrow_mut(|pool| {
        let at = pool.iter().position(|deflater| deflater.settings() == settings)?;
        Some(pool.swap_remove(at))
    });
    let [window_bits, memory_level, level] = settings;
    waiting.unwrap_or_else(|| Deflater::new(window_bits, memory_level, level))
}

/// Takes it back after the message.
pub fn return_deflater(mut deflater: Deflater) {
    deflater.reset();
    DEFLATERS.with_borrow_mut(|pool| {
        if pool.len() == CAPACITY {
            pool.remove(0);
        }
        pool.push(deflater);
    });
}

/// A decompressor for one message.
pub fn borrow_inflater(window_bits: u8) -> Inflater {
    let waiting = INFLATERS.with_borrow_mut(|pool| {
        let at = pool.iter().position(|inflater| inflater.window_bits() == window_bits)?;
        Some(pool.swap_remove(at))
    });
    waiting.unwrap_or_else(|| Inflater::new(window_bits))
}

/// Takes it back after the message.
pub fn return_inflater(mut inflater: Inflater) {
    inflater.reset();
    INFLATERS.with_borrow_mut(|pool| {
        if pool.len() == CAPACITY {
            pool.remove(0);
        }
        pool.push(inflater);
    });
}
