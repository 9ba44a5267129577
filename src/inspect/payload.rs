//! Payloads, reconstructed from the bytes on request.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::deflate::Inflater;
use crate::error::Violation;
use crate::inspect::Inspector;
use crate::inspect::record::{Direction, Frame, Message, MessageState, Record, RecordKind, Stage};
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

/// A decompressor somewhere in a direction's messages: after one payload, callers mostly ask for the next.
pub struct Cursor {
    place: Place,
    inflater: Inflater,
}

/// Where a [`Cursor`] continues. Places are in the order of the direction's bytes.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
struct Place {
    message: u32,
    /// The record of the message's next frame, or one before it.
    record: u32,
    /// How many bytes of that frame's payload are decompressed.
    taken: u64,
}

impl Place {
    const fn new(message: u32, record: u32) -> Self {
        Self {
            message,
            record,
            taken: 0,
        }
    }
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
        for frame in (found.first..=found.last).filter(|&record| self.is_of(record, message)) {
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

    /// Whether it is a frame of the message.
    fn is_of(&self, record: u32, message: u32) -> bool {
        let kind = &self.records[record as usize].kind;
        matches!(kind, RecordKind::Frame(frame) if frame.message == Some(message))
    }

    /// Decompresses a message or, with `only`, the bytes that this frame of it adds: from the last place, if that is
    /// nearer than the last checkpoint.
    fn inflated(&mut self, message: u32, only: Option<u32>, limit: usize) -> Vec<u8> {
        let Message { direction, first, .. } = self.messages[message as usize];
        let first = Place::new(message, only.unwrap_or(first));
        let behind = only.map_or(Place::new(message + 1, 0), |only| Place::new(message, only + 1));
        let mut cursor = self.cursor_before(direction, first);
        let mut payload = Vec::new();
        let mut out = [0; STEP];
        while payload.len() < limit && self.find_frame(direction, &mut cursor) && cursor.place < behind {
            let place = cursor.place;
            let Some(produced) = self.inflate_next(&mut cursor, &mut out) else {
                break;
            };
            if place >= first {
                let room = limit - payload.len();
                payload.extend_from_slice(&out[..produced.min(room)]);
            }
        }
        self.cursors[direction as usize] = Some(cursor);
        payload
    }

    /// Moves the cursor to the next frame that is compressed, over the ends of messages. Returns whether there is one
    /// that can be decompressed.
    fn find_frame(&self, direction: Direction, cursor: &mut Cursor) -> bool {
        let (_, takeover) = self.deflate_of(direction);
        while let Some(message) = self.messages.get(cursor.place.message as usize) {
            let Place {
                message: number,
                record,
                ..
            } = cursor.place;
            if message.direction == direction && message.is_compressed {
                let mut records = record.max(message.first)..=message.last;
                if let Some(record) = records.find(|&record| self.is_of(record, number)) {
                    cursor.place.record = record;
                    return true;
                }
                // later messages refer to unknown data
                let is_open = matches!(message.state, MessageState::Unfinished | MessageState::Unreadable);
                // all output came with the frames
                if is_open || cursor.inflater.finish(&mut [0; 1]).is_err() {
                    return false;
                }
                if !takeover {
                    cursor.inflater.reset();
                }
            }
            cursor.place = Place::new(number + 1, 0);
        }
        false
    }

    /// Decompresses the next bytes of the cursor's frame. Returns how many came out; `None` if its next bytes are
    /// corrupt, missing or still to come.
    fn inflate_next(&self, cursor: &mut Cursor, out: &mut [u8]) -> Option<usize> {
        let Place { record, taken, .. } = &mut cursor.place;
        let found = &self.records[*record as usize];
        let piece = self.part(found, Stage::Unmasked, *taken, STEP);
        let (consumed, produced) = cursor.inflater.inflate(&piece, out).ok()?;
        *taken += consumed as u64;
        // a full `out` may leave output behind
        if produced < out.len() && *taken == payload_length(found) {
            (*record, *taken) = (*record + 1, 0);
        } else if consumed + produced == 0 {
            return None;
        }
        Some(produced)
    }

    /// The nearest of the places from which the bytes at this one can be decompressed.
    fn cursor_before(&mut self, direction: Direction, place: Place) -> Cursor {
        let (window_bits, takeover) = self.deflate_of(direction);
        let checkpoints = &self.sides[direction as usize].reader.checkpoints;
        let after = checkpoints.partition_point(|checkpoint| checkpoint.message <= place.message);
        let checkpoint = after.checked_sub(1).map(|index| &checkpoints[index]);
        let start = match checkpoint {
            Some(checkpoint) => checkpoint.message,
            None if takeover => 0,
            None => place.message,
        };
        let start = Place::new(start, 0);
        let is_near = |cursor: &Cursor| (start..=place).contains(&cursor.place);
        if let Some(cursor) = self.cursors[direction as usize].take().filter(is_near) {
            return cursor;
        }
        let mut inflater = Inflater::new(window_bits);
        if let Some(checkpoint) = checkpoint {
            inflater.set_window(&checkpoint.window);
        }
        Cursor { place: start, inflater }
    }
}

fn payload_length(frame: &Record) -> u64 {
    match frame.kind {
        RecordKind::Frame(Frame { header_size, .. }) => frame.end - frame.start - u64::from(header_size),
        _ => 0,
    }
}
