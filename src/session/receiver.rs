use core::ops::Range;

use crate::error::Violation;
use crate::frame::{self, Expectation, Header};
use crate::session::{Limits, close};
use crate::wire::{BufferType, CloseStatus, CustomHeader, MaskKey, Opcode, Utf8Validator};

/// The outcome of one step of [`Session::receive`](crate::Session::receive).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// How many bytes at the front of the input are done with. Those of `received` are among them.
    pub consumed: usize,
    /// What they were.
    pub received: Received,
}

/// What came from the peer. Ranges are places in the input, where the payload stands unmasked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// Nothing more can be said before more bytes come; those not consumed must be given again, with the new ones
    /// after them. They are never more than 138: an unfinished header or control frame.
    NeedMore,
    /// Payload of a data frame, as much as the input has of it.
    Data {
        /// Text or binary, and whether the message ends here.
        buffer_type: BufferType,
        /// The payload; text is checked, and may end inside a character.
        payload: Range<usize>,
        /// The message begins here.
        first: bool,
        /// All bytes are below 0x80.
        ascii: bool,
    },
    /// A ping, which asks for a pong with the same payload.
    Ping(Range<usize>),
    /// A pong.
    Pong(Range<usize>),
    /// The peer's close. Bytes after it mean nothing.
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
    extensions: bool,
    verify_utf8: bool,
    limits: Limits,
    frame: Option<DataFrame>,
    message: Option<Message>,
    failure: Option<Violation>,
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
}

#[derive(Clone, Copy, Debug)]
enum MessageKind {
    Text(Utf8Validator),
    UnverifiedText,
    Binary,
    /// Its first frame had a reserved bit set: what the bytes mean is the extension's affair.
    Custom,
}

impl Receiver {
    /// `masked` as in [`Expectation`].
    pub const fn new(masked: Option<bool>, verify_utf8: bool, limits: Limits) -> Self {
        Self {
            masked,
            extensions: false,
            verify_utf8,
            limits,
            frame: None,
            message: None,
            failure: None,
        }
    }

    pub const fn allow_extensions(&mut self) {
        self.extensions = true;
    }

    pub const fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    pub const fn in_message(&self) -> bool {
        self.message.is_some()
    }

    /// What the peer did wrong, after which nothing is received any more.
    pub const fn failure(&self) -> Option<Violation> {
        self.failure
    }

    /// Takes one step through `input`, delivering at most `limit` (at least one) bytes of data.
    pub fn receive(&mut self, input: &mut [u8], limit: usize) -> Result<Step, Violation> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        self.step(input, limit)
            .inspect_err(|failure| self.failure = Some(*failure))
    }

    fn step(&mut self, input: &mut [u8], limit: usize) -> Result<Step, Violation> {
        let mut consumed = 0;
        loop {
            if let Some(frame) = self.frame {
                return self.payload(frame, input, consumed, limit);
            }
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
            self.begin_frame(&header)?;
        }
    }

    const fn expectation(&self) -> Expectation {
        Expectation {
            masked: self.masked,
            in_message: self.message.is_some(),
            extensions: self.extensions,
            max_frame_size: self.limits.max_frame_size,
        }
    }

    /// Takes a control frame, which is never delivered before it is whole.
    fn control(&self, header: &Header, input: &mut [u8], start: usize, size: usize) -> Result<Step, Violation> {
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

    /// Starts a data frame, and its message with it unless the frame continues one.
    fn begin_frame(&mut self, header: &Header) -> Result<(), Violation> {
        let mut message = self.message.unwrap_or_else(|| self.new_message(header));
        message.length = message.length.saturating_add(header.length);
        message.frames += 1;
        if message.length > self.limits.max_message_size {
            return Err(Violation::MessageTooBig);
        }
        if message.frames > self.limits.max_fragments {
            return Err(Violation::FragmentsTooMany);
        }
        self.message = Some(message);
        // an empty frame that does not end its message says nothing
        if header.length > 0 || header.fin {
            self.frame = Some(DataFrame {
                fin: header.fin,
                rsv: header.rsv,
                opcode: header.opcode,
                mask: header.mask.unwrap_or(MaskKey::ZERO),
                left: header.length,
            });
        }
        Ok(())
    }

    fn new_message(&self, header: &Header) -> Message {
        let kind = match header.opcode {
            _ if header.rsv != 0 => MessageKind::Custom,
            Opcode::Text if self.verify_utf8 => MessageKind::Text(Utf8Validator::default()),
            Opcode::Text => MessageKind::UnverifiedText,
            _ => MessageKind::Binary,
        };
        Message {
            kind,
            length: 0,
            frames: 0,
            delivered: false,
        }
    }

    /// Delivers what the input has of the frame's payload.
    fn payload(
        &mut self,
        mut frame: DataFrame,
        input: &mut [u8],
        start: usize,
        limit: usize,
    ) -> Result<Step, Violation> {
        let Some(mut message) = self.message else {
            return Err(Violation::ContinuationUnexpected);
        };
        let available = (input.len() - start).min(limit);
        let taken = usize::try_from(frame.left).map_or(available, |left| left.min(available));
        if taken == 0 && frame.left > 0 {
            return Ok(Step {
                consumed: start,
                received: Received::NeedMore,
            });
        }
        let range = start..start + taken;
        let bytes = &mut input[range.clone()];
        frame.mask = frame.mask.apply(bytes);
        frame.left -= taken as u64;
        let last = frame.left == 0 && frame.fin;
        let ascii = message.kind.verify(bytes, last)?;
        let buffer_type = message.kind.buffer_type(&frame, last);
        let first = !message.delivered;
        message.delivered = true;
        self.frame = (frame.left > 0).then_some(frame);
        self.message = (!last).then_some(message);
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

impl MessageKind {
    /// Checks the next bytes of the message; tells whether they are all ASCII.
    fn verify(&mut self, bytes: &[u8], last: bool) -> Result<bool, Violation> {
        let ascii = bytes.is_ascii();
        if let Self::Text(utf8) = self {
            let checked = if ascii && utf8.is_boundary() {
                Ok(())
            } else {
                utf8.push(bytes)
            };
            if checked.is_err() || last && !utf8.is_boundary() {
                return Err(Violation::TextNotUtf8);
            }
        }
        Ok(ascii)
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
