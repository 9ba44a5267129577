//! What other engines got wrong about frames, tried on this one. `mistakes.md` has the list; the number in front of
//! a test's name is that of its row.
#![cfg(not(any(miri, all(target_arch = "wasm32", target_os = "unknown"))))]
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a wrong test panics"
)]

mod support;

use support::vectors::*;
use support::*;
use websocket_component::{
    Action, ActionKind, ActionQueue, Buffer, BufferType, CloseStatus, Handle, Header, Limits, Property, RandomSource,
    RandomUnavailable, Role, Session, SessionOptions, State, Violation,
};

#[test]
fn g01_a_length_that_no_memory_holds_is_refused_or_waited_for() {
    check_table(
        Limits::NONE,
        "
        | 2^63            | 5.2 | 82/7F8000000000000000:                    | | LengthTopBitSet |
        | 2^63 + 5        | 5.2 | 81:'good' 82/7F8000000000000005:          | text:'good' | LengthTopBitSet |
        | 2^64 - 1        | 5.2 | 81/7FFFFFFFFFFFFFFFFF:                    | | LengthTopBitSet |
        | 2^63, continued | 5.2 | 01:'a' 80/7F8000000000000000:             | | LengthTopBitSet |
        | 2^63, ping      | 5.2 | 89/7F8000000000000000:                    | | LengthTopBitSet |
        | 2^63 - 1        | 5.2 | 82/7F7FFFFFFFFFFFFFFF:8102696E            | unfinished:8102696E | |
        | 2^53 + 1        | 5.2 | 82/7F0020000000000001:8102696E8900        | unfinished:8102696E8900 | |
        | 2^53            | 5.2 | 82/7F0020000000000000:8102696E8900        | unfinished:8102696E8900 | |
        | 2^53 - 1        | 5.2 | 82/7F001FFFFFFFFFFFFF:8102696E8900        | unfinished:8102696E8900 | |
        | 2^32 + 1        | 5.2 | 82/7F0000000100000001:8102696E8900        | unfinished:8102696E8900 | |
        | 2^32            | 5.2 | 82/7F0000000100000000:8102696E8900        | unfinished:8102696E8900 | |
        | 2^32 - 1        | 5.2 | 82/7F00000000FFFFFFFF:8102696E8900        | unfinished:8102696E8900 | |
        | 2^31            | 5.2 | 82/7F0000000080000000:8102696E8900        | unfinished:8102696E8900 | |
        | 2^63 + 4 in all | 5.4 | 02:'abcde' 80/7F7FFFFFFFFFFFFFFF:8102696E | unfinished:'abcde'+8102696E | |
        | 2^63 - 1, ping  | 5.5 | 89/7F7FFFFFFFFFFFFFFF:                    | | ControlTooLong |
        | 2^32, ping      | 5.5 | 89/7F0000000100000000:                    | | ControlTooLong |
        | 2^53 + 1, close | 5.5 | 88/7F0020000000000001:                    | | ControlTooLong |
        ",
    );
    let mut frames_of_8_pib = Limits::NONE;
    frames_of_8_pib.max_frame_size = 1 << 53;
    frames_of_8_pib.max_message_size = u64::MAX;
    check_table(
        frames_of_8_pib,
        "
        | 2^53     | 10.4 | 82/7F0020000000000000:8102696E | unfinished:8102696E | |
        | 2^53 + 1 | 10.4 | 82/7F0020000000000001:         | | FrameTooBig |
        | 2^63 - 1 | 10.4 | 82/7F7FFFFFFFFFFFFFFF:         | | FrameTooBig |
        | 2^63     | 5.2  | 82/7F8000000000000000:         | | LengthTopBitSet |
        ",
    );
    let mut messages_of_2_to_the_63 = Limits::NONE;
    messages_of_2_to_the_63.max_frame_size = u64::MAX;
    messages_of_2_to_the_63.max_message_size = (1 << 63) - 1;
    check_table(
        messages_of_2_to_the_63,
        "
        | 2^63 - 1        | 10.4 | 82/7F7FFFFFFFFFFFFFFF:8102696E            | unfinished:8102696E | |
        | 2^63 - 1 in all | 10.4 | 02:'abcde' 80/7F7FFFFFFFFFFFFFFA:8102696E | unfinished:'abcde'+8102696E | |
        | 2^63 in all     | 10.4 | 02:'abcde' 80/7F7FFFFFFFFFFFFFFB:         | | MessageTooBig |
        | 2^63 + 4 in all | 10.4 | 02:'abcde' 80/7F7FFFFFFFFFFFFFFF:         | | MessageTooBig |
        ",
    );
}

/// RFC 6455 §5.2: "the minimal number of bytes MUST be used".
#[test]
fn g02_a_length_in_a_longer_form_than_it_needs_is_refused() {
    let refused = |first: u8, length: &[u8]| {
        let stream = |role| [frame_to(role, 0x81, b"good"), header_to(role, first, length)].concat();
        let good = [("text", b"good".to_vec())];
        let name = format!("{first:02x} {length:02x?}");
        check(&name, Limits::NONE, stream, &good, Some(Violation::LengthNotMinimal));
    };
    for length in 0..=125 {
        refused(0x82, &[126, 0, length]);
    }
    for first in [0x81, 0x01, 0x88, 0x89, 0x8A] {
        refused(first, &[126, 0, 5]);
        refused(first, &[127, 0, 0, 0, 0, 0, 0, 0, 5]);
    }
    for length in [0_u64, 1, 125, 126, 127, 255, 256, 32768, 65534, 65535] {
        refused(0x82, &[&[127], &length.to_be_bytes()[..]].concat());
    }
    check_table(
        Limits::NONE,
        "
        | the least of 16 bits | 5.2 | 82:61*126                      | binary:61*126 | |
        | the most of 16 bits  | 5.2 | 82/7EFFFF:8102696E             | unfinished:8102696E | |
        | the least of 64 bits | 5.2 | 82/7F0000000000010000:8102696E | unfinished:8102696E | |
        ",
    );
}

#[test]
fn g03_a_claimed_gibibyte_is_read_into_the_memory_that_the_handle_had_before() {
    for role in ROLES {
        let mut properties = small_memory();
        let Some(Property::AllocatedBuffer(memory)) = properties.last_mut() else {
            panic!("the memory")
        };
        let inside = memory.as_ptr_range();
        let mut handle = open(role, properties);
        handle.set_limits(Limits::NONE);
        handle.receive(None, 1).unwrap();
        let mut network = header_to(role, 0x82, &hex("7F 0000000040000000"));
        act(&mut handle, ActionQueue::Receive, &mut network, usize::MAX).unwrap();
        for _ in 0..100 {
            let Action::ReceiveFromNetwork {
                buffer, action_context, ..
            } = handle.get_action(ActionQueue::Receive).unwrap()
            else {
                panic!("a read")
            };
            let place = buffer.as_ptr_range();
            assert!(inside.contains(&place.start) && place.end <= inside.end, "{role:?}");
            let read = buffer.len();
            assert!(read <= 256, "{read}");
            handle.complete_action(action_context, read).unwrap();
            let piece = act(&mut handle, ActionQueue::Receive, &mut network, 0).unwrap();
            assert!(matches!(piece, Some(Done::Received(BufferType::BinaryFragment, data, 1)) if data.len() == read));
            handle.receive(None, 1).unwrap();
        }
    }
}

#[test]
fn g04_a_limit_counts_all_frames_of_a_message_and_of_that_one_alone() {
    let mut limits = Limits::NONE;
    limits.max_frame_size = 10;
    limits.max_message_size = 15;
    check_table(
        limits,
        "
        | a frame at its limit      | 10.4 | 82:61*10                          | binary:61*10 | |
        | a frame over it           | 10.4 | 81:'a' 82:61*11                   | text:'a' | FrameTooBig |
        | announced alone           | 10.4 | 82/7EFFFF:                        | | FrameTooBig |
        | 2^32, in 32 bits 0        | 10.4 | 82/7F0000000100000000:            | | FrameTooBig |
        | a message at its limit    | 10.4 | 01:61*10 80:61*5                  | text:61*15 | |
        | a message over it         | 10.4 | 02:61*10 80:61*6                  | | MessageTooBig |
        | over it, announced        | 10.4 | 02:61*10 00/06:                   | | MessageTooBig |
        | over it by one byte       | 10.4 | 01:61*5 00:61*5 00:61*5 80:61     | | MessageTooBig |
        | empty frames              | 10.4 | 01:61*10 00: 00: 00: 80:61*5      | text:61*15 | |
        | an empty frame at the end | 10.4 | 01:61*10 00:61*5 80:              | text:61*15 | |
        | two at the limit          | 10.4 | 02:61*10 80:61*5 02:62*10 80:62*5 | binary:61*15 binary:62*15 | |
        | a ping is no part of it   | 10.4 | 02:61*10 89:70*125 80:61*5        | ping:70*125 binary:61*15 | |
        | a pong over both          | 10.4 | 8A:70*125                         | pong:70*125 | |
        | a frame that cannot be    | 5.4  | 80:61*11                          | | ContinuationUnexpected |
        ",
    );
}

#[test]
fn g06_however_many_fragments_a_message_has_none_is_kept() {
    const COUNT: usize = 3000;
    for role in ROLES {
        for (frames, payload) in [("00:'x'", "x"), ("00:", ""), ("00: 89:'p' 00:'y'", "y")] {
            let frames = frames_to(role, frames);
            let (start, end) = (frame_to(role, 0x01, b""), frame_to(role, 0x80, b"z"));
            let stream = [start, frames.repeat(COUNT), end].concat();
            let pings = if payload == "y" { COUNT } else { 0 };
            let mut expected = vec![("ping", b"p".to_vec()); pings];
            expected.push(("text", [payload.repeat(COUNT).as_bytes(), b"z"].concat()));
            for size in [1, 7, 4096, stream.len()] {
                let chunks: Vec<&[u8]> = stream.chunks(size).collect();
                for through in [through_session, through_handle] {
                    let outcome = through(role, Limits::NONE, &chunks);
                    assert!(outcome == (expected.clone(), None), "{role:?} {payload:?} by {size}");
                }
            }
        }
    }
}

#[test]
fn g08_pings_are_answered_one_at_a_time_in_order_each_with_its_payload() {
    check_table(
        Limits::NONE,
        "
        | in order       | 5.5.3 | 89:'a' 89: 89:'c' 89:00FF       | ping:'a' ping: ping:'c' ping:00FF | |
        | the longest    | 5.5.3 | 89:61*125 89:62*125             | ping:61*125 ping:62*125 | |
        | no UTF-8       | 5.5.3 | 89:FFC080                       | ping:FFC080 | |
        | in a message   | 5.5.3 | 01:E2 89:'a' 00:82 89:'b' 80:AC | ping:'a' ping:'b' text:E282AC | |
        | before a close | 5.5.3 | 89:'a' 88:03E8 89:'b'           | ping:'a' close:03E8 | |
        ",
    );
    for role in ROLES {
        let mut handle = open(role, small_memory());
        handle.receive(None, 1).unwrap();
        let mut network = frame_to(role, 0x89, b"p").repeat(1000);
        act(&mut handle, ActionQueue::Receive, &mut network, usize::MAX).unwrap();
        for _ in 0..3 {
            let pong = handle.get_action(ActionQueue::Receive).unwrap();
            assert_eq!(pong.kind(), ActionKind::SendToNetwork);
            let context = pong.action_context().unwrap();
            for queue in [ActionQueue::Receive, ActionQueue::Send, ActionQueue::All] {
                let next = handle.get_action(queue).unwrap();
                assert_eq!(
                    next,
                    Action::NoAction,
                    "no read and no second pong until the first is written"
                );
            }
            let length = if role == Role::Client { 7 } else { 3 };
            handle.complete_action(context, length).unwrap();
        }
    }
}

#[test]
fn g14_every_reserved_bit_and_every_reserved_opcode_is_refused() {
    for first in 0..=255_u8 {
        let opcode = first & 0x0F;
        let violation = match opcode {
            3..=7 | 11..=15 => Violation::OpcodeReserved,
            _ if first & 0x70 != 0 => Violation::ReservedBitSet,
            _ => continue,
        };
        for payload in [b"".as_slice(), b"ab"] {
            // a continuation continues something, and so reserved bits of a second frame are tried as well
            let before = if opcode == 0 { 0x01 } else { 0x81 };
            let stream = |role| [frame_to(role, before, b"a"), frame_to(role, first, payload)].concat();
            let whole = [("text", b"a".to_vec())];
            let events = if opcode == 0 { &[][..] } else { &whole };
            check(&format!("{first:02x}"), Limits::NONE, stream, events, Some(violation));
        }
    }
}

/// §5.2 leaves reserved bits to the extensions; none gives them a meaning on control frames (§5.5).
#[test]
fn g14_an_agreed_extension_leaves_control_frames_without_reserved_bits() {
    let agreed = |role| {
        let mut client = Handle::<u32>::create_client(&[]).unwrap();
        let mut server = Handle::<u32>::create_server(&[]).unwrap();
        let request = client.begin_client_handshake(&[], &["x"], &[]).unwrap();
        let response = server.begin_server_handshake(None, &["x"], &request).unwrap();
        client.end_client_handshake(&response).unwrap();
        server.end_server_handshake().unwrap();
        if role == Role::Client { client } else { server }
    };
    for role in ROLES {
        for (opcode, rsv) in [8, 9, 10]
            .into_iter()
            .flat_map(|opcode| (1..8).map(move |rsv| (opcode, rsv)))
        {
            let mut frame = frame_to(role, 0x80 | rsv << 4 | opcode, b"");
            let (done, error) = feed(&mut agreed(role), frame.clone(), 1);
            assert_eq!((done, error), (vec![], Some(Violation::ReservedBitSet.into())));
            let outcome = agreed(role).into_session().unwrap().receive(&mut frame);
            assert_eq!(outcome, Err(Violation::ReservedBitSet));
        }
    }
}

#[test]
fn g14_frames_that_may_not_follow_each_other_are_refused() {
    check_table(
        Limits::NONE,
        "
        | nothing to continue       | 5.4 | 80:'a'                       | | ContinuationUnexpected |
        | nor with more to come     | 5.4 | 00:                          | | ContinuationUnexpected |
        | after a whole message     | 5.4 | 81:'a' 80:'b'                | text:'a' | ContinuationUnexpected |
        | after a message in two    | 5.4 | 01:'a' 80:'b' 00:'c'         | text:'ab' | ContinuationUnexpected |
        | after an empty one in two | 5.4 | 01: 80: 80:                  | text: | ContinuationUnexpected |
        | after a ping              | 5.4 | 89: 80:'a'                   | ping: | ContinuationUnexpected |
        | text within text          | 5.4 | 01:'a' 81:'b'                | | MessageUnfinished |
        | a start within a start    | 5.4 | 01:'a' 01:'b'                | | MessageUnfinished |
        | binary within text        | 5.4 | 01:'a' 82:'b'                | | MessageUnfinished |
        | text within binary        | 5.4 | 02:'a' 00:'b' 01:'c'         | | MessageUnfinished |
        | within an empty start     | 5.4 | 02: 82:'b'                   | | MessageUnfinished |
        | behind a ping             | 5.4 | 02:'a' 89:'p' 82:'b'         | ping:'p' | MessageUnfinished |
        | empty frames              | 5.4 | 01: 00: 00: 80: 82:          | text: binary: | |
        | control frames in between | 5.4 | 02:'a' 8A: 00: 89:'p' 80:'b' | pong: ping:'p' binary:'ab' | |
        | a close in two            | 5.5 | 08:03E8                      | | ControlFragmented |
        | a ping in two             | 5.5 | 81:'a' 09:'a'                | text:'a' | ControlFragmented |
        | a pong in two             | 5.5 | 0A:                          | | ControlFragmented |
        | in the midst of a message | 5.5 | 01:'a' 09:'a' 80:'b'         | | ControlFragmented |
        | a close of 126 bytes      | 5.5 | 88:03E8+61*124               | | ControlTooLong |
        | a ping of 126 bytes       | 5.5 | 89:61*126                    | | ControlTooLong |
        | a pong of 126 bytes       | 5.5 | 02:'a' 8A:61*126             | | ControlTooLong |
        | a ping of 64 KiB          | 5.5 | 89/7F0000000000010000:       | | ControlTooLong |
        | in two and too long       | 5.5 | 09:61*126                    | | ControlFragmented |
        ",
    );
}

#[test]
fn g15_a_mask_on_the_wrong_side_is_refused_on_every_frame() {
    for first in [0x81, 0x82, 0x01, 0x02, 0x80, 0x00, 0x88, 0x89, 0x8A] {
        let before = if first & 0x0F == 0 { 0x02 } else { 0x82 };
        let events: &[Event] = &[("binary", b"a".to_vec())];
        let events = if before == 0x02 { &[] } else { events };
        for (role, violation) in ROLES
            .into_iter()
            .zip([Violation::MaskUnexpected, Violation::MaskMissing])
        {
            let stream = [frame_to(role, before, b"a"), frame_from(role, first, b"")].concat();
            for size in 1..=stream.len() {
                let chunks: Vec<&[u8]> = stream.chunks(size).collect();
                for through in [through_session, through_handle] {
                    let outcome = through(role, Limits::NONE, &chunks);
                    assert_eq!(
                        outcome,
                        (events.to_vec(), Some(violation)),
                        "{role:?} {first:02x} by {size}"
                    );
                }
            }
        }
    }
}

#[test]
fn g15_every_length_is_unmasked_at_every_offset_and_over_every_chunk_border() {
    for length in 0..=67 {
        let payload: Vec<u8> = (0..length).map(|i| (i as u8).wrapping_mul(7) ^ 0xA5).collect();
        // bytes in front of the payload move it to another alignment
        for before in 0..17 {
            let stream = [masked(0x89, &vec![b'p'; before]), masked(0x82, &payload)].concat();
            let expected = vec![("ping", vec![b'p'; before]), ("binary", payload.clone())];
            let outcome = through_session(Role::Server, Limits::NONE, &[&stream]);
            assert_eq!(outcome, (expected, None), "{length} bytes behind {before}");
        }
        let events = [("binary", payload.clone()), ("binary", payload.clone())];
        let stream = |role| frame_to(role, 0x82, &payload).repeat(2);
        check(&format!("{length} bytes"), Limits::NONE, stream, &events, None);
    }
}

/// Gives 0, 1, 2 … as numbers of four bytes.
struct Counting(u32);

impl RandomSource for Counting {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomUnavailable> {
        for number in bytes.chunks_mut(4) {
            number.copy_from_slice(&self.0.to_be_bytes());
            self.0 += 1;
        }
        Ok(())
    }
}

/// The masking keys of a stream's frames, as numbers.
fn keys(mut wire: &[u8]) -> Vec<u32> {
    let mut keys = Vec::new();
    while let Some((header, size)) = Header::decode(wire).unwrap() {
        keys.push(u32::from_be_bytes(header.mask.unwrap().0));
        wire = &wire[size + header.length as usize..];
    }
    keys
}

/// §5.3: "The masking key needs to be unpredictable", and so each frame draws its own.
#[test]
fn g15_each_frame_of_a_client_has_the_next_key_of_its_source() {
    let mut session = Session::with_random(Role::Client, SessionOptions::default(), Box::new(Counting(7)));
    let mut wire = Vec::new();
    for buffer_type in [
        BufferType::Utf8Fragment,
        BufferType::PingPong,
        BufferType::Utf8Fragment,
        BufferType::Utf8Message,
        BufferType::BinaryMessage,
        BufferType::UnsolicitedPong,
    ] {
        session.write(buffer_type, b"the same", &mut wire).unwrap();
        session.write(BufferType::PingPong, b"", &mut wire).unwrap();
    }
    session.write_close(CloseStatus::SUCCESS, "", &mut wire).unwrap();
    assert_eq!(keys(&wire), Vec::from_iter(7..20));

    let mut client = Handle::create(Role::Client, small_memory(), Box::new(Counting(0))).unwrap();
    let mut server = Handle::<u32>::create_server(&[]).unwrap();
    let request = client.begin_client_handshake(&[], &[], &[]).unwrap();
    let response = server.begin_server_handshake(None, &[], &request).unwrap();
    client.end_client_handshake(&response).unwrap();
    let send = |client: &mut Handle<u32>, buffer_type, payload: &[u8]| {
        client
            .send(buffer_type, Some(Buffer::Data(payload.to_vec())), 1)
            .unwrap();
        drain_sends(client)
    };
    let mut wire = send(&mut client, BufferType::BinaryMessage, &[b'a'; 25]); // in three frames
    let (pongs, error) = feed(&mut client, unmasked(0x89, b"p").repeat(3), 2);
    assert_eq!(error, None);
    for pong in pongs {
        let Done::Sent(_, pong, _) = pong else {
            panic!("{pong:?}")
        };
        wire.extend(pong);
    }
    wire.extend(send(&mut client, BufferType::PingPong, b""));
    client.send(BufferType::Close, None, 2).unwrap();
    wire.extend(drain_sends(&mut client));
    assert_eq!(keys(&wire), Vec::from_iter(4..12), "the nonce took four");
}

#[test]
fn g16_close_frames_are_taken_with_a_status_and_a_reason_that_may_be() {
    for status in [
        0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1999, 2000, 2999, 5000, 32768, 65535_u16,
    ] {
        for reason in [b"".as_slice(), b"bye", b"\xFF"] {
            let payload = [&status.to_be_bytes(), reason].concat();
            let stream = |role| frame_to(role, 0x88, &payload);
            check(
                &status.to_string(),
                Limits::NONE,
                stream,
                &[],
                Some(Violation::CloseStatusInvalid),
            );
        }
    }
    for status in [1000, 1001, 1003, 1007, 1011, 1014, 3000, 3999, 4000, 4999_u16] {
        for reason in ["", "bye", "größe"] {
            let payload = [&status.to_be_bytes(), reason.as_bytes()].concat();
            let stream = |role| frame_to(role, 0x88, &payload);
            check(
                &status.to_string(),
                Limits::NONE,
                stream,
                &[("close", payload.clone())],
                None,
            );
        }
    }
    check_table(
        Limits::NONE,
        "
        | without a status         | 5.5.1 | 88:                | close: | |
        | half a status            | 5.5.1 | 81:'a' 88:03       | text:'a' | ClosePayloadTooShort |
        | half a status, announced | 5.5.1 | 88/01:             | | ClosePayloadTooShort |
        | the longest reason       | 5.5   | 88:03E8+61*123     | close:03E8+61*123 | |
        | a longer reason          | 5.5   | 88:03E8+61*124     | | ControlTooLong |
        | a reason with a BOM      | 5.5.1 | 88:03E8EFBBBF61    | close:03E8EFBBBF61 | |
        | an impossible byte       | 8.1   | 88:03E8+'bye'+FF   | | CloseReasonNotUtf8 |
        | an overlong form         | 8.1   | 88:03E8C080        | | CloseReasonNotUtf8 |
        | a surrogate              | 8.1   | 88:03E8EDA080      | | CloseReasonNotUtf8 |
        | over U+10FFFF            | 8.1   | 88:03E8F4908080    | | CloseReasonNotUtf8 |
        | a reason cut short       | 8.1   | 88:03E8+'bye'+E282 | | CloseReasonNotUtf8 |
        ",
    );
}

#[test]
fn g16_nothing_after_a_close_is_looked_at() {
    check_table(
        Limits::NONE,
        "
        | data                    | 5.5.1 | 88:03E8 81:'late' 82:'late' | close:03E8 | |
        | control frames          | 5.5.1 | 88:03E9 89:'late' 8A:'late' | close:03E9 | |
        | another close           | 5.5.1 | 88: 88:03E8                 | close: | |
        | a violation             | 5.5.1 | 88:03E8+'bye' 83: F1:       | close:03E8+'bye' | |
        | no UTF-8                | 5.5.1 | 88:03E8 81:FF               | close:03E8 | |
        | while a message is open | 5.4   | 02:'half' 88:03E8 80:'late' | close:03E8 unfinished:'half' | |
        | inside a character      | 5.4   | 01:E282 88:03E8 80:AC       | close:03E8 unfinished:E282 | |
        | behind an empty start   | 5.4   | 01: 88:                     | close: | |
        | behind all else         | 5.4   | 81:'a' 89:'p' 8A: 88:       | text:'a' ping:'p' pong: close: | |
        ",
    );
}

#[test]
fn g16_both_sides_may_close_at_once_and_each_hears_the_other() {
    for size in [1, 3, usize::MAX] {
        let (mut client, mut server) = (open(Role::Client, vec![]), open(Role::Server, vec![]));
        let close = |handle: &mut Handle<u32>, status, reason: &[u8]| {
            let (status, reason) = (CloseStatus(status), reason.to_vec());
            handle.send(BufferType::Utf8Fragment, None, 1).unwrap();
            let buffer = Buffer::CloseStatus { status, reason };
            handle.send(BufferType::Close, Some(buffer), 2).unwrap();
            drain_sends(handle)
        };
        let to_server = close(&mut client, 1000, b"done");
        let to_client = close(&mut server, 1001, b"away");
        let heard = |status, reason: &[u8]| (vec![Done::Closed(CloseStatus(status), reason.to_vec(), 0)], None);
        assert_eq!(feed(&mut client, to_client, size), heard(1001, b"away"));
        assert_eq!(feed(&mut server, to_server, size), heard(1000, b"done"));
        assert_eq!((client.state(), server.state()), (State::Closed, State::Closed));
    }
}

#[test]
fn g17_text_is_utf_8_over_every_border_of_frames_and_chunks() {
    check_table(
        Limits::NONE,
        "
        | the least and most of two bytes   | 8.1 | 81:C280DFBF                   | text:C280DFBF | |
        | the least and most of three bytes | 8.1 | 81:E0A080EFBFBF               | text:E0A080EFBFBF | |
        | around the surrogates             | 8.1 | 81:ED9FBFEE8080               | text:ED9FBFEE8080 | |
        | the least and most of four bytes  | 8.1 | 81:F0908080F48FBFBF           | text:F0908080F48FBFBF | |
        | U+0000                            | 8.1 | 81:6100                       | text:6100 | |
        | a BOM is kept                     | 8.1 | 81:EFBBBF+'a'+EFBBBF          | text:EFBBBF61EFBBBF | |
        | a BOM in pieces                   | 8.1 | 01:EF 00:BB 80:BF             | text:EFBBBF | |
        | a character in frames of a byte   | 8.1 | 01:F0 00:9D 00:84 80:9E       | text:F09D849E | |
        | empty frames and pings in one     | 8.1 | 01:F0 00: 89:80 00:9D84 80:9E | ping:80 text:F09D849E | |
        | an empty frame behind one         | 8.1 | 01:E282 00:AC 80:             | text:E282AC | |
        | overlong in frames                | 8.1 | 01:C0 80:AF                   | | TextNotUtf8 |
        | a surrogate in frames             | 8.1 | 01:ED 00:A0 80:80             | | TextNotUtf8 |
        | over U+10FFFF in frames           | 8.1 | 01:F4 80:908080               | | TextNotUtf8 |
        | cut by another in the next frame  | 8.1 | 01:E282 80:'a'                | | TextNotUtf8 |
        | cut by the end                    | 8.1 | 81:'ok' 81:F09D84             | text:'ok' | TextNotUtf8 |
        | cut by the end of a frame         | 8.1 | 01:'a' 80:E282                | | TextNotUtf8 |
        | cut by an empty frame at the end  | 8.1 | 01:C3 00: 80:                 | | TextNotUtf8 |
        | the next message starts anew      | 8.1 | 81:C3A4 81:A4                 | text:C3A4 | TextNotUtf8 |
        | binary is not text                | 8.1 | 02:FFC0 80:EDA080             | binary:FFC0EDA080 | |
        ",
    );
}

/// As strict as Autobahn's 6.4: the frame goes on, and its end is not waited for.
#[test]
fn g17_a_text_fails_with_its_first_impossible_byte_and_not_before() {
    // the bar is in front of that byte
    let texts = "|80 |BF |C0AF |C1BF E0|8080 E0|9FBF F0|808080 F0|8FBFBF |F888808080 |FC8480808080 61ED|A080 61ED|AFBF
        61ED|B080 61ED|BFBF ED|A080EDB080 F4|908080 F4|BFBFBF |F5808080 |FE |FF C3|61 E282|61 F09D84|61 C3|C3A4
        CEBAE1BDB9CF83CEBCCEB5F4|908080";
    for text in texts.split_whitespace() {
        let (before, after) = text.split_once('|').unwrap();
        let impossible = before.len() / 2;
        let mut payload = [hex(before), hex(after)].concat();
        payload.resize(200, b'a');
        for first in [0x81, 0x01] {
            let upto = |length: usize| {
                let payload = &payload;
                move |role| {
                    let mut frame = frame_to(role, first, payload);
                    frame.truncate(frame.len() - payload.len() + length);
                    frame
                }
            };
            let case = format!("{text} in {first:02x}");
            let possible: &[Event] = &[("unfinished", payload[..impossible].to_vec())];
            let possible = if impossible == 0 { &[] } else { possible };
            check(&case, Limits::NONE, upto(impossible), possible, None);
            check(
                &case,
                Limits::NONE,
                upto(impossible + 1),
                &[],
                Some(Violation::TextNotUtf8),
            );
        }
    }
}
