use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::error::HandshakeError;
use crate::handshake::{Bootstrap, accept, check_extensions, is_key, single};
use crate::http::HttpHeader;
use crate::http::grammar;

/// The server's half: its answer.
#[derive(Debug)]
pub struct ServerFields {
    bootstrap: Bootstrap,
    /// Empty for an extended CONNECT.
    accept: String,
    subprotocol: Option<String>,
    extensions: String,
}

impl ServerFields {
    /// Checks the fields of a request in the order of the component API's §4.3, and the caller's selection.
    ///
    /// # Errors
    /// The request or the selection is invalid.
    pub fn new(
        bootstrap: Bootstrap,
        subprotocol: Option<&str>,
        extensions: &[&str],
        request: &[HttpHeader<'_>],
    ) -> Result<Self, HandshakeError> {
        bootstrap.check(request, check_upgrade_token)?;
        check_version(request)?;
        let accept = match bootstrap {
            Bootstrap::Upgrade => accept(check_key(request)?),
            Bootstrap::ExtendedConnect => String::new(),
        };
        let subprotocol = subprotocol.filter(|subprotocol| !subprotocol.is_empty());
        check_selection(subprotocol, extensions, request)?;
        Ok(Self {
            bootstrap,
            accept,
            subprotocol: subprotocol.map(str::to_owned),
            extensions: extensions.join(", "),
        })
    }

    /// The fields of the response that accepts (RFC 6455 §4.2.2, RFC 8441 §5).
    pub fn headers(&self) -> Vec<HttpHeader<'_>> {
        let [_, subprotocol_name, extensions_name] = self.bootstrap.names();
        let mut headers = Vec::new();
        if self.bootstrap == Bootstrap::Upgrade {
            headers.extend([
                HttpHeader::new("Upgrade", "websocket"),
                HttpHeader::new("Connection", "Upgrade"),
                HttpHeader::new("Sec-WebSocket-Accept", &self.accept),
            ]);
        }
        if let Some(subprotocol) = &self.subprotocol {
            headers.push(HttpHeader::new(subprotocol_name, subprotocol));
        }
        if self.has_extensions() {
            headers.push(HttpHeader::new(extensions_name, &self.extensions));
        }
        headers
    }

    /// The same fields, owned.
    pub fn into_headers(self) -> Vec<(&'static str, String)> {
        let [_, subprotocol, extensions] = self.bootstrap.names();
        let mut headers = Vec::new();
        if self.bootstrap == Bootstrap::Upgrade {
            headers.extend([
                ("Upgrade", "websocket".into()),
                ("Connection", "Upgrade".into()),
                ("Sec-WebSocket-Accept", self.accept),
            ]);
        }
        headers.extend(self.subprotocol.map(|selected| (subprotocol, selected)));
        headers.extend((!self.extensions.is_empty()).then_some((extensions, self.extensions)));
        headers
    }

    /// Whether any were selected.
    pub fn has_extensions(&self) -> bool {
        !self.extensions.is_empty()
    }
}

/// The subprotocols that a request offers, for a server to choose from; it may choose none.
///
/// # Errors
/// The list is malformed.
pub fn offered_subprotocols<'a>(request: &[HttpHeader<'a>]) -> Result<Vec<&'a str>, HandshakeError> {
    grammar::tokens(grammar::values(request, "Sec-WebSocket-Protocol"))
}

/// The field that a 426 response to another version carries (RFC 6455 §4.2.2, §4.4).
#[must_use]
pub fn supported_versions_header() -> HttpHeader<'static> {
    HttpHeader::new("Sec-WebSocket-Version", "13")
}

/// "An |Upgrade| header field containing the value "websocket"" (RFC 6455 §4.2.1): a client may offer others too.
pub(crate) fn check_upgrade_token(headers: &[HttpHeader<'_>]) -> Result<(), HandshakeError> {
    if !grammar::has_token(grammar::values(headers, "Upgrade"), "websocket") {
        return Err(HandshakeError::UpgradeMissing);
    }
    Ok(())
}

/// The request's key.
pub(crate) fn check_key<'a>(request: &[HttpHeader<'a>]) -> Result<&'a [u8], HandshakeError> {
    let key = single(
        request,
        "Sec-WebSocket-Key",
        HandshakeError::KeyMissing,
        HandshakeError::KeyRepeated,
    )?;
    if is_key(key) {
        Ok(key)
    } else {
        Err(HandshakeError::KeyMalformed)
    }
}

pub(crate) fn check_version(request: &[HttpHeader<'_>]) -> Result<(), HandshakeError> {
    let version = single(
        request,
        "Sec-WebSocket-Version",
        HandshakeError::VersionMissing,
        HandshakeError::VersionMalformed,
    )?;
    // version = DIGIT / (NZDIGIT DIGIT) / ("1" DIGIT DIGIT) / ("2" DIGIT DIGIT), 0 to 255 (RFC 6455 §4.3)
    let number = core::str::from_utf8(version)
        .ok()
        .and_then(|digits| digits.parse::<u8>().ok());
    match number {
        Some(13) if version == b"13" => Ok(()),
        Some(number) if number.to_string().as_bytes() == version => Err(HandshakeError::VersionNotSupported),
        _ => Err(HandshakeError::VersionMalformed),
    }
}

fn check_selection(
    subprotocol: Option<&str>,
    extensions: &[&str],
    request: &[HttpHeader<'_>],
) -> Result<(), HandshakeError> {
    let offered_extensions = grammar::extensions(request)?;
    let offered_subprotocols = offered_subprotocols(request)?;
    if subprotocol.is_some_and(|selected| !offered_subprotocols.contains(&selected)) {
        return Err(HandshakeError::SubprotocolNotOffered);
    }
    check_extensions(extensions).map_err(|_| HandshakeError::ExtensionNotOffered)?;
    let selected: Vec<_> = extensions
        .iter()
        .filter_map(|argument| grammar::extension(argument))
        .collect();
    for (index, extension) in selected.iter().enumerate() {
        let same_name = |other: &grammar::Extension<'_>| other.name.eq_ignore_ascii_case(extension.name);
        if !offered_extensions.iter().any(same_name) {
            return Err(HandshakeError::ExtensionNotOffered);
        }
        if selected[..index].iter().any(same_name) {
            return Err(HandshakeError::ExtensionRepeated);
        }
    }
    Ok(())
}
