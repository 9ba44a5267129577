//! HTTP/1.1 around the handshake: header fields, the grammar of their values, and whole heads as bytes.
//!
//! The component itself sees header fields only. [`RequestHead`] and [`ResponseHead`] are for callers over bare TCP,
//! who have no HTTP stack to give them these.

pub(crate) mod grammar;
mod head;

pub use grammar::{Extension, extensions};
#[cfg(feature = "inspect")]
pub(crate) use head::check_version;
#[cfg(feature = "inspect")]
pub(crate) use head::fields;
pub use head::{RequestHead, ResponseHead, write_request, write_response};

/// One header field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpHeader<'a> {
    /// The name, in any case, without the colon.
    pub name: &'a str,
    /// The value; blanks around it do not matter.
    pub value: &'a [u8],
}

impl<'a> HttpHeader<'a> {
    /// The field with this name and value.
    pub fn new(name: &'a str, value: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        Self {
            name,
            value: value.as_ref(),
        }
    }
}
