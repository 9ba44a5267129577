//! The exports for JavaScript: numbers across the boundary, bytes through shared scratch memory. Only the handshake,
//! which happens once per connection, passes strings.

#![allow(
    clippy::cast_possible_truncation,
    reason = "an address, and the length of what lies there, has 32 bits"
)]
#![allow(clippy::cast_possible_wrap, reason = "offsets into the scratch memory are small")]

use std::cell::{Cell, RefCell};
use std::ops::Range;

use js_sys::Array;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

use crate::error::{Error, HandshakeError, Misuse, Violation};
use crate::frame::{Header, MAX_HEADER_LENGTH};
use crate::handle::{Action, ActionContext, ActionQueue, Buffer, KEEPALIVE_INTERVAL_MS, Property, SUPPORTED_VERSIONS};
use crate::http::{self, HttpHeader};
use crate::session::{ClosePayload, Limits, Received, Role, Session, SessionOptions};
use crate::wire::{BufferType, CloseStatus, MaskKey};

/// One network chunk; Node reads at most so much at a time.
const INPUT_CAPACITY: usize = 64 * 1024;
/// What a session keeps of the chunk before: at most an unfinished header or control frame, 138 bytes.
const TAIL_CAPACITY: usize = 144;
const OUTPUT_CAPACITY: usize = 128 * 1024 + 64;
const EVENT_CAPACITY: usize = 1024;

/// The outcomes of `Session.receive`.
const MORE_INPUT: u32 = 0;
const EVENTS_FULL: u32 = 1;
const PING: u32 = 2;
const PONG: u32 = 3;
const CLOSE: u32 = 4;
const FAILED: u32 = 5;

/// The flags of an event.
const TEXT: u32 = 1;
const FIRST: u32 = 2;
const LAST: u32 = 4;
const ASCII: u32 = 8;

/// Memory that all connections share, as every call is done with it before the next begins.
struct Scratch {
    /// Room for what a session kept of the chunk before, then the chunk.
    input: Box<[u8]>,
    unread: Range<usize>,
    output: Box<[u8]>,
    events: Box<[[u32; 3]]>,
    report: Box<[u32; 16]>,
}

impl Scratch {
    fn leak() -> &'static RefCell<Self> {
        Box::leak(Box::new(RefCell::new(Self {
            input: vec![0; TAIL_CAPACITY + INPUT_CAPACITY].into(),
            unread: 0..0,
            output: vec![0; OUTPUT_CAPACITY].into(),
            events: vec![[0; 3]; EVENT_CAPACITY].into(),
            report: Box::new([0; 16]),
        })))
    }
}

thread_local! {
    static SCRATCH: Cell<Option<&'static RefCell<Scratch>>> = const { Cell::new(None) };
}

/// Runs `f` with the scratch memory. A call that trapped never gave it back: then there is a new one, at other
/// addresses.
fn with_scratch<R>(f: impl FnOnce(&mut Scratch) -> R) -> R {
    SCRATCH.with(|current| {
        if let Some(Ok(mut scratch)) = current.get().map(RefCell::try_borrow_mut) {
            return f(&mut scratch);
        }
        let fresh = Scratch::leak();
        current.set(Some(fresh));
        f(&mut fresh.borrow_mut())
    })
}

/// Where the caller writes a network chunk.
#[wasm_bindgen]
pub fn input_address() -> usize {
    with_scratch(|scratch| scratch.input[TAIL_CAPACITY..].as_ptr() as usize)
}

/// The most bytes of a chunk.
#[wasm_bindgen]
pub fn input_capacity() -> usize {
    INPUT_CAPACITY
}

/// Where frames are made.
#[wasm_bindgen]
pub fn output_address() -> usize {
    with_scratch(|scratch| scratch.output.as_ptr() as usize)
}

/// The bytes there.
#[wasm_bindgen]
pub fn output_capacity() -> usize {
    OUTPUT_CAPACITY
}

/// Where received data is listed: flags, address and length of each piece, as u32.
#[wasm_bindgen]
pub fn events_address() -> usize {
    with_scratch(|scratch| scratch.events.as_ptr() as usize)
}

/// Where a call leaves what its return value does not tell: 16 u32.
#[wasm_bindgen]
pub fn report_address() -> usize {
    with_scratch(|scratch| scratch.report.as_ptr() as usize)
}

/// The batch entry for drivers: the protocol after the handshake.
#[wasm_bindgen(js_name = Session)]
pub struct WasmSession {
    session: Session,
    /// The end of the chunk before, when it was in the middle of a header or a control frame.
    tail: Vec<u8>,
    /// For the payload that `header` announced.
    mask: MaskKey,
}

#[wasm_bindgen(js_class = Session)]
impl WasmSession {
    /// A session over a connection that is already upgraded. Limits are in bytes.
    #[wasm_bindgen(constructor)]
    pub fn new(server: bool, max_frame_size: f64, max_message_size: f64) -> Self {
        let role = if server { Role::Server } else { Role::Client };
        let limits = limits(max_frame_size, max_message_size);
        Self::from_session(Session::new(
            role,
            SessionOptions {
                limits,
                ..SessionOptions::default()
            },
        ))
    }

    /// Takes `length` bytes at `input_address()`. Returns the outcome; the events are listed.
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

    /// Makes a frame of the `length` bytes of payload that stand in the output memory behind room for its header,
    /// which begins at `start`. Returns the frame's end, or a negative error.
    pub fn frame(&mut self, buffer_type: u32, start: usize, length: usize) -> i32 {
        let end = self.header(buffer_type, start, length);
        let Ok(payload) = usize::try_from(end) else { return end };
        self.mask(payload, length);
        end + length as i32
    }

    /// Makes a frame's header alone. Returns its end, or a negative error.
    pub fn header(&mut self, buffer_type: u32, start: usize, length: usize) -> i32 {
        let made = self.make_header(buffer_type, start, length);
        made.unwrap_or_else(|error| -error.id())
    }

    /// Masks the next bytes of the payload that `header` announced, in place. Does nothing on a server.
    pub fn mask(&mut self, start: usize, length: usize) {
        if self.mask == MaskKey::ZERO {
            return;
        }
        with_scratch(|scratch| {
            if let Some(payload) = output_range(scratch, start, length) {
                self.mask = self.mask.apply(payload);
            }
        });
    }

    /// Makes a close frame; the reason stands behind room for the header and the status. Returns the frame's end,
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
const FIRST_BUFFER_TYPE: u32 = 0x8000_0000;

impl WasmSession {
    fn from_session(session: Session) -> Self {
        Self {
            session,
            tail: Vec::new(),
            mask: MaskKey::ZERO,
        }
    }

    /// Lists data until the chunk ends, or something comes that the caller has to answer.
    fn run(&mut self, scratch: &mut Scratch) -> u32 {
        let mut count = 0;
        let outcome = loop {
            if count == EVENT_CAPACITY {
                break EVENTS_FULL;
            }
            let input = &mut scratch.input[scratch.unread.clone()];
            let step = match self.session.receive(input) {
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
                Received::Ping(payload) => break report_payload(&mut scratch.report, PING, input, &payload),
                Received::Pong(payload) => break report_payload(&mut scratch.report, PONG, input, &payload),
                Received::Close { status, reason } => {
                    scratch.report[3] = u32::from(status.0);
                    break report_payload(&mut scratch.report, CLOSE, input, &reason);
                }
            }
        };
        scratch.report[0] = count as u32;
        outcome
    }

    fn make_header(&mut self, buffer_type: u32, start: usize, length: usize) -> Result<i32, Error> {
        let buffer_type = BufferType::from_value(FIRST_BUFFER_TYPE + buffer_type).ok_or(Misuse::BufferTypeUnknown)?;
        let masked = self.session.role() == Role::Client;
        let size = Header::size(length as u64, masked);
        with_scratch(|scratch| {
            let room = output_range(scratch, start, size).ok_or(Misuse::ScratchExceeded)?;
            let header = self.session.header(buffer_type, length as u64)?;
            let mut bytes = [0; MAX_HEADER_LENGTH];
            header.encode(&mut bytes);
            room.copy_from_slice(&bytes[..size]);
            self.mask = header.mask.unwrap_or(MaskKey::ZERO);
            Ok((start + size) as i32)
        })
    }
}

fn limits(max_frame_size: f64, max_message_size: f64) -> Limits {
    // the casts saturate: infinity is no limit
    Limits {
        max_frame_size: max_frame_size as u64,
        max_message_size: max_message_size as u64,
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

fn report_payload(report: &mut [u32; 16], outcome: u32, input: &[u8], payload: &Range<usize>) -> u32 {
    report[1] = address_of(input, payload);
    report[2] = payload.len() as u32;
    outcome
}

fn report_failure(report: &mut [u32; 16], violation: Violation) -> u32 {
    report[3] = u32::from(violation.close_status().0);
    report[4] = Error::from(violation).id().cast_unsigned();
    FAILED
}

/// The component API.
#[wasm_bindgen(js_name = Handle)]
pub struct WasmHandle {
    handle: crate::handle::Handle<u32>,
}

#[wasm_bindgen(js_class = Handle)]
impl WasmHandle {
    /// `WebSocketCreateClientHandle`.
    pub fn create_client(
        receive_buffer_size: Option<u32>,
        send_buffer_size: Option<u32>,
        disable_masking: Option<bool>,
        disable_utf8_verification: Option<bool>,
    ) -> Result<Self, JsValue> {
        let properties = properties(
            receive_buffer_size,
            send_buffer_size,
            disable_masking,
            disable_utf8_verification,
        );
        Ok(Self {
            handle: crate::handle::Handle::create_client(&properties).map_err(thrown)?,
        })
    }

    /// `WebSocketCreateServerHandle`.
    pub fn create_server(
        receive_buffer_size: Option<u32>,
        send_buffer_size: Option<u32>,
        disable_masking: Option<bool>,
        disable_utf8_verification: Option<bool>,
    ) -> Result<Self, JsValue> {
        let properties = properties(
            receive_buffer_size,
            send_buffer_size,
            disable_masking,
            disable_utf8_verification,
        );
        Ok(Self {
            handle: crate::handle::Handle::create_server(&properties).map_err(thrown)?,
        })
    }

    /// `WebSocketBeginClientHandshake`; headers are names and values in turn.
    pub fn begin_client_handshake(
        &mut self,
        subprotocols: Vec<String>,
        extensions: Vec<String>,
        headers: Vec<String>,
    ) -> Result<Vec<String>, JsValue> {
        let fields = Fields::new(&headers)?;
        let added =
            self.handle
                .begin_client_handshake(&borrowed(&subprotocols), &borrowed(&extensions), &fields.borrowed());
        added.map(|added| flat(&added)).map_err(thrown)
    }

    /// `WebSocketEndClientHandshake`: the index of the subprotocol or -1, then those of the extensions.
    pub fn end_client_handshake(
        &mut self,
        headers: Vec<String>,
        allow_no_subprotocol: bool,
    ) -> Result<Vec<i32>, JsValue> {
        let fields = Fields::new(&headers)?;
        let negotiated = if allow_no_subprotocol {
            self.handle
                .end_client_handshake_with_optional_subprotocol(&fields.borrowed())
        } else {
            self.handle.end_client_handshake(&fields.borrowed())
        };
        let negotiated = negotiated.map_err(thrown)?;
        let mut indices = vec![negotiated.subprotocol.map_or(-1, |index| index as i32)];
        indices.extend(negotiated.extensions.iter().map(|&index| index as i32));
        Ok(indices)
    }

    /// `WebSocketBeginServerHandshake`.
    pub fn begin_server_handshake(
        &mut self,
        subprotocol: Option<String>,
        extensions: Vec<String>,
        headers: Vec<String>,
    ) -> Result<Vec<String>, JsValue> {
        let fields = Fields::new(&headers)?;
        let response =
            self.handle
                .begin_server_handshake(subprotocol.as_deref(), &borrowed(&extensions), &fields.borrowed());
        response.map(|response| flat(&response)).map_err(thrown)
    }

    /// `WebSocketEndServerHandshake`.
    pub fn end_server_handshake(&mut self) -> Result<(), JsValue> {
        self.handle.end_server_handshake().map_err(thrown)
    }

    /// `WebSocketSend`, but for a close.
    pub fn send(&mut self, buffer_type: u32, payload: Option<Vec<u8>>, context: u32) -> Result<(), JsValue> {
        let buffer_type =
            BufferType::from_value(buffer_type).ok_or_else(|| thrown(Misuse::BufferTypeUnknown.into()))?;
        self.handle
            .send(buffer_type, payload.map(Buffer::Data), context)
            .map_err(thrown)
    }

    /// `WebSocketSend` of a close; no status makes an empty frame.
    pub fn send_close(&mut self, status: Option<u16>, reason: Option<Vec<u8>>, context: u32) -> Result<(), JsValue> {
        let buffer = status.map(|status| Buffer::CloseStatus {
            status: CloseStatus(status),
            reason: reason.unwrap_or_default(),
        });
        self.handle.send(BufferType::Close, buffer, context).map_err(thrown)
    }

    /// `WebSocketReceive`; 0 for the internal buffer.
    pub fn receive(&mut self, buffer_length: usize, context: u32) -> Result<(), JsValue> {
        let buffer = (buffer_length > 0).then(|| vec![0; buffer_length]);
        self.handle.receive(buffer, context).map_err(thrown)
    }

    /// `WebSocketGetAction`; the action is reported.
    pub fn get_action(&mut self, queue: u32, slots: usize) -> Result<(), JsValue> {
        let queue = match queue {
            1 => ActionQueue::Send,
            2 => ActionQueue::Receive,
            3 => ActionQueue::All,
            _ => return Err(thrown(Misuse::ActionQueueUnknown.into())),
        };
        let action = self.handle.get_action_with_slots(queue, slots);
        with_scratch(|scratch| scratch.report.fill(0));
        let action = action.map_err(thrown)?;
        with_scratch(|scratch| report_action(&mut scratch.report, &action));
        Ok(())
    }

    /// Reports where the buffer of an outstanding read is, and how long: nothing if there is no such action.
    pub fn outstanding_read(&mut self, action_context: u32) {
        let context = core::num::NonZeroU32::new(action_context).map(ActionContext);
        let action = context.and_then(|context| self.handle.outstanding_action(context));
        let place = match action {
            Some(Action::ReceiveFromNetwork { buffer, .. }) => [buffer.as_ptr() as u32, buffer.len() as u32],
            _ => [0, 0],
        };
        with_scratch(|scratch| scratch.report[..2].copy_from_slice(&place));
    }

    /// `WebSocketCompleteAction`.
    pub fn complete_action(&mut self, action_context: u32, bytes: usize) {
        if let Some(context) = core::num::NonZeroU32::new(action_context) {
            self.handle.complete_action(ActionContext(context), bytes);
        }
    }

    /// `WebSocketAbortHandle`.
    pub fn abort(&mut self) {
        self.handle.abort();
    }

    /// The session alone, for the drivers.
    pub fn into_session(mut self, max_frame_size: f64, max_message_size: f64) -> Result<WasmSession, JsValue> {
        self.handle.set_limits(limits(max_frame_size, max_message_size));
        self.handle
            .into_session()
            .map(WasmSession::from_session)
            .map_err(thrown)
    }
}

fn report_action(report: &mut [u32; 16], action: &Action<'_, u32>) {
    report[0] = action.kind() as u32;
    let mut place = |slot: usize, bytes: &[u8]| {
        report[2] += 1;
        report[3 + 2 * slot] = bytes.as_ptr() as u32;
        report[4 + 2 * slot] = bytes.len() as u32;
    };
    let (buffer_type, application_context) = match action {
        Action::NoAction => (None, None),
        Action::SendToNetwork {
            buffers,
            buffer_type,
            application_context,
            ..
        } => {
            for (slot, bytes) in buffers.iter().enumerate().filter(|(_, bytes)| !bytes.is_empty()) {
                place(slot, bytes);
            }
            (Some(*buffer_type), *application_context)
        }
        Action::IndicateSendComplete {
            buffer_type,
            application_context,
            ..
        } => (Some(*buffer_type), Some(*application_context)),
        Action::ReceiveFromNetwork {
            buffer,
            application_context,
            ..
        } => {
            place(0, buffer);
            (None, Some(*application_context))
        }
        Action::IndicateReceiveComplete {
            buffer,
            application_context,
            ..
        } => {
            let status = match buffer {
                crate::handle::ReceivedBuffer::Cancelled => 0,
                crate::handle::ReceivedBuffer::Data { data, .. } => {
                    place(0, data);
                    0
                }
                crate::handle::ReceivedBuffer::CloseStatus { status, reason } => {
                    place(0, reason);
                    status.0
                }
            };
            report[7] = u32::from(status);
            (buffer.buffer_type(), Some(*application_context))
        }
    };
    report[1] = buffer_type.map_or(0, BufferType::value);
    report[8] = u32::from(application_context.is_some());
    report[9] = application_context.copied().unwrap_or_default();
    report[10] = action.action_context().map_or(0, |context| context.0.get());
}

fn properties(
    receive_buffer_size: Option<u32>,
    send_buffer_size: Option<u32>,
    disable_masking: Option<bool>,
    disable_utf8_verification: Option<bool>,
) -> Vec<Property> {
    [
        receive_buffer_size.map(Property::ReceiveBufferSize),
        send_buffer_size.map(Property::SendBufferSize),
        disable_masking.map(Property::DisableMasking),
        disable_utf8_verification.map(Property::DisableUtf8Verification),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Header fields from JavaScript, whose strings stand for bytes (Latin-1) as they do in Node.
struct Fields<'a> {
    fields: Vec<(&'a str, Vec<u8>)>,
}

impl<'a> Fields<'a> {
    fn new(flat: &'a [String]) -> Result<Self, JsValue> {
        let (pairs, []) = flat.as_chunks::<2>() else {
            return Err(thrown(Misuse::HeaderInvalid.into()));
        };
        let fields = pairs
            .iter()
            .map(|[name, value]| Some((name.as_str(), latin1(value)?)))
            .collect::<Option<_>>();
        Ok(Self {
            fields: fields.ok_or_else(|| thrown(Misuse::HeaderInvalid.into()))?,
        })
    }

    fn borrowed(&self) -> Vec<HttpHeader<'_>> {
        self.fields
            .iter()
            .map(|(name, value)| HttpHeader { name, value })
            .collect()
    }
}

fn latin1(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|character| u8::try_from(character).ok()).collect()
}

fn text(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

fn flat(fields: &[HttpHeader<'_>]) -> Vec<String> {
    fields
        .iter()
        .flat_map(|field| [field.name.to_owned(), text(field.value)])
        .collect()
}

fn borrowed(strings: &[String]) -> Vec<&str> {
    strings.iter().map(String::as_str).collect()
}

/// JavaScript gets an error's number, and asks `describe_error` for the rest.
fn thrown(error: Error) -> JsValue {
    JsValue::from(error.id())
}

/// Code, HRESULT, close status (0 if none), text and section of an error's number.
#[wasm_bindgen]
pub fn describe_error(id: i32) -> Array {
    let details = Misuse::ALL
        .iter()
        .map(|error| ((*error).into(), error.as_str(), error.section()));
    let details = details.chain(
        HandshakeError::ALL
            .iter()
            .map(|error| ((*error).into(), error.as_str(), error.section())),
    );
    let mut details = details.chain(
        Violation::ALL
            .iter()
            .map(|error| ((*error).into(), error.as_str(), error.section())),
    );
    let (error, text, section): (Error, _, _) = details
        .find(|(error, _, _): &(Error, _, _)| error.id() == id)
        .unwrap_or((
            Error::RandomUnavailable,
            "the random source gave no bytes",
            "RFC 6455 §10.3",
        ));
    let status = error.close_status().map_or(0, u16::from);
    let parts: [JsValue; 5] = [
        error.code().as_str().into(),
        error.hresult().cast_unsigned().into(),
        status.into(),
        text.into(),
        section.into(),
    ];
    parts.into_iter().collect()
}

/// `WebSocketGetGlobalProperty` of the keep-alive interval, in milliseconds.
#[wasm_bindgen]
pub fn keepalive_interval() -> u32 {
    KEEPALIVE_INTERVAL_MS
}

/// `WebSocketGetGlobalProperty` of the supported versions.
#[wasm_bindgen]
pub fn supported_versions() -> Vec<u32> {
    SUPPORTED_VERSIONS.to_vec()
}

/// The head of a request, read from bytes.
#[wasm_bindgen(js_name = RequestHead)]
pub struct WasmRequestHead {
    #[wasm_bindgen(readonly)]
    pub length: usize,
    #[wasm_bindgen(readonly)]
    pub version: u8,
    method: String,
    target: String,
    headers: Vec<String>,
    check: Result<(), HandshakeError>,
}

#[wasm_bindgen(js_class = RequestHead)]
impl WasmRequestHead {
    /// The method.
    #[wasm_bindgen(getter)]
    pub fn method(&self) -> String {
        self.method.clone()
    }

    /// The request target.
    #[wasm_bindgen(getter)]
    pub fn target(&self) -> String {
        self.target.clone()
    }

    /// Names and values in turn.
    pub fn headers(&self) -> Vec<String> {
        self.headers.clone()
    }

    /// Throws if the request cannot be a handshake by what the component does not see.
    pub fn check(&self) -> Result<(), JsValue> {
        self.check.map_err(|error| thrown(error.into()))
    }
}

/// The head of a response, read from bytes.
#[wasm_bindgen(js_name = ResponseHead)]
pub struct WasmResponseHead {
    #[wasm_bindgen(readonly)]
    pub length: usize,
    #[wasm_bindgen(readonly)]
    pub version: u8,
    #[wasm_bindgen(readonly)]
    pub status: u16,
    reason: String,
    headers: Vec<String>,
    check: Result<(), HandshakeError>,
}

#[wasm_bindgen(js_class = ResponseHead)]
impl WasmResponseHead {
    /// The reason phrase.
    #[wasm_bindgen(getter)]
    pub fn reason(&self) -> String {
        self.reason.clone()
    }

    /// Names and values in turn.
    pub fn headers(&self) -> Vec<String> {
        self.headers.clone()
    }

    /// Throws if the response does not switch protocols.
    pub fn check(&self) -> Result<(), JsValue> {
        self.check.map_err(|error| thrown(error.into()))
    }
}

/// Reads a request's head; `undefined` if it needs more bytes.
#[wasm_bindgen]
pub fn parse_request(bytes: &[u8]) -> Result<Option<WasmRequestHead>, JsValue> {
    let head = http::RequestHead::parse(bytes).map_err(|error| thrown(error.into()))?;
    Ok(head.map(|head| WasmRequestHead {
        length: head.length,
        version: head.version,
        method: head.method.to_owned(),
        target: head.target.to_owned(),
        headers: flat(&head.headers),
        check: head.check(),
    }))
}

/// Reads a response's head; `undefined` if it needs more bytes.
#[wasm_bindgen]
pub fn parse_response(bytes: &[u8]) -> Result<Option<WasmResponseHead>, JsValue> {
    let head = http::ResponseHead::parse(bytes).map_err(|error| thrown(error.into()))?;
    Ok(head.map(|head| WasmResponseHead {
        length: head.length,
        version: head.version,
        status: head.status,
        reason: head.reason.to_owned(),
        headers: flat(&head.headers),
        check: head.check(),
    }))
}

/// Makes a request's head.
#[wasm_bindgen]
pub fn write_request(target: &str, headers: Vec<String>) -> Result<Vec<u8>, JsValue> {
    let fields = Fields::new(&headers)?;
    http::write_request(target, &fields.borrowed()).map_err(|error| thrown(error.into()))
}

/// Makes a response's head.
#[wasm_bindgen]
pub fn write_response(status: u16, reason: &str, headers: Vec<String>) -> Result<Vec<u8>, JsValue> {
    let fields = Fields::new(&headers)?;
    http::write_response(status, reason, &fields.borrowed()).map_err(|error| thrown(error.into()))
}

/// The subprotocols that a request offers.
#[wasm_bindgen]
pub fn offered_subprotocols(headers: Vec<String>) -> Result<Vec<String>, JsValue> {
    let fields = Fields::new(&headers)?;
    let offered = crate::handshake::offered_subprotocols(&fields.borrowed()).map_err(|error| thrown(error.into()))?;
    Ok(offered.into_iter().map(str::to_owned).collect())
}
