//! Frame headers: reading, writing, and which ones a peer may send. No connection state.

mod header;
mod rules;

#[cfg(feature = "inspect")]
pub use header::RawHeader;
pub use header::{Header, MAX_HEADER_LENGTH};
pub use rules::{Expectation, RSV1, ReservedBits, check};
