//! The vectors that every host of the engine is tested with (`tests/hosts/vectors.json`), through the crate itself.
#![cfg(not(all(target_arch = "wasm32", target_os = "unknown")))]
#![allow(clippy::unwrap_used, reason = "a wrong test panics")]

use serde::Deserialize;
use websocket_component::{BufferType, Received, Role, Session, SessionOptions};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vector {
    name: String,
    to_server: String,
    to_client: String,
    /// Kind and payload in hex; a close's begins with its status.
    events: Vec<(String, String)>,
    close_status: Option<u16>,
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().as_chunks::<2>().0;
    let byte = |pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.iter().map(|pair| byte(pair.as_slice())).collect()
}

#[test]
fn every_vector_gives_its_events_whole_and_byte_by_byte() {
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("hosts/vectors.json")).unwrap();
    for vector in &vectors {
        for (role, input) in [(Role::Server, &vector.to_server), (Role::Client, &vector.to_client)] {
            let expected: Vec<_> = vector
                .events
                .iter()
                .map(|(kind, hex)| (kind.as_str(), bytes(hex)))
                .collect();
            let input = bytes(input);
            for size in [usize::MAX, 1] {
                let chunks = input.chunks(size.min(input.len()));
                let (events, status) = receive(role, chunks);
                assert_eq!(
                    (events, status),
                    (expected.clone(), vector.close_status),
                    "{}, {role:?}",
                    vector.name
                );
            }
        }
    }
}

fn receive<'a>(role: Role, chunks: impl Iterator<Item = &'a [u8]>) -> (Vec<(&'static str, Vec<u8>)>, Option<u16>) {
    let mut session = Session::new(role, SessionOptions::default());
    let (mut events, mut message, mut unread) = (Vec::new(), Vec::new(), Vec::new());
    for chunk in chunks {
        unread.extend_from_slice(chunk);
        loop {
            let step = match session.receive(&mut unread) {
                Ok(step) => step,
                Err(violation) => return (events, Some(violation.close_status().into())),
            };
            let is_done = step.received == Received::NeedMore;
            match step.received {
                Received::Data {
                    buffer_type, payload, ..
                } => {
                    message.extend_from_slice(&unread[payload]);
                    match buffer_type {
                        BufferType::Utf8Message => events.push(("text", std::mem::take(&mut message))),
                        BufferType::BinaryMessage => events.push(("binary", std::mem::take(&mut message))),
                        _ => {}
                    }
                }
                Received::Ping(payload) => events.push(("ping", unread[payload].to_vec())),
                Received::Pong(payload) => events.push(("pong", unread[payload].to_vec())),
                Received::Close { status, reason } => {
                    let status = u16::from(status).to_be_bytes();
                    events.push(("close", [&status, &unread[reason]].concat()));
                }
                _ => {}
            }
            unread.drain(..step.consumed);
            if is_done {
                break;
            }
        }
    }
    (events, None)
}
