use crate::error::Violation;
use crate::frame::Header;
use crate::wire::{MAX_CONTROL_PAYLOAD, Opcode};

/// What the receiving side expects of the next header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// `Some(true)`: must be masked, `Some(false)`: must not be, `None`: may be.
    pub masked: Option<bool>,
    /// A fragmented message is unfinished.
    pub in_message: bool,
    /// The reserved bits that a data frame may set, as in [`Header::rsv`].
    pub reserved: ReservedBits,
    /// The most bytes of payload in a data frame.
    pub max_frame_size: u64,
}

/// Which reserved bits the agreed extensions use in data frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReservedBits {
    /// No bits: there is no extension.
    None,
    #[cfg_attr(not(feature = "deflate"), allow(dead_code, reason = "there is none"))]
    /// permessage-deflate alone: RSV1 on the first frame of a message (RFC 7692 §6).
    Compression,
    /// Any bits: the caller knows the extension.
    Any,
}

impl ReservedBits {
    const fn allowed(self, opcode: Opcode) -> u8 {
        match (self, opcode) {
            (Self::Any, Opcode::Text | Opcode::Binary | Opcode::Continuation) => 0b111,
            (Self::Compression, Opcode::Text | Opcode::Binary) => RSV1,
            _ => 0,
        }
    }
}

/// "Per-Message Compressed" (RFC 7692 §6).
pub const RSV1: u8 = 0b100;

/// Checks every rule about a single header, each under its sentence of RFC 6455.
///
/// # Errors
/// The first rule that the header breaks.
pub fn check(header: &Header, expected: Expectation) -> Result<(), Violation> {
    // §5.2: "MUST be 0 unless an extension is negotiated that defines meanings for non-zero values."
    if header.rsv & !expected.reserved.allowed(header.opcode) != 0 {
        return Err(Violation::ReservedBitSet);
    }
    match (expected.masked, header.mask) {
        // §5.1: "The server MUST close the connection upon receiving a frame that is not masked."
        (Some(true), None) => return Err(Violation::MaskMissing),
        // §5.1: "A client MUST close a connection if it detects a masked frame."
        (Some(false), Some(_)) => return Err(Violation::MaskUnexpected),
        _ => {}
    }
    if header.opcode.is_control() {
        return check_control(header);
    }
    match (header.opcode, expected.in_message) {
        // §5.4: a continuation frame belongs to a message that a frame with another opcode began.
        (Opcode::Continuation, false) => return Err(Violation::ContinuationUnexpected),
        // §5.4: "The fragments of one message MUST NOT be interleaved between the fragments of another message"
        (Opcode::Text | Opcode::Binary, true) => return Err(Violation::MessageUnfinished),
        _ => {}
    }
    // §10.4: "implementations … MUST impose limits on the frame size"
    if header.length > expected.max_frame_size {
        return Err(Violation::FrameTooBig);
    }
    Ok(())
}

fn check_control(header: &Header) -> Result<(), Violation> {
    // §5.5: "All control frames MUST have a payload length of 125 bytes or less and MUST NOT be fragmented."
    if !header.fin {
        return Err(Violation::ControlFragmented);
    }
    if header.length > MAX_CONTROL_PAYLOAD as u64 {
        return Err(Violation::ControlTooLong);
    }
    // §5.5.1: "If there is a body, the first two bytes of the body MUST be a 2-byte unsigned integer"
    if header.opcode == Opcode::Close && header.length == 1 {
        return Err(Violation::ClosePayloadTooShort);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Expectation, ReservedBits, check};
    use crate::error::Violation::{self, *};
    use crate::frame::Header;
    use crate::wire::{
        MaskKey,
        Opcode::{self, *},
    };

    const SERVER: Expectation = Expectation {
        masked: Some(true),
        in_message: false,
        reserved: ReservedBits::None,
        max_frame_size: 1000,
    };
    const CLIENT: Expectation = Expectation {
        masked: Some(false),
        ..SERVER
    };

    fn header(fin: bool, rsv: u8, opcode: Opcode, length: u64) -> Header {
        Header {
            fin,
            rsv,
            opcode,
            mask: Some(MaskKey([1, 2, 3, 4])),
            length,
        }
    }

    #[test]
    fn each_rule_of_section_5_has_its_violation() {
        let in_message = Expectation {
            in_message: true,
            ..SERVER
        };
        let extensions = Expectation {
            reserved: ReservedBits::Any,
            ..SERVER
        };
        let compression = Expectation {
            reserved: ReservedBits::Compression,
            ..SERVER
        };
        let compression_in_message = Expectation {
            in_message: true,
            ..compression
        };
        let cases: &[(Header, Expectation, Result<(), Violation>)] = &[
            (header(true, 0, Text, 1000), SERVER, Ok(())),
            (header(false, 0, Binary, 0), SERVER, Ok(())),
            (header(true, 0, Continuation, 1), in_message, Ok(())),
            (header(true, 0, Ping, 125), in_message, Ok(())),
            (header(true, 0b100, Text, 1), SERVER, Err(ReservedBitSet)),
            (header(true, 0b010, Binary, 1), SERVER, Err(ReservedBitSet)),
            (header(true, 0b001, Ping, 1), SERVER, Err(ReservedBitSet)),
            (header(true, 0b100, Text, 1), extensions, Ok(())),
            (header(true, 0b100, Ping, 1), extensions, Err(ReservedBitSet)),
            (header(true, 0b100, Text, 1), compression, Ok(())),
            (header(false, 0b100, Binary, 1), compression, Ok(())),
            (header(true, 0b110, Text, 1), compression, Err(ReservedBitSet)),
            (header(true, 0b001, Text, 1), compression, Err(ReservedBitSet)),
            (header(true, 0b100, Close, 0), compression, Err(ReservedBitSet)),
            (
                header(true, 0b100, Continuation, 1),
                compression_in_message,
                Err(ReservedBitSet),
            ),
            (header(true, 0, Text, 1), CLIENT, Err(MaskUnexpected)),
            (header(true, 0, Text, 1), Expectation { masked: None, ..SERVER }, Ok(())),
            (header(true, 0, Continuation, 1), SERVER, Err(ContinuationUnexpected)),
            (header(true, 0, Text, 1), in_message, Err(MessageUnfinished)),
            (header(true, 0, Binary, 1), in_message, Err(MessageUnfinished)),
            (header(false, 0, Ping, 1), SERVER, Err(ControlFragmented)),
            (header(false, 0, Close, 0), SERVER, Err(ControlFragmented)),
            (header(true, 0, Pong, 126), SERVER, Err(ControlTooLong)),
            (header(true, 0, Close, 1), SERVER, Err(ClosePayloadTooShort)),
            (header(true, 0, Close, 2), SERVER, Ok(())),
            (header(true, 0, Binary, 1001), SERVER, Err(FrameTooBig)),
        ];
        for (header, expected, result) in cases {
            assert_eq!(check(header, *expected), *result, "{header:?}");
        }
    }

    #[test]
    fn the_mask_bit_is_asked_of_clients_and_refused_from_servers() {
        let unmasked = Header {
            mask: None,
            ..header(true, 0, Text, 1)
        };
        assert_eq!(check(&unmasked, SERVER), Err(MaskMissing));
        assert_eq!(check(&unmasked, CLIENT), Ok(()));
        assert_eq!(check(&unmasked, Expectation { masked: None, ..SERVER }), Ok(()));
    }
}
