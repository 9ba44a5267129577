use websocket_component::{RandomSource, RandomUnavailable};

use crate::bindings::wasi::random::random::get_random_bytes;

/// The host's secure source. Bytes are fetched in advance, since a call to the host costs more than a frame.
#[derive(Default)]
pub struct HostRandom(Vec<u8>);

const FETCHED: usize = 1024;

impl RandomSource for HostRandom {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomUnavailable> {
        if self.0.len() < bytes.len() {
            self.0 = get_random_bytes(FETCHED.max(bytes.len()) as u64);
        }
        let rest = self.0.len().checked_sub(bytes.len()).ok_or(RandomUnavailable)?;
        bytes.copy_from_slice(&self.0[rest..]);
        // a key that was given out must not be read out of memory later
        self.0[rest..].fill(0);
        self.0.truncate(rest);
        Ok(())
    }
}
