use std::cell::RefCell;
use std::num::NonZeroU32;

use websocket_component::deflate::DeflateOptions;
use websocket_component::{
    Action as CrateAction, ActionContext, ActionQueue, Buffer as CrateBuffer, BufferType, CloseStatus, DeflateSettings,
    Handle as CrateHandle, Misuse, Property, ReceivedBuffer, Role,
};

use crate::bindings::exports::websocket_component::engine::protocol::{
    Action, Buffer, Close, Deflate, Failure, Field, GuestHandle, Handle as HandleResource, Indication, Negotiated,
    Properties, Queue, Read, Sent, Session as SessionResource, Write,
};
use crate::convert::{borrowed, failure, length, limits, owned, strings};
use crate::random::HostRandom;
use crate::session::Session;

pub struct Handle(RefCell<CrateHandle<u64>>);

impl GuestHandle for Handle {
    fn create_client(properties: Properties) -> Result<HandleResource, Failure> {
        create(Role::Client, properties)
    }

    fn create_server(properties: Properties) -> Result<HandleResource, Failure> {
        create(Role::Server, properties)
    }

    fn begin_client_handshake(
        &self,
        subprotocols: Vec<String>,
        extensions: Vec<String>,
        initial: Vec<Field>,
    ) -> Result<Vec<Field>, Failure> {
        let mut handle = self.0.borrow_mut();
        let added = handle.begin_client_handshake(&strings(&subprotocols), &strings(&extensions), &borrowed(&initial));
        added.map(|added| owned(&added)).map_err(failure)
    }

    fn end_client_handshake(&self, response: Vec<Field>) -> Result<Negotiated, Failure> {
        let negotiated = self.0.borrow_mut().end_client_handshake(&borrowed(&response));
        let negotiated = negotiated.map_err(failure)?;
        Ok(Negotiated {
            extensions: negotiated.extensions.into_iter().map(length).collect(),
            subprotocol: negotiated.subprotocol.map(length),
        })
    }

    fn begin_server_handshake(
        &self,
        subprotocol: Option<String>,
        extensions: Vec<String>,
        request: Vec<Field>,
    ) -> Result<Vec<Field>, Failure> {
        let mut handle = self.0.borrow_mut();
        let response =
            handle.begin_server_handshake(subprotocol.as_deref(), &strings(&extensions), &borrowed(&request));
        response.map(|response| owned(&response)).map_err(failure)
    }

    fn end_server_handshake(&self) -> Result<(), Failure> {
        self.0.borrow_mut().end_server_handshake().map_err(failure)
    }

    fn send(&self, buffer_type: u32, buffer: Buffer, context: u64) -> Result<(), Failure> {
        let buffer_type = BufferType::from_value(buffer_type).ok_or_else(|| failure(Misuse::BufferTypeUnknown))?;
        let buffer = match buffer {
            Buffer::None => None,
            Buffer::Data(data) => Some(CrateBuffer::Data(data)),
            Buffer::Close(Close { status, reason }) => Some(CrateBuffer::CloseStatus {
                status: CloseStatus(status),
                reason,
            }),
        };
        self.0.borrow_mut().send(buffer_type, buffer, context).map_err(failure)
    }

    fn receive(&self, context: u64) -> Result<(), Failure> {
        self.0.borrow_mut().receive(None, context).map_err(failure)
    }

    fn get_action(&self, queue: Queue) -> Result<Action, Failure> {
        let queue = match queue {
            Queue::Send => ActionQueue::Send,
            Queue::Receive => ActionQueue::Receive,
            Queue::All => ActionQueue::All,
        };
        self.0.borrow_mut().get_action(queue).map(described).map_err(failure)
    }

    fn complete_action(&self, action_context: u32, bytes_transferred: u32) -> Result<(), Failure> {
        match NonZeroU32::new(action_context) {
            Some(context) => complete(
                &mut self.0.borrow_mut(),
                ActionContext(context),
                bytes_transferred as usize,
            ),
            None => Ok(()),
        }
    }

    fn complete_receive(&self, action_context: u32, bytes: Vec<u8>) -> Result<(), Failure> {
        let Some(context) = NonZeroU32::new(action_context).map(ActionContext) else {
            return Ok(());
        };
        let mut handle = self.0.borrow_mut();
        if let Some(CrateAction::ReceiveFromNetwork { buffer, .. }) = handle.outstanding_action(context) {
            let room = buffer.get_mut(..bytes.len());
            room.ok_or_else(|| failure(Misuse::BytesTooMany))?
                .copy_from_slice(&bytes);
        }
        complete(&mut handle, context, bytes.len())
    }

    fn abort(&self) {
        self.0.borrow_mut().abort();
    }

    fn into_session(handle: HandleResource) -> Result<SessionResource, Failure> {
        let handle = handle.into_inner::<Self>().0.into_inner();
        let session = handle.into_session().map_err(failure)?;
        Ok(SessionResource::new(Session::from_session(session)))
    }
}

fn create(role: Role, properties: Properties) -> Result<HandleResource, Failure> {
    let sizes = [
        properties.receive_buffer_size.map(Property::ReceiveBufferSize),
        properties.send_buffer_size.map(Property::SendBufferSize),
    ];
    let flags = [
        Property::DisableMasking(properties.disable_masking),
        Property::DisableUtf8Verification(properties.disable_utf8_verification),
    ];
    let all = sizes.into_iter().flatten().chain(flags);
    let mut handle = CrateHandle::create(role, all, Box::new(HostRandom::default())).map_err(failure)?;
    handle.set_limits(limits(properties.limits));
    if let Some(deflate) = properties.deflate {
        let (options, settings) = deflate_options(&deflate);
        handle.set_deflate(options, settings).map_err(failure)?;
    }
    Ok(HandleResource::new(Handle(RefCell::new(handle))))
}

fn deflate_options(deflate: &Deflate) -> (DeflateOptions, DeflateSettings) {
    let options = DeflateOptions {
        server_no_context_takeover: deflate.server_no_context_takeover,
        client_no_context_takeover: deflate.client_no_context_takeover,
        server_max_window_bits: deflate.server_max_window_bits,
        client_max_window_bits: deflate.client_max_window_bits,
        ..DeflateOptions::default()
    };
    let mut settings = DeflateSettings::DEFAULT;
    settings.level = Some(deflate.level);
    settings.memory_level = deflate.memory_level;
    settings.threshold = deflate.threshold as usize;
    (options, settings)
}

fn complete(handle: &mut CrateHandle<u64>, context: ActionContext, bytes: usize) -> Result<(), Failure> {
    handle.complete_action(context, bytes).map(drop).map_err(failure)
}

fn described(action: CrateAction<'_, u64>) -> Action {
    match action {
        CrateAction::NoAction => Action::NoAction,
        CrateAction::SendToNetwork {
            buffers,
            buffer_type,
            application_context,
            action_context,
        } => Action::SendToNetwork(Write {
            buffer_type: buffer_type.value(),
            bytes: buffers.concat(),
            application_context: application_context.copied(),
            action_context: action_context.0.get(),
        }),
        CrateAction::IndicateSendComplete {
            cancelled,
            buffer_type,
            application_context,
            action_context,
        } => Action::IndicateSendComplete(Sent {
            buffer_type: buffer_type.value(),
            cancelled,
            application_context: *application_context,
            action_context: action_context.0.get(),
        }),
        CrateAction::ReceiveFromNetwork {
            buffer,
            application_context,
            action_context,
        } => Action::ReceiveFromNetwork(Read {
            capacity: length(buffer.len()),
            application_context: *application_context,
            action_context: action_context.0.get(),
        }),
        CrateAction::IndicateReceiveComplete {
            buffer,
            application_context,
            action_context,
        } => Action::IndicateReceiveComplete(Indication {
            buffer_type: buffer.buffer_type().map_or(0, BufferType::value),
            buffer: match buffer {
                ReceivedBuffer::Cancelled => Buffer::None,
                ReceivedBuffer::Data { data, .. } => Buffer::Data(data.to_vec()),
                ReceivedBuffer::CloseStatus { status, reason } => Buffer::Close(Close {
                    status: status.0,
                    reason: reason.to_vec(),
                }),
            },
            application_context: *application_context,
            action_context: action_context.0.get(),
        }),
    }
}
