//! HTTP/1.1 around the handshake: header fields, the grammar of their values, and whole heads as bytes.
//!
//! The component itself sees header fields only. [`RequestHead`] and [`ResponseHead`] are for callers over bare TCP,
//! without an HTTP stack.

#[cfg(feature = "http")]
mod convert;
pub(crate) mod grammar;
mod head;

#[cfg(feature = "http")]
pub use convert::{from_header_map, to_header_map};
pub use grammar::{Extension, extensions};
pub use head::{HeadBuffer, RequestHead, ResponseHead, write_request, write_response};
#[cfg(feature = "inspect")]
pub(crate) use head::{check_version, fields};

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
