//! `ClientHandshake` and `ServerHandshake`, up to the connections that they end in.

use std::time::Duration;

use websocket_component::http::HttpHeader;
use websocket_component::{
    ClientHandshake, ClientOptions, Connection, Error, Event, HandshakeError, Misuse, Received, ServerHandshake,
    ServerOptions,
};

const NOW: Duration = Duration::ZERO;

const REQUEST: &str = "GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";

fn asked(more: &str) -> ServerHandshake {
    let mut server = ServerHandshake::new();
    assert_eq!(server.receive(format!("{REQUEST}{more}\r\n").as_bytes(), NOW), Ok(true));
    server
}

fn head(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("it is ASCII")
}

fn exchange(from: &mut Connection, to: &mut Connection) -> Vec<Event<'static>> {
    let mut events = Vec::new();
    while from.wants_write() {
        to.receive(from.transmit(), NOW);
        from.consumed(from.transmit().len());
        while let Some(event) = to.next_owned_event() {
            events.push(event);
        }
    }
    events
}

#[test]
fn a_handshake_ends_in_two_connections_whatever_the_chunks_are() {
    for chunk in [1, 3, 100, usize::MAX] {
        let mut options = ClientOptions::default();
        options.subprotocols = vec!["v2".to_owned(), "v1".to_owned()];
        options.headers = vec![
            ("Origin".to_owned(), "https://example.com".to_owned()),
            ("host".to_owned(), "evil.example".to_owned()),
            ("sec-websocket-key".to_owned(), "mine".to_owned()),
        ];
        let mut client = ClientHandshake::with_options("example.com:8080", "/chat?a=b", options).unwrap();
        let mut server = ServerHandshake::new();
        while !client.transmit().is_empty() {
            let count = client.transmit().len().min(chunk);
            let is_last = client.transmit().len() == count;
            assert_eq!(server.receive(&client.transmit()[..count], NOW), Ok(is_last));
            client.consumed(count);
        }
        let request = server.request().unwrap();
        assert_eq!((request.method, request.target), ("GET", "/chat?a=b"));
        let values = |name: &str| -> Vec<_> {
            let named = request
                .headers
                .iter()
                .filter(|field| field.name.eq_ignore_ascii_case(name));
            named.map(|field| head(field.value)).collect()
        };
        assert_eq!(values("Host"), ["example.com:8080"]);
        assert_eq!(values("Origin"), ["https://example.com"]);
        assert_eq!(values("Sec-WebSocket-Key").len(), 1);

        server
            .accept(Some("v1"), &[HttpHeader::new("Set-Cookie", "a=1")])
            .unwrap();
        let mut accepted = server.into_connection().unwrap();
        accepted.send_text("at once").unwrap();
        let mut is_done = false;
        while accepted.wants_write() {
            let count = accepted.transmit().len().min(chunk);
            is_done = client.receive(&accepted.transmit()[..count], NOW).unwrap();
            accepted.consumed(count);
        }
        assert!(is_done);
        assert_eq!(client.subprotocol(), Some("v1"));
        let response = client.response().unwrap();
        assert!(response.headers.contains(&HttpHeader::new("Set-Cookie", "a=1")));
        let mut connected = client.into_connection().unwrap();
        assert_eq!(
            connected.next_event(),
            Some(Event::Text("at once".into())),
            "came behind the response"
        );
        assert_eq!(connected.next_event(), None);
    }
}

#[test]
fn a_request_that_is_not_for_a_websocket_gets_the_response_that_http_asks_for() {
    let without = |field: &str| {
        let lines = REQUEST.split_inclusive("\r\n").filter(|line| !line.starts_with(field));
        format!("{}\r\n", lines.collect::<String>())
    };
    let with = |from: &str, to: &str| format!("{}\r\n", REQUEST.replace(from, to));
    let cases: [(String, HandshakeError, &str, &[&str]); 11] = [
        (
            with("GET", "POST"),
            HandshakeError::MethodNotGet,
            "405 Method Not Allowed",
            &["Allow: GET"],
        ),
        (
            with("/1.1", "/1.0"),
            HandshakeError::HttpVersionTooLow,
            "505 HTTP Version Not Supported",
            &[],
        ),
        (without("Host"), HandshakeError::HostMissing, "400 Bad Request", &[]),
        (
            without("Upgrade"),
            HandshakeError::UpgradeMissing,
            "426 Upgrade Required",
            &["Upgrade: websocket"],
        ),
        (
            without("Connection"),
            HandshakeError::ConnectionMissing,
            "426 Upgrade Required",
            &[],
        ),
        (
            without("Sec-WebSocket-Key"),
            HandshakeError::KeyMissing,
            "400 Bad Request",
            &[],
        ),
        (
            with("Version: 13", "Version: 12"),
            HandshakeError::VersionNotSupported,
            "426 Upgrade Required",
            &["Sec-WebSocket-Version: 13"],
        ),
        (
            with("/chat", "*"),
            HandshakeError::TargetMalformed,
            "400 Bad Request",
            &[],
        ),
        (
            with("/chat", "chat"),
            HandshakeError::TargetMalformed,
            "400 Bad Request",
            &[],
        ),
        (
            "GET / HTTP/1.1\n\n".to_owned(),
            HandshakeError::HeadMalformed,
            "400 Bad Request",
            &[],
        ),
        (
            format!("{REQUEST}X: {}", "x".repeat(20_000)),
            HandshakeError::HeadTooLarge,
            "431 Request Header Fields Too Large",
            &[],
        ),
    ];
    for (request, error, status, fields) in cases {
        let mut server = ServerHandshake::new();
        assert_eq!(server.receive(request.as_bytes(), NOW), Err(error.into()), "{status}");
        let response = head(server.transmit());
        assert!(response.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{response}");
        assert!(
            response.contains("close\r\n") && response.contains("Content-Length: 0\r\n"),
            "{response}"
        );
        for field in fields {
            assert!(response.contains(&format!("{field}\r\n")), "{response}");
        }
        assert_eq!(server.receive(b"more", NOW), Err(error.into()), "the error comes back");
        assert_eq!(server.accept(None, &[]), Err(Misuse::HandshakeAlreadyEnded.into()));
        assert_eq!(server.into_connection().err(), Some(error.into()));
    }
}

#[test]
fn a_server_may_refuse_and_the_client_sees_the_response() {
    let mut server = asked("");
    server
        .refuse(401, &[HttpHeader::new("WWW-Authenticate", "Basic")])
        .unwrap();
    let mut client = ClientHandshake::new("example.com", "/").unwrap();
    let error = client.receive(server.transmit(), NOW).unwrap_err();
    assert_eq!(error, HandshakeError::StatusNot101.into());
    let response = client.response().unwrap();
    assert_eq!((response.status, response.reason), (401, "Unauthorized"));
    assert!(response.headers.contains(&HttpHeader::new("WWW-Authenticate", "Basic")));
    assert_eq!(client.into_connection().err(), Some(error));
    assert!(server.into_connection().is_err());
}

#[test]
fn an_answer_that_cannot_be_leaves_the_request_waiting() {
    let mut server = asked("Sec-WebSocket-Protocol: chat\r\n");
    assert_eq!(
        server.accept(Some("other"), &[]),
        Err(HandshakeError::SubprotocolNotOffered.into())
    );
    let smuggled = [HttpHeader::new("X", "a\r\nB: c")];
    assert_eq!(server.accept(None, &smuggled), Err(Misuse::HeaderInvalid.into()));
    for status in [0, 99, 100, 101, 103, 199, 1000] {
        assert_eq!(
            server.refuse(status, &[]),
            Err(Misuse::StatusLineInvalid.into()),
            "{status}"
        );
    }
    assert_eq!(server.transmit(), b"");
    assert_eq!(server.accept(Some("chat"), &[]), Ok(()));
    assert!(head(server.transmit()).contains("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
}

#[test]
fn an_answer_has_the_fields_of_the_handshake_once_and_announces_no_body() {
    let names = [
        "connection",
        "UPGRADE",
        "Sec-WebSocket-Accept",
        "sec-websocket-protocol",
        "Sec-WebSocket-Extensions",
        "Content-Length",
        "Transfer-Encoding",
        "X",
    ];
    let fields = names.map(|name| HttpHeader::new(name, "mine"));
    let sent = |server: &ServerHandshake| {
        let response = head(server.transmit());
        let fields = response.lines().skip(1).filter(|line| !line.is_empty());
        fields.map(str::to_owned).collect::<Vec<_>>()
    };
    let mut server = asked("Sec-WebSocket-Protocol: chat\r\n");
    server.accept(None, &fields).unwrap();
    let accept = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
    assert_eq!(
        sent(&server),
        ["Upgrade: websocket", "Connection: Upgrade", accept, "X: mine"]
    );

    let mut server = asked("");
    server.refuse(403, &fields[5..]).unwrap();
    assert_eq!(sent(&server), ["Connection: close", "Content-Length: 0", "X: mine"]);
    let mut server = asked("");
    server.refuse(204, &fields[5..]).unwrap();
    assert_eq!(sent(&server), ["Connection: close", "X: mine"]);
    let mut server = asked("");
    server.refuse(403, &fields[..1]).unwrap();
    assert_eq!(sent(&server), ["Content-Length: 0", "connection: mine"]);
}

#[test]
fn what_comes_behind_the_request_belongs_to_the_connection() {
    let mut server = ServerHandshake::new();
    let bytes = [REQUEST.as_bytes(), b"\r\n\x81\x81\0\0\0\0"].concat();
    assert_eq!(server.receive(&bytes, NOW), Ok(true));
    assert_eq!(server.receive(b"a", NOW), Ok(true));
    server.accept(None, &[]).unwrap();
    let mut connection = server.into_connection().unwrap();
    assert_eq!(connection.next_event(), Some(Event::Text("a".into())));
}

#[test]
fn a_handshake_may_end_in_a_session_which_checks_text() {
    let mut server = asked("");
    server.accept(None, &[]).unwrap();
    let mut client = ClientHandshake::new("example.com", "/").unwrap();
    client.receive(&answer_to(&client, "", b"\x81\x01\xFF"), NOW).unwrap();
    let (mut session, mut unread) = client.into_session().unwrap();
    assert!(session.receive(&mut unread).is_err());

    let response = server.transmit().len();
    assert!(matches!(
        asked("").into_session(),
        Err(Error::Misuse(Misuse::HandshakeNotEnded))
    ));
    server.consumed(response);
    let (mut session, _) = server.into_session().unwrap();
    let step = session.receive(&mut b"\x81\x81\0\0\0\0a".to_vec()).unwrap();
    assert!(matches!(step.received, Received::Data { .. }));
}

/// RFC 9110 §15; RFC 6585 §5.
#[test]
fn a_refusal_has_the_reason_phrase_of_its_status() {
    let reasons = [
        (400, "Bad Request"),
        (401, "Unauthorized"),
        (403, "Forbidden"),
        (404, "Not Found"),
        (405, "Method Not Allowed"),
        (408, "Request Timeout"),
        (426, "Upgrade Required"),
        (431, "Request Header Fields Too Large"),
        (502, "Bad Gateway"),
        (503, "Service Unavailable"),
        (505, "HTTP Version Not Supported"),
        (599, ""),
    ];
    for (status, reason) in reasons {
        let mut server = asked("");
        server.refuse(status, &[]).unwrap();
        let response = head(server.transmit());
        assert!(
            response.starts_with(&format!("HTTP/1.1 {status} {reason}\r\n")),
            "{response}"
        );
    }
}

/// A server's response to this client's request, and bytes behind it.
fn answer_to(client: &ClientHandshake, more: &str, behind: &[u8]) -> Vec<u8> {
    let headers = client.headers();
    let key = headers.iter().find(|field| field.name == "Sec-WebSocket-Key");
    let key = key.expect("it has one");
    let accept = websocket_component::handshake::accept(key.value);
    let response = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n{more}\r\n"
    );
    [response.as_bytes(), behind].concat()
}

#[test]
fn interim_responses_are_passed_over_whatever_the_chunks_are() {
    for chunk in [1, 7, usize::MAX] {
        let mut client = ClientHandshake::new("example.com", "/").unwrap();
        let interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
        let stream = [&interim[..], &answer_to(&client, "", b"\x81\x02hi")].concat();
        for piece in stream.chunks(chunk.min(stream.len())) {
            client.receive(piece, NOW).unwrap();
        }
        assert_eq!(client.response().unwrap().status, 101);
        let mut connection = client.into_connection().unwrap();
        assert_eq!(connection.next_event(), Some(Event::Text("hi".into())));
    }
}

#[test]
fn interim_responses_without_end_fail_after_16_kib() {
    for interim in [
        "HTTP/1.1 100 \r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n",
    ] {
        for chunk in [1, 1000, 1 << 20] {
            let mut client = ClientHandshake::new("example.com", "/").unwrap();
            let flood = interim.repeat((1 << 20) / interim.len());
            let mut taken = 0;
            let failure = flood.as_bytes().chunks(chunk).find_map(|piece| {
                taken += piece.len();
                client.receive(piece, NOW).err()
            });
            assert_eq!(failure, Some(HandshakeError::HeadTooLarge.into()));
            assert!(taken <= 16 * 1024 + chunk, "{taken} bytes in pieces of {chunk}");
        }
    }
}

#[test]
fn a_response_that_selects_what_was_not_offered_fails() {
    for (more, error) in [
        (
            "Sec-WebSocket-Protocol: chat\r\n",
            HandshakeError::SubprotocolNotOffered,
        ),
        (
            "Sec-WebSocket-Extensions: permessage-deflate\r\n",
            HandshakeError::ExtensionNotOffered,
        ),
    ] {
        let mut client = ClientHandshake::new("example.com", "/").unwrap();
        let response = answer_to(&client, more, b"");
        assert_eq!(client.receive(&response, NOW), Err(error.into()));
        assert_eq!(client.receive(b"x", NOW), Err(error.into()), "the error comes back");
    }
    let mut options = ClientOptions::default();
    options.subprotocols = vec!["chat".to_owned()];
    let mut strict = ClientHandshake::with_options("example.com", "/", options.clone()).unwrap();
    let response = answer_to(&strict, "", b"");
    assert_eq!(
        strict.receive(&response, NOW),
        Err(HandshakeError::SubprotocolMissing.into())
    );
    options.optional_subprotocol = true;
    let mut lenient = ClientHandshake::with_options("example.com", "/", options).unwrap();
    let response = answer_to(&lenient, "", b"");
    assert_eq!(lenient.receive(&response, NOW), Ok(true));
    assert_eq!(lenient.subprotocol(), None);
}

#[test]
fn a_request_that_cannot_be_is_not_made() {
    let invalid = |host: &str, target: &str| ClientHandshake::new(host, target).err();
    for host in ["", "a b", "a\r\nX: y", "a/b"] {
        assert_eq!(invalid(host, "/"), Some(Misuse::HeaderInvalid.into()), "{host:?}");
    }
    for target in ["", "*", "chat", "/a#b", "/a b", "/\r\nX: y", "http:///", "?a"] {
        assert_eq!(
            invalid("example.com", target),
            Some(Misuse::TargetInvalid.into()),
            "{target:?}"
        );
    }
    let text = |error: Option<Error>| error.map(|error| error.to_string()).unwrap_or_default();
    assert!(text(invalid("ws://example.com", "/")).contains("host:port, without a scheme"));
    assert!(text(invalid("example.com", "chat")).contains("does not begin with / or a scheme"));
    for target in ["/", "/a?b=%20", "http://example.com/chat", "//a"] {
        assert_eq!(invalid("[::1]:80", target), None, "{target:?}");
    }
    let mut options = ClientOptions::default();
    options.headers = vec![("X".to_owned(), "a\r\nB: c".to_owned())];
    let client = ClientHandshake::with_options("example.com", "/", options);
    assert_eq!(client.err(), Some(Misuse::HeaderInvalid.into()));
}

#[test]
fn a_handshake_that_takes_too_long_fails() {
    let second = Duration::from_secs(1);
    let mut client = ClientHandshake::new("example.com", "/").unwrap();
    assert_eq!(
        client.poll_timeout(),
        Some(Duration::ZERO),
        "at once: it does not know the time"
    );
    assert_eq!(client.handle_timeout(100 * second), Ok(()));
    assert_eq!(client.poll_timeout(), Some(130 * second));
    assert_eq!(client.receive(b"HTTP/1.1 101", 129 * second), Ok(false));
    assert_eq!(client.handle_timeout(130 * second), Err(Error::HandshakeTimeout));
    assert_eq!(client.receive(b" ", 130 * second), Err(Error::HandshakeTimeout));

    let mut server = ServerHandshake::new();
    assert_eq!(server.receive(b"GET", 100 * second), Ok(false));
    assert_eq!(server.poll_timeout(), Some(130 * second));
    assert_eq!(server.handle_timeout(130 * second), Err(Error::HandshakeTimeout));
    assert!(server.transmit().starts_with(b"HTTP/1.1 408 Request Timeout\r\n"));
    assert_eq!(Error::HandshakeTimeout.status(), Some(408));
    assert_eq!(server.poll_timeout(), None);

    let mut server = asked("");
    assert_eq!(
        server.handle_timeout(1000 * second),
        Ok(()),
        "the request is there; the answer is the caller's"
    );
}

#[cfg(feature = "deflate")]
#[test]
fn compression_that_was_agreed_on_is_used_both_ways_and_limits_hold() {
    use websocket_component::deflate::DeflateOptions;
    use websocket_component::{CloseStatus, DeflateSettings, Failure, Violation};

    let long = "compressible ".repeat(10_000);
    for chunk in [1, usize::MAX] {
        let deflate = Some((DeflateOptions::default(), DeflateSettings::default()));
        let (mut client_options, mut server_options) = (ClientOptions::default(), ServerOptions::default());
        (client_options.deflate, server_options.deflate) = (deflate, deflate);
        server_options.connection.limits.max_message_size = 200_000;
        let mut client = ClientHandshake::with_options("example.com", "/", client_options).unwrap();
        let mut server = ServerHandshake::with_options(server_options);
        server.receive(client.transmit(), NOW).unwrap();
        server.accept(None, &[]).unwrap();
        client.receive(server.transmit(), NOW).unwrap();
        server.consumed(server.transmit().len());
        let (mut client, mut server) = (client.into_connection().unwrap(), server.into_connection().unwrap());

        for (from, to) in [(&mut client, &mut server)] {
            from.send_text(&long).unwrap();
            from.send_text_part(&long[..5000], false).unwrap();
            from.send_text_part(&long[5000..], true).unwrap();
            from.send_binary(long.as_bytes().to_vec()).unwrap();
            assert!(from.buffered() < 10_000, "it is compressed: {}", from.buffered());
            let mut events = Vec::new();
            while from.wants_write() {
                let count = from.transmit().len().min(chunk);
                to.receive(&from.transmit()[..count], NOW);
                from.consumed(count);
                while let Some(event) = to.next_owned_event() {
                    events.push(event);
                }
            }
            let whole = Event::Text(long.as_str().into());
            assert!(events == [whole.clone(), whole, Event::Binary(long.as_bytes().into())]);
        }
        server.send_text(&long).unwrap();
        assert!(exchange(&mut server, &mut client) == [Event::Text(long.as_str().into())]);

        client.send_binary(vec![0; 200_001]).unwrap();
        assert_eq!(
            exchange(&mut client, &mut server),
            [Event::Failed(Failure::Violation(Violation::MessageTooBig))]
        );
        assert!(matches!(
            exchange(&mut server, &mut client)[..],
            [Event::Closed {
                status: CloseStatus::MESSAGE_TOO_BIG,
                ..
            }]
        ));
    }
}

#[test]
fn an_http_library_may_do_the_http() {
    let mut client = ClientHandshake::new("example.com", "/").unwrap();
    let mut request = client.headers();
    request.push(HttpHeader::new("host", "example.com"));
    let answer = ServerHandshake::answer(&request, None, ServerOptions::default()).unwrap();
    let mut server = answer.connection;
    let response: Vec<_> = answer
        .headers
        .iter()
        .map(|(name, value)| HttpHeader::new(name, value))
        .collect();
    client.receive_response(101, &response).unwrap();
    let mut client = client.into_connection().unwrap();
    server.send_text("Hello").unwrap();
    assert_eq!(exchange(&mut server, &mut client), [Event::Text("Hello".into())]);
    assert!(!client.wants_write(), "the library has sent the request");

    let mut client = ClientHandshake::new("example.com", "/").unwrap();
    assert_eq!(
        client.receive_response(403, &[]),
        Err(HandshakeError::StatusNot101.into())
    );
    let refused = ServerHandshake::answer(&[HttpHeader::new("host", "a")], None, ServerOptions::default());
    assert_eq!(refused.err().and_then(Error::status), Some(426));
}

#[cfg(feature = "http")]
#[test]
fn heads_go_to_the_crate_http_and_back() {
    use websocket_component::http::{RequestHead, ResponseHead};

    let bytes = format!("{REQUEST}X: a\r\nX: b\r\n\r\n");
    let head = RequestHead::parse(bytes.as_bytes()).unwrap().unwrap();
    let request = http::Request::<()>::try_from(&head).unwrap();
    assert_eq!(request.uri(), "/chat");
    assert_eq!(request.headers().get_all("x").iter().count(), 2);
    let back = RequestHead::from(&request);
    assert_eq!((back.method, back.target, back.version), ("GET", "/chat", 1));
    assert_eq!(back.headers.len(), head.headers.len());
    assert_eq!(back.check(), Ok(()));

    let (response, mut server) = ServerHandshake::answer_http(&request, None, ServerOptions::default()).unwrap();
    assert_eq!(
        response.headers()["sec-websocket-accept"],
        "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    );
    assert_eq!(ResponseHead::from(&response).check(), Ok(()));
    assert!(!server.wants_write() && server.next_event().is_none());

    let mut options = ClientOptions::default();
    options.headers = [("Origin", "https://example.com"), ("sec-websocket-key", "mine")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    let mut client = ClientHandshake::with_options("example.com:8080", "/chat", options).unwrap();
    let mut request = client.http_request("http://example.com:8080/chat").unwrap();
    assert_eq!(RequestHead::from(&request).target, "/chat");
    assert_eq!(request.headers()["host"], "example.com:8080");
    assert_eq!(request.headers()["origin"], "https://example.com");
    let (response, _) = ServerHandshake::answer_http(&request, None, ServerOptions::default()).unwrap();
    client.receive_http_response(&response).unwrap();
    assert!(client.into_connection().unwrap().is_open());

    // RFC 6455 §4.1: "HTTP/1.1 or higher"
    use http::Version;
    let versions = [
        (Version::HTTP_09, 0),
        (Version::HTTP_10, 0),
        (Version::HTTP_11, 1),
        (Version::HTTP_2, 1),
        (Version::HTTP_3, 1),
    ];
    for (version, minor) in versions {
        *request.version_mut() = version;
        assert_eq!(RequestHead::from(&request).version, minor, "{version:?}");
    }
    *request.version_mut() = Version::HTTP_11;

    *request.method_mut() = http::Method::POST;
    let error = ServerHandshake::answer_http(&request, None, ServerOptions::default())
        .err()
        .unwrap();
    let response = http::Response::from(error);
    assert_eq!(
        (response.status().as_u16(), &response.headers()["allow"]),
        (405, &http::HeaderValue::from_static("GET"))
    );
}

#[cfg(feature = "http")]
#[test]
fn an_upgrade_is_accepted_over_http_1_1_alone() {
    use http::Version;
    use websocket_component::http::RequestHead;

    let bytes = format!("{REQUEST}\r\n");
    let head = RequestHead::parse(bytes.as_bytes()).unwrap().unwrap();
    let mut request = http::Request::<()>::try_from(&head).unwrap();
    let versions = [
        (Version::HTTP_10, Some(505)),
        (Version::HTTP_11, None),
        (Version::HTTP_2, Some(400)),
        (Version::HTTP_3, Some(400)),
    ];
    for (version, status) in versions {
        *request.version_mut() = version;
        let refused = ServerHandshake::answer_http(&request, None, ServerOptions::default()).err();
        assert_eq!(refused.and_then(Error::status), status, "{version:?}");
    }
}

#[cfg(feature = "std")]
mod blocking {
    use super::*;

    /// A blocking stream: what comes, seven bytes at a time, and what was written.
    struct Blocking<'a>(&'a [u8], Vec<u8>);

    impl std::io::Read for Blocking<'_> {
        fn read(&mut self, room: &mut [u8]) -> std::io::Result<usize> {
            let most = room.len().min(7);
            self.0.read(&mut room[..most])
        }
    }

    impl std::io::Write for Blocking<'_> {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.1.write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn over_a_blocking_stream_a_server_decides_about_the_request() {
        let request = format!("{REQUEST}Sec-WebSocket-Protocol: soap, chat\r\n\r\n");
        let complete = |decision: Result<Option<&str>, u16>| {
            let mut stream = Blocking(request.as_bytes(), Vec::new());
            let result = ServerHandshake::new().complete_with(&mut stream, |request| {
                assert_eq!(request.target, "/chat");
                decision.map(|subprotocol| subprotocol.map(str::to_owned))
            });
            let subprotocol = result.map(|connection| connection.subprotocol().map(str::to_owned));
            (subprotocol.map_err(|error| error.kind()), head(&stream.1))
        };
        let (subprotocol, response) = complete(Ok(Some("chat")));
        assert_eq!(subprotocol, Ok(Some("chat".to_owned())));
        assert!(response.contains("Sec-WebSocket-Protocol: chat\r\n"), "{response}");
        assert_eq!(complete(Ok(None)).0, Ok(None));
        let (refused, response) = complete(Err(403));
        assert_eq!(refused, Err(std::io::ErrorKind::PermissionDenied));
        assert!(response.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{response}");
        for (impossible, kind) in [
            (Ok(Some("other")), std::io::ErrorKind::InvalidData),
            (Err(1000), std::io::ErrorKind::InvalidInput),
        ] {
            assert_eq!(complete(impossible), (Err(kind), String::new()));
        }
    }
}

#[test]
fn both_connections_know_the_subprotocol() {
    let mut options = ClientOptions::default();
    options.subprotocols = vec!["soap".to_owned(), "chat".to_owned()];
    let mut client = ClientHandshake::with_options("localhost", "/chat", options).unwrap();
    let mut server = ServerHandshake::new();
    server.receive(client.transmit(), Duration::ZERO).unwrap();
    server.accept(Some("chat"), &[]).unwrap();
    client.receive(server.transmit(), Duration::ZERO).unwrap();
    let connections = [client.into_connection().unwrap(), server.into_connection().unwrap()];
    assert_eq!(connections.each_ref().map(Connection::subprotocol), [Some("chat"); 2]);
}
