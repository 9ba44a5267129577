#![doc = include_str!("../docs/crate.md")]
//!
//! # Which type for what
//! - [`Connection`] is a whole connection except its I/O; [`ClientHandshake`] and [`ServerHandshake`] create one.
//! - [`Session`] turns frames into payload and back, and enforces their order; it answers nothing by itself.
//! - [`Handle`] is Microsoft's component: handshake, two queues, the action loop. The caller asks for the next *action*
//!   (write these bytes, read into this buffer, a send or a receive is done), performs it, and reports that.
//! - [`http`] reads and writes the HTTP/1.1 heads around the handshake, for callers over bare TCP.
//!
//! # A conversation of two handles
//! ```
//! use websocket_component::{Action, ActionQueue, Buffer, BufferType, Handle, ReceivedBuffer};
//!
//! let mut client = Handle::create_client(&[])?;
//! let mut server = Handle::create_server(&[])?;
//!
//! // The handshake: each side makes headers, the other side checks them.
//! let request = client.begin_client_handshake(&["chat"], &[], &[])?;
//! let response = server.begin_server_handshake(Some("chat"), &[], &request)?;
//! let negotiated = client.end_client_handshake(&response)?;
//! assert_eq!(negotiated.subprotocol, Some(0));
//!
//! // The client sends: the action says what to write.
//! let mut network = Vec::new();
//! client.send(BufferType::Utf8Message, Some(Buffer::Data(b"Hello".to_vec())), "greeting")?;
//! loop {
//!     let (context, written) = match client.get_action(ActionQueue::Send)? {
//!         Action::SendToNetwork { buffers, action_context, .. } => {
//!             network.extend(buffers.concat());
//!             (action_context, buffers.concat().len()) // of this action: a long message has several
//!         }
//!         Action::IndicateSendComplete { application_context, action_context, .. } => {
//!             assert_eq!(*application_context, "greeting");
//!             (action_context, 0)
//!         }
//!         _ => break,
//!     };
//!     client.complete_action(context, written)?;
//! }
//!
//! // The server receives: the action says where to read to.
//! server.receive(None, ())?;
//! let mut message: Vec<u8> = Vec::new();
//! loop {
//!     let (context, read) = match server.get_action(ActionQueue::Receive)? {
//!         Action::ReceiveFromNetwork { buffer, action_context, .. } => {
//!             let read = buffer.len().min(network.len());
//!             buffer[..read].copy_from_slice(&network[..read]);
//!             network.drain(..read);
//!             (action_context, read)
//!         }
//!         Action::IndicateReceiveComplete { buffer, action_context, .. } => {
//!             if let ReceivedBuffer::Data { data, .. } = buffer {
//!                 message.extend_from_slice(data);
//!             }
//!             (action_context, 0)
//!         }
//!         _ => break,
//!     };
//!     server.complete_action(context, read)?;
//! }
//! assert_eq!(message, b"Hello");
//! # Ok::<(), websocket_component::Error>(())
//! ```
//!
//! # Layers
//! `wire` (bytes) ← `frame`, [`http`], `deflate` (codecs) ← `handshake`, `session` (state) ← `connection`, `handle`
//! (action loop), `inspect` (recorded conversations) ← `wasm` (the exports for JavaScript, feature `wasm`). A module
//! uses only those to its left.

#![cfg_attr(not(test), no_std)]

#[macro_use]
extern crate alloc;
#[cfg(feature = "std")]
#[macro_use(thread_local)]
extern crate std;

#[cfg(all(not(feature = "std"), target_arch = "wasm32", not(target_feature = "atomics")))]
#[macro_use]
mod one_thread;
#[cfg(all(
    feature = "wasm",
    not(feature = "std"),
    target_arch = "wasm32",
    target_feature = "atomics"
))]
compile_error!("the feature `wasm` needs `std` where there are threads");
#[forbid(unsafe_code)]
mod connection;
#[cfg(feature = "deflate")]
pub mod deflate;
#[forbid(unsafe_code)]
mod error;
#[forbid(unsafe_code)]
mod frame;
#[forbid(unsafe_code)]
mod handle;
#[forbid(unsafe_code)]
pub mod handshake;
#[forbid(unsafe_code)]
pub mod http;
#[cfg(feature = "inspect")]
#[forbid(unsafe_code)]
pub mod inspect;
mod random;
#[forbid(unsafe_code)]
mod session;
#[cfg(all(
    target_arch = "wasm32",
    target_os = "unknown",
    any(feature = "__exports", feature = "__exports-inspect")
))]
mod wasm;
#[forbid(unsafe_code)]
mod wire;

pub use connection::{
    Answer, ClientHandshake, ClientOptions, Config, Connection, Delivery, Event, Failure, KeepAlive, MessageKind,
    Piece, ServerHandshake, ServerOptions,
};
pub use error::{Error, ErrorCode, HandshakeError, Misuse, Violation};
pub use frame::{Header, MAX_HEADER_LENGTH};
pub use handle::{
    Action, ActionContext, ActionKind, ActionQueue, Block, Buffer, Completed, Deleted, GlobalProperty, Handle,
    KEEPALIVE_INTERVAL_MS, Property, PropertyType, ReceivedBuffer, SUPPORTED_VERSIONS, global_property,
    internal_buffer_size,
};
pub use handshake::{Bootstrap, Negotiated};
pub use http::HttpHeader;
pub use random::{PlatformRandom, RandomSource, RandomUnavailable};
#[cfg(feature = "deflate")]
pub use session::DeflateSettings;
pub use session::{ClosePayload, Limits, Received, Role, Session, SessionOptions, State, Step, Transition};
pub use wire::{
    BufferType, CloseStatus, CustomHeader, MAX_CLOSE_REASON_LENGTH, MAX_CONTROL_PAYLOAD, MaskKey, Opcode, Utf8Error,
    Utf8Validator,
};

/// The README's examples are compiled and run with the crate's own. Rustdoc ignores the blocks of other languages.
#[cfg(doctest)]
#[allow(rustdoc::invalid_codeblock_attributes)]
#[doc = include_str!("../README.md")]
struct Readme;

/// So are the guide's examples.
#[cfg(doctest)]
#[allow(rustdoc::invalid_codeblock_attributes)]
#[doc = include_str!("../docs/component.md")]
struct ComponentGuide;
