//! The memory that a `Connection` keeps once it no longer needs it. It is counted at the allocator for the test's own
//! thread, as the test runner allocates beside it.
#![cfg(all(
    feature = "deflate",
    not(any(miri, all(target_arch = "wasm32", target_os = "unknown")))
))]
#![allow(clippy::unwrap_used, reason = "a wrong test panics")]

mod support;

use std::io::Read;
use std::time::Duration;

use allocation_counter::measure;
use support::unmasked;
use websocket_component::{
    ClientHandshake, ClientOptions, Config, Connection, Event, KeepAlive, Role, ServerHandshake, ServerOptions,
};

const KIB: usize = 1024;

/// How many bytes more the heap has after `work`.
fn kept(work: impl FnOnce()) -> isize {
    measure(work).bytes_current.try_into().unwrap()
}

fn open(role: Role) -> Connection {
    Connection::new(role, Config::default())
}

/// Both ends, with compression.
fn connected() -> (Connection, Connection) {
    let (mut client, mut server) = (ClientOptions::default(), ServerOptions::default());
    (client.deflate, server.deflate) = (Some(Default::default()), Some(Default::default()));
    let mut client = ClientHandshake::with_options("localhost", "/", client).unwrap();
    let mut server = ServerHandshake::with_options(server);
    server.receive(client.transmit(), Duration::ZERO).unwrap();
    server.accept(None, &[]).unwrap();
    client.receive(server.transmit(), Duration::ZERO).unwrap();
    server.consumed(usize::MAX);
    (client.into_connection().unwrap(), server.into_connection().unwrap())
}

type Receive = fn(&mut Connection, &[u8]);

/// The ways by which bytes come to a connection.
const WAYS: [(&str, Receive); 3] = [
    ("borrowed", |connection, bytes| {
        connection.receive(bytes, Duration::ZERO)
    }),
    ("given away", |connection, bytes| {
        connection.receive(bytes.to_vec(), Duration::ZERO)
    }),
    ("read into its buffer", |connection, mut bytes| {
        while !bytes.is_empty() {
            let count = bytes.read(connection.read_buffer()).unwrap();
            connection.received(count, Duration::ZERO);
        }
    }),
];

#[test]
fn what_was_sent_leaves_its_buffer_to_the_next_messages() {
    let text = "x".repeat(1000);
    let mut server = open(Role::Server);
    let mut send_100 = || {
        for _ in 0..100 {
            server.send_text(&*text).unwrap();
        }
        server.consumed(usize::MAX);
    };
    assert!(measure(&mut send_100).count_total > 0, "the allocator is watched");
    let again = measure(|| (0..10).for_each(|_| send_100()));
    assert_eq!(again.count_total, 0);
}

#[test]
fn a_peer_that_is_always_one_byte_behind_costs_a_buffer_that_does_not_grow() {
    let mut server = open(Role::Server);
    let counted = measure(|| {
        for (times, size) in [(2000, 1000), (40, 100_000)] {
            let text = "x".repeat(size);
            for _ in 0..times {
                server.send_text(&*text).unwrap();
                server.consumed(server.buffered() - 1);
            }
        }
        server.consumed(usize::MAX);
    });
    assert!(counted.bytes_max <= 512 * KIB as u64, "{counted:?}");
    assert!(counted.bytes_current <= 128 * KIB as i64, "{counted:?}");
}

#[test]
fn a_burst_leaves_nothing_behind() {
    let text = "x".repeat(1000);
    let mut server = open(Role::Server);
    let waiting = kept(|| (0..500).for_each(|_| server.send_text(&*text).unwrap()));
    assert!(waiting >= 500 * 1000, "{waiting} bytes");
    assert_eq!(waiting + kept(|| server.consumed(usize::MAX)), 0);
}

/// Long messages that a server sends.
fn long_messages() -> Vec<(&'static str, Vec<u8>)> {
    let long = vec![7; LONG];
    let mut compressed = connected().1;
    compressed.send_binary(&long).unwrap();
    vec![
        ("plain", unmasked(0x82, &long)),
        (
            "in frames",
            [unmasked(0x02, &long[..LONG / 2]), unmasked(0x80, &long[LONG / 2..])].concat(),
        ),
        ("compressed", compressed.transmit().to_vec()),
    ]
}

const LONG: usize = 3 * KIB * KIB;

/// Receives pieces of a stream, and gives the bytes of all messages that came.
fn read(client: &mut Connection, receive: Receive, pieces: &[&[u8]]) -> usize {
    let mut length = 0;
    for piece in pieces {
        receive(client, piece);
        while let Some(event) = client.next_event() {
            let Event::Binary(bytes) = event else {
                panic!("{event:?}")
            };
            length += bytes.len();
        }
    }
    length
}

#[test]
fn a_long_message_leaves_nothing_behind_once_more_comes_however_it_came() {
    for (kind, message) in long_messages() {
        for (way, receive) in WAYS {
            let (mut client, _) = connected();
            let pieces: Vec<&[u8]> = message.chunks(10_000).collect();
            let after = kept(|| {
                let grown = measure(|| assert_eq!(read(&mut client, receive, &pieces), LONG));
                assert!(
                    grown.bytes_total < 5 * LONG as u64,
                    "{kind}, {way}: {grown:?} to grow by doubling"
                );
                assert_eq!(read(&mut client, receive, &[&unmasked(0x82, b"short")]), 5);
            });
            assert!(after < 128 * KIB as isize, "{kind}, {way}: {after} bytes");
        }
    }
}

#[test]
fn a_long_message_leaves_nothing_behind_though_each_read_ends_within_another() {
    for (kind, message) in long_messages() {
        // compressed, "Hello" in two fragments (RFC 7692 §7.2.3.1)
        let begins = if kind == "compressed" {
            unmasked(0x42, b"\xF2")
        } else {
            unmasked(0x02, b"a")
        };
        let ends = if kind == "compressed" {
            unmasked(0x80, b"\x48\xCD\xC9\xC9\x07\x00")
        } else {
            unmasked(0x80, b"b")
        };
        for (way, receive) in WAYS {
            let (mut client, _) = connected();
            let after = kept(|| {
                let mut pieces: Vec<&[u8]> = message.chunks(10_000).collect();
                let last = [pieces.pop().unwrap(), &begins].concat();
                pieces.push(&last);
                read(&mut client, receive, &pieces);
                for _ in 0..10 {
                    assert!(read(&mut client, receive, &[&[&ends[..], &begins].concat()]) > 0);
                }
            });
            assert!(after < 128 * KIB as isize, "{kind}, {way}: {after} bytes");
        }
    }
}

#[test]
fn a_buffer_that_is_lent_keeps_what_is_read_into_it_whatever_is_asked_meanwhile() {
    for read_size in [1000, 4 * KIB * KIB] {
        let mut config = Config::default();
        config.read_size = read_size;
        let mut client = Connection::new(Role::Client, config);
        for text in ["A", "B", "C"] {
            client.receive(&unmasked(0x81, text.as_bytes())[..], Duration::ZERO);
            let next = unmasked(0x81, text.repeat(5).as_bytes());
            client.read_buffer()[..next.len()].copy_from_slice(&next);
            assert_eq!(client.next_event(), Some(Event::Text(text.into())));
            assert_eq!(client.next_event(), None);
            client.received(next.len(), Duration::ZERO);
            assert_eq!(client.next_event(), Some(Event::Text(text.repeat(5).into())));
        }
    }
}

#[test]
fn messages_of_one_size_need_no_memory_but_the_first() {
    let message = unmasked(0x82, &vec![7; 1_200_000]);
    for (way, receive) in [WAYS[0], WAYS[2]] {
        let mut client = open(Role::Client);
        let pieces: Vec<&[u8]> = message.chunks(70_000).collect();
        for _ in 0..2 {
            read(&mut client, receive, &pieces);
        }
        let again = measure(|| {
            read(&mut client, receive, &pieces);
        });
        assert_eq!(again.count_total, 0, "{way}");
    }
}

#[test]
fn a_connection_that_has_closed_keeps_nothing_that_came() {
    for (kind, message) in long_messages() {
        let (mut client, _) = connected();
        let stream = [message, unmasked(0x88, b"\x03\xE8")].concat();
        let after = kept(|| {
            client.receive(stream.clone(), Duration::ZERO);
            while client.next_event().is_some() {}
        });
        assert!(after < 64 * KIB as isize, "{kind}: {after} bytes");
    }
}

#[test]
fn a_large_read_size_is_allocated_once_and_a_longer_message_leaves_no_more_behind() {
    const READ_SIZE: usize = 4 * KIB * KIB;
    let mut config = Config::default();
    config.read_size = READ_SIZE;
    let mut client = Connection::new(Role::Client, config);
    let (_, receive) = WAYS[2];
    let (longer, message) = (vec![7; 5 * READ_SIZE], unmasked(0x82, &[7; 100_000]));
    let pieces: Vec<&[u8]> = message.chunks(30_000).collect();
    let after = kept(|| {
        read(&mut client, receive, &[&unmasked(0x82, &longer)]);
        read(&mut client, receive, &pieces);
    });
    assert!(after < 2 * READ_SIZE as isize, "{after} bytes");
    let again = measure(|| {
        read(&mut client, receive, &pieces);
    });
    assert_eq!(again.count_total, 0);
}

#[test]
fn a_released_connection_has_no_buffers_even_after_a_long_message() {
    for (way, receive) in WAYS {
        let mut client = open(Role::Client);
        let message = unmasked(0x82, &vec![7; LONG]);
        let mut room = 0;
        let after = kept(|| {
            let pieces: Vec<&[u8]> = message.chunks(10_000).collect();
            read(&mut client, receive, &pieces);
            room = client.read_buffer().len();
        });
        assert!(room > 0 && after >= room as isize, "{way}: the buffer is counted");
        assert!(after < 128 * KIB as isize, "{way}: {after} bytes, room for {room}");
        let released = kept(|| {
            client.send_text("short").unwrap();
            client.consumed(usize::MAX);
            client.release();
        });
        assert_eq!(after + released, 0, "{way}");
    }
}

#[test]
fn what_a_peer_sends_behind_its_close_is_not_kept() {
    let mut client = open(Role::Client);
    let after_close = kept(|| {
        client.receive(&b"\x88\x02\x03\xE8"[..], Duration::ZERO);
        assert!(client.next_event().is_some());
        for _ in 0..10 {
            client.receive(vec![0; 10 * KIB], Duration::ZERO);
            client.receive(&[0; 10 * KIB][..], Duration::ZERO);
        }
    });
    assert!(after_close < KIB as isize, "{after_close} bytes");
}

#[test]
fn a_connection_that_was_idle_for_long_has_its_ping_alone() {
    let mut config = Config::default();
    config.keep_alive = Some(KeepAlive {
        idle: Duration::from_secs(10),
        answer: Duration::from_secs(5),
    });
    let mut client = Connection::new(Role::Client, config);
    let idle = kept(|| {
        client.receive(&b"\x81\x02hi"[..], Duration::ZERO);
        assert!(client.next_event().is_some() && client.read_buffer().len() > KIB);
        client.handle_timeout(client.poll_timeout().unwrap());
    });
    assert!(client.wants_write() && idle < KIB as isize, "{idle} bytes");
}
