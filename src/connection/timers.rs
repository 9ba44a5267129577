use core::time::Duration;

use crate::connection::{Config, KeepAlive};

/// The deadlines of a connection, by the clock of its caller.
#[derive(Debug)]
pub struct Timers {
    /// The latest time that the caller told.
    now: Duration,
    keep_alive: Option<KeepAlive>,
    heard: Deadline,
    pinged: Deadline,
    message: Deadline,
    close: Deadline,
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    Ping,
    Unresponsive,
    Message,
    Close,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deadline {
    None,
    /// Runs from the next time that the caller tells.
    After(Duration),
    At(Duration),
}

impl Timers {
    pub const fn new(config: &Config) -> Self {
        Self {
            now: Duration::ZERO,
            keep_alive: config.keep_alive,
            heard: match config.keep_alive {
                Some(keep_alive) => Deadline::After(keep_alive.idle),
                None => Deadline::None,
            },
            pinged: Deadline::None,
            message: Deadline::None,
            close: Deadline::None,
        }
    }

    /// When something is due next; the latest time, which is at once, if a deadline has no beginning yet.
    pub fn next(&self) -> Option<Duration> {
        self.all().into_iter().filter_map(|deadline| deadline.time(self.now)).min()
    }

    /// The time moves on, and deadlines that have no beginning get it.
    pub fn advance(&mut self, now: Duration) {
        self.now = self.now.max(now);
        let now = self.now;
        for deadline in [&mut self.heard, &mut self.pinged, &mut self.message, &mut self.close] {
            if let Deadline::After(timeout) = *deadline {
                *deadline = Deadline::At(now.saturating_add(timeout));
            }
        }
    }

    /// What is due, one after the other.
    pub fn due(&mut self) -> Option<Due> {
        let dues = [Due::Ping, Due::Unresponsive, Due::Message, Due::Close];
        let position = self.all().iter().position(|deadline| deadline.is_due(self.now))?;
        match dues[position] {
            Due::Ping => {
                self.heard = Deadline::None;
                self.pinged = Deadline::after(self.keep_alive.map(|keep_alive| keep_alive.answer), self.now);
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
        self.heard = Deadline::after(self.keep_alive.map(|keep_alive| keep_alive.idle), self.now);
        self.pinged = Deadline::None;
    }

    /// Tells whether a message is unfinished.
    pub fn in_message(&mut self, unfinished: bool, timeout: Option<Duration>) {
        match (unfinished, self.message) {
            (true, Deadline::None) => self.message = Deadline::after(timeout, self.now),
            (false, Deadline::At(_)) => self.message = Deadline::None,
            _ => {}
        }
    }

    /// The closing handshake began, or the connection failed: nothing but its end counts from here on.
    pub fn closing(&mut self, timeout: Option<Duration>) {
        let close = self.close;
        self.stop();
        self.close = match (close, timeout) {
            (Deadline::None, Some(timeout)) => Deadline::After(timeout),
            _ => close,
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
    fn after(timeout: Option<Duration>, now: Duration) -> Self {
        timeout.map_or(Self::None, |timeout| Self::At(now.saturating_add(timeout)))
    }

    const fn time(self, now: Duration) -> Option<Duration> {
        match self {
            Self::None => None,
            Self::After(_) => Some(now),
            Self::At(time) => Some(time),
        }
    }

    fn is_due(self, now: Duration) -> bool {
        matches!(self, Self::At(time) if time <= now)
    }
}
