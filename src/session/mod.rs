//! A connection after its handshake: what may be received and sent, and when.

#[cfg(all(
    target_arch = "wasm32",
    target_os = "unknown",
    feature = "__exports",
    feature = "deflate"
))]
mod batch;
mod close;
#[cfg(feature = "deflate")]
mod compression;
#[cfg(not(feature = "deflate"))]
#[path = "no_compression.rs"]
mod compression;
mod receiver;
mod sender;
mod state;

use alloc::boxed::Box;
use alloc::vec::Vec;

pub use close::ClosePayload;
#[cfg(feature = "inspect")]
pub(crate) use close::parse as parse_close;
#[cfg(feature = "deflate")]
pub use compression::DeflateSettings;
pub use receiver::{Received, Step};
pub use state::{State, Transition};

pub(crate) use sender::{FrameStart, Masking};

use core::fmt;

#[cfg(feature = "deflate")]
use crate::deflate::Agreement;
use crate::error::{Error, Misuse, Violation};
use crate::frame::{Header, MAX_HEADER_LENGTH, RSV1};
use crate::random::{PlatformRandom, RandomSource, RandomUnavailable};
use crate::wire::{BufferType, CloseStatus, MAX_CONTROL_PAYLOAD, MaskKey, Opcode};
use compression::Compression;
use receiver::Receiver;
use sender::Sender;

/// The side of the connection that an endpoint is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Opened the connection; masks what it sends.
    Client,
    /// Accepted the connection.
    Server,
}

/// How much the peer may send. The engine holds no message, so the limits protect callers that collect one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The most bytes of payload in one data frame.
    pub max_frame_size: u64,
    /// The most bytes of payload in one message, over all its frames.
    pub max_message_size: u64,
    /// The most frames of one message, empty ones too.
    pub max_fragments: u64,
}

impl Limits {
    /// No limits.
    pub const NONE: Self = Self {
        max_frame_size: u64::MAX,
        max_message_size: u64::MAX,
        max_fragments: u64::MAX,
    };

    /// 64 MiB a message, in at most 131,072 frames of any size. Multiplied by the number of connections, it is the
    /// memory that hostile peers can make a server hold; so a server should set what its largest message needs.
    /// `tungstenite` has the same default.
    pub const DEFAULT: Self = Self {
        max_frame_size: 64 << 20,
        max_message_size: 64 << 20,
        max_fragments: 131_072,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The options of a session: the properties of the component API that outlive the handshake, and limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionOptions {
    /// Client: send with a key of four zero bytes. Server: accept frames that are not masked.
    /// Both give up the protection of RFC 6455 §10.3.
    pub disable_masking: bool,
    /// Deliver text and close reasons unchecked.
    pub disable_utf8_verification: bool,
    /// What the peer may send; [`Limits::DEFAULT`] by default.
    pub limits: Limits,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self {
            disable_masking: false,
            disable_utf8_verification: false,
            limits: Limits::DEFAULT,
        }
    }
}

/// One connection's protocol after the handshake, without queues: bytes in, events out; messages in, frames out.
///
/// The action loop of [`Handle`](crate::Handle) is built on it. Use it directly if you move the bytes yourself and need
/// no actions. It answers neither pings nor closes.
///
/// ```
/// use websocket_component::{BufferType, Received, Role, Session, SessionOptions};
///
/// let mut client = Session::new(Role::Client, SessionOptions::default());
/// let mut server = Session::new(Role::Server, SessionOptions::default());
///
/// let mut wire = Vec::new();
/// client.write(BufferType::Utf8Message, b"Hello", &mut wire)?;
/// assert_eq!(wire.len(), 6 + 5); // header, key, payload
///
/// let step = server.receive(&mut wire)?;
/// let Received::Data { buffer_type: BufferType::Utf8Message, payload, .. } = step.received else { panic!() };
/// assert_eq!(&wire[payload], b"Hello");
/// # Ok::<(), websocket_component::Error>(())
/// ```
pub struct Session {
    role: Role,
    state: State,
    verify_utf8: bool,
    extensions: bool,
    receiver: Receiver,
    sender: Sender,
    compression: Option<Box<Compression>>,
    /// Where [`receive`](Self::receive) puts what it decompresses.
    inflated: Box<[u8]>,
    random: Box<dyn RandomSource>,
}

/// The room for [`Session::inflated`], in bytes.
const INFLATED_AT_ONCE: usize = 16 * 1024;

impl Session {
    /// A session over a connection that is already upgraded.
    #[must_use]
    pub fn new(role: Role, options: SessionOptions) -> Self {
        Self::with_random(role, options, Box::new(PlatformRandom))
    }

    /// The same, with a random source for tests.
    #[must_use]
    pub fn with_random(role: Role, options: SessionOptions, random: Box<dyn RandomSource>) -> Self {
        Self {
            state: State::Open,
            ..Self::before_handshake(role, options, random)
        }
    }

    /// A session before its handshake.
    pub(crate) fn before_handshake(role: Role, options: SessionOptions, random: Box<dyn RandomSource>) -> Self {
        let (masking, masked) = match (role, options.disable_masking) {
            (Role::Client, false) => (Masking::FreshKey, Some(false)),
            (Role::Client, true) => (Masking::ZeroKey, Some(false)),
            (Role::Server, false) => (Masking::Unmasked, Some(true)),
            (Role::Server, true) => (Masking::Unmasked, None),
        };
        let verify_utf8 = !options.disable_utf8_verification;
        Self {
            role,
            state: State::Created,
            verify_utf8,
            extensions: false,
            receiver: Receiver::new(masked, verify_utf8, options.limits),
            sender: Sender::new(masking),
            compression: None,
            inflated: Box::default(),
            random,
        }
    }

    /// Enables compression in both directions, after permessage-deflate was agreed (see [`deflate`](crate::deflate)).
    /// Call it before anything is sent or received. Levels out of range are clamped.
    #[cfg(feature = "deflate")]
    pub fn enable_deflate(&mut self, agreement: &Agreement, settings: DeflateSettings) {
        self.compression = Some(Box::new(Compression::new(self.role, agreement, settings)));
        self.receiver.allow_compression();
    }

    /// The side it is on.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// The state of the connection.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// The peer's violation, once [`receive`](Self::receive) has returned it.
    #[must_use]
    pub const fn failure(&self) -> Option<Violation> {
        self.receiver.failure()
    }

    /// Whether an incoming message is unfinished. The engine has no clock: a caller that limits the time for a message
    /// measures it with this.
    #[must_use]
    pub const fn in_message(&self) -> bool {
        self.receiver.in_message()
    }

    /// How many frames have come: control frames once they are whole, data frames by their headers.
    ///
    /// ```
    /// # use websocket_component::{Error, Role, Session, SessionOptions};
    /// let mut client = Session::new(Role::Client, SessionOptions::default());
    /// let mut chunk = *b"\x89\0\x01\x01a"; // a ping, and the first frame of a message
    /// client.receive(&mut chunk)?;
    /// client.receive(&mut chunk[2..])?;
    /// assert_eq!(client.frames_received(), 2);
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub const fn frames_received(&self) -> u64 {
        self.receiver.frames()
    }

    /// How many bytes of the incoming message are still to come, according to its last frame. 0 if that frame has not
    /// begun, or the message is compressed. A caller that collects messages may use it, within a bound, to size its
    /// buffer, or to read no farther than the message's end.
    ///
    /// ```
    /// # use websocket_component::{Error, Role, Session, SessionOptions};
    /// let mut client = Session::new(Role::Client, SessionOptions::default());
    /// client.receive(&mut *b"\x82\x05Hel".to_vec())?; // two bytes are missing
    /// assert_eq!(client.announced(), 2);
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub const fn announced(&self) -> u64 {
        self.receiver.announced()
    }

    /// Whether [`receive`](Self::receive) has more output even without more input, because decompressed bytes wait. A
    /// caller that pauses inside a message, to serve others, can then continue without waiting for the network.
    #[must_use]
    pub fn has_more(&self) -> bool {
        cfg!(feature = "deflate") && self.receiver.has_more()
    }

    /// The cost of decompression so far, in bytes of output, plus 32 for each compressed byte, the most that one can
    /// cost. One call of [`receive`](Self::receive) adds at most half a MiB. A caller that serves many peers turns to
    /// others when this has grown by a budget, such as 1 MiB, and continues later.
    #[must_use]
    pub const fn work(&self) -> u64 {
        if cfg!(feature = "deflate") {
            self.receiver.work()
        } else {
            0
        }
    }

    /// Replaces the limits, from the next frame on.
    pub const fn set_limits(&mut self, limits: Limits) {
        self.receiver.set_limits(limits);
    }

    /// Takes the next thing from the front of `input`, unmasking its payload in place. Call it again with what it
    /// did not consume, until it says [`Received::NeedMore`].
    ///
    /// After the peer's close, all input is consumed and ignored.
    ///
    /// # Errors
    /// The peer broke the protocol or a limit. Every later call returns the same violation; close with its
    /// [`Violation::close_status`]. Earlier calls have delivered everything before it.
    pub fn receive(&mut self, input: &mut [u8]) -> Result<Step, Violation> {
        let mut room = core::mem::take(&mut self.inflated);
        // a message that is compressed goes on, or begins with this bit (RFC 7692 §6)
        let needs_room = self.in_message() || input.first().is_some_and(|byte| byte & 0x40 != 0);
        if self.compression.is_some() && room.is_empty() && needs_room {
            room = vec![0; INFLATED_AT_ONCE].into();
        }
        let step = self.receive_at_most(input, usize::MAX, &mut room);
        let is_idle = matches!(&step, Ok(step) if step.received == Received::NeedMore) && !self.in_message();
        if !is_idle {
            self.inflated = room;
        }
        step
    }

    /// The buffer that [`Received::Inflated`] points into, valid until the next `receive`.
    #[must_use]
    pub const fn inflated(&self) -> &[u8] {
        &self.inflated
    }

    /// [`receive`](Self::receive) that delivers at most `limit` bytes of data, and decompresses to `room`; each is at
    /// least 1.
    pub(crate) fn receive_at_most(
        &mut self,
        input: &mut [u8],
        limit: usize,
        room: &mut [u8],
    ) -> Result<Step, Violation> {
        if self.state.close_received() {
            return Ok(Step {
                consumed: input.len(),
                received: Received::NeedMore,
            });
        }
        let step = self
            .receiver
            .receive(input, limit, self.compression.as_deref_mut(), room)?;
        if matches!(step.received, Received::Close { .. }) {
            self.advance(Transition::ReceiveClose);
        }
        Ok(step)
    }

    /// Accepts a frame of `length` bytes for sending and returns its header, with a fresh masking key on the
    /// client. The caller writes the header, and after it the payload, masked with the key if there is one.
    ///
    /// The payload of a close is a [`ClosePayload`].
    ///
    /// # Errors
    /// Data or a second close after a close, a text part within a binary message or the other way round, a control
    /// payload over 125 bytes, a custom header without an agreed extension, a part of a message that is compressed; or
    /// the random source gave no key.
    pub fn header(&mut self, buffer_type: BufferType, length: u64) -> Result<Header, Error> {
        let is_compressed = self
            .compression
            .as_deref()
            .is_some_and(Compression::is_inside_compressed);
        if is_compressed && !is_control(buffer_type) {
            return Err(Misuse::MessageCompressed.into());
        }
        let mask = self.next_mask()?;
        let (start, _) = self.accept_part(buffer_type, &[], length, Some(false))?;
        Ok(start.header(mask, length))
    }

    /// Appends a whole frame to `out`, compressed if that was agreed and the message is not small.
    ///
    /// # Errors
    /// As [`header`](Self::header).
    pub fn write(&mut self, buffer_type: BufferType, payload: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        self.write_frame(buffer_type, payload, None, out)
    }

    /// The same with a choice whether to compress the message, if that was agreed. The first part decides for the
    /// message.
    ///
    /// # Errors
    /// As [`header`](Self::header).
    pub fn write_with(
        &mut self,
        buffer_type: BufferType,
        payload: &[u8],
        compress: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        self.write_frame(buffer_type, payload, Some(compress), out)
    }

    fn write_frame(
        &mut self,
        buffer_type: BufferType,
        payload: &[u8],
        compress: Option<bool>,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let mask = self.next_mask()?;
        let (start, compressed) = self.accept_part(buffer_type, payload, payload.len() as u64, compress)?;
        let payload = compressed.as_deref().unwrap_or(payload);
        let header = start.header(mask, payload.len() as u64);
        let mut bytes = [0; MAX_HEADER_LENGTH];
        let size = header.encode(&mut bytes);
        out.extend_from_slice(&bytes[..size]);
        let start = out.len();
        out.extend_from_slice(payload);
        if let Some(mask) = header.mask {
            mask.apply(&mut out[start..]);
        }
        Ok(())
    }

    /// Whether permessage-deflate was agreed.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub const fn is_deflate_enabled(&self) -> bool {
        self.compression.is_some()
    }

    /// Frees the compressor's context. The next message is compressed independently.
    #[cfg(feature = "deflate")]
    pub fn release_compressor(&mut self) {
        if let Some(compression) = &mut self.compression {
            compression.release();
        }
    }

    /// Appends a close frame to `out`. [`CloseStatus::EMPTY`] makes one without a status.
    ///
    /// # Errors
    /// As [`header`](Self::header) and [`ClosePayload::new`].
    pub fn write_close(&mut self, status: CloseStatus, reason: &str, out: &mut Vec<u8>) -> Result<(), Error> {
        let payload = ClosePayload::new(status, reason.as_bytes(), self.verify_utf8)?;
        self.write(BufferType::Close, payload.as_bytes(), out)
    }

    /// Decides whether a buffer may be sent now, and its first frame; compresses its payload if the message is
    /// compressed.
    pub(crate) fn accept_part(
        &mut self,
        buffer_type: BufferType,
        payload: &[u8],
        length: u64,
        compress: Option<bool>,
    ) -> Result<(FrameStart, Option<Vec<u8>>), Misuse> {
        let mut start = self.accept(buffer_type, length)?;
        let is_custom = matches!(buffer_type, BufferType::Custom(_));
        let Some(compression) = self
            .compression
            .as_deref_mut()
            .filter(|_| !is_custom && !is_control(buffer_type))
        else {
            return Ok((start, None));
        };
        let compressed = compression.compress(payload, start.fin, compress);
        if compressed.is_some() && start.opcode != Opcode::Continuation {
            start.rsv = RSV1;
        }
        Ok((start, compressed))
    }

    /// Decides whether a buffer may be sent now, and what its first frame is.
    fn accept(&mut self, buffer_type: BufferType, length: u64) -> Result<FrameStart, Misuse> {
        self.check_state(buffer_type)?;
        if let BufferType::Custom(_) = buffer_type
            && !self.extensions
        {
            return Err(Misuse::CustomHeaderWithoutExtension);
        }
        if is_control(buffer_type) && length > MAX_CONTROL_PAYLOAD as u64 {
            return Err(Misuse::ControlPayloadTooLong);
        }
        let start = self.sender.accept(buffer_type)?;
        if is_close(buffer_type) {
            self.advance(Transition::SendClose);
        }
        Ok(start)
    }

    /// The header of a frame that was accepted.
    pub(crate) fn frame_header(&mut self, start: FrameStart, length: u64) -> Result<Header, RandomUnavailable> {
        Ok(start.header(self.next_mask()?, length))
    }

    /// The key of the next frame. It is drawn before anything changes: without one, nothing has.
    fn next_mask(&mut self) -> Result<Option<MaskKey>, RandomUnavailable> {
        self.sender.next_mask(self.random.as_mut())
    }

    /// Whether permessage-deflate was agreed.
    pub(crate) const fn has_compression(&self) -> bool {
        self.compression.is_some()
    }

    /// Whether an outgoing message is unfinished.
    pub(crate) const fn is_sending_message(&self) -> bool {
        self.sender.in_message()
    }

    pub(crate) const fn masking(&self) -> Masking {
        self.sender.masking()
    }

    pub(crate) const fn verify_utf8(&self) -> bool {
        self.verify_utf8
    }

    pub(crate) fn random(&mut self) -> &mut dyn RandomSource {
        self.random.as_mut()
    }

    /// An extension was agreed in the handshake.
    pub(crate) const fn allow_extensions(&mut self) {
        self.extensions = true;
        self.receiver.allow_extensions();
    }

    /// Moves on if the state allows the event; returns whether it did.
    pub(crate) const fn advance(&mut self, transition: Transition) -> bool {
        match self.state.next(transition) {
            Some(state) => {
                self.state = state;
                true
            }
            None => false,
        }
    }

    const fn check_state(&self, buffer_type: BufferType) -> Result<(), Misuse> {
        match self.state {
            State::Created | State::HandshakeBegun => Err(Misuse::HandshakeNotEnded),
            State::Aborted => Err(Misuse::Aborted),
            State::Closed => Err(Misuse::SendAfterClose),
            // RFC 6455 §5.5.1: "The application MUST NOT send any more data frames after sending a Close frame."
            State::CloseSent if is_control(buffer_type) && !is_close(buffer_type) => Ok(()),
            State::CloseSent => Err(Misuse::SendAfterClose),
            State::Open | State::CloseReceived => Ok(()),
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("role", &self.role)
            .field("state", &self.state)
            .field("receiver", &self.receiver)
            .field("sender", &self.sender)
            .finish_non_exhaustive()
    }
}

const fn is_control(buffer_type: BufferType) -> bool {
    match buffer_type {
        BufferType::Close | BufferType::PingPong | BufferType::UnsolicitedPong => true,
        BufferType::Custom(header) => header.opcode().is_control(),
        _ => false,
    }
}

const fn is_close(buffer_type: BufferType) -> bool {
    match buffer_type {
        BufferType::Close => true,
        BufferType::Custom(header) => matches!(header.opcode(), Opcode::Close),
        _ => false,
    }
}
