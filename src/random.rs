//! Where unpredictable bytes come from: the platform's secure source, or one that a test injects.

/// A source of bytes for `Sec-WebSocket-Key` and for masking keys. Both must be unpredictable
/// (RFC 6455 §4.1, §5.3, §10.3), so anything but [`PlatformRandom`] is for tests. It goes where its session goes, to
/// other threads too.
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

/// The operating system's secure source; in JavaScript `crypto.getRandomValues`.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlatformRandom;

impl RandomSource for PlatformRandom {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomUnavailable> {
        platform::fill(bytes)
    }
}

#[cfg(not(all(target_arch = "wasm32", target_os = "unknown")))]
mod platform {
    use super::RandomUnavailable;

    pub fn fill(bytes: &mut [u8]) -> Result<(), RandomUnavailable> {
        getrandom::fill(bytes).map_err(|_| RandomUnavailable)
    }
}

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
mod platform {
    use super::RandomUnavailable;
    use core::cell::RefCell;
    use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

    #[wasm_bindgen]
    extern "C" {
        #[wasm_bindgen(js_namespace = crypto, js_name = getRandomValues, catch)]
        fn get_random_values(bytes: &mut [u8]) -> Result<JsValue, JsValue>;
    }

    /// A call to JavaScript costs more than the frame it is made for, so bytes are fetched by the pool.
    struct Pool {
        bytes: [u8; POOL_SIZE],
        /// Those of them, at the end, that nobody has had.
        left: usize,
    }

    const POOL_SIZE: usize = 4096;

    thread_local! {
        // All zeros: the module's file would have the bytes of anything else.
        static POOL: RefCell<Pool> = const { RefCell::new(Pool { bytes: [0; POOL_SIZE], left: 0 }) };
    }

    pub fn fill(bytes: &mut [u8]) -> Result<(), RandomUnavailable> {
        POOL.with_borrow_mut(|pool| {
            for chunk in bytes.chunks_mut(POOL_SIZE) {
                if pool.left < chunk.len() {
                    get_random_values(&mut pool.bytes).map_err(|_| RandomUnavailable)?;
                    pool.left = POOL_SIZE;
                }
                let start = POOL_SIZE - pool.left;
                let taken = start..start + chunk.len();
                chunk.copy_from_slice(&pool.bytes[taken.clone()]);
                // a key that was given out must not be read out of memory later
                pool.bytes[taken].fill(0);
                pool.left -= chunk.len();
            }
            Ok(())
        })
    }
}
