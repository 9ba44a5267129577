//! WebSocket over tokio. All that the protocol asks for is in [`Connection`]; what is left is to move its bytes.
//!
//! - [`Socket`] is a connection over any stream. Its futures may be dropped at any point, as by `tokio::select!`: what
//!   was read, queued or half written is in the `Connection`, and the next call goes on.
//! - [`Socket::split`] makes a [`Receiver`] and a [`Sender`] of it, which can be cloned, and a task that drives them.
//! - [`connect_tls`] is a client over TLS by rustls.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;
use websocket_component::{
    ClientHandshake, ClientOptions, CloseStatus, Connection, Event, ServerHandshake, ServerOptions,
};

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Of text.
    Text(String),
    /// Of bytes.
    Binary(Vec<u8>),
}

/// A sender waits while more than this many bytes wait to be written.
const HIGH_WATER: usize = 64 * 1024;
/// How many messages a [`Receiver`] may leave waiting before the peer has to, and how many a [`Sender`] may queue.
const QUEUED: usize = 16;
/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(30);

/// A connection over a stream.
pub struct Socket<S> {
    reader: ReadHalf<S>,
    writer: WriteHalf<S>,
    connection: Connection,
    /// When the connection's clock was 0.
    epoch: Instant,
    chunk: Box<[u8]>,
}

impl<S: AsyncRead + AsyncWrite> Socket<S> {
    /// A connection whose handshake is done, over its stream.
    pub fn new(stream: S, connection: Connection) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        Self {
            reader,
            writer,
            connection,
            epoch: Instant::now(),
            chunk: vec![0; 16 * 1024].into(),
        }
    }

    /// The client's handshake over a stream.
    ///
    /// # Errors
    /// Those of the stream, or a server that does not speak WebSocket.
    pub async fn client(mut stream: S, host: &str, target: &str, options: ClientOptions) -> io::Result<Self>
    where
        S: Unpin,
    {
        let mut handshake = ClientHandshake::with_options(host, target, options)?;
        let work = async {
            stream.write_all(handshake.transmit()).await?;
            stream.flush().await?;
            let mut chunk = [0; 4096];
            loop {
                let count = read(&mut stream, &mut chunk).await?;
                if handshake.receive(&chunk[..count], Duration::ZERO)? {
                    return io::Result::Ok(());
                }
            }
        };
        tokio::time::timeout(HANDSHAKE, work).await??;
        Ok(Self::new(stream, handshake.into_connection()?))
    }

    /// The server's handshake over a stream; refuses what is not a WebSocket request.
    ///
    /// # Errors
    /// Those of the stream, or a client that does not speak WebSocket.
    pub async fn server(mut stream: S, options: ServerOptions) -> io::Result<Self>
    where
        S: Unpin,
    {
        let mut handshake = ServerHandshake::with_options(options);
        let work = async {
            let mut chunk = [0; 4096];
            let asked = loop {
                let count = read(&mut stream, &mut chunk).await?;
                match handshake.receive(&chunk[..count], Duration::ZERO) {
                    Ok(false) => {}
                    Ok(true) => break handshake.accept(None, &[]),
                    Err(error) => break Err(error),
                }
            };
            stream.write_all(handshake.transmit()).await?;
            stream.flush().await?;
            handshake.consumed(handshake.transmit().len());
            if asked.is_err() {
                stream.shutdown().await?;
            }
            io::Result::Ok(asked?)
        };
        tokio::time::timeout(HANDSHAKE, work).await??;
        Ok(Self::new(stream, handshake.into_connection()?))
    }

    /// The next message; `None` once the peer has closed. What the connection owes the peer is written meanwhile.
    ///
    /// # Errors
    /// Those of the stream; a connection that failed.
    pub async fn receive(&mut self) -> io::Result<Option<Message>> {
        loop {
            match self.turn(true).await? {
                Some(Event::Text(text)) => return Ok(Some(Message::Text(text.into_owned()))),
                Some(Event::Binary(bytes)) => return Ok(Some(Message::Binary(bytes.into_owned()))),
                Some(Event::Failed(failure)) => {
                    self.finish().await?;
                    return Err(failure.into());
                }
                Some(Event::Closed { .. }) => {
                    self.finish().await?;
                    return Ok(None);
                }
                None if self.connection.is_finished() => return Ok(None),
                _ => {}
            }
        }
    }

    /// Sends a message: queues it at once, when the future is first polled, and then waits until little is left to
    /// write. It does not read meanwhile; where both sides send much without reading, [`split`](Self::split) the
    /// socket.
    ///
    /// # Errors
    /// Those of the stream; after a close.
    pub async fn send(&mut self, message: Message) -> io::Result<()> {
        self.queue(message)?;
        while self.connection.buffered() > HIGH_WATER {
            self.turn(false).await?;
        }
        Ok(())
    }

    /// How many bytes wait to be written.
    pub const fn buffered(&self) -> usize {
        self.connection.buffered()
    }

    /// Writes all that waits.
    ///
    /// # Errors
    /// Those of the stream.
    pub async fn flush(&mut self) -> io::Result<()> {
        while self.connection.wants_write() {
            self.turn(false).await?;
        }
        self.writer.flush().await
    }

    /// Closes, and waits for the peer's close; messages that still come are dropped.
    ///
    /// # Errors
    /// As [`receive`](Self::receive).
    pub async fn close(&mut self, status: CloseStatus) -> io::Result<()> {
        self.connection.close(status, "")?;
        while self.receive().await?.is_some() {}
        Ok(())
    }

    fn queue(&mut self, message: Message) -> io::Result<()> {
        match message {
            Message::Text(text) => self.connection.send_text(text)?,
            Message::Binary(bytes) => self.connection.send_binary(bytes)?,
        }
        Ok(())
    }

    /// Gives the next event, or else does one thing of those that can be done: reads, writes, or keeps time. `reads` is
    /// whether to read, which makes events.
    async fn turn(&mut self, reads: bool) -> io::Result<Option<Event<'static>>> {
        if reads && let Some(event) = self.connection.next_owned_event() {
            return Ok(Some(event));
        }
        let due = self.connection.poll_timeout().map(|time| self.epoch + time);
        let reads = reads && self.connection.wants_read();
        tokio::select! {
            count = self.writer.write(self.connection.transmit()), if self.connection.wants_write() => {
                self.connection.consumed(count?);
                if !self.connection.wants_write() {
                    self.writer.flush().await?;
                }
            }
            count = self.reader.read(&mut self.chunk), if reads => match count? {
                0 => self.connection.eof(),
                count => self.connection.receive(&self.chunk[..count], self.epoch.elapsed()),
            },
            () = sleep_until(due.unwrap_or(self.epoch)), if due.is_some() => {
                self.connection.handle_timeout(self.epoch.elapsed());
            }
            else => {}
        }
        Ok(None)
    }

    /// Writes what is left, and ends the stream when the protocol says so.
    async fn finish(&mut self) -> io::Result<()> {
        self.flush().await?;
        if self.connection.wants_shutdown() {
            self.writer.shutdown().await?;
        }
        while !self.connection.is_finished() {
            // all is said: how the stream ends does not matter any more
            if self.turn(true).await.is_err() {
                self.connection.eof();
            }
        }
        Ok(())
    }
}

/// Sends messages; every clone sends over the same connection. Once all are dropped, the connection closes.
#[derive(Clone)]
pub struct Sender(mpsc::Sender<Message>);

impl Sender {
    /// Queues a message, and waits for room to do so. Dropped before it is done, nothing is sent.
    ///
    /// # Errors
    /// The connection has ended.
    pub async fn send(&self, message: Message) -> io::Result<()> {
        let sent = self.0.send(message).await;
        sent.map_err(|_| io::ErrorKind::NotConnected.into())
    }
}

/// Receives messages.
pub struct Receiver(mpsc::Receiver<io::Result<Message>>);

impl Receiver {
    /// The next message; `None` once the connection has ended. Dropped before it is done, nothing is lost.
    ///
    /// # Errors
    /// Those of the stream; a connection that failed.
    pub async fn receive(&mut self) -> io::Result<Option<Message>> {
        self.0.recv().await.transpose()
    }
}

impl<S: AsyncRead + AsyncWrite + Send + 'static> Socket<S> {
    /// Both halves, driven by a task.
    #[must_use]
    pub fn split(self) -> (Sender, Receiver) {
        let (sender, messages) = mpsc::channel(QUEUED);
        let (events, receiver) = mpsc::channel(QUEUED);
        tokio::spawn(async move {
            if let Err(error) = self.drive(messages, &events).await {
                // the receiver may be gone already
                let _ = events.send(Err(error)).await;
            }
        });
        (Sender(sender), Receiver(receiver))
    }

    async fn drive(
        mut self,
        mut messages: mpsc::Receiver<Message>,
        events: &mpsc::Sender<io::Result<Message>>,
    ) -> io::Result<()> {
        let mut received = None;
        loop {
            tokio::select! {
                // the messages that a receiver leaves waiting do not stop what is to be written
                event = self.turn(received.is_none()), if received.is_none() || self.connection.wants_write() => {
                    match event? {
                        Some(Event::Text(text)) => received = Some(Message::Text(text.into_owned())),
                        Some(Event::Binary(bytes)) => received = Some(Message::Binary(bytes.into_owned())),
                        Some(Event::Failed(failure)) => {
                            self.finish().await?;
                            return Err(failure.into());
                        }
                        Some(Event::Closed { .. }) => return self.finish().await,
                        _ => {}
                    }
                }
                permit = events.reserve(), if received.is_some() => {
                    // where the receiver is gone, messages are dropped
                    if let (Ok(permit), Some(message)) = (permit, received.take()) {
                        permit.send(Ok(message));
                    }
                }
                message = messages.recv(), if self.connection.is_open() && self.connection.buffered() <= HIGH_WATER => {
                    match message {
                        Some(message) => self.queue(message)?,
                        None => self.connection.close(CloseStatus::NORMAL, "")?,
                    }
                }
            }
        }
    }
}

/// Connects to `address` and asks for `target`.
///
/// # Errors
/// As [`Socket::client`], and no connection.
pub async fn connect(address: &str, target: &str) -> io::Result<Socket<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Socket::client(stream, address, target, ClientOptions::default()).await
}

/// The same over TLS: `host` is the name that the server's certificate must have.
///
/// # Errors
/// As [`connect`], and those of TLS.
pub async fn connect_tls(
    address: &str,
    host: &str,
    target: &str,
    config: Arc<ClientConfig>,
) -> io::Result<Socket<TlsStream<TcpStream>>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let stream = TlsConnector::from(config).connect(name, stream).await?;
    Socket::client(stream, host, target, ClientOptions::default()).await
}

/// Sends back every message until the peer closes.
///
/// # Errors
/// As [`Socket::receive`].
pub async fn echo<S: AsyncRead + AsyncWrite>(mut socket: Socket<S>) -> io::Result<()> {
    while let Some(message) = socket.receive().await? {
        socket.send(message).await?;
    }
    Ok(())
}

/// Reads at least one byte.
async fn read(stream: &mut (impl AsyncRead + Unpin), chunk: &mut [u8]) -> io::Result<usize> {
    match stream.read(chunk).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        count => Ok(count),
    }
}
