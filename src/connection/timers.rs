use core::time::Duration;

use crate::connection::{Config, KeepAlive};

/// The deadlines of a connection, by its caller's clock.
#[derive(Debug)]
pub struct Timers {
    /// The latest time that the caller passed.
    now: Duration,
    keep_alive: Option<KeepAlive>,
    heard: Deadline,
    pinged: Deadline,
    message: Deadline,
    close: Deadline,
}

/// A deadline that has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    Ping,
    Unresponsive,
    Message,
    Close,
}

/// A deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deadline {
    None,
    /// Starts at the next time that the caller passes.
    After(Duration),
    At(Duration),
}

impl Timers {
    pub fn new(config: &Config) -> Self {
        Self {
            now: Duration::ZERO,
            keep_alive: config.keep_alive,
            heard: Deadline::new(config.keep_alive.map(|keep_alive| keep_alive.idle)),
            pinged: Deadline::None,
            message: Deadline::None,
            close: Deadline::None,
        }
    }

    /// When the next deadline ends; now, if one has not started yet.
    pub fn next(&self) -> Option<Duration> {
        self.all().into_iter().filter_map(Deadline::time).min()
    }

    /// Moves the time on, and starts the deadlines that have not started.
    pub fn advance(&mut self, now: Duration) {
        self.now = self.now.max(now);
        let now = self.now;
        for deadline in [&mut self.heard, &mut self.pinged, &mut self.message, &mut self.close] {
            deadline.start(now);
        }
    }

    /// The deadlines that have passed, one per call.
    pub fn due(&mut self) -> Option<Due> {
        let dues = [Due::Ping, Due::Unresponsive, Due::Message, Due::Close];
        let position = self.all().iter_mut().position(|deadline| deadline.is_over(self.now))?;
        match dues[position] {
            Due::Ping => {
                self.heard = Deadline::None;
                self.pinged = Deadline::at(self.keep_alive.map(|keep_alive| keep_alive.answer), self.now);
            }
            Due::Unresponsive => self.pinged = Deadline::None,
            Due::Message => self.message = Deadline::None,
            Due::Close => self.close = Deadline::None,
        }
        Some(dues[position])
    }

    /// Bytes came.
    pub fn heard(&mut self, now: Duration) {
        self.advance(now);
        self.heard = Deadline::at(self.keep_alive.map(|keep_alive| keep_alive.idle), self.now);
        self.pinged = Deadline::None;
    }

    /// Reports whether a message or a frame is unfinished.
    pub fn message(&mut self, unfinished: bool, timeout: Option<Duration>) {
        match (unfinished, self.message) {
            (true, Deadline::None) => self.message = Deadline::at(timeout, self.now),
            (false, Deadline::At(_)) => self.message = Deadline::None,
            _ => {}
        }
    }

    /// The closing handshake began, or the connection failed: only the close deadline counts from here on.
    pub fn closing(&mut self, timeout: Option<Duration>) {
        let close = self.close;
        self.stop();
        self.close = if close == Deadline::None {
            Deadline::new(timeout)
        } else {
            close
        };
    }

    /// Nothing is due any more.
    pub const fn stop(&mut self) {
        self.keep_alive = None;
        (self.heard, self.pinged) = (Deadline::None, Deadline::None);
        (self.message, self.close) = (Deadline::None, Deadline::None);
    }

    const fn all(&self) -> [Deadline; 4] {
        [self.heard, self.pinged, self.message, self.close]
    }
}

impl Deadline {
    /// A deadline that starts at the next time that the caller passes.
    pub fn new(timeout: Option<Duration>) -> Self {
        timeout.map_or(Self::None, Self::After)
    }

    fn at(timeout: Option<Duration>, now: Duration) -> Self {
        timeout.map_or(Self::None, |timeout| Self::At(now.saturating_add(timeout)))
    }

    /// Starts the deadline, unless it has started.
    pub const fn start(&mut self, now: Duration) {
        if let Self::After(timeout) = *self {
            *self = Self::At(now.saturating_add(timeout));
        }
    }

    /// When it ends; at once if it has not started, so that the caller passes the time.
    pub const fn time(self) -> Option<Duration> {
        match self {
            Self::None => None,
            Self::After(_) => Some(Duration::ZERO),
            Self::At(time) => Some(time),
        }
    }

    /// Whether it has passed; starts it if it has not started.
    pub fn is_over(&mut self, now: Duration) -> bool {
        self.start(now);
        matches!(*self, Self::At(time) if time <= now)
    }
}
