//! Errors, by their cause: the caller ([`Misuse`]), the peer's headers ([`HandshakeError`]) or the peer's frames
//! ([`Violation`]).

use core::fmt;

use crate::random::RandomUnavailable;
use crate::wire::CloseStatus;

/// An error of the component. Its [`code`](Self::code) is the result code of the original API; the variant is more
/// precise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The call is wrong, or comes at the wrong time.
    Misuse(Misuse),
    /// The peer's half of the handshake is invalid, or selects something that was not offered.
    Handshake(HandshakeError),
    /// The peer broke the protocol, or a limit, after the handshake.
    Violation(Violation),
    /// The random source gave no bytes.
    RandomUnavailable,
    /// There is not enough memory for the requested buffer size.
    OutOfMemory,
    /// The [`Connection`](crate::Connection) has failed: nothing more can be sent.
    ConnectionFailed,
    /// The peer did not end the opening handshake in time.
    HandshakeTimeout,
}

/// The result codes of the component API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
#[non_exhaustive]
pub enum ErrorCode {
    /// `E_INVALIDARG`: a bad argument.
    InvalidArgument = 0x8007_0057,
    /// `E_OUTOFMEMORY`: no memory for a handle's buffers, or for decompression. Other allocations below one mebibyte do
    /// not report it: Rust's allocator ends the program instead.
    OutOfMemory = 0x8007_000E,
    /// `E_FAIL`: unspecified; here, no random bytes.
    Fail = 0x8000_4005,
    /// `E_INVALID_PROTOCOL_OPERATION`: the call, or the peer's action, is not allowed at this point.
    InvalidProtocolOperation = 0x8376_0001,
    /// `E_INVALID_PROTOCOL_FORMAT`: bytes or headers are malformed.
    InvalidProtocolFormat = 0x8376_0002,
    /// `E_PROTOCOL_EXTENSIONS_NOT_SUPPORTED`: an extension that was not offered.
    ExtensionsNotSupported = 0x8376_0003,
    /// `E_SUBPROTOCOL_NOT_SUPPORTED`: a subprotocol that was not offered, or none although some were offered.
    SubprotocolNotSupported = 0x8376_0004,
    /// `E_PROTOCOL_VERSION_NOT_SUPPORTED`: `Sec-WebSocket-Version` is not 13.
    VersionNotSupported = 0x8376_0005,
    /// `ERROR_INSUFFICIENT_BUFFER`. The crate never returns it: its outputs grow as needed.
    InsufficientBuffer = 0x8007_007A,
    /// `ERROR_ARITHMETIC_OVERFLOW`. The crate never returns it: sizes are checked as arguments.
    ArithmeticOverflow = 0x8007_0216,
}

impl ErrorCode {
    /// The HRESULT, negative as all failures are.
    #[must_use]
    pub const fn hresult(self) -> i32 {
        (self as u32).cast_signed()
    }

    /// The name in `winerror.h`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidArgument => "E_INVALIDARG",
            Self::OutOfMemory => "E_OUTOFMEMORY",
            Self::Fail => "E_FAIL",
            Self::InvalidProtocolOperation => "E_INVALID_PROTOCOL_OPERATION",
            Self::InvalidProtocolFormat => "E_INVALID_PROTOCOL_FORMAT",
            Self::ExtensionsNotSupported => "E_PROTOCOL_EXTENSIONS_NOT_SUPPORTED",
            Self::SubprotocolNotSupported => "E_SUBPROTOCOL_NOT_SUPPORTED",
            Self::VersionNotSupported => "E_PROTOCOL_VERSION_NOT_SUPPORTED",
            Self::InsufficientBuffer => "ERROR_INSUFFICIENT_BUFFER",
            Self::ArithmeticOverflow => "ERROR_ARITHMETIC_OVERFLOW",
        }
    }
}

/// Defines one enumeration of errors, with the code, the specification's section and the text of each.
macro_rules! errors {
    (
        $(#[$doc:meta])*
        $name:ident, $first_id:literal: $($variant:ident, $code:ident, $section:literal, $text:literal;)*
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $(#[doc = concat!($text, " (", $section, ").")] $variant,)*
        }

        impl $name {
            /// All variants.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The component API's result code.
            #[must_use]
            pub const fn code(self) -> ErrorCode {
                match self { $(Self::$variant => ErrorCode::$code,)* }
            }

            /// The rule that was broken: a section of RFC 6455 or of the component API.
            #[must_use]
            pub const fn section(self) -> &'static str {
                match self { $(Self::$variant => $section,)* }
            }

            /// The description of the error.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            #[cfg(all(target_arch = "wasm32", target_os = "unknown", feature = "__exports"))]
            const fn id(self) -> i32 {
                $first_id + self as i32
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{} ({})", self.as_str(), self.section())
            }
        }

        impl core::error::Error for $name {}

        impl From<$name> for Error {
            fn from(error: $name) -> Self {
                errors!(@wrap $name error)
            }
        }
    };
    (@wrap Misuse $error:ident) => { Self::Misuse($error) };
    (@wrap HandshakeError $error:ident) => { Self::Handshake($error) };
    (@wrap Violation $error:ident) => { Self::Violation($error) };
}

errors! {
    /// A mistake of the caller. The call had no effect.
    Misuse, 1:
    Aborted, InvalidProtocolOperation, "WebSocketAbortHandle",
        "the handle was aborted: drain it and make a new one";
    ActionQueueUnknown, InvalidArgument, "WEB_SOCKET_ACTION_QUEUE",
        "the number is not an action queue: send is 1, receive 2, all 3";
    AllocatedBufferTooSmall, InvalidArgument, "WEB_SOCKET_PROPERTY_TYPE",
        "the allocated buffer is smaller than both buffer sizes and 144 bytes together";
    BytesTooMany, InvalidArgument, "WebSocketCompleteAction",
        "more bytes are said to be transferred than the action has";
    BufferOfWrongKind, InvalidArgument, "WebSocketSend",
        "a close takes a status and a reason, everything else takes data";
    BufferTypeUnknown, InvalidArgument, "WEB_SOCKET_BUFFER_TYPE",
        "the number is neither a buffer type nor a custom header";
    CloseReasonNotUtf8, InvalidArgument, "RFC 6455 §5.5.1",
        "the close reason is not UTF-8";
    CloseReasonTooLong, InvalidArgument, "RFC 6455 §5.5",
        "the close reason is longer than 123 bytes of UTF-8";
    CloseReasonWithoutStatus, InvalidArgument, "RFC 6455 §5.5.1",
        "a close without a status cannot have a reason";
    CloseStatusNotSendable, InvalidArgument, "RFC 6455 §7.4",
        "the close status is none of 1000-1003, 1007-1014, 3000-4999";
    ControlPayloadTooLong, InvalidArgument, "RFC 6455 §5.5",
        "the payload of a control frame is longer than 125 bytes";
    CustomHeaderWithoutExtension, InvalidArgument, "WEB_SOCKET_BUFFER_TYPE",
        "a custom frame header needs an extension that was agreed in the handshake";
    CustomPayloadTooLong, InvalidArgument, "WEB_SOCKET_BUFFER_TYPE",
        "the frame with a custom header does not fit into the send buffer: make that larger";
    DeflateSettingsInvalid, InvalidArgument, "RFC 7692 §7.1.2",
        "a window has 8 to 15 bits, a memory level is 1 to 9, a level 0 to 9";
    ExtensionMalformed, InvalidArgument, "RFC 6455 §9.1",
        "an extension argument is not one name with its parameters";
    HandshakeAlreadyBegun, InvalidProtocolOperation, "WebSocketBeginClientHandshake",
        "the handshake has begun already: a handle makes one";
    HandshakeAlreadyEnded, InvalidProtocolOperation, "WebSocketEndClientHandshake",
        "the handshake has ended already";
    HandshakeNotBegun, InvalidProtocolOperation, "WebSocketEndClientHandshake",
        "the handshake has not begun";
    HandshakeNotEnded, InvalidProtocolOperation, "WebSocketSend",
        "the handshake has not ended: nothing can be sent or received yet";
    HeaderInvalid, InvalidArgument, "RFC 9110 §5",
        "a header's name is not a token, or its value has a control character or is not Latin-1; or a host is not \
         host or host:port, without a scheme";
    MessageCompressed, InvalidProtocolOperation, "RFC 7692 §6.1",
        "the message that is being sent is compressed: its parts cannot be sent by their headers alone";
    MessageTypeMixed, InvalidProtocolOperation, "RFC 6455 §5.4",
        "another message is unfinished: end it first";
    NoSlots, InvalidArgument, "WebSocketGetAction",
        "an action needs room for one buffer at least";
    PropertyNotGlobal, InvalidArgument, "WebSocketGetGlobalProperty",
        "the property belongs to a handle";
    PropertyOutOfRange, InvalidArgument, "WEB_SOCKET_PROPERTY_TYPE",
        "the receive buffer has at least 256 bytes, the send buffer 16";
    PropertyRepeated, InvalidArgument, "WEB_SOCKET_PROPERTY_TYPE",
        "the same property is given twice";
    QueueNotEmpty, InvalidProtocolOperation, "Handle::into_session",
        "sends, receives or unread bytes are still queued";
    ReceiveAfterClose, InvalidProtocolOperation, "RFC 6455 §5.5.1",
        "the peer has closed: nothing more will be received";
    ReceiveAfterViolation, InvalidProtocolOperation, "RFC 6455 §7.1.7",
        "the peer broke the protocol: nothing more will be received";
    ReceiveBufferEmpty, InvalidArgument, "WebSocketReceive",
        "a receive buffer needs room for one byte at least";
    ScratchExceeded, InvalidArgument, "websocket-component/component",
        "the frame does not fit into the shared output memory: send its payload in pieces";
    SendAfterClose, InvalidProtocolOperation, "RFC 6455 §5.5.1",
        "a close was sent: no data and no second close may follow";
    StatusLineInvalid, InvalidArgument, "RFC 9112 §4",
        "the status does not have three digits or cannot be an answer, or the reason has a control character";
    SubprotocolMalformed, InvalidArgument, "RFC 6455 §4.1",
        "a subprotocol is not a token";
    SubprotocolRepeated, InvalidArgument, "RFC 6455 §4.1",
        "a subprotocol is offered twice";
    TargetInvalid, InvalidArgument, "RFC 9112 §3.2",
        "the request target does not begin with / or a scheme, has a fragment, or a character that is not visible \
         ASCII";
    WrongRole, InvalidArgument, "WebSocketCreateClientHandle",
        "the function belongs to the other role, client or server";
}

errors! {
    /// The peer's half of the handshake is invalid, or the server selected something that the client did not offer.
    HandshakeError, 100:
    AcceptMissing, InvalidProtocolFormat, "RFC 6455 §4.1",
        "the response has no Sec-WebSocket-Accept";
    AcceptRepeated, InvalidProtocolFormat, "RFC 6455 §4.1",
        "the response has more than one Sec-WebSocket-Accept";
    AcceptWrong, InvalidProtocolFormat, "RFC 6455 §4.1",
        "Sec-WebSocket-Accept does not answer the request's key";
    ConnectionMissing, InvalidProtocolFormat, "RFC 6455 §4.1",
        "the Connection header does not have the token upgrade";
    DeflateNotGranted, ExtensionsNotSupported, "RFC 7692 §7.1",
        "the server did not grant what the offer of permessage-deflate asks of it";
    DeflateParameterRepeated, ExtensionsNotSupported, "RFC 7692 §7.1",
        "a parameter of permessage-deflate is given twice";
    DeflateParameterUnknown, ExtensionsNotSupported, "RFC 7692 §7.1",
        "permessage-deflate does not have the parameter";
    DeflateValueInvalid, ExtensionsNotSupported, "RFC 7692 §7.1",
        "a parameter of permessage-deflate has no valid value";
    DeflateWindowNotOffered, ExtensionsNotSupported, "RFC 7692 §7.1.2.2",
        "the server limits the client's window, which was not offered";
    ExtensionNotOffered, ExtensionsNotSupported, "RFC 6455 §4.1",
        "an extension was selected that the client did not offer";
    ExtensionRepeated, ExtensionsNotSupported, "RFC 6455 §9.1",
        "an extension was selected twice";
    HeadMalformed, InvalidProtocolFormat, "RFC 9112 §2",
        "the bytes are not an HTTP/1.1 head";
    HeadTooLarge, InvalidProtocolFormat, "RFC 9112 §3",
        "the HTTP head is longer than 16 KiB";
    HeaderMalformed, InvalidProtocolFormat, "RFC 9110 §5",
        "a header's name is not a token, or its value has a control character";
    HeadersMissing, InvalidProtocolFormat, "RFC 6455 §4.1",
        "there are no headers";
    HeadersTooMany, InvalidProtocolFormat, "RFC 6455 §10.4",
        "there are more than 4096 headers";
    HostMalformed, InvalidProtocolFormat, "RFC 9112 §3.2",
        "the Host header has a character that no host and port have";
    HostMissing, InvalidProtocolFormat, "RFC 6455 §4.2.1",
        "the request does not have exactly one Host header";
    HttpVersionTooLow, InvalidProtocolFormat, "RFC 6455 §4.1",
        "the HTTP version is lower than 1.1";
    KeyMalformed, InvalidProtocolFormat, "RFC 6455 §4.2.1",
        "Sec-WebSocket-Key is not the Base64 of 16 bytes";
    KeyMissing, InvalidProtocolFormat, "RFC 6455 §4.2.1",
        "the request has no Sec-WebSocket-Key";
    KeyRepeated, InvalidProtocolFormat, "RFC 6455 §11.3.1",
        "the request has more than one Sec-WebSocket-Key";
    ListMalformed, InvalidProtocolFormat, "RFC 6455 §9.1",
        "the list of subprotocols or extensions is malformed, or has more than 64 elements";
    MethodNotGet, InvalidProtocolFormat, "RFC 6455 §4.2.1",
        "the request's method is not GET";
    RequestHasBody, InvalidProtocolFormat, "RFC 6455 §4.2.1",
        "the request announces a body";
    StatusNot101, InvalidProtocolFormat, "RFC 6455 §4.1",
        "the status does not accept the handshake";
    SubprotocolMalformed, InvalidProtocolFormat, "RFC 6455 §11.3.4",
        "the response's Sec-WebSocket-Protocol is not one token";
    SubprotocolMissing, SubprotocolNotSupported, "WebSocketEndClientHandshake",
        "the server selected none of the subprotocols";
    SubprotocolNotOffered, SubprotocolNotSupported, "RFC 6455 §4.1",
        "a subprotocol was selected that the client did not offer";
    SubprotocolRepeated, InvalidProtocolFormat, "RFC 6455 §4.1",
        "a subprotocol is offered twice";
    TargetMalformed, InvalidProtocolFormat, "RFC 9112 §3.2",
        "the request's target has a fragment, or a character that is not visible ASCII";
    UpgradeMissing, InvalidProtocolFormat, "RFC 6455 §4.1",
        "the Upgrade header does not have the token websocket, or a response's has more than that";
    VersionMalformed, InvalidProtocolFormat, "RFC 6455 §4.2.1",
        "the request does not have exactly one Sec-WebSocket-Version, a number from 0 to 255";
    VersionMissing, InvalidProtocolFormat, "RFC 6455 §4.2.1",
        "the request has no Sec-WebSocket-Version";
    VersionNotSupported, VersionNotSupported, "RFC 6455 §4.4",
        "the client asks for another version than 13: answer 426 with Sec-WebSocket-Version: 13";
}

errors! {
    /// The peer broke the protocol after the handshake, or a limit that protects its receiver.
    Violation, 200:
    ClosePayloadTooShort, InvalidProtocolFormat, "RFC 6455 §5.5.1",
        "the close frame has one byte of payload, half a status";
    CloseReasonNotUtf8, InvalidProtocolFormat, "RFC 6455 §5.5.1",
        "the close reason is not UTF-8";
    CloseStatusInvalid, InvalidProtocolFormat, "RFC 6455 §7.4",
        "the close status must not be on the wire";
    ContinuationUnexpected, InvalidProtocolOperation, "RFC 6455 §5.4",
        "a continuation frame came without a message to continue";
    ControlFragmented, InvalidProtocolFormat, "RFC 6455 §5.5",
        "a control frame is fragmented";
    ControlTooLong, InvalidProtocolFormat, "RFC 6455 §5.5",
        "a control frame has more than 125 bytes of payload";
    DeflateCorrupt, InvalidProtocolFormat, "RFC 7692 §7.2.2",
        "a compressed message is corrupt";
    FragmentsTooMany, InvalidProtocolFormat, "RFC 6455 §10.4",
        "a message has more fragments than the configured limit";
    FrameTooBig, InvalidProtocolFormat, "RFC 6455 §10.4",
        "a frame is larger than the configured limit";
    LengthNotMinimal, InvalidProtocolFormat, "RFC 6455 §5.2",
        "the payload length is not in the shortest form";
    LengthTopBitSet, InvalidProtocolFormat, "RFC 6455 §5.2",
        "the payload length has its top bit set";
    MaskMissing, InvalidProtocolFormat, "RFC 6455 §5.1",
        "the client sent a frame that is not masked";
    MaskUnexpected, InvalidProtocolFormat, "RFC 6455 §5.1",
        "the server sent a masked frame";
    MemoryExhausted, OutOfMemory, "RFC 6455 §10.4",
        "there is no memory to decompress a message";
    MessageTooBig, InvalidProtocolFormat, "RFC 6455 §10.4",
        "a message is larger than the configured limit";
    MessageUnfinished, InvalidProtocolOperation, "RFC 6455 §5.4",
        "a new message began before the last one ended";
    OpcodeReserved, InvalidProtocolFormat, "RFC 6455 §5.2",
        "the opcode is reserved";
    ReservedBitSet, InvalidProtocolFormat, "RFC 6455 §5.2",
        "a reserved bit is set without an extension that uses it";
    TextNotUtf8, InvalidProtocolFormat, "RFC 6455 §8.1",
        "the text is not UTF-8";
}

impl Violation {
    /// The status to close the connection with (RFC 6455 §7.4.1).
    #[must_use]
    pub const fn close_status(self) -> CloseStatus {
        match self {
            Self::CloseReasonNotUtf8 | Self::TextNotUtf8 | Self::DeflateCorrupt => CloseStatus::INVALID_PAYLOAD,
            Self::FrameTooBig | Self::MessageTooBig => CloseStatus::MESSAGE_TOO_BIG,
            Self::FragmentsTooMany => CloseStatus::POLICY_VIOLATION,
            Self::MemoryExhausted => CloseStatus::TRY_AGAIN_LATER,
            _ => CloseStatus::PROTOCOL_ERROR,
        }
    }
}

impl Error {
    /// The component API's result code.
    #[must_use]
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::Misuse(error) => error.code(),
            Self::Handshake(error) => error.code(),
            Self::Violation(error) => error.code(),
            Self::RandomUnavailable => ErrorCode::Fail,
            Self::OutOfMemory => ErrorCode::OutOfMemory,
            Self::ConnectionFailed | Self::HandshakeTimeout => ErrorCode::InvalidProtocolOperation,
        }
    }

    /// The number by which JavaScript knows the error.
    #[cfg(all(target_arch = "wasm32", target_os = "unknown", feature = "__exports"))]
    pub(crate) const fn id(self) -> i32 {
        match self {
            Self::Misuse(error) => error.id(),
            Self::Handshake(error) => error.id(),
            Self::Violation(error) => error.id(),
            // JavaScript uses neither the crate's connections nor its time-outs
            Self::RandomUnavailable | Self::ConnectionFailed | Self::HandshakeTimeout => 300,
            Self::OutOfMemory => 301,
        }
    }

    /// The numeric code, negative.
    #[must_use]
    pub const fn hresult(self) -> i32 {
        self.code().hresult()
    }

    /// The HTTP status to answer a request with that is invalid, or that took too long.
    /// [`HandshakeError::response_headers`] gives the fields.
    #[must_use]
    pub const fn status(self) -> Option<u16> {
        match self {
            Self::Handshake(error) => Some(error.status()),
            Self::HandshakeTimeout => Some(408),
            _ => None,
        }
    }

    /// The status to close the connection with, if the peer's frames caused the error.
    #[must_use]
    pub const fn close_status(self) -> Option<CloseStatus> {
        match self {
            Self::Violation(violation) => Some(violation.close_status()),
            _ => None,
        }
    }
}

impl From<RandomUnavailable> for Error {
    fn from(RandomUnavailable: RandomUnavailable) -> Self {
        Self::RandomUnavailable
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Misuse(error) => error.fmt(f),
            Self::Handshake(error) => error.fmt(f),
            Self::Violation(error) => error.fmt(f),
            Self::RandomUnavailable => RandomUnavailable.fmt(f),
            Self::OutOfMemory => f.write_str("there is no memory for buffers of this size"),
            Self::ConnectionFailed => f.write_str("the connection has failed: nothing more can be sent"),
            Self::HandshakeTimeout => f.write_str("the peer did not end the handshake in time"),
        }
    }
}

// The error displays its cause itself: a `source` would repeat it.
impl core::error::Error for Error {}

#[cfg(feature = "std")]
impl From<Error> for std::io::Error {
    fn from(error: Error) -> Self {
        use std::io::ErrorKind;
        let kind = match error {
            Error::Misuse(_) => ErrorKind::InvalidInput,
            Error::Handshake(_) | Error::Violation(_) => ErrorKind::InvalidData,
            Error::OutOfMemory => ErrorKind::OutOfMemory,
            Error::RandomUnavailable => ErrorKind::Other,
            Error::ConnectionFailed => ErrorKind::NotConnected,
            Error::HandshakeTimeout => ErrorKind::TimedOut,
        };
        Self::new(kind, error)
    }
}

#[cfg(test)]
mod tests {
    use super::{Error, ErrorCode, HandshakeError, Misuse, Violation};

    #[test]
    fn codes_have_the_hresults_of_winerror_h() {
        let codes: [(ErrorCode, i32); 10] = [
            (ErrorCode::InvalidArgument, -2_147_024_809),
            (ErrorCode::OutOfMemory, -2_147_024_882),
            (ErrorCode::Fail, -2_147_467_259),
            (ErrorCode::InvalidProtocolOperation, -2_089_418_751),
            (ErrorCode::InvalidProtocolFormat, -2_089_418_750),
            (ErrorCode::ExtensionsNotSupported, -2_089_418_749),
            (ErrorCode::SubprotocolNotSupported, -2_089_418_748),
            (ErrorCode::VersionNotSupported, -2_089_418_747),
            (ErrorCode::InsufficientBuffer, -2_147_024_774),
            (ErrorCode::ArithmeticOverflow, -2_147_024_362),
        ];
        for (code, hresult) in codes {
            assert_eq!(code.hresult(), hresult, "{}", code.as_str());
        }
    }

    #[test]
    fn the_three_kinds_of_errors_have_numbers_of_their_own() {
        // the numbers in JavaScript: misuses from 1, handshake errors from 100, violations from 200, then 300 and 301
        assert!(Misuse::ALL.len() < 99 && HandshakeError::ALL.len() < 100 && Violation::ALL.len() < 100);
    }

    #[test]
    fn an_error_says_what_was_wrong_and_where() {
        let error = Error::from(Violation::TextNotUtf8);
        assert_eq!(error.to_string(), "the text is not UTF-8 (RFC 6455 §8.1)");
        assert_eq!(error.close_status().map(u16::from), Some(1007));
        assert_eq!(Error::from(Misuse::NoSlots).close_status(), None);
    }
}
