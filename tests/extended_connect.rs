//! The opening handshake over HTTP/2 (RFC 8441 §5), by the handle and by the handshakes that end in a connection.
#![cfg(not(all(target_arch = "wasm32", target_os = "unknown")))]
#![allow(clippy::unwrap_used, reason = "a wrong test panics")]

use std::time::Duration;

use websocket_component::{
    Bootstrap, BufferType, ClientHandshake, ClientOptions, Error, ErrorCode, Event, Handle, HandshakeError, HttpHeader,
    ServerHandshake, ServerOptions,
};

const VERSION: HttpHeader<'static> = HttpHeader {
    name: "sec-websocket-version",
    value: b"13",
};

fn client() -> Handle<u32> {
    let mut client = Handle::create_client(&[]).unwrap();
    client.set_bootstrap(Bootstrap::ExtendedConnect);
    client
}

fn server() -> Handle<u32> {
    let mut server = Handle::create_server(&[]).unwrap();
    server.set_bootstrap(Bootstrap::ExtendedConnect);
    server
}

fn begun(subprotocols: &[&str], extensions: &[&str]) -> Handle<u32> {
    let mut client = client();
    client.begin_client_handshake(subprotocols, extensions, &[]).unwrap();
    client
}

fn lines(headers: &[HttpHeader<'_>]) -> Vec<String> {
    let line = |header: &HttpHeader<'_>| format!("{}: {}", header.name, String::from_utf8_lossy(header.value));
    headers.iter().map(line).collect()
}

#[test]
fn the_request_has_version_subprotocols_and_extensions_only() {
    let mut bare = client();
    assert_eq!(
        lines(&bare.begin_client_handshake(&[], &[], &[]).unwrap()),
        ["sec-websocket-version: 13"]
    );
    let mut full = client();
    let headers = full
        .begin_client_handshake(&["chat", "mqtt"], &["x-one; a=1"], &[])
        .unwrap();
    assert_eq!(
        lines(&headers),
        [
            "sec-websocket-version: 13",
            "sec-websocket-protocol: chat, mqtt",
            "sec-websocket-extensions: x-one; a=1"
        ]
    );
}

#[test]
fn the_response_has_subprotocol_and_extensions_only() {
    let request = [
        VERSION,
        HttpHeader::new("sec-websocket-protocol", "chat, mqtt"),
        HttpHeader::new("sec-websocket-extensions", "x-one"),
    ];
    let mut server = server();
    let headers = server
        .begin_server_handshake(Some("mqtt"), &["x-one"], &request)
        .unwrap();
    assert_eq!(
        lines(&headers),
        ["sec-websocket-protocol: mqtt", "sec-websocket-extensions: x-one"]
    );
}

#[test]
fn the_names_of_fields_are_in_lower_case() {
    let mut client = client();
    let headers = client.begin_client_handshake(&["chat"], &["x-one"], &[]).unwrap();
    assert!(headers.iter().all(|header| header.name == header.name.to_lowercase()));
}

#[test]
fn a_response_without_fields_accepts() {
    let mut server = server();
    assert_eq!(server.begin_server_handshake(None, &[], &[VERSION]).unwrap(), []);
    let mut client = begun(&[], &[]);
    let negotiated = client.end_client_handshake(&[]).unwrap();
    assert_eq!((negotiated.subprotocol, negotiated.extensions), (None, vec![]));
    client.send(BufferType::Utf8Message, None, 1).unwrap();
    server.send(BufferType::Utf8Message, None, 1).unwrap();
}

#[test]
fn a_key_and_an_accept_are_not_processed() {
    let request = [VERSION, HttpHeader::new("sec-websocket-key", "not a key")];
    server().begin_server_handshake(None, &[], &request).unwrap();
    let response = [HttpHeader::new("sec-websocket-accept", "not an accept")];
    begun(&[], &[]).end_client_handshake(&response).unwrap();
}

#[test]
fn the_request_is_checked_as_over_http_1() {
    let version = |value| HttpHeader::new("sec-websocket-version", value);
    let rows: [(&[HttpHeader<'_>], Option<&str>, HandshakeError); 8] = [
        (&[], None, HandshakeError::VersionMissing),
        (&[version("8")], None, HandshakeError::VersionNotSupported),
        (&[version("x")], None, HandshakeError::VersionMalformed),
        (&[VERSION, VERSION], None, HandshakeError::VersionMalformed),
        (&[VERSION], Some("chat"), HandshakeError::SubprotocolNotOffered),
        (
            &[VERSION, HttpHeader::new("sec-websocket-protocol", "a b")],
            None,
            HandshakeError::ListMalformed,
        ),
        (
            &[VERSION, HttpHeader::new(":path", "/")],
            None,
            HandshakeError::HeaderMalformed,
        ),
        (&[VERSION; 4097], None, HandshakeError::HeadersTooMany),
    ];
    for (request, subprotocol, error) in rows {
        let outcome = server().begin_server_handshake(subprotocol, &[], request).map(drop);
        assert_eq!(outcome, Err(Error::Handshake(error)), "{:?}", request.first());
    }
}

#[test]
fn the_response_is_checked_as_over_http_1() {
    let rows = [
        (vec![], ErrorCode::SubprotocolNotSupported),
        (
            vec![HttpHeader::new("sec-websocket-protocol", "other")],
            ErrorCode::SubprotocolNotSupported,
        ),
        (
            vec![
                HttpHeader::new("sec-websocket-protocol", "chat"),
                HttpHeader::new("sec-websocket-extensions", "x-other"),
            ],
            ErrorCode::ExtensionsNotSupported,
        ),
        (
            vec![HttpHeader::new(":status", "200")],
            ErrorCode::InvalidProtocolFormat,
        ),
    ];
    for (response, code) in rows {
        let error = begun(&["chat"], &["x-one"])
            .end_client_handshake(&response)
            .unwrap_err();
        assert_eq!(error.code(), code, "{:?}", lines(&response));
    }
}

#[test]
fn the_bootstrap_of_a_handshake_that_has_begun_stays() {
    let mut client = Handle::<u32>::create_client(&[]).unwrap();
    client.begin_client_handshake(&[], &[], &[]).unwrap();
    client.set_bootstrap(Bootstrap::ExtendedConnect);
    let error = client.end_client_handshake(&[]).unwrap_err();
    assert_eq!(error, Error::Handshake(HandshakeError::HeadersMissing));
}

fn client_options() -> ClientOptions {
    let mut options = ClientOptions::default();
    options.bootstrap = Bootstrap::ExtendedConnect;
    options
}

fn server_options() -> ServerOptions {
    let mut options = ServerOptions::default();
    options.bootstrap = Bootstrap::ExtendedConnect;
    options
}

#[test]
fn handshakes_over_a_library_of_http_2_end_in_two_connections() {
    let mut options = client_options();
    options.subprotocols = vec!["chat".to_owned()];
    let mut client = ClientHandshake::with_options("example.com", "/", options).unwrap();
    assert_eq!(client.transmit(), b"", "there are no bytes of HTTP/1.1");
    let answer = ServerHandshake::answer(&client.headers(), Some("chat"), server_options()).unwrap();
    assert_eq!(answer.headers, [("sec-websocket-protocol", "chat".to_owned())]);
    let response: Vec<_> = answer
        .headers
        .iter()
        .map(|(name, value)| HttpHeader::new(name, value))
        .collect();
    client.receive_response(200, &response).unwrap();
    let (mut client, mut server) = (client.into_connection().unwrap(), answer.connection);
    assert_eq!(client.subprotocol(), Some("chat"));
    client.send_text("Hello").unwrap();
    server.receive(client.transmit(), Duration::ZERO);
    assert_eq!(server.next_event(), Some(Event::Text("Hello".into())));
}

#[test]
fn every_2xx_accepts_and_no_other_status_does() {
    for (status, accepts) in [
        (200, true),
        (204, true),
        (299, true),
        (101, false),
        (302, false),
        (403, false),
    ] {
        let mut client = ClientHandshake::with_options("example.com", "/", client_options()).unwrap();
        assert_eq!(client.receive_response(status, &[]).is_ok(), accepts, "{status}");
    }
}

#[cfg(feature = "http")]
#[test]
fn the_types_of_the_crate_http_carry_it() {
    let mut client = ClientHandshake::with_options("example.com", "/chat", client_options()).unwrap();
    let request = client.http_request("https://example.com/chat").unwrap();
    assert_eq!(request.method(), "CONNECT");
    assert!(request.headers().get("host").is_none());
    let (response, _) = ServerHandshake::answer_http(&request, None, server_options()).unwrap();
    assert_eq!(response.status(), 200);
    client.receive_http_response(&response).unwrap();
    let get = http::Request::builder().body(()).unwrap();
    let error = ServerHandshake::answer_http(&get, None, server_options()).unwrap_err();
    assert_eq!(error.status(), Some(405));
}
