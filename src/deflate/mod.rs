//! permessage-deflate (RFC 7692): the negotiation, and the compression itself. It knows neither frames nor connections:
//! the caller decides which messages are compressed, and with which status a failure closes.

#[forbid(unsafe_code)]
mod codec;
#[forbid(unsafe_code)]
mod params;
#[forbid(unsafe_code)]
mod pool;
mod stream;

pub use codec::{Corrupt, Deflater, Flush, Inflater};
pub use params::{Agreement, DeflateOptions, NAME, Selection, accept_response, offer, select};

#[cfg(feature = "inspect")]
pub(crate) use params::{agreement_of, options_of};
#[cfg(all(target_arch = "wasm32", target_os = "unknown", feature = "__exports"))]
pub(crate) use pool::has_memory;
pub(crate) use pool::{
    Unfinished, borrow_deflater, borrow_inflater, new_deflater, new_inflater, return_deflater, return_inflater,
};
