//! WebSocket over tokio: one task for a connection, whole messages in and out.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use websocket_component::deflate::DeflateOptions;
use websocket_component::handshake::supported_versions_header;
use websocket_component::http::{RequestHead, ResponseHead, write_request, write_response};
use websocket_component::{
    BufferType, CloseStatus, DeflateSettings, Error, ErrorCode, Handle, HttpHeader, Limits, Received, Session, State,
};

/// The most bytes of a message that is collected.
const MAX_MESSAGE: u64 = 16 << 20;

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Of text.
    Text(String),
    /// Of bytes.
    Binary(Vec<u8>),
}

/// A connection over any stream of tokio's.
pub struct Socket<S> {
    stream: S,
    session: Session,
    /// What was read and is not done with.
    input: Vec<u8>,
}

impl Socket<TcpStream> {
    /// Connects to `host:port` and asks for `target`.
    ///
    /// # Errors
    /// No connection, or a server that does not speak WebSocket.
    pub async fn connect(host: &str, target: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(host).await?;
        stream.set_nodelay(true)?;
        Self::client(stream, host, target).await
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    /// The client's handshake over a stream.
    ///
    /// # Errors
    /// Those of the stream, or a server that does not speak WebSocket.
    pub async fn client(mut stream: S, host: &str, target: &str) -> io::Result<Self> {
        let mut handle = with_deflate(Handle::create_client(&[]))?;
        let mut headers = vec![HttpHeader::new("Host", host)];
        headers.extend(handle.begin_client_handshake(&[], &[], &[]).map_err(io::Error::other)?);
        let request = write_request(target, &headers).map_err(io::Error::other)?;
        stream.write_all(&request).await?;
        let mut input = Vec::new();
        let length = loop {
            read_more(&mut stream, &mut input).await?;
            if let Some(response) = ResponseHead::parse(&input).map_err(io::Error::other)? {
                response.check().map_err(io::Error::other)?;
                handle
                    .end_client_handshake(&response.headers)
                    .map_err(io::Error::other)?;
                break response.length;
            }
        };
        input.drain(..length);
        Self::over(stream, handle, input)
    }

    /// The server's handshake over a stream; refuses what is no WebSocket request.
    ///
    /// # Errors
    /// Those of the stream, or a client that does not speak WebSocket.
    pub async fn server(mut stream: S) -> io::Result<Self> {
        let mut handle = with_deflate(Handle::create_server(&[]))?;
        let mut input = Vec::new();
        loop {
            read_more(&mut stream, &mut input).await?;
            match answer(&mut handle, &input) {
                Ok(None) => {}
                Ok(Some((response, length))) => {
                    stream.write_all(&response).await?;
                    input.drain(..length);
                    return Self::over(stream, handle, input);
                }
                Err(error) => {
                    stream.write_all(&refusal(&error)?).await?;
                    stream.shutdown().await?;
                    return Err(io::Error::other(error));
                }
            }
        }
    }

    fn over(stream: S, handle: Handle<()>, input: Vec<u8>) -> io::Result<Self> {
        let mut session = handle.into_session().map_err(io::Error::other)?;
        session.set_limits(Limits {
            max_message_size: MAX_MESSAGE,
            ..Limits::NONE
        });
        Ok(Self { stream, session, input })
    }

    /// Sends a message.
    ///
    /// # Errors
    /// Those of the stream; after a close.
    pub async fn send(&mut self, message: &Message) -> io::Result<()> {
        match message {
            Message::Text(text) => self.write(BufferType::Utf8Message, text.as_bytes()).await,
            Message::Binary(bytes) => self.write(BufferType::BinaryMessage, bytes).await,
        }
    }

    /// The next message, or `None` when the peer has closed. Pings and the close are answered here.
    ///
    /// # Errors
    /// Those of the stream; a peer that breaks the protocol, which is told so.
    pub async fn receive(&mut self) -> io::Result<Option<Message>> {
        let mut message = Vec::new();
        loop {
            let step = match self.session.receive(&mut self.input) {
                Ok(step) => step,
                Err(violation) => return self.fail(violation.into()).await,
            };
            let mut ended = None;
            match step.received {
                Received::NeedMore => {
                    self.input.drain(..step.consumed);
                    read_more(&mut self.stream, &mut self.input).await?;
                    continue;
                }
                Received::Data {
                    buffer_type, payload, ..
                } => {
                    message.extend_from_slice(&self.input[payload]);
                    ended = buffer_type.is_final().then_some(buffer_type);
                }
                Received::Inflated {
                    buffer_type, payload, ..
                } => {
                    message.extend_from_slice(&self.session.inflated()[payload]);
                    ended = buffer_type.is_final().then_some(buffer_type);
                }
                Received::Ping(payload) => {
                    let payload = self.input[payload].to_vec();
                    self.write(BufferType::UnsolicitedPong, &payload).await?;
                }
                Received::Pong(_) => {}
                Received::Close { status, .. } => {
                    if self.session.state() == State::CloseReceived {
                        self.write_close(status).await?;
                    }
                    self.stream.shutdown().await?;
                    return Ok(None);
                }
            }
            self.input.drain(..step.consumed);
            if let Some(buffer_type) = ended {
                return whole(buffer_type, message).map(Some);
            }
        }
    }

    /// Closes, and waits for the peer's close; messages that still come are dropped.
    ///
    /// # Errors
    /// As [`receive`](Self::receive).
    pub async fn close(&mut self, status: CloseStatus) -> io::Result<()> {
        self.write_close(status).await?;
        while self.receive().await?.is_some() {}
        Ok(())
    }

    /// RFC 6455 §7.1.7: says why in a close frame, and closes.
    async fn fail(&mut self, error: Error) -> io::Result<Option<Message>> {
        self.write_close(error.close_status().unwrap_or(CloseStatus::PROTOCOL_ERROR))
            .await?;
        self.stream.shutdown().await?;
        Err(io::Error::other(error))
    }

    async fn write(&mut self, buffer_type: BufferType, payload: &[u8]) -> io::Result<()> {
        let mut frame = Vec::new();
        self.session
            .write(buffer_type, payload, &mut frame)
            .map_err(io::Error::other)?;
        self.stream.write_all(&frame).await
    }

    async fn write_close(&mut self, status: CloseStatus) -> io::Result<()> {
        let mut frame = Vec::new();
        self.session
            .write_close(status, "", &mut frame)
            .map_err(io::Error::other)?;
        self.stream.write_all(&frame).await
    }
}

/// Sends back every message until the peer closes.
///
/// # Errors
/// As [`Socket::server`] and [`Socket::receive`].
pub async fn echo(stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut socket = Socket::server(stream).await?;
    while let Some(message) = socket.receive().await? {
        socket.send(&message).await?;
    }
    Ok(())
}

fn with_deflate(handle: Result<Handle<()>, Error>) -> io::Result<Handle<()>> {
    let mut handle = handle.map_err(io::Error::other)?;
    handle
        .set_deflate(DeflateOptions::default(), DeflateSettings::default())
        .map_err(io::Error::other)?;
    Ok(handle)
}

/// The response to a request that is all there, and the request's length.
fn answer(handle: &mut Handle<()>, input: &[u8]) -> Result<Option<(Vec<u8>, usize)>, Error> {
    let Some(request) = RequestHead::parse(input)? else {
        return Ok(None);
    };
    request.check()?;
    let headers = handle.begin_server_handshake(None, &[], &request.headers)?;
    let response = write_response(101, "Switching Protocols", &headers)?;
    handle.end_server_handshake()?;
    Ok(Some((response, request.length)))
}

fn refusal(error: &Error) -> io::Result<Vec<u8>> {
    let response = match error.code() {
        ErrorCode::VersionNotSupported => write_response(426, "Upgrade Required", &[supported_versions_header()]),
        _ => write_response(400, "Bad Request", &[]),
    };
    response.map_err(io::Error::other)
}

/// A message as the peer meant it; the engine has checked the text.
fn whole(buffer_type: BufferType, bytes: Vec<u8>) -> io::Result<Message> {
    if buffer_type == BufferType::Utf8Message {
        String::from_utf8(bytes).map(Message::Text).map_err(io::Error::other)
    } else {
        Ok(Message::Binary(bytes))
    }
}

async fn read_more(stream: &mut (impl AsyncRead + Unpin), input: &mut Vec<u8>) -> io::Result<()> {
    let mut chunk = [0; 16 * 1024];
    let read = stream.read(&mut chunk).await?;
    if read == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    input.extend_from_slice(&chunk[..read]);
    Ok(())
}
