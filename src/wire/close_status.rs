use core::fmt;

/// The status of a close frame (`WEB_SOCKET_CLOSE_STATUS`, RFC 6455 §7.4): any 16-bit number, with names for
/// those that the component API names.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CloseStatus(pub u16);

impl CloseStatus {
    /// 1000: the purpose of the connection is fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// The component API's name of [`NORMAL`](Self::NORMAL).
    pub const SUCCESS: Self = Self::NORMAL;
    /// 1001: the endpoint goes away (a server shuts down, a page is left).
    pub const GOING_AWAY: Self = Self(1001);
    /// The component API's name of [`GOING_AWAY`](Self::GOING_AWAY).
    pub const ENDPOINT_UNAVAILABLE: Self = Self::GOING_AWAY;
    /// 1002: the peer broke the protocol.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// 1003: data of a type that the endpoint does not accept.
    pub const INVALID_DATA_TYPE: Self = Self(1003);
    /// 1005: never on the wire; stands for a close frame without a status.
    pub const EMPTY: Self = Self(1005);
    /// 1006: never on the wire; the connection ended without a close frame.
    pub const ABORTED: Self = Self(1006);
    /// 1007: data that does not fit its type, such as text that is not UTF-8.
    pub const INVALID_PAYLOAD: Self = Self(1007);
    /// 1008: a message that breaks the endpoint's policy.
    pub const POLICY_VIOLATION: Self = Self(1008);
    /// 1009: a message too big to process.
    pub const MESSAGE_TOO_BIG: Self = Self(1009);
    /// 1010: the client expected an extension that the server did not agree to.
    pub const UNSUPPORTED_EXTENSIONS: Self = Self(1010);
    /// 1011: the server met an unexpected condition.
    pub const SERVER_ERROR: Self = Self(1011);
    /// 1012: the service restarts; clients may connect again (registered after RFC 6455).
    pub const SERVICE_RESTART: Self = Self(1012);
    /// 1013: the service is overloaded; clients should try again later (registered after RFC 6455).
    pub const TRY_AGAIN_LATER: Self = Self(1013);
    /// 1014: a gateway got an invalid response from its server (registered after RFC 6455).
    pub const BAD_GATEWAY: Self = Self(1014);
    /// 1015: never on the wire; the TLS handshake failed.
    pub const SECURE_HANDSHAKE_ERROR: Self = Self(1015);

    /// Whether a close frame may carry this status, in either direction: 1000–1003, 1007–1014 and 3000–4999
    /// (RFC 6455 §7.4.1, §7.4.2; 1012–1014 were registered later).
    #[must_use]
    pub const fn is_valid_on_wire(self) -> bool {
        matches!(self.0, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }
}

impl From<u16> for CloseStatus {
    fn from(status: u16) -> Self {
        Self(status)
    }
}

impl From<CloseStatus> for u16 {
    fn from(status: CloseStatus) -> Self {
        status.0
    }
}

impl fmt::Debug for CloseStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CloseStatus({})", self.0)
    }
}

impl fmt::Display for CloseStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
