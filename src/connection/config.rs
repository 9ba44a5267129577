use core::time::Duration;

use crate::connection::Delivery;
use crate::session::Limits;

/// How a [`Connection`](crate::Connection) behaves.
///
/// Later versions may add fields: start from the default, and set the fields that should differ.
///
/// ```
/// use core::time::Duration;
/// use websocket_component::Config;
///
/// let mut config = Config::default();
/// config.limits.max_message_size = 64 * 1024;
/// config.message_timeout = Some(Duration::from_secs(10));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// How much the peer may send: by default 64 MiB per message, see [`Limits::DEFAULT`].
    pub limits: Limits,
    /// Whole messages, the default, or pieces as they come.
    pub delivery: Delivery,
    /// When to ping, and when to give up a silent peer: by default after 30 seconds, and after 30 more. `None`: never.
    pub keep_alive: Option<KeepAlive>,
    /// How long a message may take from its first frame to its last byte: 5 minutes by default. `None`: no limit.
    pub message_timeout: Option<Duration>,
    /// How long the peer has to answer a close, and then to end the transport: 10 seconds by default. `None`: no limit.
    pub close_timeout: Option<Duration>,
    /// The size of the read buffer in bytes, at least 1: 16 KiB by default. A larger one means fewer reads; an idle
    /// connection frees it with its keep-alive ping, or on [`release`](crate::Connection::release).
    pub read_size: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            limits: Limits::DEFAULT,
            delivery: Delivery::Messages,
            keep_alive: Some(KeepAlive {
                idle: Duration::from_secs(30),
                answer: Duration::from_secs(30),
            }),
            message_timeout: Some(Duration::from_secs(300)),
            close_timeout: Some(Duration::from_secs(10)),
            read_size: 16 * 1024,
        }
    }
}

/// The detection of dead peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepAlive {
    /// A ping is sent once nothing has come for this long.
    pub idle: Duration,
    /// The connection fails if nothing comes for this long after the ping.
    pub answer: Duration,
}
