//! `Connection` against `Connection`, and against bytes, under a virtual clock.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use websocket_component::{
    BufferType, CloseStatus, Config, Connection, Delivery, Error, Event, Failure, KeepAlive, Limits, MessageKind,
    Misuse, RandomSource, RandomUnavailable, Role, Session, SessionOptions, Violation,
};

const NOW: Duration = Duration::ZERO;
const ROLES: [Role; 2] = [Role::Client, Role::Server];

/// Two ends, and the bytes between them.
struct Pair {
    client: Connection,
    server: Connection,
}

impl Pair {
    fn new(config: Config) -> Self {
        Self {
            client: Connection::new(Role::Client, config),
            server: Connection::new(Role::Server, config),
        }
    }

    fn ends(&mut self, sender: Role) -> (&mut Connection, &mut Connection) {
        match sender {
            Role::Client => (&mut self.client, &mut self.server),
            Role::Server => (&mut self.server, &mut self.client),
        }
    }
}

/// Moves what there is to transmit, at most `chunk` bytes at a time, and gives the events that it makes.
fn deliver(from: &mut Connection, to: &mut Connection, chunk: usize) -> Vec<Event<'static>> {
    let mut events = Vec::new();
    while from.wants_write() {
        let bytes = from.transmit();
        let count = bytes.len().min(chunk);
        let room = to.read_buffer();
        let count = count.min(room.len());
        room[..count].copy_from_slice(&bytes[..count]);
        from.consumed(count);
        to.received(count, NOW);
        while let Some(event) = to.next_owned_event() {
            events.push(event);
        }
    }
    events
}

fn events(connection: &mut Connection) -> Vec<Event<'static>> {
    std::iter::from_fn(|| connection.next_owned_event()).collect()
}

fn feed(connection: &mut Connection, bytes: &[u8]) -> Vec<Event<'static>> {
    connection.receive(bytes, NOW);
    events(connection)
}

fn text(text: &str) -> Event<'static> {
    Event::Text(Cow::Owned(text.to_owned()))
}

fn binary(bytes: &[u8]) -> Event<'static> {
    Event::Binary(Cow::Owned(bytes.to_owned()))
}

fn closed(status: CloseStatus, reason: &str) -> Event<'static> {
    Event::Closed {
        status,
        reason: Cow::Owned(reason.to_owned()),
    }
}

fn violation(violation: Violation) -> Event<'static> {
    Event::Failed(Failure::Violation(violation))
}

/// Frames as a server's peer masks them, with a key of zeros, or as a client's peer sends them.
fn frame(role: Role, first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    let mask = if role == Role::Server { 0x80 } else { 0 };
    match payload.len() {
        length @ 0..126 => frame.push(mask | u8::try_from(length).expect("at most 125")),
        length => {
            frame.push(mask | 127);
            frame.extend_from_slice(&(length as u64).to_be_bytes());
            if let Ok(short) = u16::try_from(length) {
                frame.splice(1.., [mask | 126].into_iter().chain(short.to_be_bytes()));
            }
        }
    }
    if mask != 0 {
        frame.extend_from_slice(&[0; 4]);
    }
    frame.extend_from_slice(payload);
    frame
}

#[test]
fn a_connection_and_its_handshakes_go_to_other_threads() {
    fn is_send_and_sync<T: Send + Sync>() {}
    is_send_and_sync::<Connection>();
    is_send_and_sync::<Session>();
    is_send_and_sync::<websocket_component::ClientHandshake>();
    is_send_and_sync::<websocket_component::ServerHandshake>();
    is_send_and_sync::<websocket_component::Handle<()>>();
    is_send_and_sync::<Event<'_>>();
    is_send_and_sync::<Error>();
}

#[test]
fn messages_arrive_whole_whatever_the_chunks_are() {
    let long_text = "größe 😀 ".repeat(if cfg!(miri) { 50 } else { 6_000 });
    let long: Vec<u8> = (0..=255).cycle().take(if cfg!(miri) { 500 } else { 80_000 }).collect();
    for role in ROLES {
        for chunk in [1, 2, 7, 1000, 65_536, usize::MAX] {
            let mut pair = Pair::new(Config::default());
            let (sender, receiver) = pair.ends(role);
            sender.send_text("").unwrap();
            sender.send_text("Hello").unwrap();
            sender.send_text(&long_text).unwrap();
            sender.send_binary(b"").unwrap();
            sender.send_binary(&long).unwrap();
            sender.send_text_part("one ", false).unwrap();
            sender.ping(b"in between").unwrap();
            sender.send_text_part("", false).unwrap();
            sender.send_text_part("message", true).unwrap();
            sender.send_binary_part(&long, false).unwrap();
            sender.send_binary_part(&long, true).unwrap();
            sender.send_text(long_text.clone()).unwrap();
            sender.send_binary(long.clone()).unwrap();
            let expected = [
                text(""),
                text("Hello"),
                text(&long_text),
                binary(b""),
                binary(&long),
                Event::Ping(Cow::Borrowed(b"in between")),
                text("one message"),
                binary(&[long.clone(), long.clone()].concat()),
                text(&long_text),
                binary(&long),
            ];
            assert!(
                deliver(sender, receiver, chunk) == expected,
                "{role:?}, chunks of {chunk}"
            );
            assert_eq!(
                deliver(receiver, sender, chunk),
                [Event::Pong(Cow::Borrowed(b"in between"))]
            );
        }
    }
}

#[test]
fn a_payload_that_is_given_away_or_shared_is_sent_as_one_that_is_lent() {
    for role in ROLES {
        let random = || Box::new(Counting(0));
        let mut lent = Connection::with_random(role, Config::default(), random());
        let mut given = Connection::with_random(role, Config::default(), random());
        let mut shared = Connection::with_random(role, Config::default(), random());
        let payload: Vec<u8> = (0..=255).cycle().take(5000).collect();
        for _ in 0..3 {
            lent.send_binary(b"short").unwrap();
            lent.send_binary(&payload).unwrap();
            given.send_binary(b"short").unwrap();
            given.send_binary(payload.clone()).unwrap();
            shared.send_shared_binary(b"short").unwrap();
            shared.send_shared_binary(Arc::<[u8]>::from(&payload[..])).unwrap();
        }
        let drain = |connection: &mut Connection| {
            let mut bytes = Vec::new();
            while connection.wants_write() {
                let count = connection.transmit().len().min(777);
                bytes.extend_from_slice(&connection.transmit()[..count]);
                connection.consumed(count);
            }
            bytes
        };
        let expected = drain(&mut lent);
        assert!(
            drain(&mut given) == expected && drain(&mut shared) == expected,
            "{role:?}"
        );
    }
}

#[test]
fn a_whole_message_is_refused_while_another_is_unfinished_and_sends_nothing() {
    type Send = fn(&mut Connection, &str) -> Result<(), Error>;
    let sends: [Send; 6] = [
        |connection, payload| connection.send_text(payload),
        |connection, payload| connection.send_text(payload.to_owned()),
        |connection, payload| connection.send_shared_text(payload.to_owned()),
        |connection, payload| connection.send_binary(payload.as_bytes()),
        |connection, payload| connection.send_binary(payload.as_bytes().to_vec()),
        |connection, payload| connection.send_shared_binary(payload.as_bytes().to_vec()),
    ];
    let payloads = ["whole".to_owned(), "whole ".repeat(2000)];
    for role in ROLES {
        for (index, send) in sends.into_iter().enumerate() {
            for payload in &payloads {
                let mut pair = Pair::new(Config::default());
                let (sender, receiver) = pair.ends(role);
                if index < 3 {
                    sender.send_text_part("un", false).unwrap();
                } else {
                    sender.send_binary_part(b"un", false).unwrap();
                }
                let before = sender.buffered();
                assert_eq!(send(sender, payload), Err(Misuse::MessageTypeMixed.into()), "{index}");
                assert_eq!(sender.buffered(), before, "{index}");
                let expected = if index < 3 {
                    sender.send_text_part("finished", true).unwrap();
                    text("unfinished")
                } else {
                    sender.send_binary_part(b"finished", true).unwrap();
                    binary(b"unfinished")
                };
                send(sender, payload).unwrap();
                let arrived = deliver(sender, receiver, usize::MAX);
                assert_eq!((arrived.len(), &arrived[0]), (2, &expected), "{index}");
            }
        }
        let mut pair = Pair::new(Config::default());
        let (sender, _) = pair.ends(role);
        sender.send_text_part("un", false).unwrap();
        sender.close(CloseStatus::NORMAL, "").unwrap();
        assert_eq!(sender.send_text("whole"), Err(Misuse::SendAfterClose.into()));
    }
}

#[test]
fn a_server_transmits_a_long_shared_payload_from_where_it_is_and_then_drops_it() {
    let mut server = Connection::new(Role::Server, Config::default());
    let text: Arc<str> = "Hello ".repeat(1000).into();
    server.send_shared_text(Arc::clone(&text)).unwrap();
    server.send_text("end").unwrap();
    assert_eq!(server.transmit(), [0x81, 126, 0x17, 0x70]);
    server.consumed(4);
    assert!(std::ptr::eq(server.transmit(), text.as_bytes()));
    server.consumed(5999);
    assert_eq!((server.transmit(), Arc::strong_count(&text)), (&b" "[..], 2));
    server.consumed(1);
    assert_eq!((server.transmit(), Arc::strong_count(&text)), (&b"\x81\x03end"[..], 1));
}

/// From 4096 bytes on, a call of its own for the transport costs less than the copy.
#[cfg(feature = "std")]
#[test]
fn a_short_payload_is_sent_with_its_header_and_a_long_one_from_where_it_is() {
    for (length, buffers) in [(4095, 1), (4096, 2)] {
        let payload: Arc<[u8]> = vec![7; length].into();
        let mut given = Connection::new(Role::Server, Config::default());
        given.send_binary(payload.to_vec()).unwrap();
        let mut shared = Connection::new(Role::Server, Config::default());
        shared.send_shared_binary(Arc::clone(&payload)).unwrap();
        for server in [given, shared] {
            let mut slices = [std::io::IoSlice::new(&[]); 4];
            assert_eq!(server.transmit_vectored(&mut slices), buffers, "{length} bytes");
        }
    }
}

#[test]
fn a_shared_payload_that_changes_its_length_harms_nobody_but_its_peer() {
    /// Gives other bytes each time.
    struct Liar(AtomicUsize);
    impl AsRef<[u8]> for Liar {
        fn as_ref(&self) -> &[u8] {
            const LENGTHS: [usize; 4] = [5000, 9000, 0, 4999];
            &[7; 9000][..LENGTHS[self.0.fetch_add(1, Ordering::Relaxed) % 4]]
        }
    }
    let mut server = Connection::new(Role::Server, Config::default());
    server.send_shared_binary(Liar(AtomicUsize::new(0))).unwrap();
    server.send_text("end").unwrap();
    assert_eq!(server.buffered(), 4 + 5000 + 5);
    server.consumed(4);
    assert_eq!(server.transmit().len(), 5000);
    assert_eq!(server.transmit(), b"");
    server.consumed(5000);
    assert_eq!(server.transmit(), b"\x81\x03end");
}

#[cfg(feature = "std")]
#[test]
fn a_vectored_write_has_all_buffers_in_order() {
    let mut server = Connection::new(Role::Server, Config::default());
    server.send_binary(vec![1; 5000]).unwrap();
    server.send_text("end").unwrap();
    server.consumed(1);
    let mut all = Vec::new();
    server.write_to(&mut all).unwrap();
    assert_eq!(all.len(), 3 + 5000 + 5);
    assert_eq!(all[3 + 5000..], *b"\x81\x03end");
    assert_eq!(server.buffered(), 0);
}

#[test]
fn what_was_not_written_is_offered_again() {
    let mut server = Connection::new(Role::Server, Config::default());
    server.send_text("Hello").unwrap();
    assert_eq!(server.transmit(), b"\x81\x05Hello");
    server.consumed(0);
    server.consumed(3);
    assert_eq!(server.transmit(), b"ello");
    server.ping(b"").unwrap();
    assert_eq!(server.transmit(), b"ello\x89\x00");
    server.consumed(usize::MAX);
    assert_eq!(server.transmit(), b"");
}

#[test]
fn a_long_binary_message_is_given_away_without_a_copy() {
    let payload = vec![7; 300_000];
    for chunk in [10_000, 100_000, usize::MAX] {
        let mut pair = Pair::new(Config::default());
        pair.server.send_binary(&payload).unwrap();
        pair.server.send_text("next").unwrap();
        let events = deliver(&mut pair.server, &mut pair.client, chunk);
        let [Event::Binary(Cow::Owned(bytes)), Event::Text(next)] = &events[..] else {
            panic!("{} events", events.len())
        };
        assert!(*bytes == payload && next == "next");
        assert!(bytes.capacity() > bytes.len(), "a copy would have no room to spare");
    }
}

#[test]
fn pieces_are_reported_as_they_come_and_the_next_message_may_come_whole() {
    let mut config = Config::default();
    config.delivery = Delivery::Pieces;
    let mut server = Connection::new(Role::Server, config);
    let piece = |kind, payload: &'static [u8], first, last| {
        let Event::Piece(mut piece) = feed(
            &mut Connection::new(Role::Server, config),
            &frame(Role::Server, 0x82, b""),
        )
        .remove(0) else {
            panic!()
        };
        (piece.kind, piece.payload, piece.first, piece.last) = (kind, Cow::Borrowed(payload), first, last);
        Event::Piece(piece)
    };
    let whole = frame(Role::Server, 0x81, "a€".as_bytes());
    let (start, end) = whole.split_at(whole.len() - 1);
    assert_eq!(
        feed(&mut server, start),
        [piece(MessageKind::Text, b"a\xE2\x82", true, false)]
    );
    assert_eq!(feed(&mut server, end), [piece(MessageKind::Text, b"\xAC", false, true)]);
    assert_eq!(
        feed(&mut server, &frame(Role::Server, 0x02, b"ab")),
        [piece(MessageKind::Binary, b"ab", true, false)]
    );
    server.set_delivery(Delivery::Messages);
    let rest = [frame(Role::Server, 0x80, b"c"), frame(Role::Server, 0x82, b"d")].concat();
    assert_eq!(
        feed(&mut server, &rest),
        [piece(MessageKind::Binary, b"c", false, true), binary(b"d")]
    );
}

#[test]
fn a_text_that_is_not_utf8_fails_with_1007_as_soon_as_it_is_known() {
    for delivery in [Delivery::Messages, Delivery::Pieces] {
        for role in ROLES {
            // whole; cut; in fragments; unfinished at the end
            let inputs: [&[Vec<u8>]; 4] = [
                &[frame(role, 0x81, b"ab\xFF")],
                &[frame(role, 0x81, b"ab\xFFcdefgh")[..10].to_vec()],
                &[frame(role, 0x01, b"ab\xC3"), frame(role, 0x80, b"a")],
                &[frame(role, 0x01, b"ab\xC3"), frame(role, 0x80, b"")],
            ];
            for input in inputs {
                let mut config = Config::default();
                config.delivery = delivery;
                let mut connection = Connection::new(role, config);
                let input = input.concat();
                let last = feed(&mut connection, &input).pop();
                assert_eq!(last, Some(violation(Violation::TextNotUtf8)), "{role:?} {input:x?}");
                assert_eq!(close_code(&connection), Some(1007));
            }
        }
    }
}

/// The status of the close frame that ends what there is to transmit.
fn close_code(connection: &Connection) -> Option<u16> {
    let mut peer = Session::new(
        match connection.role() {
            Role::Client => Role::Server,
            Role::Server => Role::Client,
        },
        SessionOptions::default(),
    );
    let mut bytes = connection.transmit().to_vec();
    let mut at = 0;
    loop {
        let step = peer.receive(&mut bytes[at..]).expect("ours is in order");
        at += step.consumed;
        match step.received {
            websocket_component::Received::Close { status, .. } => return Some(status.into()),
            websocket_component::Received::NeedMore => return None,
            _ => {}
        }
    }
}

#[test]
fn what_came_before_a_violation_is_reported_before_it_and_nothing_after() {
    for role in ROLES {
        let mut connection = Connection::new(role, Config::default());
        let input = [
            frame(role, 0x81, b"first"),
            frame(role, 0x83, b"reserved"),
            frame(role, 0x81, b"after"),
        ];
        assert_eq!(
            feed(&mut connection, &input.concat()),
            [text("first"), violation(Violation::OpcodeReserved)]
        );
        assert_eq!(close_code(&connection), Some(1002));
        assert_eq!(feed(&mut connection, &frame(role, 0x81, b"later")), []);
        assert_eq!(connection.send_text("x"), Err(Error::ConnectionFailed));
        assert_eq!(connection.ping(b""), Err(Error::ConnectionFailed));
        assert_eq!(connection.close(CloseStatus::NORMAL, ""), Err(Error::ConnectionFailed));
        assert!(
            connection.wants_read(),
            "until the peer has read the close and ended the transport"
        );
        connection.consumed(usize::MAX);
        assert!(connection.wants_shutdown());
        connection.eof();
        assert!(connection.is_finished());
        assert_eq!(events(&mut connection), []);
        assert_eq!(
            connection.failure(),
            Some(Failure::Violation(Violation::OpcodeReserved))
        );
    }
}

#[test]
fn limits_are_on_by_default_and_hold_before_the_payload_comes() {
    assert_eq!(Config::default().limits, Limits::DEFAULT);
    assert_eq!(SessionOptions::default().limits, Limits::DEFAULT);
    let most = 64 << 20;
    let header = |length: u64| [&[0x82, 0x7F][..], &length.to_be_bytes()].concat();
    let mut client = Connection::new(Role::Client, Config::default());
    assert_eq!(feed(&mut client, &header(most)), []);
    assert!(client.read_buffer().len() < 100_000, "memory follows what came");
    let mut client = Connection::new(Role::Client, Config::default());
    assert_eq!(
        feed(&mut client, &header(most + 1)),
        [violation(Violation::FrameTooBig)]
    );
    assert_eq!(close_code(&client), Some(1009));

    let mut config = Config::default();
    (config.limits.max_message_size, config.limits.max_fragments) = (10, 3);
    let mut client = Connection::new(Role::Client, config);
    let fragments = [
        frame(Role::Client, 0x02, b"12345"),
        frame(Role::Client, 0x80, b"123456"),
    ];
    assert_eq!(
        feed(&mut client, &fragments.concat()),
        [violation(Violation::MessageTooBig)]
    );
    let mut client = Connection::new(Role::Client, config);
    let empty = [
        &frame(Role::Client, 0x02, b"")[..],
        &frame(Role::Client, 0x00, b"").repeat(3),
    ]
    .concat();
    assert_eq!(feed(&mut client, &empty), [violation(Violation::FragmentsTooMany)]);
    assert_eq!(close_code(&client), Some(1008));
}

#[test]
fn a_peer_that_pings_and_reads_nothing_is_owed_one_pong_at_most() {
    for role in ROLES {
        let mut connection = Connection::new(role, Config::default());
        for index in 0..if cfg!(miri) { 100_u32 } else { 10_000 } {
            let pings = frame(role, 0x89, &[&index.to_be_bytes()[..], &[0; 100]].concat());
            connection.receive(&pings, NOW);
            while connection.next_event().is_some() {}
        }
        assert!(connection.buffered() <= 64 * 1024 + 131, "{}", connection.buffered());
        let before = connection.buffered();
        connection.consumed(before);
        if !cfg!(miri) {
            assert!(before > 64 * 1024, "a peer that is slow gets all of {before} bytes");
            let last = &connection.transmit()[connection.transmit().len() - 104..];
            assert!(
                role == Role::Client || last[..4] == 9_999_u32.to_be_bytes(),
                "the latest ping"
            );
            assert_eq!(
                connection.buffered(),
                if role == Role::Client { 6 + 104 } else { 2 + 104 }
            );
        }
    }
}

#[test]
fn both_sides_close_and_the_server_ends_the_transport() {
    for role in ROLES {
        for chunk in [1, usize::MAX] {
            let mut pair = Pair::new(Config::default());
            let (closer, other) = pair.ends(role);
            closer.close(CloseStatus::GOING_AWAY, "bye").unwrap();
            assert_eq!(closer.send_text("x"), Err(Misuse::SendAfterClose.into()));
            assert_eq!(
                closer.close(CloseStatus::NORMAL, ""),
                Err(Misuse::SendAfterClose.into())
            );
            assert!(!closer.is_open() && closer.wants_read());
            other.send_text("on its way").unwrap();
            assert_eq!(deliver(closer, other, chunk), [closed(CloseStatus::GOING_AWAY, "bye")]);
            assert_eq!(other.send_text("x"), Err(Misuse::SendAfterClose.into()));
            assert_eq!(
                deliver(other, closer, chunk),
                [text("on its way"), closed(CloseStatus::GOING_AWAY, "")]
            );
            assert!(pair.server.is_finished() && pair.server.wants_shutdown());
            assert!(pair.client.wants_read() && !pair.client.is_finished());
            pair.client.eof();
            assert!(pair.client.is_finished());
            assert_eq!((pair.client.failure(), pair.server.failure()), (None, None));
            assert_eq!((events(&mut pair.client), events(&mut pair.server)), (vec![], vec![]));
        }
    }
}

#[test]
fn a_close_without_a_status_is_answered_by_one() {
    let mut pair = Pair::new(Config::default());
    pair.client.close(CloseStatus::EMPTY, "").unwrap();
    assert_eq!(
        deliver(&mut pair.client, &mut pair.server, 1),
        [closed(CloseStatus::EMPTY, "")]
    );
    assert_eq!(pair.server.transmit(), b"\x88\x00");
}

#[test]
fn a_close_that_cannot_be_sent_leaves_the_connection_open() {
    let mut client = Connection::new(Role::Client, Config::default());
    for (status, reason, misuse) in [
        (CloseStatus(1005), "x", Misuse::CloseReasonWithoutStatus),
        (CloseStatus(1006), "", Misuse::CloseStatusNotSendable),
        (CloseStatus(1016), "", Misuse::CloseStatusNotSendable),
        (CloseStatus(2999), "", Misuse::CloseStatusNotSendable),
        (CloseStatus::NORMAL, &"x".repeat(124), Misuse::CloseReasonTooLong),
    ] {
        assert_eq!(client.close(status, reason), Err(misuse.into()), "{status}");
    }
    assert!(client.is_open() && !client.wants_write());
}

#[test]
fn a_close_reason_that_is_not_utf8_fails_with_1007() {
    let mut server = Connection::new(Role::Server, Config::default());
    assert_eq!(
        feed(&mut server, &frame(Role::Server, 0x88, b"\x03\xE8\xFF")),
        [violation(Violation::CloseReasonNotUtf8)]
    );
    assert_eq!(close_code(&server), Some(1007));
}

#[test]
fn an_end_without_a_close_is_a_failure_after_all_that_came() {
    for role in ROLES {
        let whole = [frame(role, 0x81, b"whole"), frame(role, 0x81, b"cut")].concat();
        let mut connection = Connection::new(role, Config::default());
        connection.receive(&whole[..whole.len() - 1], NOW);
        connection.send_text("the peer does not read this").unwrap();
        connection.eof();
        assert_eq!(events(&mut connection), [text("whole"), Event::Failed(Failure::Eof)]);
        assert!(connection.is_finished() && !connection.wants_write());
        assert_eq!(connection.poll_timeout(), None);
        assert_eq!(Failure::Eof.close_status(), CloseStatus::ABORTED);
    }
}

#[test]
fn a_silent_peer_is_pinged_and_then_given_up() {
    let second = Duration::from_secs(1);
    let mut config = Config::default();
    config.keep_alive = Some(KeepAlive {
        idle: 10 * second,
        answer: 5 * second,
    });
    let epoch = 1_000_000 * second;
    let mut server = Connection::new(Role::Server, config);
    assert_eq!(
        server.poll_timeout(),
        Some(Duration::ZERO),
        "at once: it does not know the time"
    );
    server.handle_timeout(epoch);
    assert_eq!(server.poll_timeout(), Some(epoch + 10 * second));
    server.receive(frame(Role::Server, 0x8A, b""), epoch + 4 * second);
    assert_eq!(server.poll_timeout(), Some(epoch + 14 * second));
    server.handle_timeout(epoch + 13 * second);
    assert!(!server.wants_write(), "early calls do no harm");
    server.handle_timeout(epoch + 14 * second);
    assert_eq!(server.transmit(), b"\x89\x00");
    assert_eq!(server.poll_timeout(), Some(epoch + 19 * second));
    server.receive(frame(Role::Server, 0x8A, b""), epoch + 18 * second);
    server.handle_timeout(epoch + 19 * second);
    assert_eq!(server.failure(), None, "anything that comes is an answer");
    server.handle_timeout(epoch + 28 * second);
    server.handle_timeout(epoch + 33 * second);
    assert_eq!(events(&mut server).pop(), Some(Event::Failed(Failure::Unresponsive)));
    assert!(server.is_finished(), "nothing is worth writing to a dead peer");
    assert_eq!(server.poll_timeout(), None);
}

#[test]
fn a_message_that_is_never_finished_fails_with_1008() {
    let second = Duration::from_secs(1);
    let mut config = Config::default();
    (config.keep_alive, config.message_timeout) = (None, Some(60 * second));
    let starts: [&[u8]; 4] = [b"\x81\x05He", b"\x01\x05Hello", b"\x81", b"\x82\x7F\0\0"];
    for start in starts {
        let mut client = Connection::new(Role::Client, config);
        client.receive(start, second);
        assert_eq!(events(&mut client), []);
        assert_eq!(client.poll_timeout(), Some(61 * second));
        client.receive(b"", 30 * second);
        client.handle_timeout(60 * second);
        assert_eq!(client.failure(), None);
        client.handle_timeout(61 * second);
        assert_eq!(events(&mut client), [Event::Failed(Failure::MessageTimeout)]);
        assert_eq!(close_code(&client), Some(1008));
    }
    // each message has a time of its own, also where none ends with a read
    let mut client = Connection::new(Role::Client, config);
    for at in 0..200 {
        client.receive(if at == 0 { &b"\x81\x02a"[..] } else { b"b\x81\x02a" }, at * second);
        events(&mut client);
        client.handle_timeout(at * second);
    }
    assert_eq!(client.failure(), None);
}

#[test]
fn a_close_that_is_not_answered_ends_in_time() {
    let second = Duration::from_secs(1);
    let mut config = Config::default();
    config.close_timeout = Some(3 * second);
    let mut client = Connection::new(Role::Client, config);
    client.handle_timeout(second);
    client.close(CloseStatus::NORMAL, "").unwrap();
    assert!(
        client.poll_timeout() <= Some(second),
        "at once: the close has no time yet"
    );
    client.handle_timeout(2 * second);
    assert_eq!(client.poll_timeout(), Some(5 * second));
    client.receive(frame(Role::Client, 0x81, b"x"), 4 * second);
    assert_eq!(client.poll_timeout(), Some(5 * second), "data is no answer");
    assert_eq!(events(&mut client), [text("x")]);
    client.handle_timeout(5 * second);
    assert_eq!(events(&mut client), [Event::Failed(Failure::CloseTimeout)]);
    assert!(client.is_finished());

    // a server that answers and does not end the transport
    let mut client = Connection::new(Role::Client, config);
    client.handle_timeout(second);
    assert_eq!(
        feed(&mut client, &frame(Role::Client, 0x88, b"")),
        [closed(CloseStatus::EMPTY, "")]
    );
    client.handle_timeout(second);
    client.consumed(usize::MAX);
    assert!(!client.is_finished());
    client.handle_timeout(4 * second);
    assert!(client.is_finished());
    assert_eq!(client.failure(), None);
}

/// A client whose deadlines are all 10 seconds, at 0.
fn impatient() -> Connection {
    let second = Duration::from_secs(1);
    let mut config = Config::default();
    config.keep_alive = Some(KeepAlive {
        idle: 10 * second,
        answer: 10 * second,
    });
    (config.message_timeout, config.close_timeout) = (Some(10 * second), Some(10 * second));
    let mut client = Connection::new(Role::Client, config);
    client.handle_timeout(NOW);
    client
}

#[test]
fn what_came_before_a_deadline_is_reported_behind_it() {
    let at = Duration::from_secs;
    let goodbye = [frame(Role::Client, 0x81, b"hi"), frame(Role::Client, 0x88, b"\x03\xE8")].concat();

    // the rest of the message has come in time
    let mut client = impatient();
    client.receive(b"\x81\x05He", NOW);
    assert_eq!(events(&mut client), []);
    client.receive(b"llo\x81\x02h", at(5));
    client.handle_timeout(at(11));
    assert_eq!(events(&mut client), [text("Hello")]);
    client.handle_timeout(at(20));
    assert_eq!(client.failure(), None, "the next message has a time of its own");
    client.handle_timeout(at(21));
    assert_eq!(events(&mut client), [Event::Failed(Failure::MessageTimeout)]);

    // something has come, but no end
    let mut client = impatient();
    client.receive(b"\x01\x02He", NOW);
    assert_eq!(events(&mut client), []);
    client.receive(b"\x89\x00\x80\x03l", at(5));
    client.handle_timeout(at(11));
    let failed = Event::Failed(Failure::MessageTimeout);
    assert_eq!(events(&mut client), [Event::Ping(Cow::Borrowed(b"")), failed]);
    assert_eq!(close_code(&client), Some(1008));

    // the answer to our close has come in time
    let mut client = impatient();
    client.close(CloseStatus::NORMAL, "").unwrap();
    client.handle_timeout(NOW);
    client.receive(&goodbye, at(5));
    client.handle_timeout(at(11));
    assert_eq!(events(&mut client), [text("hi"), closed(CloseStatus::NORMAL, "")]);
    assert!(client.is_finished());
    assert_eq!((client.failure(), client.poll_timeout()), (None, None));

    // the peer is gone, but has said everything
    let mut client = impatient();
    client.receive(&goodbye, at(1));
    client.handle_timeout(at(11));
    client.handle_timeout(at(21));
    assert!(
        !client.is_open() && client.is_finished(),
        "nothing is worth writing to a dead peer"
    );
    assert_eq!(client.send_text("x"), Err(Error::ConnectionFailed));
    assert_eq!(events(&mut client), [text("hi"), closed(CloseStatus::NORMAL, "")]);
    assert!(client.is_finished());

    // the peer is gone
    let mut client = impatient();
    client.receive(b"\x89\x00\x81\x02hi", at(1));
    client.handle_timeout(at(11));
    client.handle_timeout(at(21));
    let failed = Event::Failed(Failure::Unresponsive);
    assert_eq!(
        events(&mut client),
        [Event::Ping(Cow::Borrowed(b"")), text("hi"), failed]
    );
    assert!(client.is_finished());
}

#[test]
fn a_deadline_is_not_forgotten_for_a_message_that_was_late() {
    let at = Duration::from_secs;
    let mut client = impatient();
    client.receive(b"\x81\x05He", NOW);
    assert_eq!(events(&mut client), []);
    client.receive(b"llo", at(5));
    client.handle_timeout(at(11));
    client.close(CloseStatus::NORMAL, "").unwrap();
    client.handle_timeout(at(11));
    client.handle_timeout(at(21));
    assert_eq!(
        events(&mut client),
        [text("Hello"), Event::Failed(Failure::CloseTimeout)]
    );
}

#[test]
fn nothing_is_no_sign_of_life() {
    let at = Duration::from_secs;
    let mut client = impatient();
    for second in 1..20 {
        client.receive(b"", at(second));
        client.received(0, at(second));
        client.handle_timeout(at(second));
    }
    assert_eq!(client.poll_timeout(), Some(at(20)));
    client.handle_timeout(at(20));
    assert_eq!(events(&mut client), [Event::Failed(Failure::Unresponsive)]);
}

/// Gives 0, 1, 2, …
struct Counting(u8);

impl RandomSource for Counting {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomUnavailable> {
        for byte in bytes {
            *byte = self.0;
            self.0 = self.0.wrapping_add(1);
        }
        Ok(())
    }
}

/// Gives zeros, or fails: as often as is listed.
struct Unreliable(VecDeque<bool>);

impl RandomSource for Unreliable {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomUnavailable> {
        bytes.fill(0);
        match self.0.pop_front() {
            Some(false) => Err(RandomUnavailable),
            _ => Ok(()),
        }
    }
}

#[test]
fn a_send_without_a_key_changes_nothing() {
    let client = |keys: &[bool]| {
        let random = Box::new(Unreliable(keys.iter().copied().collect()));
        Connection::with_random(Role::Client, Config::default(), random)
    };
    let mut connection = client(&[false, true, false, true, false, true, false, true]);
    let unavailable = Err(Error::RandomUnavailable);
    assert_eq!(connection.send_text_part("a", false), unavailable);
    assert_eq!(connection.send_binary(b"b"), Ok(()), "no text has begun");
    assert_eq!(connection.send_binary(vec![0; 5000]), unavailable);
    assert_eq!(connection.send_text_part("a", false), Ok(()));
    assert_eq!(connection.send_text_part("a", true), unavailable);
    assert_eq!(connection.send_text_part("a", true), Ok(()), "the text goes on");
    assert_eq!(connection.close(CloseStatus::NORMAL, ""), unavailable);
    assert!(connection.is_open());
    assert_eq!(connection.close(CloseStatus::NORMAL, ""), Ok(()));
    let mut server = Connection::new(Role::Server, Config::default());
    assert_eq!(
        deliver(&mut connection, &mut server, usize::MAX),
        [binary(b"b"), text("aa"), closed(CloseStatus::NORMAL, "")]
    );

    let mut connection = client(&[false]);
    assert_eq!(
        feed(&mut connection, b"\x89\x00"),
        [
            Event::Ping(Cow::Borrowed(b"")),
            Event::Failed(Failure::RandomUnavailable)
        ]
    );

    let mut session = Session::with_random(
        Role::Client,
        SessionOptions::default(),
        Box::new(Unreliable([false, true].into())),
    );
    assert_eq!(session.header(BufferType::Close, 0), Err(Error::RandomUnavailable));
    assert!(session.header(BufferType::Utf8Fragment, 3).is_ok());
}

#[test]
fn the_room_for_a_read_grows_with_what_came_and_is_used_again() {
    let mut config = Config::default();
    config.read_size = 1000;
    let mut client = Connection::new(Role::Client, config);
    // a frame that announces more than will come
    let mut bytes = [&[0x82, 127, 0, 0, 0, 0, 1, 0, 0, 0][..], &[7; 990]].concat();
    for _ in 0..20 {
        assert_eq!(client.read_buffer().len(), 1000, "it is not what was announced");
        client.read_buffer().copy_from_slice(&bytes);
        client.received(1000, NOW);
        assert_eq!(client.next_event(), None);
        bytes = vec![7; 1000];
    }
    let mut client = Connection::new(Role::Client, config);
    client.receive(frame(Role::Client, 0x82, &[7; 50_000]), NOW);
    assert_eq!(events(&mut client), [binary(&[7; 50_000])]);
    client.receive(&frame(Role::Client, 0x82, &[7; 9000])[..], NOW);
    assert_eq!(events(&mut client), [binary(&[7; 9000])]);
    assert!(client.read_buffer().len() >= 9000, "a buffer of the usual size is kept");
}

/// So the next message begins at the front of the buffer, and need not be moved there.
#[test]
fn a_read_stops_at_the_end_of_a_long_message_and_takes_what_follows_a_short_one() {
    for (length, stops) in [(10, false), (65_535, false), (65_536, true), (100_000, true)] {
        let mut client = Connection::new(Role::Client, Config::default());
        let bytes = frame(Role::Client, 0x82, &vec![7; length]);
        assert_eq!(feed(&mut client, &bytes[..bytes.len() - 5]), []);
        let room = client.read_buffer().len();
        assert_eq!(room == 5, stops, "room for {room} bytes in a message of {length}");
    }
}

#[test]
fn a_count_above_the_room_for_a_read_counts_as_all_of_it() {
    let mut config = Config::default();
    config.read_size = 100;
    let payload: Vec<u8> = (0..=255).cycle().take(1000).collect();
    for before in [0, 1, 10, 200] {
        let mut client = Connection::new(Role::Client, config);
        let bytes = frame(Role::Client, 0x82, &payload);
        let (first, rest) = bytes.split_at(before);
        assert_eq!(feed(&mut client, first), []);
        let room = client.read_buffer();
        let (second, third) = rest.split_at(room.len());
        room.copy_from_slice(second);
        client.received(usize::MAX, NOW);
        assert_eq!(events(&mut client), [], "{before} bytes before");
        assert_eq!(feed(&mut client, third), [binary(&payload)], "{before} bytes before");
    }
}

#[test]
fn a_count_above_the_room_for_a_read_takes_no_bytes_of_earlier_reads() {
    let mut config = Config::default();
    config.read_size = 256 * 1024;
    let mut client = Connection::new(Role::Client, config);
    let bytes = frame(Role::Client, 0x82, &[7; 70_000]);
    client
        .read_buffer()
        .chunks_exact_mut(2)
        .for_each(|stale| stale.copy_from_slice(b"\x89\0"));
    client.read_buffer()[..10].copy_from_slice(&bytes[..10]);
    client.received(10, NOW);
    assert_eq!(events(&mut client), []);
    let room = client.read_buffer();
    assert_eq!(room.len(), 70_000, "up to the message's end");
    room.copy_from_slice(&bytes[10..]);
    client.received(70_100, NOW);
    client.received(100, NOW);
    assert!(events(&mut client) == [binary(&bytes[10..])]);
    client.receive(b"\x81\x02h", NOW);
    client.received(1, NOW);
    assert_eq!(feed(&mut client, b"i"), [text("hi")]);
}

#[test]
fn bytes_may_come_through_the_buffer_and_as_a_slice_in_turns() {
    let message: Vec<u8> = (0..=255).cycle().take(3000).collect();
    let bytes = frame(Role::Client, 0x82, &message);
    let mut client = Connection::new(Role::Client, Config::default());
    for (index, piece) in bytes.chunks(100).enumerate() {
        let room = client.read_buffer();
        if index % 2 == 0 {
            room[..piece.len()].copy_from_slice(piece);
            client.received(piece.len(), NOW);
        } else {
            client.receive(piece, NOW);
        }
    }
    assert_eq!(events(&mut client), [binary(&message)]);
}

#[test]
fn what_comes_behind_the_end_of_the_transport_is_not_taken() {
    let mut client = Connection::new(Role::Client, Config::default());
    client.eof();
    assert_eq!(feed(&mut client, b"\x81\x02hi"), [Event::Failed(Failure::Eof)]);
}

#[test]
fn the_room_for_a_read_behind_the_end_of_the_transport_loses_no_message() {
    let mut client = Connection::new(Role::Client, Config::default());
    client.receive(frame(Role::Client, 0x81, b"hi"), NOW);
    client.eof();
    assert!(!client.read_buffer().is_empty());
    assert_eq!(events(&mut client), [text("hi"), Event::Failed(Failure::Eof)]);
}

#[test]
fn an_idle_connection_holds_no_buffers() {
    let mut config = Config::default();
    config.read_size = 100_000;
    let mut pair = Pair::new(config);
    pair.client.send_text("x".repeat(200_000)).unwrap();
    deliver(&mut pair.client, &mut pair.server, usize::MAX);
    pair.server.release();
    let mut rest = Connection::new(Role::Server, Config::default());
    rest.receive(frame(Role::Server, 0x81, b"cut")[..7].to_vec(), NOW);
    assert_eq!(events(&mut rest), []);
    rest.release();
    assert_eq!(feed(&mut rest, b"ut"), [text("cut")], "what is unread is kept");
}

#[cfg(feature = "std")]
#[test]
fn a_failure_says_what_happened_and_is_an_io_error() {
    let failure = Failure::Violation(Violation::TextNotUtf8);
    assert_eq!(failure.to_string(), "the text is not UTF-8 (RFC 6455 §8.1)");
    let error = std::io::Error::from(failure);
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
    assert_eq!(
        std::io::Error::from(Failure::Eof).kind(),
        std::io::ErrorKind::UnexpectedEof
    );
    assert_eq!(
        std::io::Error::from(Error::from(Misuse::SendAfterClose)).kind(),
        std::io::ErrorKind::InvalidInput
    );
}
