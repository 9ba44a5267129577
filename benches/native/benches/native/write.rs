//! Messages to bytes of the network: ours against other crates, each message written and flushed to a socket that takes
//! everything. The application keeps its message: what a crate must own it gets as it is cheapest, `Bytes` where it
//! takes them.

use std::pin::Pin;
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
            let message = payload(Kind::Binary, size);
            let count = TOTAL / size.max(128);
            let run = |write: Write| -> Box<dyn FnMut() -> usize + '_> {
                let message = &message;
                Box::new(move || {
                    write(message, masked, count);
                    message.len() * count
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
type Write = fn(&[u8], bool, usize);

fn ours(message: &[u8], masked: bool, count: usize) {
    let mut socket = Replay::new(&[], 0);
    let mut connection = Connection::new(if masked { Role::Client } else { Role::Server }, Config::default());
    for _ in 0..count {
        connection.send_binary(message).expect("it is open");
        connection.write_to(&mut socket).expect("it takes everything");
    }
}

fn tungstenite(message: &[u8], masked: bool, count: usize) {
    use tungstenite::protocol::{Role, WebSocket};
    let role = if masked { Role::Client } else { Role::Server };
    let mut socket = WebSocket::from_raw_socket(Replay::new(&[], 0), role, None);
    let message = tungstenite::Message::binary(message.to_vec());
    for _ in 0..count {
        socket.send(message.clone()).expect("it is open");
    }
}

fn fastwebsockets(message: &[u8], masked: bool, count: usize) {
    use fastwebsockets::{Frame, Payload, Role, WebSocket};
    let role = if masked { Role::Client } else { Role::Server };
    let mut socket = WebSocket::after_handshake(Replay::new(&[], 0), role);
    now(async {
        for _ in 0..count {
            let frame = Frame::binary(Payload::Borrowed(message));
            socket.write_frame(frame).await.expect("it is open");
        }
    });
}

fn tokio_websockets(message: &[u8], masked: bool, count: usize) {
    use tokio_websockets::{ClientBuilder, Message, ServerBuilder};
    let replay = Replay::new(&[], 0);
    let mut socket = if masked {
        ClientBuilder::new().take_over(replay)
    } else {
        ServerBuilder::new().serve(replay)
    };
    let message = Message::binary(message.to_vec());
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..count {
        assert!(matches!(
            Pin::new(&mut socket).poll_ready(&mut context),
            Poll::Ready(Ok(()))
        ));
        Pin::new(&mut socket).start_send(message.clone()).expect("it is open");
        assert!(matches!(
            Pin::new(&mut socket).poll_flush(&mut context),
            Poll::Ready(Ok(()))
        ));
    }
}
