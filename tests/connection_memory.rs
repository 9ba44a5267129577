//! What a `Connection` keeps of the memory that it once needed: measured at the allocator.
#![cfg(not(any(miri, all(target_arch = "wasm32", target_os = "unknown"))))]
#![allow(clippy::unwrap_used, reason = "a wrong test panics")]

use std::time::Duration;

use websocket_component::{Config, Connection, KeepAlive, Role};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

const KIB: usize = 1024;

/// Sends a text, and writes all but the last byte of what waits.
fn send(connection: &mut Connection, text: &str) {
    connection.send_text(text).unwrap();
    connection.consumed(connection.buffered() - 1);
}

/// One test, as the allocator is everybody's.
#[test]
fn a_connection_keeps_small_buffers_for_the_next_message_and_frees_large_ones() {
    let text = "x".repeat(1000);
    let mut server = Connection::new(Role::Server, Config::default());
    let send_100 = |server: &mut Connection| {
        for _ in 0..100 {
            server.send_text(&*text).unwrap();
        }
        server.consumed(usize::MAX);
    };
    send_100(&mut server);
    {
        let _profiler = dhat::Profiler::builder().testing().build();
        for _ in 0..10 {
            send_100(&mut server);
        }
        assert_eq!(dhat::HeapStats::get().total_blocks, 0, "the buffer is used again");
        for (times, text) in [(2000, &text), (40, &"x".repeat(100_000))] {
            for _ in 0..times {
                send(&mut server, text);
            }
        }
        let most = dhat::HeapStats::get().max_bytes;
        assert!(
            most <= 512 * KIB,
            "{most} bytes for a peer that is always one byte behind"
        );
        server.consumed(usize::MAX);
        assert!(dhat::HeapStats::get().curr_bytes <= 128 * KIB);
    }
    let mut server = Connection::new(Role::Server, Config::default());
    let _profiler = dhat::Profiler::builder().testing().build();
    for _ in 0..500 {
        server.send_text(&*text).unwrap();
    }
    assert!(dhat::HeapStats::get().curr_bytes >= 500 * 1000);
    server.consumed(usize::MAX);
    assert_eq!(dhat::HeapStats::get().curr_bytes, 0, "a burst leaves nothing behind");

    let mut client = Connection::new(Role::Client, Config::default());
    let mut message = vec![0x82, 127];
    message.extend_from_slice(&(3 * KIB as u64 * KIB as u64).to_be_bytes());
    message.resize(10 + 3 * KIB * KIB, 7);
    for piece in message.chunks(10_000) {
        client.receive(piece, Duration::ZERO);
        while client.next_event().is_some() {}
    }
    drop(message);
    let room = client.read_buffer().len();
    assert!(
        dhat::HeapStats::get().curr_bytes < 128 * KIB,
        "a long message leaves nothing behind, but room for {room}"
    );

    assert!(room > 0 && dhat::HeapStats::get().curr_bytes >= room);
    client.send_text("short").unwrap();
    client.consumed(usize::MAX);
    client.release();
    assert_eq!(
        dhat::HeapStats::get().curr_bytes,
        0,
        "an idle connection holds no buffers"
    );

    client.receive(&b"\x88\x02\x03\xE8"[..], Duration::ZERO);
    assert!(client.next_event().is_some());
    for _ in 0..10 {
        client.receive(vec![0; 10 * KIB], Duration::ZERO);
        client.receive(&[0; 10 * KIB][..], Duration::ZERO);
    }
    let kept = dhat::HeapStats::get().curr_bytes;
    assert!(kept < KIB, "{kept} bytes of what a peer sends behind its close");
    drop(client);

    let mut config = Config::default();
    config.keep_alive = Some(KeepAlive {
        idle: Duration::from_secs(10),
        answer: Duration::from_secs(5),
    });
    let mut client = Connection::new(Role::Client, config);
    client.receive(&b"\x81\x02hi"[..], Duration::ZERO);
    assert!(client.next_event().is_some() && client.read_buffer().len() > KIB);
    client.handle_timeout(client.poll_timeout().unwrap());
    let kept = dhat::HeapStats::get().curr_bytes;
    assert!(
        client.wants_write() && kept < KIB,
        "{kept} bytes beside a keep-alive ping"
    );
}
