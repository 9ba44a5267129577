//! Compressors and decompressors that keep nothing between messages, shared by all connections of a thread: even with
//! many connections, few work at once.

use core::sync::atomic::{AtomicUsize, Ordering};

use crate::deflate::codec::{Deflater, Inflater};

/// A compressor for one message, settings as for [`Deflater::new`]; `None` if there is no memory for one.
pub fn borrow_deflater(settings: [u8; 3]) -> Option<Deflater> {
    waiting::deflater(|deflater| deflater.settings() == settings).or_else(|| new_deflater(settings))
}

/// A compressor to keep; `None` if there is no memory for one.
pub fn new_deflater(settings: [u8; 3]) -> Option<Deflater> {
    has_spare(DEFLATER_SIZE).then(|| Deflater::try_new(settings))?
}

/// Takes it back after the message.
pub fn return_deflater(mut deflater: Deflater) {
    deflater.reset();
    waiting::keep_deflater(deflater);
}

/// A decompressor for one message; `None` if there is no memory for one.
pub fn borrow_inflater(window_bits: u8) -> Option<Inflater> {
    waiting::inflater(|inflater| inflater.window_bits() == window_bits).or_else(|| new_inflater(window_bits))
}

/// A decompressor to keep; `None` if there is no memory for one.
pub fn new_inflater(window_bits: u8) -> Option<Inflater> {
    has_spare(INFLATER_SIZE).then(|| Inflater::try_new(window_bits))?
}

/// Takes it back after the message.
pub fn return_inflater(mut inflater: Inflater) {
    inflater.reset();
    waiting::keep_inflater(inflater);
}

/// How many decompressors the unfinished messages of all connections together may hold: 190 MiB. A connection that
/// keeps its context between messages has its own.
const MOST_UNFINISHED: usize = 4096;

static UNFINISHED: AtomicUsize = AtomicUsize::new(0);

/// An unfinished message that holds a decompressor.
#[derive(Debug)]
pub struct Unfinished(());

impl Unfinished {
    /// `None` if there are too many.
    pub fn begin() -> Option<Self> {
        let before = UNFINISHED.fetch_add(1, Ordering::Relaxed);
        let this = Self(());
        (before < MOST_UNFINISHED).then_some(this)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        UNFINISHED.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An upper bound for the bytes of each.
const DEFLATER_SIZE: usize = 512 * 1024;
const INFLATER_SIZE: usize = 64 * 1024;

/// Whether there is memory for compression and decompression of one more connection.
#[cfg(all(target_arch = "wasm32", target_os = "unknown", feature = "__exports"))]
pub fn has_memory() -> bool {
    has_spare(DEFLATER_SIZE + INFLATER_SIZE)
}

/// Whether there is memory for something optional, beyond the reserve for what connections cannot do without: a
/// sixteenth of the memory, and at least one MiB.
#[cfg(target_arch = "wasm32")]
fn has_spare(size: usize) -> bool {
    let reserve = (core::arch::wasm32::memory_size(0) * 4096).max(1024 * 1024);
    let mut block = alloc::vec::Vec::<u8>::new();
    let reserved = block.try_reserve_exact(size.saturating_add(reserve));
    core::hint::black_box(block); // without a use, the allocation may be optimised away
    reserved.is_ok()
}

/// Elsewhere the system decides.
#[cfg(not(target_arch = "wasm32"))]
const fn has_spare(_size: usize) -> bool {
    true
}

#[cfg(any(feature = "std", all(target_arch = "wasm32", not(target_feature = "atomics"))))]
mod waiting {
    use alloc::vec::Vec;
    use core::cell::RefCell;

    use crate::deflate::codec::{Deflater, Inflater};

    /// How many idle ones of each kind are kept; more than that are freed.
    const CAPACITY: usize = 4;

    /// The idle ones of one kind, the longest idle first.
    struct Pool<T>(RefCell<Vec<T>>);

    impl<T> Pool<T> {
        const fn new() -> Self {
            Self(RefCell::new(Vec::new()))
        }

        fn take(&self, fits: impl Fn(&T) -> bool) -> Option<T> {
            let mut waiting = self.0.try_borrow_mut().ok()?; // a call that trapped never gave it back
            let at = waiting.iter().position(fits)?;
            Some(waiting.remove(at))
        }

        fn put(&self, one: T) {
            let Ok(mut waiting) = self.0.try_borrow_mut() else {
                return;
            };
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

/// Without `std` there is no thread-local storage: each message gets its own context.
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

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::{borrow_inflater, return_deflater, return_inflater, waiting};
    use crate::deflate::codec::{Deflater, Inflater};

    /// In a thread, and so with pools, of its own.
    fn alone(test: fn()) {
        std::thread::spawn(test).join().expect("the test passes");
    }

    #[test]
    fn the_last_four_of_each_kind_are_kept() {
        alone(|| {
            for id in 9..15 {
                return_inflater(Inflater::new(id));
                return_deflater(Deflater::new(id, 1, 1));
            }
            for id in 9..15 {
                let is_kept = id > 10;
                assert_eq!(waiting::inflater(|one| one.window_bits() == id).is_some(), is_kept);
                assert_eq!(waiting::deflater(|one| one.settings() == [id, 1, 1]).is_some(), is_kept);
            }
        });
    }

    #[test]
    fn one_is_lent_for_its_own_window_alone_and_once() {
        alone(|| {
            return_inflater(Inflater::new(8));
            assert_eq!(borrow_inflater(15).unwrap().window_bits(), 15);
            assert_eq!(borrow_inflater(8).unwrap().window_bits(), 8);
            assert!(waiting::inflater(|_| true).is_none());
        });
    }
}
