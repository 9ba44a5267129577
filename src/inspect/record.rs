use crate::error::{HandshakeError, Violation};
use crate::wire::{MaskKey, Opcode};

/// Which way bytes went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Sent by the client.
    ToServer = 0,
    /// Sent by the server.
    ToClient = 1,
}

impl Direction {
    /// The other one.
    #[must_use]
    pub const fn reverse(self) -> Self {
        match self {
            Self::ToServer => Self::ToClient,
            Self::ToClient => Self::ToServer,
        }
    }
}

/// One unit on the wire. The records of a direction cover its bytes in order and without gaps: each begins where the
/// one before it ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Record {
    /// Which way it went.
    pub direction: Direction,
    /// An earlier violation in this direction closes the connection for any receiver, and may hide the frames'
    /// boundaries.
    pub is_unreliable: bool,
    /// Bytes before it are missing, or came before the recording began. Its start is a guess: a piece begins here, and
    /// the headers from here on are plausible.
    pub is_found: bool,
    /// When its first byte came, in the unit of [`Inspector::push`](super::Inspector::push).
    pub time: f64,
    /// Where in its direction's bytes it begins.
    pub start: u64,
    /// Where it ends, or would end if the bytes did not end before.
    pub end: u64,
    /// What it is.
    pub kind: RecordKind,
}

/// What a [`Record`] stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RecordKind {
    /// The client's half of the handshake, an HTTP request's head.
    Request,
    /// The server's half, a response's head.
    Response,
    /// A frame.
    Frame(Frame),
    /// Bytes that are not part of the WebSocket protocol.
    Bytes(Reason),
}

/// A frame's header as it is on the wire, and what else is known of the frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame {
    /// FIN, the three reserved bits, and four bits of opcode.
    pub first: u8,
    /// The bytes of the header: 2 to 14.
    pub header_size: u8,
    /// The status of a close that is whole, 1005 if it has none; of everything else 0.
    pub status: u16,
    /// The masking key, if it is masked.
    pub mask: Option<MaskKey>,
    /// The index of its [`Message`], if it belongs to one.
    pub message: Option<u32>,
    /// The index of the record of the pong to this ping, of the ping to this pong, or of the other side's close.
    pub partner: Option<u32>,
    /// The engine would refuse it: [`Fault`]s say why.
    pub is_violation: bool,
}

impl Frame {
    /// Its opcode, `None` if that is reserved.
    #[must_use]
    pub const fn opcode(&self) -> Option<Opcode> {
        Opcode::from_bits(self.first & 0x0F)
    }

    /// The last frame of its message.
    #[must_use]
    pub const fn fin(&self) -> bool {
        self.first & 0x80 != 0
    }

    /// The bits that the length takes: 7, 16 or 64 (RFC 6455 §5.2).
    #[must_use]
    pub const fn length_bits(&self) -> u8 {
        match self.header_size - if self.mask.is_some() { 4 } else { 0 } {
            2 => 7,
            4 => 16,
            _ => 64,
        }
    }
}

/// Why bytes are neither a frame nor a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The stream ends in a head or a frame's header.
    Cut = 0,
    /// They came after a close frame: receivers ignore them (RFC 6455 §1.4).
    AfterClose = 1,
    /// They came after a head that does not open a WebSocket connection.
    NotWebSocket = 2,
    /// They came after a frame with an impossible length.
    NoBoundary = 3,
    /// They are missing where a head or a frame's header would be, or come between such a gap and the next header
    /// found.
    Missing = 4,
}

/// A message, over all its frames.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Message {
    /// Which way it went.
    pub direction: Direction,
    /// Text or binary.
    pub is_text: bool,
    /// permessage-deflate.
    pub is_compressed: bool,
    /// How far it came.
    pub state: MessageState,
    /// The numbers of the records of its first and its last frame so far.
    pub first: u32,
    /// See [`first`](Self::first).
    pub last: u32,
    /// How many frames it has.
    pub frames: u32,
    /// Payload bytes on the wire.
    pub wire_length: u64,
    /// Payload bytes after decompressing; the same if it is not compressed.
    pub length: u64,
}

/// How far a message came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageState {
    /// Its last frame has not ended.
    Unfinished = 0,
    /// It is whole.
    Whole = 1,
    /// It is not valid: there is a [`Fault`].
    Failed = 2,
    /// Bytes of it are missing, or it refers to a message that cannot be decompressed.
    Unreadable = 3,
}

/// A violation of the RFCs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fault {
    /// The index of its record.
    pub record: u32,
    /// The offset in the direction's bytes where it is found.
    pub offset: u64,
    /// What is wrong.
    pub error: FaultError,
}

/// The error of a [`Fault`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultError {
    /// Of a head.
    Handshake(HandshakeError),
    /// Of a frame; [`Violation::close_status`] is what the engine would close with.
    Frame(Violation),
}

/// How a payload is processed before it is returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Nothing.
    Wire,
    /// It is unmasked.
    Unmasked,
    /// It is unmasked, and decompressed if it is compressed.
    Inflated,
}
