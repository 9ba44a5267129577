//! A whole connection without I/O: bytes in, events out, bytes to transmit.

mod client;
mod config;
mod event;
#[cfg(feature = "http")]
mod http;
mod input;
mod output;
mod server;
mod timers;

use alloc::borrow::{Cow, ToOwned};
use alloc::boxed::Box;
use alloc::vec::Vec;

pub use client::{ClientHandshake, ClientOptions};
pub use config::{Config, KeepAlive};
pub use event::{Delivery, Event, Failure, MessageKind, Piece};
pub use server::{ServerHandshake, ServerOptions};

use core::fmt;
use core::ops::Range;
use core::time::Duration;

use crate::error::{Error, Misuse, Violation};
use crate::frame::MAX_HEADER_LENGTH;
use crate::random::{PlatformRandom, RandomSource};
use crate::session::{Received, Role, Session, SessionOptions, State};
use crate::wire::{BufferType, CloseStatus, MAX_CONTROL_PAYLOAD, Utf8Validator};
use input::Input;
use output::Output;
use timers::{Due, Timers};

/// One WebSocket connection after its handshake, complete but for the I/O: bytes in, events out, bytes to transmit.
///
/// It collects messages, answers pings and closes, fails the connection with the right status, keeps to limits and
/// deadlines, and holds everything that it owes the peer. Its caller moves bytes, whenever it can and as many as it can:
///
/// | Kind | Methods |
/// | --- | --- |
/// | Bytes that came | [`receive`](Self::receive), or [`read_buffer`](Self::read_buffer) and [`received`](Self::received); [`eof`](Self::eof) |
/// | What they mean | [`next_event`](Self::next_event), until it is `None` |
/// | What to send | [`send_text`](Self::send_text), [`send_binary`](Self::send_binary), [`send_text_part`](Self::send_text_part), [`send_binary_part`](Self::send_binary_part), [`ping`](Self::ping), [`close`](Self::close) |
/// | Bytes to transmit | [`transmit`](Self::transmit), then [`consumed`](Self::consumed) with how many were written |
/// | Time | [`poll_timeout`](Self::poll_timeout), [`handle_timeout`](Self::handle_timeout) |
/// | What is left to do | [`wants_read`](Self::wants_read), [`wants_write`](Self::wants_write), [`wants_shutdown`](Self::wants_shutdown), [`is_finished`](Self::is_finished) |
///
/// No call waits, and none loses anything: whatever future of the caller's is dropped, the connection goes on where it
/// was. Every call that takes bytes, sends or tells the time may give bytes to transmit.
///
/// The clock is the caller's: a [`Duration`] since any moment that the caller chose, the same for all calls. Who wants no
/// deadlines passes [`Duration::ZERO`] always.
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
    session: Session,
    config: Config,
    input: Input,
    /// What came of a message that is compressed.
    inflated: Vec<u8>,
    /// Of a text that comes in pieces.
    utf8: Utf8Validator,
    /// How the message that is being received is reported.
    delivery: Delivery,
    output: Output,
    /// A pong that waits until the peer takes what it was sent. A later ping's replaces it.
    pong: Option<Vec<u8>>,
    timers: Timers,
    failure: Option<Failure>,
    /// The last event was reported.
    is_over: bool,
    eof: bool,
    /// Nothing more can be transmitted, or is worth it.
    given_up: bool,
}

/// The most bytes that may wait for a peer that does not read, before pongs do.
const PONGS_WAIT: usize = 64 * 1024;

impl Connection {
    /// A connection whose handshake somebody else has made, without extensions. [`ClientHandshake`] and
    /// [`ServerHandshake`] make one of theirs.
    #[must_use]
    pub fn new(role: Role, config: Config) -> Self {
        Self::with_random(role, config, Box::new(PlatformRandom::default()))
    }

    /// The same, with a random source for tests.
    #[must_use]
    pub fn with_random(role: Role, config: Config, random: Box<dyn RandomSource>) -> Self {
        let options = SessionOptions {
            // it is checked here, where whole texts become `&str`
            disable_utf8_verification: true,
            limits: config.limits,
            ..SessionOptions::default()
        };
        Self::over(Session::with_random(role, options, random), config)
    }

    fn over(session: Session, config: Config) -> Self {
        Self {
            session,
            config,
            input: Input::default(),
            inflated: Vec::new(),
            utf8: Utf8Validator::default(),
            delivery: config.delivery,
            output: Output::default(),
            pong: None,
            timers: Timers::new(&config),
            failure: None,
            is_over: false,
            eof: false,
            given_up: false,
        }
    }

    /// The side it is on.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.session.role()
    }

    /// How much waits to be transmitted, in bytes. A caller that sends faster than the peer reads waits by this.
    #[must_use]
    pub const fn buffered(&self) -> usize {
        self.output.len()
    }

    /// Why the connection failed, once it has.
    #[must_use]
    pub const fn failure(&self) -> Option<Failure> {
        self.failure
    }

    /// Whether messages and pings can be sent: neither side has closed, and the connection has not failed.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self.session.state(), State::Open) && self.failure.is_none()
    }

    /// Whether the caller should go on reading: more may come that matters, or the transport has not ended as it should.
    #[must_use]
    pub fn wants_read(&self) -> bool {
        // RFC 6455 §7.1.1: the server closes the TCP connection, the client waits for it
        let is_closed = self.session.state() == State::Closed;
        let server_ends = is_closed && self.failure.is_none() && self.role() == Role::Server;
        !self.eof && !self.given_up && !server_ends
    }

    /// Whether there are bytes to transmit.
    #[must_use]
    pub const fn wants_write(&self) -> bool {
        self.output.len() > 0
    }

    /// Whether all is transmitted that ever will be: the caller may end the writing side of the transport.
    #[must_use]
    pub const fn wants_shutdown(&self) -> bool {
        self.output.len() == 0 && (self.session.state().close_sent() || self.failure.is_some())
    }

    /// Whether nothing is left to read or to write: the transport can be dropped.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        !self.wants_read() && !self.wants_write()
    }

    /// Takes bytes that came from the transport at `now`. A `Vec` is taken over without a copy where it can be.
    ///
    /// All are taken, so take the events out before reading more: that bounds what is held.
    pub fn receive<'a>(&mut self, bytes: impl Into<Cow<'a, [u8]>>, now: Duration) {
        self.timers.heard(now);
        if self.is_over || self.eof {
            return;
        }
        match bytes.into() {
            Cow::Borrowed(bytes) => self.input.push(bytes),
            Cow::Owned(bytes) => self.input.push_owned(bytes),
        }
    }

    /// Room to read into, so that nothing is copied: at least one byte. Read, then call [`received`](Self::received).
    pub fn read_buffer(&mut self) -> &mut [u8] {
        if self.is_over {
            self.input.clear();
        }
        self.input.room(self.session.announced(), self.config.read_size.max(1))
    }

    /// Takes the first `count` bytes of the [`read_buffer`](Self::read_buffer), which came at `now`. More than it has
    /// room for counts as all of it.
    pub fn received(&mut self, count: usize, now: Duration) {
        self.timers.heard(now);
        if !self.is_over && !self.eof {
            self.input.fill(count);
        }
    }

    /// The transport ended: nothing more will come. Without a close before, that is a [`Failure::Eof`].
    pub fn eof(&mut self) {
        self.eof = true;
        if self.is_over {
            self.give_up();
        }
    }

    /// The next event, with payloads borrowed from the connection. `None`: more bytes are needed; or the last event,
    /// [`Event::Closed`] or [`Event::Failed`], was reported.
    ///
    /// What came before a failure is reported before it.
    pub fn next_event(&mut self) -> Option<Event<'_>> {
        let found = self.find()?;
        Some(self.event(found))
    }

    /// The same with payloads that the caller keeps. A long binary message, or one that was compressed, is given away
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

    /// Bytes to transmit, empty if there are none. Write as many of them as the transport takes, and say how many by
    /// [`consumed`](Self::consumed): the rest is offered again.
    #[must_use]
    pub fn transmit(&self) -> &[u8] {
        self.output.front()
    }

    /// All bytes to transmit, for a vectored write, in at most as many slices as there are; returns how many are used.
    #[cfg(feature = "std")]
    pub fn transmit_vectored<'a>(&'a self, slices: &mut [std::io::IoSlice<'a>]) -> usize {
        let buffers = self.output.buffers().filter(|buffer| !buffer.is_empty());
        let pairs = slices.iter_mut().zip(buffers);
        pairs
            .map(|(slice, buffer)| *slice = std::io::IoSlice::new(buffer))
            .count()
    }

    /// The transport has taken the first `count` bytes of those to transmit. More than there are counts as all.
    pub fn consumed(&mut self, count: usize) {
        self.output.consume(count);
        if let Some(payload) = self.pong.take() {
            self.answer_ping(&payload);
        }
    }

    /// Sends a text message. A `String` that is long is queued without a copy.
    ///
    /// # Errors
    /// After a close or a failure, within another message; or the random source gave no key. Nothing is sent then.
    pub fn send_text<'a>(&mut self, text: impl Into<Cow<'a, str>>) -> Result<(), Error> {
        match text.into() {
            Cow::Borrowed(text) => self.write(BufferType::Utf8Message, text.as_bytes()),
            Cow::Owned(text) => self.write_owned(BufferType::Utf8Message, text.into_bytes()),
        }
    }

    /// Sends a binary message. A `Vec` that is long is queued without a copy.
    ///
    /// # Errors
    /// As [`send_text`](Self::send_text).
    pub fn send_binary<'a>(&mut self, bytes: impl Into<Cow<'a, [u8]>>) -> Result<(), Error> {
        match bytes.into() {
            Cow::Borrowed(bytes) => self.write(BufferType::BinaryMessage, bytes),
            Cow::Owned(bytes) => self.write_owned(BufferType::BinaryMessage, bytes),
        }
    }

    /// Sends a part of a text message as a frame of its own. Until the `last` one is sent, no other message can be; pings
    /// and a close can.
    ///
    /// # Errors
    /// As [`send_text`](Self::send_text), and within a binary message.
    pub fn send_text_part(&mut self, text: &str, last: bool) -> Result<(), Error> {
        let part = if last { BufferType::Utf8Message } else { BufferType::Utf8Fragment };
        self.write_part(part, text.as_bytes())
    }

    /// Sends a part of a binary message, as [`send_text_part`](Self::send_text_part) does.
    ///
    /// # Errors
    /// As [`send_text`](Self::send_text), and within a text message.
    pub fn send_binary_part(&mut self, bytes: &[u8], last: bool) -> Result<(), Error> {
        let part = if last { BufferType::BinaryMessage } else { BufferType::BinaryFragment };
        self.write_part(part, bytes)
    }

    /// Sends a ping with at most 125 bytes.
    ///
    /// # Errors
    /// As [`send_text`](Self::send_text), and a longer payload.
    pub fn ping(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.write_part(BufferType::PingPong, payload)
    }

    /// Begins the closing handshake. Messages of the peer may still come before [`Event::Closed`].
    /// [`CloseStatus::EMPTY`] sends no status.
    ///
    /// # Errors
    /// As [`send_text`](Self::send_text), a second time, a status that may not be sent, a reason over 123 bytes.
    pub fn close(&mut self, status: CloseStatus, reason: &str) -> Result<(), Error> {
        self.check_not_failed()?;
        self.output
            .append(|out| self.session.write_close(status, reason, out))?;
        self.timers.closing(self.config.close_timeout);
        Ok(())
    }

    /// Changes how messages are reported, from the next one on that begins.
    pub const fn set_delivery(&mut self, delivery: Delivery) {
        self.config.delivery = delivery;
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called; `None` if no deadline runs. It changes with
    /// every call that changes the connection.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.timers.next()
    }

    /// Does what is due at `now`: sends a keep-alive ping, or fails the connection. Calls that come early or late do no
    /// harm.
    pub fn handle_timeout(&mut self, now: Duration) {
        self.timers.advance(now);
        while let Some(due) = self.timers.due() {
            match due {
                Due::Ping => {
                    self.release();
                    // after a peer that takes nothing: its answer to what it has is as good
                    if self.is_open() && self.write(BufferType::PingPong, &[]).is_err() {
                        self.fail(Failure::RandomUnavailable);
                    }
                }
                Due::Unresponsive => self.fail(Failure::Unresponsive),
                Due::Message => self.fail(Failure::MessageTimeout),
                Due::Close if self.is_over || self.failure.is_some() => self.give_up(),
                Due::Close => self.fail(Failure::CloseTimeout),
            }
        }
    }

    /// Frees buffers that hold nothing. The connection does so by itself when it sends a keep-alive ping.
    pub fn release(&mut self) {
        self.input.release();
        self.output.release();
        if !self.session.in_message() {
            self.inflated = Vec::new();
        }
    }
}

/// What was found in the input, by its places there.
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
    SessionInflated(Range<usize>),
}

impl Connection {
    /// Reads on until there is something to report.
    fn find(&mut self) -> Option<Found> {
        while !self.is_over {
            if let Some(failure) = self.failure {
                return Some(self.report(failure));
            }
            let step = match self.session.receive(self.input.unread()) {
                Ok(step) => step,
                Err(violation) => {
                    self.fail(violation.into());
                    continue;
                }
            };
            let start = self.input.start();
            self.input.consume(step.consumed);
            let found = match step.received {
                Received::NeedMore => {
                    let unfinished = self.session.in_message();
                    self.timers.in_message(unfinished, self.config.message_timeout);
                    if !self.eof {
                        return None;
                    }
                    self.fail(Failure::Eof);
                    None
                }
                Received::Data {
                    buffer_type,
                    payload,
                    first,
                    ..
                } => self.data(buffer_type, Place::Input(absolute(payload, start)), first),
                Received::Inflated {
                    buffer_type,
                    payload,
                    first,
                    ..
                } => self.data(buffer_type, Place::SessionInflated(payload), first),
                Received::Ping(payload) => {
                    let payload = absolute(payload, start);
                    let mut copy = [0; MAX_CONTROL_PAYLOAD];
                    let copy = &mut copy[..payload.len()];
                    copy.copy_from_slice(self.input.bytes(payload.clone()));
                    self.answer_ping(copy);
                    Some(Found::Ping(payload))
                }
                Received::Pong(payload) => Some(Found::Pong(absolute(payload, start))),
                Received::Close { status, reason } => self.closed(status, absolute(reason, start)),
            };
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// A part of a message came. Gives what there is to report of it.
    fn data(&mut self, buffer_type: BufferType, part: Place, first: bool) -> Option<Found> {
        let last = buffer_type.is_final();
        let kind = match buffer_type {
            BufferType::Utf8Message | BufferType::Utf8Fragment => MessageKind::Text,
            _ => MessageKind::Binary,
        };
        if first {
            self.delivery = self.config.delivery;
            self.utf8 = Utf8Validator::default();
        }
        // a whole text is checked when it becomes a `&str`
        let is_whole = first && last && self.delivery == Delivery::Messages;
        if kind == MessageKind::Text && !is_whole && !self.check_text(&part, last) {
            self.fail(Violation::TextNotUtf8.into());
            return None;
        }
        if self.delivery == Delivery::Pieces {
            return Some(Found::Piece {
                kind,
                place: part,
                first,
                last,
            });
        }
        let place = if first && last { part } else { self.collect(part, first, last)? };
        if kind == MessageKind::Text && is_whole && simdutf8::basic::from_utf8(self.bytes(&place)).is_err() {
            self.fail(Violation::TextNotUtf8.into());
            return None;
        }
        Some(Found::Message(kind, place))
    }

    /// Whether a text may go on, or end, like this.
    fn check_text(&mut self, part: &Place, last: bool) -> bool {
        let bytes = match part {
            Place::Input(range) => self.input.bytes(range.clone()),
            Place::Inflated => &self.inflated,
            Place::SessionInflated(range) => &self.session.inflated()[range.clone()],
        };
        self.utf8.push(bytes).is_ok() && (!last || self.utf8.is_boundary())
    }

    /// Keeps a part of a message; once it is the last, tells where the message is.
    fn collect(&mut self, part: Place, first: bool, last: bool) -> Option<Place> {
        match part {
            Place::SessionInflated(range) => {
                if first {
                    self.inflated.clear();
                }
                self.inflated.extend_from_slice(&self.session.inflated()[range]);
                last.then_some(Place::Inflated)
            }
            Place::Inflated => None,
            Place::Input(range) => {
                self.input.collect(range);
                last.then(|| Place::Input(self.input.take_message()))
            }
        }
    }

    /// The peer closed, and gets its answer (RFC 6455 §5.5.1), with the status that it sent.
    fn closed(&mut self, status: CloseStatus, reason: Range<usize>) -> Option<Found> {
        if core::str::from_utf8(self.input.bytes(reason.clone())).is_err() {
            self.fail(Violation::CloseReasonNotUtf8.into());
            return None;
        }
        if self.session.state() == State::CloseReceived {
            let answer = self.output.append(|out| self.session.write_close(status, "", out));
            if answer.is_err() {
                self.fail(Failure::RandomUnavailable);
                return None;
            }
        }
        self.pong = None;
        self.is_over = true;
        self.timers.closing(self.config.close_timeout);
        if self.eof {
            self.give_up();
        }
        Some(Found::Closed(status, reason))
    }

    /// The failure is the last event.
    fn report(&mut self, failure: Failure) -> Found {
        self.is_over = true;
        Found::Failed(failure)
    }

    /// Fails the connection (RFC 6455 §7.1.7).
    fn fail(&mut self, failure: Failure) {
        if self.failure.is_some() || self.is_over {
            return;
        }
        self.failure = Some(failure);
        self.pong = None;
        self.timers.closing(self.config.close_timeout);
        let is_told = failure.is_told() && !self.eof;
        if is_told && !self.session.state().close_sent() {
            let status = failure.close_status();
            // without a key for it, the transport's end has to do
            let _ = self.output.append(|out| self.session.write_close(status, "", out));
        }
        if !is_told {
            self.give_up();
        }
    }

    /// The transport is dead, or as good as that.
    fn give_up(&mut self) {
        self.given_up = true;
        self.output.clear();
        self.pong = None;
        self.timers.stop();
    }

    /// "…it SHOULD respond with Pong frame as soon as is practical"; while earlier ones wait for a peer that reads
    /// nothing, only the latest ping is answered (RFC 6455 §5.5.2, §5.5.3).
    fn answer_ping(&mut self, payload: &[u8]) {
        if self.session.state() != State::Open || self.failure.is_some() {
            return;
        }
        if self.output.len() > PONGS_WAIT {
            self.pong = Some(payload.to_owned());
        } else if self.write(BufferType::UnsolicitedPong, payload).is_err() {
            self.fail(Failure::RandomUnavailable);
        }
    }

    fn write(&mut self, buffer_type: BufferType, payload: &[u8]) -> Result<(), Error> {
        self.check_not_failed()?;
        self.output
            .append(|out| self.session.write(buffer_type, payload, out))
    }

    /// Parts and control frames, which go whatever message is being sent.
    fn write_part(&mut self, buffer_type: BufferType, payload: &[u8]) -> Result<(), Error> {
        self.write(buffer_type, payload)
    }

    /// Queues a long payload as it is, masked in place if it is a client's.
    fn write_owned(&mut self, buffer_type: BufferType, mut payload: Vec<u8>) -> Result<(), Error> {
        if payload.len() < output::LONG || self.session.compresses(payload.len()) {
            return self.write(buffer_type, &payload);
        }
        self.check_not_failed()?;
        let header = self.session.header(buffer_type, payload.len() as u64)?;
        let mut bytes = [0; MAX_HEADER_LENGTH];
        let length = header.encode(&mut bytes);
        if let Some(mask) = header.mask {
            mask.apply(&mut payload);
        }
        self.output.append(|out| {
            out.extend_from_slice(&bytes[..length]);
            Ok::<(), Error>(())
        })?;
        self.output.push(payload);
        Ok(())
    }

    const fn check_not_failed(&self) -> Result<(), Misuse> {
        match self.failure {
            None => Ok(()),
            Some(_) => Err(Misuse::SendAfterFailure),
        }
    }

    /// A message's buffer, if it can be had without a copy.
    fn take(&mut self, place: &Place) -> Option<Vec<u8>> {
        match place {
            Place::Input(range) => self.input.take_buffer(range.clone()),
            Place::Inflated => Some(core::mem::take(&mut self.inflated)),
            Place::SessionInflated(_) => None,
        }
    }

    fn bytes(&self, place: &Place) -> &[u8] {
        match place {
            Place::Input(range) => self.input.bytes(range.clone()),
            Place::Inflated => &self.inflated,
            Place::SessionInflated(range) => &self.session.inflated()[range.clone()],
        }
    }

    fn event(&self, found: Found) -> Event<'_> {
        match found {
            Found::Message(MessageKind::Text, place) => Event::Text(Cow::Borrowed(self.text(self.bytes(&place)))),
            Found::Message(MessageKind::Binary, place) => Event::Binary(Cow::Borrowed(self.bytes(&place))),
            Found::Piece {
                kind,
                place,
                first,
                last,
            } => Event::Piece(Piece {
                kind,
                payload: Cow::Borrowed(self.bytes(&place)),
                first,
                last,
            }),
            Found::Ping(payload) => Event::Ping(Cow::Borrowed(self.input.bytes(payload))),
            Found::Pong(payload) => Event::Pong(Cow::Borrowed(self.input.bytes(payload))),
            Found::Closed(status, reason) => Event::Closed {
                status,
                reason: Cow::Borrowed(self.text(self.input.bytes(reason))),
            },
            Found::Failed(failure) => Event::Failed(failure),
        }
    }
}
