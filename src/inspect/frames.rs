//! The frames of one direction: headers and their rules, messages, and the content of control frames.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::deflate::Inflater;
use crate::error::Violation;
use crate::frame::{self, Expectation, Header, MAX_HEADER_LENGTH, RSV1, RawHeader, ReservedBits};
use crate::inspect::payload::{self, Checkpoint, Totals};
use crate::inspect::record::{Direction, Fault, FaultError, Frame, Message, MessageState, Reason, RecordKind, Stage};
use crate::inspect::{Inspector, Mode};
use crate::session::parse_close;
use crate::wire::{MaskKey, Opcode, Utf8Validator};

/// The state of reading a direction's frames.
#[derive(Default)]
pub struct Reader {
    frame: Option<OpenFrame>,
    message: Option<OpenMessage>,
    /// Decompresses this direction's messages; none before the first, or after one was corrupt.
    inflater: Option<Inflater>,
    /// A message that later ones refer to was corrupt.
    is_lost: bool,
    pub checkpoints: Vec<Checkpoint>,
    totals: Totals,
    /// There was a violation.
    has_failed: bool,
    /// The record of the close.
    close: Option<u32>,
    /// The records of pings without a pong so far, in order.
    pings: VecDeque<u32>,
    /// A header was found behind missing bytes, and no frame was read from there yet.
    is_found: bool,
    /// A header was found.
    has_begun: bool,
    /// The beginning of a message may be among the missing bytes.
    may_continue: bool,
}

impl Reader {
    pub const fn has_failed(&self) -> bool {
        self.has_failed
    }

    pub const fn is_in_frame(&self) -> bool {
        self.frame.is_some()
    }

    /// Continues at a header that was found.
    pub const fn resume(&mut self) {
        (self.is_found, self.may_continue, self.has_begun) = (true, true, true);
    }

    /// Whether a header was found before.
    pub const fn has_begun(&self) -> bool {
        self.has_begun
    }
}

/// A frame whose payload is incomplete.
#[derive(Clone, Copy)]
struct OpenFrame {
    record: u32,
    opcode: Option<Opcode>,
    /// It is part of the open message.
    is_message: bool,
    fin: bool,
    /// For the byte that comes next.
    mask: MaskKey,
    end: u64,
}

/// A message whose last frame has not ended.
#[derive(Clone, Copy)]
struct OpenMessage {
    number: u32,
    /// Checks its text; `None` if it is binary or has failed already.
    text: Option<Utf8Validator>,
    is_readable: bool,
}

/// The most unanswered pings that a pong is compared with.
const MAX_PINGS: usize = 64;

/// How many bytes of payload are read, and produced by decompressing, at once.
const STEP: usize = 16 * 1024;

impl Inspector {
    pub(super) fn read_frames(&mut self, direction: Direction) {
        loop {
            let goes_on = match self.reader(direction).frame {
                Some(frame) => self.read_payload(direction, frame),
                None => self.read_header(direction),
            };
            if !goes_on || self.sides[direction as usize].mode != Mode::Frames {
                return;
            }
        }
    }

    fn reader(&mut self, direction: Direction) -> &mut Reader {
        &mut self.sides[direction as usize].reader
    }

    fn read_header(&mut self, direction: Direction) -> bool {
        let side = &self.sides[direction as usize];
        if side.position == side.store.length() {
            return false;
        }
        if side.reader.close.is_some() {
            self.sides[direction as usize].mode = Mode::Bytes(Reason::AfterClose, None);
            return false;
        }
        let Some(raw) = self
            .peek(direction)
            .and_then(|(bytes, length)| RawHeader::read(&bytes[..length]))
        else {
            let header = side.position..side.position + MAX_HEADER_LENGTH as u64;
            if side.store.is_missing(&header) {
                self.lose(direction);
            }
            return false;
        };
        self.begin_frame(direction, &raw);
        true
    }

    /// A header is missing: the bytes since then are unknown, and so are messages compressed with reference to them.
    fn lose(&mut self, direction: Direction) {
        let (_, takeover) = self.deflate_of(direction);
        let from = self.sides[direction as usize].position;
        self.end_message(direction, MessageState::Unreadable);
        if self.extensions.deflate.is_some() {
            let reader = self.reader(direction);
            reader.inflater = None;
            reader.is_lost = takeover;
        }
        self.sides[direction as usize].mode = Mode::Lost(from + 1);
    }

    /// The bytes at the position, as many as a header may have.
    fn peek(&self, direction: Direction) -> Option<([u8; MAX_HEADER_LENGTH], usize)> {
        let side = &self.sides[direction as usize];
        let mut bytes = [0; MAX_HEADER_LENGTH];
        let mut length = 0;
        for slice in side
            .store
            .slices(side.position..side.position + MAX_HEADER_LENGTH as u64)
        {
            bytes[length..length + slice.len()].copy_from_slice(slice);
            length += slice.len();
        }
        (length > 1).then_some((bytes, length))
    }

    fn begin_frame(&mut self, direction: Direction, raw: &RawHeader) {
        let opcode = raw.opcode();
        let violations = self.violations(direction, raw);
        let side = &self.sides[direction as usize];
        let end = side.position.saturating_add(raw.size as u64).saturating_add(raw.length);
        let frame = Frame {
            first: raw.first,
            #[expect(clippy::cast_possible_truncation, reason = "at most 14")]
            header_size: raw.size as u8,
            status: 0,
            mask: raw.mask,
            message: None,
            partner: None,
            is_violation: !violations.is_empty(),
        };
        let start = side.position;
        let record = self.add(direction, raw.size as u64, RecordKind::Frame(frame));
        self.records[record as usize].end = end;
        self.records[record as usize].is_found = core::mem::take(&mut self.reader(direction).is_found);
        for &violation in &violations {
            self.add_fault(direction, record, start, violation);
        }
        let is_message = self.begin_message(direction, record, raw, opcode, &violations);
        self.reader(direction).frame = Some(OpenFrame {
            record,
            opcode: opcode.filter(|_| !violations.contains(&Violation::ControlTooLong)),
            is_message,
            fin: raw.first & 0x80 != 0,
            mask: raw.mask.unwrap_or(MaskKey::ZERO),
            end,
        });
        if violations.contains(&Violation::LengthTopBitSet) {
            let reader = self.reader(direction);
            (reader.frame, reader.message) = (None, None);
            self.records[record as usize].end = start + raw.size as u64;
            self.sides[direction as usize].mode = Mode::Bytes(Reason::NoBoundary, None);
        }
    }

    /// All rules that a header breaks, in the engine's order; the engine stops at the first.
    fn violations(&self, direction: Direction, raw: &RawHeader) -> Vec<Violation> {
        let mut found: Vec<Violation> = raw.violations().collect();
        let reader = &self.sides[direction as usize].reader;
        let continues = reader.may_continue && raw.opcode() == Some(Opcode::Continuation);
        let in_message = reader.message.is_some() || continues;
        let mut expected = Expectation {
            masked: Some(direction == Direction::ToServer),
            in_message,
            reserved: self.reserved_bits(),
            max_frame_size: u64::MAX,
        };
        // for a reserved opcode, only the rules for all opcodes
        let mut header = raw.with_opcode(raw.opcode().unwrap_or(match in_message {
            true => Opcode::Continuation,
            false => Opcode::Binary,
        }));
        while let Err(violation) = frame::check(&header, expected) {
            found.push(violation);
            match violation {
                Violation::ReservedBitSet => header.rsv = 0,
                Violation::MaskMissing | Violation::MaskUnexpected => expected.masked = None,
                Violation::ControlFragmented => header.fin = true,
                Violation::ControlTooLong | Violation::ClosePayloadTooShort => header.length = 0,
                Violation::ContinuationUnexpected | Violation::MessageUnfinished => {
                    expected.in_message = !in_message;
                }
                _ => break,
            }
        }
        found
    }

    pub(super) const fn reserved_bits(&self) -> ReservedBits {
        if self.extensions.others {
            ReservedBits::Any
        } else if self.extensions.deflate.is_some() || !self.extensions.are_known {
            ReservedBits::Compression
        } else {
            ReservedBits::None
        }
    }

    /// The violations of a cut header: the engine finds them before the header is complete.
    pub(super) fn check_cut_header(&mut self, record: u32, header: &[u8]) {
        if let Err(violation) = Header::decode(header) {
            let direction = self.records[record as usize].direction;
            let start = self.records[record as usize].start;
            self.add_fault(direction, record, start, violation);
        }
    }

    fn add_fault(&mut self, direction: Direction, record: u32, offset: u64, violation: Violation) {
        self.reader(direction).has_failed = true;
        if let RecordKind::Frame(frame) = &mut self.records[record as usize].kind {
            frame.is_violation = true;
        }
        self.faults.push(Fault {
            record,
            offset,
            error: FaultError::Frame(violation),
        });
    }

    /// Finds the message of a data frame, or begins one. Returns whether the frame has one.
    fn begin_message(
        &mut self,
        direction: Direction,
        record: u32,
        raw: &RawHeader,
        opcode: Option<Opcode>,
        violations: &[Violation],
    ) -> bool {
        let Some(opcode) = opcode.filter(|opcode| !opcode.is_control()) else {
            return false;
        };
        if violations.contains(&Violation::MessageUnfinished) {
            self.abandon_message(direction);
        }
        let reader = self.reader(direction);
        reader.may_continue &= opcode == Opcode::Continuation && raw.first & 0x80 == 0;
        if opcode != Opcode::Continuation {
            self.new_message(direction, record, raw, opcode);
        }
        let Some(message) = self.reader(direction).message else {
            return false;
        };
        let number = message.number;
        let message = &mut self.messages[number as usize];
        message.last = record;
        message.frames += 1;
        message.wire_length = message.wire_length.saturating_add(raw.length);
        if !message.is_compressed {
            message.length = message.wire_length;
        }
        self.frame(record).message = Some(number);
        true
    }

    fn new_message(&mut self, direction: Direction, record: u32, raw: &RawHeader, opcode: Opcode) {
        let number = u32::try_from(self.messages.len()).unwrap_or(u32::MAX);
        let rsv = raw.with_opcode(opcode).rsv;
        let is_compressed = self.extensions.deflate.is_some() && rsv == RSV1;
        let is_text = opcode == Opcode::Text;
        if is_compressed {
            self.prepare_inflater(direction, number);
        }
        let reader = self.reader(direction);
        reader.message = Some(OpenMessage {
            number,
            // with other reserved bits, an extension defines the payload's meaning
            text: (is_text && (rsv == 0 || is_compressed)).then(Utf8Validator::default),
            is_readable: !is_compressed || !reader.is_lost,
        });
        self.messages.push(Message {
            direction,
            is_text,
            is_compressed,
            state: MessageState::Unfinished,
            first: record,
            last: record,
            frames: 0,
            wire_length: 0,
            length: 0,
        });
    }

    /// The window and the takeover of a direction.
    pub(super) fn deflate_of(&self, direction: Direction) -> (u8, bool) {
        match (self.extensions.deflate, direction) {
            (Some(agreed), Direction::ToServer) => (agreed.client_max_window_bits, !agreed.client_no_context_takeover),
            (Some(agreed), Direction::ToClient) => (agreed.server_max_window_bits, !agreed.server_no_context_takeover),
            (None, _) => (15, false),
        }
    }

    fn prepare_inflater(&mut self, direction: Direction, message: u32) {
        let (window_bits, takeover) = self.deflate_of(direction);
        let reader = self.reader(direction);
        let inflater = reader.inflater.get_or_insert_with(|| Inflater::new(window_bits));
        if !takeover {
            inflater.reset();
            reader.is_lost = false;
            return;
        }
        if !reader.is_lost {
            Checkpoint::consider(&mut reader.checkpoints, message, reader.totals, inflater);
        }
    }

    /// Takes the received part of a frame's payload. Returns whether that was all.
    fn read_payload(&mut self, direction: Direction, mut frame: OpenFrame) -> bool {
        let side = &self.sides[direction as usize];
        let (start, available) = (side.position, side.store.length().min(frame.end));
        let is_control = frame.opcode.is_some_and(Opcode::is_control);
        if is_control && available < frame.end {
            return false;
        }
        if side.store.is_missing(&(start..available)) {
            self.give_up_message(direction, &frame);
            if frame.opcode == Some(Opcode::Close) {
                self.reader(direction).close = Some(frame.record);
            }
        } else if is_control {
            let mut payload = side.store.bytes(start..available);
            frame.mask.apply(&mut payload);
            self.take_control(direction, &frame, &payload);
        } else if frame.is_message && self.is_looked_at(direction) {
            let mut at = start;
            while at < available {
                let end = available.min(at + STEP as u64);
                let mut piece = self.sides[direction as usize].store.bytes(at..end);
                frame.mask = frame.mask.apply(&mut piece);
                self.take_data(direction, frame.record, at, &piece);
                at = end;
            }
        }
        self.sides[direction as usize].position = available;
        if available < frame.end {
            self.reader(direction).frame = Some(frame);
            return false;
        }
        self.reader(direction).frame = None;
        if frame.is_message && frame.fin {
            self.finish_message(direction, frame.record, available);
        }
        true
    }

    /// Bytes of the frame are missing.
    fn give_up_message(&mut self, direction: Direction, frame: &OpenFrame) {
        let (_, takeover) = self.deflate_of(direction);
        let reader = self.reader(direction);
        let Some(message) = reader.message.as_mut().filter(|_| frame.is_message) else {
            return;
        };
        (message.text, message.is_readable) = (None, false);
        let number = message.number;
        if self.messages[number as usize].is_compressed {
            let reader = self.reader(direction);
            reader.inflater = None;
            reader.is_lost = takeover;
        }
    }

    /// Whether the open message's bytes must be checked.
    fn is_looked_at(&mut self, direction: Direction) -> bool {
        let Some(message) = self.reader(direction).message else {
            return false;
        };
        let is_compressed = self.messages[message.number as usize].is_compressed;
        message.is_readable && (is_compressed || message.text.is_some())
    }

    fn take_data(&mut self, direction: Direction, record: u32, offset: u64, piece: &[u8]) {
        let Some(mut message) = self.reader(direction).message else {
            return;
        };
        if !message.is_readable {
            return;
        }
        let outcomes = if self.messages[message.number as usize].is_compressed {
            self.inflate(direction, &mut message, Some(piece))
        } else {
            [check_text(&mut message.text, piece), Ok(())]
        };
        self.reader(direction).message = Some(message);
        for violation in outcomes.into_iter().filter_map(Result::err) {
            self.fail_message(direction, record, offset, violation);
        }
    }

    /// Decompresses a piece of the message, or its end, and checks the output. Returns the results for the text and for
    /// the compression, which may fail behind it.
    fn inflate(
        &mut self,
        direction: Direction,
        message: &mut OpenMessage,
        piece: Option<&[u8]>,
    ) -> [Result<(), Violation>; 2] {
        let length = &mut self.messages[message.number as usize].length;
        let Some(inflater) = &mut self.sides[direction as usize].reader.inflater else {
            return [Ok(()), Err(Violation::DeflateCorrupt)];
        };
        let mut outcome = Ok(());
        let inflated = payload::inflate(inflater, piece, |out| {
            *length += out.len() as u64;
            if outcome.is_ok() {
                outcome = check_text(&mut message.text, out);
            }
            // to the end, though it is not text: later messages refer to it
            Ok(())
        });
        [outcome, inflated]
    }

    fn finish_message(&mut self, direction: Direction, record: u32, offset: u64) {
        let Some(mut message) = self.reader(direction).message else {
            return;
        };
        let is_compressed = self.messages[message.number as usize].is_compressed;
        if message.is_readable && is_compressed {
            for violation in self
                .inflate(direction, &mut message, None)
                .into_iter()
                .filter_map(Result::err)
            {
                self.fail_message(direction, record, offset, violation);
            }
        }
        let has_failed = self.messages[message.number as usize].state == MessageState::Failed;
        if !has_failed && message.text.is_some_and(|text| !text.is_boundary()) {
            self.fail_message(direction, record, offset, Violation::TextNotUtf8);
        }
        let state = if message.is_readable {
            MessageState::Whole
        } else {
            MessageState::Unreadable
        };
        self.end_message(direction, state);
    }

    /// An invalid text is read on, for its length and for later messages; a corrupt one is not.
    fn fail_message(&mut self, direction: Direction, record: u32, offset: u64, violation: Violation) {
        let (_, takeover) = self.deflate_of(direction);
        let is_mid_stream = self.is_mid_stream;
        let reader = self.reader(direction);
        let Some(message) = &mut reader.message else {
            return;
        };
        message.text = None;
        if violation == Violation::DeflateCorrupt {
            message.is_readable = false;
            reader.inflater = None;
            reader.is_lost = takeover;
            // it may refer to data sent before the recording began
            if is_mid_stream && takeover {
                return;
            }
        }
        let number = message.number;
        self.messages[number as usize].state = MessageState::Failed;
        self.add_fault(direction, record, offset, violation);
    }

    fn end_message(&mut self, direction: Direction, state: MessageState) {
        let Some(message) = self.reader(direction).message.take() else {
            return;
        };
        let message = &mut self.messages[message.number as usize];
        if message.state == MessageState::Unfinished {
            message.state = state;
        }
        if message.is_compressed {
            let lengths = [message.wire_length, message.length];
            let totals = &mut self.sides[direction as usize].reader.totals;
            *totals = [totals[0].saturating_add(lengths[0]), totals[1] + lengths[1]];
        }
    }

    /// Another message begins inside this one: the window that it would have left for later ones is unknown.
    fn abandon_message(&mut self, direction: Direction) {
        let (_, takeover) = self.deflate_of(direction);
        let number = self.reader(direction).message.map(|message| message.number);
        if number.is_some_and(|number| self.messages[number as usize].is_compressed) {
            let reader = self.reader(direction);
            reader.inflater = None;
            reader.is_lost = takeover;
        }
        self.end_message(direction, MessageState::Failed);
    }

    fn take_control(&mut self, direction: Direction, frame: &OpenFrame, payload: &[u8]) {
        match frame.opcode {
            Some(Opcode::Close) => self.take_close(direction, frame, payload),
            Some(Opcode::Ping) => {
                let pings = &mut self.reader(direction).pings;
                pings.truncate(MAX_PINGS);
                pings.push_front(frame.record);
            }
            _ => self.take_pong(direction, frame.record, payload),
        }
    }

    fn take_close(&mut self, direction: Direction, frame: &OpenFrame, payload: &[u8]) {
        let record = frame.record;
        let status = payload.first_chunk().map_or(1005, |status| u16::from_be_bytes(*status));
        self.frame(record).status = status;
        self.reader(direction).close = Some(record);
        if let Some(other) = self.reader(direction.reverse()).close {
            self.pair(record, other);
        }
        // the header's violation already reports half a status
        if payload.len() != 1
            && let Err(violation) = parse_close(payload, true)
        {
            let offset = frame.end - payload.len() as u64;
            self.add_fault(direction, record, offset, violation);
        }
    }

    /// A pong answers the last ping with its payload; earlier ones need no pong any more (RFC 6455 §5.5.3).
    fn take_pong(&mut self, direction: Direction, record: u32, payload: &[u8]) {
        let pings = core::mem::take(&mut self.reader(direction.reverse()).pings);
        let answered = pings
            .iter()
            .position(|&ping| self.payload(ping, Stage::Unmasked, payload.len() + 1) == payload);
        if let Some(at) = answered {
            self.pair(record, pings[at]);
        }
        let left = pings.into_iter().take(answered.unwrap_or(MAX_PINGS));
        self.reader(direction.reverse()).pings = left.collect();
    }

    fn pair(&mut self, one: u32, other: u32) {
        self.frame(one).partner = Some(other);
        self.frame(other).partner = Some(one);
    }

    /// The frame of a record that is known to be one.
    fn frame(&mut self, record: u32) -> &mut Frame {
        match &mut self.records[record as usize].kind {
            RecordKind::Frame(frame) => frame,
            _ => unreachable!("only frames have messages and partners"),
        }
    }
}

fn check_text(text: &mut Option<Utf8Validator>, piece: &[u8]) -> Result<(), Violation> {
    match text {
        Some(validator) => validator.push(piece).map_err(|_| Violation::TextNotUtf8),
        None => Ok(()),
    }
}
