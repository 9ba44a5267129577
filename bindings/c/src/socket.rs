//! What a `WEB_SOCKET_HANDLE` points to.

use std::ffi::c_void;
use std::num::NonZeroU32;
use std::ptr;

use websocket_component::{
    Action, ActionContext, ActionKind, ActionQueue, Buffer as CloseBuffer, BufferType, CloseStatus, Handle, HttpHeader,
    Misuse, Negotiated, PlatformRandom, ReceivedBuffer, Role, State,
};

use crate::arguments::{KeptHeaders, list};
use crate::memory::{OwnBlock, Place};
use crate::properties::{Properties, deflate_options};
use crate::types::{Buffer, HResult, INVALID_ARGUMENT, Property, hresult};

const MAX_CLOSE_REASON_LENGTH: u32 = 123;
/// A longer payload makes with its header a write of more bytes than `WebSocketCompleteAction` can be told.
const MAX_PAYLOAD_LENGTH: u32 = u32::MAX - 14; // the longest header

/// One connection.
pub struct Socket {
    handle: Handle<Operation>,
    offered_extensions: usize,
    /// The headers that the caller sees, until the handshake ends.
    headers: KeptHeaders,
    /// Where the handle's buffers are.
    place: Place,
    /// What that is in, if it is ours: freed after the handle, which uses it.
    _block: Option<OwnBlock>,
}

/// A send or a receive, as its caller knows it.
struct Operation {
    context: *mut c_void,
    /// The payload of a send, or the buffer of a receive.
    place: Option<Place>,
}

/// What `WebSocketGetAction` gives beside the buffers.
pub(crate) struct NextAction {
    pub kind: ActionKind,
    pub buffer_type: u32,
    pub buffer_count: u32,
    pub application_context: *mut c_void,
    pub context: *mut c_void,
}

impl Socket {
    /// # Safety
    /// As for [`Properties::new`].
    pub(crate) unsafe fn create(role: Role, properties: &[Property]) -> Result<Self, HResult> {
        // SAFETY: the same contract.
        let properties = unsafe { Properties::new(role, properties)? };
        let (random, memory) = (Box::new(PlatformRandom), Box::new(properties.place));
        let mut handle = Handle::create_in(role, properties.own, random, memory).map_err(hresult)?;
        handle.set_limits(properties.limits);
        if properties.is_deflate_enabled {
            let (options, settings) = deflate_options(role);
            handle.set_deflate(options, settings).map_err(hresult)?;
        }
        Ok(Self {
            handle,
            offered_extensions: 0,
            headers: KeptHeaders::default(),
            place: properties.place,
            _block: properties.block,
        })
    }

    pub(crate) const fn offered_extensions(&self) -> usize {
        self.offered_extensions
    }

    pub(crate) fn begin_client_handshake(
        &mut self,
        subprotocols: &[&str],
        extensions: &[&str],
        initial: &[HttpHeader<'_>],
    ) -> Result<&mut KeptHeaders, HResult> {
        let headers = self.handle.begin_client_handshake(subprotocols, extensions, initial);
        self.headers = KeptHeaders::new(&headers.map_err(hresult)?);
        self.offered_extensions = extensions.len();
        Ok(&mut self.headers)
    }

    pub(crate) fn end_client_handshake(&mut self, response: &[HttpHeader<'_>]) -> Result<Negotiated, HResult> {
        let negotiated = self.handle.end_client_handshake(response).map_err(hresult)?;
        self.forget_headers();
        Ok(negotiated)
    }

    pub(crate) fn begin_server_handshake(
        &mut self,
        subprotocol: Option<&str>,
        extensions: &[&str],
        request: &[HttpHeader<'_>],
    ) -> Result<&mut KeptHeaders, HResult> {
        let headers = self.handle.begin_server_handshake(subprotocol, extensions, request);
        self.headers = KeptHeaders::new(&headers.map_err(hresult)?);
        Ok(&mut self.headers)
    }

    pub(crate) fn end_server_handshake(&mut self) -> Result<(), HResult> {
        self.handle.end_server_handshake().map_err(hresult)?;
        self.forget_headers();
        Ok(())
    }

    /// # Safety
    /// The buffer has as many bytes as it says, until the send is indicated.
    pub(crate) unsafe fn send(
        &mut self,
        buffer_type: u32,
        buffer: Option<&Buffer>,
        context: *mut c_void,
    ) -> Result<(), HResult> {
        let mut operation = Operation { context, place: None };
        let fitting = BufferType::from_value(buffer_type).filter(|&buffer_type| fits(buffer_type, buffer));
        let sent = match (fitting, buffer) {
            (None, _) => {
                // a handle that cannot send at all says so first; this send it refuses in any state
                let misfit = CloseBuffer::CloseStatus {
                    status: CloseStatus::EMPTY,
                    reason: Vec::new(),
                };
                self.handle.send(BufferType::PingPong, Some(misfit), operation)
            }
            (Some(buffer_type), None) => self.handle.send(buffer_type, None, operation),
            (Some(BufferType::Close), Some(buffer)) => {
                // SAFETY: by the contract of the function.
                let reason = unsafe { list(buffer.bytes, buffer.length)? }.to_vec();
                let status = CloseStatus(buffer.status);
                let close = CloseBuffer::CloseStatus { status, reason };
                self.handle.send(BufferType::Close, Some(close), operation)
            }
            (Some(buffer_type), Some(buffer)) => {
                // SAFETY: by the contract of the function.
                let payload = unsafe { Place::new(buffer.bytes, buffer.length as usize) };
                operation.place = Some(payload);
                self.handle.send_shared(buffer_type, payload, operation)
            }
        };
        self.forget_headers();
        sent.map_err(hresult)
    }

    /// # Safety
    /// The buffer has as many bytes as it says, until the receive is indicated.
    pub(crate) unsafe fn receive(&mut self, buffer: Option<&Buffer>, context: *mut c_void) -> Result<(), HResult> {
        let mut operation = Operation { context, place: None };
        let received = match buffer {
            None => self.handle.receive(None, operation),
            Some(buffer) => {
                let length = if buffer.bytes.is_null() { 0 } else { buffer.length };
                // SAFETY: by the contract of the function.
                let place = unsafe { Place::new(buffer.bytes, length as usize) };
                operation.place = Some(place);
                self.handle.receive_into(Box::new(place), operation)
            }
        };
        self.forget_headers();
        received.map_err(hresult)
    }

    /// The next action, with its buffers in the first slots.
    pub(crate) fn get_action(&mut self, queue: i32, slots: &mut [Buffer]) -> Result<NextAction, HResult> {
        let queue = match queue {
            1 => ActionQueue::Send,
            2 => ActionQueue::Receive,
            3 => ActionQueue::All,
            _ => return Err(INVALID_ARGUMENT),
        };
        let place = self.place;
        let next = match self.handle.get_action_with_slots(queue, slots.len()) {
            Ok(action) => Ok(describe(&action, place, slots)),
            Err(error) => {
                // an addition: the status to close with, in a slot that other callers ignore
                slots[0].status = error.close_status().map_or(0, u16::from);
                Err(hresult(error))
            }
        };
        self.forget_headers();
        next
    }

    pub(crate) fn complete_action(&mut self, context: *mut c_void, bytes: usize) {
        let Some(context) = u32::try_from(context.addr()).ok().and_then(NonZeroU32::new) else {
            return;
        };
        let context = ActionContext(context);
        if let Err(Misuse::BytesTooMany) = self.handle.complete_action(context, bytes) {
            // such a count is not to be trusted: nothing was transferred
            let _ = self.handle.complete_action(context, 0);
        }
    }

    pub(crate) fn abort(&mut self) {
        self.handle.abort();
    }

    /// The headers go when the handshake has ended, by whatever call.
    fn forget_headers(&mut self) {
        if !matches!(self.handle.state(), State::Created | State::HandshakeBegun) {
            self.headers = KeptHeaders::default();
        }
    }
}

/// Whether the buffer may be one of this type. A reason that is too long for a close is not copied, and of a payload
/// that is too long nothing is read.
fn fits(buffer_type: BufferType, buffer: Option<&Buffer>) -> bool {
    let Some(buffer) = buffer else { return true };
    let is_there = !buffer.bytes.is_null() || buffer.length == 0;
    is_there
        && match buffer_type {
            BufferType::PingPong | BufferType::UnsolicitedPong => false,
            BufferType::Close => buffer.length <= MAX_CLOSE_REASON_LENGTH,
            _ => buffer.length <= MAX_PAYLOAD_LENGTH,
        }
}

fn describe(action: &Action<'_, Operation>, place: Place, slots: &mut [Buffer]) -> NextAction {
    let (operation, buffer_type) = match action {
        Action::NoAction => (None, None),
        Action::SendToNetwork {
            application_context,
            buffer_type,
            ..
        } => (*application_context, Some(*buffer_type)),
        Action::IndicateSendComplete {
            application_context,
            buffer_type,
            ..
        } => (Some(*application_context), Some(*buffer_type)),
        Action::ReceiveFromNetwork {
            application_context, ..
        } => (Some(*application_context), None),
        Action::IndicateReceiveComplete {
            application_context,
            buffer,
            ..
        } => (Some(*application_context), buffer.buffer_type()),
    };
    // C gets addresses that were made of its own pointers, not of references that end here
    let slot = |bytes: &[u8], status: u16| Buffer {
        bytes: place
            .find(bytes)
            .or_else(|| {
                operation
                    .and_then(|operation| operation.place)
                    .and_then(|own| own.find(bytes))
            })
            .unwrap_or(if bytes.is_empty() {
                ptr::null_mut()
            } else {
                bytes.as_ptr().cast_mut()
            }),
        length: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
        status,
    };
    let buffer_count = match action {
        Action::NoAction | Action::IndicateSendComplete { .. } => 0,
        Action::SendToNetwork { buffers, .. } => {
            let full = buffers.iter().filter(|bytes| !bytes.is_empty());
            slots
                .iter_mut()
                .zip(full)
                .map(|(place, bytes)| *place = slot(bytes, 0))
                .count()
        }
        Action::ReceiveFromNetwork { buffer, .. } => {
            slots[0] = slot(buffer, 0);
            1
        }
        Action::IndicateReceiveComplete { buffer, .. } => {
            slots[0] = match buffer {
                ReceivedBuffer::Cancelled => Buffer::NONE,
                ReceivedBuffer::Data { data, .. } => slot(data, 0),
                ReceivedBuffer::CloseStatus { status, reason } => slot(reason, status.0),
            };
            1
        }
    };
    NextAction {
        kind: action.kind(),
        buffer_type: buffer_type.map_or(0, BufferType::value),
        buffer_count: u32::try_from(buffer_count).unwrap_or(0),
        application_context: operation.map_or(ptr::null_mut(), |operation| operation.context),
        context: action.action_context().map_or(ptr::null_mut(), |context| {
            ptr::without_provenance_mut(context.0.get() as usize)
        }),
    }
}
