use crate::wire::Opcode;

/// What a buffer holds (`WEB_SOCKET_BUFFER_TYPE`).
///
/// The difference between *message* and *fragment* is one of deliveries, not of wire frames: one unfragmented
/// message may be delivered as several fragments and, last, one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BufferType {
    /// The last or only part of a text message.
    Utf8Message,
    /// A part of a text message; more follows. It may end inside a character.
    Utf8Fragment,
    /// The last or only part of a binary message.
    BinaryMessage,
    /// A part of a binary message; more follows.
    BinaryFragment,
    /// A close frame.
    Close,
    /// Sent: a ping. Received: a pong.
    PingPong,
    /// A pong that answers no ping; only ever sent.
    UnsolicitedPong,
    /// A data frame with a header of the caller's own making, once an extension was agreed.
    Custom(CustomHeader),
}

impl BufferType {
    /// What is sent as a ping: [`PingPong`](Self::PingPong), which is received for a pong.
    pub const PING: Self = Self::PingPong;
    /// What is sent as a pong: [`UnsolicitedPong`](Self::UnsolicitedPong).
    pub const PONG: Self = Self::UnsolicitedPong;

    /// The number in `websocket.h`.
    #[must_use]
    pub const fn value(self) -> u32 {
        match self {
            Self::Utf8Message => 0x8000_0000,
            Self::Utf8Fragment => 0x8000_0001,
            Self::BinaryMessage => 0x8000_0002,
            Self::BinaryFragment => 0x8000_0003,
            Self::Close => 0x8000_0004,
            Self::PingPong => 0x8000_0005,
            Self::UnsolicitedPong => 0x8000_0006,
            Self::Custom(header) => header.0 as u32,
        }
    }

    /// The buffer type of a number in `websocket.h`, or of a custom header; `None` if it is neither.
    #[must_use]
    pub const fn from_value(value: u32) -> Option<Self> {
        Some(match value {
            0x8000_0000 => Self::Utf8Message,
            0x8000_0001 => Self::Utf8Fragment,
            0x8000_0002 => Self::BinaryMessage,
            0x8000_0003 => Self::BinaryFragment,
            0x8000_0004 => Self::Close,
            0x8000_0005 => Self::PingPong,
            0x8000_0006 => Self::UnsolicitedPong,
            #[expect(clippy::cast_possible_truncation, reason = "the arm's range")]
            0..=0x1FF => match CustomHeader::new(value as u16) {
                Some(header) => Self::Custom(header),
                None => return None,
            },
            _ => return None,
        })
    }

    /// Whether it is the last or only part of a message, or a control frame.
    #[must_use]
    pub const fn is_final(self) -> bool {
        match self {
            Self::Utf8Fragment | Self::BinaryFragment => false,
            Self::Custom(header) => header.fin(),
            _ => true,
        }
    }
}

/// The first nine bits of a frame: FIN, RSV1–3, opcode, and the mask bit, which must be 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CustomHeader(u16);

impl CustomHeader {
    const FIN: u16 = 1 << 8;

    /// The header of nine bits, FIN being the highest; `None` if there are more of them, the mask bit is set, or
    /// the opcode is reserved.
    #[must_use]
    pub const fn new(bits: u16) -> Option<Self> {
        let opcode = Opcode::from_bits((bits >> 1 & 0xF) as u8);
        match opcode {
            Some(_) if bits & !0x1FE == 0 => Some(Self(bits)),
            _ => None,
        }
    }

    /// The header of its parts; `rsv` are RSV1, RSV2 and RSV3 as the bits 4, 2 and 1.
    pub(crate) const fn from_parts(fin: bool, rsv: u8, opcode: Opcode) -> Self {
        let fin = if fin { Self::FIN } else { 0 };
        Self(fin | (rsv as u16 & 7) << 5 | (opcode.bits() as u16) << 1)
    }

    /// The nine bits.
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// The last frame of its message.
    #[must_use]
    pub const fn fin(self) -> bool {
        self.0 & Self::FIN != 0
    }

    /// RSV1, RSV2 and RSV3, as the bits 4, 2 and 1.
    #[must_use]
    pub const fn rsv(self) -> u8 {
        (self.0 >> 5 & 7) as u8
    }

    /// What the frame carries.
    #[must_use]
    pub const fn opcode(self) -> Opcode {
        match Opcode::from_bits((self.0 >> 1 & 0xF) as u8) {
            Some(opcode) => opcode,
            None => unreachable!(), // both constructors take known opcodes only
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{BufferType, CustomHeader};
    use crate::wire::Opcode;

    #[test]
    fn values_are_those_of_websocket_h() {
        for value in 0x8000_0000..=0x8000_0006 {
            assert_eq!(BufferType::from_value(value).map(BufferType::value), Some(value));
        }
        assert_eq!(BufferType::from_value(0x8000_0007), None);
        assert_eq!(BufferType::from_value(0x7FFF_FFFF), None);
    }

    #[test]
    fn a_custom_header_is_the_first_nine_bits_without_the_mask_bit() {
        let rsv1_text = CustomHeader::new(0b1_1000_0010 & 0x1FE).unwrap();
        assert_eq!(
            (rsv1_text.fin(), rsv1_text.rsv(), rsv1_text.opcode()),
            (true, 0b100, Opcode::Text)
        );
        assert_eq!(CustomHeader::from_parts(true, 0b100, Opcode::Text), rsv1_text);
        assert_eq!(
            BufferType::from_value(u32::from(rsv1_text.bits())),
            Some(BufferType::Custom(rsv1_text))
        );
        assert_eq!(CustomHeader::new(0b1_0000_0011), None, "mask bit");
        assert_eq!(CustomHeader::new(0b10_0000_0010), None, "a tenth bit");
        assert_eq!(CustomHeader::new(0b1_0000_0110), None, "opcode 3");
    }
}
