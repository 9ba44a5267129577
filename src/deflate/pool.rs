//! Compressors and decompressors that keep nothing from one message to the next, shared by all connections of a
//! thread: however many there are, so few work at once.

use crate::deflate::codec::{Deflater, Inflater};

/// A compressor for one message, settings as for [`Deflater::new`].
pub fn borrow_deflater(settings: [u8; 3]) -> Deflater {
    let waiting = waiting::deflater(|deflater| deflater.settings() == settings);
    let [window_bits, memory_level, level] = settings;
    waiting.unwrap_or_else(|| Deflater::new(window_bits, memory_level, level))
}

/// Takes it back after the message.
pub fn return_deflater(mut deflater: Deflater) {
    deflater.reset();
    waiting::keep_deflater(deflater);
}

/// A decompressor for one message.
pub fn borrow_inflater(window_bits: u8) -> Inflater {
    let waiting = waiting::inflater(|inflater| inflater.window_bits() == window_bits);
    waiting.unwrap_or_else(|| Inflater::new(window_bits))
}

/// Takes it back after the message.
pub fn return_inflater(mut inflater: Inflater) {
    inflater.reset();
    waiting::keep_inflater(inflater);
}

#[cfg(any(feature = "std", all(target_arch = "wasm32", not(target_feature = "atomics"))))]
mod waiting {
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

    pub fn deflater(fits: impl Fn(&Deflater) -> bool) -> Option<Deflater> {
        DEFLATERS.with(|pool| pool.take(fits))
    }

    pub fn keep_deflater(deflater: Deflater) {
        DEFLATERS.with(|pool| pool.put(deflater));
    }

    pub fn inflater(fits: impl Fn(&Inflater) -> bool) -> Option<Inflater> {
        INFLATERS.with(|pool| pool.take(fits))
    }

    pub fn keep_inflater(inflater: Inflater) {
        INFLATERS.with(|pool| pool.put(inflater));
    }
}

/// Without `std`, nothing is a thread's own: each message gets a context of its own.
#[cfg(not(any(feature = "std", all(target_arch = "wasm32", not(target_feature = "atomics")))))]
mod waiting {
    use crate::deflate::codec::{Deflater, Inflater};

    pub fn deflater(_fits: impl Fn(&Deflater) -> bool) -> Option<Deflater> {
        None
    }

    pub fn keep_deflater(_deflater: Deflater) {}

    pub fn inflater(_fits: impl Fn(&Inflater) -> bool) -> Option<Inflater> {
        None
    }

    pub fn keep_inflater(_inflater: Inflater) {}
}
