//! permessage-deflate on a connection: the handshake agrees on it, messages are compressed and come out equal, however
//! they are cut, and a peer that breaks RFC 7692 is told what it broke.
#![cfg(all(
    feature = "deflate",
    not(any(miri, all(target_arch = "wasm32", target_os = "unknown")))
))]
#![allow(clippy::unwrap_used, reason = "a wrong test panics")]

#[path = "support/replay.rs"]
mod replay;
mod support;

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use support::*;
use websocket_component::deflate::{Agreement, DeflateOptions, Deflater, Flush};
use websocket_component::{
    ActionQueue, Buffer, BufferType, ClientHandshake, ClientOptions, CloseStatus, Connection, DeflateSettings,
    Delivery, Error, Event, Failure, Handle, HandshakeError, Header, HttpHeader, Limits, Misuse, Property, Received,
    Role, ServerHandshake, ServerOptions, Session, SessionOptions, Violation,
};

const ROLES: [Role; 2] = [Role::Client, Role::Server];

const TAKEOVER: Agreement = Agreement {
    server_no_context_takeover: false,
    client_no_context_takeover: false,
    server_max_window_bits: 15,
    client_max_window_bits: 15,
};

const NO_TAKEOVER: Agreement = Agreement {
    server_no_context_takeover: true,
    client_no_context_takeover: true,
    ..TAKEOVER
};

/// Compresses everything.
const SETTINGS: DeflateSettings = {
    let mut settings = DeflateSettings::DEFAULT;
    settings.level = Some(6);
    settings.memory_level = 8;
    settings.threshold = 0;
    settings
};

fn session(role: Role, agreement: &Agreement, limits: Limits) -> Session {
    let mut session = Session::new(role, {
        let mut options = SessionOptions::default();
        options.limits = limits;
        options
    });
    session.enable_deflate(agreement, SETTINGS);
    session
}

/// What a session makes of a stream: messages put together, with their last type or what else came.
fn receive(session: &mut Session, stream: &[u8], chunk_size: usize) -> (Vec<(String, Vec<u8>)>, Option<Violation>) {
    let (mut all, mut message, mut unread) = (Vec::new(), Vec::new(), Vec::new());
    for chunk in stream.chunks(chunk_size) {
        unread.extend_from_slice(chunk);
        loop {
            let step = match session.receive(&mut unread) {
                Ok(step) => step,
                Err(violation) => return (all, Some(violation)),
            };
            let more = step.received == Received::NeedMore;
            let piece = match &step.received {
                Received::Data {
                    buffer_type, payload, ..
                } => Some((*buffer_type, &unread[payload.clone()])),
                Received::Inflated {
                    buffer_type,
                    payload,
                    ascii,
                    ..
                } => {
                    let payload = &session.inflated()[payload.clone()];
                    let is_text = matches!(buffer_type, BufferType::Utf8Message | BufferType::Utf8Fragment);
                    assert_eq!(*ascii, is_text && payload.is_ascii());
                    Some((*buffer_type, payload))
                }
                Received::Ping(payload) => {
                    all.push(("ping".into(), unread[payload.clone()].to_vec()));
                    None
                }
                Received::Close { status, reason } => {
                    all.push((format!("close {status}"), unread[reason.clone()].to_vec()));
                    None
                }
                _ => None,
            };
            if let Some((buffer_type, payload)) = piece {
                message.extend_from_slice(payload);
                if buffer_type.is_final() {
                    all.push((format!("{buffer_type:?}"), std::mem::take(&mut message)));
                }
            }
            unread.drain(..step.consumed);
            if more {
                assert!(unread.len() <= 138);
                break;
            }
        }
    }
    (all, None)
}

/// Bytes that cannot be compressed.
fn noise(length: usize) -> Vec<u8> {
    let states = std::iter::successors(Some(1_u64), |state| {
        Some(state.wrapping_mul(6_364_136_223_846_793_005) + 1)
    });
    states.take(length).map(|state| state.to_be_bytes()[0]).collect()
}

const fn other(role: Role) -> Role {
    match role {
        Role::Client => Role::Server,
        Role::Server => Role::Client,
    }
}

/// First byte and payload.
type Frame<'a> = (u8, &'a [u8]);

/// "Hello" as RFC 7692 §7.2.3.1 has it.
const HELLO: &[u8] = &[0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00];

/// RFC 7692 §7.2.3 and §6, for both roles, in chunks of every size.
#[test]
fn the_messages_of_rfc_7692_come_out() {
    let cases: &[(&str, &[Frame], &[&str])] = &[
        ("7.2.3.1", &[(0xC1, HELLO)], &["Hello"]),
        (
            "7.2.3.1, in two frames",
            &[(0x41, &HELLO[..3]), (0x80, &HELLO[3..])],
            &["Hello"],
        ),
        (
            "6.1, a ping between",
            &[(0x41, &HELLO[..3]), (0x89, b""), (0x80, &HELLO[3..])],
            &["", "Hello"],
        ),
        ("an empty last frame", &[(0x41, HELLO), (0x80, b"")], &["Hello"]),
        (
            "an empty first frame",
            &[(0x41, b""), (0x00, b""), (0x80, HELLO)],
            &["Hello"],
        ),
        (
            "7.2.3.2",
            &[(0xC1, HELLO), (0xC1, &[0xF2, 0x00, 0x11, 0x00, 0x00])],
            &["Hello", "Hello"],
        ),
        (
            "7.2.3.3",
            &[(
                0xC1,
                &[0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00],
            )],
            &["Hello"],
        ),
        (
            "7.2.3.4",
            &[(0xC1, &[0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00])],
            &["Hello"],
        ),
        (
            "7.2.3.5",
            &[(
                0xC1,
                &[
                    0xF2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xCA, 0xC9, 0xC9, 0x07, 0x00,
                ],
            )],
            &["Hello"],
        ),
        ("7.2.3.6", &[(0xC1, &[0x00])], &[""]),
        (
            "6, one as it is between two",
            &[(0xC1, HELLO), (0x81, b"plain"), (0xC1, HELLO)],
            &["Hello", "plain", "Hello"],
        ),
    ];
    for role in ROLES {
        for (name, frames, expected) in cases {
            let stream: Vec<u8> = frames
                .iter()
                .flat_map(|(first, payload)| frame_to(role, *first, payload))
                .collect();
            for chunk_size in 1..=stream.len() {
                let (all, failure) = receive(&mut session(role, &TAKEOVER, Limits::NONE), &stream, chunk_size);
                let texts: Vec<_> = all
                    .iter()
                    .map(|(_, payload)| std::str::from_utf8(payload).unwrap())
                    .collect();
                assert_eq!(
                    (texts.as_slice(), failure),
                    (*expected, None),
                    "{name}, {role:?}, {chunk_size}"
                );
            }
        }
    }
}

#[test]
fn what_rfc_7692_does_not_allow_is_refused() {
    use Violation::*;
    let invalid_text: &[u8] = &[0x00, 0x02, 0x00, 0xFD, 0xFF, 0xC0, 0xAF, 0x00]; // stored
    let cases: &[(&str, &[Frame], Violation)] = &[
        (
            "RSV1 on a continuation",
            &[(0x41, &HELLO[..3]), (0xC0, &HELLO[3..])],
            ReservedBitSet,
        ),
        ("RSV1 on a ping", &[(0xC9, b"")], ReservedBitSet),
        ("RSV1 on a close", &[(0xC8, b"")], ReservedBitSet),
        ("RSV2", &[(0xA1, b"x")], ReservedBitSet),
        ("RSV1 and RSV3", &[(0xD1, HELLO)], ReservedBitSet),
        (
            "a block type that does not exist",
            &[(0xC1, &[0x06, 0x00])],
            DeflateCorrupt,
        ),
        ("a block that is cut off", &[(0xC2, &HELLO[..3])], DeflateCorrupt),
        ("no data at all", &[(0xC2, b"")], DeflateCorrupt),
        (
            "a reference to what never was",
            &[(0xC2, &[0xF2, 0x00, 0x11, 0x00, 0x00])],
            DeflateCorrupt,
        ),
        ("text that is not UTF-8", &[(0xC1, invalid_text)], TextNotUtf8),
        (
            "text in a compressed text",
            &[(0x41, &HELLO[..3]), (0x81, b"x")],
            MessageUnfinished,
        ),
    ];
    for role in ROLES {
        for (name, frames, violation) in cases {
            let stream: Vec<u8> = frames
                .iter()
                .flat_map(|(first, payload)| frame_to(role, *first, payload))
                .collect();
            for chunk_size in 1..=stream.len() {
                let mut session = session(role, &TAKEOVER, Limits::NONE);
                let (all, failure) = receive(&mut session, &stream, chunk_size);
                assert_eq!(
                    (all.len(), failure),
                    (0, Some(*violation)),
                    "{name}, {role:?}, {chunk_size}"
                );
            }
        }
        // the bytes mean nothing without the agreement
        let stream = frame_to(role, 0xC1, HELLO);
        let mut plain = Session::new(role, SessionOptions::default());
        assert_eq!(receive(&mut plain, &stream, 100).1, Some(ReservedBitSet));
    }
    assert_eq!(DeflateCorrupt.close_status(), CloseStatus(1007));
}

#[test]
fn what_a_message_has_before_its_missing_end_is_delivered_before_it_fails() {
    let compressed = b"\x00\x0C\x00\xF3\xFFstored by"; // a stored block of twelve bytes
    for role in ROLES {
        let mut session = session(role, &TAKEOVER, Limits::NONE);
        let mut frame = frame_to(role, 0xC2, compressed);
        let step = session.receive(&mut frame).unwrap();
        let Received::Inflated {
            buffer_type: BufferType::BinaryFragment,
            payload,
            ..
        } = step.received
        else {
            panic!("{step:?}")
        };
        assert_eq!(session.inflated()[payload], *b"stored by");
        for _ in 0..2 {
            let end = session.receive(&mut frame[step.consumed..]);
            assert_eq!(end, Err(Violation::DeflateCorrupt));
        }
    }
}

/// RFC 6455 §8.1: what is decompressed in many steps is checked in each of them.
#[test]
fn a_long_compressed_text_that_is_not_utf8_fails_wherever_that_is() {
    let length = 300_000;
    for place in [0, 1000, length / 2, length - 1] {
        let mut bytes = vec![b'a'; length];
        bytes[place] = 0xFF;
        let mut client = client(Delivery::Messages);
        client.receive(
            frame_to(Role::Client, 0xC1, &compressed(&bytes, Flush::Last)),
            Duration::ZERO,
        );
        assert_eq!(client.next_owned_event(), Some(NOT_UTF8), "at {place}");
    }
}

const NOT_UTF8: Event<'static> = Event::Failed(Failure::Violation(Violation::TextNotUtf8));

fn compressed(message: &[u8], flush: Flush) -> Vec<u8> {
    let mut payload = Vec::new();
    Deflater::new(15, 8, 6).compress(message, flush, &mut payload);
    payload
}

/// A client's connection, with compression.
fn client(delivery: Delivery) -> Connection {
    let mut options = ClientOptions::default();
    options.deflate = Some(Default::default());
    options.connection.delivery = delivery;
    let mut client = ClientHandshake::with_options("localhost", "/", options).unwrap();
    let mut options = ServerOptions::default();
    options.deflate = Some(Default::default());
    let mut server = ServerHandshake::with_options(options);
    server.receive(client.transmit(), Duration::ZERO).unwrap();
    server.accept(None, &[]).unwrap();
    client.receive(server.transmit(), Duration::ZERO).unwrap();
    client.into_connection().unwrap()
}

/// RFC 6455 §8.1.
#[test]
fn a_compressed_text_that_is_not_utf8_fails_before_the_message_ends_and_no_piece_of_it_is_reported() {
    for delivery in [Delivery::Messages, Delivery::Pieces] {
        // whole, and the first of several frames
        for (first, flush) in [(0xC1, Flush::Last), (0x41, Flush::Now)] {
            let mut client = client(delivery);
            let payload = compressed(b"ab\xFF", flush);
            client.receive(frame_to(Role::Client, first, &payload), Duration::ZERO);
            assert_eq!(client.next_owned_event(), Some(NOT_UTF8), "{delivery:?} {first:x}");
        }
    }
}

#[test]
fn a_session_says_whether_compression_was_agreed() {
    for role in ROLES {
        assert!(!Session::new(role, SessionOptions::default()).is_deflate_enabled());
        assert!(session(role, &TAKEOVER, Limits::NONE).is_deflate_enabled());
    }
}

#[test]
fn a_session_says_whether_decompressed_bytes_wait_or_more_input_is_needed() {
    let frame = frame_to(Role::Client, 0xC2, &compressed(&vec![0; 300_000], Flush::Last));
    for cut in [0, 1] {
        let mut session = session(Role::Client, &TAKEOVER, Limits::NONE);
        let mut input = frame[..frame.len() - cut].to_vec();
        let mut without_input = 0;
        loop {
            let waits = session.has_more();
            let step = session.receive(if waits { &mut [] } else { &mut input[..] }).unwrap();
            input.drain(..step.consumed);
            match step.received {
                Received::Inflated { buffer_type, .. } if !buffer_type.is_final() => without_input += i32::from(waits),
                received => break assert_eq!(received == Received::NeedMore, cut == 1, "{received:?}"),
            }
        }
        assert!(without_input > 2 && input.is_empty() && !session.has_more());
    }
}

#[test]
fn input_that_gives_no_bytes_yet_makes_no_piece() {
    for role in ROLES {
        let mut session = session(role, &TAKEOVER, Limits::NONE);
        let mut input = Vec::new();
        let mut message = Vec::new();
        for byte in frame_to(role, 0xC1, HELLO) {
            input.push(byte);
            let step = session.receive(&mut input).unwrap();
            input.drain(..step.consumed);
            if let Received::Inflated {
                buffer_type, payload, ..
            } = step.received
            {
                assert!(!payload.is_empty() || buffer_type.is_final());
                message.extend_from_slice(&session.inflated()[payload]);
            }
        }
        assert_eq!(message, b"Hello");
    }
}

/// RFC 7692 §7.1.1: a sender need not refer to earlier messages.
#[test]
fn a_released_compressor_compresses_the_next_message_for_itself_but_goes_on_within_one() {
    let message = noise(1000);
    let (mut sender, mut receiver) = (
        session(Role::Server, &TAKEOVER, Limits::NONE),
        session(Role::Client, &TAKEOVER, Limits::NONE),
    );
    let mut lengths = Vec::new();
    for released in [false, false, true] {
        if released {
            sender.release_compressor();
        }
        let mut out = Vec::new();
        sender.write(BufferType::BinaryMessage, &message, &mut out).unwrap();
        lengths.push(out.len());
        let expected = vec![("BinaryMessage".to_owned(), message.clone())];
        assert_eq!(receive(&mut receiver, &out, 100), (expected, None));
    }
    assert!(lengths[1] < 100 && lengths[2] > 1000, "{lengths:?}");

    let mut out = Vec::new();
    sender.write(BufferType::BinaryFragment, &message, &mut out).unwrap();
    sender.release_compressor();
    sender.write(BufferType::BinaryMessage, &message, &mut out).unwrap();
    let expected = vec![("BinaryMessage".to_owned(), message.repeat(2))];
    assert!(out.len() < 200, "{}", out.len());
    assert_eq!(receive(&mut receiver, &out, 100), (expected, None));
}

#[test]
fn without_takeover_a_message_cannot_refer_to_the_one_before() {
    for role in ROLES {
        let stream = [
            frame_to(role, 0xC1, HELLO),
            frame_to(role, 0xC1, &[0xF2, 0x00, 0x11, 0x00, 0x00]),
        ]
        .concat();
        let (all, failure) = receive(&mut session(role, &NO_TAKEOVER, Limits::NONE), &stream, 1000);
        assert_eq!((all.len(), failure), (1, Some(Violation::DeflateCorrupt)));
    }
}

#[test]
fn a_bomb_ends_at_the_limit_of_what_it_decompresses_to() {
    let mut limits = Limits::NONE;
    limits.max_message_size = 100_000;
    let compressed = |size: usize| {
        let mut bomb = Vec::new();
        Deflater::new(15, 9, 9).compress(&vec![0; size], Flush::Last, &mut bomb);
        bomb
    };
    for role in ROLES {
        let (all, failure) = receive(
            &mut session(role, &TAKEOVER, limits),
            &frame_to(role, 0xC2, &compressed(100_000)),
            7,
        );
        assert_eq!(
            (all[0].1.len(), failure),
            (100_000, None),
            "as much as the limit passes"
        );
        for size in [100_001, 16 << 20] {
            let stream = frame_to(role, 0xC2, &compressed(size));
            let mut receiver = session(role, &TAKEOVER, limits);
            let mut unread = stream;
            let mut delivered = 0;
            let failure = loop {
                match receiver.receive(&mut unread) {
                    Ok(step) => {
                        if let Received::Inflated { payload, .. } = step.received {
                            delivered += payload.len();
                        }
                        unread.drain(..step.consumed);
                    }
                    Err(failure) => break failure,
                }
            };
            assert_eq!(failure, Violation::MessageTooBig);
            assert!(delivered <= 100_000, "{delivered}");
        }
        // nor may it take long over nothing: blocks without a byte
        let nothing = vec![0x00; 200_000];
        let (_, failure) = receive(
            &mut session(role, &TAKEOVER, limits),
            &frame_to(role, 0xC2, &nothing),
            1 << 20,
        );
        assert_eq!(failure, Some(Violation::MessageTooBig));
    }
}

#[test]
fn the_threshold_and_the_callers_word_decide_what_is_compressed() {
    let mut settings = SETTINGS;
    settings.threshold = 100;
    let text = [b'a'; 100];
    for role in ROLES {
        let mut sender = Session::new(role, SessionOptions::default());
        sender.enable_deflate(&TAKEOVER, settings);
        let mut first_byte = |part: &[u8], buffer_type: BufferType, compress: Option<bool>| {
            let mut out = Vec::new();
            match compress {
                None => sender.write(buffer_type, part, &mut out).unwrap(),
                Some(compress) => sender.write_with(buffer_type, part, compress, &mut out).unwrap(),
            }
            out[0]
        };
        assert_eq!(first_byte(&text[1..], BufferType::Utf8Message, None), 0x81);
        assert_eq!(first_byte(&text, BufferType::Utf8Message, None), 0xC1);
        assert_eq!(first_byte(&text, BufferType::BinaryMessage, Some(false)), 0x82);
        assert_eq!(first_byte(b"", BufferType::BinaryMessage, Some(true)), 0xC2);
        // the first part decides, and only its frame has the bit
        assert_eq!(first_byte(&text, BufferType::Utf8Fragment, None), 0x41);
        assert_eq!(first_byte(b"", BufferType::PingPong, Some(true)), 0x89);
        assert_eq!(first_byte(b"x", BufferType::Utf8Message, Some(false)), 0x80);
        assert_eq!(first_byte(b"x", BufferType::Utf8Fragment, None), 0x01);
        assert_eq!(first_byte(&text, BufferType::Utf8Message, Some(true)), 0x80);
    }
}

#[test]
fn a_compressed_message_cannot_go_on_with_headers_alone() {
    let mut sender = session(Role::Server, &TAKEOVER, Limits::NONE);
    sender
        .write(BufferType::Utf8Fragment, b"part", &mut Vec::new())
        .unwrap();
    assert_eq!(
        sender.header(BufferType::Utf8Message, 4),
        Err(Misuse::MessageCompressed.into())
    );
    assert!(sender.header(BufferType::PingPong, 0).is_ok());
    sender.write(BufferType::Utf8Message, b"", &mut Vec::new()).unwrap();
    assert!(sender.header(BufferType::Utf8Message, 4).is_ok());
}

fn begun(
    client: (&DeflateOptions, DeflateSettings),
    server: Option<&DeflateOptions>,
) -> Result<(Handle<u32>, Handle<u32>), Error> {
    let mut client_handle = Handle::create(Role::Client, [], Box::new(FixedRandom(KEY)))?;
    client_handle.set_deflate(*client.0, client.1)?;
    let mut server_handle = Handle::create(
        Role::Server,
        [Property::ReceiveBufferSize(300)],
        Box::new(FixedRandom(KEY)),
    )?;
    if let Some(options) = server {
        server_handle.set_deflate(*options, SETTINGS)?;
    }
    let request = client_handle.begin_client_handshake(&[], &[], &[])?;
    let host = [HttpHeader::new("Host", "a")];
    let request: Vec<_> = request.iter().copied().chain(host).collect();
    let response = server_handle.begin_server_handshake(None, &[], &request)?;
    let negotiated = client_handle.end_client_handshake(&response)?;
    assert_eq!(negotiated.extensions.len(), usize::from(server.is_some()));
    Ok((client_handle, server_handle))
}

#[test]
fn handles_agree_in_the_handshake_and_compress_from_then_on() {
    let options = DeflateOptions {
        server_max_window_bits: Some(10),
        ..DeflateOptions::default()
    };
    let (mut client, mut server) = begun((&options, SETTINGS), Some(&DeflateOptions::default())).unwrap();
    assert_eq!(client.deflate_agreement(), server.deflate_agreement());
    assert_eq!(client.deflate_agreement().unwrap().server_max_window_bits, 10);
    let message = b"compress me, compress me, ".repeat(100);
    for (from, to) in [(&mut client, 0), (&mut server, 1)] {
        from.send(BufferType::Utf8Message, Some(Buffer::Data(message.clone())), 1)
            .unwrap();
        let wire = drain_sends(from);
        assert!(wire.len() < 200, "{to}: {}", wire.len());
        assert_eq!(wire[0], 0xC1);
    }
    // each receives what the other sends, whole and byte by byte, without a buffer and with a small one
    for read_size in [1, usize::MAX] {
        let (mut client, mut server) = begun((&options, SETTINGS), Some(&DeflateOptions::default())).unwrap();
        client
            .send(BufferType::Utf8Message, Some(Buffer::Data(message.clone())), 1)
            .unwrap();
        let wire = drain_sends(&mut client);
        let (done, error) = feed(&mut server, wire, read_size);
        assert_eq!(
            (messages(&done), error),
            (vec![(BufferType::Utf8Message, message.clone())], None)
        );
        server
            .send(BufferType::BinaryMessage, Some(Buffer::Data(message.clone())), 1)
            .unwrap();
        let mut wire = drain_sends(&mut server);
        let mut received = Vec::new();
        while received.len() < message.len() {
            client.receive(Some(vec![0; 99]), 7).unwrap();
            while let Some(done) = act(&mut client, ActionQueue::Receive, &mut wire, read_size).unwrap() {
                if let Done::Received(_, data, _) = done {
                    assert!(data.len() <= 99);
                    received.extend(data);
                }
            }
        }
        assert_eq!(received, message);
    }
}

/// RFC 7692 §6: a client's compressed message that is longer than its send buffer is sent as several frames, of which
/// only the first has RSV1. Control frames and what follows are as ever.
#[test]
fn only_the_first_frame_of_a_compressed_message_has_the_bit() {
    let options = DeflateOptions::default();
    let (mut client, mut server) = begun((&options, SETTINGS), Some(&options)).unwrap();
    let send_size = 4096;
    let message = noise(20_000);
    for (context, size) in [(1, message.len()), (2, 100)] {
        let part = Buffer::Data(message[..size].to_vec());
        client.send(BufferType::BinaryMessage, Some(part), context).unwrap();
    }
    client.send(BufferType::PingPong, None, 3).unwrap();
    let wire = drain_sends(&mut client);
    let (mut firsts, mut at) = (Vec::new(), 0);
    while at < wire.len() {
        let (header, size) = Header::decode(&wire[at..]).unwrap().unwrap();
        firsts.push(wire[at]);
        at += size + usize::try_from(header.length).unwrap();
        assert!(header.length <= send_size);
    }
    assert_eq!(firsts, hex("42 00 00 00 80 C2 89"));
    let (done, error) = feed(&mut server, wire, usize::MAX);
    assert_eq!(error, None);
    let received: Vec<_> = messages(&done).into_iter().map(|(_, payload)| payload).collect();
    assert!(
        received == [&message[..], &message[..100]],
        "{:?}",
        received.iter().map(Vec::len).collect::<Vec<_>>()
    );
}

/// What the compressors of one thread are lent from may hold others' settings: a message is compressed by its own.
#[test]
fn a_borrowed_compressor_has_the_window_and_the_levels_that_were_asked_for() {
    let message: Vec<u8> = (0..3000_u32).flat_map(|at| (at % 700).to_be_bytes()).collect();
    let cases = [(15, 8, 1), (15, 8, 9), (15, 1, 9), (9, 1, 9), (15, 8, 0), (15, 8, 1)];
    for (window_bits, memory_level, level) in cases.into_iter().chain(cases) {
        let agreement = Agreement {
            server_max_window_bits: window_bits,
            ..NO_TAKEOVER
        };
        let mut server = Session::new(Role::Server, SessionOptions::default());
        let mut settings = SETTINGS;
        (settings.memory_level, settings.level) = (memory_level, Some(level));
        server.enable_deflate(&agreement, settings);
        let (mut wire, mut alone) = (Vec::new(), Vec::new());
        server.write(BufferType::BinaryMessage, &message, &mut wire).unwrap();
        Deflater::new(window_bits, memory_level, level).compress(&message, Flush::Last, &mut alone);
        let (_, size) = Header::decode(&wire).unwrap().unwrap();
        assert_eq!(wire[size..], alone, "{window_bits} {memory_level} {level}");
    }
}

/// Lines that are alike, with more to find the longer one looks.
fn lines() -> Vec<u8> {
    (0..300_u32)
        .flat_map(|at| format!("{} of {}, {}\n", at * at % 97, at % 7, at * 7919 % 1009).into_bytes())
        .collect()
}

#[test]
fn by_default_the_level_is_2_for_a_message_by_itself_and_6_with_takeover() {
    let message = lines();
    let sent = |agreement: &Agreement, level: Option<u8>| {
        let mut settings = DeflateSettings::DEFAULT;
        settings.level = level;
        let mut server = Session::new(Role::Server, SessionOptions::default());
        server.enable_deflate(agreement, settings);
        let mut wire = Vec::new();
        server.write(BufferType::BinaryMessage, &message, &mut wire).unwrap();
        wire
    };
    for agreement in [&TAKEOVER, &NO_TAKEOVER] {
        assert!(
            sent(agreement, Some(6)).len() < sent(agreement, Some(2)).len(),
            "they differ"
        );
    }
    assert_eq!(sent(&NO_TAKEOVER, None), sent(&NO_TAKEOVER, Some(2)));
    assert_eq!(sent(&TAKEOVER, None), sent(&TAKEOVER, Some(6)));
}

#[test]
fn a_server_without_it_declines_and_nothing_is_compressed() {
    let (mut client, mut server) = begun((&DeflateOptions::default(), SETTINGS), None).unwrap();
    assert_eq!((client.deflate_agreement(), server.deflate_agreement()), (None, None));
    client
        .send(BufferType::Utf8Message, Some(Buffer::Data(vec![b'a'; 1000])), 1)
        .unwrap();
    assert_eq!(drain_sends(&mut client)[0], 0x81);
    let (_, error) = feed(&mut server, frame_to(Role::Server, 0xC1, HELLO), 100);
    assert_eq!(error, Some(Violation::ReservedBitSet.into()));
}

#[test]
fn a_response_that_does_not_answer_the_offer_is_refused() {
    let asking = DeflateOptions {
        server_no_context_takeover: true,
        offer_client_max_window_bits: false,
        ..DeflateOptions::default()
    };
    let cases: &[(&str, Error)] = &[
        ("permessage-deflate", HandshakeError::DeflateNotGranted.into()),
        (
            "permessage-deflate; server_no_context_takeover; x",
            HandshakeError::DeflateParameterUnknown.into(),
        ),
        (
            "permessage-deflate; server_no_context_takeover; client_max_window_bits=10",
            HandshakeError::DeflateWindowNotOffered.into(),
        ),
        (
            "permessage-deflate; server_max_window_bits=16",
            HandshakeError::DeflateValueInvalid.into(),
        ),
        (
            "permessage-deflate; server_no_context_takeover, permessage-deflate",
            HandshakeError::ExtensionRepeated.into(),
        ),
        ("x-webkit-deflate-frame", HandshakeError::ExtensionNotOffered.into()),
    ];
    for (extensions, error) in cases {
        let mut client = Handle::<u32>::create(Role::Client, [], Box::new(FixedRandom(KEY))).unwrap();
        client.set_deflate(asking, SETTINGS).unwrap();
        let request = client.begin_client_handshake(&[], &[], &[]).unwrap();
        let key = request
            .iter()
            .find(|header| header.name == "Sec-WebSocket-Key")
            .unwrap()
            .value;
        let accept = websocket_component::handshake::accept(key);
        let response = [
            HttpHeader::new("Upgrade", "websocket"),
            HttpHeader::new("Connection", "Upgrade"),
            HttpHeader::new("Sec-WebSocket-Accept", &accept),
            HttpHeader::new("Sec-WebSocket-Extensions", extensions),
        ];
        assert_eq!(client.end_client_handshake(&response), Err(*error), "{extensions}");
    }
    let mut client = Handle::<u32>::create_client(&[]).unwrap();
    for (window, level, memory_level) in [(7, 6, 8), (16, 6, 8), (15, 10, 8), (15, 6, 0), (15, 6, 10)] {
        let options = DeflateOptions {
            client_max_window_bits: Some(window),
            ..DeflateOptions::default()
        };
        let mut settings = DeflateSettings::DEFAULT;
        settings.level = Some(level);
        settings.memory_level = memory_level;
        settings.threshold = 0;
        assert_eq!(
            client.set_deflate(options, settings),
            Err(Misuse::DeflateSettingsInvalid.into())
        );
    }
}

fn agreement() -> impl Strategy<Value = Agreement> {
    (any::<bool>(), any::<bool>(), 8..=15_u8, 8..=15_u8).prop_map(|(server, client, server_bits, client_bits)| {
        Agreement {
            server_no_context_takeover: server,
            client_no_context_takeover: client,
            server_max_window_bits: server_bits,
            client_max_window_bits: client_bits,
        }
    })
}

/// Parts of a message, and whether its sender has a word on compressing it.
fn message() -> impl Strategy<Value = (Vec<Vec<u8>>, Option<bool>)> {
    let part = prop_oneof![
        3 => "[a-c]{0,60}".prop_map(String::into_bytes),
        1 => vec(any::<u8>(), 0..200),
        1 => (any::<u8>(), 1000..30_000_usize).prop_map(|(byte, length)| vec![byte; length]),
    ];
    (vec(part, 1..4), any::<Option<bool>>())
}

proptest! {
    #![proptest_config(replay::config())]

    #[test]
    fn any_messages_come_out_equal_whatever_was_agreed_and_however_the_stream_is_split(
        sender_role in prop_oneof![Just(Role::Client), Just(Role::Server)],
        agreement in agreement(),
        all in vec(message(), 1..8),
        release_at in 0..8_usize,
        chunk_size in prop_oneof![1..50_usize, Just(usize::MAX)],
    ) {
        let mut sender = session(sender_role, &agreement, Limits::NONE);
        let mut receiver = session(other(sender_role), &agreement, Limits::NONE);
        let mut wire = Vec::new();
        for (index, (parts, compress)) in all.iter().enumerate() {
            if index == release_at {
                sender.release_compressor();
            }
            for (at, part) in parts.iter().enumerate() {
                let last = at + 1 == parts.len();
                let buffer_type = if last { BufferType::BinaryMessage } else { BufferType::BinaryFragment };
                match compress {
                    None => sender.write(buffer_type, part, &mut wire).unwrap(),
                    Some(compress) => sender.write_with(buffer_type, part, *compress, &mut wire).unwrap(),
                }
                sender.write(BufferType::PingPong, b"?", &mut wire).unwrap();
            }
        }
        let (received, failure) = receive(&mut receiver, &wire, chunk_size);
        prop_assert_eq!(failure, None);
        let received: Vec<_> = received.into_iter().filter(|(kind, _)| kind != "ping").map(|(_, payload)| payload).collect();
        let expected: Vec<_> = all.iter().map(|(parts, _)| parts.concat()).collect();
        prop_assert_eq!(received, expected);
    }

    #[test]
    fn any_bytes_give_the_same_however_they_are_split(
        role in prop_oneof![Just(Role::Client), Just(Role::Server)],
        agreement in agreement(),
        frames in vec(
            (
                prop::sample::select(vec![0xC1_u8, 0xC2, 0x41, 0x42, 0x00, 0x80, 0x81, 0x89]),
                vec(any::<u8>(), 0..40),
            ),
            0..6,
        ),
        chunk_size in 1..40_usize,
    ) {
        let stream: Vec<u8> = frames.iter().flat_map(|(first, payload)| frame_to(role, *first, payload)).collect();
        let mut limits = Limits::NONE;
        limits.max_message_size = 5000;
        let whole = receive(&mut session(role, &agreement, limits), &stream, usize::MAX);
        prop_assert_eq!(&receive(&mut session(role, &agreement, limits), &stream, chunk_size), &whole);
        prop_assert_eq!(&receive(&mut session(role, &agreement, limits), &stream, 1), &whole);
    }
}
