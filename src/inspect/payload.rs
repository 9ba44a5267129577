//! Payloads, reconstructed from the bytes on request.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::deflate::Inflater;
use crate::error::Violation;
use crate::inspect::Inspector;
use crate::inspect::record::{Direction, Message, MessageState, Record, RecordKind, Stage};
use crate::wire::MaskKey;

/// The window of a direction at the beginning of a message, which saves decompressing all earlier messages.
pub struct Checkpoint {
    message: u32,
    window: Box<[u8]>,
    totals: Totals,
}

/// Bytes of a direction's compressed messages, as they came and decompressed.
pub type Totals = [u64; 2];

/// The least distance between two checkpoints, in each: so checkpoints take at most an eighth of the bytes, and no
/// message is far from one.
const APART: Totals = [256 * 1024, 4 * 1024 * 1024];

impl Checkpoint {
    /// Adds one if the last one is far enough away.
    pub fn consider(checkpoints: &mut Vec<Self>, message: u32, totals: Totals, inflater: &Inflater) {
        let last = checkpoints.last().map_or([0; 2], |last| last.totals);
        if (0..2).all(|index| totals[index] - last[index] >= APART[index]) {
            checkpoints.push(Self {
                message,
                window: inflater.window().into(),
                totals,
            });
        }
    }
}

/// A decompressor at the beginning of a message: after one payload, callers mostly ask for the next.
pub struct Cursor {
    message: u32,
    inflater: Inflater,
}

/// How many bytes are decompressed at once.
const STEP: usize = 8 * 1024;

/// Decompresses a piece of a message or, without one, its end, and passes on the output.
pub fn inflate(
    inflater: &mut Inflater,
    piece: Option<&[u8]>,
    mut take: impl FnMut(&[u8]) -> Result<(), Violation>,
) -> Result<(), Violation> {
    let mut out = [0; STEP];
    let mut input = piece.unwrap_or_default();
    loop {
        let step = match piece {
            Some(_) => inflater.inflate(input, &mut out),
            None => inflater.finish(&mut out).map(|(produced, _)| (0, produced)),
        };
        let (consumed, produced) = step.map_err(|_| Violation::DeflateCorrupt)?;
        take(&out[..produced])?;
        input = &input[consumed..];
        // the next call reports corrupt data behind valid bytes
        if produced < STEP && !inflater.is_corrupt() {
            return Ok(());
        }
    }
}

impl Inspector {
    /// The payload of a frame, or all bytes of another record: at most `limit` bytes, and the valid part of a cut or
    /// corrupt one. For a frame of a compressed message, [`Stage::Inflated`] gives the bytes that it adds to the
    /// message.
    pub fn payload(&mut self, record: u32, stage: Stage, limit: usize) -> Vec<u8> {
        let Some(&found) = self.records.get(record as usize) else {
            return Vec::new();
        };
        let message = match found.kind {
            RecordKind::Frame(frame) => frame.message,
            _ => None,
        };
        match message {
            Some(message) if stage == Stage::Inflated && self.messages[message as usize].is_compressed => {
                self.inflated(message, Some(record), limit)
            }
            _ => self.part(&found, stage, 0, limit),
        }
    }

    /// The payload of a frame from `offset` on, not decompressed; it ends where bytes are missing.
    #[must_use]
    pub fn payload_from(&self, record: u32, stage: Stage, offset: u64, limit: usize) -> Vec<u8> {
        let found = self.records.get(record as usize);
        found.map_or_else(Vec::new, |found| self.part(found, stage, offset, limit))
    }

    /// The payload of a message, over all its frames: at most `limit` bytes, and the valid part of an unfinished or
    /// corrupt one.
    pub fn message_payload(&mut self, message: u32, stage: Stage, limit: usize) -> Vec<u8> {
        let Some(&found) = self.messages.get(message as usize) else {
            return Vec::new();
        };
        if stage == Stage::Inflated && found.is_compressed {
            return self.inflated(message, None, limit);
        }
        let mut payload = Vec::new();
        for frame in self.frames_of(message, &found) {
            let record = &self.records[frame as usize];
            payload.extend(self.part(record, stage, 0, limit - payload.len()));
            if payload.len() == limit || self.is_torn(record) {
                break;
            }
        }
        payload
    }

    fn part(&self, record: &Record, stage: Stage, offset: u64, limit: usize) -> Vec<u8> {
        let (start, mask) = match record.kind {
            RecordKind::Frame(frame) => (record.start + u64::from(frame.header_size), frame.mask),
            _ => (record.start, None),
        };
        let start = start.saturating_add(offset);
        let end = record.end.min(start.saturating_add(limit as u64));
        let mut bytes = self.bytes(record.direction, start..end);
        if stage != Stage::Wire {
            let mut key = mask.unwrap_or(MaskKey::ZERO).0;
            key.rotate_left((offset % 4) as usize);
            MaskKey(key).apply(&mut bytes);
        }
        bytes
    }

    /// Whether bytes of it are missing.
    fn is_torn(&self, record: &Record) -> bool {
        let mut gaps = self.gaps(record.direction, record.start..record.end);
        gaps.next().is_some()
    }

    fn frames_of(&self, number: u32, message: &Message) -> impl Iterator<Item = u32> + use<> {
        let of_message = |&record: &u32| {
            let kind = &self.records[record as usize].kind;
            matches!(kind, RecordKind::Frame(frame) if frame.message == Some(number))
        };
        let frames: Vec<u32> = (message.first..=message.last).filter(of_message).collect();
        frames.into_iter()
    }

    /// Decompresses a message, and all messages since the nearest checkpoint. Returns the bytes that `only` this frame
    /// adds.
    fn inflated(&mut self, message: u32, only: Option<u32>, limit: usize) -> Vec<u8> {
        let mut payload = Vec::new();
        let direction = self.messages[message as usize].direction;
        let mut cursor = self.cursor_before(direction, message);
        let mut outcome = Ok(());
        let mut produced = 0;
        while cursor.message <= message && outcome.is_ok() {
            let number = cursor.message;
            let next = self.messages[number as usize];
            cursor.message += 1;
            if next.direction != direction || !next.is_compressed {
                continue;
            }
            outcome = self.inflate_message(&mut cursor.inflater, number, &mut |frame, bytes| {
                if number == message && only.is_none_or(|only| only == frame) {
                    let room = limit - payload.len();
                    payload.extend_from_slice(&bytes[..bytes.len().min(room)]);
                }
                // the rest is decompressed in case the next message is requested, unless it is very long
                produced += if number == message { bytes.len() as u64 } else { 0 };
                let is_enough = payload.len() == limit && produced > APART[1];
                if is_enough {
                    Err(Violation::MessageTooBig)
                } else {
                    Ok(())
                }
            });
        }
        self.cursors[direction as usize] = outcome.is_ok().then_some(cursor);
        payload
    }

    fn inflate_message(
        &self,
        inflater: &mut Inflater,
        number: u32,
        take: &mut impl FnMut(u32, &[u8]) -> Result<(), Violation>,
    ) -> Result<(), Violation> {
        let message = self.messages[number as usize];
        for frame in self.frames_of(number, &message) {
            let record = &self.records[frame as usize];
            let piece = self.part(record, Stage::Unmasked, 0, usize::MAX);
            inflate(inflater, Some(&piece), |out| take(frame, out))?;
            if self.is_torn(record) {
                return Err(Violation::DeflateCorrupt);
            }
        }
        match message.state {
            // later messages refer to unknown data
            MessageState::Unfinished | MessageState::Unreadable => Err(Violation::DeflateCorrupt),
            MessageState::Whole | MessageState::Failed => inflate(inflater, None, |out| take(message.last, out)),
        }
    }

    /// The nearest of the places from which the message can be decompressed.
    fn cursor_before(&mut self, direction: Direction, message: u32) -> Cursor {
        let (window_bits, takeover) = self.deflate_of(direction);
        if !takeover {
            return Cursor {
                message,
                inflater: Inflater::new(window_bits),
            };
        }
        let checkpoints = &self.sides[direction as usize].reader.checkpoints;
        let after = checkpoints.partition_point(|checkpoint| checkpoint.message <= message);
        let checkpoint = after.checked_sub(1).map(|index| &checkpoints[index]);
        let start = checkpoint.map_or(0, |checkpoint| checkpoint.message);
        let is_near = |cursor: &Cursor| (start..=message).contains(&cursor.message);
        if let Some(cursor) = self.cursors[direction as usize].take().filter(is_near) {
            return cursor;
        }
        let mut inflater = Inflater::new(window_bits);
        if let Some(checkpoint) = checkpoint {
            inflater.set_window(&checkpoint.window);
        }
        Cursor {
            message: start,
            inflater,
        }
    }
}
