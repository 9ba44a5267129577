//! The search for the next frame behind missing bytes.

use alloc::vec::Vec;

use crate::frame::{self, Expectation, MAX_HEADER_LENGTH, RawHeader};
use crate::http::{RequestHead, ResponseHead};
use crate::inspect::record::{Direction, Reason, RecordKind};
use crate::inspect::{Inspector, MAX_HEAD, Mode, heads};
use crate::wire::{MaskKey, Opcode, Utf8Validator};

/// This many headers, each at the end of the frame before it, cannot be chance.
const SURE: usize = 3;
/// The most bytes of a frame whose header is a guess.
const LONGEST_GUESS: u64 = 1 << 32;
/// This many bytes of valid text cannot be chance.
const SURE_TEXT: usize = 8;

/// Whether a frame begins at a place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Yes,
    No,
    /// More bytes are needed to decide.
    Open,
}

/// Whether a direction starts with a whole head, although the beginning of the recording is missing.
pub fn is_start_of_head(bytes: &[u8]) -> bool {
    let method = bytes.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
    bytes.starts_with(b"HTTP/1.") || (method > 2 && matches!(bytes.get(method..), Some([b' ', b'/' | b'a'..=b'z', ..])))
}

impl Inspector {
    /// Searches for a header at the start of each piece, and covers the bytes before it with one record.
    pub(super) fn find_header(&mut self, direction: Direction, from: u64) {
        let mut from = from;
        let found = loop {
            let Some(candidate) = self.sides[direction as usize].store.next_piece(from) else {
                break None;
            };
            match self.judge(direction, candidate) {
                Verdict::Yes => break Some(candidate),
                Verdict::Open => break None,
                Verdict::No => from = candidate + 1,
            }
        };
        let side = &mut self.sides[direction as usize];
        side.mode = Mode::Lost(from);
        if let Some(place) = found {
            let skipped = place - side.position;
            if skipped > 0 {
                self.add(direction, skipped, RecordKind::Bytes(Reason::Missing));
            }
            let side = &mut self.sides[direction as usize];
            side.reader.resume();
            side.mode = Mode::Frames;
        }
    }

    /// Follows the headers from a place on.
    fn judge(&self, direction: Direction, place: u64) -> Verdict {
        let store = &self.sides[direction as usize].store;
        let undecided = if self.is_finished { Verdict::No } else { Verdict::Open };
        let mut at = place;
        for count in 0..SURE {
            let bytes = store.bytes(at..at + MAX_HEADER_LENGTH as u64);
            let Some(raw) = RawHeader::read(&bytes) else {
                let is_cut = store.is_missing(&(at..at + MAX_HEADER_LENGTH as u64));
                return match count > 1 {
                    true => Verdict::Yes,
                    false if is_cut => Verdict::No,
                    false => undecided,
                };
            };
            // a stream that would begin inside a message is not taken for frames
            let is_guess = self.is_mid_stream && !self.sides[direction as usize].reader.has_begun();
            let is_continued = is_guess && raw.opcode() == Some(Opcode::Continuation);
            if is_continued || !self.is_plausible(direction, &raw) {
                return Verdict::No;
            }
            let payload = at + raw.size as u64;
            let end = payload + raw.length;
            if store.is_boundary(end) && end > at + 2 || self.is_text(direction, &raw, payload..end) {
                return Verdict::Yes;
            }
            if end >= store.length() {
                return if count > 0 && self.is_finished {
                    Verdict::Yes
                } else {
                    undecided
                };
            }
            at = end;
        }
        Verdict::Yes
    }

    fn is_plausible(&self, direction: Direction, raw: &RawHeader) -> bool {
        let Some(opcode) = raw.opcode() else {
            return false;
        };
        let expected = Expectation {
            masked: Some(direction == Direction::ToServer),
            in_message: opcode == Opcode::Continuation,
            reserved: self.reserved_bits(),
            max_frame_size: LONGEST_GUESS,
        };
        let header = raw.with_opcode(opcode);
        // zeros would be an endless series of such frames
        let is_nothing = opcode == Opcode::Continuation && !header.fin && header.length == 0;
        !is_nothing && raw.violations().next().is_none() && frame::check(&header, expected).is_ok()
    }

    /// Whether the available part of an uncompressed payload is valid text, as its header says.
    fn is_text(&self, direction: Direction, raw: &RawHeader, payload: core::ops::Range<u64>) -> bool {
        if raw.first & 0x7F != Opcode::Text as u8 {
            return false;
        }
        let most = payload.start + 1024;
        let mut bytes = self.bytes(direction, payload.start..payload.end.min(most));
        raw.mask.unwrap_or(MaskKey::ZERO).apply(&mut bytes);
        bytes.len() >= SURE_TEXT && Utf8Validator::default().push(&bytes).is_ok()
    }

    /// Reads the available part of a head with missing bytes; without missing ones, more bytes will come.
    pub(super) fn read_cut_head(&mut self, direction: Direction, bytes: &[u8]) {
        let side = &self.sides[direction as usize];
        let from = side.position + bytes.len() as u64;
        let Some(gap) = side.store.gaps(from..side.position + MAX_HEAD as u64).next() else {
            return;
        };
        // the gap may grow
        if gap.end == side.store.length() && !self.is_finished {
            return;
        }
        let end_of_gap = side
            .store
            .gaps(gap.start..u64::MAX)
            .next()
            .map_or(gap.end, |gap| gap.end);
        let rest = side.store.bytes(end_of_gap..end_of_gap + MAX_HEAD as u64);
        let end_of_head = end_of_text(&rest).map(|length| end_of_gap + length as u64);
        let is_accepted = self.check_cut_head(direction, bytes);
        let end = end_of_head.unwrap_or(end_of_gap);
        let kind = match direction {
            Direction::ToServer => RecordKind::Request,
            Direction::ToClient => RecordKind::Response,
        };
        self.add(direction, end - (from - bytes.len() as u64), kind);
        self.sides[direction as usize].mode = match end_of_head {
            Some(_) => Mode::Frames,
            None => Mode::Lost(end),
        };
        if !is_accepted {
            self.refuse(direction);
        }
    }

    /// Checks the available fields of a head, each alone. Returns whether frames may follow.
    fn check_cut_head(&mut self, direction: Direction, bytes: &[u8]) -> bool {
        let whole_lines = bytes
            .windows(2)
            .rposition(|pair| pair == b"\r\n")
            .map_or(0, |at| at + 2);
        let head = [&bytes[..whole_lines], b"\r\n"].concat();
        let mut is_accepted = true;
        let mut checks = Vec::new();
        self.doubt_extensions();
        if direction == Direction::ToServer {
            if let Ok(Some(head)) = RequestHead::parse_within(&head, MAX_HEAD) {
                checks = heads::check_request(&head);
            }
        } else {
            if let Ok(Some(head)) = ResponseHead::parse_within(&head, MAX_HEAD) {
                checks = heads::check_response(&head, None);
                is_accepted = head.status == 101;
                let agreed = heads::agreed(&head.headers, None);
                if agreed.deflate.is_some() || agreed.others {
                    self.extensions = agreed;
                }
            }
        }
        // absent fields may be among the missing bytes
        checks.retain(|check| !check.found.is_empty() && check.subject != "fields");
        self.checks[direction as usize] = checks;
        is_accepted
    }
}

/// The end of the first blank line, if only lines of text are before it.
fn end_of_text(bytes: &[u8]) -> Option<usize> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let is_text = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n');
    bytes[..end].iter().all(is_text).then_some(end + 4)
}
