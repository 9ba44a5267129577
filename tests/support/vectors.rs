//! Vectors of frames: each goes to both roles, whole, byte by byte and split in two at every place, through a
//! session and through a handle, and the same must come out.

use super::*;
use websocket_component::{Header, Limits, Received, Session, SessionOptions, Violation, internal_buffer_size};

pub const ROLES: [Role; 2] = [Role::Client, Role::Server];

/// An outcome: a kind (text, binary, ping, pong, close) and a payload; a close's begins with its status. A message
/// that did not end, though nothing went wrong, gives "unfinished" with the bytes delivered.
pub type Event<'a> = (&'a str, Vec<u8>);
pub type Outcome = (Vec<Event<'static>>, Option<Violation>);

pub fn through_session(role: Role, limits: Limits, chunks: &[&[u8]]) -> Outcome {
    let mut options = SessionOptions::default();
    options.limits = limits;
    let mut session = Session::new(role, options);
    let (mut all, mut message, mut unread) = (Vec::new(), Vec::new(), Vec::new());
    for chunk in chunks {
        unread.extend_from_slice(chunk);
        loop {
            let step = match session.receive(&mut unread) {
                Ok(step) => step,
                Err(violation) => {
                    assert_eq!(session.receive(&mut []), Err(violation), "it stays");
                    assert_eq!(session.failure(), Some(violation));
                    return (all, Some(violation));
                }
            };
            let waits = step.received == Received::NeedMore;
            match step.received {
                Received::NeedMore => {}
                Received::Inflated { .. } => unreachable!("permessage-deflate was not agreed"),
                Received::Data {
                    buffer_type, payload, ..
                } => {
                    message.extend_from_slice(&unread[payload]);
                    if buffer_type.is_final() {
                        all.push((kind_of(buffer_type), std::mem::take(&mut message)));
                    }
                }
                Received::Ping(payload) => all.push(("ping", unread[payload].to_vec())),
                Received::Pong(payload) => all.push(("pong", unread[payload].to_vec())),
                Received::Close { status, reason } => all.push(close_event(status, &unread[reason])),
            }
            unread.drain(..step.consumed);
            if waits {
                assert!(unread.len() <= 138, "{} bytes are kept", unread.len());
                break;
            }
        }
    }
    all.extend(unfinished(message));
    (all, None)
}

/// The handle has 416 bytes for everything, whatever the peer sends or announces.
pub fn small_memory() -> Vec<Property> {
    vec![
        Property::ReceiveBufferSize(256),
        Property::SendBufferSize(16),
        Property::AllocatedBuffer(vec![0; internal_buffer_size(256, 16)].into()),
    ]
}

pub fn through_handle(role: Role, limits: Limits, chunks: &[&[u8]]) -> Outcome {
    let mut handle = open(role, small_memory());
    handle.set_limits(limits);
    let (done, error) = feed_chunks(&mut handle, chunks.iter().copied());
    let (mut all, mut message) = (Vec::new(), Vec::new());
    for done in done {
        match done {
            Done::Sent(BufferType::PingPong, pong, None) => all.push(("ping", pong_payload(role, &pong))),
            Done::Received(BufferType::PingPong, payload, _) => all.push(("pong", payload)),
            Done::Received(buffer_type, payload, _) => {
                message.extend(payload);
                if buffer_type.is_final() {
                    all.push((kind_of(buffer_type), std::mem::take(&mut message)));
                }
            }
            Done::Closed(status, reason, _) => all.push(close_event(status, &reason)),
            other => panic!("{other:?}"),
        }
    }
    let violation = error.map(|error| match error {
        Error::Violation(violation) => violation,
        other => panic!("{other:?}"),
    });
    assert_eq!(handle.get_action(ActionQueue::Receive).err(), error, "it stays");
    if violation.is_none() {
        all.extend(unfinished(message));
    }
    (all, violation)
}

fn unfinished(message: Vec<u8>) -> Option<Event<'static>> {
    (!message.is_empty()).then_some(("unfinished", message))
}

fn kind_of(buffer_type: BufferType) -> &'static str {
    match buffer_type {
        BufferType::Utf8Message => "text",
        BufferType::BinaryMessage => "binary",
        other => panic!("{other:?}"),
    }
}

fn close_event(status: CloseStatus, reason: &[u8]) -> Event<'static> {
    let code = status.0.to_be_bytes();
    let status: &[u8] = if status == CloseStatus::EMPTY { &[] } else { &code };
    ("close", [status, reason].concat())
}

/// The frame that an endpoint of this role sends.
pub fn frame_from(role: Role, first: u8, payload: &[u8]) -> Vec<u8> {
    match role {
        Role::Client => masked(first, payload),
        Role::Server => unmasked(first, payload),
    }
}

fn pong_payload(role: Role, pong: &[u8]) -> Vec<u8> {
    let payload: Vec<u8> = match role {
        Role::Client => pong[6..].iter().zip(KEY.iter().cycle()).map(|(a, b)| a ^ b).collect(),
        Role::Server => pong[2..].to_vec(),
    };
    assert_eq!(pong, frame_from(role, 0x8A, &payload));
    payload
}

/// The header that the peer of `role` would send with these length bytes, which need not be right.
pub fn header_to(role: Role, first: u8, length: &[u8]) -> Vec<u8> {
    match role {
        Role::Client => [&[first], length].concat(),
        Role::Server => [&[first, length[0] | 0x80], &length[1..], &KEY].concat(),
    }
}

/// Checks one stream in every way.
pub fn check(
    name: &str,
    limits: Limits,
    stream: impl Fn(Role) -> Vec<u8>,
    events: &[Event],
    violation: Option<Violation>,
) {
    for role in ROLES {
        let stream = stream(role);
        let halves = (1..stream.len()).map(|at| vec![&stream[..at], &stream[at..]]);
        for chunks in [vec![&stream[..]], stream.chunks(1).collect()]
            .into_iter()
            .chain(halves)
        {
            for through in [through_session, through_handle] {
                let outcome = through(role, limits, &chunks);
                let first = chunks[0].len();
                assert_eq!(outcome.0, events, "{name}: {role:?}, first chunk {first}");
                assert_eq!(outcome.1, violation, "{name}: {role:?}, first chunk {first}");
            }
        }
    }
}

/// Checks a table with the columns: name, section of RFC 6455, frames, what comes out, violation.
///
/// A frame is `first byte:payload`, or `first byte/length bytes:payload` with a length that need not be right. A
/// payload is hexadecimal, `'text'`, or `byte*count`; `+` joins.
pub fn check_table(limits: Limits, table: &'static str) {
    for line in table.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [name, section, frames, events, violation] = cells[..] else {
            panic!("five cells: {line}")
        };
        let events: Vec<Event> = words(events).map(|(kind, payload)| (kind, bytes(payload))).collect();
        let violation = (!violation.is_empty()).then(|| named(violation));
        let stream = |role| frames_to(role, frames);
        check(&format!("§{section}, {name}"), limits, stream, &events, violation);
    }
}

/// The frames of a table's cell, as the peer of `role` sends them.
pub fn frames_to(role: Role, frames: &str) -> Vec<u8> {
    let frames = words(frames).map(|(start, payload)| {
        let payload = bytes(payload);
        let Some((first, length)) = start.split_once('/') else {
            return frame_to(role, hex(start)[0], &payload);
        };
        let sent = frame_to(role, 0, &payload).split_off(header_size(role, &payload));
        [header_to(role, hex(first)[0], &hex(length)), sent].concat()
    });
    frames.collect::<Vec<_>>().concat()
}

fn header_size(role: Role, payload: &[u8]) -> usize {
    Header::size(payload.len() as u64, role == Role::Server)
}

/// The words of a cell, each split at its colon.
fn words(cell: &str) -> impl Iterator<Item = (&str, &str)> {
    cell.split_whitespace()
        .map(|word| word.split_once(':').unwrap_or_else(|| panic!("no colon: {word}")))
}

fn bytes(payload: &str) -> Vec<u8> {
    let part = |part: &str| match (part.strip_prefix('\''), part.split_once('*')) {
        (Some(text), _) => text.trim_end_matches('\'').as_bytes().to_vec(),
        (None, Some((byte, count))) => hex(byte).repeat(count.parse().unwrap()),
        (None, None) => hex(part),
    };
    payload.split('+').flat_map(part).collect()
}

fn named(violation: &str) -> Violation {
    let all = Violation::ALL.iter();
    *all.clone().find(|one| format!("{one:?}") == violation).unwrap()
}
