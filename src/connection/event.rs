use alloc::borrow::Cow;
use core::fmt;

use crate::error::Violation;
use crate::wire::CloseStatus;

/// An event that [`Connection::next_event`](crate::Connection::next_event) reports.
///
/// `next_event` borrows payloads from the connection; [`next_owned_event`](crate::Connection::next_owned_event) gives
/// them away.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A whole text message.
    Text(Cow<'a, str>),
    /// A whole binary message.
    Binary(Cow<'a, [u8]>),
    /// A part of a message, under [`Delivery::Pieces`].
    Piece(Piece<'a>),
    /// A ping. The pong is already on its way.
    Ping(Cow<'a, [u8]>),
    /// A pong, unsolicited or in answer to a ping. A keep-alive ping has no payload, and neither has its pong.
    Pong(Cow<'a, [u8]>),
    /// The peer closed. The answer is already on its way. This is the last event.
    Closed {
        /// [`CloseStatus::EMPTY`] if the peer gave none.
        status: CloseStatus,
        /// The peer's reason, at most 123 bytes, often empty.
        reason: Cow<'a, str>,
    },
    /// The connection failed. If possible, a close frame tells the peer why. This is the last event.
    Failed(Failure),
}

impl Event<'_> {
    /// The same event with owned payloads.
    #[must_use]
    pub fn into_owned(self) -> Event<'static> {
        match self {
            Self::Text(text) => Event::Text(Cow::Owned(text.into_owned())),
            Self::Binary(bytes) => Event::Binary(Cow::Owned(bytes.into_owned())),
            Self::Piece(piece) => Event::Piece(Piece {
                kind: piece.kind,
                payload: Cow::Owned(piece.payload.into_owned()),
                first: piece.first,
                last: piece.last,
            }),
            Self::Ping(payload) => Event::Ping(Cow::Owned(payload.into_owned())),
            Self::Pong(payload) => Event::Pong(Cow::Owned(payload.into_owned())),
            Self::Closed { status, reason } => Event::Closed {
                status,
                reason: Cow::Owned(reason.into_owned()),
            },
            Self::Failed(failure) => Event::Failed(failure),
        }
    }
}

/// A part of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Piece<'a> {
    /// Whether the message is text or binary.
    pub kind: MessageKind,
    /// The bytes, perhaps none. Text is verified UTF-8, but a piece may end inside a character.
    pub payload: Cow<'a, [u8]>,
    /// The message begins with this piece.
    pub first: bool,
    /// The message ends with this piece.
    pub last: bool,
}

/// The type of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageKind {
    /// UTF-8.
    Text,
    /// Bytes.
    Binary,
}

/// How messages are reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// Whole, as [`Event::Text`] and [`Event::Binary`]; the connection collects them.
    #[default]
    Messages,
    /// In pieces as they come, as [`Event::Piece`]; the connection holds no message.
    Pieces,
}

/// Why a connection failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Failure {
    /// We closed, and the peer did not answer within [`Config::close_timeout`](crate::Config::close_timeout).
    CloseTimeout,
    /// The transport ended without a close frame.
    Eof,
    /// A message was not finished within [`Config::message_timeout`](crate::Config::message_timeout).
    MessageTimeout,
    /// The random source gave no masking key for a frame that the protocol requires.
    RandomUnavailable,
    /// The peer sent nothing for the time of [`Config::keep_alive`](crate::Config::keep_alive), not even a pong.
    Unresponsive,
    /// The peer broke the protocol or a limit.
    Violation(Violation),
}

impl Failure {
    /// The status of the failure: the one in our close frame, or [`CloseStatus::ABORTED`] (1006) if no close frame is
    /// sent.
    #[must_use]
    pub const fn close_status(self) -> CloseStatus {
        match self {
            Self::CloseTimeout | Self::Eof | Self::Unresponsive => CloseStatus::ABORTED,
            Self::MessageTimeout => CloseStatus::POLICY_VIOLATION,
            Self::RandomUnavailable => CloseStatus::SERVER_ERROR,
            Self::Violation(violation) => violation.close_status(),
        }
    }

    /// Whether a close frame can tell the peer.
    pub(crate) const fn is_told(self) -> bool {
        matches!(self, Self::MessageTimeout | Self::Violation(_))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CloseTimeout => "the peer did not answer the close in time",
            Self::Eof => "the transport ended without a close frame",
            Self::MessageTimeout => "the peer did not finish a message in time",
            Self::RandomUnavailable => "the random source gave no bytes",
            Self::Unresponsive => "the peer does not answer pings",
            Self::Violation(violation) => return violation.fmt(f),
        })
    }
}

// The failure displays the violation itself: a `source` would repeat it.
impl core::error::Error for Failure {}

#[cfg(feature = "std")]
impl From<Failure> for std::io::Error {
    fn from(failure: Failure) -> Self {
        let kind = match failure {
            Failure::CloseTimeout | Failure::MessageTimeout | Failure::Unresponsive => std::io::ErrorKind::TimedOut,
            Failure::Eof => std::io::ErrorKind::UnexpectedEof,
            Failure::RandomUnavailable => std::io::ErrorKind::Other,
            Failure::Violation(_) => std::io::ErrorKind::InvalidData,
        };
        Self::new(kind, failure)
    }
}
