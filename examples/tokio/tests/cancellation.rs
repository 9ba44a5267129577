//! Futures that are dropped at random points lose nothing and send nothing twice.

use std::io;
use std::pin::pin;
use std::task::Poll;

use tokio::io::DuplexStream;
use tokio::task::yield_now;
use websocket_component::{CloseStatus, Config, Connection, Role};
use websocket_component_tokio::{Message, Socket};

/// The least number of sends, and of receives, that are cancelled at each end.
const CANCELLED: usize = 1000;

#[tokio::test]
async fn a_thousand_cancelled_sends_and_receives_at_each_end_leave_both_directions_exact() -> io::Result<()> {
    for seed in 1..=3 {
        let (client, server) = tokio::io::duplex(1021);
        let end = |stream, role, seed| End::new(stream, role, seed);
        let client = tokio::spawn(end(client, Role::Client, seed).run(seed + 100));
        let server = tokio::spawn(end(server, Role::Server, seed + 100).run(seed));
        client.await??;
        server.await??;
    }
    Ok(())
}

/// One end of the connection, which sends the messages of its seed.
struct End {
    socket: Socket<DuplexStream>,
    role: Role,
    messages: Random,
    dice: Random,
}

impl End {
    fn new(stream: DuplexStream, role: Role, seed: u64) -> Self {
        Self {
            socket: Socket::new(stream, Connection::new(role, Config::default())),
            role,
            messages: Random(seed),
            dice: Random(seed + 1000),
        }
    }

    /// Sends and receives by futures that are mostly dropped, until enough of them were; `peer` is the other end's
    /// seed.
    async fn run(mut self, peer: u64) -> io::Result<()> {
        let mut expected = Random(peer);
        let (mut sends, mut receives) = (0, 0);
        let (mut is_ended, mut peer_is_ended) = (false, false);
        while !(is_ended && peer_is_ended) {
            let polls = 1 + self.dice.below(3);
            // what is queued is bounded by the test: a send that is cancelled does not wait
            if !is_ended && self.socket.buffered() < 500_000 && self.dice.below(2) == 0 {
                is_ended = sends >= CANCELLED && receives >= CANCELLED;
                let message = if is_ended { end() } else { self.messages.message() };
                match attempt(self.socket.send(message), polls).await {
                    Some(sent) => sent?,
                    None => sends += 1,
                }
            } else {
                match attempt(self.socket.receive(), polls).await {
                    Some(received) => match received? {
                        Some(message) if message == end() => peer_is_ended = true,
                        message => assert!(message == Some(expected.message()), "{:?}", self.role),
                    },
                    None => receives += 1,
                }
            }
            yield_now().await;
        }
        self.socket.flush().await?;
        if self.role == Role::Client {
            return self.socket.close(CloseStatus::NORMAL).await;
        }
        assert_eq!(self.socket.receive().await?, None);
        Ok(())
    }
}

fn end() -> Message {
    Message::Text("end".to_owned())
}

/// Polls a future at most `polls` times, then drops it.
async fn attempt<T>(future: impl Future<Output = T>, mut polls: usize) -> Option<T> {
    let mut future = pin!(future);
    std::future::poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if polls == 1 => Poll::Ready(None),
        Poll::Pending => {
            polls -= 1;
            context.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await
}

/// Numbers that look random: xorshift64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % bound
    }

    fn message(&mut self) -> Message {
        let most = if self.below(10) == 0 { 50_000 } else { 300 };
        let (length, first) = (self.below(most), self.below(256));
        if self.below(2) == 0 {
            return Message::Text("ä€😀x".chars().cycle().skip(first).take(length / 2).collect());
        }
        Message::Binary((0..length).map(|at| (first + at * 7) as u8).collect())
    }
}
