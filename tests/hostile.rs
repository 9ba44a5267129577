//! What a stranger may send costs a bounded amount at a time, and nothing is lost where a step ends.
#![cfg(all(
    feature = "deflate",
    not(any(miri, all(target_arch = "wasm32", target_os = "unknown")))
))]
#![allow(clippy::unwrap_used, reason = "a wrong test panics")]

use websocket_component::deflate::{Agreement, Deflater, Flush};
use websocket_component::{
    CloseStatus, DeflateSettings, Header, MAX_HEADER_LENGTH, MaskKey, Opcode, Received, Role, Session, SessionOptions,
    Violation,
};

const AGREEMENT: Agreement = Agreement {
    server_no_context_takeover: false,
    client_no_context_takeover: false,
    server_max_window_bits: 15,
    client_max_window_bits: 15,
};

fn server() -> Session {
    let mut session = Session::new(Role::Server, SessionOptions::default());
    session.enable_deflate(&AGREEMENT, DeflateSettings::default());
    session
}

/// One compressed binary message in one masked frame.
fn masked_frame(payload: &[u8]) -> Vec<u8> {
    let key = MaskKey([7, 1, 5, 3]);
    let header = Header {
        fin: true,
        rsv: 0b100,
        opcode: Opcode::Binary,
        mask: Some(key),
        length: payload.len() as u64,
    };
    let mut bytes = [0; MAX_HEADER_LENGTH];
    let size = header.encode(&mut bytes);
    let mut frame = bytes[..size].to_vec();
    frame.extend(payload);
    key.apply(&mut frame[size..]);
    frame
}

/// The bits of a DEFLATE stream, the first one first, in bytes.
fn packed(bits: &str) -> Vec<u8> {
    let bits: Vec<u8> = bits.bytes().filter(u8::is_ascii_digit).map(|bit| bit - b'0').collect();
    bits.chunks(8)
        .map(|byte| byte.iter().rev().fold(0, |byte, bit| byte << 1 | bit))
        .collect()
}

/// Blocks that build tables for a literal, an end and a distance, and end: 45 bytes each four of them.
fn empty_dynamic_blocks(count: usize) -> Vec<u8> {
    let lengths = "000 000 100 000 000 000 000 000 000 000 000 000 000 000 000 000 000 100";
    // 138 and 118 literals of length 0, the end of length 1, a distance of length 1; the end
    let block = format!("0 01 00000 00000 0111 {lengths} 1 1111111 1 1101011 0 0 0");
    packed(&block.repeat(4)).repeat(count / 4)
}

struct Total {
    steps: usize,
    most_consumed: usize,
    most_work: u64,
    message: Vec<u8>,
}

fn receive_all(session: &mut Session, mut input: &mut [u8]) -> Total {
    let mut total = Total {
        steps: 0,
        most_consumed: 0,
        most_work: 0,
        message: Vec::new(),
    };
    loop {
        let before = session.work();
        let step = session.receive(input).unwrap();
        total.steps += 1;
        total.most_consumed = total.most_consumed.max(step.consumed);
        total.most_work = total.most_work.max(session.work() - before);
        input = &mut input[step.consumed..];
        match step.received {
            Received::Inflated {
                buffer_type, payload, ..
            } => {
                total.message.extend_from_slice(&session.inflated()[payload]);
                if buffer_type.is_final() {
                    assert!(input.is_empty() && !session.has_more());
                    return total;
                }
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_step_ends_after_16_kib_of_blocks_without_output() {
    let mut payload = empty_dynamic_blocks(100_000);
    payload.push(0);
    let total = receive_all(&mut server(), &mut masked_frame(&payload));
    assert_eq!(total.message, b"");
    assert!(total.most_consumed <= 16 * 1024 + 14, "{}", total.most_consumed);
    assert_eq!(total.steps, payload.len().div_ceil(16 * 1024));
}

#[test]
fn a_step_of_a_bomb_is_at_most_half_a_mib_of_work() {
    let mut payload = Vec::new();
    Deflater::new(15, 9, 9).compress(&vec![0; 8 << 20], Flush::Last, &mut payload);
    let mut session = server();
    let total = receive_all(&mut session, &mut masked_frame(&payload));
    assert_eq!(total.message.len(), 8 << 20);
    assert!(total.most_work <= 32 * 16 * 1024 + 16 * 1024, "{}", total.most_work);
    assert_eq!(session.work(), 32 * payload.len() as u64 + (8 << 20));
}

#[test]
fn unfinished_messages_hold_a_bounded_number_of_decompressors() {
    let agreement = Agreement {
        client_no_context_takeover: true,
        ..AGREEMENT
    };
    let begin = || {
        let mut session = Session::new(Role::Server, SessionOptions::default());
        session.enable_deflate(&agreement, DeflateSettings::default());
        // the first three bytes of a compressed "Hello"
        let received = session.receive(&mut [0x42, 0x83, 0, 0, 0, 0, 0xF2, 0x48, 0xCD]);
        (session, received)
    };
    let mut held = Vec::new();
    let refused = loop {
        match begin() {
            (session, Ok(_)) => held.push(session),
            (session, Err(violation)) => break (session, violation),
        }
    };
    assert_eq!(refused.1, Violation::MemoryExhausted);
    assert_eq!(refused.1.close_status(), CloseStatus::TRY_AGAIN_LATER);
    assert_eq!(held.len(), 4096);
    drop(refused);
    held.pop();
    assert!(begin().1.is_ok(), "one that ends makes room for another");
}

#[test]
fn a_message_of_many_final_blocks_costs_its_bytes_alone() {
    // 32 KiB of stored noise fill the window; then each block ends zlib's stream, and refers to the window's far end
    let noise: Vec<u8> = (0..32_768_u32)
        .map(|i| i.wrapping_mul(2_654_435_761).to_be_bytes()[1])
        .collect();
    let mut payload = vec![0x00, 0x00, 0x80, 0xFF, 0x7F];
    payload.extend(&noise);
    // length 3, distance 32,768; the end
    payload.extend(packed("1 10 0000001 11101 1111111111111 0000000").repeat(10_000));
    payload.push(0);
    let mut session = server();
    let total = receive_all(&mut session, &mut masked_frame(&payload));
    let mut expected = noise;
    for at in 0..30_000 {
        expected.push(expected[at / 3 * 3 + at % 3]);
    }
    assert_eq!(total.message.len(), expected.len());
    assert_eq!(total.message, expected);
    assert_eq!(session.work(), 32 * payload.len() as u64 + expected.len() as u64);
}

/// Blocks that are stored as they are, each with five bytes before its payload.
fn stored(payload: &[u8], size: usize) -> Vec<u8> {
    let block = |bytes: &[u8]| {
        let length = u16::try_from(bytes.len()).expect("a short block").to_le_bytes();
        [&[0][..], &length, &length.map(|byte| !byte), bytes].concat()
    };
    // the empty block at the end has four of its bytes left out (RFC 7692 §7.2.1)
    [payload.chunks(size).flat_map(block).collect(), vec![0]].concat()
}

#[test]
fn a_message_at_its_limit_may_be_a_quarter_longer_compressed_and_no_more() {
    let message = |size: usize| {
        let mut options = SessionOptions::default();
        options.limits.max_message_size = 10_000;
        let mut session = Session::new(Role::Server, options);
        session.enable_deflate(&AGREEMENT, DeflateSettings::default());
        let mut frame = masked_frame(&stored(&[7; 10_000], size));
        let mut received = 0;
        let mut input = &mut frame[..];
        loop {
            let step = session.receive(input)?;
            match step.received {
                Received::Inflated {
                    payload, buffer_type, ..
                } => {
                    received += payload.len();
                    if buffer_type.is_final() {
                        return Ok(received);
                    }
                }
                other => panic!("{other:?}"),
            }
            input = &mut input[step.consumed..];
        }
    };
    assert_eq!(message(20), Ok(10_000), "of 12,501 bytes");
    assert_eq!(message(15), Err(Violation::MessageTooBig), "of 13,336 bytes");
}
