//! The component API.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::num::NonZeroU32;

use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

use crate::error::Misuse;
use crate::handle::{
    Action, ActionContext, ActionQueue, Buffer, Handle, KEEPALIVE_INTERVAL_MS, Property, PropertyType, ReceivedBuffer,
    SUPPORTED_VERSIONS,
};
use crate::handshake::Bootstrap;
use crate::random::PlatformRandom;
use crate::session::Role;
use crate::wasm::scratch::{
    ACTION_ACTION_CONTEXT, ACTION_BUFFER_TYPE, ACTION_BUFFERS, ACTION_CANCELLED, ACTION_CLOSE_STATUS, ACTION_CONTEXT,
    ACTION_FIRST_BUFFER, ACTION_HAS_CONTEXT, ACTION_KIND, READ_ADDRESS, READ_LENGTH, Report, with_scratch,
};
use crate::wasm::session::{WasmSession, limits};
use crate::wasm::strings::{Fields, flat, lines, list, thrown};
use crate::wire::{BufferType, CloseStatus};

/// The component API.
#[wasm_bindgen(js_name = Handle)]
pub struct WasmHandle {
    pub(super) handle: Handle<u32>,
}

#[wasm_bindgen(js_class = Handle)]
impl WasmHandle {
    /// `WebSocketCreateClientHandle`.
    pub fn create_client(
        receive_buffer_size: Option<u32>,
        send_buffer_size: Option<u32>,
        disable_masking: bool,
        disable_utf8_verification: bool,
    ) -> Result<Self, JsValue> {
        let flags = (disable_masking, disable_utf8_verification);
        Self::create(Role::Client, receive_buffer_size, send_buffer_size, flags)
    }

    /// `WebSocketCreateServerHandle`.
    pub fn create_server(
        receive_buffer_size: Option<u32>,
        send_buffer_size: Option<u32>,
        disable_masking: bool,
        disable_utf8_verification: bool,
    ) -> Result<Self, JsValue> {
        let flags = (disable_masking, disable_utf8_verification);
        Self::create(Role::Server, receive_buffer_size, send_buffer_size, flags)
    }

    /// `WebSocketBeginClientHandshake`; headers are names and values in turn. Of strings that are joined, the number
    /// follows.
    #[allow(clippy::too_many_arguments, reason = "a list is a string and its number")]
    pub fn begin_client_handshake(
        &mut self,
        subprotocols: &str,
        subprotocol_count: usize,
        extensions: &str,
        extension_count: usize,
        headers: &str,
        header_count: usize,
        is_extended_connect: bool,
    ) -> Result<String, JsValue> {
        let fields = Fields::new(headers, header_count)?;
        self.handle.set_bootstrap(bootstrap(is_extended_connect));
        let subprotocols = list(subprotocols, subprotocol_count);
        let extensions = list(extensions, extension_count);
        let added = self
            .handle
            .begin_client_handshake(&subprotocols, &extensions, &fields.borrowed());
        added.map(|added| flat(&added)).map_err(thrown)
    }

    /// `WebSocketEndClientHandshake`: the index of the subprotocol or -1, then those of the extensions.
    pub fn end_client_handshake(
        &mut self,
        headers: &str,
        header_count: usize,
        allow_no_subprotocol: bool,
    ) -> Result<Vec<i32>, JsValue> {
        let fields = Fields::new(headers, header_count)?;
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

    /// `WebSocketBeginServerHandshake`; no subprotocol is empty. Gives the fields as the lines of a head.
    pub fn begin_server_handshake(
        &mut self,
        subprotocol: &str,
        extensions: &str,
        extension_count: usize,
        headers: &str,
        header_count: usize,
        is_extended_connect: bool,
    ) -> Result<String, JsValue> {
        let fields = Fields::new(headers, header_count)?;
        self.handle.set_bootstrap(bootstrap(is_extended_connect));
        let extensions = list(extensions, extension_count);
        let response = self
            .handle
            .begin_server_handshake(Some(subprotocol), &extensions, &fields.borrowed());
        response.map(|response| lines(&response)).map_err(thrown)
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
        let context = NonZeroU32::new(action_context).map(ActionContext);
        let action = context.and_then(|context| self.handle.outstanding_action(context));
        let (address, length) = match action {
            Some(Action::ReceiveFromNetwork { buffer, .. }) => (buffer.as_ptr() as u32, buffer.len() as u32),
            _ => (0, 0),
        };
        with_scratch(|scratch| {
            scratch.report[READ_ADDRESS] = address;
            scratch.report[READ_LENGTH] = length;
        });
    }

    /// `WebSocketCompleteAction`.
    pub fn complete_action(&mut self, action_context: u32, bytes: usize) {
        if let Some(context) = NonZeroU32::new(action_context) {
            let context = ActionContext(context);
            if self.handle.complete_action(context, bytes).is_err() {
                // a count that is not possible counts as no transfer
                let _ = self.handle.complete_action(context, 0);
            }
        }
    }

    /// `WebSocketAbortHandle`.
    pub fn abort(&mut self) {
        self.handle.abort();
    }

    /// The session alone, for the drivers.
    pub fn into_session(
        mut self,
        max_frame_size: f64,
        max_message_size: f64,
        max_fragments: f64,
    ) -> Result<WasmSession, JsValue> {
        self.handle
            .set_limits(limits(max_frame_size, max_message_size, max_fragments));
        self.handle
            .into_session()
            .map(WasmSession::from_session)
            .map_err(thrown)
    }
}

impl WasmHandle {
    fn create(
        role: Role,
        receive_buffer_size: Option<u32>,
        send_buffer_size: Option<u32>,
        (disable_masking, disable_utf8_verification): (bool, bool),
    ) -> Result<Self, JsValue> {
        let sizes = [
            receive_buffer_size.map(Property::ReceiveBufferSize),
            send_buffer_size.map(Property::SendBufferSize),
        ];
        let flags = [
            Property::DisableMasking(disable_masking),
            Property::DisableUtf8Verification(disable_utf8_verification),
        ];
        let properties = sizes.into_iter().flatten().chain(flags);
        let handle = Handle::create(role, properties, Box::new(PlatformRandom)).map_err(thrown)?;
        Ok(Self { handle })
    }
}

const fn bootstrap(is_extended_connect: bool) -> Bootstrap {
    if is_extended_connect {
        Bootstrap::ExtendedConnect
    } else {
        Bootstrap::Upgrade
    }
}

fn report_action(report: &mut Report, action: &Action<'_, u32>) {
    report[ACTION_KIND] = action.kind() as u32;
    let mut place = |slot: usize, bytes: &[u8]| {
        report[ACTION_BUFFERS] += 1;
        report[ACTION_FIRST_BUFFER + 2 * slot] = bytes.as_ptr() as u32;
        report[ACTION_FIRST_BUFFER + 2 * slot + 1] = bytes.len() as u32;
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
            cancelled,
            buffer_type,
            application_context,
            ..
        } => {
            report[ACTION_CANCELLED] = u32::from(*cancelled);
            (Some(*buffer_type), Some(*application_context))
        }
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
                ReceivedBuffer::Cancelled => 0,
                ReceivedBuffer::Data { data, .. } => {
                    place(0, data);
                    0
                }
                ReceivedBuffer::CloseStatus { status, reason } => {
                    place(0, reason);
                    status.0
                }
            };
            report[ACTION_CLOSE_STATUS] = u32::from(status);
            (buffer.buffer_type(), Some(*application_context))
        }
    };
    report[ACTION_BUFFER_TYPE] = buffer_type.map_or(0, BufferType::value);
    report[ACTION_HAS_CONTEXT] = u32::from(application_context.is_some());
    report[ACTION_CONTEXT] = application_context.copied().unwrap_or_default();
    report[ACTION_ACTION_CONTEXT] = action.action_context().map_or(0, |context| context.0.get());
}

/// `WebSocketGetGlobalProperty`: the keep-alive interval in milliseconds, or the supported versions.
#[wasm_bindgen]
pub fn global_property(property_type: u32) -> Result<Vec<u32>, JsValue> {
    match property_type {
        kind if kind == PropertyType::KeepaliveInterval as u32 => Ok([KEEPALIVE_INTERVAL_MS].into()),
        kind if kind == PropertyType::SupportedVersions as u32 => Ok(SUPPORTED_VERSIONS.into()),
        _ => Err(thrown(Misuse::PropertyNotGlobal.into())),
    }
}

/// `WebSocketGetGlobalProperty` of the supported versions.
#[wasm_bindgen]
pub fn supported_versions() -> Vec<u32> {
    SUPPORTED_VERSIONS.to_vec()
}
