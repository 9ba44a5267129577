//! Bytes of the network to whole messages: ours against other crates, all by one stream that gives 64 KiB at a time.
//!
//! Each contender gets the bytes by reading them, which copies them, as it would from a socket. Ours hands
//! messages out where they stand, which works as each is one frame. `fastwebsockets` and `web-socket` leave it to
//! their callers to check text, who do it here.

use std::hint::black_box;
use std::io::Read;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use futures_util::Stream;
use websocket_component::{BufferType, Received, Role, Session, SessionOptions};
use websocket_component_benches::turns::{Contender, Pace, compare, print, print_head};
use websocket_component_benches::{CHUNK, Kind, REPEATS, Replay, SIZES, stream};

fn main() {
    let pace = Pace::from_arguments();
    let names = [
        "ours",
        "tungstenite",
        "fastwebsockets",
        "tokio-websockets",
        "web-socket",
    ];
    print_head(&["role", "kind", "bytes"], &names);
    for masked in [true, false] {
        for kind in Kind::ALL {
            for size in SIZES {
                let count = (512 * 1024 / size).max(1);
                let bytes = stream(kind, size, masked, count);
                let run = |decode: Decode| -> Box<dyn FnMut() -> usize + '_> {
                    let bytes = &bytes;
                    Box::new(move || {
                        let messages = decode(bytes, masked);
                        let expected = count * REPEATS;
                        assert_eq!(messages, (expected, expected * size), "messages, and bytes in them");
                        bytes.len() * REPEATS
                    })
                };
                let decoders: [Decode; 5] = [ours, tungstenite, fastwebsockets, tokio_websockets, web_socket];
                let mut contenders: Vec<Contender<'_>> = names.into_iter().zip(decoders.map(run)).collect();
                let (throughput, ratios) = compare(pace, &mut contenders);
                let role = if masked { "server" } else { "client" };
                print(&[role, kind.name(), &size.to_string()], throughput, &ratios);
            }
        }
    }
}

/// Reads all of the bytes, masked or not, and gives how many messages there were, and how many bytes in them.
type Decode = fn(&[u8], bool) -> (usize, usize);

fn ours(bytes: &[u8], masked: bool) -> (usize, usize) {
    let role = if masked { Role::Server } else { Role::Client };
    let mut session = Session::new(role, SessionOptions::default());
    let mut socket = Replay::new(bytes);
    // a message stays where it was read, and what is read next goes behind it
    let mut buffer = vec![0; 256 * 1024];
    let (mut message, mut unread, mut filled) = (0, 0, 0);
    let mut seen = (0, 0);
    loop {
        if buffer.len() - filled < CHUNK {
            buffer.copy_within(message..filled, 0);
            (unread, filled, message) = (unread - message, filled - message, 0);
            if buffer.len() - filled < CHUNK {
                buffer.resize(buffer.len() * 2, 0);
            }
        }
        let read = socket.read(&mut buffer[filled..]).expect("it never fails");
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

fn tungstenite(bytes: &[u8], masked: bool) -> (usize, usize) {
    use tungstenite::protocol::{Role, WebSocket, WebSocketConfig};
    let role = if masked { Role::Server } else { Role::Client };
    let config = WebSocketConfig::default().read_buffer_size(64 * 1024);
    let mut socket = WebSocket::from_raw_socket(Replay::new(bytes), role, Some(config));
    let mut seen = (0, 0);
    while let Ok(message) = socket.read() {
        match message {
            tungstenite::Message::Text(text) => count(&mut seen, text.as_bytes()),
            message => count(&mut seen, &message.into_data()),
        }
    }
    seen
}

fn fastwebsockets(bytes: &[u8], masked: bool) -> (usize, usize) {
    use fastwebsockets::{FragmentCollector, OpCode, Role, WebSocket};
    let role = if masked { Role::Server } else { Role::Client };
    let socket = WebSocket::after_handshake(Replay::new(bytes), role);
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

fn tokio_websockets(bytes: &[u8], masked: bool) -> (usize, usize) {
    use tokio_websockets::{ClientBuilder, Config, Limits, ServerBuilder};
    let config = Config::default();
    let mut socket = if masked {
        ServerBuilder::new()
            .config(config)
            .limits(Limits::unlimited())
            .serve(Replay::new(bytes))
    } else {
        ClientBuilder::new()
            .config(config)
            .limits(Limits::unlimited())
            .take_over(Replay::new(bytes))
    };
    let mut seen = (0, 0);
    let mut context = Context::from_waker(Waker::noop());
    while let Poll::Ready(Some(Ok(message))) = Pin::new(&mut socket).poll_next(&mut context) {
        count(&mut seen, &message.into_payload());
    }
    seen
}

fn web_socket(bytes: &[u8], masked: bool) -> (usize, usize) {
    use web_socket::{DataType, Event, MessageType, WebSocket};
    let socket = tokio::io::BufReader::with_capacity(64 * 1024, Replay::new(bytes));
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
fn now(future: impl Future<Output = ()>) {
    let done = pin!(future).poll(&mut Context::from_waker(Waker::noop()));
    assert!(done.is_ready());
}
