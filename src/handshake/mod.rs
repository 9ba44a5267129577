//! The opening handshake (RFC 6455 §4): the header fields of both sides, made and checked. Request line, status
//! line and everything else of HTTP are the caller's.

mod client;
mod server;

pub(crate) use client::ClientHandshake;
pub(crate) use server::ServerHandshake;
#[cfg(feature = "inspect")]
pub(crate) use server::{check_key, check_version};
pub use server::{offered_subprotocols, supported_versions_header};

use alloc::string::String;
use alloc::vec::Vec;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

use crate::error::{HandshakeError, Misuse};
use crate::http::HttpHeader;
use crate::http::grammar;

/// What the server selected, as indices into what the client offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Negotiated {
    /// The extensions, in the order of the response. Their parameters stand in the response's field
    /// ([`http::extensions`](crate::http::extensions)).
    pub extensions: Vec<usize>,
    /// The subprotocol.
    pub subprotocol: Option<usize>,
}

const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// `Sec-WebSocket-Accept` for a `Sec-WebSocket-Key` (RFC 6455 §4.2.2, step 5.4): 28 characters of Base64.
///
/// ```
/// assert_eq!(websocket_component::handshake::accept(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
/// ```
#[must_use]
pub fn accept(key: &[u8]) -> String {
    base64(&Sha1::new().chain_update(key).chain_update(GUID).finalize())
}

/// Base64 (RFC 4648 §4).
fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// `base64-value-non-empty` of 16 bytes (RFC 6455 §4.1, §4.2.1): nobody needs them, so the text is not decoded. Its last
/// character has two bits of them, and four zeros.
fn is_key(value: &[u8]) -> bool {
    value.strip_suffix(b"==").is_some_and(|text| {
        text.len() == 22
            && text
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(byte))
            && text.last().is_some_and(|last| b"AQgw".contains(last))
    })
}

/// The fields that both sides' checks begin with: well-formed ones, `Upgrade: websocket`, `Connection: Upgrade`.
fn check_upgrade(headers: &[HttpHeader<'_>]) -> Result<(), HandshakeError> {
    check_fields(headers)?;
    check_upgrade_token(headers)?;
    check_connection_token(headers)
}

pub(crate) fn check_fields(headers: &[HttpHeader<'_>]) -> Result<(), HandshakeError> {
    if headers.is_empty() {
        return Err(HandshakeError::HeadersMissing);
    }
    if headers.len() > MAX_HEADERS {
        return Err(HandshakeError::HeadersTooMany);
    }
    if !headers.iter().all(grammar::is_field) {
        return Err(HandshakeError::HeaderMalformed);
    }
    Ok(())
}

pub(crate) fn check_upgrade_token(headers: &[HttpHeader<'_>]) -> Result<(), HandshakeError> {
    if !grammar::has_token(grammar::values(headers, "Upgrade"), "websocket") {
        return Err(HandshakeError::UpgradeMissing);
    }
    Ok(())
}

pub(crate) fn check_connection_token(headers: &[HttpHeader<'_>]) -> Result<(), HandshakeError> {
    if !grammar::has_token(grammar::values(headers, "Connection"), "upgrade") {
        return Err(HandshakeError::ConnectionMissing);
    }
    Ok(())
}

/// The component API leaves the number open; more than this many fields are no handshake.
pub(crate) const MAX_HEADERS: usize = 256;

/// The value of a field that must be there once, without the blanks around it.
fn single<'a>(
    headers: &[HttpHeader<'a>],
    name: &str,
    missing: HandshakeError,
    repeated: HandshakeError,
) -> Result<&'a [u8], HandshakeError> {
    let mut values = grammar::values(headers, name);
    let value = values.next().ok_or(missing)?;
    if values.next().is_some() {
        Err(repeated)
    } else {
        Ok(grammar::trim(value))
    }
}

/// An argument that names extensions: each one, with parameters or without.
fn check_extensions(extensions: &[&str]) -> Result<(), Misuse> {
    extensions
        .iter()
        .try_for_each(|argument| match grammar::extension(argument) {
            Some(_) => Ok(()),
            None => Err(Misuse::ExtensionMalformed),
        })
}
