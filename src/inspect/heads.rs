use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::deflate::{self, Agreement};
use crate::error::HandshakeError;
use crate::handshake::{
    self, ClientFields, check_connection_token, check_fields, check_key, check_upgrade_token, check_upgrade_value,
    offered_subprotocols,
};
use crate::http::{self, Extension, HttpHeader, RequestHead, ResponseHead, grammar};

/// One requirement of the RFCs for a head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The subject: a field's name, or a part of the first line.
    pub subject: &'static str,
    /// The section that requires it.
    pub section: &'static str,
    /// The values found, none if it is absent. Bytes as Latin-1.
    pub found: Vec<String>,
    /// What is wrong with it.
    pub error: Option<HandshakeError>,
}

/// The effect of a connection's extensions on its frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    /// permessage-deflate, if it was agreed.
    pub deflate: Option<Agreement>,
    /// Other extensions were agreed, which may give any reserved bit a meaning.
    pub others: bool,
    /// Whether the agreement is known: without a whole response in the recording, it could be anything.
    pub are_known: bool,
}

/// Every check of a request (RFC 6455 §4.2.1).
pub fn check_request(head: &RequestHead<'_>) -> Vec<Check> {
    let fields = &head.headers;
    vec![
        check(
            "method",
            "RFC 6455 §4.2.1",
            vec![head.method.into()],
            head.check_method(),
        ),
        check("target", "RFC 9112 §3.2", vec![head.target.into()], head.check_target()),
        version(head.version),
        field(fields, "Host", "RFC 6455 §4.2.1", head.check_host()),
        check(
            "fields",
            "RFC 9110 §5",
            vec![fields.len().to_string()],
            check_fields(fields),
        ),
        field(fields, "Upgrade", "RFC 6455 §4.2.1", check_upgrade_token(fields)),
        field(fields, "Connection", "RFC 6455 §4.2.1", check_connection_token(fields)),
        field(
            fields,
            "Sec-WebSocket-Version",
            "RFC 6455 §4.2.1",
            handshake::check_version(fields),
        ),
        field(
            fields,
            "Sec-WebSocket-Key",
            "RFC 6455 §4.2.1",
            check_key(fields).map(drop),
        ),
        field(
            fields,
            "Sec-WebSocket-Protocol",
            "RFC 6455 §4.1",
            check_subprotocols(fields),
        ),
        field(
            fields,
            "Sec-WebSocket-Extensions",
            "RFC 6455 §9.1",
            http::extensions(fields).map(drop),
        ),
        field(fields, "Content-Length", "RFC 6455 §4.2.1", head.check_body()),
    ]
}

/// "The elements that comprise this value … MUST all be unique strings." (RFC 6455 §4.1) A server need not mind.
pub fn check_subprotocols(fields: &[HttpHeader<'_>]) -> Result<(), HandshakeError> {
    let offered = offered_subprotocols(fields)?;
    match (1..offered.len()).any(|index| offered[..index].contains(&offered[index])) {
        true => Err(HandshakeError::SubprotocolRepeated),
        false => Ok(()),
    }
}

/// Every check of a response (RFC 6455 §4.1). Without the request, checks that depend on it are left out.
pub fn check_response(head: &ResponseHead<'_>, request: Option<&RequestHead<'_>>) -> Vec<Check> {
    let fields = &head.headers;
    let mut checks = vec![
        check(
            "status",
            "RFC 6455 §4.1",
            vec![head.status.to_string()],
            head.check_status(),
        ),
        version(head.version),
        check(
            "fields",
            "RFC 9110 §5",
            vec![fields.len().to_string()],
            check_fields(fields),
        ),
    ];
    // the rules for a 101 response do not apply to a refusal
    if head.check_status().is_err() {
        return checks;
    }
    checks.extend([
        field(fields, "Upgrade", "RFC 6455 §4.1", check_upgrade_value(fields)),
        field(fields, "Connection", "RFC 6455 §4.1", check_connection_token(fields)),
    ]);
    if let Some(request) = request {
        let client = ClientFields::of_request(&request.headers);
        let subprotocol = client.selected_subprotocol(fields).map(drop);
        checks.extend([
            field(
                fields,
                "Sec-WebSocket-Accept",
                "RFC 6455 §4.1",
                client.check_accept(fields),
            ),
            field(fields, "Sec-WebSocket-Protocol", "RFC 6455 §4.1", subprotocol),
            field(
                fields,
                "Sec-WebSocket-Extensions",
                "RFC 6455 §4.1",
                check_extensions(&client, fields, request),
            ),
        ]);
    }
    checks
}

/// The extensions that a response agrees on. Malformed ones count as absent.
pub fn agreed(fields: &[HttpHeader<'_>], request: Option<&RequestHead<'_>>) -> Extensions {
    let mut agreed = Extensions {
        are_known: true,
        ..Extensions::default()
    };
    for extension in http::extensions(fields).unwrap_or_default() {
        if !is_deflate(&extension) {
            agreed.others = true;
        } else if let Ok(agreement) = deflate_agreement(&extension, request) {
            agreed.deflate = Some(agreement);
        }
    }
    agreed
}

fn check_extensions(
    client: &ClientFields,
    response: &[HttpHeader<'_>],
    request: &RequestHead<'_>,
) -> Result<(), HandshakeError> {
    client.selected_extensions(response)?;
    let selected = http::extensions(response)?;
    selected
        .iter()
        .filter(|extension| is_deflate(extension))
        .try_for_each(|extension| deflate_agreement(extension, Some(request)).map(drop))
}

/// The agreed parameters, if the response answers one of the request's offers.
fn deflate_agreement(response: &Extension<'_>, request: Option<&RequestHead<'_>>) -> Result<Agreement, HandshakeError> {
    let Some(request) = request else {
        return deflate::agreement_of(response);
    };
    let mut outcome = Err(HandshakeError::ExtensionNotOffered);
    for offer in http::extensions(&request.headers)?
        .iter()
        .filter(|offer| is_deflate(offer))
    {
        outcome = deflate::options_of(offer).and_then(|options| deflate::accept_response(&options, response));
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

fn is_deflate(extension: &Extension<'_>) -> bool {
    extension.name.eq_ignore_ascii_case(deflate::NAME)
}

fn version(minor: u8) -> Check {
    check(
        "version",
        "RFC 6455 §4.1",
        vec![format!("HTTP/1.{minor}")],
        http::check_version(minor),
    )
}

pub fn field(
    fields: &[HttpHeader<'_>],
    name: &'static str,
    section: &'static str,
    outcome: Result<(), HandshakeError>,
) -> Check {
    check(
        name,
        section,
        grammar::values(fields, name).map(latin1).collect(),
        outcome,
    )
}

pub fn check(
    subject: &'static str,
    section: &'static str,
    found: Vec<String>,
    outcome: Result<(), HandshakeError>,
) -> Check {
    Check {
        subject,
        // the error may be about a rule that another check reports
        section: outcome.err().map_or(section, HandshakeError::section),
        found,
        error: outcome.err(),
    }
}

fn latin1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}
