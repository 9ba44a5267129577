//! The batch entry for drivers.

use alloc::vec::Vec;
use core::ops::Range;

use wasm_bindgen::prelude::wasm_bindgen;

use crate::error::{Error, Misuse, Violation};
use crate::frame::Header;
use crate::session::{ClosePayload, Limits, Received, Role, Session, SessionOptions};
use crate::wasm::scratch::{
    EVENT_CAPACITY, INFLATED_CAPACITY, INPUT_CAPACITY, REPORT_ADDRESS, REPORT_ANNOUNCED, REPORT_ERROR, REPORT_EVENTS,
    REPORT_FRAMES, REPORT_HAS_MORE, REPORT_SIZE, REPORT_STATUS, REPORT_TAKEN, REPORT_UNFINISHED, REPORT_WORK, Report,
    Scratch, TAIL_CAPACITY, with_scratch,
};
use crate::wire::{BufferType, CloseStatus, MaskKey};

/// The outcomes of `Session.receive`.
const MORE_INPUT: u32 = 0;
const EVENTS_FULL: u32 = 1;
const PING: u32 = 2;
const PONG: u32 = 3;
const CLOSE: u32 = 4;
const FAILED: u32 = 5;

/// What has begun and not ended when a chunk does: a header or a control frame, or a message.
const NOTHING: u32 = 0;
const IN_FRAME: u32 = 1;
const IN_MESSAGE: u32 = 2;

/// With less room than this for what is decompressed, the caller takes what there is first.
const LEAST_ROOM: usize = 1024;

/// After this much work the caller takes the output, and may serve others.
const WORK_AT_ONCE: u64 = 512 * 1024;

/// The flags of an event.
const TEXT: u32 = 1;
const FIRST: u32 = 2;
const LAST: u32 = 4;
const ASCII: u32 = 8;

/// The batch entry for drivers: the protocol after the handshake.
#[wasm_bindgen(js_name = Session)]
pub struct WasmSession {
    pub(super) session: Session,
    /// The end of the chunk before, when it was in the middle of a header or a control frame.
    tail: Vec<u8>,
    /// For the payload that `header` announced.
    mask: MaskKey,
}

#[wasm_bindgen(js_class = Session)]
impl WasmSession {
    /// A session over a connection that is already upgraded. Sizes are in bytes.
    #[wasm_bindgen(constructor)]
    pub fn new(server: bool, max_frame_size: f64, max_message_size: f64, max_fragments: f64) -> Self {
        let role = if server { Role::Server } else { Role::Client };
        let limits = limits(max_frame_size, max_message_size, max_fragments);
        Self::from_session(Session::new(
            role,
            SessionOptions {
                limits,
                ..SessionOptions::default()
            },
        ))
    }

    /// Takes `length` bytes at `input_address()`. Returns the outcome; the events are listed, and it is reported how
    /// many bytes are done with, and what is unfinished. The rest goes on with `resume`, or is given again later.
    pub fn receive(&mut self, length: usize) -> u32 {
        with_scratch(|scratch| {
            let start = TAIL_CAPACITY - self.tail.len();
            scratch.input[start..TAIL_CAPACITY].copy_from_slice(&self.tail);
            self.tail = Vec::new();
            scratch.unread = start..TAIL_CAPACITY + length.min(INPUT_CAPACITY);
            self.run(scratch)
        })
    }

    /// Goes on with the chunk that `receive` did not finish.
    pub fn resume(&mut self) -> u32 {
        with_scratch(|scratch| self.run(scratch))
    }

    /// Makes a frame of the `length` bytes of payload that are in the output memory behind room for its header,
    /// which begins at `start`. Returns the frame's end, or a negative error.
    pub fn frame(&mut self, buffer_type: u32, start: usize, length: usize) -> i32 {
        with_scratch(|scratch| {
            let end = self.make_header(scratch, buffer_type, start, length);
            let Ok(payload) = usize::try_from(end) else { return end };
            self.mask_range(scratch, payload, length);
            end + length as i32
        })
    }

    /// Makes a frame's header alone. Returns its end, or a negative error.
    pub fn header(&mut self, buffer_type: u32, start: usize, length: usize) -> i32 {
        with_scratch(|scratch| self.make_header(scratch, buffer_type, start, length))
    }

    /// Masks the next bytes of the payload that `header` announced, in place. Does nothing on a server.
    pub fn mask(&mut self, start: usize, length: usize) {
        with_scratch(|scratch| self.mask_range(scratch, start, length));
    }

    /// Makes a close frame; the reason is behind room for the header and the status. Returns the frame's end,
    /// or a negative error.
    pub fn close(&mut self, start: usize, status: u16, reason_length: usize) -> i32 {
        let reason_start = start + Header::size(2, self.session.role() == Role::Client) + 2;
        let payload = with_scratch(|scratch| {
            let reason = output_range(scratch, reason_start, reason_length).ok_or(Misuse::ScratchExceeded)?;
            ClosePayload::new(CloseStatus(status), reason, true)
        });
        let payload = match payload {
            Ok(payload) => payload,
            Err(error) => return -Error::from(error).id(),
        };
        let length = payload.as_bytes().len();
        let end = self.header(BufferType::Close.value() - FIRST_BUFFER_TYPE, start, length);
        let Ok(body) = usize::try_from(end) else { return end };
        with_scratch(|scratch| {
            if let Some(room) = output_range(scratch, body, length) {
                room.copy_from_slice(payload.as_bytes());
            }
        });
        self.mask(body, length);
        end + length as i32
    }

    /// Whether a close was made.
    #[wasm_bindgen(getter)]
    pub fn close_sent(&self) -> bool {
        self.session.state().close_sent()
    }

    /// Whether the peer's close came.
    #[wasm_bindgen(getter)]
    pub fn close_received(&self) -> bool {
        self.session.state().close_received()
    }
}

/// Session's frame types are buffer types less this.
pub(super) const FIRST_BUFFER_TYPE: u32 = 0x8000_0000;

impl WasmSession {
    pub fn from_session(session: Session) -> Self {
        Self {
            session,
            tail: Vec::new(),
            mask: MaskKey::ZERO,
        }
    }

    /// Lists data until the chunk ends, or something comes that the caller has to answer.
    fn run(&mut self, scratch: &mut Scratch) -> u32 {
        let before = self.session.work();
        let mut count = 0;
        let mut inflated = 0;
        let outcome = loop {
            let work = self.session.work() - before;
            if count == EVENT_CAPACITY
                || inflated > INFLATED_CAPACITY.saturating_sub(LEAST_ROOM)
                || work >= WORK_AT_ONCE
            {
                break EVENTS_FULL;
            }
            let input = &mut scratch.input[scratch.unread.clone()];
            let room = scratch.inflated.get_mut(inflated..).unwrap_or_default();
            let step = match self.session.receive_at_most(input, usize::MAX, room) {
                Ok(step) => step,
                Err(violation) => break report_failure(&mut scratch.report, violation),
            };
            let input = &scratch.input[scratch.unread.clone()];
            scratch.unread.start += step.consumed;
            match step.received {
                Received::NeedMore => {
                    self.tail = input[step.consumed..].to_vec();
                    break MORE_INPUT;
                }
                Received::Data {
                    buffer_type,
                    payload,
                    first,
                    ascii,
                } => {
                    scratch.events[count] = [
                        flags(buffer_type, first, ascii),
                        address_of(input, &payload),
                        payload.len() as u32,
                    ];
                    count += 1;
                }
                Received::Inflated {
                    buffer_type,
                    payload,
                    first,
                    ascii,
                } => {
                    let room = &scratch.inflated[inflated..];
                    scratch.events[count] = [
                        flags(buffer_type, first, ascii),
                        address_of(room, &payload),
                        payload.len() as u32,
                    ];
                    count += 1;
                    inflated += payload.len();
                }
                Received::Ping(payload) => break report_payload(&mut scratch.report, PING, input, &payload),
                Received::Pong(payload) => break report_payload(&mut scratch.report, PONG, input, &payload),
                Received::Close { status, reason } => {
                    scratch.report[REPORT_STATUS] = u32::from(status.0);
                    break report_payload(&mut scratch.report, CLOSE, input, &reason);
                }
            }
        };
        scratch.report[REPORT_EVENTS] = count as u32;
        // whatever is done with ends behind the tail of the chunk before
        scratch.report[REPORT_TAKEN] = scratch.unread.start.saturating_sub(TAIL_CAPACITY) as u32;
        scratch.report[REPORT_UNFINISHED] = self.unfinished();
        scratch.report[REPORT_HAS_MORE] = u32::from(self.session.has_more());
        scratch.report[REPORT_ANNOUNCED] = u32::try_from(self.session.announced()).unwrap_or(u32::MAX);
        scratch.report[REPORT_FRAMES] = self.session.frames_received() as u32; // modulo 2^32
        scratch.report[REPORT_WORK] = u32::try_from(self.session.work() - before).unwrap_or(u32::MAX);
        outcome
    }

    const fn unfinished(&self) -> u32 {
        if self.session.in_message() {
            IN_MESSAGE
        } else if self.tail.is_empty() {
            NOTHING
        } else {
            IN_FRAME
        }
    }

    fn make_header(&mut self, scratch: &mut Scratch, buffer_type: u32, start: usize, length: usize) -> i32 {
        let size = self.write_header(scratch, buffer_type, start, length);
        size.map_or_else(|error| -error.id(), |size| (start + size) as i32)
    }

    fn write_header(
        &mut self,
        scratch: &mut Scratch,
        buffer_type: u32,
        start: usize,
        length: usize,
    ) -> Result<usize, Error> {
        let buffer_type = BufferType::from_value(FIRST_BUFFER_TYPE + buffer_type).ok_or(Misuse::BufferTypeUnknown)?;
        let room = scratch.output.get_mut(start..).and_then(<[u8]>::first_chunk_mut);
        let room = room.ok_or(Misuse::ScratchExceeded)?;
        let header = self.session.header(buffer_type, length as u64)?;
        self.mask = header.mask.unwrap_or(MaskKey::ZERO);
        Ok(header.encode(room))
    }

    fn mask_range(&mut self, scratch: &mut Scratch, start: usize, length: usize) {
        if self.mask != MaskKey::ZERO
            && let Some(payload) = output_range(scratch, start, length)
        {
            self.mask = self.mask.apply(payload);
        }
    }
}

pub fn limits(max_frame_size: f64, max_message_size: f64, max_fragments: f64) -> Limits {
    // the casts saturate: infinity means unlimited
    Limits {
        max_frame_size: max_frame_size as u64,
        max_message_size: max_message_size as u64,
        max_fragments: max_fragments as u64,
    }
}

fn output_range(scratch: &mut Scratch, start: usize, length: usize) -> Option<&mut [u8]> {
    scratch.output.get_mut(start..start.checked_add(length)?)
}

fn flags(buffer_type: BufferType, first: bool, ascii: bool) -> u32 {
    let text = match buffer_type {
        BufferType::Utf8Message | BufferType::Utf8Fragment => TEXT,
        _ => 0,
    };
    let last = if buffer_type.is_final() { LAST } else { 0 };
    text | last | if first { FIRST } else { 0 } | if ascii { ASCII } else { 0 }
}

fn address_of(input: &[u8], range: &Range<usize>) -> u32 {
    input[range.clone()].as_ptr() as u32
}

fn report_payload(report: &mut Report, outcome: u32, input: &[u8], payload: &Range<usize>) -> u32 {
    report[REPORT_ADDRESS] = address_of(input, payload);
    report[REPORT_SIZE] = payload.len() as u32;
    outcome
}

fn report_failure(report: &mut Report, violation: Violation) -> u32 {
    report[REPORT_STATUS] = u32::from(violation.close_status().0);
    report[REPORT_ERROR] = Error::from(violation).id().cast_unsigned();
    FAILED
}
