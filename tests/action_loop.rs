//! The contract of the action loop: the component API's Appendix C, its traces (§5.4), and the rules of §3 and §6.
//! The number in front of a test's name is that of the list in Appendix C.

#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a wrong test panics"
)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use support::*;
use websocket_component::{
    Action, ActionContext, ActionKind, ActionQueue, Buffer, BufferType, CloseStatus, Error, ErrorCode, GlobalProperty,
    Handle, HttpHeader, Limits, Misuse, Property, PropertyType, RandomSource, RandomUnavailable, ReceivedBuffer, Role,
    Session, SessionOptions, State, Violation, global_property, internal_buffer_size,
};

const ROLES: [Role; 2] = [Role::Client, Role::Server];

fn data(bytes: &[u8]) -> Option<Buffer> {
    Some(Buffer::Data(bytes.to_vec()))
}

fn close(status: u16, reason: &[u8]) -> Option<Buffer> {
    Some(Buffer::CloseStatus {
        status: CloseStatus(status),
        reason: reason.to_vec(),
    })
}

/// The action's buffers, whose addresses the test looks at.
fn sent_buffers<'a>(action: &'a Action<'_, u32>) -> [&'a [u8]; 2] {
    let Action::SendToNetwork { buffers, .. } = action else {
        panic!("{action:?}")
    };
    *buffers
}

fn take(handle: &mut Handle<u32>, queue: ActionQueue) -> (ActionKind, Option<ActionContext>) {
    let action = handle.get_action(queue).unwrap();
    (action.kind(), action.action_context())
}

fn complete(handle: &mut Handle<u32>, queue: ActionQueue, kind: ActionKind, bytes: usize) {
    let (taken, context) = take(handle, queue);
    assert_eq!(taken, kind);
    handle.complete_action(context.unwrap(), bytes).unwrap();
}

fn code<T: std::fmt::Debug>(result: Result<T, Error>) -> ErrorCode {
    result.unwrap_err().code()
}

/// Appendix C, the table of bytes.
#[test]
fn frames_are_those_of_the_specification_byte_for_byte() {
    let long = vec![b'a'; 65536];
    type Sends<'a> = &'a [(BufferType, Option<Buffer>)];
    let cases: &[(Role, Sends<'_>, &str)] = &[
        (
            Role::Client,
            &[(BufferType::Utf8Message, data(b"Hello"))],
            "81 85 37FA213D 7F9F4D5158",
        ),
        (
            Role::Server,
            &[(BufferType::Utf8Message, data(b"Hello"))],
            "81 05 48656C6C6F",
        ),
        (
            Role::Server,
            &[(BufferType::Close, close(1000, b"bye"))],
            "88 05 03E8 627965",
        ),
        (
            Role::Client,
            &[(BufferType::Close, close(1000, b"bye"))],
            "88 85 37FA213D 3412434452",
        ),
        (Role::Server, &[(BufferType::Close, None)], "88 00"),
        (Role::Client, &[(BufferType::Close, close(1005, b""))], "88 80 37FA213D"),
        (Role::Server, &[(BufferType::PingPong, None)], "89 00"),
        (Role::Server, &[(BufferType::UnsolicitedPong, None)], "8A 00"),
        (Role::Server, &[(BufferType::PingPong, data(b"abc"))], "89 03 616263"),
        (
            Role::Server,
            &[
                (BufferType::Utf8Fragment, data(b"Hel")),
                (BufferType::Utf8Message, data(b"lo")),
            ],
            "01 03 48656C 80 02 6C6F",
        ),
        (Role::Server, &[(BufferType::BinaryMessage, None)], "82 00"),
    ];
    for (role, sends, expected) in cases {
        let mut handle = open(*role, vec![]);
        for (buffer_type, buffer) in *sends {
            handle.send(*buffer_type, buffer.clone(), 0).unwrap();
        }
        assert_eq!(drain_sends(&mut handle), hex(expected), "{role:?} {expected}");
    }
    for (length, header) in [(126, "82 7E 007E"), (65536, "82 7F 0000000000010000")] {
        let mut server = open_server(vec![]);
        server
            .send(BufferType::BinaryMessage, data(&long[..length]), 0)
            .unwrap();
        let action = server.get_action(ActionQueue::Send).unwrap();
        assert_eq!(sent_buffers(&action), [&hex(header), &long[..length]]);
    }
}

#[test]
fn c01_completing_without_an_action_changes_nothing() {
    let mut server = open_server(vec![]);
    assert_eq!(server.get_action(ActionQueue::All).unwrap(), Action::NoAction);
    server.complete_action(ActionContext(7.try_into().unwrap()), 3).unwrap();
    assert_eq!(server.get_action(ActionQueue::All).unwrap(), Action::NoAction);
    assert_eq!(server.state(), State::Open);
}

#[test]
fn c02_a_queue_hands_out_one_action_at_a_time_and_the_other_goes_on() {
    let mut server = open_server(vec![]);
    server.receive(None, 1).unwrap();
    server.send(BufferType::Utf8Message, data(b"a"), 2).unwrap();
    assert_eq!(
        take(&mut server, ActionQueue::Receive).0,
        ActionKind::ReceiveFromNetwork
    );
    assert_eq!(take(&mut server, ActionQueue::Receive).0, ActionKind::NoAction);
    assert_eq!(take(&mut server, ActionQueue::All).0, ActionKind::SendToNetwork);
    assert_eq!(take(&mut server, ActionQueue::All).0, ActionKind::NoAction);
}

#[test]
fn c03_a_receive_indication_may_be_completed_with_any_count() {
    let mut server = open_server(vec![]);
    server.receive(None, 1).unwrap();
    let mut network = masked(0x81, b"ab");
    act(&mut server, ActionQueue::Receive, &mut network, usize::MAX).unwrap();
    complete(
        &mut server,
        ActionQueue::Receive,
        ActionKind::IndicateReceiveComplete,
        2,
    );
    server.receive(None, 2).unwrap();
    assert_eq!(
        take(&mut server, ActionQueue::Receive).0,
        ActionKind::ReceiveFromNetwork
    );
}

#[test]
fn c04_a_send_completed_with_0_is_cancelled_and_the_handle_goes_on() {
    let mut client = open_client(vec![Property::SendBufferSize(16)]);
    client.send(BufferType::BinaryMessage, data(&[0; 100]), 1).unwrap();
    complete(&mut client, ActionQueue::Send, ActionKind::SendToNetwork, 0);
    assert!(matches!(
        client.get_action(ActionQueue::Send).unwrap(),
        Action::IndicateSendComplete { cancelled: true, .. }
    ));
    let indication = last_context(&mut client);
    client.complete_action(indication, 0).unwrap();
    assert_eq!(take(&mut client, ActionQueue::Send).0, ActionKind::NoAction);
    client.send(BufferType::Utf8Message, data(b"Hello"), 2).unwrap();
    assert_eq!(drain_sends(&mut client), masked(0x81, b"Hello"));
}

/// Half a frame has left: whatever came next would be taken for its other half.
#[test]
fn c04_a_send_completed_short_is_cancelled_and_ends_sending() {
    for (role, slots, short) in [(Role::Client, 2, 10), (Role::Server, 2, 1), (Role::Server, 1, 1)] {
        let mut handle = open(role, vec![]);
        handle.receive(None, 1).unwrap();
        handle.send(BufferType::BinaryMessage, data(&[0; 100]), 2).unwrap();
        handle.send(BufferType::Utf8Message, data(b"next"), 3).unwrap();
        let action = handle.get_action_with_slots(ActionQueue::Send, slots).unwrap();
        let context = action.action_context().unwrap();
        handle.complete_action(context, short).unwrap();
        assert_aborted_and_cancelled(&mut handle, &[2, 3], 1);
    }
}

#[test]
fn a_frame_whose_payload_does_not_follow_its_header_ends_sending() {
    let mut server = open_server(vec![]);
    server.receive(None, 1).unwrap();
    server.send(BufferType::BinaryMessage, data(&[0; 100]), 2).unwrap();
    for bytes in [2, 0] {
        let action = server.get_action_with_slots(ActionQueue::Send, 1).unwrap();
        let context = action.action_context().unwrap();
        server.complete_action(context, bytes).unwrap();
    }
    assert_aborted_and_cancelled(&mut server, &[2], 1);
}

#[test]
fn a_message_whose_later_frames_do_not_follow_ends_sending() {
    let mut client = open_client(vec![Property::SendBufferSize(16)]);
    client.receive(None, 1).unwrap();
    client.send(BufferType::BinaryMessage, data(&[0; 100]), 2).unwrap();
    complete(&mut client, ActionQueue::Send, ActionKind::SendToNetwork, 16);
    complete(&mut client, ActionQueue::Send, ActionKind::SendToNetwork, 0);
    assert_aborted_and_cancelled(&mut client, &[2], 1);
}

#[test]
fn half_a_pong_ends_sending_and_none_does_not() {
    for (written, state) in [(0, State::Open), (2, State::Aborted), (3, State::Open)] {
        let mut server = open_server(vec![]);
        server.receive(None, 1).unwrap();
        let mut network = masked(0x89, b"x");
        act(&mut server, ActionQueue::Receive, &mut network, usize::MAX).unwrap();
        complete(&mut server, ActionQueue::Receive, ActionKind::SendToNetwork, written);
        assert_eq!(server.state(), state, "{written} of 3 bytes");
    }
}

#[test]
fn more_bytes_than_an_action_has_are_a_misuse_without_effect() {
    let mut server = open_server(vec![]);
    server.send(BufferType::Utf8Message, data(b"a"), 1).unwrap();
    server.receive(None, 2).unwrap();
    for (queue, most) in [(ActionQueue::Send, 3), (ActionQueue::Receive, 4096)] {
        let (_, context) = take(&mut server, queue);
        let context = context.unwrap();
        assert_eq!(server.complete_action(context, most + 1), Err(Misuse::BytesTooMany));
        assert!(server.outstanding_action(context).is_some());
        assert_eq!(server.complete_action(context, most), Ok(None));
    }
    assert!(matches!(
        server.get_action(ActionQueue::Send).unwrap(),
        Action::IndicateSendComplete { cancelled: false, .. }
    ));
}

fn assert_aborted_and_cancelled(handle: &mut Handle<u32>, sends: &[u32], receive: u32) {
    assert_eq!(handle.state(), State::Aborted);
    assert_eq!(handle.send(BufferType::PingPong, None, 9), Err(Misuse::Aborted.into()));
    for send in sends {
        let Action::IndicateSendComplete {
            cancelled: true,
            application_context,
            action_context,
            ..
        } = handle.get_action(ActionQueue::Send).unwrap()
        else {
            panic!("{send} is cancelled")
        };
        assert_eq!(application_context, send);
        handle.complete_action(action_context, 0).unwrap();
    }
    let mut network = Vec::new();
    let done = act(handle, ActionQueue::All, &mut network, 0).unwrap();
    assert_eq!(done, Some(Done::Cancelled(receive)));
    assert_eq!(handle.get_action(ActionQueue::All), Ok(Action::NoAction));
}

#[test]
fn c05_a_read_of_nothing_cancels_the_receive_and_the_next_goes_on_inside_the_frame() {
    let frame = masked(0x81, b"Hello");
    for cut in 1..frame.len() {
        let mut server = open_server(vec![]);
        server.receive(None, 1).unwrap();
        let mut received = Vec::new();
        let mut network = frame[..cut].to_vec();
        // the payload that is there is delivered first
        while !network.is_empty() {
            act(&mut server, ActionQueue::Receive, &mut network, usize::MAX).unwrap();
        }
        let mut done = act(&mut server, ActionQueue::Receive, &mut network, 1)
            .unwrap()
            .unwrap();
        if let Done::Received(BufferType::Utf8Fragment, data, 1) = &done {
            received.extend(data);
            server.receive(None, 1).unwrap();
            done = act(&mut server, ActionQueue::Receive, &mut network, 1)
                .unwrap()
                .unwrap();
        }
        assert_eq!(done, Done::Reading, "cut at {cut}");
        let Action::NoAction = server.get_action(ActionQueue::Receive).unwrap() else {
            panic!("still reading")
        };
        // `act` left the read outstanding: its context is the last one handed out
        let context = last_context(&mut server);
        server.complete_action(context, 0).unwrap();
        let cancelled = act(&mut server, ActionQueue::Receive, &mut network, 1).unwrap();
        assert_eq!(cancelled, Some(Done::Cancelled(1)), "cut at {cut}");
        let (rest, error) = feed(&mut server, frame[cut..].to_vec(), usize::MAX);
        assert_eq!(error, None);
        received.extend(messages(&rest).concat_payloads());
        assert_eq!(received, b"Hello", "cut at {cut}");
    }
}

/// The context of the action that is outstanding.
fn last_context(handle: &mut Handle<u32>) -> ActionContext {
    (1..1000)
        .rev()
        .map(|number| ActionContext(number.try_into().unwrap()))
        .find(|context| handle.outstanding_action(*context).is_some())
        .expect("an outstanding action")
}

trait Payloads {
    fn concat_payloads(&self) -> Vec<u8>;
}

impl Payloads for Vec<(BufferType, Vec<u8>)> {
    fn concat_payloads(&self) -> Vec<u8> {
        self.iter().flat_map(|(_, payload)| payload.clone()).collect()
    }
}

#[test]
fn c06_a_message_larger_than_the_receive_buffer_comes_as_fragments_and_one_message() {
    for role in ROLES {
        let mut handle = open(role, vec![Property::ReceiveBufferSize(256)]);
        let payload: Vec<u8> = (0..1000).map(|i| i as u8).collect();
        let (done, error) = feed(&mut handle, frame_to(role, 0x82, &payload), usize::MAX);
        assert_eq!(error, None);
        let types: Vec<BufferType> = done
            .iter()
            .map(|done| match done {
                Done::Received(buffer_type, data, _) if data.len() <= 256 => *buffer_type,
                other => panic!("{other:?}"),
            })
            .collect();
        let (last, fragments) = types.split_last().unwrap();
        assert_eq!(*last, BufferType::BinaryMessage);
        assert!(fragments.len() >= 3 && fragments.iter().all(|kind| *kind == BufferType::BinaryFragment));
        assert_eq!(messages(&done), [(BufferType::BinaryMessage, payload)]);
    }
}

#[test]
fn c07_bytes_one_at_a_time_give_the_same_messages_as_in_one_read() {
    for role in ROLES {
        let stream = [
            frame_to(role, 0x01, "größe".as_bytes()),
            frame_to(role, 0x89, b"ping"),
            frame_to(role, 0x00, b""),
            frame_to(role, 0x80, &[b'x'; 300]),
            frame_to(role, 0x8A, b"pong"),
            frame_to(role, 0x82, &[0xFF; 200]),
            frame_to(role, 0x88, b"\x03\xE8bye"),
        ]
        .concat();
        let whole = feed(&mut open(role, vec![]), stream.clone(), usize::MAX);
        for read_size in [1, 2, 3, 7, 64] {
            let pieces = feed(&mut open(role, vec![]), stream.clone(), read_size);
            assert_eq!(messages(&pieces.0), messages(&whole.0), "{role:?} {read_size}");
            assert_eq!(pieces.1, whole.1);
            assert_eq!(without_contexts(pieces.0.last()), without_contexts(whole.0.last()));
        }
        assert_eq!(messages(&whole.0).len(), 3);
    }
}

fn without_contexts(done: Option<&Done>) -> Option<(CloseStatus, Vec<u8>)> {
    match done {
        Some(Done::Closed(status, reason, _)) => Some((*status, reason.clone())),
        _ => None,
    }
}

#[test]
fn c08_a_ping_between_fragments_is_answered_and_the_split_character_goes_on() {
    let stream = [masked(0x01, b"\xE2\x82"), masked(0x89, b"!"), masked(0x80, b"\xAC")].concat();
    let (done, error) = feed(&mut open_server(vec![]), stream, usize::MAX);
    assert_eq!(error, None);
    assert_eq!(
        done,
        [
            Done::Received(BufferType::Utf8Fragment, b"\xE2\x82".to_vec(), 0),
            Done::Sent(BufferType::PingPong, hex("8A 01 21"), None),
            Done::Received(BufferType::Utf8Message, b"\xAC".to_vec(), 1),
        ]
    );
}

#[test]
fn c09_a_pong_ends_the_receive_and_a_ping_does_not() {
    let stream = [masked(0x89, b"a"), masked(0x8A, b""), masked(0x81, b"ok")].concat();
    let (done, _) = feed(&mut open_server(vec![]), stream, usize::MAX);
    assert_eq!(
        done,
        [
            Done::Sent(BufferType::PingPong, hex("8A 01 61"), None),
            Done::Received(BufferType::PingPong, vec![], 0),
            Done::Received(BufferType::Utf8Message, b"ok".to_vec(), 1),
        ]
    );
}

#[test]
fn c10_a_pong_passes_a_send_that_is_being_written_and_holds_up_the_next() {
    for role in ROLES {
        let mut handle = open(role, vec![]);
        handle.receive(None, 1).unwrap();
        handle.send(BufferType::Utf8Message, data(b"a"), 2).unwrap();
        let (_, send) = take(&mut handle, ActionQueue::Send);
        let mut network = frame_to(role, 0x89, b"x");
        act(&mut handle, ActionQueue::Receive, &mut network, usize::MAX).unwrap();
        let (kind, pong) = take(&mut handle, ActionQueue::Receive);
        assert_eq!(kind, ActionKind::SendToNetwork);
        handle
            .complete_action(send.unwrap(), if role == Role::Client { 7 } else { 3 })
            .unwrap();
        assert_eq!(
            take(&mut handle, ActionQueue::Send).0,
            ActionKind::NoAction,
            "the pong is being written"
        );
        handle.complete_action(pong.unwrap(), 0).unwrap();
        assert_eq!(take(&mut handle, ActionQueue::Send).0, ActionKind::IndicateSendComplete);
    }
}

#[test]
fn c11_the_peers_close_is_told_and_not_answered_and_ends_receiving() {
    for role in ROLES {
        let mut handle = open(role, vec![]);
        handle.receive(None, 1).unwrap();
        handle.receive(None, 2).unwrap();
        let mut network = [frame_to(role, 0x88, b"\x03\xE9going"), frame_to(role, 0x81, b"late")].concat();
        act(&mut handle, ActionQueue::All, &mut network, usize::MAX).unwrap();
        let closed = Done::Closed(CloseStatus(1001), b"going".to_vec(), 1);
        assert_eq!(
            act(&mut handle, ActionQueue::All, &mut network, 0).unwrap(),
            Some(closed)
        );
        assert_eq!(handle.state(), State::CloseReceived);
        assert_eq!(
            act(&mut handle, ActionQueue::All, &mut network, 0).unwrap(),
            Some(Done::Cancelled(2))
        );
        assert_eq!(
            act(&mut handle, ActionQueue::All, &mut network, 0).unwrap(),
            None,
            "no answer of its own"
        );
        assert_eq!(handle.receive(None, 3), Err(Misuse::ReceiveAfterClose.into()));
        handle.send(BufferType::Close, close(1001, b""), 4).unwrap();
        assert_eq!(handle.state(), State::Closed);
        assert_eq!(
            handle.send(BufferType::Close, None, 5),
            Err(Misuse::SendAfterClose.into())
        );
        assert_eq!(drain_sends(&mut handle), frame_from(role, 0x88, b"\x03\xE9"));
    }
}

fn frame_from(role: Role, first: u8, payload: &[u8]) -> Vec<u8> {
    match role {
        Role::Client => masked(first, payload),
        Role::Server => unmasked(first, payload),
    }
}

#[test]
fn c12_after_its_own_close_only_pings_and_pongs_may_be_sent() {
    let mut server = open_server(vec![]);
    server.send(BufferType::Close, None, 1).unwrap();
    assert_eq!(server.state(), State::CloseSent);
    for buffer_type in [BufferType::Utf8Message, BufferType::BinaryFragment, BufferType::Close] {
        assert_eq!(
            code(server.send(buffer_type, None, 2)),
            ErrorCode::InvalidProtocolOperation,
            "{buffer_type:?}"
        );
    }
    server.send(BufferType::PingPong, None, 3).unwrap();
    server.send(BufferType::UnsolicitedPong, None, 4).unwrap();
    assert_eq!(drain_sends(&mut server), hex("88 00 89 00 8A 00"));
    // receiving goes on, and pings are still answered
    let (done, _) = feed(
        &mut server,
        [masked(0x89, b"?"), masked(0x88, b"")].concat(),
        usize::MAX,
    );
    assert_eq!(done[0], Done::Sent(BufferType::PingPong, hex("8A 01 3F"), None));
    assert_eq!(done[1], Done::Closed(CloseStatus::EMPTY, vec![], 0));
    assert_eq!(server.state(), State::Closed);
}

#[test]
fn c13_a_violation_makes_no_frame_repeats_and_leaves_the_send_side_and_the_drain() {
    let mut server = open_server(vec![]);
    server.send(BufferType::Utf8Message, data(b"a"), 9).unwrap();
    server.receive(None, 1).unwrap();
    let mut network = [masked(0x81, b"good"), masked(0x83, b"bad")].concat();
    act(&mut server, ActionQueue::Receive, &mut network, usize::MAX).unwrap();
    act(&mut server, ActionQueue::Receive, &mut network, 0).unwrap();
    server.receive(None, 2).unwrap();
    let error = Error::Violation(Violation::OpcodeReserved);
    for _ in 0..2 {
        assert_eq!(server.get_action(ActionQueue::Receive), Err(error));
    }
    assert_eq!(error.hresult(), 0x8376_0002_u32.cast_signed());
    assert_eq!(error.close_status(), Some(CloseStatus(1002)));
    assert_eq!(server.receive(None, 3), Err(Misuse::ReceiveAfterViolation.into()));
    // with All, what is to be sent comes before the error
    assert_eq!(take(&mut server, ActionQueue::All).0, ActionKind::SendToNetwork);
    assert_eq!(server.get_action(ActionQueue::All), Err(error));
    // polite callers send a close
    server.send(BufferType::Close, close(1002, b""), 4).unwrap();
    server.abort();
    let mut indicated = Vec::new();
    let sending = last_context(&mut server);
    server.complete_action(sending, 0).unwrap();
    while let Some(done) = act(&mut server, ActionQueue::All, &mut network, 0).unwrap() {
        indicated.push(done);
    }
    assert_eq!(
        indicated,
        [
            Done::SendComplete(BufferType::Utf8Message, 9),
            Done::SendComplete(BufferType::Close, 4),
            Done::Cancelled(2)
        ]
    );
}

#[test]
fn c14_an_abort_before_the_handshakes_end_has_no_effect() {
    let mut server = Handle::<u32>::create_server(&[]).unwrap();
    server.abort();
    server
        .begin_server_handshake(None, &[], &server_request("dGhlIHNhbXBsZSBub25jZQ=="))
        .unwrap();
    server.abort();
    server.end_server_handshake().unwrap();
    server.send(BufferType::Utf8Message, None, 1).unwrap();
}

#[test]
fn c15_a_servers_first_session_call_ends_its_handshake() {
    let calls: [fn(&mut Handle<u32>); 3] = [
        |server| server.send(BufferType::Utf8Message, data(b"a"), 1).unwrap(),
        |server| server.receive(None, 1).unwrap(),
        |server| assert_eq!(server.get_action(ActionQueue::All).unwrap(), Action::NoAction),
    ];
    for call in calls {
        let mut server = Handle::<u32>::create_server(&[]).unwrap();
        server
            .begin_server_handshake(None, &[], &server_request("dGhlIHNhbXBsZSBub25jZQ=="))
            .unwrap();
        call(&mut server);
        assert_eq!(server.state(), State::Open);
        assert_eq!(server.end_server_handshake(), Err(Misuse::HandshakeAlreadyEnded.into()));
    }
}

#[test]
fn c16_a_handle_may_be_deleted_in_every_state_with_actions_outstanding() {
    let request = server_request("dGhlIHNhbXBsZSBub25jZQ==");
    Handle::<u32>::create_client(&[]).unwrap().delete();
    let mut begun = Handle::<u32>::create_server(&[]).unwrap();
    begun.begin_server_handshake(None, &[], &request).unwrap();
    begun.delete();
    for ending in [State::Open, State::CloseSent, State::Aborted] {
        let mut server = open_server(vec![]);
        server.receive(None, 1).unwrap();
        server.send(BufferType::Utf8Message, data(b"a"), 2).unwrap();
        take(&mut server, ActionQueue::Receive);
        take(&mut server, ActionQueue::Send);
        match ending {
            State::CloseSent => server.send(BufferType::Close, None, 3).unwrap(),
            State::Aborted => server.abort(),
            _ => {}
        }
        assert_eq!(server.state(), ending);
        server.delete();
    }
}

#[test]
fn c18_every_buffer_lies_in_the_allocated_one_but_the_applications_own_payload() {
    let size = internal_buffer_size(256, 16);
    assert_eq!(size, 256 + 16 + 144);
    let memory = vec![0; size].into_boxed_slice();
    let inside = memory.as_ptr_range();
    let mut server = open_server(vec![
        Property::ReceiveBufferSize(256),
        Property::SendBufferSize(16),
        Property::AllocatedBuffer(memory),
    ]);
    let is_inside = |bytes: &[u8]| inside.contains(&bytes.as_ptr()) && bytes.as_ptr_range().end <= inside.end;
    let payload = b"the application's own".to_vec();
    let own = payload.as_ptr();
    server
        .send(BufferType::Utf8Message, Some(Buffer::Data(payload)), 1)
        .unwrap();
    server.send(BufferType::Close, close(1000, &[b'r'; 123]), 2).unwrap();
    let action = server.get_action(ActionQueue::Send).unwrap();
    let [header, payload] = sent_buffers(&action);
    assert!(is_inside(header));
    assert_eq!(payload.as_ptr(), own);
    let (context, length) = (action.action_context().unwrap(), header.len() + payload.len());
    server.complete_action(context, length).unwrap();
    complete(&mut server, ActionQueue::Send, ActionKind::IndicateSendComplete, 0);
    let action = server.get_action(ActionQueue::Send).unwrap();
    assert!(is_inside(sent_buffers(&action)[0]) && sent_buffers(&action)[0].len() == 127);

    server.receive(None, 3).unwrap();
    let ping = masked(0x89, &[b'p'; 125]);
    let mut network = [ping, masked(0x88, b"\x03\xE8bye")].concat();
    let Action::ReceiveFromNetwork {
        buffer, action_context, ..
    } = server.get_action(ActionQueue::Receive).unwrap()
    else {
        panic!("a read")
    };
    assert!(is_inside(buffer));
    let read = network.len();
    buffer[..read].copy_from_slice(&network);
    network.clear();
    server.complete_action(action_context, read).unwrap();
    let action = server.get_action(ActionQueue::Receive).unwrap();
    assert!(
        is_inside(sent_buffers(&action)[0]) && sent_buffers(&action)[0].len() == 127,
        "the pong"
    );
    let context = action.action_context().unwrap();
    server.complete_action(context, 127).unwrap();
    let Action::IndicateReceiveComplete {
        buffer: ReceivedBuffer::CloseStatus { reason, .. },
        ..
    } = server.get_action(ActionQueue::Receive).unwrap()
    else {
        panic!("the close")
    };
    assert!(is_inside(reason));

    let small = vec![0; size - 1].into_boxed_slice();
    let properties = [
        Property::ReceiveBufferSize(256),
        Property::SendBufferSize(16),
        Property::AllocatedBuffer(small),
    ];
    assert_eq!(
        Handle::<u32>::create_server(&properties).unwrap_err(),
        Misuse::AllocatedBufferTooSmall.into()
    );
}

#[test]
fn c19_disabled_masking_accepts_both_on_a_server_and_sends_a_zero_key_on_a_client() {
    let stream = [masked(0x81, b"masked"), unmasked(0x81, b"plain")].concat();
    let (done, error) = feed(
        &mut open_server(vec![Property::DisableMasking(true)]),
        stream,
        usize::MAX,
    );
    assert_eq!(error, None);
    assert_eq!(messages(&done).concat_payloads(), b"maskedplain");

    let mut client = open_client(vec![Property::DisableMasking(true), Property::SendBufferSize(16)]);
    client.send(BufferType::Utf8Message, data(b"Hello"), 1).unwrap();
    let payload = vec![7; 100];
    client
        .send(BufferType::BinaryMessage, Some(Buffer::Data(payload)), 2)
        .unwrap();
    let wire = drain_sends(&mut client);
    assert_eq!(wire[..11], hex("81 85 00000000 48656C6C6F"));
    assert_eq!(
        wire[11..17],
        hex("82 E4 00000000"),
        "one frame, however small the send buffer"
    );
    let (_, error) = feed(&mut client, masked(0x81, b"masked"), usize::MAX);
    assert_eq!(error, Some(Violation::MaskUnexpected.into()));
}

#[test]
fn c20_global_properties_are_30_seconds_and_version_13() {
    assert_eq!(
        global_property(PropertyType::KeepaliveInterval),
        Ok(GlobalProperty::KeepaliveInterval(30_000))
    );
    assert_eq!(
        global_property(PropertyType::SupportedVersions),
        Ok(GlobalProperty::SupportedVersions(&[13]))
    );
    assert_eq!(
        global_property(PropertyType::SendBufferSize),
        Err(Misuse::PropertyNotGlobal)
    );
    // and neither can be given to a handle: `Property` has no such variant
    assert_eq!(PropertyType::KeepaliveInterval as u32, 5);
    assert_eq!(PropertyType::SupportedVersions as u32, 6);
}

/// §3.9: which code for which violation, and which close status.
#[test]
fn c21_every_violation_has_its_code_whole_and_byte_by_byte() {
    use ErrorCode::{InvalidProtocolFormat as Format, InvalidProtocolOperation as Operation};
    // first byte, payload, in front of it, violation, code, close status
    type Row = (
        u8,
        &'static [u8],
        Option<(u8, &'static [u8])>,
        Violation,
        ErrorCode,
        u16,
    );
    let rows: &[Row] = &[
        (0x83, b"", None, Violation::OpcodeReserved, Format, 1002),
        (0x87, b"", None, Violation::OpcodeReserved, Format, 1002),
        (0x8B, b"", None, Violation::OpcodeReserved, Format, 1002),
        (0x8F, b"", None, Violation::OpcodeReserved, Format, 1002),
        (0xC1, b"a", None, Violation::ReservedBitSet, Format, 1002),
        (0xA2, b"a", None, Violation::ReservedBitSet, Format, 1002),
        (0x99, b"a", None, Violation::ReservedBitSet, Format, 1002),
        (0x09, b"", None, Violation::ControlFragmented, Format, 1002),
        (0x08, b"", None, Violation::ControlFragmented, Format, 1002),
        (0x89, &[0; 126], None, Violation::ControlTooLong, Format, 1002),
        (0x8A, &[0; 70_000], None, Violation::ControlTooLong, Format, 1002),
        (0x81, b"\xFF", None, Violation::TextNotUtf8, Format, 1007),
        (0x81, b"ab\xC3", None, Violation::TextNotUtf8, Format, 1007),
        (0x81, b"\xED\xA0\x80", None, Violation::TextNotUtf8, Format, 1007),
        (0x80, b"a", Some((0x01, b"\xC3")), Violation::TextNotUtf8, Format, 1007),
        (0x88, b"\x03", None, Violation::ClosePayloadTooShort, Format, 1002),
        (0x88, b"\x03\xED", None, Violation::CloseStatusInvalid, Format, 1002),
        (0x88, b"\x03\xE8\xFF", None, Violation::CloseReasonNotUtf8, Format, 1007),
        (0x80, b"", None, Violation::ContinuationUnexpected, Operation, 1002),
        (0x00, b"a", None, Violation::ContinuationUnexpected, Operation, 1002),
        (
            0x81,
            b"b",
            Some((0x01, b"a")),
            Violation::MessageUnfinished,
            Operation,
            1002,
        ),
        (
            0x02,
            b"b",
            Some((0x02, b"a")),
            Violation::MessageUnfinished,
            Operation,
            1002,
        ),
    ];
    for role in ROLES {
        for (first, payload, before, violation, code, status) in rows {
            let mut stream = frame_to(role, 0x81, b"good");
            if let Some((first, payload)) = before {
                stream.extend(frame_to(role, *first, payload));
            }
            stream.extend(frame_to(role, *first, payload));
            for read_size in [usize::MAX, 1] {
                let (done, error) = feed(&mut open(role, vec![]), stream.clone(), read_size);
                let case = format!("{role:?} {first:02x} {violation:?} {read_size}");
                assert_eq!(error, Some((*violation).into()), "{case}");
                assert_eq!(violation.code(), *code, "{case}");
                assert_eq!(violation.close_status().0, *status, "{case}");
                assert_eq!(
                    messages(&done)[0],
                    (BufferType::Utf8Message, b"good".to_vec()),
                    "{case}"
                );
                assert!(!done.iter().any(|done| matches!(done, Done::Sent(..))), "{case}");
            }
        }
    }
    let malformed_lengths = [
        (Role::Server, "82 FE 007D", Violation::LengthNotMinimal),
        (Role::Server, "82 FF 000000000000FFFF", Violation::LengthNotMinimal),
        (Role::Server, "82 FF 8000000000000000", Violation::LengthTopBitSet),
        (Role::Client, "82 7E 0000", Violation::LengthNotMinimal),
        (Role::Client, "82 7F FFFFFFFFFFFFFFFF", Violation::LengthTopBitSet),
        (Role::Server, "81 01 61", Violation::MaskMissing),
        (Role::Client, "81 81 37FA213D 56", Violation::MaskUnexpected),
    ];
    for (role, bytes, violation) in malformed_lengths {
        for read_size in [usize::MAX, 1] {
            let (_, error) = feed(&mut open(role, vec![]), hex(bytes), read_size);
            assert_eq!(error, Some(violation.into()), "{bytes}");
        }
    }
}

#[test]
fn c22_every_close_status_is_sent_and_received_as_the_table_of_1_6_says() {
    let valid = |status: u16| matches!(status, 1000..=1003 | 1007..=1014 | 3000..=4999);
    for status in (0..=u16::MAX).step_by(if cfg!(miri) { 97 } else { 1 }) {
        let mut server = open_server(vec![]);
        let sent = server.send(BufferType::Close, close(status, b""), 1);
        assert_eq!(sent.is_ok(), valid(status) || status == 1005, "{status}");
        let (done, error) = feed(&mut server, masked(0x88, &status.to_be_bytes()), usize::MAX);
        let expected = Done::Closed(CloseStatus(status), vec![], 0);
        assert_eq!(done.first(), valid(status).then_some(&expected), "{status}");
        assert_eq!(
            error,
            (!valid(status)).then_some(Violation::CloseStatusInvalid.into()),
            "{status}"
        );
    }
}

#[test]
fn there_is_a_session_from_the_end_of_the_handshake_to_an_abort() {
    let states = [
        (State::Created, false),
        (State::HandshakeBegun, false),
        (State::Open, true),
        (State::CloseSent, true),
        (State::CloseReceived, true),
        (State::Closed, true),
        (State::Aborted, false),
    ];
    for (state, is_session) in states {
        assert_eq!(state.is_session(), is_session, "{state:?}");
    }
}

#[test]
fn a_handle_gives_its_session_once_nothing_is_queued() {
    let taken = |prepare: fn(&mut Handle<u32>)| {
        let mut server = open_server(vec![]);
        prepare(&mut server);
        server.into_session().map(|session| session.state())
    };
    let refused = |misuse: Misuse| Err(Error::from(misuse));
    assert_eq!(taken(|_| {}), Ok(State::Open));
    let send = |server: &mut Handle<u32>| server.send(BufferType::Utf8Message, data(b"a"), 1).unwrap();
    assert_eq!(taken(send), refused(Misuse::QueueNotEmpty));
    assert_eq!(
        taken(|server| server.receive(None, 1).unwrap()),
        refused(Misuse::QueueNotEmpty)
    );
    assert_eq!(taken(Handle::abort), refused(Misuse::Aborted));
    let created = Handle::<u32>::create(Role::Server, vec![], Box::new(FixedRandom(KEY))).unwrap();
    assert_eq!(
        created.into_session().map(|session| session.state()),
        refused(Misuse::HandshakeNotEnded)
    );
}

/// §5.4, "Abort with both queues busy".
#[test]
fn an_abort_drains_both_queues_and_waits_for_what_is_outstanding() {
    let mut server = open_server(vec![]);
    server.receive(None, 1).unwrap();
    let (_, read) = take(&mut server, ActionQueue::Receive);
    server.send(BufferType::Utf8Message, data(b"b"), 2).unwrap();
    server.send(BufferType::Utf8Message, data(b"c"), 3).unwrap();
    server.abort();
    server.abort();
    assert_eq!(
        code(server.send(BufferType::PingPong, None, 4)),
        ErrorCode::InvalidProtocolOperation
    );
    assert_eq!(code(server.receive(None, 4)), ErrorCode::InvalidProtocolOperation);
    let mut drain = |queue| act(&mut server, queue, &mut vec![], 0).unwrap();
    assert_eq!(
        drain(ActionQueue::Send),
        Some(Done::SendComplete(BufferType::Utf8Message, 2))
    );
    assert_eq!(
        drain(ActionQueue::Send),
        Some(Done::SendComplete(BufferType::Utf8Message, 3))
    );
    assert_eq!(drain(ActionQueue::Send), None);
    assert_eq!(drain(ActionQueue::Receive), None);
    server.complete_action(read.unwrap(), 0).unwrap();
    let mut drain = |queue| act(&mut server, queue, &mut vec![], 0).unwrap();
    assert_eq!(drain(ActionQueue::Receive), Some(Done::Cancelled(1)));
    assert_eq!(drain(ActionQueue::All), None);
}

/// §3.10: only the queue of an outstanding action waits for it.
#[test]
fn an_abort_drains_the_sends_while_a_pong_is_outstanding() {
    for queue in [ActionQueue::Send, ActionQueue::All] {
        let mut handle = open_server(vec![]);
        let mut network = frame_to(Role::Server, 0x89, b"");
        handle.receive(None, 1).unwrap();
        handle.send(BufferType::Utf8Message, data(b"a"), 2).unwrap();
        act(&mut handle, ActionQueue::Receive, &mut network, usize::MAX).unwrap();
        let (kind, pong) = take(&mut handle, ActionQueue::Receive);
        assert_eq!(kind, ActionKind::SendToNetwork);
        assert_eq!(
            take(&mut handle, queue).0,
            ActionKind::NoAction,
            "the pong is being written"
        );
        handle.abort();
        complete(&mut handle, queue, ActionKind::IndicateSendComplete, 0);
        assert_eq!(
            take(&mut handle, ActionQueue::All).0,
            ActionKind::NoAction,
            "the receive waits"
        );
        handle.complete_action(pong.unwrap(), 0).unwrap();
        complete(&mut handle, ActionQueue::All, ActionKind::IndicateReceiveComplete, 0);
        assert_eq!(take(&mut handle, ActionQueue::All).0, ActionKind::NoAction);
    }
}

#[test]
fn whatever_is_sent_after_an_abort_is_refused_for_the_abort() {
    type Send = fn(&mut Handle<u32>) -> Result<(), Error>;
    let sends: [Send; 5] = [
        |handle| handle.send(BufferType::Utf8Message, data(b"a"), 1),
        |handle| handle.send(BufferType::Close, close(1000, b""), 1),
        // of the wrong kind, and of a status that may not be sent
        |handle| handle.send(BufferType::Utf8Message, close(1000, b""), 1),
        |handle| handle.send(BufferType::Close, close(1005, b""), 1),
        |handle| handle.send_shared(BufferType::Close, b"a", 1),
    ];
    for (index, send) in sends.into_iter().enumerate() {
        let mut server = open_server(vec![]);
        server.abort();
        assert_eq!(send(&mut server), Err(Misuse::Aborted.into()), "send {index}");
    }
}

/// §3.8: each piece is a whole frame, so that a pong may go between any two.
#[test]
fn a_clients_long_message_leaves_as_continuation_frames_that_fit_the_send_buffer() {
    let mut client = open_client(vec![Property::SendBufferSize(16)]);
    client
        .send(BufferType::Utf8Fragment, data(b"0123456789abcdefghijXYZ"), 1)
        .unwrap();
    client.send(BufferType::Utf8Message, data(b""), 2).unwrap();
    let expected = [
        masked(0x01, b"0123456789"),
        masked(0x00, b"abcdefghij"),
        masked(0x00, b"XYZ"),
        masked(0x80, b""),
    ];
    assert_eq!(drain_sends(&mut client), expected.concat());
}

/// §3.8, the row for callers with one slot.
#[test]
fn a_caller_with_one_slot_gets_header_and_payload_in_turn_and_no_pong_between() {
    let mut server = open_server(vec![]);
    server
        .send(BufferType::BinaryMessage, data(b"fourteen bytes"), 1)
        .unwrap();
    server.send(BufferType::BinaryMessage, data(&[7; 20]), 2).unwrap();
    server.receive(None, 3).unwrap();
    let one_slot = |server: &mut Handle<u32>| {
        let action = server.get_action_with_slots(ActionQueue::Send, 1).unwrap();
        let [bytes, second] = sent_buffers(&action);
        assert!(second.is_empty());
        (bytes.to_vec(), action.action_context().unwrap())
    };
    let (bytes, context) = one_slot(&mut server);
    assert_eq!(
        bytes,
        [b"\x82\x0E".as_slice(), b"fourteen bytes"].concat(),
        "they just fit into the send buffer"
    );
    server.complete_action(context, 16).unwrap();
    complete(&mut server, ActionQueue::Send, ActionKind::IndicateSendComplete, 0);
    let (bytes, context) = one_slot(&mut server);
    assert_eq!(bytes, hex("82 14"));
    let mut network = masked(0x89, b"");
    act(&mut server, ActionQueue::Receive, &mut network, usize::MAX).unwrap();
    assert_eq!(
        act(&mut server, ActionQueue::Receive, &mut network, 0).unwrap(),
        None,
        "the pong waits"
    );
    server.complete_action(context, 2).unwrap();
    assert_eq!(
        act(&mut server, ActionQueue::Receive, &mut network, 0).unwrap(),
        None,
        "the pong still waits"
    );
    let (bytes, context) = one_slot(&mut server);
    assert_eq!(bytes, [7; 20]);
    server.complete_action(context, 20).unwrap();
    let pong = Done::Sent(BufferType::PingPong, hex("8A 00"), None);
    assert_eq!(
        act(&mut server, ActionQueue::All, &mut network, 0).unwrap(),
        Some(pong),
        "the pong comes first"
    );
    complete(&mut server, ActionQueue::Send, ActionKind::IndicateSendComplete, 0);
    assert_eq!(
        server.get_action_with_slots(ActionQueue::All, 0),
        Err(Misuse::NoSlots.into())
    );
}

/// §3.5: data is copied to the caller's buffer, as much as it holds.
#[test]
fn a_receive_with_a_buffer_of_the_callers_fills_it() {
    let mut server = open_server(vec![]);
    let mut network = masked(0x82, b"abcdefgh");
    let mut all = Vec::new();
    for context in 0..3 {
        server.receive(Some(vec![0; 3]), context).unwrap();
        loop {
            match act(&mut server, ActionQueue::Receive, &mut network, usize::MAX).unwrap() {
                Some(Done::Received(buffer_type, data, _)) => break all.push((buffer_type, data)),
                Some(Done::Reading) => {}
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(
        all,
        [
            (BufferType::BinaryFragment, b"abc".to_vec()),
            (BufferType::BinaryFragment, b"def".to_vec()),
            (BufferType::BinaryMessage, b"gh".to_vec()),
        ]
    );
    assert_eq!(server.receive(Some(vec![]), 0), Err(Misuse::ReceiveBufferEmpty.into()));
}

/// §2.9: the checks of Send, and their order.
#[test]
fn a_send_that_is_not_allowed_is_refused_and_changes_nothing() {
    let mut server = open_server(vec![]);
    let refused: &[(BufferType, Option<Buffer>, Misuse)] = &[
        (BufferType::Utf8Message, close(1000, b""), Misuse::BufferOfWrongKind),
        (BufferType::Close, data(b""), Misuse::BufferOfWrongKind),
        (BufferType::Close, close(1000, &[b'a'; 124]), Misuse::CloseReasonTooLong),
        (BufferType::Close, close(1006, b""), Misuse::CloseStatusNotSendable),
        (BufferType::Close, close(1005, b"a"), Misuse::CloseReasonWithoutStatus),
        (BufferType::Close, close(1000, b"\xFF"), Misuse::CloseReasonNotUtf8),
        (BufferType::PingPong, data(&[0; 126]), Misuse::ControlPayloadTooLong),
        (
            BufferType::from_value(0x182).unwrap(),
            data(b"a"),
            Misuse::CustomHeaderWithoutExtension,
        ),
    ];
    for (buffer_type, buffer, misuse) in refused {
        assert_eq!(server.send(*buffer_type, buffer.clone(), 1), Err((*misuse).into()));
        assert_eq!(server.get_action(ActionQueue::Send).unwrap(), Action::NoAction);
        assert_eq!(server.state(), State::Open);
    }
    server.send(BufferType::Utf8Fragment, data(b"a"), 1).unwrap();
    assert_eq!(
        server.send(BufferType::BinaryMessage, None, 1),
        Err(Misuse::MessageTypeMixed.into())
    );
    server.send(BufferType::Close, None, 1).unwrap();
    assert_eq!(drain_sends(&mut server), hex("01 01 61 88 00"));
}

/// §3.12: with an agreed extension.
#[test]
fn custom_headers_go_to_the_wire_as_given_and_come_back_as_they_came() {
    let custom = |bits: u32| BufferType::from_value(bits).unwrap();
    let mut request = server_request("dGhlIHNhbXBsZSBub25jZQ==");
    request.push(websocket_component::HttpHeader::new(
        "Sec-WebSocket-Extensions",
        "x-test",
    ));
    let mut server = Handle::<u32>::create_server(&[]).unwrap();
    server.begin_server_handshake(None, &["x-test"], &request).unwrap();
    server.send(custom(0b1_1000_0010), data(b"\xFF"), 1).unwrap();
    assert_eq!(drain_sends(&mut server), hex("C1 01 FF"));
    // RSV1 text whose bytes are not UTF-8, in two frames, then a plain one
    let stream = [masked(0x41, b"\xFF"), masked(0x80, b"\xFE"), masked(0x81, b"ok")].concat();
    let (done, error) = feed(&mut server, stream, usize::MAX);
    assert_eq!(error, None);
    assert_eq!(
        done,
        [
            Done::Received(custom(0b0_1000_0010), b"\xFF".to_vec(), 0),
            Done::Received(custom(0b1_0000_0000), b"\xFE".to_vec(), 1),
            Done::Received(BufferType::Utf8Message, b"ok".to_vec(), 2),
        ]
    );
}

/// §3.12 with §3.8: an open message goes on as it began, or by frames of the caller's own.
#[test]
fn a_message_that_began_by_a_custom_header_goes_on_by_custom_headers_alone() {
    let custom = |bits: u32| BufferType::from_value(bits).unwrap();
    let mut request = server_request("dGhlIHNhbXBsZSBub25jZQ==");
    request.push(HttpHeader::new("Sec-WebSocket-Extensions", "x-test"));
    for (opcode, same_kind) in [(1, BufferType::Utf8Message), (2, BufferType::BinaryMessage)] {
        let mut server = Handle::<u32>::create_server(&[]).unwrap();
        server.begin_server_handshake(None, &["x-test"], &request).unwrap();
        server.end_server_handshake().unwrap();
        server.send(custom(0b0_1000_0000 | opcode << 1), data(b"a"), 1).unwrap();
        let refused = [
            same_kind,
            BufferType::Utf8Fragment,
            BufferType::BinaryFragment,
            custom(0b1_1000_0100),
        ];
        for buffer_type in refused {
            let error = server.send(buffer_type, data(b"b"), 1);
            assert_eq!(error, Err(Misuse::MessageTypeMixed.into()), "{buffer_type:?}");
        }
        server.send(BufferType::PingPong, None, 1).unwrap();
        server.send(custom(0b1_0000_0000), data(b"c"), 1).unwrap();
        server.send(same_kind, data(b"d"), 1).unwrap();
        let wire = [
            unmasked(0x40 | opcode as u8, b"a"),
            unmasked(0x89, b""),
            unmasked(0x80, b"c"),
            unmasked(0x80 | opcode as u8, b"d"),
        ];
        assert_eq!(drain_sends(&mut server), wire.concat());
        let end = server.send(custom(0b1_0000_0000), data(b"e"), 1);
        assert_eq!(end, Err(Misuse::MessageTypeMixed.into()), "no message is open");
    }
}

/// §1.8.
#[test]
fn properties_have_their_ranges() {
    for role in ROLES {
        let create = |property| Handle::<u32>::create(role, [property], Box::new(FixedRandom(KEY))).map(drop);
        assert_eq!(create(Property::ReceiveBufferSize(256)), Ok(()));
        assert_eq!(
            create(Property::ReceiveBufferSize(255)),
            Err(Misuse::PropertyOutOfRange.into())
        );
        assert_eq!(create(Property::SendBufferSize(16)), Ok(()));
        assert_eq!(
            create(Property::SendBufferSize(15)),
            Err(Misuse::PropertyOutOfRange.into())
        );
        assert_eq!(
            create(Property::SendBufferSize(u32::MAX)),
            Err(Misuse::PropertyOutOfRange.into())
        );
    }
    let twice = [Property::DisableMasking(true), Property::DisableMasking(true)];
    assert_eq!(
        Handle::<u32>::create_client(&twice).unwrap_err(),
        Misuse::PropertyRepeated.into()
    );
}

#[test]
fn disabled_verification_delivers_text_and_reasons_unchecked() {
    let mut server = open_server(vec![Property::DisableUtf8Verification(true)]);
    let stream = [masked(0x81, b"\xFF"), masked(0x88, b"\x03\xE8\xFF")].concat();
    let (done, error) = feed(&mut server, stream, usize::MAX);
    assert_eq!(error, None);
    assert_eq!(done[0], Done::Received(BufferType::Utf8Message, b"\xFF".to_vec(), 0));
    assert_eq!(done[1], Done::Closed(CloseStatus(1000), b"\xFF".to_vec(), 1));
}

/// §6.2, the rows that no test above goes through.
#[test]
fn calls_in_the_wrong_state_or_for_the_other_role_are_refused() {
    let request = server_request("dGhlIHNhbXBsZSBub25jZQ==");
    let mut client = Handle::<u32>::create_client(&[]).unwrap();
    for begun in [false, true] {
        if begun {
            client.begin_client_handshake(&[], &[], &[]).unwrap();
            assert_eq!(
                client.begin_client_handshake(&[], &[], &[]),
                Err(Misuse::HandshakeAlreadyBegun.into())
            );
        } else {
            assert_eq!(
                client.end_client_handshake(&request),
                Err(Misuse::HandshakeNotBegun.into())
            );
        }
        assert_eq!(
            client.send(BufferType::PingPong, None, 1),
            Err(Misuse::HandshakeNotEnded.into())
        );
        assert_eq!(client.receive(None, 1), Err(Misuse::HandshakeNotEnded.into()));
        assert_eq!(
            client.get_action(ActionQueue::All),
            Err(Misuse::HandshakeNotEnded.into())
        );
        assert_eq!(
            client.begin_server_handshake(None, &[], &request),
            Err(Misuse::WrongRole.into())
        );
        assert_eq!(client.end_server_handshake(), Err(Misuse::WrongRole.into()));
    }
    let mut server = Handle::<u32>::create_server(&[]).unwrap();
    assert_eq!(server.end_server_handshake(), Err(Misuse::HandshakeNotBegun.into()));
    assert_eq!(
        server.begin_client_handshake(&[], &[], &[]),
        Err(Misuse::WrongRole.into())
    );
    assert_eq!(server.end_client_handshake(&request), Err(Misuse::WrongRole.into()));
    server.begin_server_handshake(None, &[], &request).unwrap();
    assert_eq!(
        server.begin_server_handshake(None, &[], &request),
        Err(Misuse::HandshakeAlreadyBegun.into())
    );
    assert_eq!(
        code(Err::<(), Error>(Misuse::WrongRole.into())),
        ErrorCode::InvalidArgument
    );
}

#[test]
fn a_message_over_a_limit_fails_with_1009_before_its_payload_comes() {
    use websocket_component::Limits;
    let mut limits = Limits::NONE;
    limits.max_frame_size = 100;
    limits.max_message_size = 150;
    for role in ROLES {
        let mut handle = open(role, vec![]);
        handle.set_limits(limits);
        let header_only = frame_to(role, 0x82, &[0; 101])[..if role == Role::Client { 2 } else { 6 }].to_vec();
        let (_, error) = feed(&mut handle, header_only, 1);
        assert_eq!(error, Some(Violation::FrameTooBig.into()));
        assert_eq!(error.unwrap().close_status(), Some(CloseStatus(1009)));

        let mut handle = open(role, vec![]);
        handle.set_limits(limits);
        let stream = [frame_to(role, 0x02, &[0; 100]), frame_to(role, 0x80, &[0; 51])].concat();
        let (done, error) = feed(&mut handle, stream, usize::MAX);
        assert_eq!(error, Some(Violation::MessageTooBig.into()));
        assert_eq!(done, [Done::Received(BufferType::BinaryFragment, vec![0; 100], 0)]);

        let mut handle = open(role, vec![]);
        handle.set_limits(limits);
        let message = [frame_to(role, 0x02, &[0; 100]), frame_to(role, 0x80, &[0; 50])].concat();
        let (done, error) = feed(&mut handle, [message.clone(), message].concat(), usize::MAX);
        assert_eq!((messages(&done).len(), error), (2, None), "the limit is one message's");
    }
}

#[test]
fn a_message_of_more_frames_than_the_limit_fails_with_1008_empty_ones_counted() {
    use websocket_component::Limits;
    for (role, part) in ROLES.into_iter().flat_map(|role| [(role, "a"), (role, "")]) {
        let fragments = |count: usize, end: &[u8]| {
            let rest = [frame_to(role, 0x00, part.as_bytes()), frame_to(role, 0x8A, b"")].concat();
            [&frame_to(role, 0x01, part.as_bytes()), &rest.repeat(count - 1), end].concat()
        };
        let whole = fragments(4, &frame_to(role, 0x80, b"."));
        let stream = [&whole, &whole, &*fragments(6, b"")].concat();
        for read_size in [1, usize::MAX] {
            let mut handle = open(role, vec![]);
            handle.set_limits({
                let mut limits = Limits::NONE;
                limits.max_fragments = 5;
                limits
            });
            let (done, error) = feed(&mut handle, stream.clone(), read_size);
            assert_eq!(error, Some(Violation::FragmentsTooMany.into()));
            assert_eq!(error.unwrap().close_status(), Some(CloseStatus(1008)));
            let texts = messages(&done);
            let texts = texts.iter().filter(|(kind, _)| *kind == BufferType::Utf8Message);
            assert_eq!(texts.count(), 2, "the limit is one message's");
        }
    }
}

/// The limit of fragments holds for a message of one frame, whole in its chunk or not.
#[test]
fn where_no_frame_is_allowed_a_whole_message_fails_too() {
    for (role, first) in ROLES
        .into_iter()
        .flat_map(|role| [(role, 0x81), (role, 0x82), (role, 0x01)])
    {
        for read_size in [1, usize::MAX] {
            let mut handle = open(role, vec![]);
            handle.set_limits({
                let mut limits = Limits::NONE;
                limits.max_fragments = 0;
                limits
            });
            let (done, error) = feed(&mut handle, frame_to(role, first, b"whole"), read_size);
            assert_eq!((done, error), (vec![], Some(Violation::FragmentsTooMany.into())));
        }
    }
}

#[test]
fn what_is_announced_is_what_a_messages_last_frame_still_lacks() {
    for role in ROLES {
        let mut session = Session::new(role, SessionOptions::default());
        let mut announced = |bytes: &[u8]| {
            session.receive(&mut bytes.to_vec()).unwrap();
            session.announced()
        };
        let cut = |first, length, at| {
            let frame = frame_to(role, first, &vec![0; length]);
            frame[..frame.len() - at].to_vec()
        };
        assert_eq!(announced(&cut(0x02, 10, 4)), 0, "not the message's last frame");
        assert_eq!(announced(&[0; 4]), 0, "between its frames");
        assert_eq!(announced(&cut(0x00, 10, 10)), 0, "nor is this");
        assert_eq!(announced(&[0; 10]), 0);
        assert_eq!(announced(&cut(0x80, 10, 3)), 3);
        assert_eq!(announced(&[0; 2]), 1);
        assert_eq!(announced(&[0; 1]), 0);
        assert_eq!(announced(&cut(0x82, 70_000, 69_999)), 69_999);
    }
}

#[test]
fn a_length_that_is_only_claimed_costs_nothing() {
    for role in ROLES {
        let mut handle = open(role, vec![]);
        handle.set_limits(Limits::NONE);
        let claim = match role {
            Role::Client => hex("82 7F 7FFFFFFFFFFFFFFF"),
            Role::Server => hex("82 FF 7FFFFFFFFFFFFFFF 00000000"),
        };
        let (done, error) = feed(&mut handle, [claim, vec![7; 10]].concat(), usize::MAX);
        assert_eq!(error, None);
        assert_eq!(done, [Done::Received(BufferType::BinaryFragment, vec![7; 10], 0)]);
    }
}

/// Gives keys while it has some.
struct Keys(Arc<AtomicUsize>);

impl RandomSource for Keys {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomUnavailable> {
        let left = self.0.load(Ordering::Relaxed).checked_sub(1).ok_or(RandomUnavailable)?;
        self.0.store(left, Ordering::Relaxed);
        FixedRandom(KEY).fill(bytes)
    }
}

#[test]
fn a_write_that_gets_no_key_changes_nothing() {
    let keys = Arc::<AtomicUsize>::default();
    let mut session = Session::with_random(
        Role::Client,
        SessionOptions::default(),
        Box::new(Keys(Arc::clone(&keys))),
    );
    let mut wire = Vec::new();
    let unavailable = Err(Error::RandomUnavailable);
    assert_eq!(session.write(BufferType::Utf8Fragment, b"a", &mut wire), unavailable);
    assert_eq!(session.write(BufferType::Close, &[], &mut wire), unavailable);
    assert_eq!(session.header(BufferType::Utf8Fragment, 1).map(drop), unavailable);
    assert_eq!((session.state(), &wire[..]), (State::Open, &[][..]));
    keys.store(2, Ordering::Relaxed);
    session.write(BufferType::BinaryMessage, b"b", &mut wire).unwrap();
    session.write(BufferType::Close, &[], &mut wire).unwrap();
    assert_eq!(wire, [masked(0x82, b"b"), masked(0x88, b"")].concat());
}

#[test]
fn a_handle_that_gets_no_key_sends_and_answers_pings_when_there_is_one() {
    let keys = Arc::new(AtomicUsize::new(1));
    let mut client = Handle::create(Role::Client, [], Box::new(Keys(Arc::clone(&keys)))).unwrap();
    let request = client.begin_client_handshake(&[], &[], &[]).unwrap();
    let key = request
        .iter()
        .find(|header| header.name == "Sec-WebSocket-Key")
        .unwrap();
    let accept = websocket_component::handshake::accept(key.value);
    let response = [
        HttpHeader::new("Upgrade", "websocket"),
        HttpHeader::new("Connection", "Upgrade"),
        HttpHeader::new("Sec-WebSocket-Accept", &accept),
    ];
    client.end_client_handshake(&response).unwrap();
    client.send(BufferType::Utf8Message, data(b"a"), 1).unwrap();
    client.receive(None, 2).unwrap();
    let mut network = [unmasked(0x89, b"?"), unmasked(0x81, b"b")].concat();
    act(&mut client, ActionQueue::Receive, &mut network, usize::MAX).unwrap();
    for queue in [ActionQueue::Send, ActionQueue::Receive] {
        assert_eq!(client.get_action(queue), Err(Error::RandomUnavailable));
    }
    keys.store(2, Ordering::Relaxed);
    assert_eq!(drain_sends(&mut client), masked(0x81, b"a"));
    let pong = act(&mut client, ActionQueue::Receive, &mut network, 0).unwrap();
    assert_eq!(pong, Some(Done::Sent(BufferType::PingPong, masked(0x8A, b"?"), None)));
    let text = act(&mut client, ActionQueue::Receive, &mut network, 0).unwrap();
    assert_eq!(text, Some(Done::Received(BufferType::Utf8Message, b"b".to_vec(), 2)));
}

#[test]
fn a_random_source_that_fails_is_an_error_of_its_own_and_no_weak_key() {
    struct Empty;
    impl websocket_component::RandomSource for Empty {
        fn fill(&mut self, _: &mut [u8]) -> Result<(), websocket_component::RandomUnavailable> {
            Err(websocket_component::RandomUnavailable)
        }
    }
    let mut client = Handle::<u32>::create(Role::Client, [], Box::new(Empty)).unwrap();
    let error = client.begin_client_handshake(&[], &[], &[]).unwrap_err();
    assert_eq!((error, error.code()), (Error::RandomUnavailable, ErrorCode::Fail));
    assert_eq!(client.state(), State::Created);
    let mut session = websocket_component::Session::with_random(Role::Client, Default::default(), Box::new(Empty));
    let mut wire = Vec::new();
    assert_eq!(
        session.write(BufferType::Utf8Message, b"a", &mut wire),
        Err(Error::RandomUnavailable)
    );
    assert_eq!(wire, b"");
}
