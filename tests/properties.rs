//! Properties of every input: any messages, in any fragmentation, split at any byte, come out equal; any bytes
//! at all give the same however they are split, and never a panic; every operation completes exactly once.
#![cfg(not(all(target_arch = "wasm32", target_os = "unknown")))]

#[path = "support/replay.rs"]
mod replay;
mod support;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use support::*;
use websocket_component::{
    ActionQueue, Buffer, BufferType, Error, Handle, Property, Received, Role, Session, SessionOptions, Violation,
};

/// A message, and the places at which it is cut into sends.
#[derive(Clone, Debug)]
struct Message {
    text: bool,
    payload: Vec<u8>,
    cuts: Vec<Index>,
}

impl Message {
    fn last_type(&self) -> BufferType {
        if self.text {
            BufferType::Utf8Message
        } else {
            BufferType::BinaryMessage
        }
    }

    fn part_type(&self) -> BufferType {
        if self.text {
            BufferType::Utf8Fragment
        } else {
            BufferType::BinaryFragment
        }
    }

    fn parts(&self) -> Vec<&[u8]> {
        let mut cuts: Vec<usize> = self.cuts.iter().map(|cut| cut.index(self.payload.len() + 1)).collect();
        cuts.sort_unstable();
        let ends = cuts.iter().copied().chain([self.payload.len()]);
        let starts = [0].into_iter().chain(cuts.iter().copied());
        starts.zip(ends).map(|(start, end)| &self.payload[start..end]).collect()
    }
}

fn message() -> impl Strategy<Value = Message> {
    let lengths = prop_oneof![4 => 0..50_usize, 2 => 100..300_usize, 1 => 65_400..65_700_usize];
    let text = prop_oneof![".{0,40}", "[a-zé€𝄞]{60,200}"].prop_map(|text| (true, text.into_bytes()));
    let binary = lengths
        .prop_flat_map(|length| vec(any::<u8>(), length))
        .prop_map(|bytes| (false, bytes));
    (prop_oneof![text, binary], vec(any::<Index>(), 0..4)).prop_map(|((text, payload), cuts)| Message {
        text,
        payload,
        cuts,
    })
}

fn role() -> impl Strategy<Value = Role> {
    prop_oneof![Just(Role::Client), Just(Role::Server)]
}

const fn other(role: Role) -> Role {
    match role {
        Role::Client => Role::Server,
        Role::Server => Role::Client,
    }
}

/// What a session makes of a stream that comes in chunks of these sizes, with pieces of messages put together.
fn receive_in_chunks(role: Role, stream: &[u8], sizes: &[usize]) -> (Vec<(String, Vec<u8>)>, Option<Violation>) {
    let mut session = Session::new(role, SessionOptions::default());
    let (mut all, mut message, mut unread, mut rest) = (Vec::new(), Vec::new(), Vec::new(), stream);
    let mut sizes = sizes.iter().cycle();
    while !rest.is_empty() {
        let size = sizes.next().map_or(rest.len(), |size| (*size).clamp(1, rest.len()));
        let (chunk, after) = rest.split_at(size);
        rest = after;
        unread.extend_from_slice(chunk);
        loop {
            let step = match session.receive(&mut unread) {
                Ok(step) => step,
                Err(violation) => return (all, Some(violation)),
            };
            let more = step.received == Received::NeedMore;
            match step.received {
                Received::NeedMore => {}
                Received::Inflated { .. } => unreachable!("permessage-deflate was not agreed"),
                Received::Data {
                    buffer_type, payload, ..
                } => {
                    message.extend_from_slice(&unread[payload]);
                    if buffer_type.is_final() {
                        all.push((format!("{buffer_type:?}"), std::mem::take(&mut message)));
                    }
                }
                Received::Ping(payload) => all.push(("ping".into(), unread[payload].to_vec())),
                Received::Pong(payload) => all.push(("pong".into(), unread[payload].to_vec())),
                Received::Close { status, reason } => {
                    all.push((format!("close {status}"), unread[reason].to_vec()));
                }
            }
            unread.drain(..step.consumed);
            if more {
                assert!(
                    unread.len() <= 138,
                    "what waits for more is a header or a control frame"
                );
                break;
            }
        }
    }
    (all, None)
}

/// Bytes that are often almost a conversation.
fn almost_frames(role: Role) -> impl Strategy<Value = Vec<u8>> {
    let first = prop_oneof![
        8 => prop::sample::select(vec![0x81_u8, 0x82, 0x01, 0x02, 0x00, 0x80, 0x89, 0x8A]),
        1 => Just(0x88),
        1 => any::<u8>()
    ];
    let payload = prop_oneof![3 => ".{0,8}".prop_map(String::into_bytes), 1 => vec(any::<u8>(), 0..200)];
    let frame = (first, payload).prop_map(move |(first, payload)| frame_to(role, first, &payload));
    let piece = prop_oneof![9 => frame, 1 => vec(any::<u8>(), 0..20)];
    vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(replay::config())]

    #[test]
    fn any_messages_in_any_fragmentation_come_out_equal_however_the_stream_is_split(
        sender_role in role(),
        all in vec(message(), 1..6),
        send_buffer in 16..5000_u32,
        receive_buffer in 256..5000_u32,
        read_size in prop_oneof![Just(usize::MAX), 1..200_usize],
    ) {
        let mut sender = open(sender_role, vec![Property::SendBufferSize(send_buffer)]);
        let mut receiver = open(other(sender_role), vec![Property::ReceiveBufferSize(receive_buffer)]);
        for message in &all {
            let parts = message.parts();
            for (index, part) in parts.iter().enumerate() {
                let last = index + 1 == parts.len();
                let buffer_type = if last { message.last_type() } else { message.part_type() };
                sender.send(buffer_type, Some(Buffer::Data(part.to_vec())), 0).unwrap();
            }
        }
        let wire = drain_sends(&mut sender);
        let (done, error) = feed(&mut receiver, wire, read_size);
        prop_assert_eq!(error, None);
        let expected: Vec<_> = all.iter().map(|message| (message.last_type(), message.payload.clone())).collect();
        prop_assert_eq!(messages(&done), expected);
    }

    #[test]
    fn any_bytes_give_the_same_however_they_are_split(
        (role, stream) in role().prop_flat_map(|role| (Just(role), almost_frames(role))),
        sizes in vec(1..40_usize, 1..8),
    ) {
        let whole = receive_in_chunks(role, &stream, &[usize::MAX]);
        prop_assert_eq!(&receive_in_chunks(role, &stream, &sizes), &whole);
        prop_assert_eq!(&receive_in_chunks(role, &stream, &[1]), &whole);
        // and the action loop agrees with the session it is built on
        let (done, error) = feed(&mut open(role, vec![]), stream, usize::MAX);
        prop_assert_eq!(error, whole.1.map(Error::from));
        let data = |kind: &str| kind.ends_with("Message");
        let delivered = messages(&done).into_iter().filter(|(kind, _)| *kind != BufferType::PingPong);
        let expected = whole.0.into_iter().filter(|(kind, _)| data(kind)).map(|(_, payload)| payload);
        prop_assert_eq!(delivered.map(|(_, payload)| payload).collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    }

    #[test]
    fn no_bytes_make_a_handle_panic(role in role(), stream in vec(any::<u8>(), 0..600), read_size in 1..70_usize) {
        feed(&mut open(role, vec![]), stream, read_size);
    }

    #[test]
    fn every_operation_completes_exactly_once_and_in_order_whatever_is_called_when(
        role in role(),
        calls in vec((0..8_u8, any::<u8>()), 0..80),
        stream in role().prop_flat_map(almost_frames),
    ) {
        let mut handle = open(role, vec![Property::ReceiveBufferSize(256), Property::SendBufferSize(20)]);
        let mut network = stream;
        let (mut queued, mut completed) = ((Vec::new(), Vec::new()), (Vec::new(), Vec::new()));
        let mut note = |done: Option<Done>| match done {
            Some(Done::SendComplete(_, context)) => completed.0.push(context),
            Some(Done::Received(_, _, context) | Done::Closed(_, _, context) | Done::Cancelled(context)) => {
                completed.1.push(context);
            }
            _ => {}
        };
        for (context, (call, argument)) in (0..).zip(calls) {
            let length = usize::from(argument);
            match call {
                0 | 1 => {
                    let buffer_type = BufferType::from_value(0x8000_0000 + u32::from(argument) % 7).unwrap();
                    let buffer = (buffer_type != BufferType::Close).then(|| Buffer::Data(vec![b'a'; length]));
                    if handle.send(buffer_type, buffer, context).is_ok() {
                        queued.0.push(context);
                    }
                }
                2 | 3 => {
                    if handle.receive((argument > 99).then(|| vec![0; length]), context).is_ok() {
                        queued.1.push(context);
                    }
                }
                4 if argument < 4 => handle.abort(),
                _ => {
                    let queue = [ActionQueue::Send, ActionQueue::Receive, ActionQueue::All][length % 3];
                    note(act(&mut handle, queue, &mut network, length % 50).unwrap_or_default());
                }
            }
        }
        handle.abort();
        for number in 1..400 {
            // whatever `act` left outstanding
            handle.complete_action(websocket_component::ActionContext(number.try_into().unwrap()), 0).unwrap();
        }
        while let Some(done) = act(&mut handle, ActionQueue::All, &mut vec![], 0).unwrap() {
            note(Some(done));
        }
        prop_assert_eq!(completed, queued);
    }

    #[test]
    fn after_a_violation_nothing_is_received_or_answered_and_of_sends_only_what_the_caller_makes_leaves(
        role in role(),
        before in almost_frames(Role::Server),
        after in vec(any::<u8>(), 0..200),
    ) {
        let before = match role { Role::Client => Vec::new(), Role::Server => before };
        let stream = [before, frame_to(role, 0xB3, b"reserved in every way"), frame_to(role, 0x89, b"ping"), after].concat();
        let mut handle = open(role, vec![]);
        let (_, error) = feed(&mut handle, stream, usize::MAX);
        if error.is_none() {
            return Ok(()); // a close came first
        }
        let mut network = frame_to(role, 0x89, b"ping");
        for _ in 0..5 {
            prop_assert_eq!(act(&mut handle, ActionQueue::Receive, &mut network, usize::MAX).err(), error);
        }
        // no pong, nothing of the engine's own: the close that the caller asks for is all that leaves
        prop_assert_eq!(drain_sends(&mut handle), Vec::<u8>::new());
        let close = Buffer::CloseStatus { status: error.and_then(Error::close_status).unwrap(), reason: Vec::new() };
        handle.send(BufferType::Close, Some(close), 0).unwrap();
        prop_assert_eq!(drain_sends(&mut handle)[0], 0x88);
        prop_assert!(handle.send(BufferType::Utf8Message, None, 1).is_err());
        prop_assert_eq!(drain_sends(&mut handle), Vec::<u8>::new());
    }

    #[test]
    fn a_limit_is_never_exceeded_and_never_in_the_way(
        role in role(),
        length in 0..400_usize,
        cut in any::<Index>(),
        max_message_size in 0..400_u64,
    ) {
        let mut options = SessionOptions::default();
        options.limits.max_message_size = max_message_size;
        let mut session = Session::new(role, options);
        let payload = vec![7; length];
        let (first, second) = payload.split_at(cut.index(length + 1));
        let mut input = [frame_to(role, 0x02, first), frame_to(role, 0x80, second)].concat();
        let (mut delivered, mut failure) = (0, None);
        while failure.is_none() && !input.is_empty() {
            match session.receive(&mut input) {
                Ok(step) => {
                    if let Received::Data { payload, .. } = step.received {
                        delivered += payload.len() as u64;
                    }
                    input.drain(..step.consumed);
                }
                Err(violation) => failure = Some(violation),
            }
        }
        prop_assert!(delivered <= max_message_size);
        prop_assert_eq!(failure, (length as u64 > max_message_size).then_some(Violation::MessageTooBig));
    }
}

/// Dropping a handle in the middle of anything leaks no context: the handle owns them.
#[test]
fn a_deleted_handle_drops_the_contexts_it_holds() {
    let context = std::rc::Rc::new(());
    let mut server = Handle::create_server(&[]).unwrap();
    server
        .begin_server_handshake(None, &[], &server_request("dGhlIHNhbXBsZSBub25jZQ=="))
        .unwrap();
    server.send(BufferType::Utf8Message, None, context.clone()).unwrap();
    server.receive(None, context.clone()).unwrap();
    assert!(server.get_action(ActionQueue::Send).is_ok());
    assert_eq!(std::rc::Rc::strong_count(&context), 3);
    server.delete();
    assert_eq!(std::rc::Rc::strong_count(&context), 1);
}
