//! Bytes of the network to whole messages: ours against other crates, all by one stream that gives 64 KiB at a time.
//!
//! Each contender gets the bytes by reading them, which copies them, as it would from a socket, into buffers of the
//! size that it has by default; `Session` has none of its own, and reads 64 KiB. Ours hands messages out where they
//! stand, which works as each is one frame. `fastwebsockets` and `web-socket` leave it to
//! their callers to check text, who do it here.

use std::hint::black_box;
use std::io::Read;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::Stream;
use websocket_component::{BufferType, Config, Connection, Event, Received, Role, Session, SessionOptions};
use websocket_component_benches::report::Report;
use websocket_component_benches::turns::Contender;
use websocket_component_benches::{CHUNK, Kind, Replay, SIZES, stream};

/// Total bytes of messages through one connection: enough that its setup and first allocations do not count.
const TOTAL: usize = 8 * 1024 * 1024;
/// Of long messages, whose buffers are as long.
const TOTAL_LONG: usize = 64 * 1024 * 1024;

/// By a `Session` alone.
pub fn run(report: &mut Report) {
    compare(report, "decode", ours);
}

/// By a whole `Connection`.
pub fn run_connection(report: &mut Report) {
    compare(report, "read", connection);
}

fn compare(report: &mut Report, suite: &'static str, ours: Decode) {
    let names = [
        "ours",
        "tungstenite",
        "fastwebsockets",
        "tokio-websockets",
        "web-socket",
    ];
    report.suite(suite, &["role", "kind", "bytes"], &names);
    for masked in [true, false] {
        for kind in Kind::ALL {
            for size in SIZES {
                let count = (512 * 1024 / size).max(1);
                let repeats = if size < LONG { TOTAL } else { TOTAL_LONG } / (count * size);
                let bytes = stream(kind, size, masked, count);
                let run = |decode: Decode| -> Box<dyn FnMut() -> usize + '_> {
                    let bytes = &bytes;
                    Box::new(move || {
                        let messages = decode(Replay::new(bytes, repeats), masked);
                        let expected = count * repeats;
                        assert_eq!(messages, (expected, expected * size), "messages, and bytes in them");
                        bytes.len() * repeats
                    })
                };
                let decoders: [Decode; 5] = [ours, tungstenite, fastwebsockets, tokio_websockets, web_socket];
                let mut contenders: Vec<Contender<'_>> = names.into_iter().zip(decoders.map(run)).collect();
                let role = if masked { "server" } else { "client" };
                report.compare(&[role, kind.name(), &size.to_string()], &mut contenders);
            }
        }
    }
}

/// Reads all of the bytes, masked or not, and gives how many messages there were, and how many bytes in them.
type Decode = fn(Replay<'_>, bool) -> (usize, usize);

fn ours(mut source: Replay<'_>, masked: bool) -> (usize, usize) {
    let role = if masked { Role::Server } else { Role::Client };
    let mut session = Session::new(role, SessionOptions::default());
    // a message stays where it was read, and what is read next goes behind it
    let mut buffer = vec![0; 2 * CHUNK];
    let (mut message, mut unread, mut filled) = (0, 0, 0);
    let mut seen = (0, 0);
    loop {
        // the rest of a long message is read by itself, so that the next begins where the buffer does
        let left = usize::try_from(session.announced()).expect("it fits");
        let is_long = filled - message + left >= LONG;
        let most = if left > 0 && is_long { left.min(CHUNK) } else { CHUNK };
        if message == filled || buffer.len() - filled < most {
            buffer.copy_within(message..filled, 0);
            (unread, filled, message) = (unread - message, filled - message, 0);
            buffer.resize(buffer.len().max(filled + left.max(CHUNK)), 0);
        }
        let read = source.read(&mut buffer[filled..filled + most]).expect("it never fails");
        if read == 0 {
            return seen;
        }
        filled += read;
        loop {
            let step = session.receive(&mut buffer[unread..filled]).expect("all is in order");
            let Received::Data {
                buffer_type,
                payload,
                first,
                ..
            } = step.received
            else {
                unread += step.consumed;
                break;
            };
            if first {
                message = unread + payload.start;
            }
            let end = unread + payload.end;
            unread += step.consumed;
            if matches!(buffer_type, BufferType::Utf8Message | BufferType::BinaryMessage) {
                count(&mut seen, &buffer[message..end]);
                message = unread;
            }
        }
    }
}

fn connection(mut source: Replay<'_>, masked: bool) -> (usize, usize) {
    let mut connection = Connection::new(if masked { Role::Server } else { Role::Client }, Config::default());
    let mut seen = (0, 0);
    while connection
        .read_from(&mut source, Duration::ZERO)
        .expect("it never fails")
        > 0
    {
        while let Some(event) = connection.next_event() {
            match event {
                Event::Text(text) => count(&mut seen, text.as_bytes()),
                Event::Binary(bytes) => count(&mut seen, &bytes),
                event => panic!("{event:?}"),
            }
        }
    }
    seen
}

/// Messages of at least this many bytes count as long.
const LONG: usize = 16 * 1024;

fn tungstenite(source: Replay<'_>, masked: bool) -> (usize, usize) {
    use tungstenite::protocol::{Role, WebSocket};
    let role = if masked { Role::Server } else { Role::Client };
    let mut socket = WebSocket::from_raw_socket(source, role, None);
    let mut seen = (0, 0);
    while let Ok(message) = socket.read() {
        match message {
            tungstenite::Message::Text(text) => count(&mut seen, text.as_bytes()),
            message => count(&mut seen, &message.into_data()),
        }
    }
    seen
}

fn fastwebsockets(source: Replay<'_>, masked: bool) -> (usize, usize) {
    use fastwebsockets::{FragmentCollector, OpCode, Role, WebSocket};
    let role = if masked { Role::Server } else { Role::Client };
    let socket = WebSocket::after_handshake(source, role);
    let mut socket = FragmentCollector::new(socket);
    let mut seen = (0, 0);
    now(async {
        while let Ok(frame) = socket.read_frame().await {
            assert!(frame.opcode != OpCode::Text || frame.is_utf8());
            count(&mut seen, &frame.payload);
        }
    });
    seen
}

fn tokio_websockets(source: Replay<'_>, masked: bool) -> (usize, usize) {
    use tokio_websockets::{ClientBuilder, Config, Limits, ServerBuilder};
    let config = Config::default();
    let mut socket = if masked {
        ServerBuilder::new()
            .config(config)
            .limits(Limits::unlimited())
            .serve(source)
    } else {
        ClientBuilder::new()
            .config(config)
            .limits(Limits::unlimited())
            .take_over(source)
    };
    let mut seen = (0, 0);
    let mut context = Context::from_waker(Waker::noop());
    while let Poll::Ready(Some(Ok(message))) = Pin::new(&mut socket).poll_next(&mut context) {
        count(&mut seen, &message.into_payload());
    }
    seen
}

fn web_socket(source: Replay<'_>, masked: bool) -> (usize, usize) {
    use web_socket::{DataType, Event, MessageType, WebSocket};
    let socket = tokio::io::BufReader::with_capacity(64 * 1024, source);
    let mut socket = if masked {
        WebSocket::server(socket)
    } else {
        WebSocket::client(socket)
    };
    socket.max_payload_len = usize::MAX;
    let mut seen = (0, 0);
    now(async {
        while let Ok(Event::Data { ty, data }) = socket.recv().await {
            let is_text = matches!(ty, DataType::Complete(MessageType::Text));
            assert!(!is_text || simdutf8::basic::from_utf8(&data).is_ok());
            count(&mut seen, &data);
        }
    });
    seen
}

fn count(seen: &mut (usize, usize), message: &[u8]) {
    seen.0 += 1;
    seen.1 += black_box(message).len();
}

/// Runs what never waits, since its socket always has an answer.
pub fn now(future: impl Future<Output = ()>) {
    let done = pin!(future).poll(&mut Context::from_waker(Waker::noop()));
    assert!(done.is_ready());
}
