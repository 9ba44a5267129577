//! The exports for JavaScript: numbers across the boundary, bytes through shared scratch memory. Only the handshake,
//! which happens once per connection, passes strings.
#![allow(
    clippy::cast_possible_truncation,
    reason = "an address, and the length of what lies there, has 32 bits"
)]
#![allow(clippy::cast_possible_wrap, reason = "offsets into the scratch memory are small")]

#[cfg(all(feature = "wasm", feature = "deflate"))]
mod deflate;
#[cfg(feature = "wasm")]
mod frames;
#[cfg(feature = "wasm")]
mod handle;
#[cfg(feature = "wasm")]
mod http;
#[cfg(feature = "wasm-inspect")]
mod inspect;
#[cfg(feature = "wasm")]
mod scratch;
#[cfg(feature = "wasm-inspect")]
mod secrets;
#[cfg(feature = "wasm")]
mod session;
#[cfg(feature = "wasm")]
mod strings;
