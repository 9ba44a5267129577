//! Messages to bytes of the network: ours against other crates, each message written and flushed to a socket that takes
//! everything. The application keeps its message, and has it as each crate takes it best: ours shares an `Arc` where
//! that saves a copy, which is in a server and from 4 KiB on; `fastwebsockets` borrows; the others share `Bytes`.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures_util::Sink;
use websocket_component::{Config, Connection, Role};
use websocket_component_benches::report::Report;
use websocket_component_benches::turns::Contender;
use websocket_component_benches::{Kind, Replay, SIZES, payload};

use crate::decode::now;

/// Total bytes of messages through one connection: enough that its setup does not count.
const TOTAL: usize = 4 * 1024 * 1024;

pub fn run(report: &mut Report) {
    let names = ["ours", "tungstenite", "fastwebsockets", "tokio-websockets"];
    report.suite("write", &["role", "bytes"], &names);
    for masked in [true, false] {
        for size in SIZES {
            let count = TOTAL / size.max(128);
            let message = Prepared::new(payload(Kind::Binary, size));
            let run = |write: Write| -> Box<dyn FnMut() -> usize + '_> {
                let message = &message;
                Box::new(move || {
                    write(message, masked, count);
                    size * count
                })
            };
            let writers: [Write; 4] = [ours, tungstenite, fastwebsockets, tokio_websockets];
            let mut contenders: Vec<Contender<'_>> = names.into_iter().zip(writers.map(run)).collect();
            let role = if masked { "client" } else { "server" };
            report.compare(&[role, &size.to_string()], &mut contenders);
        }
    }
}

/// Writes a message the given number of times, masked or not.
type Write = fn(&Prepared, bool, usize);

/// A message in the application's hands.
struct Prepared {
    bytes: Vec<u8>,
    shared: Arc<[u8]>,
    tungstenite: tungstenite::Message,
    tokio_websockets: tokio_websockets::Message,
}

impl Prepared {
    fn new(bytes: Vec<u8>) -> Self {
        Self {
            shared: bytes[..].into(),
            tungstenite: tungstenite::Message::binary(bytes.clone()),
            tokio_websockets: tokio_websockets::Message::binary(bytes.clone()),
            bytes,
        }
    }
}

fn ours(message: &Prepared, masked: bool, count: usize) {
    let mut socket = Replay::new(&[], 0);
    let mut connection = Connection::new(if masked { Role::Client } else { Role::Server }, Config::default());
    for _ in 0..count {
        if masked || message.bytes.len() < 4096 {
            connection.send_binary(&message.bytes).expect("it is open");
        } else {
            connection
                .send_shared_binary(Arc::clone(&message.shared))
                .expect("it is open");
        }
        connection.write_to(&mut socket).expect("it takes everything");
    }
}

fn tungstenite(message: &Prepared, masked: bool, count: usize) {
    use tungstenite::protocol::{Role, WebSocket};
    let role = if masked { Role::Client } else { Role::Server };
    let mut socket = WebSocket::from_raw_socket(Replay::new(&[], 0), role, None);
    for _ in 0..count {
        socket.send(message.tungstenite.clone()).expect("it is open");
    }
}

fn fastwebsockets(message: &Prepared, masked: bool, count: usize) {
    use fastwebsockets::{Frame, Payload, Role, WebSocket};
    let role = if masked { Role::Client } else { Role::Server };
    let mut socket = WebSocket::after_handshake(Replay::new(&[], 0), role);
    now(async {
        for _ in 0..count {
            let frame = Frame::binary(Payload::Borrowed(&message.bytes));
            socket.write_frame(frame).await.expect("it is open");
        }
    });
}

fn tokio_websockets(message: &Prepared, masked: bool, count: usize) {
    use tokio_websockets::{ClientBuilder, ServerBuilder};
    let replay = Replay::new(&[], 0);
    let mut socket = if masked {
        ClientBuilder::new().take_over(replay)
    } else {
        ServerBuilder::new().serve(replay)
    };
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..count {
        assert!(matches!(
            Pin::new(&mut socket).poll_ready(&mut context),
            Poll::Ready(Ok(()))
        ));
        Pin::new(&mut socket)
            .start_send(message.tokio_websockets.clone())
            .expect("it is open");
        assert!(matches!(
            Pin::new(&mut socket).poll_flush(&mut context),
            Poll::Ready(Ok(()))
        ));
    }
}
