//! The opening handshake (RFC 6455 §4): makes and checks the header fields of both sides. Request line, status line and
//! the rest of HTTP are up to the caller.

mod client;
mod server;

pub(crate) use client::ClientFields;
#[cfg(feature = "inspect")]
pub(crate) use client::check_upgrade_value;
pub(crate) use server::ServerFields;
#[cfg(feature = "inspect")]
pub(crate) use server::{check_key, check_upgrade_token, check_version};
pub use server::{offered_subprotocols, supported_versions_header};

use alloc::string::String;
use alloc::vec::Vec;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

use crate::error::{HandshakeError, Misuse};
use crate::http::HttpHeader;
use crate::http::grammar;

/// How a connection turns into a WebSocket: what a handshake's fields must say besides what is offered and selected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bootstrap {
    /// By an upgrade of HTTP/1.1 (RFC 6455 §4): a `GET`, answered with 101. A key proves that the server understood it.
    #[default]
    Upgrade,
    /// By an extended `CONNECT` of HTTP/2 (RFC 8441), answered with 2xx. Its pseudo-fields, such as `:protocol`, say
    /// what `Upgrade`, `Connection` and the key say in HTTP/1.1, and stay with the caller, as the status does. The
    /// names of its fields are in lower case.
    ExtendedConnect,
}

impl Bootstrap {
    /// The names of the fields that both have: version, subprotocols, extensions.
    const fn names(self) -> [&'static str; 3] {
        match self {
            Self::Upgrade => [
                "Sec-WebSocket-Version",
                "Sec-WebSocket-Protocol",
                "Sec-WebSocket-Extensions",
            ],
            Self::ExtendedConnect => [
                "sec-websocket-version",
                "sec-websocket-protocol",
                "sec-websocket-extensions",
            ],
        }
    }

    /// The checks of both sides that come first: the fields are well-formed, and an upgrade has `Upgrade: websocket`,
    /// which each side checks in its own way, and `Connection: Upgrade`.
    fn check(
        self,
        headers: &[HttpHeader<'_>],
        check_upgrade: impl FnOnce(&[HttpHeader<'_>]) -> Result<(), HandshakeError>,
    ) -> Result<(), HandshakeError> {
        match self {
            Self::Upgrade => {
                check_fields(headers)?;
                check_upgrade(headers)?;
                check_connection_token(headers)
            }
            Self::ExtendedConnect => check_well_formed(headers),
        }
    }
}

/// The server's selection, as indices into the client's offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Negotiated {
    /// The extensions, in the order of the response. Their parameters are in the response's field
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

/// `base64-value-non-empty` of 16 bytes (RFC 6455 §4.1, §4.2.1): the bytes are not needed, so the text is not decoded.
/// Its last character has two bits of them, and four zeros.
fn is_key(value: &[u8]) -> bool {
    value.strip_suffix(b"==").is_some_and(|text| {
        text.len() == 22
            && text
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(byte))
            && text.last().is_some_and(|last| b"AQgw".contains(last))
    })
}

pub(crate) fn check_fields(headers: &[HttpHeader<'_>]) -> Result<(), HandshakeError> {
    if headers.is_empty() {
        return Err(HandshakeError::HeadersMissing);
    }
    check_well_formed(headers)
}

fn check_well_formed(headers: &[HttpHeader<'_>]) -> Result<(), HandshakeError> {
    if headers.len() > MAX_HEADERS {
        return Err(HandshakeError::HeadersTooMany);
    }
    if !headers.iter().all(grammar::is_field) {
        return Err(HandshakeError::HeaderMalformed);
    }
    Ok(())
}

pub(crate) fn check_connection_token(headers: &[HttpHeader<'_>]) -> Result<(), HandshakeError> {
    if !grammar::has_token(grammar::values(headers, "Connection"), "upgrade") {
        return Err(HandshakeError::ConnectionMissing);
    }
    Ok(())
}

/// The component API leaves the number open; a handshake may have as many fields as a head of 16 KiB can.
pub(crate) const MAX_HEADERS: usize = 4096;

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

/// Checks an argument that names extensions: each is one extension, with or without parameters.
fn check_extensions(extensions: &[&str]) -> Result<(), Misuse> {
    extensions
        .iter()
        .try_for_each(|argument| match grammar::extension(argument) {
            Some(_) => Ok(()),
            None => Err(Misuse::ExtensionMalformed),
        })
}

impl HandshakeError {
    /// The HTTP status of the response to a request that has this fault; for faults of a response, 502: a gateway's
    /// answer to its own client.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::MethodNotGet => 405,
            Self::ConnectionMissing | Self::UpgradeMissing | Self::VersionNotSupported => 426,
            Self::HeadTooLarge | Self::HeadersTooMany => 431,
            Self::HttpVersionTooLow => 505,
            Self::AcceptMissing
            | Self::AcceptRepeated
            | Self::AcceptWrong
            | Self::DeflateNotGranted
            | Self::DeflateParameterRepeated
            | Self::DeflateParameterUnknown
            | Self::DeflateValueInvalid
            | Self::DeflateWindowNotOffered
            | Self::StatusNot101
            | Self::SubprotocolMalformed
            | Self::SubprotocolMissing => 502,
            _ => 400,
        }
    }

    /// The fields of that response, which has no body.
    #[must_use]
    pub fn response_headers(self) -> Vec<HttpHeader<'static>> {
        let mut headers = vec![
            HttpHeader::new("Connection", "close"),
            HttpHeader::new("Content-Length", "0"),
        ];
        match self.status() {
            // RFC 9110 §15.5.6
            405 => headers.push(HttpHeader::new("Allow", "GET")),
            // RFC 9110 §15.5.22; RFC 6455 §4.4
            426 => {
                headers[0] = HttpHeader::new("Connection", "Upgrade, close");
                headers.push(HttpHeader::new("Upgrade", "websocket"));
                headers.push(supported_versions_header());
            }
            _ => {}
        }
        headers
    }
}

/// The reason phrase of a status that this crate answers with (RFC 9110 §15); empty for others.
pub(crate) const fn reason(status: u16) -> &'static str {
    match status {
        101 => "Switching Protocols",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        426 => "Upgrade Required",
        431 => "Request Header Fields Too Large",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        _ => "",
    }
}
