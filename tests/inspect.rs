//! The inspector: its records of good and bad conversations, that it loses no byte, and that it finds what the engine
//! finds.
#![cfg(all(feature = "inspect", not(all(target_arch = "wasm32", target_os = "unknown"))))]

#[path = "support/replay.rs"]
mod replay;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use websocket_component::deflate::{Agreement, Deflater, Flush};
use websocket_component::inspect::{
    Direction::{self, ToClient, ToServer},
    FaultError, Frame, Inspector, MessageState, Options, Reason, Record, RecordKind, Stage,
};
use websocket_component::{DeflateSettings, HandshakeError, Received, Role, Session, SessionOptions, Violation};

const DEFLATE: &str = "permessage-deflate";
const REQUEST: &[u8] = b"GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";
const RESPONSE: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
    Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=9\r\n\r\n";

fn inspected(extensions: &str, pieces: &[(Direction, &[u8])]) -> Inspector {
    let mut inspector = Inspector::new(Options {
        extensions,
        ..Options::default()
    });
    for (time, (direction, bytes)) in (1_u32..).zip(pieces) {
        inspector.push(*direction, bytes, f64::from(time));
    }
    inspector.finish();
    inspector
}

fn frame(record: &Record) -> Frame {
    match record.kind {
        RecordKind::Frame(frame) => frame,
        kind => panic!("{kind:?} is not a frame"),
    }
}

fn violations(inspector: &Inspector) -> Vec<(u32, Violation)> {
    let faults = inspector.faults().iter();
    faults
        .map(|fault| match fault.error {
            FaultError::Frame(violation) => (fault.record, violation),
            FaultError::Handshake(error) => panic!("{error}"),
        })
        .collect()
}

fn handshake_errors(inspector: &Inspector) -> Vec<HandshakeError> {
    let faults = inspector.faults().iter();
    faults
        .filter_map(|fault| match fault.error {
            FaultError::Handshake(error) => Some(error),
            FaultError::Frame(_) => None,
        })
        .collect()
}

#[test]
fn a_whole_conversation_is_told_thing_by_thing() {
    let client = [REQUEST, b"\x81\x85\x37\xFA\x21\x3D\x7F\x9F\x4D\x51\x58"].concat();
    let server = [
        RESPONSE,
        b"\x89\x02hi",
        b"\x41\x03\xF2\x48\xCD\x80\x04\xC9\xC9\x07\x00",
        b"\x88\x02\x03\xE8",
    ]
    .concat();
    let answers = b"\x8A\x82\0\0\0\0hi\x88\x82\0\0\0\0\x03\xE8";
    let pieces = [&client[..20], &client[20..], &server, answers];
    let directions = [ToServer, ToServer, ToClient, ToServer];
    let pieces: Vec<_> = directions.into_iter().zip(pieces).collect();
    let mut inspector = inspected("", &pieces);
    assert_eq!(inspector.faults(), []);
    let order: Vec<_> = inspector
        .records()
        .iter()
        .map(|record| (record.direction, record.time))
        .collect();
    // what the client's frame means is known after the response
    let of_server = [(ToClient, 3.0); 4];
    let expected = [
        &[(ToServer, 1.0), (ToClient, 3.0), (ToServer, 2.0)],
        &of_server[..],
        &[(ToServer, 4.0); 2],
    ];
    assert_eq!(order, expected.concat());
    assert_eq!(inspector.records()[0].kind, RecordKind::Request);
    assert_eq!(inspector.records()[1].kind, RecordKind::Response);
    let agreement = Agreement {
        server_no_context_takeover: false,
        client_no_context_takeover: false,
        server_max_window_bits: 15,
        client_max_window_bits: 9,
    };
    assert_eq!(inspector.extensions().deflate, Some(agreement));
    let frames: Vec<Frame> = inspector.records()[2..].iter().map(frame).collect();
    assert_eq!(
        [frames[1].partner, frames[5].partner],
        [Some(7), Some(3)],
        "ping and pong"
    );
    assert_eq!([frames[4].partner, frames[6].partner], [Some(8), Some(6)], "the closes");
    assert_eq!([frames[4].status, frames[6].status, frames[0].status], [1000, 1000, 0]);
    let [hello, compressed] = [inspector.messages()[0], inspector.messages()[1]];
    assert_eq!((compressed.first, compressed.last, compressed.frames), (4, 5, 2));
    assert_eq!(
        (compressed.wire_length, compressed.length, compressed.is_compressed),
        (7, 5, true)
    );
    assert_eq!(
        (hello.state, hello.is_text, hello.is_compressed),
        (MessageState::Whole, true, false)
    );
    let all = usize::MAX;
    assert_eq!(inspector.payload(2, Stage::Wire, all), b"\x7F\x9F\x4D\x51\x58");
    assert_eq!(inspector.payload(2, Stage::Unmasked, all), b"Hello");
    assert_eq!(
        inspector.message_payload(1, Stage::Unmasked, all),
        b"\xF2\x48\xCD\xC9\xC9\x07\x00"
    );
    assert_eq!(inspector.message_payload(1, Stage::Inflated, all), b"Hello");
    assert_eq!(inspector.message_payload(1, Stage::Inflated, 2), b"He");
    let parts = [
        inspector.payload(4, Stage::Inflated, all),
        inspector.payload(5, Stage::Inflated, all),
    ];
    assert_eq!(parts.concat(), b"Hello");
    assert!(
        !parts[0].is_empty(),
        "the first frame's bytes are decompressed as they come"
    );
}

#[test]
fn every_check_of_a_handshake_has_a_verdict() {
    let cases: &[(&str, &str, HandshakeError)] = &[
        ("GET /chat", "POST /chat", HandshakeError::MethodNotGet),
        ("Host: example.com\r\n", "", HandshakeError::HostMissing),
        ("Upgrade: websocket", "Upgrade: h2c", HandshakeError::UpgradeMissing),
        (
            "Connection: Upgrade",
            "Connection: close",
            HandshakeError::ConnectionMissing,
        ),
        ("Version: 13", "Version: 8", HandshakeError::VersionNotSupported),
        ("Key: dGhl", "Key: dGh", HandshakeError::KeyMalformed),
        (
            "\r\n\r\n",
            "\r\nSec-WebSocket-Protocol: a, b\r\nSec-WebSocket-Protocol: a\r\n\r\n",
            HandshakeError::SubprotocolRepeated,
        ),
        ("permessage-deflate;", "a b;", HandshakeError::ListMalformed),
    ];
    let request = String::from_utf8(REQUEST.to_vec()).unwrap();
    for (good, bad, error) in cases {
        let inspector = inspected("", &[(ToServer, request.replacen(good, bad, 1).as_bytes())]);
        assert_eq!(handshake_errors(&inspector), [*error], "{bad}");
        let failed: Vec<_> = inspector
            .checks(ToServer)
            .iter()
            .filter_map(|check| check.error)
            .collect();
        assert_eq!(failed, [*error]);
        assert_eq!(inspector.checks(ToServer).len(), 12);
    }
    let responses: &[(&str, &str, HandshakeError)] = &[
        ("s3pP", "S3PP", HandshakeError::AcceptWrong),
        ("permessage-deflate", "x-other", HandshakeError::ExtensionNotOffered),
        ("bits=9", "bits=16", HandshakeError::DeflateValueInvalid),
        ("Upgrade: websocket\r\n", "", HandshakeError::UpgradeMissing),
        (
            "Upgrade: websocket",
            "Upgrade: websocket, h2c",
            HandshakeError::UpgradeMissing,
        ),
        (
            "\r\n\r\n",
            "\r\nSec-WebSocket-Protocol: chat\r\n\r\n",
            HandshakeError::SubprotocolNotOffered,
        ),
    ];
    let response = String::from_utf8(RESPONSE.to_vec()).unwrap();
    for (good, bad, error) in responses {
        let bytes = response.replacen(good, bad, 1);
        // whichever comes first
        for pieces in [
            [(ToServer, REQUEST), (ToClient, bytes.as_bytes())],
            [(ToClient, bytes.as_bytes()), (ToServer, REQUEST)],
        ] {
            let inspector = inspected("", &pieces);
            assert_eq!(handshake_errors(&inspector), [*error], "{bad}");
        }
    }
}

#[test]
fn a_head_has_at_most_256_kib() {
    for (excess, errors) in [(0, &[][..]), (1, &[HandshakeError::HeadTooLarge])] {
        let start = &REQUEST[..REQUEST.len() - 2];
        let rest = 256 * 1024 + excess - start.len() - b"X: \r\n\r\n".len();
        let head = [start, b"X: ", &vec![b'x'; rest], b"\r\n\r\n"].concat();
        let inspector = inspected("", &[(ToServer, &head)]);
        assert_eq!(handshake_errors(&inspector), errors, "{} bytes", head.len());
    }
}

#[test]
fn what_is_no_websocket_is_bytes() {
    let pieces: [(Direction, &[u8]); 2] = [(ToServer, REQUEST), (ToClient, b"HTTP/1.1 404 Not Found\r\n\r\nbody")];
    let inspector = inspected("", &pieces);
    assert_eq!(inspector.records()[2].kind, RecordKind::Bytes(Reason::NotWebSocket));
    assert_eq!(handshake_errors(&inspector)[0], HandshakeError::StatusNot101);
    // frames that stand without a request are not the response's affair
    let frames: [(Direction, &[u8]); 3] = [
        (ToServer, b"\x81\x85\0"),
        (ToClient, pieces[1].1),
        (ToServer, b"\0\0\0Hello"),
    ];
    assert_eq!(inspected("", &frames).messages()[0].state, MessageState::Whole);
    let inspector = inspected("", &[(ToServer, b"GIBBERISH\n"), (ToServer, b"more")]);
    assert_eq!(inspector.records().len(), 1);
    assert_eq!(inspector.checks(ToServer)[0].found, ["GIBBERISH"]);
}

#[test]
fn it_goes_on_after_a_violation_and_says_what_is_unreliable() {
    // reserved bits, no mask, a reserved opcode, and then a frame that is good
    let bytes = b"\xF1\x01a\x83\x80\0\0\0\0\x81\x81\0\0\0\0b\x80\x80\0\0\0\0";
    let inspector = inspected("", &[(ToServer, bytes)]);
    assert_eq!(
        violations(&inspector),
        [
            (0, Violation::ReservedBitSet),
            (0, Violation::MaskMissing),
            (1, Violation::OpcodeReserved),
            (3, Violation::ContinuationUnexpected),
        ]
    );
    let unreliable: Vec<bool> = inspector.records().iter().map(|record| record.is_unreliable).collect();
    assert_eq!(unreliable, [false, true, true, true]);
    let refused: Vec<bool> = inspector
        .records()
        .iter()
        .map(|record| frame(record).is_violation)
        .collect();
    assert_eq!(refused, [true, true, false, true]);
    assert_eq!(inspector.messages()[1].state, MessageState::Whole);
}

#[test]
fn a_length_that_cannot_be_hides_where_the_next_frame_begins() {
    let inspector = inspected("", &[(ToClient, b"\x82\x7F\x80\0\0\0\0\0\0\x01abc")]);
    assert_eq!(violations(&inspector), [(0, Violation::LengthTopBitSet)]);
    assert_eq!(inspector.records()[1].kind, RecordKind::Bytes(Reason::NoBoundary));
}

#[test]
fn what_a_stream_ends_in_is_told() {
    let inspector = inspected("", &[(ToClient, b"\x01\x02ab\x80\x7E\x01")]);
    assert_eq!(inspector.records()[1].kind, RecordKind::Bytes(Reason::Cut));
    assert_eq!(inspector.messages()[0].state, MessageState::Unfinished);
    let inspector = inspected("", &[(ToClient, b"\x88\x00after")]);
    assert_eq!(inspector.records()[1].kind, RecordKind::Bytes(Reason::AfterClose));
    assert_eq!(frame(&inspector.records()[0]).status, 1005);
    let mut inspector = inspected("", &[(ToClient, b"\x82\x05abc")]);
    assert!(!inspector.is_whole(&inspector.records()[0]));
    let whole = inspected("", &[(ToClient, b"\x82\x05abcde")]);
    assert!(whole.is_whole(&whole.records()[0]));
    assert_eq!(inspector.payload(0, Stage::Inflated, usize::MAX), b"abc");
}

#[test]
fn a_corrupt_message_makes_those_after_it_unreadable_only_if_they_refer_to_it() {
    let bytes = b"\xC1\x02\xFF\xFF\xC1\x07\xF2\x48\xCD\xC9\xC9\x07\x00";
    let inspector = inspected(DEFLATE, &[(ToClient, bytes)]);
    assert_eq!(violations(&inspector), [(0, Violation::DeflateCorrupt)]);
    let states = |inspector: &Inspector| {
        inspector
            .messages()
            .iter()
            .map(|message| message.state)
            .collect::<Vec<_>>()
    };
    assert_eq!(states(&inspector), [MessageState::Failed, MessageState::Unreadable]);
    let alone = "permessage-deflate; server_no_context_takeover";
    let mut inspector = inspected(alone, &[(ToClient, bytes)]);
    assert_eq!(states(&inspector), [MessageState::Failed, MessageState::Whole]);
    assert_eq!(inspector.message_payload(1, Stage::Inflated, usize::MAX), b"Hello");
}

#[test]
fn a_compressed_message_that_is_no_text_is_decompressed_all_the_same() {
    let mut deflater = Deflater::new(15, 8, 6);
    let mut wire = Vec::new();
    let text = [b"\xFF".as_slice(), &[b'a'; 20_000], b"b"].concat();
    for _ in 0..2 {
        let mut compressed = Vec::new();
        deflater.compress(&text, Flush::Last, &mut compressed);
        wire.extend(framed(0xC1, &compressed));
    }
    let mut inspector = inspected(DEFLATE, &[(ToClient, &wire)]);
    assert_eq!(
        violations(&inspector),
        [(0, Violation::TextNotUtf8), (1, Violation::TextNotUtf8)]
    );
    for number in 0..2 {
        assert_eq!(inspector.messages()[number as usize].length, text.len() as u64);
        assert_eq!(inspector.message_payload(number, Stage::Inflated, usize::MAX), text);
    }
}

#[test]
fn a_long_message_is_decompressed_to_its_end_or_the_limit() {
    let message = [0, 1, 2, 3].repeat(1_500_000);
    let mut compressed = Vec::new();
    Deflater::new(15, 8, 1).compress(&message, Flush::Last, &mut compressed);
    let mut inspector = inspected(DEFLATE, &[(ToClient, &framed(0xC2, &compressed))]);
    for limit in [usize::MAX, 5_000_000, 3] {
        let payload = inspector.message_payload(0, Stage::Inflated, limit);
        assert!(payload == message[..limit.min(message.len())], "{}", payload.len());
    }
}

#[test]
fn messages_that_refer_to_one_another_are_decompressed_in_any_order() {
    let texts: Vec<String> = (0..400)
        .map(|index| format!("{index} ").repeat(8000 + index * 13))
        .collect();
    let mut deflater = Deflater::new(15, 8, 1);
    let mut state = 1_u32;
    let mut noise = |length| -> Vec<u8> {
        let bytes = (0..length).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        });
        bytes.collect()
    };
    let mut wire = Vec::new();
    let mut payloads: Vec<Vec<u8>> = Vec::new();
    let mut end_of_last = Vec::new();
    for text in &texts {
        // some of each does not compress, so that there are checkpoints; each begins as the one before it ends
        let end = noise(4000);
        let payload = [&end_of_last[..], text.as_bytes(), &end].concat();
        end_of_last = end;
        let mut compressed = Vec::new();
        deflater.compress(&payload, Flush::Last, &mut compressed);
        wire.extend(framed(0xC2, &compressed));
        payloads.push(payload);
    }
    let mut inspector = inspected(DEFLATE, &[(ToClient, &wire)]);
    assert_eq!(inspector.faults(), []);
    for number in [399, 0, 1, 200, 201, 150, 399, 398] {
        let message = u32::try_from(number).unwrap();
        assert_eq!(
            inspector.message_payload(message, Stage::Inflated, 10),
            payloads[number][..10]
        );
        let payload = inspector.message_payload(message, Stage::Inflated, usize::MAX);
        assert!(payload == payloads[number], "message {number}");
        assert_eq!(inspector.messages()[number].length, payload.len() as u64);
    }
}

/// Frames of a compressed message that have this many bytes of it each.
fn fragments(compressed: &[u8], size: usize) -> Vec<Vec<u8>> {
    let count = compressed.len().div_ceil(size);
    let numbered = (1..).zip(compressed.chunks(size));
    let frames = numbered.map(|(number, piece)| {
        let first = if number == 1 { 0x42 } else { 0 } | if number == count { 0x80 } else { 0 };
        framed(first, piece)
    });
    frames.collect()
}

const NO_TAKEOVER: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

#[test]
fn frames_of_compressed_messages_are_decompressed_in_any_order_and_to_any_limit() {
    for extensions in [DEFLATE, NO_TAKEOVER] {
        let mut deflater = Deflater::new(15, 8, 6);
        let mut wire = Vec::new();
        for number in 0..12 {
            let mut compressed = Vec::new();
            let text = format!("{number} ").repeat(7000 * (number % 3 + 1));
            if extensions == NO_TAKEOVER {
                deflater.reset();
            }
            deflater.compress(text.as_bytes(), Flush::Last, &mut compressed);
            for frame in fragments(&compressed, 9) {
                wire.extend(frame);
                wire.extend(framed(0x89, b"a ping in between"));
            }
        }
        let pieces = [(ToClient, &wire[..])];
        let mut inspector = inspected(extensions, &pieces);
        assert_eq!(inspector.faults(), []);
        let payload = |frame| inspected(extensions, &pieces).payload(frame, Stage::Inflated, usize::MAX);
        let frames: Vec<Vec<u8>> = (0..).map(payload).take(inspector.records().len()).collect();
        let mut state = 7_u32;
        for _ in 0..1000 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let [first, count, limit] = [16, 10, 4].map(|shift| state as usize >> shift);
            let limit = [usize::MAX, 5, 9000][limit % 3];
            for (number, frame) in (0..).zip(&frames).skip(first % frames.len()).take(count % 5) {
                let payload = inspector.payload(number, Stage::Inflated, limit);
                assert!(payload == frame[..limit.min(frame.len())], "{extensions}, {number}");
            }
        }
    }
}

/// If each began at the message's beginning, this would take many minutes.
#[test]
fn the_frames_of_a_message_are_decompressed_once_if_they_are_asked_for_in_order() {
    const SIZE: usize = 8_000_000;
    let mut compressed = Vec::new();
    Deflater::new(15, 8, 9).compress(&vec![0; SIZE], Flush::Last, &mut compressed);
    let frames = fragments(&compressed, 1);
    for extensions in [DEFLATE, NO_TAKEOVER] {
        let mut recorded = inspected(extensions, &[(ToClient, &frames.concat())]);
        for limit in [usize::MAX, 100] {
            let mut live = Inspector::new(Options {
                extensions,
                ..Options::default()
            });
            let mut lengths = [0; 2];
            for (number, frame) in (0..).zip(&frames) {
                live.push(ToClient, frame, 0.0);
                lengths[0] += recorded.payload(number, Stage::Inflated, limit).len();
                lengths[1] += live.payload(number, Stage::Inflated, limit).len();
            }
            let all = if limit == usize::MAX {
                SIZE
            } else {
                frames.len() * limit
            };
            assert!(
                lengths[0] <= all && lengths[0] > all / 2 && lengths[0] == lengths[1],
                "{lengths:?}"
            );
        }
    }
}

#[test]
fn what_is_missing_in_a_payload_hides_that_message_and_is_never_read_as_bytes() {
    let mut inspector = Inspector::new(Options {
        extensions: DEFLATE,
        ..Options::default()
    });
    inspector.push(ToClient, b"\x81\x05H", 1.0);
    inspector.push_missing(ToClient, 3, 2.0);
    inspector.push(ToClient, b"o\xC1\x07\xF2\x48\xCD\xC9\xC9\x07\x00\xC1\x05\xF2", 3.0);
    inspector.push_missing(ToClient, 2, 4.0);
    inspector.push(ToClient, b"\x00\x00\x89\x01", 5.0);
    inspector.push_missing(ToClient, 3, 6.0);
    inspector.push(ToClient, b"\x81\x00", 7.0);
    inspector.finish();
    let states: Vec<_> = inspector.messages().iter().map(|message| message.state).collect();
    assert_eq!(
        states,
        [MessageState::Unreadable, MessageState::Whole, MessageState::Unreadable]
    );
    assert_eq!(inspector.payload(0, Stage::Inflated, usize::MAX), b"H");
    assert_eq!(inspector.payload_from(0, Stage::Unmasked, 4, usize::MAX), b"o");
    assert!(inspector.gaps(ToClient, 0..7).eq(core::iter::once(3..6)));
    assert_eq!(inspector.payload(1, Stage::Inflated, usize::MAX), b"Hello");
    let rest = inspector.records()[4];
    assert_eq!(
        (rest.kind, rest.end - rest.start),
        (RecordKind::Bytes(Reason::Missing), 4)
    );
    assert_eq!(inspector.faults(), []);
}

#[test]
fn any_number_of_bytes_may_be_missing_and_what_comes_behind_them_is_read() {
    let frame = masked(0x82, &[7; 20]);
    let huge = b"\x82\xFF\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01\x02\x03\x04ab";
    for missing in [u64::MAX, u64::MAX - 5, u64::MAX / 2] {
        for first in [&b""[..], &frame, &frame[..4], huge] {
            for is_mid_stream in [false, true] {
                let mut inspector = Inspector::new(Options {
                    is_mid_stream,
                    ..Options::default()
                });
                inspector.push(ToServer, first, 1.0);
                inspector.push_missing(ToServer, missing, 2.0);
                inspector.push_missing(ToServer, missing, 2.0);
                inspector.push(ToServer, &frame, 3.0);
                inspector.push(ToServer, &frame, 4.0);
                inspector.finish();
                let length = inspector.length(ToServer);
                assert_eq!(length, (1 << 62) + 2 * frame.len() as u64);
                assert_eq!(inspector.bytes(ToServer, length - frame.len() as u64..u64::MAX), frame);
                if first != huge {
                    let last = u32::try_from(inspector.records().len() - 1).unwrap();
                    assert_eq!(inspector.payload(last, Stage::Unmasked, usize::MAX), [7; 20]);
                }
            }
        }
    }
}

/// A frame of a client, with a key that is none of the payload's bytes.
#[test]
fn without_the_response_it_is_not_known_whether_messages_are_compressed() {
    let request = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
    let compressed = masked(0xC1, b"\xF2\x48\xCD\xC9\xC9\x07\x00");
    for request_length in [request.len(), 40] {
        for is_lost in [true, false] {
            let mut inspector = Inspector::new(Options::default());
            inspector.push(ToServer, &request[..request_length], 1.0);
            inspector.push_missing(ToServer, (request.len() - request_length) as u64, 1.0);
            if is_lost {
                inspector.push_missing(ToClient, 129, 2.0);
                inspector.push(ToClient, b"\xC1\x07\xF2\x48\xCD\xC9\xC9\x07\x00", 2.0);
            }
            inspector.push(ToServer, &compressed, 3.0);
            inspector.finish();
            assert!(!inspector.extensions().are_known);
            assert_eq!(violations(&inspector), [], "{request_length} {is_lost}");
        }
    }
}

fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let key = [0x1F, 0x80, 0xA5, 0xC3];
    let length = u8::try_from(payload.len()).expect("a short payload");
    let payload = payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key);
    [first, 0x80 | length].into_iter().chain(key).chain(payload).collect()
}

#[test]
fn behind_a_lost_piece_the_next_header_is_found_where_a_piece_begins() {
    let frames: Vec<Vec<u8>> = (0..6).map(|number| masked(0x82, &[number; 20])).collect();
    let mut inspector = Inspector::new(Options::default());
    for (number, frame) in frames.iter().enumerate() {
        match number {
            2 => inspector.push_missing(ToServer, frame.len() as u64, 2.0),
            _ => inspector.push(ToServer, frame, 2.0),
        }
    }
    inspector.finish();
    let kinds: Vec<_> = inspector
        .records()
        .iter()
        .map(|record| (record.kind, record.is_found))
        .collect();
    assert_eq!(kinds.len(), 6);
    assert_eq!(kinds[2], (RecordKind::Bytes(Reason::Missing), false));
    assert_eq!(
        kinds.iter().map(|kind| kind.1).collect::<Vec<_>>(),
        [false, false, false, true, false, false]
    );
    assert_eq!(inspector.payload(3, Stage::Unmasked, usize::MAX), [3; 20]);
    assert_eq!(inspector.faults(), []);
}

#[test]
fn a_lost_piece_may_hold_the_beginning_of_a_message_and_the_end_of_another() {
    let wire = [
        framed(0x01, b"one"),
        framed(0x80, b"two"),
        framed(0x00, b"three"),
        framed(0x80, b"four"),
        framed(0x81, b"five"),
    ];
    let mut inspector = Inspector::new(Options::default());
    inspector.push(ToClient, &wire[0], 0.0);
    inspector.push_missing(ToClient, 12, 0.0);
    for frame in &wire[2..] {
        inspector.push(ToClient, frame, 0.0);
    }
    inspector.finish();
    assert_eq!(inspector.faults(), []);
    let states: Vec<_> = inspector.messages().iter().map(|message| message.state).collect();
    assert_eq!(states, [MessageState::Unreadable, MessageState::Whole]);
    let kinds: Vec<_> = inspector.records().iter().map(|record| record.kind).collect();
    assert_eq!(kinds[1], RecordKind::Bytes(Reason::Missing));
    assert_eq!(kinds.len(), 5, "a message may go on behind what was lost");
}

#[test]
fn a_recording_that_begins_inside_a_message_is_read_from_the_next_message_on() {
    let rest = [framed(0x00, b"three"), framed(0x80, b"four")].concat();
    let mut inspector = Inspector::new(Options {
        is_mid_stream: true,
        ..Options::default()
    });
    inspector.push(ToClient, &rest, 0.0);
    inspector.push(ToClient, &framed(0x81, b"five"), 0.0);
    inspector.push(ToClient, &framed(0x81, b"six"), 0.0);
    inspector.finish();
    assert_eq!(inspector.messages().len(), 2);
    let places: Vec<_> = inspector
        .records()
        .iter()
        .map(|record| (record.start, record.is_found))
        .collect();
    let start = rest.len() as u64;
    assert_eq!(places, [(0, false), (start, true), (start + 6, false)]);
}

#[test]
fn zeros_behind_what_was_lost_are_no_frames() {
    for (piece, expected) in [(&[0; 40][..], 2), (&[0x00, 1, b'a', 0x80, 1, b'b', 0x89, 0], 5)] {
        let mut inspector = Inspector::new(Options::default());
        inspector.push(ToClient, &framed(0x81, b"one"), 0.0);
        inspector.push_missing(ToClient, 12, 0.0);
        inspector.push(ToClient, piece, 0.0);
        inspector.finish();
        assert_eq!(inspector.records().len(), expected, "{piece:?}");
    }
}

#[test]
fn bytes_that_only_look_a_little_like_a_header_are_no_frame() {
    for noise in [
        &[0; 40][..],
        b"plain text, and more of it, and so on",
        &[0xFF; 40],
        &[0x82; 3],
    ] {
        let mut inspector = Inspector::new(Options {
            is_mid_stream: true,
            ..Options::default()
        });
        inspector.push(ToClient, noise, 0.0);
        inspector.finish();
        let kinds: Vec<_> = inspector.records().iter().map(|record| record.kind).collect();
        assert_eq!(kinds, [RecordKind::Bytes(Reason::Missing)], "{noise:?}");
    }
}

#[test]
fn a_head_that_is_cut_shows_what_is_there_and_the_frames_behind_it() {
    let mut inspector = Inspector::new(Options::default());
    inspector.push(ToServer, &REQUEST[..60], 0.0);
    inspector.push_missing(ToServer, REQUEST.len() as u64 - 60, 0.0);
    inspector.push(ToClient, &RESPONSE[..70], 0.0);
    inspector.push_missing(ToClient, RESPONSE.len() as u64 - 70, 0.0);
    inspector.push(ToServer, &masked(0x81, b"Hello, server"), 1.0);
    assert_eq!(
        inspector.records()[0].kind,
        RecordKind::Request,
        "it need not wait for the end"
    );
    // compressed, perhaps: what was agreed on is not known
    inspector.push(ToClient, &framed(0xC1, b"\xF2\x48\xCD\xC9\xC9\x07\x00"), 1.0);
    inspector.finish();
    assert_eq!(inspector.faults(), []);
    assert!(!inspector.extensions().are_known);
    let kinds: Vec<_> = inspector.records().iter().map(|record| record.kind).collect();
    assert!(matches!(
        kinds[..],
        [
            RecordKind::Request,
            RecordKind::Response,
            RecordKind::Frame(_),
            RecordKind::Frame(_)
        ]
    ));
    assert_eq!(inspector.payload(0, Stage::Wire, usize::MAX), &REQUEST[..60]);
}

#[test]
fn a_head_whose_end_is_lost_is_told_at_the_end_of_the_recording() {
    let mut inspector = Inspector::new(Options::default());
    inspector.push(ToServer, &REQUEST[..60], 0.0);
    inspector.push_missing(ToServer, 20, 0.0);
    assert_eq!(inspector.records(), [], "more of it may be lost");
    inspector.finish();
    let [record] = inspector.records() else { panic!() };
    assert_eq!((record.kind, record.start..record.end), (RecordKind::Request, 0..80));
}

#[test]
fn behind_a_head_with_a_hole_the_first_frame_is_where_the_head_ends() {
    let mut inspector = Inspector::new(Options::default());
    inspector.push(ToServer, &REQUEST[..60], 0.0);
    inspector.push_missing(ToServer, 20, 0.0);
    inspector.push(ToServer, &[&REQUEST[80..], &masked(0x82, &[7; 20])].concat(), 0.0);
    inspector.push(ToClient, RESPONSE, 0.0);
    inspector.finish();
    let records: Vec<_> = inspector
        .records()
        .iter()
        .filter(|record| record.direction == ToServer)
        .collect();
    assert_eq!(records.len(), 2);
    assert_eq!(records[0].end, REQUEST.len() as u64);
    assert_eq!(frame(records[1]).header_size, 6);
}

#[test]
fn a_part_of_a_masked_payload_is_unmasked_from_any_place_on() {
    let mut inspector = inspected("", &[(ToServer, &masked(0x82, b"0123456789"))]);
    for offset in 0..10 {
        let expected = &b"0123456789"[offset..];
        assert_eq!(
            inspector.payload_from(0, Stage::Unmasked, offset as u64, usize::MAX),
            expected
        );
        assert_eq!(
            inspector.payload_from(0, Stage::Unmasked, offset as u64, 1),
            expected[..1]
        );
    }
    assert_eq!(inspector.payload(0, Stage::Unmasked, 3), b"012");
    assert_eq!(
        inspector.payload_from(7, Stage::Wire, 0, 1),
        b"",
        "there is no such record"
    );
    assert_eq!(inspector.payload(7, Stage::Wire, 1), b"");
    assert_eq!(inspector.message_payload(7, Stage::Wire, 1), b"");
}

#[test]
fn heads_of_http_2_are_read_as_text_with_its_own_checks() {
    let mut inspector = Inspector::new(Options {
        is_http2: true,
        ..Options::default()
    });
    let request =
        b"CONNECT /chat HTTP/2\r\n:method: CONNECT\r\n:protocol: websocket\r\nsec-websocket-version: 13\r\n\r\n";
    inspector.push(ToServer, request, 0.0);
    inspector.push(
        ToClient,
        b"HTTP/2 200\r\nsec-websocket-extensions: permessage-deflate\r\n\r\n",
        0.0,
    );
    inspector.push(ToServer, &masked(0x81, b"Hello"), 1.0);
    inspector.finish();
    assert_eq!(inspector.faults(), []);
    assert_eq!(inspector.records().len(), 3);
    assert!(inspector.extensions().deflate.is_some());
    let subjects: Vec<_> = inspector.checks(ToServer).iter().map(|check| check.subject).collect();
    assert_eq!(subjects[..2], ["method", "protocol"]);
}

#[test]
fn a_record_takes_96_bytes_at_most() {
    assert!(size_of::<Record>() <= 96, "{}", size_of::<Record>());
}

/// The kinds of the records that this piece makes behind a lost one, before and after the end of the recording.
fn behind_a_loss(piece: &[u8]) -> [Vec<&'static str>; 2] {
    let mut inspector = Inspector::new(Options::default());
    inspector.push(ToClient, b"\x82\x01a", 0.0);
    inspector.push_missing(ToClient, 7, 0.0);
    inspector.push(ToClient, piece, 0.0);
    let kinds = |inspector: &Inspector| {
        let kinds = inspector.records()[1..].iter().map(|record| match record.kind {
            RecordKind::Frame(_) => "frame",
            RecordKind::Bytes(Reason::Missing) => "missing",
            RecordKind::Bytes(Reason::Cut) => "cut",
            _ => "other",
        });
        kinds.collect()
    };
    let before = kinds(&inspector);
    inspector.finish();
    [before, kinds(&inspector)]
}

#[test]
fn a_header_behind_a_loss_is_believed_once_it_cannot_be_chance() {
    let none = Vec::<&str>::new;
    let cases: [(&[u8], [Vec<&str>; 2]); 11] = [
        // a piece that ends with the frame, which has a payload
        (b"\x82\x02ab", [vec!["missing", "frame"], vec!["missing", "frame"]]),
        // headers alone: two and the end of the recording, or three and more bytes
        (b"\x89\0", [none(), vec!["missing"]]),
        (b"\x89\0\x89\0", [none(), vec!["missing", "frame", "frame"]]),
        (
            b"\x89\0\x89\0\x89\0\x89\0",
            [(); 2].map(|()| vec!["missing", "frame", "frame", "frame", "frame"]),
        ),
        // the third may be cut
        (
            b"\x89\0\x89\0\x89",
            [
                vec!["missing", "frame", "frame"],
                vec!["missing", "frame", "frame", "cut"],
            ],
        ),
        (b"\x89\0\x89", [none(), vec!["missing"]]),
        // eight bytes of valid text, of a frame that has not ended
        (
            b"\x81\x7Da text, ",
            [vec!["missing", "frame"], vec!["missing", "frame"]],
        ),
        (b"\x81\x7Da text,", [none(), vec!["missing"]]),
        (b"\x81\x7Da text\xFF\xFF", [none(), vec!["missing"]]),
        (b"\x82\x7Da text, ", [none(), vec!["missing"]]),
        // a client's frame is not a server's
        (b"\x82\x81\0\0\0\0a", [none(), vec!["missing"]]),
    ];
    for (piece, expected) in cases {
        assert_eq!(behind_a_loss(piece), expected, "{:?}", piece.escape_ascii().to_string());
    }
}

#[test]
fn behind_a_loss_a_later_piece_may_begin_with_the_header() {
    let mut inspector = Inspector::new(Options::default());
    inspector.push_missing(ToClient, 5, 0.0);
    inspector.push(ToClient, b"no header", 1.0);
    inspector.push(ToClient, &framed(0x82, b"payload"), 2.0);
    inspector.finish();
    let places: Vec<_> = inspector
        .records()
        .iter()
        .map(|record| (record.start, record.time))
        .collect();
    assert_eq!(places, [(0, 0.0), (14, 2.0)]);
}

#[test]
fn no_frame_is_found_before_the_header_that_was_lost() {
    // a header of which only the first byte is there: at the beginning, and behind a byte that could begin one itself
    let cases: [(&[&[u8]], u64); 2] = [(&[b"\x82"], 0), (&[b"\x82\x01", b"\x82\x02"], 3)];
    for (pieces, lost) in cases {
        let mut inspector = Inspector::new(Options::default());
        for piece in pieces {
            inspector.push(ToClient, piece, 0.0);
        }
        inspector.push_missing(ToClient, 2, 1.0);
        inspector.push(ToClient, &framed(0x82, b"payload"), 2.0);
        inspector.finish();
        let records = inspector.records();
        let [.., missing, found] = records else {
            panic!("{records:?}")
        };
        assert_eq!(
            (missing.start, missing.kind),
            (lost, RecordKind::Bytes(Reason::Missing))
        );
        assert_eq!((found.start, found.is_found), (lost + 3, true));
    }
}

#[test]
fn a_recording_that_begins_in_the_middle_may_begin_with_a_head_all_the_same() {
    let kind = |direction, bytes: &[u8]| {
        let mut inspector = Inspector::new(Options {
            is_mid_stream: true,
            ..Options::default()
        });
        inspector.push(direction, bytes, 0.0);
        inspector.finish();
        inspector.records()[0].kind
    };
    assert_eq!(kind(ToServer, REQUEST), RecordKind::Request);
    assert_eq!(kind(ToServer, b"GET http://a/ HTTP/1.1\r\n\r\n"), RecordKind::Request);
    assert_eq!(kind(ToClient, RESPONSE), RecordKind::Response);
    for payload in ["GET 1/", "GO /x", "get /x", "HTTP/2 it"] {
        assert_eq!(
            kind(ToServer, payload.as_bytes()),
            RecordKind::Bytes(Reason::Missing),
            "{payload}"
        );
    }
}

#[test]
fn nothing_comes_after_the_end_of_the_recording() {
    let mut inspector = inspected("", &[(ToClient, b"\x82\x01a")]);
    inspector.push(ToClient, b"\x82\x01b", 1.0);
    inspector.push_missing(ToClient, 3, 1.0);
    inspector.finish();
    assert_eq!((inspector.records().len(), inspector.length(ToClient)), (1, 3));
}

#[test]
fn a_response_lets_both_directions_be_read_to_where_their_frames_end() {
    let mut inspector = Inspector::new(Options::default());
    let after_close = |head: &[u8], close: &[u8]| [head, close, b"after"].concat();
    inspector.push(ToServer, &after_close(REQUEST, &masked(0x88, b"")), 0.0);
    assert_eq!(
        inspector.records().len(),
        1,
        "what a request asks for, its response says"
    );
    inspector.push(ToClient, &after_close(RESPONSE, &framed(0x88, b"")), 1.0);
    for direction in [ToServer, ToClient] {
        let last = inspector.records().iter().rfind(|record| record.direction == direction);
        assert_eq!(
            last.map(|record| (record.kind, record.end)),
            Some((RecordKind::Bytes(Reason::AfterClose), inspector.length(direction))),
            "{direction:?}"
        );
    }
}

/// RFC 6455 §9: an extension may give any reserved bit a meaning.
#[test]
fn behind_a_request_whose_end_is_lost_the_response_tells_what_a_header_may_be() {
    let response = std::str::from_utf8(RESPONSE)
        .unwrap()
        .replace(DEFLATE, "x-with-a-reserved-bit");
    let mut inspector = Inspector::new(Options::default());
    inspector.push(ToServer, &REQUEST[..REQUEST.len() - 2], 0.0);
    inspector.push_missing(ToServer, 2, 0.0);
    inspector.push(ToServer, &masked(0xA2, b"payload"), 0.0);
    inspector.push(ToClient, response.as_bytes(), 1.0);
    inspector.finish();
    let last = inspector.records().last().unwrap();
    assert_eq!(
        (last.direction, frame(last).first, last.is_found),
        (ToServer, 0xA2, true)
    );
}

#[test]
fn a_response_that_is_cut_and_refuses_has_no_frames_behind_it() {
    let response = b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n";
    let mut inspector = Inspector::new(Options::default());
    inspector.push(ToServer, REQUEST, 0.0);
    inspector.push(ToClient, response, 0.0);
    inspector.push_missing(ToClient, 10, 0.0);
    inspector.push(ToClient, &framed(0x82, b"body"), 0.0);
    inspector.finish();
    let kinds: Vec<_> = inspector.records().iter().map(|record| record.kind).collect();
    assert_eq!(
        kinds,
        [
            RecordKind::Request,
            RecordKind::Response,
            RecordKind::Bytes(Reason::NotWebSocket)
        ]
    );
    let subjects: Vec<_> = inspector.checks(ToClient).iter().map(|check| check.subject).collect();
    assert!(!subjects.contains(&"fields") && !subjects.is_empty(), "{subjects:?}");
    // what was agreed on is known if the field is there
    let mut inspector = Inspector::new(Options::default());
    inspector.push(ToServer, REQUEST, 0.0);
    inspector.push(ToClient, &RESPONSE[..RESPONSE.len() - 2], 0.0);
    inspector.push_missing(ToClient, 2, 0.0);
    inspector.push(ToClient, &framed(0x82, b"body"), 0.0);
    inspector.finish();
    assert_eq!(
        inspector
            .extensions()
            .deflate
            .map(|agreed| agreed.client_max_window_bits),
        Some(9)
    );
}

#[test]
fn a_pong_answers_the_last_ping_with_its_payload_and_those_before_it() {
    let partners = |frames: &[(Direction, &[u8])]| {
        let inspector = inspected("", frames);
        let records = inspector.records().iter();
        records.map(|record| frame(record).partner).collect::<Vec<_>>()
    };
    let ping = |bytes: &'static [u8]| (ToServer, bytes);
    let pong = |bytes: &'static [u8]| (ToClient, bytes);
    let [one, two] = [b"\x89\x81\0\0\0\x001", b"\x89\x81\0\0\0\x002"];
    assert_eq!(
        partners(&[
            ping(one),
            ping(two),
            ping(one),
            pong(b"\x8A\x011"),
            pong(b"\x8A\x012"),
            pong(b"\x8A\x011")
        ]),
        [None, None, Some(3), Some(2), None, None],
        "earlier ones are owed no pong any more"
    );
    assert_eq!(
        partners(&[ping(one), ping(two), pong(b"\x8A\x011"), pong(b"\x8A\x012")]),
        [Some(2), Some(3), Some(0), Some(1)],
        "later ones are"
    );
    assert_eq!(
        partners(&[ping(one), pong(b"\x8A\x0212"), pong(b"\x8A\0"), pong(b"\x8A\x011")]),
        [Some(3), None, None, Some(0)],
        "a pong that answers nothing changes nothing"
    );
    let mut many: Vec<_> = [ping(one)].into_iter().chain([ping(two)].repeat(64)).collect();
    many.push(pong(b"\x8A\x011"));
    assert_eq!(partners(&many)[0], Some(65), "of 65 pings");
    many.insert(1, ping(two));
    assert_eq!(partners(&many)[0], None, "of 66 pings: what is kept is bounded");
}

#[test]
fn a_frame_tells_how_its_length_was_written() {
    for (length, bits) in [(125, 7), (126, 16), (65_535, 16), (65_536, 64)] {
        for mask in [None, Some(websocket_component::MaskKey([1, 2, 3, 4]))] {
            let header = websocket_component::Header {
                fin: true,
                rsv: 0,
                opcode: websocket_component::Opcode::Binary,
                mask,
                length,
            };
            let mut bytes = [0; 14];
            let size = header.encode(&mut bytes);
            let direction = if mask.is_some() { ToServer } else { ToClient };
            let inspector = inspected("", &[(direction, &bytes[..size])]);
            let frame = frame(&inspector.records()[0]);
            assert_eq!(
                (frame.length_bits(), usize::from(frame.header_size), frame.mask),
                (bits, size, mask)
            );
            assert_eq!(
                (frame.fin(), frame.opcode()),
                (true, Some(websocket_component::Opcode::Binary))
            );
        }
    }
}

#[test]
fn a_message_that_another_interrupts_takes_its_window_with_it() {
    let hello = b"\xF2\x48\xCD\xC9\xC9\x07\x00";
    let wire = [framed(0x41, &hello[..3]), framed(0xC1, hello), framed(0x81, b"plain")].concat();
    let states = |extensions: &str| {
        let inspector = inspected(extensions, &[(ToClient, &wire)]);
        assert_eq!(violations(&inspector), [(1, Violation::MessageUnfinished)]);
        inspector
            .messages()
            .iter()
            .map(|message| message.state)
            .collect::<Vec<_>>()
    };
    let [failed, whole] = [MessageState::Failed, MessageState::Whole];
    assert_eq!(states(DEFLATE), [failed, MessageState::Unreadable, whole]);
    assert_eq!(
        states("permessage-deflate; server_no_context_takeover"),
        [failed, whole, whole]
    );
}

#[test]
fn what_cannot_be_decompressed_is_no_fault_if_it_may_refer_to_what_came_before_the_recording() {
    let told = |extensions: &str, is_mid_stream| {
        let mut inspector = Inspector::new(Options {
            extensions,
            is_mid_stream,
            ..Options::default()
        });
        inspector.push(ToClient, b"\xC1\x02\xFF\xFF", 0.0);
        inspector.push(ToClient, &framed(0x81, b"a plain text"), 0.0);
        inspector.finish();
        (inspector.messages()[0].state, inspector.faults().len())
    };
    let alone = "permessage-deflate; server_no_context_takeover";
    assert_eq!(told(DEFLATE, true), (MessageState::Unreadable, 0));
    assert_eq!(told(DEFLATE, false), (MessageState::Failed, 1));
    assert_eq!(told(alone, true), (MessageState::Failed, 1));
}

#[test]
fn behind_a_lost_header_compressed_messages_are_read_unless_they_refer_to_what_was_lost() {
    let hello = framed(0xC1, b"\xF2\x48\xCD\xC9\xC9\x07\x00");
    let last = |extensions: &str| {
        let mut inspector = Inspector::new(Options {
            extensions,
            ..Options::default()
        });
        inspector.push(ToClient, &hello, 0.0);
        inspector.push(ToClient, b"\x41\x02\xF2", 0.0);
        inspector.push_missing(ToClient, 9, 0.0);
        inspector.push(ToClient, &hello, 0.0);
        inspector.push(ToClient, &hello, 0.0);
        inspector.finish();
        assert_eq!(inspector.faults(), []);
        inspector
            .messages()
            .iter()
            .map(|message| message.state)
            .collect::<Vec<_>>()
    };
    let [whole, unreadable] = [MessageState::Whole, MessageState::Unreadable];
    assert_eq!(last(DEFLATE), [whole, unreadable, unreadable, unreadable]);
    let alone = "permessage-deflate; server_no_context_takeover";
    assert_eq!(last(alone), [whole, unreadable, whole, whole]);
}

#[test]
fn a_limit_ends_a_payload_within_or_between_frames() {
    let wire = [framed(0x02, b"abc"), framed(0x89, b"ping"), framed(0x80, b"def")].concat();
    let mut inspector = inspected("", &[(ToClient, &wire)]);
    for limit in 0..8 {
        assert_eq!(
            inspector.message_payload(0, Stage::Unmasked, limit),
            b"abcdef"[..limit.min(6)]
        );
    }
    let mut inspector = Inspector::new(Options::default());
    inspector.push(ToClient, b"\x02\x03a", 0.0);
    inspector.push_missing(ToClient, 2, 0.0);
    inspector.push(ToClient, &framed(0x80, b"def"), 0.0);
    inspector.finish();
    assert_eq!(
        inspector.message_payload(0, Stage::Unmasked, 100),
        b"a",
        "up to the first byte that is missing"
    );
}

#[test]
fn a_close_whose_payload_is_lost_ends_the_frames() {
    let mut inspector = Inspector::new(Options::default());
    inspector.push(ToClient, b"\x88\x02\x03", 0.0);
    inspector.push_missing(ToClient, 1, 0.0);
    inspector.push(ToClient, &framed(0x82, b"after"), 0.0);
    inspector.finish();
    assert_eq!(inspector.faults(), []);
    assert_eq!(inspector.records()[1].kind, RecordKind::Bytes(Reason::AfterClose));
    assert_eq!(frame(&inspector.records()[0]).status, 0);
}

/// RFC 6455 §5.5.1, §7.4.1.
#[test]
fn a_close_is_checked_where_its_payload_is() {
    let faults = |payload: &[u8]| violations(&inspected("", &[(ToClient, &framed(0x88, payload))]));
    assert_eq!(faults(b""), []);
    assert_eq!(faults(b"\x03"), [(0, Violation::ClosePayloadTooShort)]);
    assert_eq!(faults(b"\x03\xE8ok"), []);
    assert_eq!(faults(b"\x03\xED"), [(0, Violation::CloseStatusInvalid)]);
    let inspector = inspected("", &[(ToClient, &framed(0x88, b"\x03\xE8\xFF"))]);
    assert_eq!((violations(&inspector).len(), inspector.faults()[0].offset), (1, 2));
}

/// A conversation's bytes, from headers that are often nearly right.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let good = (0..11_u8, any::<bool>(), vec(any::<u8>(), 0..20))
        .prop_map(|(opcode, fin, payload)| framed(if fin { 0x80 } else { 0 } | opcode, &payload));
    let masked = (0..11_u8, vec(any::<u8>(), 0..20)).prop_map(|(opcode, payload)| {
        let frame = framed(0x80 | opcode, &payload);
        [&[frame[0], 0x80 | frame[1], 0, 0, 0, 0], &frame[2..]].concat()
    });
    let compressed = vec(prop_oneof![Just(0x61_u8), any::<u8>()], 0..200).prop_map(|payload| {
        let mut out = Vec::new();
        Deflater::new(15, 8, 6).compress(&payload, Flush::Last, &mut out);
        framed(0xC2, &out)
    });
    let head = prop_oneof![Just(REQUEST.to_vec()), Just(RESPONSE.to_vec())];
    let part = prop_oneof![4 => good, 4 => masked, 2 => compressed, 1 => vec(any::<u8>(), 0..30), 1 => head];
    vec(part, 0..8).prop_map(|parts| parts.concat())
}

/// An unmasked frame of less than 64 KiB.
fn framed(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).expect("a short payload");
    let [high, low] = length.to_be_bytes();
    let header = if length < 126 {
        vec![first, low]
    } else {
        vec![first, 126, high, low]
    };
    [header, payload.to_vec()].concat()
}

fn cut<'a>(bytes: &'a [u8], cuts: &[Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    places.sort_unstable();
    let ends = places.iter().copied().chain([bytes.len()]);
    [0].into_iter()
        .chain(places.iter().copied())
        .zip(ends)
        .map(|(start, end)| &bytes[start..end])
        .collect()
}

/// All records of a direction, without their numbers: the pieces decide which direction is read first, and where in a
/// text invalid UTF-8 is found.
fn told(inspector: &Inspector, direction: Direction) -> Vec<String> {
    let mut told = Vec::new();
    for (number, record) in (0..).zip(inspector.records()) {
        if record.direction != direction {
            continue;
        }
        let mut record = *record;
        if let RecordKind::Frame(frame) = &mut record.kind {
            let message = frame
                .message
                .take()
                .map(|message| inspector.messages()[message as usize]);
            let message = message.map(|message| (message.state, message.frames, message.wire_length, message.length));
            told.push(format!("{message:?}"));
            frame.partner = None;
        }
        told.push(format!("{record:?}"));
        let faults = inspector.faults().iter().filter(|fault| fault.record == number);
        told.extend(faults.map(|fault| format!("{:?}", fault.error)));
    }
    told
}

/// The first violation that a session of the engine finds.
fn violation_of_session(role: Role, deflate: bool, bytes: &[u8]) -> Option<Violation> {
    let mut session = Session::new(role, SessionOptions::default());
    if deflate {
        let agreement = Agreement {
            server_no_context_takeover: false,
            client_no_context_takeover: false,
            server_max_window_bits: 15,
            client_max_window_bits: 15,
        };
        session.enable_deflate(&agreement, DeflateSettings::default());
    }
    let mut input = bytes.to_vec();
    let mut at = 0;
    loop {
        match session.receive(&mut input[at..]) {
            Err(violation) => return Some(violation),
            Ok(step) if step.received == Received::NeedMore => return None,
            Ok(step) => at += step.consumed,
        }
    }
}

proptest! {
    #![proptest_config(replay::config())]

    #[test]
    fn any_bytes_are_covered_by_records_and_cut_anywhere_give_the_same(
        to_server in bytes(), to_client in bytes(), cuts in vec(any::<Index>(), 0..6), deflate in any::<bool>(),
    ) {
        let extensions = if deflate { DEFLATE } else { "" };
        let mut whole = inspected(extensions, &[(ToServer, &to_server), (ToClient, &to_client)]);
        let mut pieces = Inspector::new(Options { extensions, ..Options::default() });
        for (direction, bytes) in [(ToServer, &to_server), (ToClient, &to_client)] {
            for piece in cut(bytes, &cuts) {
                pieces.push(direction, piece, if direction == ToServer { 1.0 } else { 2.0 });
            }
        }
        pieces.finish();
        for direction in [ToServer, ToClient] {
            prop_assert_eq!(told(&whole, direction), told(&pieces, direction));
        }
        for (direction, bytes) in [(ToServer, &to_server), (ToClient, &to_client)] {
            let mut rebuilt = Vec::new();
            for record in whole.records().iter().filter(|record| record.direction == direction) {
                prop_assert_eq!(record.start, rebuilt.len() as u64);
                rebuilt.extend(whole.bytes(direction, record.start..record.end));
            }
            prop_assert_eq!(&rebuilt, bytes);
        }
        for record in 0..u32::try_from(whole.records().len()).unwrap() {
            for stage in [Stage::Wire, Stage::Unmasked, Stage::Inflated] {
                whole.payload(record, stage, 1000);
            }
        }
        for message in 0..u32::try_from(whole.messages().len()).unwrap() {
            let found = whole.messages()[message as usize];
            let payload = whole.message_payload(message, Stage::Inflated, usize::MAX);
            if found.state == MessageState::Whole {
                prop_assert_eq!(payload.len() as u64, found.length);
                let parts: Vec<u8> = (found.first..=found.last)
                    .filter(|&record| {
                        let kind = &whole.records()[record as usize].kind;
                        matches!(kind, RecordKind::Frame(frame) if frame.message == Some(message))
                    })
                    .collect::<Vec<_>>()
                    .into_iter()
                    .flat_map(|record| whole.payload(record, Stage::Inflated, usize::MAX))
                    .collect();
                prop_assert_eq!(parts, payload);
            }
        }
    }

    #[test]
    fn the_first_violation_is_the_one_that_the_engine_finds(
        bytes in bytes(),
        deflate in any::<bool>(),
        server in any::<bool>(),
    ) {
        prop_assume!(!bytes.first().is_some_and(|first| (b'C'..=b'Z').contains(first)));
        let (role, direction) = if server { (Role::Server, ToServer) } else { (Role::Client, ToClient) };
        let inspector = inspected(if deflate { DEFLATE } else { "" }, &[(direction, &bytes)]);
        let first = violations(&inspector).first().map(|&(_, violation)| violation);
        prop_assert_eq!(first, violation_of_session(role, deflate, &bytes));
    }
}
