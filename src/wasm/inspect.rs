//! The inspector: tables of numbers in batches, texts and payloads one by one.

use alloc::string::String;
use alloc::vec::Vec;

use wasm_bindgen::prelude::{JsValue, wasm_bindgen};
use zlib_rs::{Inflate, InflateFlush, Status};

use crate::error::{HandshakeError, Violation};
use crate::inspect::{Direction, Fault, FaultError, Inspector, Message, Options, Record, RecordKind, Stage};

/// In place of a number that is not there.
const NONE: f64 = -1.0;

/// Analyses recorded conversations.
#[wasm_bindgen(js_name = Inspector)]
pub struct WasmInspector {
    inspector: Inspector,
}

#[wasm_bindgen(js_class = Inspector)]
impl WasmInspector {
    /// For one connection; see [`Options`].
    #[wasm_bindgen(constructor)]
    pub fn new(extensions: &str, is_mid_stream: bool, is_http2: bool) -> Self {
        Self {
            inspector: Inspector::new(Options {
                extensions,
                is_mid_stream,
                is_http2,
            }),
        }
    }

    /// Takes the next bytes of a direction: 0 to the server, 1 to the client.
    pub fn push(&mut self, direction: u8, bytes: &[u8], time: f64) {
        self.inspector.push(direction_of(direction), bytes, time);
    }

    /// Reports that the next `length` bytes of a direction are missing.
    pub fn push_missing(&mut self, direction: u8, length: f64, time: f64) {
        self.inspector
            .push_missing(direction_of(direction), length as u64, time);
    }

    /// Says that no more bytes come.
    pub fn finish(&mut self) {
        self.inspector.finish();
    }

    /// How many records, messages and faults there are.
    pub fn counts(&self) -> Vec<u32> {
        let inspector = &self.inspector;
        let counts = [
            inspector.records().len(),
            inspector.messages().len(),
            inspector.faults().len(),
        ];
        counts.iter().map(|&count| count as u32).collect()
    }

    /// `count` rows of 16 numbers each.
    pub fn records(&self, start: usize, count: usize) -> Vec<f64> {
        rows(self.inspector.records(), start, count, |record| {
            record_row(&self.inspector, record)
        })
    }

    /// `count` rows of 9 numbers each.
    pub fn messages(&self, start: usize, count: usize) -> Vec<f64> {
        rows(self.inspector.messages(), start, count, message_row)
    }

    /// `count` rows of 3 numbers each.
    pub fn faults(&self, start: usize, count: usize) -> Vec<f64> {
        rows(self.inspector.faults(), start, count, fault_row)
    }

    /// The checks of a head: an array of subject, section, values and the error's number for each.
    pub fn checks(&self, direction: u8) -> Vec<JsValue> {
        let checks = self.inspector.checks(direction_of(direction)).iter();
        checks
            .flat_map(|check| {
                let found = JsValue::from(check.found.clone());
                let error = check
                    .error
                    .map_or(NONE, |error| error_number(FaultError::Handshake(error)));
                [check.subject.into(), check.section.into(), found, error.into()]
            })
            .collect()
    }

    /// The agreed extensions: whether they are known, whether there are others, and for permessage-deflate, if agreed,
    /// both windows and both no_context_takeover.
    pub fn extensions(&self) -> Vec<u8> {
        let extensions = self.inspector.extensions();
        let deflate = extensions.deflate.map(|agreed| {
            [
                agreed.server_max_window_bits,
                agreed.client_max_window_bits,
                agreed.server_no_context_takeover.into(),
                agreed.client_no_context_takeover.into(),
            ]
        });
        [extensions.are_known.into(), extensions.others.into()]
            .into_iter()
            .chain(deflate.into_iter().flatten())
            .collect()
    }

    /// How many bytes have come in a direction.
    pub fn length(&self, direction: u8) -> f64 {
        self.inspector.length(direction_of(direction)) as f64
    }

    /// Bytes of a direction as they came.
    pub fn bytes(&self, direction: u8, start: f64, end: f64) -> Vec<u8> {
        self.inspector.bytes(direction_of(direction), start as u64..end as u64)
    }

    /// The payload of a record; the stage is 0 for the wire's, 1 unmasked, 2 decompressed.
    pub fn payload(&mut self, record: u32, stage: u8, limit: usize) -> Vec<u8> {
        self.inspector.payload(record, stage_of(stage), limit)
    }

    /// The payload of a frame from an offset on, up to what is missing.
    pub fn payload_from(&self, record: u32, stage: u8, offset: f64, limit: usize) -> Vec<u8> {
        self.inspector
            .payload_from(record, stage_of(stage), offset as u64, limit)
    }

    /// Starts and ends of what is missing of a range.
    pub fn gaps(&self, direction: u8, start: f64, end: f64) -> Vec<f64> {
        let gaps = self.inspector.gaps(direction_of(direction), start as u64..end as u64);
        gaps.flat_map(|gap| [gap.start as f64, gap.end as f64]).collect()
    }

    /// The payload of a message.
    pub fn message_payload(&mut self, message: u32, stage: u8, limit: usize) -> Vec<u8> {
        self.inspector.message_payload(message, stage_of(stage), limit)
    }
}

/// Decompresses a DEFLATE stream (RFC 1951), as gzip and zip have it, as far as it goes: up to its end, to `limit`
/// bytes, or to what is corrupt. `consumed` is told how many bytes of it were read, and whether that was its end.
#[wasm_bindgen]
pub fn inflate(bytes: &[u8], limit: usize, consumed: &mut [f64]) -> Vec<u8> {
    let mut stream = Inflate::new(false, 15);
    let mut out = Vec::new();
    let mut step = vec![0; 64 * 1024];
    let is_whole = loop {
        let (read, written) = (stream.total_in(), stream.total_out());
        let input = &bytes[read as usize..];
        let status = stream.decompress(input, &mut step, InflateFlush::NoFlush);
        let produced = (stream.total_out() - written) as usize;
        out.extend_from_slice(&step[..produced.min(limit - out.len())]);
        match status {
            Ok(Status::StreamEnd) => break true,
            Ok(_) if out.len() < limit && (produced > 0 || stream.total_in() > read) => {}
            _ => break false,
        }
    };
    if let [read, end] = consumed {
        (*read, *end) = (stream.total_in() as f64, is_whole.into());
    }
    out
}

/// Name, text, section and close status (0 if there is none) of an error's number.
#[wasm_bindgen]
pub fn describe(number: u32) -> Vec<JsValue> {
    let index = number as usize;
    let described = match index.checked_sub(HandshakeError::ALL.len()) {
        None => {
            let error = HandshakeError::ALL[index];
            (format!("{error:?}"), error.as_str(), error.section(), 0)
        }
        Some(index) => {
            let error = Violation::ALL[index];
            let status = error.close_status().into();
            (format!("{error:?}"), error.as_str(), error.section(), status)
        }
    };
    let (name, text, section, status): (String, _, _, u16) = described;
    vec![name.into(), text.into(), section.into(), status.into()]
}

fn direction_of(number: u8) -> Direction {
    match number {
        0 => Direction::ToServer,
        _ => Direction::ToClient,
    }
}

fn stage_of(number: u8) -> Stage {
    match number {
        0 => Stage::Wire,
        1 => Stage::Unmasked,
        _ => Stage::Inflated,
    }
}

fn rows<T, const WIDTH: usize>(all: &[T], start: usize, count: usize, row: impl Fn(&T) -> [f64; WIDTH]) -> Vec<f64> {
    let end = start.saturating_add(count).min(all.len());
    all.get(start..end).unwrap_or_default().iter().flat_map(row).collect()
}

fn record_row(inspector: &Inspector, record: &Record) -> [f64; 16] {
    let mut row = [NONE; 16];
    row[1] = record.direction as u8 as f64;
    row[2] = record.is_unreliable.into();
    row[3] = inspector.is_whole(record).into();
    row[4] = record.time;
    row[5] = record.start as f64;
    row[6] = record.end as f64;
    row[14] = record.is_found.into();
    let gaps = inspector.gaps(record.direction, record.start..record.end);
    row[15] = gaps.map(|gap| gap.end - gap.start).sum::<u64>() as f64;
    match record.kind {
        RecordKind::Request => row[0] = 0.0,
        RecordKind::Response => row[0] = 1.0,
        RecordKind::Bytes(reason) => {
            row[0] = 3.0;
            row[7] = f64::from(reason as u8);
        }
        RecordKind::Frame(frame) => {
            row[0] = 2.0;
            row[7] = frame.first.into();
            row[8] = frame.header_size.into();
            row[9] = frame.mask.map_or(NONE, |mask| u32::from_be_bytes(mask.0).into());
            row[10] = frame.status.into();
            row[11] = frame.message.map_or(NONE, f64::from);
            row[12] = frame.partner.map_or(NONE, f64::from);
            row[13] = frame.is_violation.into();
        }
    }
    row
}

fn message_row(message: &Message) -> [f64; 9] {
    [
        message.direction as u8 as f64,
        message.is_text.into(),
        message.is_compressed.into(),
        f64::from(message.state as u8),
        message.first.into(),
        message.last.into(),
        message.frames.into(),
        message.wire_length as f64,
        message.length as f64,
    ]
}

fn fault_row(fault: &Fault) -> [f64; 3] {
    [fault.record.into(), fault.offset as f64, error_number(fault.error)]
}

/// Handshake errors from 0 on, violations behind them.
fn error_number(error: FaultError) -> f64 {
    let number = match error {
        FaultError::Handshake(error) => error as usize,
        FaultError::Frame(error) => HandshakeError::ALL.len() + error as usize,
    };
    number as f64
}
