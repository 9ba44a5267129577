use crate::error::Misuse;
use crate::frame::Header;
use crate::random::{RandomSource, RandomUnavailable};
use crate::wire::{BufferType, MaskKey, Opcode};

/// The sending half: which frame comes next, and its masking key.
#[derive(Debug)]
pub struct Sender {
    masking: Masking,
    message: Option<MessageKind>,
}

/// How outgoing frames are masked (RFC 6455 §5.1, §5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Masking {
    /// A server never masks.
    Unmasked,
    /// A client draws a fresh key for each frame.
    FreshKey,
    /// A client with `DISABLE_MASKING`: the mask bit stays set, the key is four zero bytes.
    ZeroKey,
}

/// Of the message whose last part was not sent yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MessageKind {
    Text,
    Binary,
    Custom,
}

/// The first byte of a frame, in parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameStart {
    pub fin: bool,
    pub rsv: u8,
    pub opcode: Opcode,
}

impl Sender {
    pub const fn new(masking: Masking) -> Self {
        Self { masking, message: None }
    }

    pub const fn masking(&self) -> Masking {
        self.masking
    }

    /// Whether a message's last part is still to be sent.
    pub const fn in_message(&self) -> bool {
        self.message.is_some()
    }

    /// Decides what frame carries a buffer of this type, in the order in which buffers are accepted.
    ///
    /// # Errors
    /// Text within a binary message, or the other way round.
    pub fn accept(&mut self, buffer_type: BufferType) -> Result<FrameStart, Misuse> {
        let fin = buffer_type.is_final();
        let (kind, first, rsv) = match buffer_type {
            BufferType::Close => return Ok(FrameStart::control(Opcode::Close)),
            BufferType::PingPong => return Ok(FrameStart::control(Opcode::Ping)),
            BufferType::UnsolicitedPong => return Ok(FrameStart::control(Opcode::Pong)),
            BufferType::Utf8Message | BufferType::Utf8Fragment => (MessageKind::Text, Opcode::Text, 0),
            BufferType::BinaryMessage | BufferType::BinaryFragment => (MessageKind::Binary, Opcode::Binary, 0),
            BufferType::Custom(header) => {
                let start = FrameStart {
                    fin,
                    rsv: header.rsv(),
                    opcode: header.opcode(),
                };
                return self.accept_custom(start);
            }
        };
        let opcode = match self.message {
            None => first,
            Some(open) if open == kind => Opcode::Continuation,
            Some(_) => return Err(Misuse::MessageTypeMixed),
        };
        self.message = (!fin).then_some(kind);
        Ok(FrameStart { fin, rsv, opcode })
    }

    /// The caller chose the opcode; it must continue a message exactly when one is open.
    fn accept_custom(&mut self, start: FrameStart) -> Result<FrameStart, Misuse> {
        if start.opcode.is_control() {
            return Ok(start);
        }
        if self.message.is_some() != (start.opcode == Opcode::Continuation) {
            return Err(Misuse::MessageTypeMixed);
        }
        self.message = (!start.fin).then_some(MessageKind::Custom);
        Ok(start)
    }

    /// The key of the next frame, if it is to be masked.
    ///
    /// # Errors
    /// The random source gave no key.
    pub fn next_mask(&self, random: &mut dyn RandomSource) -> Result<Option<MaskKey>, RandomUnavailable> {
        Ok(match self.masking {
            Masking::Unmasked => None,
            Masking::ZeroKey => Some(MaskKey::ZERO),
            Masking::FreshKey => {
                let mut key = [0; 4];
                random.fill(&mut key)?;
                Some(MaskKey(key))
            }
        })
    }
}

impl FrameStart {
    pub const fn control(opcode: Opcode) -> Self {
        Self {
            fin: true,
            rsv: 0,
            opcode,
        }
    }

    /// The header of a frame with `length` bytes of payload.
    pub const fn header(self, mask: Option<MaskKey>, length: u64) -> Header {
        Header {
            fin: self.fin,
            rsv: self.rsv,
            opcode: self.opcode,
            mask,
            length,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{FrameStart, Masking, Sender};
    use crate::error::Misuse;
    use crate::wire::{
        BufferType::{self, *},
        Opcode,
    };

    fn data(fin: bool, opcode: Opcode) -> Result<FrameStart, Misuse> {
        Ok(FrameStart { fin, rsv: 0, opcode })
    }

    /// Component API, table of §3.8.
    #[test]
    fn opcode_and_fin_follow_from_the_message_that_is_open() {
        let mut sender = Sender::new(Masking::Unmasked);
        let sends: &[(BufferType, Result<FrameStart, Misuse>)] = &[
            (Utf8Message, data(true, Opcode::Text)),
            (Utf8Fragment, data(false, Opcode::Text)),
            (PingPong, data(true, Opcode::Ping)),
            (BinaryMessage, Err(Misuse::MessageTypeMixed)),
            (Utf8Fragment, data(false, Opcode::Continuation)),
            (Utf8Message, data(true, Opcode::Continuation)),
            (BinaryFragment, data(false, Opcode::Binary)),
            (UnsolicitedPong, data(true, Opcode::Pong)),
            (Utf8Message, Err(Misuse::MessageTypeMixed)),
            (BinaryMessage, data(true, Opcode::Continuation)),
            (Close, data(true, Opcode::Close)),
        ];
        for (index, (buffer_type, start)) in sends.iter().enumerate() {
            assert_eq!(sender.accept(*buffer_type), *start, "send {index}");
        }
    }
}
