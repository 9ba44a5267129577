//! Both sides of the opening handshake: RFC 6455 §4, and the component API's §4.
#![cfg(not(all(target_arch = "wasm32", target_os = "unknown")))]
#![allow(clippy::unwrap_used, reason = "a wrong test panics")]

#[path = "support/replay.rs"]
mod replay;
mod support;

use proptest::prelude::*;
use support::{FixedRandom, server_request};
use websocket_component::handshake::{accept, offered_subprotocols, supported_versions_header};
use websocket_component::http::{RequestHead, ResponseHead, extensions, write_request, write_response};
use websocket_component::{ErrorCode, Handle, HandshakeError, HttpHeader, Misuse, Role};

const RFC_KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const RFC_ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

type Fields<'a> = Vec<HttpHeader<'a>>;
type Change = fn(&mut Fields<'static>);

fn set(fields: &mut Fields<'static>, name: &'static str, value: &'static str) {
    remove(fields, name);
    add(fields, name, value);
}

fn add(fields: &mut Fields<'static>, name: &'static str, value: &'static str) {
    fields.push(HttpHeader::new(name, value));
}

fn remove(fields: &mut Fields<'static>, name: &str) {
    fields.retain(|field| !field.name.eq_ignore_ascii_case(name));
}

fn begin_server(
    subprotocol: Option<&str>,
    extensions: &[&str],
    request: &Fields<'_>,
) -> Result<Vec<String>, ErrorCode> {
    let mut server = Handle::<u32>::create_server(&[]).unwrap();
    let headers = server
        .begin_server_handshake(subprotocol, extensions, request)
        .map_err(|error| error.code())?;
    let line = |header: &HttpHeader<'_>| format!("{}: {}", header.name, String::from_utf8_lossy(header.value));
    Ok(headers.iter().map(line).collect())
}

/// A client that offers these, whose key is that of RFC 6455 §1.3.
fn begun_client(subprotocols: &[&str], extensions: &[&str]) -> Handle<u32> {
    struct RfcNonce;
    impl websocket_component::RandomSource for RfcNonce {
        fn fill(&mut self, bytes: &mut [u8]) -> Result<(), websocket_component::RandomUnavailable> {
            bytes.copy_from_slice(b"the sample nonce");
            Ok(())
        }
    }
    let mut client = Handle::create(Role::Client, [], Box::new(RfcNonce)).unwrap();
    client.begin_client_handshake(subprotocols, extensions, &[]).unwrap();
    client
}

fn good_response() -> Fields<'static> {
    vec![
        HttpHeader::new("Upgrade", "websocket"),
        HttpHeader::new("Connection", "Upgrade"),
        HttpHeader::new("Sec-WebSocket-Accept", RFC_ACCEPT),
    ]
}

#[test]
fn the_accept_is_that_of_the_specifications() {
    assert_eq!(accept(RFC_KEY.as_bytes()), RFC_ACCEPT); // RFC 6455 §1.3
    assert_eq!(accept(b"AAAAAAAAAAAAAAAAAAAAAA=="), "ICX+Yqv66kxgM0FcWaLWlFLwTAI="); // component API, Appendix C
}

#[test]
fn a_client_asks_with_the_fields_of_section_4_1() {
    let mut client = Handle::<u32>::create(Role::Client, [], Box::new(FixedRandom(*b"abcd"))).unwrap();
    let request = client
        .begin_client_handshake(&["chat", "v2"], &["a; b=1", "c"], &[])
        .unwrap();
    let lines: Vec<String> = request
        .iter()
        .map(|field| format!("{}: {}", field.name, String::from_utf8_lossy(field.value)))
        .collect();
    assert_eq!(
        lines,
        [
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Key: YWJjZGFiY2RhYmNkYWJjZA==",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Protocol: chat, v2",
            "Sec-WebSocket-Extensions: a; b=1, c",
        ]
    );
    let mut plain = Handle::<u32>::create_client(&[]).unwrap();
    assert_eq!(
        plain.begin_client_handshake(&[], &[], &[]).unwrap().len(),
        4,
        "nothing offered, no field for it"
    );
}

#[test]
fn two_clients_have_two_keys() {
    let key = || {
        let mut client = Handle::<u32>::create_client(&[]).unwrap();
        let request = client.begin_client_handshake(&[], &[], &[]).unwrap();
        request
            .iter()
            .find(|field| field.name == "Sec-WebSocket-Key")
            .unwrap()
            .value
            .to_vec()
    };
    assert_ne!(key(), key());
    assert_eq!(key().len(), 24);
}

#[test]
fn what_a_client_cannot_offer_is_a_misuse() {
    let offers: &[(&[&str], &[&str], Misuse)] = &[
        (&["a b"], &[], Misuse::SubprotocolMalformed),
        (&[""], &[], Misuse::SubprotocolMalformed),
        (&["a\r\nX: y"], &[], Misuse::SubprotocolMalformed),
        (&["a", "a"], &[], Misuse::SubprotocolRepeated),
        (&[], &["a b"], Misuse::ExtensionMalformed),
        (&[], &["a, b"], Misuse::ExtensionMalformed),
        (&[], &["a\r\nX: y"], Misuse::ExtensionMalformed),
    ];
    for (subprotocols, extensions, misuse) in offers {
        let mut client = Handle::<u32>::create_client(&[]).unwrap();
        assert_eq!(
            client.begin_client_handshake(subprotocols, extensions, &[]),
            Err((*misuse).into())
        );
    }
    let mut client = Handle::<u32>::create_client(&[]).unwrap();
    let evil = [HttpHeader::new("X", "a\nb")];
    assert_eq!(
        client.begin_client_handshake(&[], &[], &evil),
        Err(Misuse::HeaderInvalid.into())
    );
}

/// Component API §4.2, RFC 6455 §4.1 "the client MUST validate the server's response".
#[test]
fn a_client_checks_the_response() {
    use HandshakeError::*;
    type Selected = (Option<usize>, Vec<usize>);
    let cases: &[(Change, Result<Selected, HandshakeError>)] = &[
        (|_| {}, Err(SubprotocolMissing)),
        (|f| add(f, "Sec-WebSocket-Protocol", " v2 "), Ok((Some(1), vec![]))),
        (|f| add(f, "sec-websocket-protocol", "V2"), Err(SubprotocolNotOffered)),
        (
            |f| add(f, "Sec-WebSocket-Protocol", "chat, v2"),
            Err(SubprotocolMalformed),
        ),
        (|f| add(f, "Sec-WebSocket-Protocol", ""), Err(SubprotocolMalformed)),
        (
            |f| {
                add(f, "Sec-WebSocket-Protocol", "chat");
                add(f, "Sec-WebSocket-Protocol", "chat");
            },
            Err(SubprotocolMalformed),
        ),
        (|f| f.clear(), Err(HeadersMissing)),
        (|f| remove(f, "Upgrade"), Err(UpgradeMissing)),
        (|f| set(f, "Upgrade", "h2c"), Err(UpgradeMissing)),
        (|f| set(f, "Upgrade", "websocket, h2c"), Err(UpgradeMissing)),
        (|f| add(f, "Upgrade", "websocket"), Err(UpgradeMissing)),
        (|f| set(f, "Upgrade", " WebSocket\t"), Err(SubprotocolMissing)),
        (|f| remove(f, "Connection"), Err(ConnectionMissing)),
        (|f| set(f, "Connection", "keep-alive"), Err(ConnectionMissing)),
        (|f| remove(f, "Sec-WebSocket-Accept"), Err(AcceptMissing)),
        (|f| add(f, "Sec-WebSocket-Accept", RFC_ACCEPT), Err(AcceptRepeated)),
        (
            |f| set(f, "Sec-WebSocket-Accept", "S3PPLMBITXAQ9KYGZZHZRBK+XOO="),
            Err(AcceptWrong),
        ),
        (|f| set(f, "Sec-WebSocket-Accept", ""), Err(AcceptWrong)),
        (|f| add(f, "X", "a\u{0}"), Err(HeaderMalformed)),
        (|f| add(f, "X Y", "a"), Err(HeaderMalformed)),
        (|f| add(f, "", "a"), Err(HeaderMalformed)),
        (|f| add(f, "Sec-WebSocket-Extensions", "z"), Err(ExtensionNotOffered)),
        (|f| add(f, "Sec-WebSocket-Extensions", "x;"), Err(ListMalformed)),
        (|f| add(f, "Sec-WebSocket-Extensions", "x, X"), Err(ExtensionRepeated)),
        (|f| f.extend([HttpHeader::new("X", "a"); 4100]), Err(HeadersTooMany)),
        (
            |f| {
                add(f, "Sec-WebSocket-Protocol", "chat");
                add(f, "Sec-WebSocket-Extensions", "y; a=1");
                add(f, "SEC-WEBSOCKET-EXTENSIONS", ", X;b");
            },
            Ok((Some(0), vec![1, 0])),
        ),
    ];
    for (index, (change, expected)) in cases.iter().enumerate() {
        let mut response = good_response();
        change(&mut response);
        let mut client = begun_client(&["chat", "v2"], &["x", "y; a=2"]);
        let negotiated = client.end_client_handshake(&response);
        let actual = negotiated.map(|negotiated| (negotiated.subprotocol, negotiated.extensions));
        assert_eq!(actual, expected.clone().map_err(Into::into), "case {index}");
    }
}

#[test]
fn a_failed_response_leaves_the_client_waiting_for_a_good_one() {
    let mut client = begun_client(&[], &[]);
    assert!(
        client
            .end_client_handshake(&[HttpHeader::new("Upgrade", "websocket")])
            .is_err()
    );
    assert!(client.end_client_handshake(&good_response()).is_ok());
}

#[test]
fn a_client_may_accept_a_server_that_selects_no_subprotocol() {
    let mut client = begun_client(&["chat"], &[]);
    let negotiated = client
        .end_client_handshake_with_optional_subprotocol(&good_response())
        .unwrap();
    assert_eq!(negotiated.subprotocol, None);
}

/// Component API §4.3, RFC 6455 §4.2.1.
#[test]
fn a_server_checks_the_request() {
    use HandshakeError::*;
    let cases: &[(Change, Option<HandshakeError>)] = &[
        (|_| {}, None),
        (|f| set(f, "Host", ""), None),
        (|f| remove(f, "Host"), None),
        (|f| set(f, "uPgRaDe", "h2c, WebSocket"), None),
        (|f| set(f, "CONNECTION", "keep-alive,\tUPGRADE ,"), None),
        (
            |f| {
                set(f, "Connection", "keep-alive");
                add(f, "connection", "Upgrade");
            },
            None,
        ),
        (|f| f.clear(), Some(HeadersMissing)),
        (|f| remove(f, "Upgrade"), Some(UpgradeMissing)),
        (|f| set(f, "Upgrade", "websockets"), Some(UpgradeMissing)),
        (|f| remove(f, "Connection"), Some(ConnectionMissing)),
        (|f| remove(f, "Sec-WebSocket-Version"), Some(VersionMissing)),
        (|f| add(f, "Sec-WebSocket-Version", "13"), Some(VersionMalformed)),
        (|f| set(f, "Sec-WebSocket-Version", "thirteen"), Some(VersionMalformed)),
        (|f| set(f, "Sec-WebSocket-Version", "+13"), Some(VersionMalformed)),
        (|f| set(f, "Sec-WebSocket-Version", "013"), Some(VersionMalformed)),
        (|f| set(f, "Sec-WebSocket-Version", "256"), Some(VersionMalformed)),
        (|f| set(f, "Sec-WebSocket-Version", ""), Some(VersionMalformed)),
        (|f| set(f, "Sec-WebSocket-Version", "8"), Some(VersionNotSupported)),
        (|f| remove(f, "Sec-WebSocket-Key"), Some(KeyMissing)),
        (|f| add(f, "Sec-WebSocket-Key", RFC_KEY), Some(KeyRepeated)),
        (|f| set(f, "Sec-WebSocket-Key", "c2hvcnQ="), Some(KeyMalformed)),
        (
            |f| set(f, "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ"),
            Some(KeyMalformed),
        ),
        (
            |f| set(f, "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZR=="),
            Some(KeyMalformed),
        ),
        (|f| set(f, "Sec-WebSocket-Key", ""), Some(KeyMalformed)),
        (|f| add(f, "Sec-WebSocket-Protocol", "a b"), Some(ListMalformed)),
        (|f| add(f, "Sec-WebSocket-Extensions", "a; b=\"c"), Some(ListMalformed)),
        (|f| add(f, "constructor", "__proto__"), None),
        (|f| add(f, "X", "a\rb"), Some(HeaderMalformed)),
    ];
    for (index, (change, expected)) in cases.iter().enumerate() {
        let mut request = server_request(RFC_KEY);
        change(&mut request);
        let mut server = Handle::<u32>::create_server(&[]).unwrap();
        let error = server.begin_server_handshake(None, &[], &request).err();
        assert_eq!(error, expected.map(Into::into), "case {index}");
    }
}

/// RFC 4648 §4, as RFC 6455 §4.2.1 has it.
#[test]
fn a_key_is_the_base64_of_16_bytes_and_nothing_else() {
    let begins = |key: &[u8]| {
        let mut request = server_request("");
        request.retain(|field| field.name != "Sec-WebSocket-Key");
        request.push(HttpHeader {
            name: "Sec-WebSocket-Key",
            value: key,
        });
        let mut server = Handle::<u32>::create_server(&[]).unwrap();
        server.begin_server_handshake(None, &[], &request).map(|_| ())
    };
    let keys = [
        RFC_KEY,
        "AAAAAAAAAAAAAAAAAAAAAA==",
        "/////////////////////w==",
        "+/+/+/+/+/+/+/+/+/+/+w==",
    ];
    for key in keys {
        assert_eq!(begins(key.as_bytes()), Ok(()), "{key}");
        for at in 0..22 {
            for wrong in [b'-', b'_', b'=', b'.', b'@', b'[', b'`', b'{', b':', 0x80, 0xFF] {
                let mut text = key.as_bytes().to_vec();
                text[at] = wrong;
                assert_eq!(
                    begins(&text),
                    Err(HandshakeError::KeyMalformed.into()),
                    "{wrong} at {at}"
                );
            }
        }
        for last in 22..24 {
            for wrong in [b'A', b'-', b' ', b'.'] {
                let mut text = key.as_bytes().to_vec();
                text[last] = wrong;
                assert!(begins(&text).is_err(), "{wrong} at {last}");
            }
        }
    }
    for last in (b'A'..=b'Z').chain(b'a'..=b'z').chain(b'0'..=b'9').chain(*b"+/") {
        let mut text = *b"dGhlIHNhbXBsZSBub25jZQ==";
        text[21] = last;
        let is_sound = b"AQgw".contains(&last); // 16 bytes leave two bits for it
        assert_eq!(begins(&text).is_ok(), is_sound, "{}", char::from(last));
    }
    let wrong: [&[u8]; 11] = [
        b"",
        b"==",
        b"====",
        b"dGhlIHNhbXBsZSBub25jZQ",       // no padding
        b"dGhlIHNhbXBsZSBub25jZQ=",      // half of it
        b"dGhlIHNhbXBsZSBub25jZQ===",    // more of it
        b"dGhlIHNhbXBsZSBub25jZS4=",     // 17 bytes
        b"dGhlIHNhbXBsZSBub25jZS4u",     // 18 bytes
        b"dGhlIHNhbXBsZSBub25j",         // 15 bytes
        b"dGhlIHNhbXBsZSBub25jZQAAAA==", // 19 bytes
        b"dGhlIHNhbXBs ZSBub25jZQ==",    // a blank within
    ];
    for key in wrong {
        assert_eq!(begins(key), Err(HandshakeError::KeyMalformed.into()), "{key:?}");
    }
}

/// Component API §4.4, §7.1 #15; RFC 6455 §4.2.2.
#[test]
fn a_server_answers_with_its_selection() {
    let mut request = server_request("AAAAAAAAAAAAAAAAAAAAAA==");
    add(&mut request, "Sec-WebSocket-Protocol", "chat, v1");
    add(&mut request, "Sec-WebSocket-Protocol", "v2");
    add(&mut request, "Sec-WebSocket-Extensions", "X; offered, y");
    let upgrade = [
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=",
    ];
    assert_eq!(begin_server(None, &[], &request).unwrap(), upgrade);
    assert_eq!(
        begin_server(Some(""), &[], &request).unwrap(),
        upgrade,
        "an empty one is none"
    );
    let selected = ["Sec-WebSocket-Protocol: v2", "Sec-WebSocket-Extensions: x; agreed=1, y"];
    assert_eq!(
        begin_server(Some("v2"), &["x; agreed=1", "y"], &request).unwrap(),
        [&upgrade[..], &selected].concat()
    );
    let refused: &[(Option<&str>, &[&str], ErrorCode)] = &[
        (Some("v3"), &[], ErrorCode::SubprotocolNotSupported),
        (Some("V2"), &[], ErrorCode::SubprotocolNotSupported),
        (None, &["z"], ErrorCode::ExtensionsNotSupported),
        (None, &["x", "X"], ErrorCode::ExtensionsNotSupported),
        (None, &["x y"], ErrorCode::ExtensionsNotSupported),
    ];
    for (subprotocol, extensions, code) in refused {
        assert_eq!(begin_server(*subprotocol, extensions, &request), Err(*code));
    }
    assert_eq!(offered_subprotocols(&request).unwrap(), ["chat", "v1", "v2"]);
    assert_eq!(extensions(&request).unwrap().len(), 2);
    assert_eq!(
        supported_versions_header(),
        HttpHeader::new("Sec-WebSocket-Version", "13")
    );
}

/// The sample of the API feeds the server the client's headers and Host, and nothing else.
#[test]
fn the_smallest_sets_of_headers_that_consumers_rely_on_are_enough() {
    let mut client = begun_client(&[], &[]);
    assert!(client.end_client_handshake(&good_response()).is_ok());
    let mut client = Handle::<u32>::create_client(&[]).unwrap();
    let request = client.begin_client_handshake(&[], &[], &[]).unwrap();
    assert!(begin_server(None, &[], &request).is_ok());
}

#[test]
fn a_request_head_is_read_whole_or_asks_for_more() {
    let head = b"GET /chat?room=1 HTTP/1.1\r\nHost: example.com\r\nX-Bytes: \xFF\xE4 \r\n\r\n";
    for cut in 0..head.len() {
        assert_eq!(RequestHead::parse(&head[..cut]), Ok(None), "cut at {cut}");
    }
    let with_stream = [head.as_slice(), &[0x81, 0x85]].concat();
    let request = RequestHead::parse(&with_stream).unwrap().unwrap();
    assert_eq!(
        (request.method, request.target, request.version, request.length),
        ("GET", "/chat?room=1", 1, head.len())
    );
    assert_eq!(request.headers[0], HttpHeader::new("Host", "example.com"));
    assert_eq!(request.headers[1].value, b"\xFF\xE4");
    assert_eq!(request.check(), Ok(()));
}

#[test]
fn heads_that_peers_read_in_different_ways_are_refused() {
    use HandshakeError::{HeadMalformed, HeadTooLarge};
    let long = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "a".repeat(16 * 1024));
    let cases: &[(&[u8], HandshakeError)] = &[
        (b"GET / HTTP/1.1\nHost: a\n\r\n\r\n", HeadMalformed),
        (b"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", HeadMalformed),
        (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", HeadMalformed),
        (b"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", HeadMalformed),
        (b"GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n", HeadMalformed),
        (b"GET / HTTP/2.0\r\n\r\n", HeadMalformed),
        (b"GET  / HTTP/1.1\r\n\r\n", HeadMalformed),
        (b"\r\n\r\n", HeadMalformed),
        (long.as_bytes(), HeadTooLarge),
        (&[b'a'; 17 * 1024], HeadTooLarge),
    ];
    for (bytes, error) in cases {
        assert_eq!(
            RequestHead::parse(bytes),
            Err(*error),
            "{}",
            String::from_utf8_lossy(&bytes[..bytes.len().min(40)])
        );
    }
}

/// RFC 6455 §4.2.1, items 1 and 2; §4.1 for the response.
#[test]
fn heads_that_are_no_handshake_are_told_apart() {
    use HandshakeError::*;
    let requests: &[(&str, HandshakeError)] = &[
        ("POST / HTTP/1.1\r\nHost: a\r\n\r\n", MethodNotGet),
        ("GET / HTTP/1.0\r\nHost: a\r\n\r\n", HttpVersionTooLow),
        ("GET / HTTP/1.1\r\n\r\n", HostMissing),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", HostMissing),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", HostMalformed),
        ("GET / HTTP/1.1\r\nHost: user@a/b?c\r\n\r\n", HostMalformed),
        ("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", TargetMalformed),
        ("GET /ä HTTP/1.1\r\nHost: a\r\n\r\n", TargetMalformed),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n", RequestHasBody),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
            RequestHasBody,
        ),
    ];
    for (head, error) in requests {
        assert_eq!(
            RequestHead::parse(head.as_bytes()).unwrap().unwrap().check(),
            Err(*error),
            "{head}"
        );
    }
    let response = |head: &'static str| ResponseHead::parse(head.as_bytes()).unwrap().unwrap().check();
    assert_eq!(response("HTTP/1.1 101 Switching Protocols\r\n\r\n"), Ok(()));
    assert_eq!(response("HTTP/1.1 200 OK\r\n\r\n"), Err(StatusNot101));
    assert_eq!(response("HTTP/1.0 101 X\r\n\r\n"), Err(HttpVersionTooLow));
}

#[test]
fn nothing_smuggles_a_line_into_a_head() {
    for target in ["", "/a b", "/a\r\nX: y", "/a\u{e4}", "/\0"] {
        assert_eq!(write_request(target, &[]), Err(Misuse::TargetInvalid), "{target:?}");
    }
    for (name, value) in [
        ("a b", "c"),
        ("", "c"),
        ("a:", "c"),
        ("a", "b\r\nc: d"),
        ("a", "b\nc"),
        ("a", "\0"),
    ] {
        let fields = [HttpHeader::new(name, value)];
        assert_eq!(
            write_request("/", &fields),
            Err(Misuse::HeaderInvalid),
            "{name:?} {value:?}"
        );
        assert_eq!(
            write_response(101, "OK", &fields),
            Err(Misuse::HeaderInvalid),
            "{name:?} {value:?}"
        );
    }
    assert_eq!(write_response(101, "OK\r\nX: y", &[]), Err(Misuse::StatusLineInvalid));
    assert_eq!(write_response(99, "OK", &[]), Err(Misuse::StatusLineInvalid));
}

proptest! {
    #![proptest_config(replay::config())]

    #[test]
    fn no_bytes_make_a_head_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let ended = [bytes.as_slice(), b"\r\n\r\n"].concat();
        for bytes in [&bytes, &ended] {
            let _ = RequestHead::parse(bytes);
            let _ = ResponseHead::parse(bytes);
        }
    }

    #[test]
    fn no_header_value_makes_the_handshake_panic(value in prop::collection::vec(any::<u8>(), 0..200), index in 0..7_usize) {
        let names = ["Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version", "Sec-WebSocket-Protocol",
            "Sec-WebSocket-Extensions", "Sec-WebSocket-Accept"];
        let field = HttpHeader { name: names[index], value: &value };
        let _ = begin_server(Some("a"), &["a"], &[server_request(RFC_KEY), vec![field]].concat());
        let _ = begun_client(&["a"], &["a"]).end_client_handshake(&[good_response(), vec![field]].concat());
    }

    #[test]
    fn a_head_that_was_written_is_read_back(
        target in "/[!\"$-~]{0,20}",
        fields in prop::collection::vec(("[a-zA-Z0-9!#$%&'*+.^_`|~-]{1,10}", "([!-~]([ -~]{0,20}[!-~])?)?"), 0..10),
    ) {
        let headers: Vec<_> = fields.iter().map(|(name, value)| HttpHeader::new(name, value)).collect();
        let bytes = write_request(&target, &headers).unwrap();
        let head = RequestHead::parse(&bytes).unwrap().unwrap();
        prop_assert_eq!((head.target, head.headers, head.length), (target.as_str(), headers.clone(), bytes.len()));
        let bytes = write_response(101, "Switching Protocols", &headers).unwrap();
        let head = ResponseHead::parse(&bytes).unwrap().unwrap();
        prop_assert_eq!((head.status, head.headers), (101, headers));
    }

    #[test]
    fn no_extension_list_makes_its_parser_panic(text in "[a-c;=\", \\\\]{0,300}") {
        let _ = extensions(&[HttpHeader::new("Sec-WebSocket-Extensions", &text)]);
    }
}
