use core::ops::Range;

use crate::error::Violation;
use crate::frame::{self, Expectation, Header, RSV1, ReservedBits};
use crate::session::compression::Compression;
use crate::session::{Limits, close};
use crate::wire::{BufferType, CloseStatus, CustomHeader, MaskKey, Opcode, Utf8Validator};

/// The outcome of one step of [`Session::receive`](crate::Session::receive).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// How many bytes at the front of the input were consumed, including those of `received`.
    pub consumed: usize,
    /// The meaning of these bytes.
    pub received: Received,
}

/// The data from the peer. Ranges are places in the input, where the payload is unmasked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// More bytes are needed. Pass the unconsumed ones again, with the new ones behind them. They are at most 138: an
    /// unfinished header or control frame.
    NeedMore,
    /// Payload of a data frame, as much as the input has of it.
    Data {
        /// Text or binary, and whether the message ends here.
        buffer_type: BufferType,
        /// The payload; text is checked, and may end inside a character.
        payload: Range<usize>,
        /// The message begins here.
        first: bool,
        /// It is text that is verified, and all bytes are below 0x80.
        ascii: bool,
    },
    /// The decompressed payload of a compressed message, as much as the input has of it; or a part of that, if it
    /// exceeds the room. As `Data`, but the payload is a place in [`Session::inflated`](crate::Session::inflated).
    Inflated {
        /// Text or binary, and whether the message ends here.
        buffer_type: BufferType,
        /// The payload; text is checked, and may end inside a character.
        payload: Range<usize>,
        /// The message begins here.
        first: bool,
        /// It is text that is verified, and all bytes are below 0x80.
        ascii: bool,
    },
    /// A ping, which asks for a pong with the same payload.
    Ping(Range<usize>),
    /// A pong.
    Pong(Range<usize>),
    /// The peer's close. Bytes after it are ignored.
    Close {
        /// [`CloseStatus::EMPTY`] if the frame had none.
        status: CloseStatus,
        /// UTF-8, at most 123 bytes.
        reason: Range<usize>,
    },
}

/// The receiving half: frames to payload, with every rule of RFC 6455 about what may follow what.
#[derive(Debug)]
pub struct Receiver {
    masked: Option<bool>,
    reserved: ReservedBits,
    /// Messages may be compressed.
    compression: bool,
    verify_utf8: bool,
    limits: Limits,
    position: Position,
    failure: Option<Violation>,
    /// Frames that came: control frames whole, data frames by their headers.
    frames: u64,
    /// The cost of decompression so far, in bytes of output.
    work: u64,
    /// Compressed bytes that were unmasked, again and again if there was no room for them.
    #[cfg(test)]
    unmasked: usize,
}

/// The most compressed bytes that one step decompresses.
const COMPRESSED_AT_ONCE: usize = 16 * 1024;

/// As much output is as much work as one compressed byte can be: a few of them make zlib build all tables of a block,
/// and no output.
const WORK_OF_COMPRESSED: u64 = 32;

/// Where in the stream of messages the next byte belongs.
#[derive(Clone, Copy, Debug)]
enum Position {
    BetweenMessages,
    /// A frame ended that was not the message's last.
    BetweenFrames(Message),
    InFrame(DataFrame, Message),
}

impl Position {
    /// The position after a part of this frame was delivered, which was the message's `last` or not.
    fn after(frame: DataFrame, message: Message, last: bool) -> Self {
        if last {
            Self::BetweenMessages
        } else if frame.left > 0 || frame.fin || message.is_full() {
            Self::InFrame(frame, message)
        } else {
            Self::BetweenFrames(message)
        }
    }

    const fn message(&self) -> Option<&Message> {
        match self {
            Self::BetweenMessages => None,
            Self::BetweenFrames(message) | Self::InFrame(_, message) => Some(message),
        }
    }
}

/// The data frame whose payload is being received.
#[derive(Clone, Copy, Debug)]
struct DataFrame {
    fin: bool,
    rsv: u8,
    opcode: Opcode,
    mask: MaskKey,
    left: u64,
}

/// The message whose frames are being received.
#[derive(Clone, Copy, Debug)]
struct Message {
    kind: MessageKind,
    /// Payload bytes that its frames so far have, or announced.
    length: u64,
    frames: u64,
    delivered: bool,
    inflation: Option<Inflation>,
}

impl Message {
    fn is_full(&self) -> bool {
        self.inflation.is_some_and(|inflation| inflation.is_full)
    }
}

/// Of a message that is compressed.
#[derive(Clone, Copy, Debug, Default)]
struct Inflation {
    /// Bytes that it has decompressed to.
    length: u64,
    /// There was no room for more, or the next result is an error: `receive` has to be called again.
    is_full: bool,
}

#[derive(Clone, Copy, Debug)]
enum MessageKind {
    Text(Utf8Validator),
    UnverifiedText,
    Binary,
    /// Its first frame had a reserved bit set: the extension defines the payload's meaning.
    Custom,
}

impl Receiver {
    /// `masked` as in [`Expectation`].
    pub const fn new(masked: Option<bool>, verify_utf8: bool, limits: Limits) -> Self {
        Self {
            masked,
            reserved: ReservedBits::None,
            compression: false,
            verify_utf8,
            limits,
            position: Position::BetweenMessages,
            failure: None,
            frames: 0,
            work: 0,
            #[cfg(test)]
            unmasked: 0,
        }
    }

    /// The caller has agreed on an extension of its own.
    pub const fn allow_extensions(&mut self) {
        self.reserved = ReservedBits::Any;
    }

    /// permessage-deflate was agreed.
    #[cfg(feature = "deflate")]
    pub const fn allow_compression(&mut self) {
        self.compression = true;
        if matches!(self.reserved, ReservedBits::None) {
            self.reserved = ReservedBits::Compression;
        }
    }

    /// Decompressed bytes wait for room, and need no more input.
    pub fn has_more(&self) -> bool {
        self.failure.is_none() && self.position.message().is_some_and(Message::is_full)
    }

    /// How many bytes of a message its last frame still announces; 0 if it has not begun, or is compressed.
    pub const fn announced(&self) -> u64 {
        match self.position {
            Position::InFrame(frame, message) if frame.fin && message.inflation.is_none() => frame.left,
            _ => 0,
        }
    }

    pub const fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    pub const fn in_message(&self) -> bool {
        self.position.message().is_some()
    }

    pub const fn frames(&self) -> u64 {
        self.frames
    }

    pub const fn work(&self) -> u64 {
        self.work
    }

    /// The peer's violation, after which nothing more is received.
    pub const fn failure(&self) -> Option<Violation> {
        self.failure
    }

    /// Takes one step through `input`, delivering at most `limit` (at least one) bytes of data. What is compressed goes
    /// to `room`, of at least one byte.
    pub fn receive(
        &mut self,
        input: &mut [u8],
        limit: usize,
        compression: Option<&mut Compression>,
        room: &mut [u8],
    ) -> Result<Step, Violation> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        self.step(input, limit, compression, room)
            .inspect_err(|failure| self.failure = Some(*failure))
    }

    fn step(
        &mut self,
        input: &mut [u8],
        limit: usize,
        mut compression: Option<&mut Compression>,
        room: &mut [u8],
    ) -> Result<Step, Violation> {
        let (mut consumed, mut inflated) = (0, 0);
        loop {
            let (frame, message) = if let Position::InFrame(frame, message) = self.position {
                (frame, message)
            } else {
                let Some((header, size)) = Header::decode(&input[consumed..])? else {
                    return Ok(Step {
                        consumed,
                        received: Received::NeedMore,
                    });
                };
                frame::check(&header, self.expectation())?;
                if header.opcode.is_control() {
                    return self.control(&header, input, consumed, size);
                }
                consumed += size;
                self.frames += 1;
                if let Some(range) = self.whole_message(&header, consumed, input.len(), limit) {
                    return self.deliver(&header, input, range);
                }
                let (frame, message) = self.begin_frame(&header)?;
                if frame.left == 0 && !frame.fin {
                    // an empty frame that does not end its message says nothing
                    self.position = Position::BetweenFrames(message);
                    continue;
                }
                (frame, message)
            };
            let (Some(inflation), Some(compression)) = (message.inflation, compression.as_deref_mut()) else {
                return self.payload(frame, message, input, consumed, limit);
            };
            self.position = Position::InFrame(frame, message);
            let left = self
                .limits
                .max_message_size
                .saturating_sub(inflation.length)
                .saturating_add(1);
            let room_at_most = usize::try_from(left)
                .map_or(limit, |left| left.min(limit))
                .min(room.len());
            let work = Inflating {
                frame,
                message,
                inflation,
                compression,
                room: &mut room[..room_at_most],
                at_most: COMPRESSED_AT_ONCE.saturating_sub(inflated),
            };
            let (taken, received) = self.inflate(work, &mut input[consumed..])?;
            consumed += taken;
            inflated += taken;
            if let Some(received) = received {
                return Ok(Step { consumed, received });
            }
        }
    }

    const fn expectation(&self) -> Expectation {
        Expectation {
            masked: self.masked,
            in_message: self.in_message(),
            reserved: self.reserved,
            max_frame_size: self.limits.max_frame_size,
        }
    }

    /// Takes a control frame, which is never delivered before it is whole.
    fn control(&mut self, header: &Header, input: &mut [u8], start: usize, size: usize) -> Result<Step, Violation> {
        // `check` has bounded the length to 125
        let length = usize::try_from(header.length).unwrap_or(usize::MAX);
        let payload = start + size..(start + size).saturating_add(length);
        if input.len() < payload.end {
            return Ok(Step {
                consumed: start,
                received: Received::NeedMore,
            });
        }
        if let Some(mask) = header.mask {
            mask.apply(&mut input[payload.clone()]);
        }
        self.frames += 1;
        let consumed = payload.end;
        let received = match header.opcode {
            Opcode::Ping => Received::Ping(payload),
            Opcode::Pong => Received::Pong(payload),
            _ => {
                let (status, reason) = close::parse(&input[payload.clone()], self.verify_utf8)?;
                Received::Close {
                    status,
                    reason: payload.start + reason.start..payload.start + reason.end,
                }
            }
        };
        Ok(Step { consumed, received })
    }

    /// Starts a data frame, and its message with it unless the frame continues one. They are remembered only if there
    /// is more of them than the input has: most messages are short, and whole when they come.
    fn begin_frame(&self, header: &Header) -> Result<(DataFrame, Message), Violation> {
        let open = self.position.message().copied();
        let mut message = open.unwrap_or_else(|| self.new_message(header));
        message.length = message.length.saturating_add(header.length);
        message.frames += 1;
        let most = match message.inflation {
            None => self.limits.max_message_size,
            // blocks that decompress to nothing cost time all the same
            Some(_) => longest_compressed(self.limits.max_message_size, message.frames),
        };
        if message.length > most {
            return Err(Violation::MessageTooBig);
        }
        if message.frames > self.limits.max_fragments {
            return Err(Violation::FragmentsTooMany);
        }
        let frame = DataFrame {
            fin: header.fin,
            rsv: header.rsv,
            opcode: header.opcode,
            mask: header.mask.unwrap_or(MaskKey::ZERO),
            left: header.length,
        };
        Ok((frame, message))
    }

    fn new_message(&self, header: &Header) -> Message {
        let is_compressed = self.compression && header.rsv == RSV1;
        let kind = match header.opcode {
            _ if header.rsv != 0 && !is_compressed => MessageKind::Custom,
            Opcode::Text if self.verify_utf8 => MessageKind::Text(Utf8Validator::default()),
            Opcode::Text => MessageKind::UnverifiedText,
            _ => MessageKind::Binary,
        };
        Message {
            kind,
            length: 0,
            frames: 0,
            delivered: false,
            inflation: is_compressed.then(Inflation::default),
        }
    }

    /// Where the payload stands of a message that is one frame, not compressed, and whole in the input: most are, and
    /// there is nothing of them to be remembered.
    #[inline]
    fn whole_message(&self, header: &Header, start: usize, end: usize, limit: usize) -> Option<Range<usize>> {
        let length = usize::try_from(header.length).ok()?;
        let is_whole = header.fin && header.rsv == 0 && !self.in_message() && length <= limit.min(end - start);
        let is_allowed = header.length <= self.limits.max_message_size && self.limits.max_fragments > 0;
        (is_whole && is_allowed).then_some(start..start + length)
    }

    /// Delivers such a message.
    #[inline]
    fn deliver(&self, header: &Header, input: &mut [u8], payload: Range<usize>) -> Result<Step, Violation> {
        let bytes = &mut input[payload.clone()];
        let mask = header.mask.unwrap_or(MaskKey::ZERO);
        let is_text = header.opcode == Opcode::Text;
        let ascii = if is_text && self.verify_utf8 {
            unmask_text(&mut Utf8Validator::default(), bytes, mask, true)?.1
        } else {
            mask.apply(bytes);
            false
        };
        Ok(Step {
            consumed: payload.end,
            received: Received::Data {
                buffer_type: if is_text {
                    BufferType::Utf8Message
                } else {
                    BufferType::BinaryMessage
                },
                payload,
                first: true,
                ascii,
            },
        })
    }

    /// Delivers what the input has of the frame's payload.
    fn payload(
        &mut self,
        mut frame: DataFrame,
        mut message: Message,
        input: &mut [u8],
        start: usize,
        limit: usize,
    ) -> Result<Step, Violation> {
        let available = (input.len() - start).min(limit);
        let taken = usize::try_from(frame.left).map_or(available, |left| left.min(available));
        if taken == 0 && frame.left > 0 {
            self.position = Position::InFrame(frame, message);
            return Ok(Step {
                consumed: start,
                received: Received::NeedMore,
            });
        }
        let range = start..start + taken;
        let bytes = &mut input[range.clone()];
        frame.left -= taken as u64;
        let last = frame.left == 0 && frame.fin;
        let ascii;
        (frame.mask, ascii) = message.kind.unmask(bytes, frame.mask, last)?;
        let buffer_type = message.kind.buffer_type(&frame, last);
        let first = !message.delivered;
        message.delivered = true;
        self.position = Position::after(frame, message, last);
        Ok(Step {
            consumed: range.end,
            received: Received::Data {
                buffer_type,
                payload: range,
                first,
                ascii,
            },
        })
    }
}

/// A frame of a compressed message, and where its payload goes.
struct Inflating<'a> {
    frame: DataFrame,
    message: Message,
    inflation: Inflation,
    compression: &'a mut Compression,
    room: &'a mut [u8],
    /// The most input, at least one byte. Once all of that is done with, the step ends, whether there is output or not.
    at_most: usize,
}

impl Receiver {
    /// Decompresses what the input has of the frame's payload, as far as there is room. Gives how many bytes are done
    /// with, and what came of them, if anything.
    fn inflate(&mut self, work: Inflating<'_>, input: &mut [u8]) -> Result<(usize, Option<Received>), Violation> {
        let Inflating {
            mut frame,
            mut message,
            mut inflation,
            compression,
            room,
            at_most,
        } = work;
        // What does not fit is masked again, so a step takes in proportion to the room.
        let available = input.len().min(at_most).min(room.len() + INPUT_BEYOND_ROOM);
        let taken = usize::try_from(frame.left).map_or(available, |left| left.min(available));
        if taken == 0 && frame.left > 0 && !inflation.is_full {
            return Ok((0, Some(Received::NeedMore)));
        }
        let bytes = &mut input[..taken];
        frame.mask.apply(bytes);
        #[cfg(test)]
        {
            self.unmasked += bytes.len();
        }
        let (used, produced) = compression.inflate(bytes, room)?;
        let mut ascii = message.kind.verify(&mut room[..produced], false)?;
        // what is not used stays as it came: masking twice is the identity
        let (done, rest) = bytes.split_at_mut(used);
        frame.mask = frame.mask.advance(done.len());
        frame.mask.apply(rest);
        frame.left -= used as u64;
        let (mut more, mut last) = (0, false);
        if frame.left == 0 && frame.fin && produced < room.len() && !compression.is_corrupt() {
            match compression.finish(&mut room[produced..]) {
                Ok(end) => (more, last) = end,
                // what came before is delivered before: the next call fails
                Err(_) if produced > 0 => {}
                Err(violation) => return Err(violation),
            }
            ascii &= message.kind.verify(&mut room[produced..produced + more], last)?;
        }
        let produced = produced + more;
        inflation.length += produced as u64;
        self.work += produced as u64 + used as u64 * WORK_OF_COMPRESSED;
        inflation.is_full = (produced == room.len() && !last) || compression.is_corrupt();
        if inflation.length > self.limits.max_message_size {
            return Err(Violation::MessageTooBig);
        }
        let received = (produced > 0 || last || used == at_most).then(|| Received::Inflated {
            buffer_type: message.kind.buffer_type(&frame, last),
            payload: 0..produced,
            first: !message.delivered,
            ascii,
        });
        message.delivered |= received.is_some();
        message.inflation = Some(inflation);
        self.position = Position::after(frame, message, last);
        Ok((used, received))
    }
}

/// What a step takes of compressed input beyond the room for its output: headers of blocks, and references.
const INPUT_BEYOND_ROOM: usize = 1024;

/// Text is unmasked and checked in chunks of this many bytes.
const CHECKED_AT_ONCE: usize = 16 * 1024;

/// The most bytes that a message of `length` bytes should be compressed to, with generous allowance for the headers of
/// blocks, and for the flush that ends each frame.
const fn longest_compressed(length: u64, frames: u64) -> u64 {
    let flushes = frames.saturating_mul(8);
    length
        .saturating_add(length / 4)
        .saturating_add(64)
        .saturating_add(flushes)
}

/// Unmasks the next bytes of a text and checks them. Gives the key for those that follow, and whether these are ASCII.
fn unmask_text(
    utf8: &mut Utf8Validator,
    bytes: &mut [u8],
    mut mask: MaskKey,
    last: bool,
) -> Result<(MaskKey, bool), Violation> {
    let mut all_ascii = true;
    // what is unmasked is checked while the first cache still has it
    for block in bytes.chunks_mut(CHECKED_AT_ONCE) {
        let ascii;
        (mask, ascii) = mask.apply_and_scan(block);
        all_ascii &= ascii;
        if !(ascii && utf8.is_boundary()) {
            utf8.push(block).map_err(|_| Violation::TextNotUtf8)?;
        }
    }
    if last && !utf8.is_boundary() {
        return Err(Violation::TextNotUtf8);
    }
    Ok((mask, all_ascii))
}

impl MessageKind {
    /// Unmasks the next bytes of the message and checks them. Gives the key for the bytes that follow, and whether
    /// these are verified text and all ASCII.
    fn unmask(&mut self, bytes: &mut [u8], mask: MaskKey, last: bool) -> Result<(MaskKey, bool), Violation> {
        match self {
            Self::Text(utf8) => unmask_text(utf8, bytes, mask, last),
            _ => Ok((mask.apply(bytes), false)),
        }
    }

    /// Checks the next bytes of a compressed message; returns the same as `unmask`.
    fn verify(&mut self, bytes: &mut [u8], last: bool) -> Result<bool, Violation> {
        Ok(self.unmask(bytes, MaskKey::ZERO, last)?.1)
    }

    fn buffer_type(self, frame: &DataFrame, last: bool) -> BufferType {
        match self {
            Self::Text(_) | Self::UnverifiedText if last => BufferType::Utf8Message,
            Self::Text(_) | Self::UnverifiedText => BufferType::Utf8Fragment,
            Self::Binary if last => BufferType::BinaryMessage,
            Self::Binary => BufferType::BinaryFragment,
            Self::Custom => BufferType::Custom(CustomHeader::from_parts(last, frame.rsv, frame.opcode)),
        }
    }
}

#[cfg(all(test, feature = "deflate"))]
mod tests {
    use super::{INPUT_BEYOND_ROOM, Receiver};
    use crate::deflate::{Agreement, Deflater, Flush};
    use crate::frame::{Header, MAX_HEADER_LENGTH, RSV1};
    use crate::session::compression::{Compression, DeflateSettings};
    use crate::session::{Limits, Role};
    use crate::wire::{MaskKey, Opcode};

    #[test]
    fn a_large_slice_is_unmasked_in_proportion_to_its_length() {
        let agreement = Agreement {
            server_no_context_takeover: true,
            client_no_context_takeover: true,
            server_max_window_bits: 15,
            client_max_window_bits: 15,
        };
        let mut payload = Vec::new();
        let noise: Vec<u8> = (0..1_000_000_u32)
            .map(|i| (i.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0])
            .collect();
        Deflater::new(15, 8, 1).compress(&noise, Flush::Last, &mut payload);
        let key = MaskKey([1, 2, 3, 4]);
        let header = Header {
            fin: true,
            rsv: RSV1,
            opcode: Opcode::Binary,
            mask: Some(key),
            length: payload.len() as u64,
        };
        let mut bytes = [0; MAX_HEADER_LENGTH];
        let start = header.encode(&mut bytes);
        let mut stream = [&bytes[..start], &payload].concat();
        key.apply(&mut stream[start..]);

        for size in [64, 4096, 16 * 1024] {
            let mut compression = Compression::new(Role::Server, &agreement, DeflateSettings::default());
            let mut receiver = Receiver::new(Some(true), true, Limits::NONE);
            receiver.allow_compression();
            let mut stream = stream.clone();
            let (mut input, mut room) = (&mut stream[..], vec![0; size]);
            let mut steps = 0;
            while !input.is_empty() || receiver.in_message() {
                let step = receiver
                    .receive(input, usize::MAX, Some(&mut compression), &mut room)
                    .unwrap();
                input = &mut input[step.consumed..];
                steps += 1;
            }
            let proportional = steps * (size + INPUT_BEYOND_ROOM);
            assert!(
                receiver.unmasked <= proportional,
                "{} for {steps} steps of {size}",
                receiver.unmasked
            );
        }
    }
}
