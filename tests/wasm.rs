//! The engine on wasm32, in Node and in a browser: what depends on the platform, and a conversation.
#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used, reason = "a wrong test panics")]

use wasm_bindgen_test::wasm_bindgen_test;
use websocket_component::{
    Action, ActionQueue, Buffer, BufferType, CloseStatus, Handle, MaskKey, PlatformRandom, RandomSource, Received,
    ReceivedBuffer, Role, Session, SessionOptions, Utf8Validator, Violation,
};

#[wasm_bindgen_test]
fn random_bytes_come_from_the_platform_and_differ() {
    let mut random = PlatformRandom;
    let mut seen = std::collections::HashSet::new();
    // more than the pool holds at a time
    for _ in 0..500 {
        let mut key = [0; 4];
        random.fill(&mut key).unwrap();
        seen.insert(key);
    }
    assert!(seen.len() > 495, "{} different keys of 500", seen.len());
    let mut long = [0; 3000];
    random.fill(&mut long).unwrap();
    assert!(long.iter().filter(|&&byte| byte == 0).count() < 100);
}

#[wasm_bindgen_test]
fn two_handles_shake_hands_and_a_message_is_echoed_through_the_action_loop() {
    let mut client = Handle::<u32>::create_client(&[]).unwrap();
    let mut server = Handle::<u32>::create_server(&[]).unwrap();
    let request = client.begin_client_handshake(&["a", "b"], &[], &[]).unwrap();
    let response = server.begin_server_handshake(Some("b"), &[], &request).unwrap();
    assert_eq!(client.end_client_handshake(&response).unwrap().subprotocol, Some(1));
    for message in ["", "Hello", &"größe 😀 ".repeat(5000)] {
        assert_eq!(
            deliver(&mut client, &mut server, message.as_bytes()),
            message.as_bytes()
        );
        assert_eq!(
            deliver(&mut server, &mut client, message.as_bytes()),
            message.as_bytes()
        );
    }
}

/// Sends a text from one handle and returns the message that the other receives.
fn deliver(from: &mut Handle<u32>, to: &mut Handle<u32>, text: &[u8]) -> Vec<u8> {
    let mut network = Vec::new();
    from.send(BufferType::Utf8Message, Some(Buffer::Data(text.to_vec())), 1)
        .unwrap();
    loop {
        let action = from.get_action(ActionQueue::Send).unwrap();
        let Some(context) = action.action_context() else { break };
        let written = match action {
            Action::SendToNetwork { buffers, .. } => buffers.concat(),
            _ => Vec::new(),
        };
        network.extend_from_slice(&written);
        from.complete_action(context, written.len()).unwrap();
    }
    let mut message = Vec::new();
    let mut ended = false;
    while !ended {
        to.receive(None, 2).unwrap();
        loop {
            let mut count = 0;
            let action = to.get_action(ActionQueue::Receive).unwrap();
            let Some(context) = action.action_context() else { break };
            match action {
                Action::ReceiveFromNetwork { buffer, .. } => {
                    count = buffer.len().min(network.len());
                    buffer[..count].copy_from_slice(&network[..count]);
                    network.drain(..count);
                }
                Action::IndicateReceiveComplete { buffer, .. } => {
                    let ReceivedBuffer::Data { buffer_type, data } = buffer else {
                        panic!("{buffer:?}")
                    };
                    message.extend_from_slice(data);
                    ended = buffer_type == BufferType::Utf8Message;
                }
                _ => panic!("{action:?}"),
            }
            to.complete_action(context, count).unwrap();
        }
    }
    assert!(network.is_empty());
    message
}

#[wasm_bindgen_test]
fn messages_of_every_form_of_length_come_through_in_any_split() {
    for length in [0_usize, 1, 125, 126, 65_535, 65_536] {
        let payload: Vec<u8> = (0..length).map(|index| u8::try_from(index % 251).unwrap()).collect();
        let mut client = Session::new(Role::Client, SessionOptions::default());
        let mut server = Session::new(Role::Server, SessionOptions::default());
        let mut wire = Vec::new();
        client.write(BufferType::BinaryMessage, &payload, &mut wire).unwrap();
        client.write_close(CloseStatus::SUCCESS, "done", &mut wire).unwrap();
        let (mut unread, mut received, mut closed) = (Vec::new(), Vec::new(), None);
        for chunk in wire.chunks(1000) {
            unread.extend_from_slice(chunk);
            loop {
                let step = server.receive(&mut unread).unwrap();
                let more = step.received == Received::NeedMore;
                match step.received {
                    Received::Data { payload, .. } => received.extend_from_slice(&unread[payload]),
                    Received::Close { status, .. } => closed = Some(status),
                    _ => {}
                }
                unread.drain(..step.consumed);
                if more {
                    break;
                }
            }
        }
        assert_eq!(received, payload);
        assert_eq!(closed, Some(CloseStatus::SUCCESS));
    }
}

#[wasm_bindgen_test]
fn masking_with_simd_equals_the_octet_rule() {
    let key = MaskKey([0x37, 0xFA, 0x21, 0x3D]);
    for length in 0..=67_u8 {
        let mut masked: Vec<u8> = (0..length).collect();
        key.apply(&mut masked);
        for (index, byte) in (0..length).zip(masked) {
            assert_eq!(byte, index ^ key.0[usize::from(index) % 4], "length {length}");
        }
    }
}

#[wasm_bindgen_test]
fn utf8_with_simd_is_judged_at_its_first_impossible_byte() {
    let text = "αβγ — 𝄞".repeat(20);
    for split in 0..=text.len() {
        let mut utf8 = Utf8Validator::default();
        assert!(utf8.push(&text.as_bytes()[..split]).is_ok() && utf8.push(&text.as_bytes()[split..]).is_ok());
        assert!(utf8.is_boundary());
    }
    let mut server = Session::new(Role::Server, SessionOptions::default());
    let mut surrogate = vec![0x01, 0x82, 0, 0, 0, 0, 0xED, 0xA0];
    assert_eq!(server.receive(&mut surrogate), Err(Violation::TextNotUtf8));
}
