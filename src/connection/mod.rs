//! A whole connection without I/O: bytes in, events out, bytes to transmit.

mod client;
mod config;
mod endpoint;
mod established;
mod event;
#[cfg(feature = "http")]
mod http;
mod input;
mod output;
mod server;
mod timers;

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::vec::Vec;

pub use client::{ClientHandshake, ClientOptions};
pub use config::{Config, KeepAlive};
pub use event::{Delivery, Event, Failure, MessageKind, Piece};
pub use server::{Answer, ServerHandshake, ServerOptions};

use core::fmt;
use core::ops::Range;
use core::time::Duration;

use crate::error::{Error, Violation};
use crate::random::RandomSource;
use crate::session::{Received, Role, Session, SessionOptions, State};
use crate::wire::{BufferType, CloseStatus, Utf8Validator};
use endpoint::Endpoint;
use input::{Input, KEPT};
use timers::Due;

/// One WebSocket connection after its handshake, complete but for the I/O: bytes in, events out, bytes to transmit.
///
/// It collects messages, answers pings and closes, fails the connection with the right status, enforces limits and
/// deadlines, and queues everything that it owes the peer. The caller only moves bytes, in any number and at any time:
///
/// | Kind | Methods |
/// | --- | --- |
/// | Bytes that came | [`receive`](Self::receive), or [`read_buffer`](Self::read_buffer) and
/// [`received`](Self::received); [`eof`](Self::eof) |
/// | What they mean | [`next_event`](Self::next_event), until it is `None` |
/// | What to send | [`send_text`](Self::send_text), [`send_binary`](Self::send_binary),
/// [`send_shared_text`](Self::send_shared_text), [`send_shared_binary`](Self::send_shared_binary),
/// [`send_text_part`](Self::send_text_part), [`send_binary_part`](Self::send_binary_part), [`ping`](Self::ping),
/// [`close`](Self::close) |
/// | Bytes to transmit | [`transmit`](Self::transmit), then [`consumed`](Self::consumed) with how many were written |
/// | Time | [`poll_timeout`](Self::poll_timeout), [`handle_timeout`](Self::handle_timeout) |
/// | What is left to do | [`wants_read`](Self::wants_read), [`wants_write`](Self::wants_write),
/// [`wants_shutdown`](Self::wants_shutdown), [`is_finished`](Self::is_finished) |
///
/// No call blocks, and none loses anything: if the caller drops a future, the connection continues where it was. Every
/// call that takes bytes, sends, or passes the time may queue bytes to transmit.
///
/// The caller provides the clock: a [`Duration`] since a moment that it chose, the same for all calls. To go without
/// deadlines, always pass [`Duration::ZERO`].
///
/// ```
/// use core::time::Duration;
/// use websocket_component::{CloseStatus, Config, Connection, Event, Role};
///
/// let mut client = Connection::new(Role::Client, Config::default());
/// let mut server = Connection::new(Role::Server, Config::default());
///
/// client.send_text("Hello")?;
/// server.receive(client.transmit(), Duration::ZERO);
/// client.consumed(client.transmit().len());
/// assert_eq!(server.next_event(), Some(Event::Text("Hello".into())));
/// assert_eq!(server.next_event(), None);
///
/// server.close(CloseStatus::NORMAL, "bye")?;
/// client.receive(server.transmit(), Duration::ZERO);
/// server.consumed(server.transmit().len());
/// let Some(Event::Closed { status: CloseStatus::NORMAL, reason }) = client.next_event() else { panic!() };
/// assert_eq!(reason, "bye");
///
/// server.receive(client.transmit(), Duration::ZERO); // the client's answer
/// assert!(matches!(server.next_event(), Some(Event::Closed { .. })));
/// assert!(server.is_finished());
/// # Ok::<(), websocket_component::Error>(())
/// ```
pub struct Connection {
    endpoint: Endpoint,
    input: Input,
    /// The decompressed part of a compressed message.
    inflated: Vec<u8>,
    /// Checks a text that comes in pieces.
    utf8: Utf8Validator,
    /// How the next messages are reported, and how the current one is.
    delivery: (Delivery, Delivery),
    read_size: usize,
    message_timeout: Option<Duration>,
    subprotocol: Option<Box<str>>,
}

impl Connection {
    /// A connection after a handshake made elsewhere, without extensions. [`ClientHandshake`] and [`ServerHandshake`]
    /// return the connection of their own.
    #[must_use]
    pub fn new(role: Role, config: Config) -> Self {
        Self::over(Session::new(role, options_of(&config)), config)
    }

    /// The same, with a random source for tests.
    #[must_use]
    pub fn with_random(role: Role, config: Config, random: Box<dyn RandomSource>) -> Self {
        Self::over(Session::with_random(role, options_of(&config), random), config)
    }

    fn over(session: Session, config: Config) -> Self {
        Self {
            endpoint: Endpoint::new(session, &config),
            input: Input::default(),
            inflated: Vec::new(),
            utf8: Utf8Validator::default(),
            delivery: (config.delivery, config.delivery),
            read_size: config.read_size.max(1),
            message_timeout: config.message_timeout,
            subprotocol: None,
        }
    }

    /// The side of the connection.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.endpoint.session.role()
    }

    /// The subprotocol on which both sides agreed in the handshake.
    #[must_use]
    pub fn subprotocol(&self) -> Option<&str> {
        self.subprotocol.as_deref()
    }

    /// How many bytes wait to be transmitted. A caller that may send faster than the peer reads checks this, and waits.
    #[must_use]
    pub const fn buffered(&self) -> usize {
        self.endpoint.output.len()
    }

    /// Why the connection failed, once it has.
    #[must_use]
    pub const fn failure(&self) -> Option<Failure> {
        self.endpoint.failure
    }

    /// Whether messages can be sent: neither side has closed, and the connection has not failed.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self.endpoint.session.state(), State::Open) && !self.endpoint.has_failed()
    }

    /// Whether the caller should go on reading: bytes that matter may come, or the transport has still to end.
    #[must_use]
    pub fn wants_read(&self) -> bool {
        self.endpoint.wants_read()
    }

    /// Whether there are bytes to transmit.
    #[must_use]
    pub const fn wants_write(&self) -> bool {
        self.buffered() > 0
    }

    /// Whether everything was transmitted, for good: the caller may end the writing side of the transport.
    #[must_use]
    pub fn wants_shutdown(&self) -> bool {
        let is_closed = self.endpoint.session.state() == State::Closed;
        !self.wants_write() && (is_closed || self.endpoint.has_failed())
    }

    /// Whether nothing is left to read or to write: the transport can be dropped.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        !self.wants_read() && !self.wants_write()
    }

    /// Takes bytes that came from the transport at `now`. A `Vec` is taken over without a copy if possible.
    ///
    /// It takes all of them, so drain the events before reading more: that bounds the memory.
    pub fn receive<'a>(&mut self, bytes: impl Into<Cow<'a, [u8]>>, now: Duration) {
        let bytes = bytes.into();
        self.endpoint.hear(bytes.len(), now);
        if self.endpoint.takes_input() {
            match bytes {
                Cow::Borrowed(bytes) => self.input.push(bytes),
                Cow::Owned(bytes) => self.input.push_owned(bytes),
            }
        }
    }

    /// A buffer of at least one byte to read into, which saves a copy. Read, then call [`received`](Self::received).
    pub fn read_buffer(&mut self) -> &mut [u8] {
        if self.endpoint.is_over || self.endpoint.failure.is_some() {
            self.input.clear();
        }
        self.input.room(self.endpoint.session.announced(), self.read_size)
    }

    /// Takes the first `count` bytes of the [`read_buffer`](Self::read_buffer), which came at `now`. A count above its
    /// length counts as its length.
    pub fn received(&mut self, count: usize, now: Duration) {
        self.endpoint.hear(count, now);
        if self.endpoint.takes_input() {
            self.input.fill(count);
        }
    }

    /// Reports that the transport ended. Without a close before, that is a [`Failure::Eof`].
    pub fn eof(&mut self) {
        self.endpoint.end();
    }

    /// Reads once from a blocking or non-blocking source, and returns the number of bytes; 0 is the end, as with
    /// [`eof`](Self::eof).
    ///
    /// # Errors
    /// Those of the source, such as `WouldBlock`; nothing is lost by them.
    #[cfg(feature = "std")]
    pub fn read_from(&mut self, source: &mut impl std::io::Read, now: Duration) -> std::io::Result<usize> {
        let count = source.read(self.read_buffer())?;
        if count == 0 {
            self.eof();
        } else {
            self.received(count, now);
        }
        Ok(count)
    }

    /// Writes all bytes that wait to be transmitted.
    ///
    /// # Errors
    /// Those of the sink, such as `WouldBlock`; bytes that it took before are not offered again.
    #[cfg(feature = "std")]
    pub fn write_to(&mut self, sink: &mut impl std::io::Write) -> std::io::Result<()> {
        while self.wants_write() {
            match self.endpoint.output.write_once(sink) {
                Ok(0) => return Err(std::io::ErrorKind::WriteZero.into()),
                Ok(count) => self.consumed(count),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        sink.flush()
    }

    /// The next event over a blocking stream: transmits and reads until there is one. `None` once the connection has
    /// closed, and nothing is left to read or to write.
    ///
    /// It applies no deadline: only the stream's own time-out, such as that of `TcpStream`, bounds the wait.
    ///
    /// # Errors
    /// Those of the stream, after which it can be called again; a failed connection, once its close frame is written.
    #[cfg(feature = "std")]
    pub fn next_event_over(
        &mut self,
        stream: &mut (impl std::io::Read + std::io::Write),
    ) -> std::io::Result<Option<Event<'static>>> {
        loop {
            let event = self.next_owned_event();
            self.write_to(stream)?;
            match event {
                Some(Event::Failed(failure)) => return Err(failure.into()),
                Some(event) => return Ok(Some(event)),
                None if self.is_finished() => return Ok(None),
                None => self.read_from(stream, Duration::ZERO)?,
            };
        }
    }

    /// The next event, with payloads borrowed from the connection. `None`: more bytes are needed; or the last event,
    /// [`Event::Closed`] or [`Event::Failed`], was reported.
    ///
    /// Events before a failure are reported before it.
    pub fn next_event(&mut self) -> Option<Event<'_>> {
        let found = self.find()?;
        Some(self.event(found))
    }

    /// [`next_event`](Self::next_event) with owned payloads. A long binary message, or a compressed one, is given away
    /// without a copy.
    pub fn next_owned_event(&mut self) -> Option<Event<'static>> {
        let found = self.find()?;
        if let Found::Message(MessageKind::Binary, place) = &found
            && let Some(owned) = self.take(place)
        {
            return Some(Event::Binary(Cow::Owned(owned)));
        }
        Some(self.event(found).into_owned())
    }

    /// Bytes to transmit, empty if there are none. Write as many as the transport takes, and report how many with
    /// [`consumed`](Self::consumed): the rest is offered again.
    #[must_use]
    pub fn transmit(&self) -> &[u8] {
        self.endpoint.output.front()
    }

    /// All bytes to transmit, for a vectored write: fills the slices from the front, and returns how many it used. A
    /// long payload that was given away or shared is a slice of its own behind its header: both leave in one call.
    #[cfg(feature = "std")]
    pub fn transmit_vectored<'a>(&'a self, slices: &mut [std::io::IoSlice<'a>]) -> usize {
        self.endpoint.output.fill(slices)
    }

    /// Reports that the transport took the first `count` bytes of [`transmit`](Self::transmit). A larger count means
    /// all.
    pub fn consumed(&mut self, count: usize) {
        self.endpoint.consumed(count);
    }

    /// Sends a text message. A long `String` is queued without a copy.
    ///
    /// # Errors
    /// The connection has closed or failed, another message is unfinished, or the random source gave no key. Nothing is
    /// sent.
    pub fn send_text<'a>(&mut self, text: impl Into<Cow<'a, str>>) -> Result<(), Error> {
        match text.into() {
            Cow::Borrowed(text) => self.endpoint.write_whole(BufferType::Utf8Message, text.as_bytes()),
            Cow::Owned(text) => self.endpoint.write_owned(BufferType::Utf8Message, text.into_bytes()),
        }
    }

    /// Sends a binary message. A long `Vec` is queued without a copy.
    ///
    /// # Errors
    /// As [`send_text`](Self::send_text).
    pub fn send_binary<'a>(&mut self, bytes: impl Into<Cow<'a, [u8]>>) -> Result<(), Error> {
        match bytes.into() {
            Cow::Borrowed(bytes) => self.endpoint.write_whole(BufferType::BinaryMessage, bytes),
            Cow::Owned(bytes) => self.endpoint.write_owned(BufferType::BinaryMessage, bytes),
        }
    }

    /// Sends a text message that the caller keeps too, such as an `Arc<str>` for many connections. A server that does
    /// not compress queues a long one without a copy, and drops it once it was transmitted. Every call of `as_ref` must
    /// give the same text.
    ///
    /// # Errors
    /// As [`send_text`](Self::send_text).
    pub fn send_shared_text(&mut self, text: impl AsRef<str> + Send + Sync + 'static) -> Result<(), Error> {
        self.endpoint.write_shared(BufferType::Utf8Message, Utf8(text))
    }

    /// Sends a binary message that the caller keeps too, such as an `Arc<[u8]>`, or `Bytes`, as
    /// [`send_shared_text`](Self::send_shared_text) does.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use websocket_component::{Connection, Error};
    ///
    /// fn broadcast(connections: &mut [Connection], picture: &Arc<[u8]>) -> Result<(), Error> {
    ///     connections
    ///         .iter_mut()
    ///         .try_for_each(|connection| connection.send_shared_binary(Arc::clone(picture)))
    /// }
    /// ```
    ///
    /// # Errors
    /// As [`send_text`](Self::send_text).
    pub fn send_shared_binary(&mut self, bytes: impl AsRef<[u8]> + Send + Sync + 'static) -> Result<(), Error> {
        self.endpoint.write_shared(BufferType::BinaryMessage, bytes)
    }

    /// Sends a part of a text message as a frame of its own. Until the `last` part, no other message can be sent; pings
    /// and a close can.
    ///
    /// # Errors
    /// As [`send_text`](Self::send_text), or a binary message is unfinished.
    pub fn send_text_part(&mut self, text: &str, last: bool) -> Result<(), Error> {
        let part = if last {
            BufferType::Utf8Message
        } else {
            BufferType::Utf8Fragment
        };
        self.endpoint.write(part, text.as_bytes())
    }

    /// Sends a part of a binary message, as [`send_text_part`](Self::send_text_part) does.
    ///
    /// # Errors
    /// As [`send_text`](Self::send_text), or a text message is unfinished.
    pub fn send_binary_part(&mut self, bytes: &[u8], last: bool) -> Result<(), Error> {
        let part = if last {
            BufferType::BinaryMessage
        } else {
            BufferType::BinaryFragment
        };
        self.endpoint.write(part, bytes)
    }

    /// Sends a ping with at most 125 bytes.
    ///
    /// # Errors
    /// As [`send_text`](Self::send_text), or the payload is longer.
    pub fn ping(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.endpoint.write(BufferType::PingPong, payload)
    }

    /// Begins the closing handshake. Messages of the peer may still come before [`Event::Closed`].
    /// [`CloseStatus::EMPTY`] sends no status.
    ///
    /// # Errors
    /// As [`send_text`](Self::send_text); a second close, a status that may not be sent, or a reason over 123 bytes.
    pub fn close(&mut self, status: CloseStatus, reason: &str) -> Result<(), Error> {
        self.endpoint.close(status, reason)
    }

    /// Changes how messages are reported, from the next message on.
    pub const fn set_delivery(&mut self, delivery: Delivery) {
        self.delivery.0 = delivery;
    }

    /// When to call [`handle_timeout`](Self::handle_timeout); `None` if no deadline runs. Any call that changes the
    /// connection may change it.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.endpoint.timers.next()
    }

    /// Does what is due at `now`: sends a keep-alive ping, or fails the connection, which
    /// [`next_event`](Self::next_event) then reports, behind what came before. Early and late calls are harmless: a
    /// message or a close that has come is reported, and is not late.
    pub fn handle_timeout(&mut self, now: Duration) {
        self.endpoint.timers.advance(now);
        while let Some(due) = self.endpoint.timers.due() {
            if due == Due::Ping {
                self.release();
            }
            self.endpoint.due(due);
        }
    }

    /// Frees buffers that hold nothing. The connection does so by itself when it sends a keep-alive ping.
    pub fn release(&mut self) {
        self.input.release();
        self.endpoint.output.release();
        if !self.endpoint.session.in_message() {
            self.inflated = Vec::new();
        }
    }
}

/// The bytes of a text.
struct Utf8<T>(T);

impl<T: AsRef<str>> AsRef<[u8]> for Utf8<T> {
    fn as_ref(&self) -> &[u8] {
        self.0.as_ref().as_bytes()
    }
}

fn options_of(config: &Config) -> SessionOptions {
    SessionOptions {
        // texts are checked here, where they become `&str`
        disable_utf8_verification: true,
        limits: config.limits,
        ..SessionOptions::default()
    }
}

/// The next thing in the input.
enum Found {
    Message(MessageKind, Place),
    Piece {
        kind: MessageKind,
        place: Place,
        first: bool,
        last: bool,
    },
    Ping(Range<usize>),
    Pong(Range<usize>),
    Closed(CloseStatus, Range<usize>),
    Failed(Failure),
}

/// Where a payload is.
enum Place {
    Input(Range<usize>),
    Inflated,
}

impl Connection {
    /// Reads on until there is something to report.
    fn find(&mut self) -> Option<Found> {
        while !self.endpoint.is_over {
            if let Some(failure) = self.endpoint.failure {
                self.endpoint.is_over = true;
                return Some(Found::Failed(failure));
            }
            let start = self.input.start();
            let step = match self.endpoint.session.receive(self.input.unread()) {
                Ok(step) => step,
                Err(violation) => {
                    self.endpoint.fail(Failure::Violation(violation));
                    continue;
                }
            };
            self.input.consume(step.consumed);
            let absolute = |range: Range<usize>| start + range.start..start + range.end;
            let found = match step.received {
                Received::NeedMore => {
                    if let Some(failure) = self.endpoint.after_input {
                        self.endpoint.fail(failure);
                        continue;
                    }
                    self.endpoint.is_unseen = false;
                    let in_message = self.endpoint.session.in_message();
                    if !in_message {
                        self.shrink_inflated();
                    }
                    let is_unfinished = in_message || !self.input.unread().is_empty();
                    self.endpoint.timers.message(is_unfinished, self.message_timeout);
                    return None;
                }
                Received::Data {
                    buffer_type,
                    payload,
                    first,
                    ..
                } => self.data(buffer_type, absolute(payload), first),
                Received::Inflated {
                    buffer_type,
                    payload,
                    first,
                    ..
                } => self.inflated(buffer_type, payload, first),
                Received::Ping(payload) => {
                    let payload = absolute(payload);
                    self.endpoint.answer_ping(self.input.bytes(payload.clone()));
                    Some(Found::Ping(payload))
                }
                Received::Pong(payload) => Some(Found::Pong(absolute(payload))),
                Received::Close { status, reason } => self.closed(status, absolute(reason)),
            };
            if !self.endpoint.session.in_message() {
                self.endpoint.message_ended();
            }
            if found.is_some() {
                return found;
            }
        }
        self.input.clear();
        self.inflated = Vec::new();
        None
    }

    /// A part of a message came, at a range of the input. Returns what to report.
    fn data(&mut self, buffer_type: BufferType, part: Range<usize>, first: bool) -> Option<Found> {
        let (kind, last) = (kind_of(buffer_type), buffer_type.is_final());
        let delivery = self.delivery_of(first);
        if first && last && delivery == Delivery::Messages {
            // a text is checked when it becomes a `&str`
            return Some(Found::Message(kind, Place::Input(part)));
        }
        if kind == MessageKind::Text {
            let bytes = self.input.bytes(part.clone());
            check_part(&mut self.utf8, &mut self.endpoint, bytes, last)?;
        }
        if delivery == Delivery::Pieces {
            return Some(Found::Piece {
                kind,
                place: Place::Input(part),
                first,
                last,
            });
        }
        self.input.collect(part);
        last.then(|| Found::Message(kind, Place::Input(self.input.take_message())))
    }

    /// A part of a compressed message came, at a range of the session's decompressed bytes.
    fn inflated(&mut self, buffer_type: BufferType, part: Range<usize>, first: bool) -> Option<Found> {
        let (kind, last) = (kind_of(buffer_type), buffer_type.is_final());
        let delivery = self.delivery_of(first);
        if first {
            self.shrink_inflated();
        }
        if first || delivery == Delivery::Pieces {
            self.inflated.clear();
        }
        let length = self.inflated.len();
        self.inflated.extend_from_slice(&self.endpoint.session.inflated()[part]);
        let is_whole = first && last && delivery == Delivery::Messages;
        if kind == MessageKind::Text && !is_whole {
            check_part(&mut self.utf8, &mut self.endpoint, &self.inflated[length..], last)?;
        }
        match delivery {
            Delivery::Messages => last.then_some(Found::Message(kind, Place::Inflated)),
            Delivery::Pieces => Some(Found::Piece {
                kind,
                place: Place::Inflated,
                first,
                last,
            }),
        }
    }

    /// Frees what a long message was decompressed to, once it was reported.
    fn shrink_inflated(&mut self) {
        if self.inflated.len() > KEPT {
            self.inflated = Vec::new();
        }
    }

    /// How the current message, or the one that begins, is reported.
    fn delivery_of(&mut self, first: bool) -> Delivery {
        if first {
            self.delivery.1 = self.delivery.0;
            self.utf8 = Utf8Validator::default();
        }
        self.delivery.1
    }

    fn closed(&mut self, status: CloseStatus, reason: Range<usize>) -> Option<Found> {
        if core::str::from_utf8(self.input.bytes(reason.clone())).is_err() {
            self.endpoint.fail(Failure::Violation(Violation::CloseReasonNotUtf8));
            return None;
        }
        let is_answered = self.endpoint.answer_close(status);
        is_answered.then_some(Found::Closed(status, reason))
    }

    /// A message's buffer, if it can be given away without a copy.
    fn take(&mut self, place: &Place) -> Option<Vec<u8>> {
        match place {
            Place::Input(range) => self.input.take_buffer(range.clone()),
            Place::Inflated => Some(core::mem::take(&mut self.inflated)),
        }
    }

    fn event(&mut self, found: Found) -> Event<'_> {
        let bytes = |place| match place {
            Place::Input(range) => self.input.bytes(range),
            Place::Inflated => &self.inflated,
        };
        match found {
            Found::Message(MessageKind::Text, place) => match simdutf8::basic::from_utf8(bytes(place)) {
                Ok(text) => Event::Text(Cow::Borrowed(text)),
                Err(_) => Event::Failed(self.endpoint.fail_now(Failure::Violation(Violation::TextNotUtf8))),
            },
            Found::Message(MessageKind::Binary, place) => Event::Binary(Cow::Borrowed(bytes(place))),
            Found::Piece {
                kind,
                place,
                first,
                last,
            } => Event::Piece(Piece {
                kind,
                payload: Cow::Borrowed(bytes(place)),
                first,
                last,
            }),
            Found::Ping(payload) => Event::Ping(Cow::Borrowed(self.input.bytes(payload))),
            Found::Pong(payload) => Event::Pong(Cow::Borrowed(self.input.bytes(payload))),
            Found::Closed(status, reason) => Event::Closed {
                status,
                // it was checked before it was answered
                reason: core::str::from_utf8(self.input.bytes(reason))
                    .unwrap_or_default()
                    .into(),
            },
            Found::Failed(failure) => Event::Failed(failure),
        }
    }
}

/// Checks a part of a text; `None` if it fails the connection.
fn check_part(utf8: &mut Utf8Validator, endpoint: &mut Endpoint, bytes: &[u8], last: bool) -> Option<()> {
    if utf8.push(bytes).is_ok() && (!last || utf8.is_boundary()) {
        return Some(());
    }
    endpoint.fail(Failure::Violation(Violation::TextNotUtf8));
    None
}

const fn kind_of(buffer_type: BufferType) -> MessageKind {
    match buffer_type {
        BufferType::Utf8Message | BufferType::Utf8Fragment => MessageKind::Text,
        _ => MessageKind::Binary,
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("session", &self.endpoint.session)
            .field("failure", &self.endpoint.failure)
            .field("buffered", &self.buffered())
            .finish_non_exhaustive()
    }
}
