use std::cell::RefCell;

use websocket_component::{BufferType, CloseStatus, Received as Step, Session as CrateSession, SessionOptions};

use crate::bindings::exports::websocket_component::engine::protocol::{
    Close, Data, Event, Failure, GuestSession, Kind, Limits, Received, Role,
};
use crate::convert::{self, failure, kind};
use crate::random::HostRandom;

pub struct Session(RefCell<State>);

struct State {
    session: CrateSession,
    /// The end of the chunk before, if it was in the middle of a header or a control frame.
    tail: Vec<u8>,
}

impl Session {
    pub const fn from_session(session: CrateSession) -> Self {
        Self(RefCell::new(State {
            session,
            tail: Vec::new(),
        }))
    }

    fn write(
        &self,
        write: impl FnOnce(&mut CrateSession, &mut Vec<u8>) -> Result<(), websocket_component::Error>,
    ) -> Result<Vec<u8>, Failure> {
        let mut out = Vec::new();
        write(&mut self.0.borrow_mut().session, &mut out).map_err(failure)?;
        Ok(out)
    }
}

impl GuestSession for Session {
    fn new(role: Role, limits: Limits) -> Self {
        let mut options = SessionOptions::default();
        options.limits = convert::limits(limits);
        let random = Box::new(HostRandom::default());
        Self::from_session(CrateSession::with_random(convert::role(role), options, random))
    }

    fn receive(&self, chunk: Vec<u8>) -> Received {
        self.0.borrow_mut().receive(chunk)
    }

    fn send(&self, kind: Kind, payload: Vec<u8>) -> Result<Vec<u8>, Failure> {
        self.write(|session, out| session.write(convert::buffer_type(kind), &payload, out))
    }

    fn ping(&self, payload: Vec<u8>) -> Result<Vec<u8>, Failure> {
        self.write(|session, out| session.write(BufferType::PingPong, &payload, out))
    }

    fn close(&self, status: Option<u16>, reason: String) -> Result<Vec<u8>, Failure> {
        let status = status.map_or(CloseStatus::EMPTY, CloseStatus);
        self.write(|session, out| session.write_close(status, &reason, out))
    }
}

impl State {
    fn receive(&mut self, mut chunk: Vec<u8>) -> Received {
        if !self.tail.is_empty() {
            let mut tail = std::mem::take(&mut self.tail);
            tail.append(&mut chunk);
            chunk = tail;
        }
        let mut received = Received {
            events: Vec::new(),
            output: Vec::new(),
            failure: None,
        };
        let mut start = 0;
        loop {
            let input = &mut chunk[start..];
            let step = match self.session.receive(input) {
                Ok(step) => step,
                Err(violation) => {
                    received.failure = Some(failure(violation));
                    return received;
                }
            };
            let event = match step.received {
                Step::NeedMore => {
                    self.tail = input[step.consumed..].to_vec();
                    return received;
                }
                Step::Ping(payload) => {
                    let payload = input[payload].to_vec();
                    let pong = self
                        .session
                        .write(BufferType::UnsolicitedPong, &payload, &mut received.output);
                    // after a close of both sides nothing is owed to the peer
                    let _ = pong;
                    None
                }
                Step::Data {
                    buffer_type, payload, ..
                } => Some(Event::Data(Data {
                    kind: kind(buffer_type),
                    payload: input[payload].to_vec(),
                })),
                Step::Inflated {
                    buffer_type, payload, ..
                } => Some(Event::Data(Data {
                    kind: kind(buffer_type),
                    payload: self.session.inflated()[payload].to_vec(),
                })),
                Step::Pong(payload) => Some(Event::Pong(input[payload].to_vec())),
                Step::Close { status, reason } => Some(Event::Close(Close {
                    status: status.0,
                    reason: input[reason].to_vec(),
                })),
            };
            received.events.extend(event);
            start += step.consumed;
        }
    }
}
