//! Connections and handshakes over std's streams: every byte once, whatever the stream does in between.
#![cfg(all(feature = "std", not(all(target_arch = "wasm32", target_os = "unknown"))))]
#![allow(clippy::unwrap_used, reason = "a wrong test panics")]

use std::borrow::Cow;
use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Result, Write};
use std::time::Duration;

use websocket_component::{
    ClientHandshake, CloseStatus, Config, Connection, Event, Failure, Role, ServerHandshake, Violation,
};

/// Does what is listed, one call after the other; then it takes all, and has nothing more to read.
#[derive(Default)]
struct Stream {
    reads: VecDeque<std::result::Result<&'static [u8], ErrorKind>>,
    writes: VecDeque<std::result::Result<usize, ErrorKind>>,
    written: Vec<u8>,
    flushed: usize,
}

impl Stream {
    fn reading(reads: &[std::result::Result<&'static [u8], ErrorKind>]) -> Self {
        Self {
            reads: reads.iter().copied().collect(),
            ..Self::default()
        }
    }

    fn writing(writes: &[std::result::Result<usize, ErrorKind>]) -> Self {
        Self {
            writes: writes.iter().copied().collect(),
            ..Self::default()
        }
    }
}

impl Read for Stream {
    fn read(&mut self, room: &mut [u8]) -> Result<usize> {
        let bytes = self.reads.pop_front().unwrap_or(Ok(b""))?;
        room[..bytes.len()].copy_from_slice(bytes);
        Ok(bytes.len())
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        let count = self.writes.pop_front().unwrap_or(Ok(usize::MAX))?.min(bytes.len());
        self.written.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> Result<()> {
        self.flushed = self.written.len();
        Ok(())
    }
}

fn text(text: &'static str) -> Event<'static> {
    Event::Text(Cow::Borrowed(text))
}

fn client() -> Connection {
    Connection::new(Role::Client, Config::default())
}

#[test]
fn a_read_gives_its_count_its_error_or_the_end() {
    let mut client = client();
    let reads = [Ok(&b"\x81\x05He"[..]), Err(ErrorKind::WouldBlock), Ok(b"llo")];
    let mut stream = Stream::reading(&reads);
    let mut read = || {
        let count = client
            .read_from(&mut stream, Duration::ZERO)
            .map_err(|error| error.kind());
        (count, client.next_owned_event())
    };
    assert_eq!(read(), (Ok(4), None));
    assert_eq!(read(), (Err(ErrorKind::WouldBlock), None));
    assert_eq!(read(), (Ok(3), Some(text("Hello"))));
    assert_eq!(read(), (Ok(0), Some(Event::Failed(Failure::Eof))));
}

#[test]
fn a_deadline_counts_from_the_time_that_a_read_was_given() {
    let mut config = Config::default();
    config.message_timeout = Some(Duration::from_secs(10));
    let mut client = Connection::new(Role::Client, config);
    let now = Duration::from_secs(5);
    client
        .read_from(&mut Stream::reading(&[Ok(b"\x81\x05He")]), now)
        .unwrap();
    assert_eq!(client.next_event(), None);
    assert_eq!(client.poll_timeout(), Some(Duration::from_secs(15)));
}

#[test]
fn a_write_goes_on_behind_an_interruption_and_after_an_error() {
    let frames = |connection: &mut Connection| {
        connection.send_text("short").unwrap();
        connection.send_binary(vec![7; 5000]).unwrap();
        connection.send_text("end").unwrap();
    };
    let mut expected = Vec::new();
    let mut whole = Connection::new(Role::Server, Config::default());
    frames(&mut whole);
    whole.write_to(&mut expected).unwrap();
    assert_eq!(expected.len(), 7 + 4 + 5000 + 5);

    let mut server = Connection::new(Role::Server, Config::default());
    frames(&mut server);
    let writes = [
        Err(ErrorKind::Interrupted),
        Ok(3),
        Err(ErrorKind::WouldBlock),
        Ok(5000),
        Ok(0),
    ];
    let mut stream = Stream::writing(&writes);
    let mut write = || server.write_to(&mut stream).map_err(|error| error.kind());
    assert_eq!(
        [write(), write(), write()],
        [Err(ErrorKind::WouldBlock), Err(ErrorKind::WriteZero), Ok(())]
    );
    assert!(stream.written == expected, "every byte once");
    assert_eq!(stream.flushed, expected.len());
}

#[test]
fn the_next_event_is_read_for_and_what_it_asks_for_is_written() {
    let reads = [Ok(&b"\x89\x02h"[..]), Ok(b"i\x81\x05Hello"), Ok(b"\x88\x02\x03\xE8")];
    let mut stream = Stream::reading(&reads);
    let mut client = client();
    let mut next = || client.next_event_over(&mut stream).unwrap();
    let end = Event::Closed {
        status: CloseStatus::NORMAL,
        reason: Cow::Borrowed(""),
    };
    assert_eq!(
        [next(), next(), next(), next(), next()],
        [
            Some(Event::Ping(Cow::Borrowed(b"hi"))),
            Some(text("Hello")),
            Some(end),
            None,
            None
        ]
    );
    let [pong, close] = [[0x8A, 0x82], [0x88, 0x82]];
    assert_eq!((&stream.written[..2], stream.written.len()), (&pong[..], 8 + 8));
    assert_eq!(stream.written[8..10], close);
}

#[test]
fn a_failure_is_an_error_once_its_close_frame_is_written() {
    let mut server = Connection::new(Role::Server, Config::default());
    let mut stream = Stream::reading(&[Ok(b"\x81\x00")]);
    let error = server.next_event_over(&mut stream).unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string()),
        (
            ErrorKind::InvalidData,
            Failure::Violation(Violation::MaskMissing).to_string()
        )
    );
    assert_eq!(stream.written[..4], *b"\x88\x02\x03\xEA");
    assert_eq!(server.next_event_over(&mut stream).unwrap(), None);

    let mut stream = Stream::reading(&[Err(ErrorKind::TimedOut), Ok(b"\x81\x02hi")]);
    let mut client = client();
    let error = client.next_event_over(&mut stream).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert_eq!(client.next_event_over(&mut stream).unwrap(), Some(text("hi")));
}

#[test]
fn a_handshake_goes_on_behind_an_interruption_and_ends_with_the_stream_or_its_error() {
    let interrupted = Err(ErrorKind::Interrupted);
    let mut stream = Stream::reading(&[interrupted, Ok(b"HTTP/1.1 101"), interrupted]);
    let mut outcome = ClientHandshake::new("localhost", "/").unwrap().complete(&mut stream);
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::UnexpectedEof);
    assert!(stream.written.starts_with(b"GET / HTTP/1.1\r\n") && stream.written.ends_with(b"\r\n\r\n"));
    assert_eq!(stream.flushed, stream.written.len());

    let mut stream = Stream::reading(&[interrupted, Ok(b"GET / HT"), interrupted]);
    outcome = ServerHandshake::new().complete(&mut stream);
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::UnexpectedEof);

    let reads = [Ok(&b"GET / HT"[..]), Err(ErrorKind::ConnectionReset)];
    outcome = ServerHandshake::new().complete(&mut Stream::reading(&reads));
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::ConnectionReset);

    let mut stream = Stream::reading(&[Ok(b"GET / HTTP/1.0\r\n\r\n")]);
    outcome = ServerHandshake::new().complete(&mut stream);
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::InvalidData);
    assert!(
        stream.written.starts_with(b"HTTP/1.1 505 "),
        "{:?}",
        String::from_utf8_lossy(&stream.written)
    );
    assert_eq!(stream.flushed, stream.written.len());
}

#[test]
fn both_handshakes_over_blocking_streams_lead_to_the_same_connection() {
    let request = b"GET /chat HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\x81\x82\0\0\0\0hi";
    let mut stream = Stream::reading(&[Ok(request)]);
    let mut server = ServerHandshake::new().complete(&mut stream).unwrap();
    assert!(stream.written.starts_with(b"HTTP/1.1 101 Switching Protocols\r\n"));
    assert_eq!(stream.flushed, stream.written.len());
    assert_eq!(
        server.next_event_over(&mut stream).unwrap(),
        Some(text("hi")),
        "it came with the request"
    );
}
