//! The component: a handle with two queues, and the actions for its caller.

mod action;
mod memory;
mod property;
mod receive_queue;
mod send_queue;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

pub use action::{Action, ActionContext, ActionKind, ActionQueue, Completed, Deleted, ReceivedBuffer};
pub use memory::Block;
pub use property::{
    GlobalProperty, KEEPALIVE_INTERVAL_MS, Property, PropertyType, SUPPORTED_VERSIONS, global_property,
    internal_buffer_size,
};

use core::num::NonZeroU32;

#[cfg(feature = "deflate")]
use crate::deflate::{self, Agreement, DeflateOptions};
use crate::error::{Error, HandshakeError, Misuse};
use crate::handshake::{Bootstrap, ClientFields, Negotiated, ServerFields};
use crate::http::HttpHeader;
#[cfg(feature = "deflate")]
use crate::http::extensions;
use crate::random::{PlatformRandom, RandomSource};
#[cfg(feature = "deflate")]
use crate::session::DeflateSettings;
use crate::session::{ClosePayload, Limits, Masking, Role, Session, SessionOptions, State, Transition};
use crate::wire::{BufferType, CloseStatus};
use action::Progress;
use memory::Memory;
use property::Properties;
use receive_queue::{ReceiveQueue, Room};
use send_queue::{Given, SendOp, SendQueue, max_masked_payload};

/// The buffer for [`Handle::send`] (`WEB_SOCKET_BUFFER`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Buffer {
    /// Payload of a message, a ping or a pong.
    Data(Vec<u8>),
    /// Status and reason of a close.
    CloseStatus {
        /// [`CloseStatus::EMPTY`], with an empty reason, makes a close frame without a status.
        status: CloseStatus,
        /// UTF-8, at most 123 bytes.
        reason: Vec<u8>,
    },
}

/// One WebSocket connection (`WEB_SOCKET_HANDLE`): handshake, frames and messages, and no I/O.
///
/// The caller queues work with [`send`](Self::send) and [`receive`](Self::receive), asks
/// [`get_action`](Self::get_action) what to do next, does it, and reports with
/// [`complete_action`](Self::complete_action), until there is [`Action::NoAction`]. The component answers pings.
/// It neither answers a close nor sends one after a violation: the caller does both.
///
/// `C` is the type of the context that the caller gives with each operation and gets back with its actions.
pub struct Handle<C> {
    session: Session,
    bootstrap: Bootstrap,
    handshake: Handshake,
    memory: Memory,
    sends: SendQueue<C>,
    receives: ReceiveQueue<C>,
    next_context: NonZeroU32,
    agreed: Agreed,
    #[cfg(feature = "deflate")]
    deflate: Option<(DeflateOptions, DeflateSettings)>,
}

/// The connection's extensions once the handshake ends.
#[derive(Default)]
struct Agreed {
    /// The caller agreed on its own extensions, and interprets their frames.
    custom: bool,
    #[cfg(feature = "deflate")]
    deflate: Option<(Agreement, DeflateSettings)>,
}

/// The handshake's headers, kept until it ends.
enum Handshake {
    None,
    Client(Box<ClientFields>),
    Server(Box<ServerFields>),
}

impl<C> Handle<C> {
    /// Makes a client's handle (`WebSocketCreateClientHandle`).
    ///
    /// # Errors
    /// A property is out of its range or given twice; or the allocated memory is too small.
    pub fn create_client(properties: &[Property]) -> Result<Self, Error> {
        Self::create(Role::Client, properties.iter().cloned(), Box::new(PlatformRandom))
    }

    /// Makes a server's handle (`WebSocketCreateServerHandle`).
    ///
    /// # Errors
    /// As [`create_client`](Self::create_client).
    pub fn create_server(properties: &[Property]) -> Result<Self, Error> {
        Self::create(Role::Server, properties.iter().cloned(), Box::new(PlatformRandom))
    }

    /// Makes a handle with properties by value, so that allocated memory is used and not copied, and with a random
    /// source for tests, or for platforms that [`PlatformRandom`] does not know.
    ///
    /// # Errors
    /// As [`create_client`](Self::create_client); or there is no memory for large buffers.
    pub fn create(
        role: Role,
        properties: impl IntoIterator<Item = Property>,
        random: Box<dyn RandomSource>,
    ) -> Result<Self, Error> {
        Self::with_memory(role, properties, random, None)
    }

    /// The same with all buffers in the caller's memory, of at least [`internal_buffer_size`] bytes, which Rust did not
    /// allocate.
    ///
    /// # Errors
    /// As [`create`](Self::create); the memory is too small, or the properties include allocated memory.
    pub fn create_in(
        role: Role,
        properties: impl IntoIterator<Item = Property>,
        random: Box<dyn RandomSource>,
        memory: Box<dyn Block>,
    ) -> Result<Self, Error> {
        Self::with_memory(role, properties, random, Some(memory))
    }

    fn with_memory(
        role: Role,
        properties: impl IntoIterator<Item = Property>,
        random: Box<dyn RandomSource>,
        memory: Option<Box<dyn Block>>,
    ) -> Result<Self, Error> {
        let mut properties = Properties::new(role, properties, memory.as_ref().map(|memory| memory.size()))?;
        let options = SessionOptions {
            disable_masking: properties.disable_masking,
            disable_utf8_verification: properties.disable_utf8_verification,
            limits: Limits::DEFAULT,
        };
        Ok(Self {
            session: Session::before_handshake(role, options, random),
            bootstrap: Bootstrap::Upgrade,
            handshake: Handshake::None,
            memory: Memory::new(&mut properties, memory),
            sends: SendQueue::new(),
            receives: ReceiveQueue::new(),
            next_context: NonZeroU32::MIN,
            agreed: Agreed::default(),
            #[cfg(feature = "deflate")]
            deflate: None,
        })
    }

    /// Offers permessage-deflate (RFC 7692) in the client's handshake, behind the extensions given there, or selects it
    /// in the server's if it is offered. Once agreed, the handle compresses and decompresses messages.
    ///
    /// # Errors
    /// The handshake has begun already; a window or level is out of range.
    #[cfg(feature = "deflate")]
    pub fn set_deflate(&mut self, options: DeflateOptions, settings: DeflateSettings) -> Result<(), Error> {
        self.check_begin(self.role())?;
        settings.check()?;
        if !options.is_valid() {
            return Err(Misuse::DeflateSettingsInvalid.into());
        }
        self.deflate = Some((options, settings));
        Ok(())
    }

    /// Says what the handshake turns into a WebSocket; [`Bootstrap::Upgrade`] by default. It has no effect on a
    /// handshake that has begun.
    pub const fn set_bootstrap(&mut self, bootstrap: Bootstrap) {
        self.bootstrap = bootstrap;
    }

    /// The side of the connection.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.session.role()
    }

    /// The state of the connection.
    #[must_use]
    pub const fn state(&self) -> State {
        self.session.state()
    }

    /// Sets how much the peer may send; [`Limits::DEFAULT`] by default. Beyond a limit, receiving fails with a
    /// violation whose close status is 1009.
    pub const fn set_limits(&mut self, limits: Limits) {
        self.session.set_limits(limits);
    }

    /// Begins the client's handshake (`WebSocketBeginClientHandshake`) and returns the headers to add to the
    /// request. `initial` are the headers that the caller sends anyway; a returned header replaces one of the same
    /// name.
    ///
    /// # Errors
    /// The handle is a server's; the handshake has begun already; a subprotocol is not a token or is given twice; an
    /// extension is malformed; or the random source gave no key.
    pub fn begin_client_handshake(
        &mut self,
        subprotocols: &[&str],
        extensions: &[&str],
        initial: &[HttpHeader<'_>],
    ) -> Result<Vec<HttpHeader<'_>>, Error> {
        self.check_begin(Role::Client)?;
        let mut nonce = [0; 16];
        self.session.random().fill(&mut nonce)?;
        let own = self.deflate_offer();
        let extensions: Vec<&str> = extensions.iter().copied().chain(own.as_deref()).collect();
        let handshake = ClientFields::new(self.bootstrap, nonce, subprotocols, &extensions, initial)?;
        self.session.advance(Transition::BeginHandshake);
        self.handshake = Handshake::Client(Box::new(handshake));
        match &self.handshake {
            Handshake::Client(handshake) => Ok(handshake.headers()),
            _ => Ok(Vec::new()),
        }
    }

    /// Ends the client's handshake (`WebSocketEndClientHandshake`) with all headers of a response whose status was
    /// 101, or 2xx for an extended CONNECT. As the WHATWG standard asks, it fails if subprotocols were offered and the
    /// server selected none.
    ///
    /// # Errors
    /// The handshake has not begun or has ended; or RFC 6455 §4.1 does not allow the response. The handle then still
    /// waits for a response.
    pub fn end_client_handshake(&mut self, response: &[HttpHeader<'_>]) -> Result<Negotiated, Error> {
        self.end_client(response, false)
    }

    /// The same under RFC 6455's weaker rule: the server may select none of the subprotocols.
    ///
    /// # Errors
    /// As [`end_client_handshake`](Self::end_client_handshake).
    pub fn end_client_handshake_with_optional_subprotocol(
        &mut self,
        response: &[HttpHeader<'_>],
    ) -> Result<Negotiated, Error> {
        self.end_client(response, true)
    }

    fn end_client(&mut self, response: &[HttpHeader<'_>], allow_no_subprotocol: bool) -> Result<Negotiated, Error> {
        self.check_role(Role::Client)?;
        let Handshake::Client(handshake) = &self.handshake else {
            return Err(self.no_handshake().into());
        };
        let negotiated = handshake.verify(response, allow_no_subprotocol)?;
        self.agreed = self.agreed_by_client(handshake.offered_extensions(), &negotiated, response)?;
        self.open();
        Ok(negotiated)
    }

    /// Begins the server's handshake (`WebSocketBeginServerHandshake`) with what the caller selects and all headers
    /// of the request; returns the headers of the response that accepts. An empty subprotocol counts as none.
    ///
    /// # Errors
    /// The handle is a client's; the handshake has begun already; RFC 6455 §4.2.1 does not allow the request; the
    /// version is not 13; or the client did not offer the selection. The handle may begin again.
    pub fn begin_server_handshake(
        &mut self,
        subprotocol: Option<&str>,
        extensions: &[&str],
        request: &[HttpHeader<'_>],
    ) -> Result<Vec<HttpHeader<'_>>, Error> {
        self.check_begin(Role::Server)?;
        let (own, mut agreed) = self.select_deflate(request);
        agreed.custom = !extensions.is_empty();
        let selected: Vec<&str> = extensions.iter().copied().chain(own.as_deref()).collect();
        let handshake = ServerFields::new(self.bootstrap, subprotocol, &selected, request)?;
        self.agreed = agreed;
        self.session.advance(Transition::BeginHandshake);
        self.handshake = Handshake::Server(Box::new(handshake));
        match &self.handshake {
            Handshake::Server(handshake) => Ok(handshake.headers()),
            _ => Ok(Vec::new()),
        }
    }

    /// Ends the server's handshake (`WebSocketEndServerHandshake`). The first send, receive or action does the same.
    ///
    /// # Errors
    /// The handle is a client's; or the handshake has not begun or has ended.
    pub fn end_server_handshake(&mut self) -> Result<(), Error> {
        self.check_role(Role::Server)?;
        let Handshake::Server(_) = &self.handshake else {
            return Err(self.no_handshake().into());
        };
        self.open();
        Ok(())
    }

    /// Queues a buffer for sending (`WebSocketSend`). No buffer means an empty payload; for a close, no status.
    /// Beyond the original API, a ping and a pong may have a payload of at most 125 bytes.
    ///
    /// The `Vec` comes back when the indication is completed, or from [`delete`](Self::delete).
    ///
    /// # Errors
    /// The handshake has not ended, or the handle was aborted; data or a second close follows a close; text is sent
    /// within a binary message or the other way round; the buffer does not fit its type; the status or reason may not
    /// be sent.
    pub fn send(&mut self, buffer_type: BufferType, buffer: Option<Buffer>, context: C) -> Result<(), Error> {
        let (given, close) = match buffer {
            None => (Given::Nothing, None),
            Some(Buffer::Data(data)) => (Given::Vec(data), None),
            Some(Buffer::CloseStatus { status, reason }) => (Given::Vec(reason), Some(status)),
        };
        let is_close = buffer_type == BufferType::Close;
        if matches!(given, Given::Vec(_)) && is_close != close.is_some() {
            self.check_sending()?;
            return Err(Misuse::BufferOfWrongKind.into());
        }
        self.queue_send(buffer_type, given, close, context)
    }

    /// Queues a shared payload, such as an `Arc` or `Bytes`, or one that is not in a `Vec`. Unless it is masked or
    /// compressed, it is sent without a copy, and in one frame. Every call of `as_ref` must give the same bytes. It is
    /// dropped when the indication is completed.
    ///
    /// # Errors
    /// As [`send`](Self::send); or the type is a close, which has a status.
    ///
    /// # Examples
    /// ```
    /// use std::sync::Arc;
    /// use websocket_component::{BufferType, Error, Handle};
    ///
    /// fn broadcast(handles: &mut [Handle<()>], text: &Arc<str>) -> Result<(), Error> {
    ///     let payload: Arc<[u8]> = Arc::from(text.clone());
    ///     handles
    ///         .iter_mut()
    ///         .try_for_each(|handle| handle.send_shared(BufferType::Utf8Message, payload.clone(), ()))
    /// }
    /// ```
    pub fn send_shared(
        &mut self,
        buffer_type: BufferType,
        payload: impl AsRef<[u8]> + Send + Sync + 'static,
        context: C,
    ) -> Result<(), Error> {
        if buffer_type == BufferType::Close {
            self.check_sending()?;
            return Err(Misuse::BufferOfWrongKind.into());
        }
        self.queue_send(buffer_type, Given::Shared(Box::new(payload)), None, context)
    }

    fn queue_send(
        &mut self,
        buffer_type: BufferType,
        given: Given,
        close: Option<CloseStatus>,
        context: C,
    ) -> Result<(), Error> {
        self.check_sending()?;
        let bytes = given.as_bytes();
        let close = match close {
            Some(status) => Some(ClosePayload::new(status, bytes, self.session.verify_utf8())?),
            None => None,
        };
        let payload = close.as_ref().map_or(bytes, ClosePayload::as_bytes);
        let is_one_frame = matches!(buffer_type, BufferType::Custom(_)) && self.session.masking() == Masking::FreshKey;
        if is_one_frame && payload.len() > max_masked_payload(self.memory.send_size()) {
            return Err(Misuse::CustomPayloadTooLong.into());
        }
        let length = payload.len() as u64;
        let (start, compressed) = self.session.accept_part(buffer_type, payload, length, None)?;
        let made = compressed.or_else(|| close.map(|close| close.as_bytes().to_vec()));
        self.sends.push(SendOp::new(context, buffer_type, given, made, start));
        Ok(())
    }

    fn check_sending(&mut self) -> Result<(), Misuse> {
        self.ensure_session()?;
        match self.state() {
            State::Aborted => Err(Misuse::Aborted),
            _ => Ok(()),
        }
    }

    /// Queues a receive (`WebSocketReceive`). Without a buffer, data is delivered in the handle's own memory; with one,
    /// data is copied to its start, at most its length. The buffer comes back when the indication is completed, or from
    /// [`delete`](Self::delete).
    ///
    /// # Errors
    /// The handshake has not ended, the handle was aborted, the peer has closed or broken the protocol, or the buffer
    /// is empty.
    pub fn receive(&mut self, buffer: Option<Vec<u8>>, context: C) -> Result<(), Error> {
        self.queue_receive(buffer.map_or(Room::Internal, Room::Vec), context)
    }

    /// [`receive`](Self::receive) into other memory than a `Vec`. It is dropped when the indication is completed.
    ///
    /// # Errors
    /// As [`receive`](Self::receive).
    pub fn receive_into(&mut self, buffer: Box<dyn Block>, context: C) -> Result<(), Error> {
        self.queue_receive(Room::Block(buffer), context)
    }

    fn queue_receive(&mut self, room: Room, context: C) -> Result<(), Error> {
        self.ensure_session()?;
        match self.state() {
            State::Aborted => return Err(Misuse::Aborted.into()),
            state if state.close_received() => return Err(Misuse::ReceiveAfterClose.into()),
            _ => {}
        }
        if self.session.failure().is_some() {
            return Err(Misuse::ReceiveAfterViolation.into());
        }
        if room.size() == 0 {
            return Err(Misuse::ReceiveBufferEmpty.into());
        }
        self.receives.push(context, room);
        Ok(())
    }

    /// The next action of a queue (`WebSocketGetAction`).
    ///
    /// # Errors
    /// The peer broke the protocol, or a limit: the caller may send a close with [`Error::close_status`], and then
    /// aborts. Until the abort, the receive queue returns the same error. With [`ActionQueue::All`], all actions of the
    /// send queue come first. Before the handshake's end, the call is a misuse.
    pub fn get_action(&mut self, queue: ActionQueue) -> Result<Action<'_, C>, Error> {
        self.get_action_with_slots(queue, 2)
    }

    /// [`get_action`](Self::get_action) for a caller with room for `slots` buffers: 1, or 2 and more.
    ///
    /// # Errors
    /// As [`get_action`](Self::get_action); or `slots` is 0.
    pub fn get_action_with_slots(&mut self, queue: ActionQueue, slots: usize) -> Result<Action<'_, C>, Error> {
        if slots == 0 {
            return Err(Misuse::NoSlots.into());
        }
        self.ensure_session()?;
        let pong_first = queue == ActionQueue::All && self.receives.owes_pong();
        if pong_first && self.next_receive()? {
            return Ok(self.receives.action(&mut self.memory));
        }
        if queue != ActionQueue::Receive && self.next_send(slots)? {
            return Ok(self.sends.action(&self.memory));
        }
        if queue != ActionQueue::Send && self.next_receive()? {
            return Ok(self.receives.action(&mut self.memory));
        }
        Ok(Action::NoAction)
    }

    /// The outstanding action with this context, again: for callers that wait between taking an action and completing
    /// it. `None` if there is none.
    pub fn outstanding_action(&mut self, context: ActionContext) -> Option<Action<'_, C>> {
        if self.sends.action(&self.memory).action_context() == Some(context) {
            return Some(self.sends.action(&self.memory));
        }
        let action = self.receives.action(&mut self.memory);
        (action.action_context() == Some(context)).then_some(action)
    }

    /// Reports that an action was taken (`WebSocketCompleteAction`), with the bytes written or read. Completing an
    /// indication returns its operation's context and buffer. A context without an outstanding action is ignored.
    ///
    /// A write of 0 bytes cancels its send, and a read of 0 bytes its receive. A shorter write than the action asks for
    /// leaves the peer with half a frame, so the handle [aborts](Self::abort).
    ///
    /// # Errors
    /// `bytes` exceeds the action's size. The action must still be completed.
    pub fn complete_action(&mut self, context: ActionContext, bytes: usize) -> Result<Option<Completed<C>>, Misuse> {
        let progress = match self.sends.complete(context, bytes)? {
            Progress::Unknown => self.receives.complete(context, bytes)?,
            progress => progress,
        };
        Ok(match progress {
            Progress::Unknown | Progress::Continues => None,
            Progress::Torn => {
                self.abort();
                None
            }
            Progress::Done(completed) => Some(completed),
        })
    }

    /// Gives the connection up (`WebSocketAbortHandle`): nothing more is sent or received, and every queued
    /// operation completes as cancelled. Without effect before the handshake's end.
    pub fn abort(&mut self) {
        if self.session.advance(Transition::Abort) {
            self.sends.cancel_all();
            self.receives.cancel_all();
        }
    }

    /// The session alone, for a caller that continues without the action loop.
    ///
    /// # Errors
    /// The handshake has not ended, the handle was aborted, or anything is queued.
    pub fn into_session(mut self) -> Result<Session, Error> {
        self.ensure_session()?;
        if self.state() == State::Aborted {
            return Err(Misuse::Aborted.into());
        }
        if !self.sends.is_empty() || !self.receives.is_empty() {
            return Err(Misuse::QueueNotEmpty.into());
        }
        Ok(self.session)
    }

    /// Frees the handle (`WebSocketDeleteHandle`), in any state, and returns the buffers and contexts that it still
    /// has; dropping the handle drops them too.
    pub fn delete(self) -> Deleted<C> {
        Deleted {
            sends: self.sends.into_completed(),
            receives: self.receives.into_completed(),
            allocated_buffer: self.memory.into_allocated(),
        }
    }

    /// While a pong is written, no other frame may be. After an abort none is: the sends only have to be indicated.
    fn next_send(&mut self, slots: usize) -> Result<bool, Error> {
        if self.receives.pong_is_outstanding() && self.state() != State::Aborted {
            return Ok(false);
        }
        let context = ActionContext(self.next_context);
        let handed_out = self.sends.next(context, &mut self.session, &mut self.memory, slots)?;
        self.use_context(handed_out);
        Ok(handed_out)
    }

    fn next_receive(&mut self) -> Result<bool, Error> {
        let context = ActionContext(self.next_context);
        let pong_must_wait = self.sends.is_inside_frame();
        let handed_out = self
            .receives
            .next(context, &mut self.session, &mut self.memory, pong_must_wait)?;
        self.use_context(handed_out);
        Ok(handed_out)
    }

    /// Contexts are not reused within four billion actions, so a stale one matches nothing.
    fn use_context(&mut self, handed_out: bool) {
        if handed_out {
            self.next_context = self.next_context.checked_add(1).unwrap_or(NonZeroU32::MIN);
        }
    }

    fn check_role(&self, role: Role) -> Result<(), Misuse> {
        if self.role() == role {
            Ok(())
        } else {
            Err(Misuse::WrongRole)
        }
    }

    fn check_begin(&self, role: Role) -> Result<(), Misuse> {
        self.check_role(role)?;
        match self.state().next(Transition::BeginHandshake) {
            Some(_) => Ok(()),
            None => Err(Misuse::HandshakeAlreadyBegun),
        }
    }

    fn no_handshake(&self) -> Misuse {
        if self.state() == State::Created {
            Misuse::HandshakeNotBegun
        } else {
            Misuse::HandshakeAlreadyEnded
        }
    }

    /// The first call that needs a session ends a server's handshake.
    fn ensure_session(&mut self) -> Result<(), Misuse> {
        if let (State::HandshakeBegun, Handshake::Server(_)) = (self.state(), &self.handshake) {
            self.open();
        }
        match self.state() {
            State::Created | State::HandshakeBegun => Err(Misuse::HandshakeNotEnded),
            _ => Ok(()),
        }
    }

    /// Drops the handshake's headers, and allocates the session's memory.
    fn open(&mut self) {
        self.handshake = Handshake::None;
        self.memory.allocate();
        if self.agreed.custom {
            self.session.allow_extensions();
        }
        #[cfg(feature = "deflate")]
        if let Some((agreement, settings)) = &self.agreed.deflate {
            self.session.enable_deflate(agreement, *settings);
            self.receives.make_room(self.memory.receive_size());
        }
        self.session.advance(Transition::EndHandshake);
    }
}

#[cfg(feature = "deflate")]
impl<C> Handle<C> {
    fn deflate_offer(&self) -> Option<String> {
        self.deflate.map(|(options, _)| deflate::offer(&options))
    }

    /// The result of a client's handshake. The handle's own offer is the last of the offers.
    fn agreed_by_client(
        &self,
        offered: usize,
        negotiated: &Negotiated,
        response: &[HttpHeader<'_>],
    ) -> Result<Agreed, HandshakeError> {
        let own = self.deflate.map(|_| offered - 1);
        let mut agreed = Agreed::default();
        for (index, extension) in negotiated.extensions.iter().zip(extensions(response)?) {
            match self.deflate {
                Some((options, settings)) if Some(*index) == own => {
                    agreed.deflate = Some((deflate::accept_response(&options, &extension)?, settings));
                }
                _ => agreed.custom = true,
            }
        }
        Ok(agreed)
    }

    /// The element of the response that selects permessage-deflate, if it is offered.
    fn select_deflate(&self, request: &[HttpHeader<'_>]) -> (Option<String>, Agreed) {
        let mut agreed = Agreed::default();
        let Some((options, settings)) = self.deflate else {
            return (None, agreed);
        };
        // the handshake refuses malformed lists
        let selection = extensions(request)
            .ok()
            .and_then(|offers| deflate::select(&options, &offers));
        agreed.deflate = selection.as_ref().map(|selection| (selection.agreement, settings));
        (selection.map(|selection| selection.response), agreed)
    }

    /// The agreed parameters of permessage-deflate, once the handshake has agreed on it.
    #[must_use]
    pub fn deflate_agreement(&self) -> Option<Agreement> {
        self.agreed.deflate.map(|(agreement, _)| agreement)
    }
}

#[cfg(not(feature = "deflate"))]
#[allow(clippy::unused_self, reason = "as with the feature")]
impl<C> Handle<C> {
    const fn deflate_offer(&self) -> Option<String> {
        None
    }

    const fn agreed_by_client(
        &self,
        _offered: usize,
        negotiated: &Negotiated,
        _response: &[HttpHeader<'_>],
    ) -> Result<Agreed, HandshakeError> {
        Ok(Agreed {
            custom: !negotiated.extensions.is_empty(),
        })
    }

    fn select_deflate(&self, _request: &[HttpHeader<'_>]) -> (Option<String>, Agreed) {
        (None, Agreed::default())
    }
}

impl<C> core::fmt::Debug for Handle<C> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Handle")
            .field("session", &self.session)
            .finish_non_exhaustive()
    }
}
