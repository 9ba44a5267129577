//! The memory that a `Connection` keeps once it no longer needs it. It is counted at the allocator for the test's own
//! thread, as the test runner allocates beside it.
#![cfg(not(any(miri, all(target_arch = "wasm32", target_os = "unknown"))))]
#![allow(clippy::unwrap_used, reason = "a wrong test panics")]

use std::io::Read;
use std::time::Duration;

use allocation_counter::measure;
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

#[test]
fn a_long_message_that_was_read_leaves_nothing_behind_however_it_came() {
    let long = vec![7; 3 * KIB * KIB];
    for (way, receive) in WAYS {
        for (kind, parts) in [
            ("plain", vec![&long[..]]),
            ("in frames", long.chunks(KIB * KIB).collect()),
        ] {
            leaves_nothing(&format!("{kind}, {way}"), receive, &plain(&parts));
        }
        let mut compressed = connected().1;
        compressed.send_binary(&long).unwrap();
        leaves_nothing(&format!("compressed, {way}"), receive, compressed.transmit());
    }
}

fn leaves_nothing(case: &str, receive: Receive, message: &[u8]) {
    let (mut client, _) = connected();
    let mut length = 0;
    let after = kept(|| {
        for piece in message.chunks(10_000) {
            receive(&mut client, piece);
            while let Some(event) = client.next_event() {
                let Event::Binary(bytes) = event else {
                    panic!("{case}: {event:?}")
                };
                length += bytes.len();
            }
        }
    });
    assert_eq!(length, 3 * KIB * KIB, "{case}");
    assert!(after < 128 * KIB as isize, "{case}: {after} bytes");
}

/// A message of a server in uncompressed frames.
fn plain(parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        let last = if at + 1 == parts.len() { 0x80 } else { 0 };
        let opcode = if at == 0 { 2 } else { 0 };
        bytes.extend([last | opcode, 127]);
        bytes.extend((part.len() as u64).to_be_bytes());
        bytes.extend(*part);
    }
    bytes
}

#[test]
fn a_released_connection_has_no_buffers() {
    let mut client = open(Role::Client);
    let released = kept(|| {
        assert!(client.read_buffer().len() > KIB);
        client.send_text("short").unwrap();
        client.consumed(usize::MAX);
        client.release();
    });
    assert_eq!(released, 0);
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
