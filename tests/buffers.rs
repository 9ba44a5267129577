//! Whose memory a handle uses, and that it comes back (component API §8.2).
#![allow(clippy::unwrap_used, reason = "a wrong test panics")]

mod support;

use std::ops::Range;
use std::sync::{Arc, Mutex};

use support::*;
use websocket_component::{
    Action, ActionKind, ActionQueue, Block, Buffer, BufferType, CloseStatus, Completed, Error, ErrorCode, Handle,
    Misuse, Property, Role, internal_buffer_size,
};

fn data(bytes: &[u8]) -> Option<Buffer> {
    Some(Buffer::Data(bytes.to_vec()))
}

/// The action's buffers, whose addresses the test looks at.
fn sent_buffers<'a>(action: &'a Action<'_, u32>) -> [&'a [u8]; 2] {
    let Action::SendToNetwork { buffers, .. } = action else {
        panic!("{action:?}")
    };
    *buffers
}

/// §8.2: what the handle was given comes back to its owner, not a copy of it.
#[test]
fn buffers_come_back_with_their_indications() {
    let mut server = open_server(vec![]);
    let (payload, reason, room) = (b"payload".to_vec(), b"bye".to_vec(), vec![0; 100]);
    let owned = [&payload, &reason, &room].map(|buffer| buffer.as_ptr());
    server
        .send(BufferType::BinaryMessage, Some(Buffer::Data(payload)), 1)
        .unwrap();
    let close = Buffer::CloseStatus {
        status: CloseStatus(1000),
        reason,
    };
    server.send(BufferType::Close, Some(close), 2).unwrap();
    server.receive(Some(room), 3).unwrap();
    let mut network = masked(0x81, b"Hello");
    let mut back = Vec::new();
    while let Some(action) = server.get_action(ActionQueue::All).unwrap().action_context() {
        let bytes = match server.outstanding_action(action).unwrap() {
            Action::SendToNetwork { buffers, .. } => buffers.concat().len(),
            Action::ReceiveFromNetwork { buffer, .. } => {
                let read = network.len();
                buffer[..read].copy_from_slice(&network);
                network.clear();
                read
            }
            _ => 0,
        };
        back.extend(server.complete_action(action, bytes).unwrap());
    }
    assert_eq!(
        back.iter().map(|done| done.application_context).collect::<Vec<_>>(),
        [1, 2, 3]
    );
    let buffers: Vec<Vec<u8>> = back.into_iter().map(|done| done.buffer.unwrap()).collect();
    assert_eq!(buffers.iter().map(|buffer| buffer.as_ptr()).collect::<Vec<_>>(), owned);
    assert_eq!(buffers[..2], [b"payload".to_vec(), b"bye".to_vec()]);
    assert_eq!((&buffers[2][..5], buffers[2].len()), (&b"Hello"[..], 100));
}

#[test]
fn a_deleted_handle_gives_back_what_it_still_has() {
    let memory = vec![0; internal_buffer_size(256, 16)].into_boxed_slice();
    let place = memory.as_ptr();
    let mut server = open_server(vec![
        Property::ReceiveBufferSize(256),
        Property::SendBufferSize(16),
        Property::AllocatedBuffer(memory),
    ]);
    server.send(BufferType::Utf8Message, data(b"a"), 1).unwrap();
    server.send(BufferType::PingPong, None, 2).unwrap();
    server.receive(Some(vec![0; 3]), 3).unwrap();
    server.receive(None, 4).unwrap();
    server.get_action(ActionQueue::Send).unwrap();
    server.get_action(ActionQueue::Receive).unwrap();
    let deleted = server.delete();
    let back = |all: Vec<Completed<u32>>| {
        all.into_iter()
            .map(|done| (done.application_context, done.buffer))
            .collect::<Vec<_>>()
    };
    assert_eq!(back(deleted.sends), [(1, Some(b"a".to_vec())), (2, None)]);
    assert_eq!(back(deleted.receives), [(3, Some(vec![0; 3])), (4, None)]);
    let memory = deleted.allocated_buffer.unwrap();
    assert_eq!(memory.as_ptr(), place);
}

#[test]
fn a_shared_payload_leaves_as_it_is_and_is_let_go() {
    let payload: Arc<[u8]> = Arc::from(vec![7; 70_000]);
    let mut servers = [open_server(vec![]), open_server(vec![])];
    for server in &mut servers {
        server
            .send_shared(BufferType::BinaryMessage, payload.clone(), 1)
            .unwrap();
        let action = server.get_action(ActionQueue::Send).unwrap();
        assert_eq!(sent_buffers(&action)[1].as_ptr(), payload.as_ptr());
        let (context, length) = (action.action_context().unwrap(), sent_buffers(&action).concat().len());
        server.complete_action(context, length).unwrap();
    }
    assert_eq!(Arc::strong_count(&payload), 3);
    for server in &mut servers {
        let action = server.get_action(ActionQueue::Send).unwrap();
        assert_eq!(action.kind(), ActionKind::IndicateSendComplete);
        let context = action.action_context().unwrap();
        server.complete_action(context, 0).unwrap();
    }
    assert_eq!(Arc::strong_count(&payload), 1);
    let [mut server, _] = servers;
    assert_eq!(
        server.send_shared(BufferType::Close, "bye", 2),
        Err(Misuse::BufferOfWrongKind.into())
    );
    let mut client = open_client(vec![]);
    client.send_shared(BufferType::Utf8Message, "Hello", 3).unwrap();
    assert_eq!(drain_sends(&mut client), masked(0x81, b"Hello"));
}

/// Memory that is not Rust's to allocate; it tells which ranges were asked for.
struct Watched(Box<[u8]>, Arc<Mutex<Vec<Range<usize>>>>);

impl Block for Watched {
    fn size(&self) -> usize {
        self.0.len()
    }

    fn bytes(&self, range: Range<usize>) -> &[u8] {
        self.1.lock().unwrap().push(range.clone());
        &self.0[range]
    }

    fn bytes_mut(&mut self, range: Range<usize>) -> &mut [u8] {
        self.1.lock().unwrap().push(range.clone());
        &mut self.0[range]
    }
}

#[test]
fn a_handle_does_the_same_in_any_memory() {
    let memory = || vec![0; internal_buffer_size(256, 16)];
    let blocks: [Box<dyn Block>; 3] = [
        Box::new(memory()),
        Box::new(memory().into_boxed_slice()),
        Box::new(Watched(memory().into(), Arc::default())),
    ];
    for (index, block) in blocks.into_iter().enumerate() {
        let mut server = server_in(block);
        server.receive(None, 1).unwrap();
        let mut network = [masked(0x89, b"ping"), masked(0x81, b"Hello")].concat();
        let mut next = || act(&mut server, ActionQueue::Receive, &mut network, usize::MAX).unwrap();
        let expected = [
            Some(Done::Reading),
            Some(Done::Sent(BufferType::PingPong, b"\x8A\x04ping".to_vec(), None)),
            Some(Done::Received(BufferType::Utf8Message, b"Hello".to_vec(), 1)),
        ];
        assert_eq!([next(), next(), next()], expected, "memory {index}");
        server.send(BufferType::Utf8Message, data(b"a"), 2).unwrap();
        assert_eq!(drain_sends(&mut server), hex("81 01 61"), "memory {index}");
    }
}

fn server_in(block: Box<dyn Block>) -> Handle<u32> {
    let properties = [Property::ReceiveBufferSize(256), Property::SendBufferSize(16)];
    let mut server = Handle::create_in(Role::Server, properties, Box::new(FixedRandom(KEY)), block).unwrap();
    server
        .begin_server_handshake(None, &[], &server_request("dGhlIHNhbXBsZSBub25jZQ=="))
        .unwrap();
    server
}

/// Callers read from the network into the one while another thread sends.
#[test]
fn sending_touches_no_memory_that_is_being_read_into() {
    let asked = Arc::default();
    let memory = Watched(vec![0; internal_buffer_size(256, 16)].into(), Arc::clone(&asked));
    let mut server = server_in(Box::new(memory));
    server.receive(None, 1).unwrap();
    server.get_action(ActionQueue::Receive).unwrap();
    asked.lock().unwrap().clear();
    server.send(BufferType::Utf8Message, data(b"a"), 2).unwrap();
    server.send(BufferType::PingPong, None, 3).unwrap();
    assert_eq!(drain_sends(&mut server), hex("81 01 61 89 00"));
    let asked = asked.lock().unwrap();
    assert!(
        !asked.is_empty() && asked.iter().all(|range| range.start >= 256),
        "{asked:?}"
    );
}

#[test]
fn a_receive_into_memory_of_another_kind_fills_that() {
    let mut server = open_server(vec![]);
    let mut network = masked(0x82, b"abcdefgh");
    let asked = Arc::default();
    server
        .receive_into(Box::new(Watched(vec![0; 3].into(), Arc::clone(&asked))), 1)
        .unwrap();
    act(&mut server, ActionQueue::Receive, &mut network, usize::MAX).unwrap();
    let done = act(&mut server, ActionQueue::Receive, &mut network, 0).unwrap();
    assert_eq!(
        done,
        Some(Done::Received(BufferType::BinaryFragment, b"abc".to_vec(), 1))
    );
    assert_eq!(asked.lock().unwrap()[..], [0..3, 0..3]);
    let empty = Watched(Box::default(), asked);
    assert_eq!(
        server.receive_into(Box::new(empty), 2),
        Err(Misuse::ReceiveBufferEmpty.into())
    );
}

#[test]
fn buffers_that_cannot_be_had_are_refused_when_the_handle_is_made() {
    let most = (1 << 31) - 1024;
    assert_eq!(
        internal_buffer_size(u32::MAX, u32::MAX),
        (2 * (u32::MAX as usize)).saturating_add(144)
    );
    let properties = [
        Property::ReceiveBufferSize(most),
        Property::SendBufferSize(most),
        Property::AllocatedBuffer(vec![0; 4096].into()),
    ];
    assert_eq!(
        Handle::<u32>::create_server(&properties).unwrap_err(),
        Misuse::AllocatedBufferTooSmall.into()
    );
    assert_eq!(ErrorCode::OutOfMemory, Error::OutOfMemory.code());
}

/// It runs itself again, in a process that may have a gigabyte.
#[cfg(all(target_os = "linux", not(miri)))]
#[test]
fn a_size_beyond_the_memory_is_refused_when_the_handle_is_made_and_ends_no_process() {
    const LIMITED: &str = "WEBSOCKET_COMPONENT_LIMITED";
    if std::env::var_os(LIMITED).is_some() {
        let most = (1 << 31) - 1024;
        for property in [Property::ReceiveBufferSize(most), Property::SendBufferSize(most)] {
            assert_eq!(
                Handle::<u32>::create_server(&[property]).unwrap_err(),
                Error::OutOfMemory
            );
        }
        return;
    }
    let output = std::process::Command::new("sh")
        .args(["-c", "ulimit -v 1000000 && exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .arg("a_size_beyond_the_memory_is_refused")
        .env(LIMITED, "")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && told.contains("1 passed"), "{output:?}");
}
