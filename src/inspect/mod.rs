//! Recorded conversations, taken apart: what went over the wire in both directions, thing by thing, with everything that
//! the RFCs do not allow of it. It reads with the engine's own code, and goes on after a violation.
//!
//! ```
//! use websocket_component::inspect::{Direction, Inspector, Options, RecordKind, Stage};
//!
//! let mut inspector = Inspector::new(Options::default());
//! let frame = b"\x81\x85\x37\xFA\x21\x3D\x7F\x9F\x4D\x51\x58"; // RFC 6455 §5.7
//! inspector.push(Direction::ToServer, frame, 0.0);
//! let record = inspector.records()[0];
//! let RecordKind::Frame(frame) = record.kind else { panic!("a frame") };
//! assert!(frame.fin() && frame.mask.is_some() && record.end == 11);
//! assert_eq!(inspector.payload(0, Stage::Unmasked, usize::MAX), b"Hello");
//! ```

mod frames;
mod heads;
mod payload;
mod record;
mod store;

use alloc::vec::Vec;

pub use heads::{Check, Extensions};
pub use record::{Direction, Fault, FaultError, Frame, Message, MessageState, Reason, Record, RecordKind, Stage};

use crate::error::HandshakeError;
use crate::http::{self, HttpHeader, RequestHead, ResponseHead};
use frames::Reader;
use payload::Cursor;
use store::Store;

/// How to read a conversation.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<'a> {
    /// The value of `Sec-WebSocket-Extensions` in the response, where the handshake is not part of what is recorded.
    pub extensions: &'a str,
}

/// Takes a conversation apart as its bytes come.
///
/// A direction whose first byte is a capital letter from C on begins with a handshake: no frame that is allowed begins so.
/// Any other begins with frames. What depends on bytes of the other direction waits for them, or for
/// [`finish`](Self::finish).
///
/// It holds the bytes, and at most 96 bytes for each record.
pub struct Inspector {
    sides: [Side; 2],
    extensions: Extensions,
    records: Vec<Record>,
    messages: Vec<Message>,
    faults: Vec<Fault>,
    checks: [Vec<Check>; 2],
    is_finished: bool,
    /// By direction.
    cursors: [Option<Cursor>; 2],
}

/// One direction.
struct Side {
    store: Store,
    /// Bytes before this are covered by records.
    position: u64,
    mode: Mode,
    reader: Reader,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Nothing has come.
    Start,
    /// In a head, or waiting for the other side's.
    Head,
    Frames,
    /// Nothing more can be read: the record that covers all that comes, if there is one yet.
    Bytes(Reason, Option<u32>),
}

impl Inspector {
    /// For one connection.
    #[must_use]
    pub fn new(options: Options<'_>) -> Self {
        let side = || Side {
            store: Store::default(),
            position: 0,
            mode: Mode::Start,
            reader: Reader::default(),
        };
        let fields = [HttpHeader::new("Sec-WebSocket-Extensions", options.extensions)];
        Self {
            sides: [side(), side()],
            extensions: heads::agreed(&fields, None),
            records: Vec::new(),
            messages: Vec::new(),
            faults: Vec::new(),
            checks: [Vec::new(), Vec::new()],
            is_finished: false,
            cursors: [None, None],
        }
    }

    /// Takes the next bytes of a direction. `time` may be in any unit. What comes after [`finish`](Self::finish) is
    /// ignored.
    pub fn push(&mut self, direction: Direction, bytes: &[u8], time: f64) {
        if self.is_finished {
            return;
        }
        self.sides[direction as usize].store.push(bytes, time);
        self.advance();
    }

    /// Says that the next `length` bytes of a direction are missing; they read as zeros. What can be told without them is
    /// told: of a frame whose payload they belong to, and of those behind it. Where a header would be, the reading ends.
    pub fn push_missing(&mut self, direction: Direction, length: u64, time: f64) {
        if self.is_finished {
            return;
        }
        self.sides[direction as usize].store.push_missing(length, time);
        self.advance();
    }

    /// Says that no more bytes come: what was waited for is read without it, and what is cut gets its record.
    pub fn finish(&mut self) {
        if self.is_finished {
            return;
        }
        self.is_finished = true;
        self.advance();
        for direction in [Direction::ToServer, Direction::ToClient] {
            self.cut(direction);
        }
    }

    /// What went over the wire, in the order in which it was read.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// The messages, in the order in which they began.
    #[must_use]
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// All that the RFCs do not allow, in the order in which it showed.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// The checks of the request or, with the other direction, of the response; none before it is read.
    #[must_use]
    pub fn checks(&self, direction: Direction) -> &[Check] {
        &self.checks[direction as usize]
    }

    /// What was agreed on, as far as the handshake is read.
    #[must_use]
    pub const fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// How many bytes have come in a direction.
    #[must_use]
    pub const fn length(&self, direction: Direction) -> u64 {
        self.sides[direction as usize].store.length()
    }

    /// A copy of bytes of a direction as they came; no more than there are.
    #[must_use]
    pub fn bytes(&self, direction: Direction, range: core::ops::Range<u64>) -> Vec<u8> {
        self.sides[direction as usize].store.bytes(range)
    }

    /// Whether all bytes of the record have come.
    #[must_use]
    pub fn is_whole(&self, record: &Record) -> bool {
        record.end <= self.length(record.direction)
    }

    /// Reads as far as it can, each direction with what the other one has told.
    fn advance(&mut self) {
        while self.step(Direction::ToServer) | self.step(Direction::ToClient) {}
    }

    /// Tells whether the mode has changed: the other direction may have waited for that.
    fn step(&mut self, direction: Direction) -> bool {
        let before = self.sides[direction as usize].mode;
        match before {
            Mode::Start => self.start(direction),
            Mode::Head if direction == Direction::ToServer => self.read_request(),
            Mode::Head => self.read_response(),
            Mode::Frames if self.waits_for_response(direction) => {}
            Mode::Frames => self.read_frames(direction),
            Mode::Bytes(reason, record) => self.read_bytes(direction, reason, record),
        }
        let after = self.sides[direction as usize].mode;
        core::mem::discriminant(&before) != core::mem::discriminant(&after)
    }

    fn start(&mut self, direction: Direction) {
        let side = &mut self.sides[direction as usize];
        side.mode = match side.store.slices(0..1).next() {
            None => Mode::Start,
            Some([b'C'..=b'Z']) => Mode::Head,
            Some(_) => Mode::Frames,
        };
    }

    /// What a client's frames mean is known once the response is.
    fn waits_for_response(&self, direction: Direction) -> bool {
        let response = self.sides[Direction::ToClient as usize].mode;
        direction == Direction::ToServer
            && !self.checks[Direction::ToServer as usize].is_empty()
            && matches!(response, Mode::Start | Mode::Head)
            && !self.is_finished
    }

    fn read_request(&mut self) {
        let bytes = self.head_bytes(Direction::ToServer);
        match RequestHead::parse(&bytes) {
            Ok(None) => {}
            Ok(Some(head)) => {
                let checks = heads::check_request(&head);
                self.add_head(Direction::ToServer, head.length, checks, true);
            }
            Err(error) => self.add_malformed_head(Direction::ToServer, &bytes, error),
        }
    }

    fn read_response(&mut self) {
        let request_mode = self.sides[Direction::ToServer as usize].mode;
        if matches!(request_mode, Mode::Start | Mode::Head) && !self.is_finished {
            return;
        }
        let bytes = self.head_bytes(Direction::ToClient);
        match ResponseHead::parse(&bytes) {
            Ok(None) => {}
            Ok(Some(head)) => {
                let request = self.request_bytes();
                let request = RequestHead::parse(&request).ok().flatten();
                let checks = heads::check_response(&head, request.as_ref());
                self.extensions = heads::agreed(&head.headers, request.as_ref());
                self.add_head(Direction::ToClient, head.length, checks, head.status == 101);
            }
            Err(error) => self.add_malformed_head(Direction::ToClient, &bytes, error),
        }
    }

    /// The bytes from the position on that a head may have, one more to show that it is too long.
    fn head_bytes(&self, direction: Direction) -> Vec<u8> {
        let side = &self.sides[direction as usize];
        side.store
            .bytes(side.position..side.position + http::MAX_HEAD_LENGTH as u64 + 1)
    }

    fn request_bytes(&self) -> Vec<u8> {
        let of_request = |record: &&Record| record.kind == RecordKind::Request;
        let record = self.records.iter().find(of_request);
        record.map_or_else(Vec::new, |record| {
            self.bytes(record.direction, record.start..record.end)
        })
    }

    fn add_head(&mut self, direction: Direction, length: usize, checks: Vec<Check>, is_accepted: bool) {
        let kind = match direction {
            Direction::ToServer => RecordKind::Request,
            Direction::ToClient => RecordKind::Response,
        };
        let errors = checks.iter().filter_map(|check| check.error).collect();
        let record = self.add(direction, length as u64, kind);
        self.add_handshake_faults(record, errors);
        self.checks[direction as usize] = checks;
        let rest = Mode::Bytes(Reason::NotWebSocket, None);
        self.sides[direction as usize].mode = if is_accepted { Mode::Frames } else { rest };
        // what the client sent behind its request has waited for this
        if !is_accepted && !self.checks[direction.reverse() as usize].is_empty() {
            self.sides[direction.reverse() as usize].mode = rest;
        }
    }

    fn add_malformed_head(&mut self, direction: Direction, bytes: &[u8], error: HandshakeError) {
        let rest = Mode::Bytes(Reason::NotWebSocket, None);
        self.sides[direction as usize].mode = rest;
        let first_line = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default();
        self.checks[direction as usize] = vec![Check {
            subject: "head",
            section: error.section(),
            found: vec![first_line.iter().take(100).copied().map(char::from).collect()],
            error: Some(error),
        }];
        // the record of the bytes comes next
        self.add_handshake_faults(self.next_record(), vec![error]);
    }

    fn add_handshake_faults(&mut self, record: u32, errors: Vec<HandshakeError>) {
        let offset = self.records.get(record as usize).map_or(0, |record| record.start);
        self.faults.extend(errors.into_iter().map(|error| Fault {
            record,
            offset,
            error: FaultError::Handshake(error),
        }));
    }

    /// Covers whatever has come with one record.
    fn read_bytes(&mut self, direction: Direction, reason: Reason, record: Option<u32>) {
        let side = &self.sides[direction as usize];
        let (position, end) = (side.position, side.store.length());
        if position == end {
            return;
        }
        match record {
            Some(record) => {
                self.records[record as usize].end = end;
                self.sides[direction as usize].position = end;
            }
            None => {
                let record = self.add(direction, end - position, RecordKind::Bytes(reason));
                self.sides[direction as usize].mode = Mode::Bytes(reason, Some(record));
            }
        }
    }

    /// Covers what is left when no more will come.
    fn cut(&mut self, direction: Direction) {
        let side = &self.sides[direction as usize];
        let left = side.store.length().saturating_sub(side.position);
        if left == 0 || side.reader.is_in_frame() {
            return;
        }
        let in_frames = side.mode == Mode::Frames;
        let header = side
            .store
            .bytes(side.position..side.store.length().min(side.position + 14));
        let record = self.add(direction, left, RecordKind::Bytes(Reason::Cut));
        if in_frames {
            self.check_cut_header(record, &header);
        }
    }

    /// Adds a record of so many bytes from the position on, and takes the position behind it.
    fn add(&mut self, direction: Direction, length: u64, kind: RecordKind) -> u32 {
        let number = self.next_record();
        let side = &mut self.sides[direction as usize];
        let start = side.position;
        side.position = start.saturating_add(length);
        self.records.push(Record {
            direction,
            is_unreliable: side.reader.has_failed(),
            time: side.store.time(start),
            start,
            end: side.position,
            kind,
        });
        number
    }

    fn next_record(&self) -> u32 {
        u32::try_from(self.records.len()).unwrap_or(u32::MAX)
    }
}
