//! What other engines got wrong about the handshake, tried on this one. `mistakes.md` has the list; the number in
//! front of a test's name is that of its row.
#![cfg(not(any(miri, all(target_arch = "wasm32", target_os = "unknown"))))]
#![allow(clippy::unwrap_used, reason = "a wrong test panics")]

mod support;

use support::vectors::through_session;
use support::{frame_to, server_request};
use websocket_component::handshake::offered_subprotocols;
use websocket_component::http::{RequestHead, ResponseHead, extensions, write_request, write_response};
use websocket_component::{
    Error, Handle, HandshakeError, HttpHeader, Limits, Misuse, RandomSource, RandomUnavailable, Role, State,
};

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
const MAX_HEAD: usize = 16 * 1024;

const REQUEST: [&str; 6] = [
    "GET / HTTP/1.1",
    "Host: example.com",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];
const RESPONSE: [&str; 4] = [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
];

/// The nonce of RFC 6455 §1.3, to which [`ACCEPT`] is the answer.
struct RfcNonce;

impl RandomSource for RfcNonce {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomUnavailable> {
        bytes.copy_from_slice(b"the sample nonce");
        Ok(())
    }
}

fn begun_client(subprotocols: &[&str], extensions: &[&str]) -> Handle<u32> {
    let mut client = Handle::create(Role::Client, [], Box::new(RfcNonce)).unwrap();
    client.begin_client_handshake(subprotocols, extensions, &[]).unwrap();
    client
}

/// The length of the head, if the handshake is good; `None` if the head has not ended.
type Outcome = Result<Option<usize>, HandshakeError>;
/// A reader of a head.
type Take = fn(&[u8]) -> Outcome;

fn blame(error: Error) -> HandshakeError {
    match error {
        Error::Handshake(error) => error,
        other => panic!("{other}"),
    }
}

/// A request as a server over bare TCP takes it.
fn serve(bytes: &[u8]) -> Outcome {
    let Some(head) = RequestHead::parse(bytes)? else {
        return Ok(None);
    };
    head.check()?;
    let mut server = Handle::<u32>::create_server(&[]).unwrap();
    server.begin_server_handshake(None, &[], &head.headers).map_err(blame)?;
    Ok(Some(head.length))
}

/// A response as a client over bare TCP takes it, who offered nothing.
fn connect(bytes: &[u8]) -> Outcome {
    let Some(head) = ResponseHead::parse(bytes)? else {
        return Ok(None);
    };
    head.check()?;
    begun_client(&[], &[])
        .end_client_handshake(&head.headers)
        .map_err(blame)?;
    Ok(Some(head.length))
}

/// The two sides: who takes a head, and the lines of a good one.
const SIDES: [(Take, &[&str]); 2] = [(serve, &REQUEST), (connect, &RESPONSE)];

fn head(lines: &[&[u8]]) -> Vec<u8> {
    [lines.join(b"\r\n".as_slice()), b"\r\n\r\n".to_vec()].concat()
}

/// The good lines with `line` at place `at`.
fn with_line(good: &[&str], at: usize, line: &[u8]) -> Vec<u8> {
    let mut lines: Vec<&[u8]> = good.iter().map(|line| line.as_bytes()).collect();
    lines.insert(at, line);
    head(&lines)
}

/// A head has one meaning, however it comes: none before its end, the same ever after. Only a line that ends in a bare
/// LF is refused at once, as there may never be another end.
fn check(take: Take, head: &[u8], outcome: Outcome) {
    let name = String::from_utf8_lossy(head);
    let bare_line_feed = (0..head.len()).find(|&at| head[..=at].ends_with(b"\n") && !head[..=at].ends_with(b"\r\n"));
    for cut in 0..head.len() {
        let is_refused = bare_line_feed.is_some_and(|at| at < cut);
        let expected = if is_refused { outcome } else { Ok(None) };
        assert_eq!(take(&head[..cut]), expected, "{name:?} cut at {cut}");
    }
    assert_eq!(take(head), outcome, "{name:?}");
    assert_eq!(
        take(&[head, b"\x81\x00\r\n\r\n"].concat()),
        outcome,
        "{name:?} and more"
    );
}

#[test]
fn g09_names_of_object_prototypes_are_names_like_others() {
    let names = ["__proto__", "constructor", "toString", "hasOwnProperty"];
    let list = names.join(", ");
    let mut request = server_request(KEY);
    request.extend(names.map(|name| HttpHeader::new(name, "__proto__")));
    let begin = |subprotocol, extensions: &[&str], request: &[HttpHeader<'_>]| {
        let mut server = Handle::<u32>::create_server(&[]).unwrap();
        let fields = server.begin_server_handshake(subprotocol, extensions, request);
        fields.map(|fields| fields.len()).map_err(blame)
    };
    assert_eq!(begin(None, &[], &request), Ok(3), "no field of the request comes back");
    for name in names {
        assert_eq!(
            begin(Some(name), &[], &request),
            Err(HandshakeError::SubprotocolNotOffered)
        );
        assert_eq!(begin(None, &[name], &request), Err(HandshakeError::ExtensionNotOffered));
    }
    request.push(HttpHeader::new("Sec-WebSocket-Protocol", &list));
    request.push(HttpHeader::new("Sec-WebSocket-Extensions", &list));
    assert_eq!(offered_subprotocols(&request).unwrap(), names);
    let parsed = extensions(&request).unwrap();
    assert!(parsed.iter().map(|extension| extension.name).eq(names));
    for name in names {
        assert_eq!(begin(Some(name), &[name], &request), Ok(5));
    }
    // and a client selects nothing by such a name
    for name in names {
        for (field, error) in [
            ("Sec-WebSocket-Extensions", HandshakeError::ExtensionNotOffered),
            ("Sec-WebSocket-Protocol", HandshakeError::SubprotocolNotOffered),
        ] {
            let line = format!("{field}: {name}");
            check(connect, &with_line(&RESPONSE, 1, line.as_bytes()), Err(error));
        }
        let line = format!("{name}: {name}");
        let good = with_line(&RESPONSE, 1, line.as_bytes());
        check(connect, &good, Ok(Some(good.len())));
    }
}

/// RFC 6455 §11.3: which fields come once.
#[test]
fn g09_a_field_that_comes_once_is_refused_twice_in_any_case_at_any_place() {
    use HandshakeError::{AcceptRepeated, HostMissing, KeyRepeated, SubprotocolMalformed, VersionMalformed};
    let rows: [(Take, &[&str], &str, HandshakeError); 6] = [
        (
            serve,
            &REQUEST,
            "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
            KeyRepeated,
        ),
        (
            serve,
            &REQUEST,
            "SEC-WEBSOCKET-KEY: AAAAAAAAAAAAAAAAAAAAAA==",
            KeyRepeated,
        ),
        (serve, &REQUEST, "Sec-Websocket-Version: 13", VersionMalformed),
        (serve, &REQUEST, "sec-websocket-version: 8", VersionMalformed),
        (serve, &REQUEST, "host: example.com", HostMissing),
        (connect, &RESPONSE, "sec-websocket-accept: anything", AcceptRepeated),
    ];
    for (take, good, line, error) in rows {
        for at in 1..=good.len() {
            check(take, &with_line(good, at, line.as_bytes()), Err(error));
        }
    }
    // one line with two values is no better
    let merged = |line: &str| {
        let name = line.split(':').next().unwrap();
        let keep = REQUEST.iter().filter(|good| !good.starts_with(name));
        let lines: Vec<&[u8]> = keep.map(|line| line.as_bytes()).chain([line.as_bytes()]).collect();
        serve(&head(&lines))
    };
    assert_eq!(merged("Sec-WebSocket-Version: 13, 13"), Err(VersionMalformed));
    let key = format!("Sec-WebSocket-Key: {KEY}, {KEY}");
    assert_eq!(merged(&key), Err(HandshakeError::KeyMalformed));
    // the lists may be in several lines of a request; a response selects one subprotocol
    let both = "Sec-WebSocket-Protocol: a\r\nsec-websocket-protocol: b, c\r\nSec-WebSocket-Extensions: x\r\n\
        SEC-WEBSOCKET-EXTENSIONS: x; y=1";
    let request = with_line(&REQUEST, 3, both.as_bytes());
    check(serve, &request, Ok(Some(request.len())));
    let parsed = RequestHead::parse(&request).unwrap().unwrap();
    assert_eq!(offered_subprotocols(&parsed.headers).unwrap(), ["a", "b", "c"]);
    assert_eq!(extensions(&parsed.headers).unwrap().len(), 2);
    for second in ["Sec-WebSocket-Protocol", "sec-websocket-protocol"] {
        let mut client = begun_client(&["a"], &[]);
        let fields = [
            HttpHeader::new("Upgrade", "websocket"),
            HttpHeader::new("Connection", "Upgrade"),
            HttpHeader::new("Sec-WebSocket-Accept", ACCEPT),
            HttpHeader::new("Sec-WebSocket-Protocol", "a"),
            HttpHeader::new(second, "a"),
        ];
        assert_eq!(client.end_client_handshake(&fields), Err(SubprotocolMalformed.into()));
    }
}

/// RFC 6455 §9.1, RFC 9110 §5.6.
#[test]
fn g10_a_head_full_of_blanks_commas_or_quotes_is_an_empty_list_or_malformed() {
    // start, what is repeated, end; how many subprotocols and how many extensions that is, if it is a list of them
    type Row = (&'static str, &'static str, &'static str, Option<usize>, Option<usize>);
    let rows: &[Row] = &[
        ("", " ", "", Some(0), Some(0)),
        ("", "\t", "", Some(0), Some(0)),
        ("", ",", "", Some(0), Some(0)),
        ("", " ,\t", "", Some(0), Some(0)),
        ("a", " ", "b", None, None),
        ("a", " ", ",b", Some(2), Some(2)),
        ("a", ",", "b", Some(2), Some(2)),
        ("", "a", "", Some(1), Some(1)),
        ("", "a,", "", None, None), // over 64 elements
        ("", "a ", "", None, None),
        ("", "\"", "", None, None),
        ("", ";", "", None, None),
        ("a", ";", "", None, None),
        ("a", ";b", "", None, Some(1)),
        ("a", "=", "", None, None),
        ("a;b", "=c", "", None, None),
        ("a;b=\"", "c", "", None, None), // never closed
        ("a;b=\"", "c", "\"", None, Some(1)),
        ("a;b=\"", " ", "\"", None, None), // unquoted, it is not a token
        ("a;b=\"", ",", "\"", None, None),
        ("a;b=\"", "\\", "", None, None),
        ("a;b=\"", "\\", "\"", None, None),
        ("a;b=\"", "\\c", "", None, None),
        ("a;b=\"", "\\c", "\"", None, Some(1)),
        ("a;b=\"", "\\\"", "\"", None, None),
        ("a;b=\"c\"", "\"", "", None, None),
    ];
    for (start, repeated, end, subprotocols, extensions_of) in rows {
        for (name, count) in [
            ("Sec-WebSocket-Protocol", subprotocols),
            ("Sec-WebSocket-Extensions", extensions_of),
        ] {
            // as long as a head may be
            let filled = |good: &[&str]| {
                let around = format!("{name}: {start}{end}");
                let room = MAX_HEAD - with_line(good, 1, around.as_bytes()).len();
                let line = format!("{name}: {start}{}{end}", repeated.repeat(room / repeated.len()));
                with_line(good, 1, line.as_bytes())
            };
            let case = format!("{name}: {start} {repeated} {end}");
            let request = filled(&REQUEST);
            let list = count.ok_or(HandshakeError::ListMalformed);
            assert_eq!(serve(&request), list.map(|_| Some(request.len())), "{case}");
            let parsed = RequestHead::parse(&request).unwrap().unwrap().headers;
            let found = match name {
                "Sec-WebSocket-Protocol" => offered_subprotocols(&parsed).map(|list| list.len()),
                _ => extensions(&parsed).map(|list| list.len()),
            };
            assert_eq!(found, list, "{case}");

            let response = filled(&RESPONSE);
            let selected = match (name, count) {
                ("Sec-WebSocket-Protocol", Some(1)) => Err(HandshakeError::SubprotocolNotOffered),
                ("Sec-WebSocket-Protocol", _) => Err(HandshakeError::SubprotocolMalformed),
                (_, None) => Err(HandshakeError::ListMalformed),
                (_, Some(0)) => Ok(Some(response.len())),
                (_, Some(_)) => Err(HandshakeError::ExtensionNotOffered),
            };
            assert_eq!(connect(&response), selected, "{case}");
        }
    }
}

/// RFC 6455 §4.2.1, items 3 and 4.
#[test]
fn g11_a_requests_upgrade_and_connection_are_lists_in_any_case_and_a_responses_upgrade_is_one_value() {
    use HandshakeError::{ConnectionMissing, UpgradeMissing};
    let rows: &[(&str, Option<HandshakeError>)] = &[
        ("Upgrade: websocket\r\nConnection: keep-alive, Upgrade", None),
        ("upgrade: WEBSOCKET\r\nconnection: upgrade,keep-alive", None),
        ("UPGRADE:websocket\r\nCONNECTION: ,\t, UPGRADE ,", None),
        ("Upgrade: websocket\r\nUpgrade: websocket\r\nConnection: Upgrade", None),
        ("Upgrade: h2c\r\nConnection: Upgrade\r\nUpgrade: websocket", None),
        (
            "Connection: close\r\nUpgrade: a/1, websocket\r\nConnection: Upgrade",
            None,
        ),
        ("Connection: Upgrade", Some(UpgradeMissing)),
        ("Upgrade:\r\nConnection: Upgrade", Some(UpgradeMissing)),
        ("Upgrade: web socket\r\nConnection: Upgrade", Some(UpgradeMissing)),
        ("Upgrade: \"websocket\"\r\nConnection: Upgrade", Some(UpgradeMissing)),
        ("Upgrade: websocket/13\r\nConnection: Upgrade", Some(UpgradeMissing)),
        ("Upgrades: websocket\r\nConnection: Upgrade", Some(UpgradeMissing)),
        ("X: Upgrade: websocket\r\nConnection: Upgrade", Some(UpgradeMissing)),
        ("Upgrade: websocket", Some(ConnectionMissing)),
        ("Upgrade: websocket\r\nConnection:", Some(ConnectionMissing)),
        (
            "Upgrade: websocket\r\nConnection: keep-alive Upgrade",
            Some(ConnectionMissing),
        ),
        (
            "Upgrade: websocket\r\nConnection: keep-alive; Upgrade",
            Some(ConnectionMissing),
        ),
        ("Upgrade: websocket\r\nConnection: websocket", Some(ConnectionMissing)),
    ];
    for (lines, error) in rows {
        let rest = REQUEST.map(str::as_bytes).into_iter();
        let rest = rest.filter(|line| !line.starts_with(b"Upgrade") && !line.starts_with(b"Connection"));
        let request = head(&rest.chain([lines.as_bytes()]).collect::<Vec<_>>());
        check(serve, &request, error.map_or(Ok(Some(request.len())), Err));
    }
    // a server selects one protocol, and answers so
    let rows = [
        ("Connection: Upgrade", Some(UpgradeMissing)),
        ("Upgrade: websocket", Some(ConnectionMissing)),
        ("Upgrade: websocket, h2c\r\nConnection: Upgrade", Some(UpgradeMissing)),
        ("Upgrade: websocket,\r\nConnection: Upgrade", Some(UpgradeMissing)),
        (
            "Upgrade: websocket\r\nUpgrade: websocket\r\nConnection: Upgrade",
            Some(UpgradeMissing),
        ),
        ("UPGRADE:WebSocket \r\nConnection: keep-alive, UPGRADE", None),
    ];
    for (lines, error) in rows {
        let rest = RESPONSE.map(str::as_bytes).into_iter();
        let rest = rest.filter(|line| !line.starts_with(b"Upgrade") && !line.starts_with(b"Connection"));
        let response = head(&rest.chain([lines.as_bytes()]).collect::<Vec<_>>());
        check(connect, &response, error.map_or(Ok(Some(response.len())), Err));
    }
}

/// The limits of requests are in `handshake_limits.rs`; a response has the same, and so have fields without a head.
#[test]
fn g11_an_upgrade_behind_too_many_fields_is_refused_rather_than_missed() {
    for (take, good) in SIDES {
        let with = |count: usize| {
            let fillers = vec!["X: y"; count].join("\r\n");
            with_line(good, 1, fillers.as_bytes())
        };
        assert_eq!(take(&with(2000)), Ok(Some(with(2000).len())));
        assert_eq!(take(&with(3000)), Err(HandshakeError::HeadTooLarge));
    }
    let filled = |count| vec![HttpHeader::new("X", "y"); count];
    let request = |count: usize| [filled(count - 5), server_request(KEY)].concat();
    let mut server = Handle::<u32>::create_server(&[]).unwrap();
    let refused = server.begin_server_handshake(None, &[], &request(4097)).map(drop);
    assert_eq!(refused, Err(HandshakeError::HeadersTooMany.into()));
    assert!(server.begin_server_handshake(None, &[], &request(4096)).is_ok());
}

#[test]
fn g11_a_head_that_never_ends_is_refused_at_its_16385th_byte() {
    for (take, good) in SIDES {
        let line = format!("X: {}", "a".repeat(MAX_HEAD));
        let (start, long) = (good[0].as_bytes(), with_line(good, 1, line.as_bytes()));
        let endless = [
            long,
            [start, b"\r\n", &b"X: y\r\n".repeat(4000)].concat(),
            vec![b'a'; 20_000],
        ];
        for bytes in endless {
            assert_eq!(take(&bytes[..MAX_HEAD]), Ok(None));
            for length in [MAX_HEAD + 1, MAX_HEAD + 2, bytes.len()] {
                assert_eq!(take(&bytes[..length]), Err(HandshakeError::HeadTooLarge));
            }
        }
        let room = MAX_HEAD - with_line(good, 1, b"X: ").len();
        let largest = with_line(good, 1, format!("X: {}", "a".repeat(room)).as_bytes());
        assert_eq!(take(&largest), Ok(Some(MAX_HEAD)));
    }
}

/// RFC 9112 §2.2, §5.1, §5.2; RFC 9110 §5.5: where parsers have disagreed, requests and responses were smuggled.
#[test]
fn g11_a_line_that_could_be_read_in_two_ways_is_refused() {
    let lines: &[&[u8]] = &[
        b"X : a",
        b"X\t: a",
        b"Upgrade : websocket",
        b"Transfer-Encoding : chunked",
        b"Content-Length\x0B: 5",
        b" X: a",
        b"\tX: a",
        b"X: a\r\n b",
        b"X: a\r\n\tb",
        b"X: a\r\n ",
        b"X: a\nY: b",
        b"X: a\n",
        b"\nX: a",
        b"X: a\rY: b",
        b"X: a\r",
        b"\rX: a",
        b"X",
        b"X a",
        b": a",
        b"X: a\0",
        b"X: \0a",
        b"X\0: a",
        b"X: a\x01",
        b"X: a\x7F",
        b"X\xE4: a",
        b"X\xC3\xA4: a",
        b"X(: a",
        b"\"X\": a",
        b"X@Y: a",
    ];
    for (take, good) in SIDES {
        for line in lines {
            for at in [1, 2, good.len()] {
                check(take, &with_line(good, at, line), Err(HandshakeError::HeadMalformed));
            }
        }
        // bytes over 0x7F are obs-text in a value, and allowed
        for line in [
            b"X: \xE4\xFF\x80".as_slice(),
            "X: größe".as_bytes(),
            b"X:",
            b"X: \t a \t ",
        ] {
            let good = with_line(good, 1, line);
            check(take, &good, Ok(Some(good.len())));
        }
    }
}

/// RFC 9112 §3, §4.
#[test]
fn g11_a_first_line_has_its_parts_and_single_spaces() {
    let requests: &[&[u8]] = &[
        b"GET /",
        b"GET  / HTTP/1.1",
        b"GET /  HTTP/1.1",
        b"GET / HTTP/1.1 ",
        b" GET / HTTP/1.1",
        b"GET\t/ HTTP/1.1",
        b"GET /\tHTTP/1.1",
        b"GET /\0 HTTP/1.1",
        b"GET /\x7F HTTP/1.1",
        b"GET /\xE4 HTTP/1.1",
        b"GET /\r HTTP/1.1",
        b"GET /\nX: HTTP/1.1",
        b"G\0T / HTTP/1.1",
        b"G\xC3\xA4T / HTTP/1.1",
        b"G@T / HTTP/1.1",
        b"GET / http/1.1",
        b"GET / HTTP/1.10",
        b"GET / HTTP/1.1\0",
        b"GET / HTTP/11",
    ];
    let responses: &[&[u8]] = &[
        b"101 Switching Protocols",
        b"HTTP/1.1",
        b"HTTP/1.1  101 a",
        b" HTTP/1.1 101 a",
        b"HTTP/1.1\t101 a",
        b"HTTP/1.1 10 a",
        b"HTTP/1.1 1010 a",
        b"HTTP/1.1 +101 a",
        b"HTTP/1.1 1\x001 a",
        b"HTTP/1.1 101 a\0",
        b"HTTP/1.1 101 a\rb",
        b"HTTP/1.1 101 a\nb",
        b"HTTP/2 101 a",
        b"http/1.1 101 a",
    ];
    for ((take, good), lines) in SIDES.into_iter().zip([requests, responses]) {
        for line in lines {
            let fields = good[1..].iter().map(|line| line.as_bytes());
            let head = head(&[*line].into_iter().chain(fields).collect::<Vec<_>>());
            check(take, &head, Err(HandshakeError::HeadMalformed));
        }
    }
}

/// RFC 9112 §6: what frames a body elsewhere. A request with one is refused; a 101 has none, whatever it says.
#[test]
fn g11_a_request_announces_no_body_and_a_response_has_none() {
    let rows: &[(&str, bool)] = &[
        ("Content-Length: 0", true),
        ("Content-Length: 0\r\ncontent-length: 0", true),
        ("Content-Length: 5", false),
        ("content-length: 1", false),
        ("Content-Length: 0\r\nCONTENT-LENGTH: 5", false),
        ("Content-Length: 5\r\nContent-Length: 0", false),
        ("Content-Length: 0, 5", false),
        ("Content-Length: -0", false),
        ("Content-Length: +0", false),
        ("Content-Length: 0x0", false),
        ("Content-Length:", false),
        ("Transfer-Encoding: chunked", false),
        ("transfer-encoding: CHUNKED", false),
        ("Transfer-Encoding: identity", false),
        ("Transfer-Encoding:", false),
        ("Content-Length: 0\r\nTransfer-Encoding: chunked", false),
    ];
    for (lines, good) in rows {
        let request = with_line(&REQUEST, 2, lines.as_bytes());
        let outcome = if *good {
            Ok(Some(request.len()))
        } else {
            Err(HandshakeError::RequestHasBody)
        };
        check(serve, &request, outcome);
        let response = with_line(&RESPONSE, 2, lines.as_bytes());
        check(connect, &response, Ok(Some(response.len())));
    }
}

#[test]
fn g11_bytes_behind_a_head_are_frames_however_the_head_and_they_arrive() {
    for ((take, good), role) in SIDES.into_iter().zip([Role::Server, Role::Client]) {
        let head = with_line(good, 1, b"X: y");
        // a message that looks like the end of a head
        let stream = [
            head.clone(),
            frame_to(role, 0x81, b"\r\n\r\n"),
            frame_to(role, 0x82, b"GET / HTTP/1.1\r\n\r\n"),
        ]
        .concat();
        for arrived in 0..=stream.len() {
            let length = take(&stream[..arrived]);
            assert_eq!(
                length,
                Ok((arrived >= head.len()).then_some(head.len())),
                "{arrived} bytes"
            );
            let Ok(Some(length)) = length else { continue };
            let chunks = [&stream[length..arrived], &stream[arrived..]];
            let (events, violation) = through_session(role, Limits::NONE, &chunks);
            let expected = [
                ("text", b"\r\n\r\n".to_vec()),
                ("binary", b"GET / HTTP/1.1\r\n\r\n".to_vec()),
            ];
            assert_eq!((&events[..], violation), (&expected[..], None), "{arrived} bytes");
        }
    }
}

/// The last four end a line for other parsers, or once their high byte is cut off.
const HOSTILE: [&str; 10] = [
    "\r", "\n", "\r\n", "\0", "\r\nX: y", "\u{7F}", "\u{85}", "\u{10A}", "\u{10D}", "\u{2028}",
];

fn hostile(good: &str) -> impl Iterator<Item = String> {
    let places = move |evil: &str| {
        [
            format!("{evil}{good}"),
            format!("{good}{evil}{good}"),
            format!("{good}{evil}"),
        ]
    };
    HOSTILE.into_iter().flat_map(places)
}

#[test]
fn g12_no_argument_brings_a_line_of_its_own_into_a_request() {
    for text in hostile("a") {
        let text = text.as_str();
        let begin = |subprotocols: &[&str], extensions: &[&str], name: &str, value: &str| {
            let mut client = Handle::<u32>::create(Role::Client, [], Box::new(RfcNonce)).unwrap();
            let field = [HttpHeader::new(name, value)];
            let error = client
                .begin_client_handshake(subprotocols, extensions, &field)
                .map(drop)
                .unwrap_err();
            assert_eq!(client.state(), State::Created, "{text:?}");
            // and nothing of it is left
            let fields = client.begin_client_handshake(&["a"], &[], &[]).unwrap();
            let protocol = HttpHeader::new("Sec-WebSocket-Protocol", "a");
            assert_eq!((fields.len(), fields[4]), (5, protocol), "{text:?}");
            error
        };
        assert_eq!(
            begin(&[text], &[], "X", "y"),
            Misuse::SubprotocolMalformed.into(),
            "{text:?}"
        );
        assert_eq!(
            begin(&["a", "b", text], &[], "X", "y"),
            Misuse::SubprotocolMalformed.into(),
            "{text:?}"
        );
        assert_eq!(
            begin(&[], &[text], "X", "y"),
            Misuse::ExtensionMalformed.into(),
            "{text:?}"
        );
        assert_eq!(begin(&[], &[], text, "y"), Misuse::HeaderInvalid.into(), "{text:?}");
        for extension in [format!("x; {text}"), format!("x; y={text}"), format!("x; y=\"{text}\"")] {
            assert_eq!(
                begin(&[], &[&extension], "X", "y"),
                Misuse::ExtensionMalformed.into(),
                "{text:?}"
            );
        }
        if text.bytes().any(|byte| byte.is_ascii_control()) {
            assert_eq!(begin(&[], &[], "X", text), Misuse::HeaderInvalid.into(), "{text:?}");
        }
        assert_eq!(write_request(text, &[]), Err(Misuse::TargetInvalid), "{text:?}");
        assert_eq!(
            write_request(&format!("/{text}"), &[]),
            Err(Misuse::TargetInvalid),
            "{text:?}"
        );
    }
}

#[test]
fn g12_no_argument_brings_a_line_of_its_own_into_a_head() {
    for text in hostile("a") {
        let good = HttpHeader::new("X", "y");
        for field in [HttpHeader::new(&text, "y"), HttpHeader::new("X", &text)] {
            if field.name == "X" && !text.bytes().any(|byte| byte.is_ascii_control()) {
                continue; // obs-text
            }
            for fields in [&[field][..], &[good, field], &[field, good]] {
                assert_eq!(write_request("/", fields), Err(Misuse::HeaderInvalid), "{text:?}");
                assert_eq!(
                    write_response(101, "OK", fields),
                    Err(Misuse::HeaderInvalid),
                    "{text:?}"
                );
            }
        }
        assert_eq!(
            write_response(101, &text, &[]),
            Err(Misuse::StatusLineInvalid),
            "{text:?}"
        );
    }
    // a field's name is a token, whatever the character
    for character in '\0'..='\u{2FF}' {
        let name = format!("a{character}");
        let token = character.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(character);
        let fields = [HttpHeader::new(&name, "b")];
        assert_eq!(write_request("/", &fields).is_ok(), token, "{character:?}");
        assert_eq!(write_response(101, "OK", &fields).is_ok(), token, "{character:?}");
        let mut client = Handle::<u32>::create_client(&[]).unwrap();
        assert_eq!(
            client.begin_client_handshake(&[&name], &[], &[]).is_ok(),
            token,
            "{character:?}"
        );
        let target = format!("/{character}");
        let visible = character.is_ascii_graphic() && character != '#';
        assert_eq!(write_request(&target, &[]).is_ok(), visible, "{character:?}");
    }
}

#[test]
fn g12_a_server_answers_with_nothing_that_a_request_or_its_caller_smuggles() {
    for text in hostile("a") {
        let mut request = server_request(KEY);
        request.push(HttpHeader::new("Sec-WebSocket-Protocol", "a"));
        request.push(HttpHeader::new("Sec-WebSocket-Extensions", "a"));
        let mut server = Handle::<u32>::create_server(&[]).unwrap();
        let mut begin = |subprotocol, extensions: &[&str], request: &[HttpHeader<'_>]| {
            let fields = server.begin_server_handshake(subprotocol, extensions, request);
            fields.map(drop).map_err(blame)
        };
        let subprotocol = begin(Some(&text), &[], &request);
        assert_eq!(subprotocol, Err(HandshakeError::SubprotocolNotOffered), "{text:?}");
        for extension in [&text, &format!("a; b={text}"), &format!("a; b=\"{text}\"")] {
            let extension = begin(None, &[extension], &request);
            assert_eq!(extension, Err(HandshakeError::ExtensionNotOffered), "{text:?}");
        }
        for name in [
            "Sec-WebSocket-Protocol",
            "Sec-WebSocket-Extensions",
            "Sec-WebSocket-Key",
        ] {
            let mut request = server_request(KEY);
            request.retain(|field| field.name != name);
            request.push(HttpHeader::new(name, &text));
            assert!(begin(Some(&text), &[&text], &request).is_err(), "{name} {text:?}");
        }
        assert_eq!(begin(Some("a"), &["a"], &request), Ok(()), "{text:?}");
    }
}

/// RFC 6455 §4.1, §9.1; the parameters are the extensions' own.
#[test]
fn g13_a_server_selects_an_extension_only_if_it_was_offered_and_once() {
    use HandshakeError::{ExtensionNotOffered, ExtensionRepeated, ListMalformed};
    // what was offered, the lines of the response, the indices of what was selected
    type Row = (
        &'static [&'static str],
        &'static [&'static str],
        Result<Vec<usize>, HandshakeError>,
    );
    let rows: &[Row] = &[
        (&[], &["permessage-deflate"], Err(ExtensionNotOffered)),
        (
            &[],
            &["permessage-deflate; client_max_window_bits"],
            Err(ExtensionNotOffered),
        ),
        (&["x"], &["permessage-deflate"], Err(ExtensionNotOffered)),
        (&["x"], &["permessage-deflate, x"], Err(ExtensionNotOffered)),
        (&["x"], &["x", "permessage-deflate"], Err(ExtensionNotOffered)),
        (
            &["x-webkit-deflate-frame"],
            &["deflate-frame"],
            Err(ExtensionNotOffered),
        ),
        (&["x"], &["x, x"], Err(ExtensionRepeated)),
        (&["x"], &["x", "x"], Err(ExtensionRepeated)),
        (&["x"], &["x; a=1", "X; a=2"], Err(ExtensionRepeated)),
        (&["x", "y"], &["y, x, y"], Err(ExtensionRepeated)),
        (&["x"], &["\"x\""], Err(ListMalformed)),
        (&["x"], &["x;"], Err(ListMalformed)),
        (&["x"], &["x; a=\"8"], Err(ListMalformed)),
        (&["x", "y"], &["y", "x; a=\"8\""], Ok(vec![1, 0])),
        (&["x"], &["X"], Ok(vec![0])),
        (&["x"], &[], Ok(vec![])),
    ];
    for (offered, lines, expected) in rows {
        let mut fields = vec![
            HttpHeader::new("Upgrade", "websocket"),
            HttpHeader::new("Connection", "Upgrade"),
            HttpHeader::new("Sec-WebSocket-Accept", ACCEPT),
        ];
        fields.extend(
            lines
                .iter()
                .map(|line| HttpHeader::new("Sec-WebSocket-Extensions", *line)),
        );
        let negotiated = begun_client(&[], offered).end_client_handshake(&fields);
        let selected = negotiated.map(|negotiated| negotiated.extensions).map_err(blame);
        assert_eq!(&selected, expected, "{offered:?} {lines:?}");
    }
    let mut server = Handle::<u32>::create_server(&[]).unwrap();
    for selected in [&["x"][..], &["permessage-deflate"], &["x", "y"]] {
        let refused = server
            .begin_server_handshake(None, selected, &server_request(KEY))
            .map(drop);
        assert_eq!(refused, Err(ExtensionNotOffered.into()), "{selected:?}");
    }
}
