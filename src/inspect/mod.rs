//! Analyses recorded conversations: lists everything that went over the wire in both directions, with all violations of
//! the RFCs. It reads with the engine's own code, and continues after a violation.
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
mod http2;
mod payload;
mod record;
mod search;
mod store;

use alloc::vec::Vec;

pub use heads::{Check, Extensions};
pub use record::{Direction, Fault, FaultError, Frame, Message, MessageState, Reason, Record, RecordKind, Stage};

use crate::error::HandshakeError;
use crate::http::{HttpHeader, RequestHead, ResponseHead};
use frames::Reader;
use payload::Cursor;
use store::Store;

/// How to read a conversation.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<'a> {
    /// The value of `Sec-WebSocket-Extensions` in the response, if the recording lacks the handshake.
    pub extensions: &'a str,
    /// The recording began after the handshake, perhaps inside a frame: the inspector must find each direction's first
    /// header, and knows the agreed extensions only if they are given.
    pub is_mid_stream: bool,
    /// The conversation is an HTTP/2 stream (RFC 8441). Its heads precede its frames as text: a first line, `CONNECT
    /// /chat HTTP/2` or `HTTP/2 200`, then a line for each field, pseudo-header fields first, then a blank line.
    pub is_http2: bool,
}

/// Analyses a conversation as its bytes come.
///
/// A direction whose first byte is a capital letter from C on begins with a handshake: no frame that is allowed begins
/// so. Any other begins with frames. Anything that depends on the other direction waits for its bytes, or for
/// [`finish`](Self::finish). Behind missing bytes, the inspector continues at the first pushed piece that begins with a
/// likely frame header.
///
/// It holds the bytes, and at most 96 bytes for each record.
pub struct Inspector {
    sides: [Side; 2],
    extensions: Extensions,
    is_mid_stream: bool,
    is_http2: bool,
    records: Vec<Record>,
    messages: Vec<Message>,
    faults: Vec<Fault>,
    checks: [Vec<Check>; 2],
    is_finished: bool,
    /// By direction.
    cursors: [Option<Cursor>; 2],
}

/// The most bytes of a head: more than the engine accepts, to show what is wrong with it.
const MAX_HEAD: usize = 256 * 1024;
/// How many bytes are read to tell a head from a payload.
const LONGEST_START: u64 = 16;

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
    /// In a head, or waiting for the other side's head.
    Head,
    Frames,
    /// The start of the next frame is unknown: the offset from which it is searched.
    Lost(u64),
    /// Nothing more can be read: one record covers all later bytes, once there is one.
    Bytes(Reason, Option<u32>),
}

impl Inspector {
    /// An inspector for one connection.
    #[must_use]
    pub fn new(options: Options<'_>) -> Self {
        let side = || Side {
            store: Store::default(),
            position: 0,
            mode: Mode::Start,
            reader: Reader::default(),
        };
        let fields = [HttpHeader::new("Sec-WebSocket-Extensions", options.extensions)];
        let are_known = !options.is_mid_stream || !options.extensions.is_empty();
        Self {
            sides: [side(), side()],
            extensions: Extensions {
                are_known,
                ..heads::agreed(&fields, None)
            },
            is_mid_stream: options.is_mid_stream,
            is_http2: options.is_http2,
            records: Vec::new(),
            messages: Vec::new(),
            faults: Vec::new(),
            checks: [Vec::new(), Vec::new()],
            is_finished: false,
            cursors: [None, None],
        }
    }

    /// Takes the next bytes of a direction. `time` may be in any unit. Bytes after [`finish`](Self::finish) are
    /// ignored.
    pub fn push(&mut self, direction: Direction, bytes: &[u8], time: f64) {
        if self.is_finished {
            return;
        }
        self.sides[direction as usize].store.push(bytes, time);
        self.advance();
    }

    /// Reports that the next `length` bytes of a direction are missing. A gap inside a payload affects only its frame
    /// and message. If a header is missing, the inspector searches for the next one at the start of each piece that is
    /// pushed later. No more than 2<sup>62</sup> bytes are counted.
    pub fn push_missing(&mut self, direction: Direction, length: u64, time: f64) {
        if self.is_finished {
            return;
        }
        self.sides[direction as usize].store.push_missing(length, time);
        self.advance();
    }

    /// Reports that no more bytes come: waiting parts are read without the other direction, and a cut one gets its
    /// record.
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

    /// The records of the conversation, in the order in which they were read.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// The messages, in the order in which they began.
    #[must_use]
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// All violations of the RFCs, in the order in which they were found.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// The checks of the request or, for the other direction, of the response; empty before it is read.
    #[must_use]
    pub fn checks(&self, direction: Direction) -> &[Check] {
        &self.checks[direction as usize]
    }

    /// The agreed extensions, as far as the handshake is read.
    #[must_use]
    pub const fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// How many bytes have come in a direction.
    #[must_use]
    pub const fn length(&self, direction: Direction) -> u64 {
        self.sides[direction as usize].store.length()
    }

    /// The missing parts of a range of a direction's bytes.
    pub fn gaps(
        &self,
        direction: Direction,
        range: core::ops::Range<u64>,
    ) -> impl Iterator<Item = core::ops::Range<u64>> {
        self.sides[direction as usize].store.gaps(range)
    }

    /// A copy of a direction's bytes as they came, up to the end or the first missing byte.
    #[must_use]
    pub fn bytes(&self, direction: Direction, range: core::ops::Range<u64>) -> Vec<u8> {
        self.sides[direction as usize].store.bytes(range)
    }

    /// Whether all bytes of the record have come.
    #[must_use]
    pub fn is_whole(&self, record: &Record) -> bool {
        record.end <= self.length(record.direction)
    }

    /// Reads as far as it can, alternating between the directions, because each may wait for the other.
    fn advance(&mut self) {
        while self.step(Direction::ToServer) | self.step(Direction::ToClient) {}
    }

    /// Returns whether the mode has changed: the other direction may have waited for that.
    fn step(&mut self, direction: Direction) -> bool {
        let before = self.sides[direction as usize].mode;
        match before {
            Mode::Start => self.start(direction),
            Mode::Head if direction == Direction::ToServer => self.read_request(),
            Mode::Head => self.read_response(),
            Mode::Frames if self.waits_for_response(direction) => {}
            Mode::Frames => self.read_frames(direction),
            Mode::Lost(_) if self.waits_for_response(direction) => {}
            Mode::Lost(from) => self.find_header(direction, from),
            Mode::Bytes(reason, record) => self.read_bytes(direction, reason, record),
        }
        let after = self.sides[direction as usize].mode;
        core::mem::discriminant(&before) != core::mem::discriminant(&after)
    }

    fn start(&mut self, direction: Direction) {
        let is_mid_stream = self.is_mid_stream;
        let side = &self.sides[direction as usize];
        if side.store.length() == 0 {
            return;
        }
        let first = side.store.bytes(0..LONGEST_START);
        if first.is_empty() && direction == Direction::ToClient {
            self.doubt_extensions();
        }
        let begins_head = match (is_mid_stream, first.first()) {
            (false, first) => matches!(first, Some(b'C'..=b'Z')),
            // a payload may begin with any letter
            (true, _) => search::is_start_of_head(&first),
        };
        self.sides[direction as usize].mode = match (begins_head, is_mid_stream || first.is_empty()) {
            (true, _) => Mode::Head,
            (false, true) => Mode::Lost(0),
            (false, false) => Mode::Frames,
        };
    }

    /// What was agreed on is in a response that may never come, unless the options say it.
    const fn doubt_extensions(&mut self) {
        self.extensions.are_known = self.extensions.deflate.is_some() || self.extensions.others;
    }

    /// The meaning of a client's frames is known once the response is.
    fn waits_for_response(&self, direction: Direction) -> bool {
        let response = self.sides[Direction::ToClient as usize].mode;
        direction == Direction::ToServer
            && self
                .records
                .iter()
                .take(2)
                .any(|record| record.kind == RecordKind::Request)
            && matches!(response, Mode::Start | Mode::Head)
            && !self.is_finished
    }

    fn read_request(&mut self) {
        let bytes = self.head_bytes(Direction::ToServer);
        if self.is_http2 {
            return self.read_http2_head(Direction::ToServer, &bytes);
        }
        match RequestHead::parse_within(&bytes, MAX_HEAD) {
            Ok(None) => self.read_cut_head(Direction::ToServer, &bytes),
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
        if self.is_http2 {
            return self.read_http2_head(Direction::ToClient, &bytes);
        }
        match ResponseHead::parse_within(&bytes, MAX_HEAD) {
            Ok(None) => self.read_cut_head(Direction::ToClient, &bytes),
            Ok(Some(head)) => {
                let request = self.request_bytes();
                let request = RequestHead::parse_within(&request, MAX_HEAD).ok().flatten();
                let checks = heads::check_response(&head, request.as_ref());
                self.extensions = heads::agreed(&head.headers, request.as_ref());
                self.add_head(Direction::ToClient, head.length, checks, head.status == 101);
            }
            Err(error) => self.add_malformed_head(Direction::ToClient, &bytes, error),
        }
    }

    fn read_http2_head(&mut self, direction: Direction, bytes: &[u8]) {
        match http2::read(direction, bytes) {
            Ok(None) => {}
            Ok(Some(head)) => {
                if let Some(extensions) = head.extensions {
                    self.extensions = extensions;
                }
                self.add_head(direction, head.length, head.checks, head.is_accepted);
            }
            Err(error) => self.add_malformed_head(direction, bytes, error),
        }
    }

    /// The bytes from the position on that may be a head, one more than the limit to detect a longer one; fewer if some
    /// are missing.
    fn head_bytes(&self, direction: Direction) -> Vec<u8> {
        let side = &self.sides[direction as usize];
        side.store.bytes(side.position..side.position + MAX_HEAD as u64 + 1)
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
        if direction == Direction::ToServer {
            self.doubt_extensions();
        }
        let record = self.add(direction, length as u64, kind);
        self.add_handshake_faults(record, errors);
        self.checks[direction as usize] = checks;
        self.sides[direction as usize].mode = Mode::Frames;
        if !is_accepted {
            self.refuse(direction);
        }
    }

    /// The bytes behind such a head are not WebSocket's.
    fn refuse(&mut self, direction: Direction) {
        let rest = Mode::Bytes(Reason::NotWebSocket, None);
        self.sides[direction as usize].mode = rest;
        // bytes that the client sent behind its request have waited for this
        if !self.checks[direction.reverse() as usize].is_empty() {
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

    /// Covers all unread bytes with one record.
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

    /// Covers the rest when no more bytes will come.
    fn cut(&mut self, direction: Direction) {
        let side = &self.sides[direction as usize];
        let left = side.store.length().saturating_sub(side.position);
        if left == 0 || side.reader.is_in_frame() {
            return;
        }
        let in_frames = side.mode == Mode::Frames;
        let header = side.store.bytes(side.position..side.position + 14);
        let is_lost = matches!(side.mode, Mode::Lost(_)) || side.store.is_missing(&(side.position..u64::MAX));
        let reason = if is_lost { Reason::Missing } else { Reason::Cut };
        let record = self.add(direction, left, RecordKind::Bytes(reason));
        if in_frames {
            self.check_cut_header(record, &header);
        }
    }

    /// Adds a record of `length` bytes at the position, and moves the position behind it.
    fn add(&mut self, direction: Direction, length: u64, kind: RecordKind) -> u32 {
        let number = self.next_record();
        let side = &mut self.sides[direction as usize];
        let start = side.position;
        side.position = start.saturating_add(length);
        self.records.push(Record {
            direction,
            is_unreliable: side.reader.has_failed(),
            is_found: false,
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
