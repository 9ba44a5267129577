use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use crate::error::{HandshakeError, Misuse};
use crate::handshake::{Bootstrap, Negotiated, accept, base64, check_extensions, single};
use crate::http::HttpHeader;
use crate::http::grammar;

/// The client's half: its offer, and the key that the answer must prove to know.
#[derive(Debug)]
pub struct ClientFields {
    bootstrap: Bootstrap,
    key: String,
    subprotocols: Vec<String>,
    subprotocol_list: String,
    extensions: Vec<String>,
    extension_list: String,
}

impl ClientFields {
    /// A handshake with these offers. `initial` are the fields that the caller sends anyway.
    ///
    /// # Errors
    /// A subprotocol is not a token or is given twice; an extension or a field is malformed.
    pub fn new(
        bootstrap: Bootstrap,
        nonce: [u8; 16],
        subprotocols: &[&str],
        extensions: &[&str],
        initial: &[HttpHeader<'_>],
    ) -> Result<Self, Misuse> {
        check_subprotocols(subprotocols)?;
        check_extensions(extensions)?;
        if !initial.iter().all(grammar::is_field) {
            return Err(Misuse::HeaderInvalid);
        }
        let own = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        Ok(Self {
            bootstrap,
            key: base64(&nonce),
            subprotocols: own(subprotocols),
            subprotocol_list: subprotocols.join(", "),
            extensions: own(extensions),
            extension_list: extensions.join(", "),
        })
    }

    /// The half of a client that has sent this request. Malformed parts of it count as absent.
    #[cfg(feature = "inspect")]
    pub fn of_request(request: &[HttpHeader<'_>]) -> Self {
        let key = grammar::values(request, "Sec-WebSocket-Key").next().unwrap_or_default();
        let subprotocols = crate::handshake::offered_subprotocols(request).unwrap_or_default();
        let extensions = grammar::extensions(request).unwrap_or_default();
        Self {
            bootstrap: Bootstrap::Upgrade,
            key: String::from_utf8_lossy(grammar::trim(key)).into_owned(),
            subprotocols: subprotocols.into_iter().map(str::to_owned).collect(),
            subprotocol_list: String::new(),
            extensions: extensions
                .into_iter()
                .map(|extension| extension.name.to_owned())
                .collect(),
            extension_list: String::new(),
        }
    }

    /// The fields to add to the request (RFC 6455 §4.1, RFC 8441 §5).
    pub fn headers(&self) -> Vec<HttpHeader<'_>> {
        let [version, subprotocol, extensions] = self.bootstrap.names();
        let mut headers = Vec::new();
        if self.bootstrap == Bootstrap::Upgrade {
            headers.extend([
                HttpHeader::new("Upgrade", "websocket"),
                HttpHeader::new("Connection", "Upgrade"),
                HttpHeader::new("Sec-WebSocket-Key", &self.key),
            ]);
        }
        headers.push(HttpHeader::new(version, "13"));
        if !self.subprotocols.is_empty() {
            headers.push(HttpHeader::new(subprotocol, &self.subprotocol_list));
        }
        if !self.extensions.is_empty() {
            headers.push(HttpHeader::new(extensions, &self.extension_list));
        }
        headers
    }

    /// How many extensions it offers.
    pub const fn offered_extensions(&self) -> usize {
        self.extensions.len()
    }

    /// Checks the fields of a response that accepts, in the order of the component API's §4.2.
    ///
    /// # Errors
    /// The response is invalid.
    pub fn verify(
        &self,
        response: &[HttpHeader<'_>],
        allow_no_subprotocol: bool,
    ) -> Result<Negotiated, HandshakeError> {
        self.bootstrap.check(response, check_upgrade_value)?;
        if self.bootstrap == Bootstrap::Upgrade {
            self.check_accept(response)?;
        }
        let extensions = self.selected_extensions(response)?;
        let subprotocol = self.selected_subprotocol(response)?;
        if subprotocol.is_none() && !self.subprotocols.is_empty() && !allow_no_subprotocol {
            return Err(HandshakeError::SubprotocolMissing);
        }
        Ok(Negotiated {
            extensions,
            subprotocol,
        })
    }

    pub(crate) fn check_accept(&self, response: &[HttpHeader<'_>]) -> Result<(), HandshakeError> {
        let accepted = single(
            response,
            "Sec-WebSocket-Accept",
            HandshakeError::AcceptMissing,
            HandshakeError::AcceptRepeated,
        )?;
        if accepted == accept(self.key.as_bytes()).as_bytes() {
            Ok(())
        } else {
            Err(HandshakeError::AcceptWrong)
        }
    }

    pub(crate) fn selected_extensions(&self, response: &[HttpHeader<'_>]) -> Result<Vec<usize>, HandshakeError> {
        let mut indices = Vec::new();
        for extension in grammar::extensions(response)? {
            let offers = self.extensions.iter().map(|offer| grammar::extension(offer));
            let names = |offer: &Option<grammar::Extension<'_>>| {
                offer
                    .as_ref()
                    .is_some_and(|offer| offer.name.eq_ignore_ascii_case(extension.name))
            };
            let index = offers
                .into_iter()
                .position(|offer| names(&offer))
                .ok_or(HandshakeError::ExtensionNotOffered)?;
            if indices.contains(&index) {
                return Err(HandshakeError::ExtensionRepeated);
            }
            indices.push(index);
        }
        Ok(indices)
    }

    pub(crate) fn selected_subprotocol(&self, response: &[HttpHeader<'_>]) -> Result<Option<usize>, HandshakeError> {
        let mut values = grammar::values(response, "Sec-WebSocket-Protocol");
        let Some(selected) = values.next().map(grammar::trim) else {
            return Ok(None);
        };
        if values.next().is_some() || !grammar::is_token(selected) {
            return Err(HandshakeError::SubprotocolMalformed);
        }
        let index = self.subprotocols.iter().position(|offer| offer.as_bytes() == selected);
        index.map(Some).ok_or(HandshakeError::SubprotocolNotOffered)
    }
}

/// "If … the |Upgrade| header field contains a value that is not an ASCII case-insensitive match for the value
/// "websocket", the client MUST _Fail the WebSocket Connection_." (§4.1)
pub(crate) fn check_upgrade_value(response: &[HttpHeader<'_>]) -> Result<(), HandshakeError> {
    let missing = HandshakeError::UpgradeMissing;
    let value = single(response, "Upgrade", missing, missing)?;
    if value.eq_ignore_ascii_case(b"websocket") {
        Ok(())
    } else {
        Err(missing)
    }
}

/// "The elements that comprise this value MUST be non-empty strings … and MUST all be unique strings." (§4.1)
fn check_subprotocols(subprotocols: &[&str]) -> Result<(), Misuse> {
    for (index, subprotocol) in subprotocols.iter().enumerate() {
        if !grammar::is_token(subprotocol.as_bytes()) {
            return Err(Misuse::SubprotocolMalformed);
        }
        if subprotocols[..index].contains(subprotocol) {
            return Err(Misuse::SubprotocolRepeated);
        }
    }
    Ok(())
}
