//! Sources of unpredictable bytes: the platform's secure one, or one that the caller injects.

/// A source of bytes for `Sec-WebSocket-Key` and for masking keys. Both must be unpredictable (RFC 6455 §4.1, §5.3,
/// §10.3): on a platform that [`PlatformRandom`] does not support, implement it over a secure source; use anything else
/// only in tests. A source moves with its session, even to other threads.
pub trait RandomSource: Send + Sync {
    /// Fills `bytes`.
    ///
    /// # Errors
    /// The source has no bytes to give.
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomUnavailable>;
}

/// The random source gave no bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RandomUnavailable;

impl core::fmt::Display for RandomUnavailable {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the random source gave no bytes")
    }
}

impl core::error::Error for RandomUnavailable {}

/// The platform's secure source: with the feature `std` the operating system's, with `wasm` on wasm32-unknown-unknown
/// JavaScript's `crypto.getRandomValues`. Each thread fetches bytes from it in advance, because a system call costs
/// more than making a frame; bytes are erased once they are given out, and a forked process does not share its
/// parent's.
///
/// Elsewhere it fails: there, a client needs a [`RandomSource`] from the caller. A server needs none.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlatformRandom;

impl RandomSource for PlatformRandom {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomUnavailable> {
        platform::fill(bytes)
    }
}

#[cfg(any(
    all(feature = "std", not(all(target_arch = "wasm32", target_os = "unknown"))),
    all(feature = "wasm", target_arch = "wasm32", target_os = "unknown")
))]
mod platform {
    use core::cell::RefCell;

    use super::{RandomUnavailable, source};

    /// Bytes that were fetched in advance.
    struct Pool {
        bytes: [u8; source::POOL_SIZE],
        /// How many of them, at the end, were not given out.
        left: usize,
        generation: u32,
    }

    thread_local! {
        // All zeros: a wasm file would contain the bytes of anything else.
        static POOL: RefCell<Pool> =
            const { RefCell::new(Pool { bytes: [0; source::POOL_SIZE], left: 0, generation: 0 }) };
    }

    pub fn fill(bytes: &mut [u8]) -> Result<(), RandomUnavailable> {
        POOL.with_borrow_mut(|pool| {
            bytes
                .chunks_mut(source::POOL_SIZE)
                .try_for_each(|chunk| pool.fill(chunk))
        })
    }

    impl Pool {
        /// Fills at most as many bytes as the pool has room for.
        fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomUnavailable> {
            let generation = source::generation();
            if self.left < bytes.len() || self.generation != generation {
                self.left = 0;
                source::fill(&mut self.bytes)?;
                (self.left, self.generation) = (self.bytes.len(), generation);
            }
            let start = self.bytes.len() - self.left;
            let taken = &mut self.bytes[start..start + bytes.len()];
            bytes.copy_from_slice(taken);
            // a key that was given out must not be readable in memory later
            taken.fill(0);
            self.left -= bytes.len();
            Ok(())
        }
    }
}

#[cfg(all(feature = "std", not(all(target_arch = "wasm32", target_os = "unknown"))))]
mod source {
    use super::RandomUnavailable;

    pub const POOL_SIZE: usize = 1024;

    pub fn fill(bytes: &mut [u8]) -> Result<(), RandomUnavailable> {
        getrandom::fill(bytes).map_err(|_| RandomUnavailable)
    }

    pub use fork::generation;

    /// Counts the forks that led to this process: a child inherits its parent's pools.
    #[cfg(all(unix, not(miri)))]
    mod fork {
        use core::sync::atomic::{AtomicU32, Ordering};
        use std::sync::Once;

        static FORKS: AtomicU32 = AtomicU32::new(0);
        static WATCH: Once = Once::new();

        extern "C" fn count() {
            FORKS.fetch_add(1, Ordering::Relaxed);
        }

        pub fn generation() -> u32 {
            WATCH.call_once(|| {
                // SAFETY: the handler runs in the child only, and does no more than to add to an atomic.
                // If there is no memory for one more handler, the first fork's child shares a pool.
                unsafe { libc::pthread_atfork(None, None, Some(count)) };
            });
            FORKS.load(Ordering::Relaxed)
        }
    }

    #[cfg(any(not(unix), miri))]
    mod fork {
        pub const fn generation() -> u32 {
            0
        }
    }
}

#[cfg(all(feature = "wasm", target_arch = "wasm32", target_os = "unknown"))]
mod source {
    use super::RandomUnavailable;
    use js_sys::Uint8Array;
    use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

    #[wasm_bindgen]
    extern "C" {
        #[wasm_bindgen(js_namespace = crypto, js_name = getRandomValues, catch)]
        fn get_random_values(bytes: &Uint8Array) -> Result<JsValue, JsValue>;
    }

    pub const POOL_SIZE: usize = 4096;
    const LENGTH: u32 = 4096;

    /// An array in JavaScript's memory: `getRandomValues` refuses shared memory, which wasm memory may be.
    pub fn fill(bytes: &mut [u8; POOL_SIZE]) -> Result<(), RandomUnavailable> {
        let array = Uint8Array::new_with_length(LENGTH);
        get_random_values(&array).map_err(|_| RandomUnavailable)?;
        array.copy_to(bytes);
        Ok(())
    }

    pub const fn generation() -> u32 {
        0
    }
}

#[cfg(not(any(
    all(feature = "std", not(all(target_arch = "wasm32", target_os = "unknown"))),
    all(feature = "wasm", target_arch = "wasm32", target_os = "unknown")
)))]
mod platform {
    use super::RandomUnavailable;

    pub const fn fill(_: &mut [u8]) -> Result<(), RandomUnavailable> {
        Err(RandomUnavailable)
    }
}
