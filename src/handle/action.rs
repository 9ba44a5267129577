use alloc::boxed::Box;
use alloc::vec::Vec;
use core::num::NonZeroU32;

use crate::wire::{BufferType, CloseStatus};

/// The number of an action (`WEB_SOCKET_ACTION`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum ActionKind {
    /// There is nothing to do now.
    NoAction = 0,
    /// Write the buffers to the network.
    SendToNetwork = 1,
    /// A send is done.
    IndicateSendComplete = 2,
    /// Read from the network into the buffer.
    ReceiveFromNetwork = 3,
    /// A receive is done.
    IndicateReceiveComplete = 4,
}

/// Which queue to take an action from (`WEB_SOCKET_ACTION_QUEUE`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum ActionQueue {
    /// The sends that [`Handle::send`](crate::Handle::send) queued.
    Send = 1,
    /// The receives that [`Handle::receive`](crate::Handle::receive) queued, and the pongs that are owed to the peer.
    Receive = 2,
    /// Both: first a pong that waits, then sends, then receives.
    All = 3,
}

/// Names one action that was handed out, for [`Handle::complete_action`](crate::Handle::complete_action).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ActionContext(pub NonZeroU32);

/// The next step for the caller to take. Every action except `NoAction` must be completed; until then, its queue gives
/// no other. Buffers belong to the handle, or to the send's payload, and are valid until the completion.
#[derive(Debug, PartialEq, Eq)]
pub enum Action<'a, C> {
    /// There is nothing to do now: nothing is queued, or the queue waits for an action to be completed.
    NoAction,
    /// Write both buffers in order, with nothing between, and complete with the number of all bytes. 0 cancels the
    /// send. Fewer leave the peer with half a frame, which nothing can follow: the handle is aborted.
    SendToNetwork {
        /// The frame's header, or a whole frame; then the payload, empty if the first buffer has it.
        buffers: [&'a [u8]; 2],
        /// The send's type; [`BufferType::PingPong`] for a pong that answers a ping.
        buffer_type: BufferType,
        /// The send's context; none for a pong that answers a ping.
        application_context: Option<&'a C>,
        /// For the completion.
        action_context: ActionContext,
    },
    /// A send is done (or cancelled). Complete with 0 to get the context and the buffer back.
    IndicateSendComplete {
        /// Not all of it was written.
        cancelled: bool,
        /// The send's type.
        buffer_type: BufferType,
        /// The send's context.
        application_context: &'a C,
        /// For the completion.
        action_context: ActionContext,
    },
    /// Read at least one byte into the buffer and complete with the bytes read; 0 cancels the receive.
    ReceiveFromNetwork {
        /// The buffer to read into, never empty.
        buffer: &'a mut [u8],
        /// The receive's context.
        application_context: &'a C,
        /// For the completion.
        action_context: ActionContext,
    },
    /// A receive is done (or cancelled). Use the data, then complete with 0 to get the context and the buffer back.
    IndicateReceiveComplete {
        /// The received data.
        buffer: ReceivedBuffer<'a>,
        /// The receive's context.
        application_context: &'a C,
        /// For the completion.
        action_context: ActionContext,
    },
}

/// The result of a receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceivedBuffer<'a> {
    /// Nothing: the receive was cancelled.
    Cancelled,
    /// Part of a message, or a pong ([`BufferType::PingPong`]).
    Data {
        /// The type of its message, and whether that ends here.
        buffer_type: BufferType,
        /// The payload.
        data: &'a [u8],
    },
    /// The peer's close. The component does not answer it: the caller sends a close, unless it already has.
    CloseStatus {
        /// [`CloseStatus::EMPTY`] if the frame had none.
        status: CloseStatus,
        /// UTF-8 (unless verification is disabled), at most 123 bytes.
        reason: &'a [u8],
    },
}

/// A finished operation, back from the handle.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Completed<C> {
    /// The context that the caller gave with it.
    pub application_context: C,
    /// The `Vec` that [`Handle::send`](crate::Handle::send) or [`Handle::receive`](crate::Handle::receive) took, with
    /// its length unchanged; a receive's data is at its start. `None` if there was none.
    pub buffer: Option<Vec<u8>>,
}

/// The buffers and contexts that a deleted handle gives back.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Deleted<C> {
    /// The sends whose indication was not completed, in their order.
    pub sends: Vec<Completed<C>>,
    /// The receives whose indication was not completed, in their order.
    pub receives: Vec<Completed<C>>,
    /// The memory of [`Property::AllocatedBuffer`](crate::Property::AllocatedBuffer).
    pub allocated_buffer: Option<Box<[u8]>>,
}

/// The outcome of completing an action in a queue.
pub enum Progress<C> {
    /// The action belongs to another queue.
    Unknown,
    /// The operation goes on, or is indicated next.
    Continues,
    /// A frame was written in part, and nothing can be sent after it.
    Torn,
    /// The operation was indicated, and is finished.
    Done(Completed<C>),
}

impl<C> Action<'_, C> {
    /// The action's number.
    #[must_use]
    pub const fn kind(&self) -> ActionKind {
        match self {
            Self::NoAction => ActionKind::NoAction,
            Self::SendToNetwork { .. } => ActionKind::SendToNetwork,
            Self::IndicateSendComplete { .. } => ActionKind::IndicateSendComplete,
            Self::ReceiveFromNetwork { .. } => ActionKind::ReceiveFromNetwork,
            Self::IndicateReceiveComplete { .. } => ActionKind::IndicateReceiveComplete,
        }
    }

    /// The context to complete the action with; `None` for `NoAction`.
    #[must_use]
    pub const fn action_context(&self) -> Option<ActionContext> {
        match self {
            Self::NoAction => None,
            Self::SendToNetwork { action_context, .. }
            | Self::IndicateSendComplete { action_context, .. }
            | Self::ReceiveFromNetwork { action_context, .. }
            | Self::IndicateReceiveComplete { action_context, .. } => Some(*action_context),
        }
    }
}

impl ReceivedBuffer<'_> {
    /// The type of the buffer; `None` if the receive was cancelled.
    #[must_use]
    pub const fn buffer_type(&self) -> Option<BufferType> {
        match self {
            Self::Cancelled => None,
            Self::Data { buffer_type, .. } => Some(*buffer_type),
            Self::CloseStatus { .. } => Some(BufferType::Close),
        }
    }
}
