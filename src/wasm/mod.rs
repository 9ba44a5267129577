//! The exports for JavaScript: numbers across the boundary, bytes through shared scratch memory. Only the handshake,
//! which happens once per connection, passes strings.
#![allow(
    clippy::cast_possible_truncation,
    reason = "an address, and the length of what lies there, has 32 bits"
)]
#![allow(clippy::cast_possible_wrap, reason = "offsets into the scratch memory are small")]

#[cfg(all(feature = "__exports", feature = "deflate"))]
mod deflate;
#[cfg(feature = "__exports")]
mod frames;
#[cfg(feature = "__exports")]
mod handle;
#[cfg(feature = "__exports")]
mod http;
#[cfg(feature = "__exports-inspect")]
mod inspect;
#[cfg(feature = "__exports")]
mod scratch;
#[cfg(feature = "__exports-inspect")]
mod secrets;
#[cfg(feature = "__exports")]
mod session;
#[cfg(feature = "__exports")]
mod strings;
