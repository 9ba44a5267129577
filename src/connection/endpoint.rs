use core::time::Duration;

use alloc::borrow::ToOwned;
use alloc::vec::Vec;

use crate::connection::output::{self, Output, Payload};
use crate::connection::timers::{Due, Timers};
use crate::connection::{Config, Failure};
use crate::error::{Error, Misuse};
use crate::frame::{Header, MAX_HEADER_LENGTH};
use crate::session::{Role, Session, State};
use crate::wire::{BufferType, CloseStatus};

/// The connection's duties: frames to transmit, answers, deadlines, and its end.
pub struct Endpoint {
    pub session: Session,
    pub output: Output,
    pub timers: Timers,
    pub failure: Option<Failure>,
    /// The last event was reported, or is about to be.
    pub is_over: bool,
    /// Bytes came in which events may be that were not reported.
    pub is_unseen: bool,
    /// The failure once all that came was reported, if that brings no better end.
    pub after_input: Option<Failure>,
    /// The transport ended.
    pub eof: bool,
    /// Nothing more can be transmitted, or it would be useless.
    given_up: bool,
    /// A ping whose answer waits until the peer reads earlier bytes. A later ping replaces it.
    ping: Option<Vec<u8>>,
    close_timeout: Option<Duration>,
}

/// The most bytes that may wait for a peer that does not read; beyond that, pongs wait too.
const PONGS_WAIT: usize = 64 * 1024;

impl Endpoint {
    pub fn new(session: Session, config: &Config) -> Self {
        Self {
            session,
            output: Output::default(),
            timers: Timers::new(config),
            failure: None,
            is_over: false,
            is_unseen: false,
            after_input: None,
            eof: false,
            given_up: false,
            ping: None,
            close_timeout: config.close_timeout,
        }
    }

    /// Whether incoming bytes still matter.
    pub const fn takes_input(&self) -> bool {
        !self.is_over && !self.eof && !self.has_failed()
    }

    /// Whether the connection has failed, though what came before may still be to report.
    pub const fn has_failed(&self) -> bool {
        let is_closed = matches!(self.session.state(), State::Closed);
        self.failure.is_some() || (self.given_up && !is_closed)
    }

    pub fn wants_read(&self) -> bool {
        // RFC 6455 §7.1.1: the server closes the TCP connection, and the client waits for that
        let is_closed = self.session.state() == State::Closed && self.failure.is_none();
        let server_ends = is_closed && self.session.role() == Role::Server;
        !self.eof && !self.given_up && !server_ends
    }

    /// `count` bytes came. Without one, only the time passes.
    pub fn hear(&mut self, count: usize, now: Duration) {
        if count == 0 {
            return self.timers.advance(now);
        }
        self.timers.heard(now);
        self.is_unseen = true;
    }

    /// The transport ended.
    pub fn end(&mut self) {
        self.eof = true;
        self.after_input = Some(Failure::Eof);
        if self.is_over || self.failure.is_some() {
            self.give_up();
        }
    }

    pub fn consumed(&mut self, count: usize) {
        self.output.consume(count);
        if let Some(payload) = self.ping.take() {
            self.answer_ping(&payload);
        }
    }

    pub fn write(&mut self, buffer_type: BufferType, payload: &[u8]) -> Result<(), Error> {
        self.check_not_failed()?;
        self.output.append(|out| self.session.write(buffer_type, payload, out))
    }

    /// Writes a whole message. A session would take it for the end of an unfinished one.
    pub fn write_whole(&mut self, buffer_type: BufferType, payload: &[u8]) -> Result<(), Error> {
        self.check_whole()?;
        self.write(buffer_type, payload)
    }

    /// Queues a long message as it is, masked in place if it is a client's.
    pub fn write_owned(&mut self, buffer_type: BufferType, mut payload: Vec<u8>) -> Result<(), Error> {
        if payload.len() < output::LONG || self.session.has_compression() {
            return self.write_whole(buffer_type, &payload);
        }
        let header = self.header(buffer_type, payload.len())?;
        if let Some(mask) = header.mask {
            mask.apply(&mut payload);
        }
        self.push(header, Payload::Owned(payload));
        Ok(())
    }

    /// Queues a long message as it is, unless it is to be masked or compressed.
    pub fn write_shared(
        &mut self,
        buffer_type: BufferType,
        payload: impl AsRef<[u8]> + Send + Sync + 'static,
    ) -> Result<(), Error> {
        let bytes = payload.as_ref();
        let is_changed = self.session.has_compression() || self.session.role() == Role::Client;
        if bytes.len() < output::LONG || is_changed {
            return self.write_whole(buffer_type, bytes);
        }
        let length = bytes.len();
        let header = self.header(buffer_type, length)?;
        self.push(header, Payload::shared(payload, length));
        Ok(())
    }

    /// The header of a whole message.
    fn header(&mut self, buffer_type: BufferType, length: usize) -> Result<Header, Error> {
        self.check_whole()?;
        self.session.header(buffer_type, length as u64)
    }

    fn push(&mut self, header: Header, payload: Payload) {
        let mut bytes = [0; MAX_HEADER_LENGTH];
        let length = header.encode(&mut bytes);
        self.output.push(&bytes[..length], payload);
    }

    pub fn close(&mut self, status: CloseStatus, reason: &str) -> Result<(), Error> {
        self.check_not_failed()?;
        self.output
            .append(|out| self.session.write_close(status, reason, out))?;
        self.timers.closing(self.close_timeout);
        Ok(())
    }

    /// "…it SHOULD respond with Pong frame as soon as is practical"; while earlier bytes wait for a peer that reads
    /// nothing, only its latest ping is answered (RFC 6455 §5.5.2, §5.5.3).
    pub fn answer_ping(&mut self, payload: &[u8]) {
        if self.session.state().close_received() || self.has_failed() {
            return;
        }
        if self.output.len() > PONGS_WAIT {
            self.ping = Some(payload.to_owned());
        } else if self.write(BufferType::UnsolicitedPong, payload).is_err() {
            self.fail(Failure::RandomUnavailable);
        }
    }

    /// The peer closed. Unless its close is an answer, it gets one with the same status (RFC 6455 §5.5.1). Returns
    /// whether that was possible.
    pub fn answer_close(&mut self, status: CloseStatus) -> bool {
        let needs_answer = self.session.state() != State::Closed && !self.given_up;
        if needs_answer && self.close(status, "").is_err() {
            self.fail(Failure::RandomUnavailable);
            return false;
        }
        self.is_over = true;
        self.ping = None;
        self.timers.closing(self.close_timeout);
        if self.eof || self.given_up {
            self.give_up();
        }
        true
    }

    pub fn due(&mut self, due: Due) {
        match due {
            Due::Ping => {
                if self.write(BufferType::PingPong, &[]) == Err(Error::RandomUnavailable) {
                    self.fail_after_input(Failure::RandomUnavailable);
                }
            }
            Due::Unresponsive => self.fail_after_input(Failure::Unresponsive),
            Due::Message => self.fail_after_input(Failure::MessageTimeout),
            Due::Close if self.is_over || self.failure.is_some() => self.give_up(),
            Due::Close => self.fail_after_input(Failure::CloseTimeout),
        }
    }

    /// No message is unfinished.
    pub fn message_ended(&mut self) {
        self.timers.message(false, None);
        if self.after_input == Some(Failure::MessageTimeout) {
            self.after_input = None;
        }
    }

    /// [`fail`](Self::fail), behind what came before and was not reported yet.
    fn fail_after_input(&mut self, failure: Failure) {
        if !self.is_unseen && !self.eof {
            self.fail(failure);
        } else if matches!(self.after_input, None | Some(Failure::MessageTimeout)) {
            // a late message may still end in what came; no other failure has such a way out
            self.after_input = Some(failure);
            if !failure.is_told() {
                self.give_up();
            }
        }
    }

    /// Fails the connection (RFC 6455 §7.1.7): sends the peer a close frame if possible.
    pub fn fail(&mut self, failure: Failure) {
        if self.failure.is_some() || self.is_over {
            return;
        }
        let is_told = failure.is_told() && !self.eof;
        if is_told && !self.session.state().close_sent() {
            // without a masking key for the frame, only the transport is ended
            let _ = self.close(failure.close_status(), "");
        }
        self.failure = Some(failure);
        self.ping = None;
        self.timers.closing(self.close_timeout);
        if !is_told {
            self.give_up();
        }
    }

    /// [`fail`](Self::fail) for a failure that the caller reports at once.
    pub fn fail_now(&mut self, failure: Failure) -> Failure {
        self.fail(failure);
        self.is_over = true;
        failure
    }

    /// The transport is dead, or useless.
    fn give_up(&mut self) {
        self.given_up = true;
        self.output.clear();
        self.ping = None;
        self.timers.stop();
    }

    /// Checks that a message may begin.
    fn check_whole(&self) -> Result<(), Error> {
        self.check_not_failed()?;
        // after a close the message has no end to wait for: the session says so
        if self.session.is_sending_message() && !self.session.state().close_sent() {
            return Err(Error::Misuse(Misuse::MessageTypeMixed));
        }
        Ok(())
    }

    const fn check_not_failed(&self) -> Result<(), Error> {
        if self.has_failed() {
            return Err(Error::ConnectionFailed);
        }
        Ok(())
    }
}
