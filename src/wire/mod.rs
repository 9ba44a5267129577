//! Bytes and numbers of the wire format: no connection, no state.

mod buffer_type;
mod close_status;
mod mask;
mod opcode;
mod utf8;

pub use buffer_type::{BufferType, CustomHeader};
pub use close_status::CloseStatus;
pub use mask::MaskKey;
pub use opcode::Opcode;
pub use utf8::{Utf8Error, Utf8Validator};

/// The longest close reason, in bytes of UTF-8 (`WEB_SOCKET_MAX_CLOSE_REASON_LENGTH`):
/// a control frame's 125 bytes less the two of the status.
pub const MAX_CLOSE_REASON_LENGTH: usize = 123;

/// The longest payload of a control frame, in bytes (RFC 6455 §5.5).
pub const MAX_CONTROL_PAYLOAD: usize = 125;
