use crate::error::Violation;
use crate::wire::{MaskKey, Opcode};

/// The longest header, in bytes: two, eight of length, four of masking key.
pub const MAX_HEADER_LENGTH: usize = 14;

const FIN: u8 = 0x80;
const RSV: u8 = 0x70;
const OPCODE: u8 = 0x0F;
const MASK: u8 = 0x80;
const LENGTH: u8 = 0x7F;
const LENGTH_IN_16_BITS: u8 = 126;
const LENGTH_IN_64_BITS: u8 = 127;

/// A frame's header (RFC 6455 §5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The last frame of its message.
    pub fin: bool,
    /// RSV1, RSV2 and RSV3, as the bits 4, 2 and 1.
    pub rsv: u8,
    /// What the frame carries.
    pub opcode: Opcode,
    /// The masking key, `None` if the mask bit is clear.
    pub mask: Option<MaskKey>,
    /// Payload length in bytes, below 2^63.
    pub length: u64,
}

impl Header {
    /// Reads the header at the start of `bytes`. Returns it with its own length in bytes, or `None` if `bytes`
    /// end before the header does.
    ///
    /// # Errors
    /// A reserved opcode, a length that is not in the shortest form, or one with its top bit set (RFC 6455 §5.2),
    /// each as soon as the bytes that show it are there.
    pub fn decode(bytes: &[u8]) -> Result<Option<(Self, usize)>, Violation> {
        let Some(&first) = bytes.first() else { return Ok(None) };
        let opcode = Opcode::from_bits(first & OPCODE).ok_or(Violation::OpcodeReserved)?;
        let Some((length, after_length)) = read_length(bytes) else {
            return Ok(None);
        };
        check_length(length, after_length)?;
        let mut end = after_length;
        let mut mask = None;
        if bytes[1] & MASK != 0 {
            let Some(key) = bytes[after_length..].first_chunk::<4>() else {
                return Ok(None);
            };
            mask = Some(MaskKey(*key));
            end += key.len();
        }
        Ok(Some((
            Self {
                fin: first & FIN != 0,
                rsv: (first & RSV) >> 4,
                opcode,
                mask,
                length,
            },
            end,
        )))
    }

    /// Writes the header to the front of `out`, with the length in its shortest form, and returns how many bytes
    /// it took; that is [`size`](Self::size).
    pub fn encode(&self, out: &mut [u8; MAX_HEADER_LENGTH]) -> usize {
        out[0] = if self.fin { FIN } else { 0 } | (self.rsv << 4) | self.opcode.bits();
        let (code, length_bytes) = length_form(self.length);
        out[1] = if self.mask.is_some() { MASK } else { 0 } | code;
        let length = self.length.to_be_bytes();
        let mut end = 2 + length_bytes;
        // copies of constant size: on wasm32 any other copy is a function call
        match length_bytes {
            0 => {}
            2 => out[2..4].copy_from_slice(&length[6..]),
            _ => out[2..10].copy_from_slice(&length),
        }
        if let Some(MaskKey(key)) = self.mask {
            out[end..end + key.len()].copy_from_slice(&key);
            end += key.len();
        }
        end
    }

    /// The bytes of the header of a frame with `length` bytes of payload: 2, 4 or 10, and 4 more if it is masked.
    #[must_use]
    pub const fn size(length: u64, masked: bool) -> usize {
        2 + length_form(length).1 + if masked { 4 } else { 0 }
    }
}

/// The seven-bit length code and the bytes of the extended length (RFC 6455 §5.2, "Payload length").
const fn length_form(length: u64) -> (u8, usize) {
    match length {
        #[expect(clippy::cast_possible_truncation, reason = "at most 125")]
        0..=125 => (length as u8, 0),
        126..=0xFFFF => (LENGTH_IN_16_BITS, 2),
        _ => (LENGTH_IN_64_BITS, 8),
    }
}

/// The payload length, and the offset behind it.
fn read_length(bytes: &[u8]) -> Option<(u64, usize)> {
    let &second = bytes.get(1)?;
    Some(match second & LENGTH {
        LENGTH_IN_16_BITS => (u64::from(u16::from_be_bytes(*bytes[2..].first_chunk()?)), 4),
        LENGTH_IN_64_BITS => (u64::from_be_bytes(*bytes[2..].first_chunk()?), 10),
        code => (u64::from(code), 2),
    })
}

/// Checks a length that ends at `end`.
fn check_length(length: u64, end: usize) -> Result<(), Violation> {
    // "the most significant bit MUST be 0"
    if length >> 63 != 0 {
        return Err(Violation::LengthTopBitSet);
    }
    // "in all cases, the minimal number of bytes MUST be used to encode the length"
    if end != 2 + length_form(length).1 {
        return Err(Violation::LengthNotMinimal);
    }
    Ok(())
}

/// A header as it is on the wire, valid or not.
#[cfg(feature = "inspect")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawHeader {
    /// FIN, the reserved bits and the opcode.
    pub first: u8,
    /// The masking key, `None` if the mask bit is clear.
    pub mask: Option<MaskKey>,
    /// Payload length in bytes.
    pub length: u64,
    /// The header's own length in bytes.
    pub size: usize,
}

#[cfg(feature = "inspect")]
impl RawHeader {
    /// Reads the header at the start of `bytes`, `None` if they end before it does.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (length, after_length) = read_length(bytes)?;
        let mask = if bytes[1] & MASK == 0 {
            None
        } else {
            Some(MaskKey(*bytes[after_length..].first_chunk()?))
        };
        Some(Self {
            first: bytes[0],
            mask,
            length,
            size: after_length + if mask.is_some() { 4 } else { 0 },
        })
    }

    /// What the opcode's four bits stand for, `None` if they are reserved.
    pub const fn opcode(&self) -> Option<Opcode> {
        Opcode::from_bits(self.first & OPCODE)
    }

    /// All violations for which [`Header::decode`] would refuse the header.
    pub fn violations(&self) -> impl Iterator<Item = Violation> {
        let after_length = self.size - if self.mask.is_some() { 4 } else { 0 };
        let reserved = self.opcode().is_none().then_some(Violation::OpcodeReserved);
        reserved
            .into_iter()
            .chain(check_length(self.length, after_length).err())
    }

    /// The header with this opcode.
    pub const fn with_opcode(&self, opcode: Opcode) -> Header {
        Header {
            fin: self.first & FIN != 0,
            rsv: (self.first & RSV) >> 4,
            opcode,
            mask: self.mask,
            length: self.length,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Header, MAX_HEADER_LENGTH};
    use crate::error::Violation;
    use crate::wire::{MaskKey, Opcode};

    const KEY: Option<MaskKey> = Some(MaskKey([0x37, 0xFA, 0x21, 0x3D]));

    fn header(fin: bool, rsv: u8, opcode: Opcode, mask: Option<MaskKey>, length: u64) -> Header {
        Header {
            fin,
            rsv,
            opcode,
            mask,
            length,
        }
    }

    #[test]
    fn every_form_is_written_and_read_back_and_a_cut_one_asks_for_more() {
        // RFC 6455 §5.7 and the component API's Appendix C
        let cases: &[(Header, &[u8])] = &[
            (header(true, 0, Opcode::Text, None, 5), &[0x81, 0x05]),
            (
                header(true, 0, Opcode::Text, KEY, 5),
                &[0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D],
            ),
            (header(false, 0, Opcode::Text, None, 3), &[0x01, 0x03]),
            (header(true, 0, Opcode::Continuation, None, 2), &[0x80, 0x02]),
            (header(true, 0, Opcode::Ping, None, 5), &[0x89, 0x05]),
            (
                header(true, 0, Opcode::Pong, KEY, 5),
                &[0x8A, 0x85, 0x37, 0xFA, 0x21, 0x3D],
            ),
            (header(true, 0, Opcode::Close, None, 0), &[0x88, 0x00]),
            (header(true, 0b100, Opcode::Binary, None, 125), &[0xC2, 0x7D]),
            (header(true, 0, Opcode::Binary, None, 126), &[0x82, 0x7E, 0x00, 0x7E]),
            (header(true, 0, Opcode::Binary, None, 256), &[0x82, 0x7E, 0x01, 0x00]),
            (header(true, 0, Opcode::Binary, None, 65535), &[0x82, 0x7E, 0xFF, 0xFF]),
            (
                header(true, 0, Opcode::Binary, None, 65536),
                &[0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0],
            ),
            (
                header(true, 0b011, Opcode::Binary, KEY, (1 << 63) - 1),
                &[
                    0xB2, 0xFF, 0x7F, 255, 255, 255, 255, 255, 255, 255, 0x37, 0xFA, 0x21, 0x3D,
                ],
            ),
        ];
        for (header, bytes) in cases {
            let mut out = [0; MAX_HEADER_LENGTH];
            let length = header.encode(&mut out);
            assert_eq!(&out[..length], *bytes, "{header:?}");
            assert_eq!(Header::size(header.length, header.mask.is_some()), length, "{header:?}");
            assert_eq!(Header::decode(bytes), Ok(Some((*header, length))));
            let with_payload = [*bytes, b"payload"].concat();
            assert_eq!(Header::decode(&with_payload), Ok(Some((*header, length))));
            for cut in 0..length {
                assert_eq!(Header::decode(&bytes[..cut]), Ok(None), "{header:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn a_header_that_cannot_be_is_refused_at_the_byte_that_shows_it() {
        let cases: &[(&[u8], Violation)] = &[
            (&[0x83], Violation::OpcodeReserved),
            (&[0x0F], Violation::OpcodeReserved),
            (&[0x82, 0x7E, 0x00, 0x7D], Violation::LengthNotMinimal),
            (&[0x82, 0x7F, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF], Violation::LengthNotMinimal),
            (&[0x82, 0x7F, 0, 0, 0, 0, 0, 0, 0, 0], Violation::LengthNotMinimal),
            (&[0x82, 0x7F, 0x80, 0, 0, 0, 0, 0, 0, 0], Violation::LengthTopBitSet),
            (
                &[0x82, 0xFF, 255, 255, 255, 255, 255, 255, 255, 255],
                Violation::LengthTopBitSet,
            ),
        ];
        for (bytes, violation) in cases {
            assert_eq!(Header::decode(bytes), Err(*violation), "{bytes:02x?}");
            for cut in 0..bytes.len() {
                assert_eq!(Header::decode(&bytes[..cut]), Ok(None), "{bytes:02x?} cut at {cut}");
            }
        }
    }
}
