//! The same bytes to our [`Session`] and to tungstenite 0.30: the same messages and the same verdict, except where
//! [`expected`] says what tungstenite does instead, and why ours is right. Nothing else is normalised.

use std::io::{self, ErrorKind, Read, Write};

use tungstenite::error::{CapacityError, Error, ProtocolError};
use tungstenite::protocol::{self, WebSocket, WebSocketConfig};
use websocket_component::{BufferType, CloseStatus, Limits, Received, Role, Session, SessionOptions, Violation};

/// The first byte says the role, the limits and how the rest is split.
pub fn differential(data: &[u8]) {
    let Some((&first, stream)) = data.split_first() else {
        return;
    };
    let setting = Setting::new(first);
    let ours = receive(&setting, stream, 1);
    assert_eq!(receive(&setting, stream, setting.chunk).outcome, ours.outcome);
    assert_eq!(
        receive_by_tungstenite(&setting, stream),
        expected(&setting, stream, ours),
        "tungstenite's, and what ours lets expect of it"
    );
}

struct Setting {
    role: Role,
    limits: Limits,
    chunk: usize,
}

impl Setting {
    fn new(first: u8) -> Self {
        // small enough for a fuzzer to exceed, and each of them the tighter one of a pair
        let (max_frame_size, max_message_size) = if first & 2 == 0 { (200, 300) } else { (300, 200) };
        Self {
            role: if first & 1 == 0 { Role::Server } else { Role::Client },
            limits: {
                let mut limits = Limits::NONE;
                limits.max_frame_size = max_frame_size;
                limits.max_message_size = max_message_size;
                limits
            },
            // 1, 4, 9 … 4096: byte by byte, whole, and between
            chunk: (usize::from(first >> 2) + 1).pow(2),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    messages: Vec<Message>,
    verdict: Verdict,
}

#[derive(Debug, PartialEq, Eq)]
enum Message {
    Text(Vec<u8>),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(CloseStatus, Vec<u8>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Open,
    Closed,
    Failed(Violation),
}

/// What our session makes of the bytes.
struct Ours {
    outcome: Outcome,
    /// How many bytes it was given until it was sure of its verdict.
    given: usize,
}

fn receive(setting: &Setting, stream: &[u8], chunk: usize) -> Ours {
    let mut options = SessionOptions::default();
    options.limits = setting.limits;
    let mut session = Session::new(setting.role, options);
    let (mut messages, mut data, mut unread, mut given) = (Vec::new(), Vec::new(), Vec::new(), 0);
    let mut verdict = Verdict::Open;
    for chunk in stream.chunks(chunk) {
        unread.extend_from_slice(chunk);
        given += chunk.len();
        verdict = receive_chunk(&mut session, &mut unread, &mut data, &mut messages);
        if let Verdict::Failed(_) = verdict {
            break;
        }
    }
    Ours {
        outcome: Outcome { messages, verdict },
        given,
    }
}

fn receive_chunk(
    session: &mut Session,
    unread: &mut Vec<u8>,
    data: &mut Vec<u8>,
    messages: &mut Vec<Message>,
) -> Verdict {
    loop {
        let step = match session.receive(unread) {
            Ok(step) => step,
            Err(violation) => return Verdict::Failed(violation),
        };
        let message = match step.received {
            Received::Inflated { .. } => unreachable!("permessage-deflate was not agreed"),
            Received::NeedMore => {
                unread.drain(..step.consumed);
                return if session.state().close_received() {
                    Verdict::Closed
                } else {
                    Verdict::Open
                };
            }
            Received::Data {
                buffer_type, payload, ..
            } => {
                data.extend_from_slice(&unread[payload]);
                whole_message(buffer_type, data)
            }
            Received::Ping(payload) => Some(Message::Ping(unread[payload].to_vec())),
            Received::Pong(payload) => Some(Message::Pong(unread[payload].to_vec())),
            Received::Close { status, reason } => Some(Message::Close(status, unread[reason].to_vec())),
        };
        messages.extend(message);
        unread.drain(..step.consumed);
    }
}

fn whole_message(buffer_type: BufferType, data: &mut Vec<u8>) -> Option<Message> {
    match buffer_type {
        BufferType::Utf8Message => Some(Message::Text(std::mem::take(data))),
        BufferType::BinaryMessage => Some(Message::Binary(std::mem::take(data))),
        BufferType::Utf8Fragment | BufferType::BinaryFragment => None,
        other => panic!("{other:?} without an extension"),
    }
}

/// tungstenite's answers go nowhere. Only its first error counts: called again after one, it takes up the next frame,
/// while ours stays failed. §7.1.7: "An endpoint MUST NOT continue to attempt to process data".
fn receive_by_tungstenite(setting: &Setting, stream: &[u8]) -> Outcome {
    let role = match setting.role {
        Role::Server => protocol::Role::Server,
        Role::Client => protocol::Role::Client,
    };
    let limit = |limit| Some(usize::try_from(limit).expect("a small limit"));
    let config = WebSocketConfig::default()
        // it is filled with zeros at every read
        .read_buffer_size(setting.chunk)
        .max_frame_size(limit(setting.limits.max_frame_size))
        .max_message_size(limit(setting.limits.max_message_size));
    let chunks = Chunks {
        stream,
        chunk: setting.chunk,
    };
    let mut socket = WebSocket::from_raw_socket(chunks, role, Some(config));
    let mut messages = Vec::new();
    loop {
        match socket.read() {
            Ok(message) => messages.push(Message::from(message)),
            Err(error) => {
                let closed = matches!(messages.last(), Some(Message::Close(..)));
                let verdict = if closed {
                    verdict_after_close(setting.role, &error)
                } else {
                    verdict(&setting.limits, &error)
                };
                return Outcome { messages, verdict };
            }
        }
    }
}

impl From<protocol::Message> for Message {
    fn from(message: protocol::Message) -> Self {
        match message {
            protocol::Message::Text(text) => Self::Text(text.as_bytes().to_vec()),
            protocol::Message::Binary(data) => Self::Binary(data.to_vec()),
            protocol::Message::Ping(data) => Self::Ping(data.to_vec()),
            protocol::Message::Pong(data) => Self::Pong(data.to_vec()),
            protocol::Message::Close(None) => Self::Close(CloseStatus::EMPTY, Vec::new()),
            protocol::Message::Close(Some(close)) => {
                Self::Close(CloseStatus(close.code.into()), close.reason.as_bytes().to_vec())
            }
            protocol::Message::Frame(_) => panic!("a frame is never read"),
        }
    }
}

/// The violation of the same rule, error by error.
fn verdict(limits: &Limits, error: &Error) -> Verdict {
    Verdict::Failed(match error {
        Error::Io(error) if error.kind() == ErrorKind::WouldBlock => return Verdict::Open,
        Error::Capacity(CapacityError::MessageTooLong { max_size, .. }) => {
            if *max_size as u64 == limits.max_frame_size {
                Violation::FrameTooBig
            } else {
                Violation::MessageTooBig
            }
        }
        // a close reason's too: it has one error for both
        Error::Utf8(_) => Violation::TextNotUtf8,
        Error::Protocol(error) => match error {
            ProtocolError::InvalidOpcode(_) => Violation::OpcodeReserved,
            ProtocolError::NonZeroReservedBits => Violation::ReservedBitSet,
            ProtocolError::UnmaskedFrameFromClient => Violation::MaskMissing,
            ProtocolError::MaskedFrameFromServer => Violation::MaskUnexpected,
            ProtocolError::FragmentedControlFrame => Violation::ControlFragmented,
            ProtocolError::ControlFrameTooBig => Violation::ControlTooLong,
            ProtocolError::InvalidCloseSequence => Violation::ClosePayloadTooShort,
            ProtocolError::UnexpectedContinueFrame => Violation::ContinuationUnexpected,
            ProtocolError::ExpectedFragment(_) => Violation::MessageUnfinished,
            other => panic!("{other:?} of frames"),
        },
        other => panic!("{other:?} of frames"),
    })
}

/// Difference 1, bytes after the peer's close. As a server tungstenite reads no more; as a client it waits for the end
/// of the stream and complains of whole frames, and of headers that are wrong by themselves. §1.4: "after
/// receiving a control frame indicating the connection should be closed, a peer discards any further data received",
/// and so does ours in both roles. That no message follows a close is still compared.
fn verdict_after_close(role: Role, error: &Error) -> Verdict {
    match (role, error) {
        (Role::Server, Error::ConnectionClosed)
        | (
            Role::Client,
            Error::Protocol(ProtocolError::ReceivedAfterClosing | ProtocolError::InvalidOpcode(_)) | Error::Capacity(_),
        ) => Verdict::Closed,
        (Role::Client, Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => Verdict::Closed,
        other => panic!("{other:?} after a close"),
    }
}

/// Hands out its bytes in pieces and swallows what is written.
struct Chunks<'a> {
    stream: &'a [u8],
    chunk: usize,
}

impl Read for Chunks<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stream.is_empty() {
            return Err(ErrorKind::WouldBlock.into());
        }
        let size = self.chunk.min(buffer.len());
        self.stream.read(&mut buffer[..size])
    }
}

impl Write for Chunks<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What tungstenite must make of the bytes, given our result: the same, except for the known differences. The arms
/// read the bytes anew, not by our code.
fn expected(setting: &Setting, stream: &[u8], ours: Ours) -> Outcome {
    let Ours { mut outcome, given } = ours;
    assert_lengths(&stream[..given], outcome.verdict);
    let Verdict::Failed(violation) = outcome.verdict else {
        accept_without_1014(&mut outcome);
        return outcome;
    };
    let (start, header) = frame_of_byte(stream, given - 1);
    assert_soonest(violation, header.as_ref(), given - start);

    // Difference 2. tungstenite takes a length in any of the three forms. §5.2: "in all cases, the minimal number of
    // bytes MUST be used to encode the length". Ours fails at the length; from there on, what tungstenite reads must
    // be what ours reads where all lengths are minimal.
    if violation == Violation::LengthNotMinimal {
        let minimal = with_minimal_lengths(stream);
        let ours = receive(setting, &minimal, 1);
        assert_ne!(ours.outcome.verdict, Verdict::Failed(Violation::LengthNotMinimal));
        return expected(setting, &minimal, ours);
    }

    outcome.verdict = match header {
        Some(header) if start + header.size() <= stream.len() => {
            expected_of_frame(setting, &stream[start..], &header, violation, &mut outcome.messages)
        }
        // Difference 3. tungstenite judges no header before it is whole, key and all; ours an opcode by the first
        // byte and a length by the last byte of it. §5.2: "If an unknown opcode is received, the receiving endpoint
        // MUST _Fail the WebSocket Connection_": nothing that follows can mend it, and it may never follow.
        _ => Verdict::Open,
    };
    outcome
}

/// Difference 4. tungstenite does not know 1014 and turns it into its own words for a status that is not allowed.
/// §7.4.2 leaves 1000–2999 to the RFC, its revisions and extensions, by the registry of §11.7, which has 1014
/// (a gateway's bad response from upstream) as it has 1012 and 1013, which tungstenite does know. So ours delivers it.
fn accept_without_1014(outcome: &mut Outcome) {
    if let Some(close @ Message::Close(CloseStatus(1014), _)) = outcome.messages.last_mut() {
        *close = close_not_allowed();
    }
}

/// What tungstenite delivers in place of a status that it does not allow.
fn close_not_allowed() -> Message {
    Message::Close(CloseStatus::PROTOCOL_ERROR, b"Protocol violation".to_vec())
}

/// What tungstenite makes of the frame, its header being whole, in which ours found a violation.
fn expected_of_frame(
    setting: &Setting,
    frame: &[u8],
    header: &Header,
    violation: Violation,
    messages: &mut Vec<Message>,
) -> Verdict {
    match violation {
        Violation::OpcodeReserved => Verdict::Failed(violation),

        // Difference 5. To tungstenite 2^63 and above are but big frames (close status 1009). §5.2: "the most
        // significant bit MUST be 0": no limit would let it pass, so it is a protocol error (1002).
        Violation::LengthTopBitSet => Verdict::Failed(Violation::FrameTooBig),

        // Difference 6. tungstenite asks for a frame's size first, control frames' too; ours for the rules of §5.1,
        // §5.2, §5.4 and §5.5, so that what no endpoint may send is a protocol error (1002) of whatever size. The RFC
        // gives no order, but §7.4.1 keeps 1009 for a "message that is too big": it says that a smaller one would do.
        _ if header.length > setting.limits.max_frame_size => Verdict::Failed(Violation::FrameTooBig),

        // Difference 7. tungstenite judges a frame when it has all its payload: masking, reserved bits, place in the
        // message and message size, which ours judges by the header, and UTF-8, which ours judges as it comes. §5.1:
        // "MUST close the connection upon receiving a frame that is not masked"; §8.1: an endpoint that "finds" bytes
        // not to be UTF-8 "MUST _Fail the WebSocket Connection_". No payload could mend any of them.
        _ if header.frame_size() > frame.len() => Verdict::Open,

        // Difference 8. Reserved bits and the mask are both wrong: ours names the first in the header, tungstenite
        // the second. §5.1 and §5.2 give no order; both are protocol errors (1002).
        Violation::ReservedBitSet if setting.role == Role::Server && header.key.is_none() => {
            Verdict::Failed(Violation::MaskMissing)
        }

        // Differences 9 and 10. tungstenite checks the reason's UTF-8 before the status; with both wrong, ours names
        // the status, which comes first in the payload (§5.5.1, no order given). With the status alone wrong,
        // tungstenite delivers a close of its own making. §7.4.1 says of 1005, 1006 and 1015 that they "MUST NOT be
        // set as a status code in a Close control frame", §7.4.2 that 0–999 "are not used", and the rest is
        // not registered: a peer's error, which our code does not report as a status that the peer sent.
        Violation::CloseStatusInvalid => {
            let payload = header.payload(frame);
            let status = u16::from_be_bytes([payload[0], payload[1]]);
            assert!(matches!(status, ..1000 | 1004..=1006 | 1015..3000 | 5000..), "{status}");
            if std::str::from_utf8(&payload[2..]).is_err() {
                return Verdict::Failed(Violation::TextNotUtf8);
            }
            messages.push(close_not_allowed());
            Verdict::Closed
        }

        // not a difference: see `verdict`
        Violation::CloseReasonNotUtf8 => Verdict::Failed(Violation::TextNotUtf8),

        other => Verdict::Failed(other),
    }
}

/// Where tungstenite lets lengths pass, ours has to find the first that is wrong, and only that: were ours as lax, the
/// two would agree.
fn assert_lengths(given: &[u8], verdict: Verdict) {
    let found = match verdict {
        Verdict::Failed(violation @ (Violation::LengthNotMinimal | Violation::LengthTopBitSet)) => Some(violation),
        _ => None,
    };
    assert_eq!(found, wrong_length(given));
}

/// The first, up to the close.
fn wrong_length(stream: &[u8]) -> Option<Violation> {
    let mut rest = stream;
    loop {
        let header = Header::read(rest)?;
        if header.length >> 63 != 0 {
            return Some(Violation::LengthTopBitSet);
        }
        if !header.is_minimal() {
            return Some(Violation::LengthNotMinimal);
        }
        if rest[0] & 0xF == 8 {
            return None;
        }
        rest = rest.get(header.frame_size()..)?;
    }
}

/// Ours is sure as soon as the frame's bytes show it: being late (differences 3 and 7) is tungstenite's alone.
fn assert_soonest(violation: Violation, header: Option<&Header<'_>>, given: usize) {
    let soonest = match (violation, header) {
        (Violation::OpcodeReserved, _) => 1,
        (Violation::LengthNotMinimal | Violation::LengthTopBitSet, Some(header)) => header.length_end,
        (Violation::CloseStatusInvalid | Violation::CloseReasonNotUtf8, Some(header)) => header.frame_size(),
        // by the first byte that fits no character, which may be any
        (Violation::TextNotUtf8, Some(header)) => given.clamp(header.size(), header.frame_size()),
        (_, Some(header)) => header.size(),
        (_, None) => panic!("{violation} before the length"),
    };
    assert_eq!(given, soonest, "{violation}");
}

/// A header as the bytes have it, right or wrong: its length is there, its key perhaps not yet.
struct Header<'a> {
    length: u64,
    length_end: usize,
    /// As much as there is of it.
    key: Option<&'a [u8]>,
}

impl<'a> Header<'a> {
    fn read(frame: &'a [u8]) -> Option<Self> {
        let second = *frame.get(1)?;
        let (length, length_end) = match second & 0x7F {
            126 => (u64::from(u16::from_be_bytes(frame.get(2..4)?.try_into().ok()?)), 4),
            127 => (u64::from_be_bytes(frame.get(2..10)?.try_into().ok()?), 10),
            length => (u64::from(length), 2),
        };
        let key_end = frame.len().min(length_end + 4);
        Some(Self {
            length,
            length_end,
            key: (second & 0x80 != 0).then(|| &frame[length_end..key_end]),
        })
    }

    fn size(&self) -> usize {
        self.length_end + if self.key.is_some() { 4 } else { 0 }
    }

    fn frame_size(&self) -> usize {
        usize::try_from(self.length).map_or(usize::MAX, |length| length.saturating_add(self.size()))
    }

    fn is_minimal(&self) -> bool {
        self.length_end == 2 + self.minimal_length().1.len()
    }

    /// The seven bits and the bytes after them that say the length shortest.
    fn minimal_length(&self) -> (u8, Vec<u8>) {
        match (u8::try_from(self.length), u16::try_from(self.length)) {
            (Ok(length @ ..126), _) => (length, Vec::new()),
            (_, Ok(length)) => (126, length.to_be_bytes().to_vec()),
            _ => (127, self.length.to_be_bytes().to_vec()),
        }
    }

    /// The payload of a frame that is whole.
    fn payload(&self, frame: &[u8]) -> Vec<u8> {
        let key = self.key.unwrap_or(&[0]);
        let payload = &frame[self.size()..self.frame_size()];
        payload
            .iter()
            .zip(key.iter().cycle())
            .map(|(byte, key)| byte ^ key)
            .collect()
    }
}

/// Where the frame starts that has the byte at `index`, and its header if the length is there.
fn frame_of_byte(stream: &[u8], index: usize) -> (usize, Option<Header<'_>>) {
    let mut start = 0;
    loop {
        let header = Header::read(&stream[start..]);
        match header.as_ref().map(Header::frame_size) {
            Some(size) if size <= index - start => start += size,
            _ => return (start, header),
        }
    }
}

fn with_minimal_lengths(stream: &[u8]) -> Vec<u8> {
    let (mut minimal, mut rest) = (Vec::new(), stream);
    while let Some(header) = Header::read(rest) {
        let (seven_bits, bytes) = header.minimal_length();
        minimal.extend([rest[0], rest[1] & 0x80 | seven_bits]);
        minimal.extend(bytes);
        let end = header.frame_size().min(rest.len());
        minimal.extend_from_slice(&rest[header.length_end..end]);
        rest = &rest[end..];
    }
    minimal.extend_from_slice(rest);
    minimal
}
