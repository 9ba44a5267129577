//! The heads of WebSocket over HTTP/2 (RFC 8441), as text.

use alloc::vec::Vec;

use crate::error::HandshakeError;
use crate::handshake::check_version;
use crate::http::{self, HttpHeader};
use crate::inspect::heads::{self, Check, Extensions, check, field};
use crate::inspect::record::Direction;

/// A head and its checks.
pub struct Http2Head {
    pub length: usize,
    pub checks: Vec<Check>,
    /// The extensions that a response agrees on.
    pub extensions: Option<Extensions>,
    pub is_accepted: bool,
}

/// Reads a head as [`Options`](crate::inspect::Options) describe it; `None` if it has no end.
///
/// # Errors
/// The bytes are not a head.
pub fn read(direction: Direction, bytes: &[u8]) -> Result<Option<Http2Head>, HandshakeError> {
    let Some(length) = bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4) else {
        return Ok(None);
    };
    let first_line = bytes.split(|&byte| byte == b'\r').next().unwrap_or_default();
    let first_line = core::str::from_utf8(first_line).map_err(|_| HandshakeError::HeadMalformed)?;
    let mut pseudo = Vec::new();
    let mut rest = bytes[..length].get(first_line.len() + 2..).unwrap_or_default();
    while let Some(line) = rest
        .split(|&byte| byte == b'\r')
        .next()
        .filter(|line| line.starts_with(b":"))
    {
        let line = core::str::from_utf8(line).map_err(|_| HandshakeError::HeadMalformed)?;
        pseudo.push(line[1..].split_once(": ").ok_or(HandshakeError::HeadMalformed)?);
        rest = rest.get(line.len() + 2..).unwrap_or_default();
    }
    let fields = http::fields(rest)?;
    let mut checks = pseudo_checks(&pseudo);
    if direction == Direction::ToServer {
        checks.extend(request_checks(&fields));
        return Ok(Some(Http2Head {
            length,
            checks,
            extensions: None,
            is_accepted: true,
        }));
    }
    let status = first_line.split(' ').nth(1).unwrap_or_default();
    // "A server … MUST respond with a 2xx" (RFC 9113 §8.5, by RFC 8441 §5.1)
    checks.push(check("status", "RFC 8441 §5.1", vec![status.into()], Ok(())));
    checks.push(field(&fields, "Sec-WebSocket-Protocol", "RFC 6455 §4.1", Ok(())));
    checks.push(field(&fields, "Sec-WebSocket-Extensions", "RFC 6455 §4.1", Ok(())));
    Ok(Some(Http2Head {
        length,
        checks,
        extensions: Some(heads::agreed(&fields, None)),
        is_accepted: status.starts_with('2'),
    }))
}

const PSEUDO: [&str; 5] = ["method", "protocol", "scheme", "authority", "path"];

fn pseudo_checks(pseudo: &[(&str, &str)]) -> Vec<Check> {
    let of = |name: &&'static str| {
        pseudo
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| (*name, *value))
    };
    let found = PSEUDO.iter().filter_map(of);
    found
        .map(|(name, value)| check(name, "RFC 8441 §5", vec![value.into()], Ok(())))
        .collect()
}

fn request_checks(fields: &[HttpHeader<'_>]) -> [Check; 3] {
    [
        field(fields, "Sec-WebSocket-Version", "RFC 8441 §5", check_version(fields)),
        field(
            fields,
            "Sec-WebSocket-Protocol",
            "RFC 6455 §4.1",
            heads::check_subprotocols(fields),
        ),
        field(
            fields,
            "Sec-WebSocket-Extensions",
            "RFC 6455 §9.1",
            http::extensions(fields).map(drop),
        ),
    ]
}
