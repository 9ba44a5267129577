use core::ops::Range;

use crate::error::{Misuse, Violation};
use crate::wire::{CloseStatus, MAX_CLOSE_REASON_LENGTH, MAX_CONTROL_PAYLOAD};

/// The payload of a close frame: nothing, or a status and perhaps a reason (RFC 6455 §5.5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClosePayload {
    bytes: [u8; MAX_CONTROL_PAYLOAD],
    length: usize,
}

impl ClosePayload {
    /// The payload of a close with this status and reason; [`CloseStatus::EMPTY`] stands for none.
    ///
    /// # Errors
    /// A status that may not be sent, a reason over 123 bytes, without a status, or (if `verify_utf8`) not UTF-8.
    pub fn new(status: CloseStatus, reason: &[u8], verify_utf8: bool) -> Result<Self, Misuse> {
        let mut payload = Self {
            bytes: [0; MAX_CONTROL_PAYLOAD],
            length: 0,
        };
        if status == CloseStatus::EMPTY {
            return if reason.is_empty() {
                Ok(payload)
            } else {
                Err(Misuse::CloseReasonWithoutStatus)
            };
        }
        if !status.is_valid_on_wire() {
            return Err(Misuse::CloseStatusNotSendable);
        }
        if reason.len() > MAX_CLOSE_REASON_LENGTH {
            return Err(Misuse::CloseReasonTooLong);
        }
        if verify_utf8 && core::str::from_utf8(reason).is_err() {
            return Err(Misuse::CloseReasonNotUtf8);
        }
        payload.length = 2 + reason.len();
        payload.bytes[..2].copy_from_slice(&status.0.to_be_bytes());
        payload.bytes[2..payload.length].copy_from_slice(reason);
        Ok(payload)
    }

    /// The bytes, before masking.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// The status of a received payload, and where in it the reason is. No payload reads as [`CloseStatus::EMPTY`].
///
/// # Errors
/// One byte, a status that must not be on the wire, or (if `verify_utf8`) a reason that is not UTF-8.
pub fn parse(payload: &[u8], verify_utf8: bool) -> Result<(CloseStatus, Range<usize>), Violation> {
    let Some((status, reason)) = payload.split_first_chunk() else {
        return if payload.is_empty() {
            Ok((CloseStatus::EMPTY, 0..0))
        } else {
            Err(Violation::ClosePayloadTooShort)
        };
    };
    let status = CloseStatus(u16::from_be_bytes(*status));
    if !status.is_valid_on_wire() {
        return Err(Violation::CloseStatusInvalid);
    }
    if verify_utf8 && core::str::from_utf8(reason).is_err() {
        return Err(Violation::CloseReasonNotUtf8);
    }
    Ok((status, 2..payload.len()))
}

#[cfg(test)]
mod tests {
    use super::{ClosePayload, parse};
    use crate::error::{Misuse, Violation};
    use crate::wire::CloseStatus;

    /// RFC 6455 §7.4.1 and §7.4.2, and the registry's 1012–1014; table 1.6 of the component API.
    fn may_be_on_the_wire(status: u16) -> bool {
        [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014].contains(&status)
            || (3000..5000).contains(&status)
    }

    #[test]
    fn every_status_is_sent_and_received_as_the_registry_says() {
        for status in (0..=u16::MAX).step_by(if cfg!(miri) { 97 } else { 1 }) {
            let sent = ClosePayload::new(CloseStatus(status), b"", true);
            let received = parse(&status.to_be_bytes(), true);
            if may_be_on_the_wire(status) {
                assert_eq!(sent.unwrap().as_bytes(), status.to_be_bytes());
                assert_eq!(received, Ok((CloseStatus(status), 2..2)));
            } else {
                let empty = status == CloseStatus::EMPTY.0;
                assert_eq!(
                    sent.err(),
                    (!empty).then_some(Misuse::CloseStatusNotSendable),
                    "{status}"
                );
                assert_eq!(received, Err(Violation::CloseStatusInvalid), "{status}");
            }
        }
    }

    #[test]
    fn a_reason_is_utf8_of_at_most_123_bytes_with_a_status_before_it() {
        let success = CloseStatus::SUCCESS;
        assert_eq!(
            ClosePayload::new(success, b"bye", true).unwrap().as_bytes(),
            b"\x03\xE8bye"
        );
        assert_eq!(
            ClosePayload::new(success, &[b'a'; 123], true).unwrap().as_bytes().len(),
            125
        );
        assert_eq!(
            ClosePayload::new(success, &[b'a'; 124], true),
            Err(Misuse::CloseReasonTooLong)
        );
        assert_eq!(
            ClosePayload::new(success, b"\xFF", true),
            Err(Misuse::CloseReasonNotUtf8)
        );
        assert_eq!(
            ClosePayload::new(success, b"\xFF", false).unwrap().as_bytes(),
            b"\x03\xE8\xFF"
        );
        assert_eq!(
            ClosePayload::new(CloseStatus::EMPTY, b"", true).unwrap().as_bytes(),
            b""
        );
        assert_eq!(
            ClosePayload::new(CloseStatus::EMPTY, b"a", true),
            Err(Misuse::CloseReasonWithoutStatus)
        );
    }

    #[test]
    fn a_received_payload_is_empty_or_a_status_and_utf8() {
        assert_eq!(parse(b"", true), Ok((CloseStatus::EMPTY, 0..0)));
        assert_eq!(parse(b"\x03", true), Err(Violation::ClosePayloadTooShort));
        assert_eq!(parse(b"\x03\xE8bye", true), Ok((CloseStatus::SUCCESS, 2..5)));
        assert_eq!(parse(b"\x03\xE8\xC3", true), Err(Violation::CloseReasonNotUtf8));
        assert_eq!(parse(b"\x03\xE8\xC3", false), Ok((CloseStatus::SUCCESS, 2..3)));
    }
}
