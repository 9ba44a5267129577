use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::error::{Error, Misuse};
use crate::session::Role;

/// The name and number of a property (`WEB_SOCKET_PROPERTY_TYPE`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum PropertyType {
    /// Bytes of the internal receive buffer.
    ReceiveBufferSize = 0,
    /// Bytes of the internal send buffer.
    SendBufferSize = 1,
    /// Client: mask with a zero key. Server: accept unmasked frames.
    DisableMasking = 2,
    /// Memory that the component uses instead of its own.
    AllocatedBuffer = 3,
    /// Deliver text and close reasons unchecked.
    DisableUtf8Verification = 4,
    /// Milliseconds; only [`global_property`].
    KeepaliveInterval = 5,
    /// Protocol versions; only [`global_property`].
    SupportedVersions = 6,
}

/// A property that a handle is made with (`WEB_SOCKET_PROPERTY`).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Property {
    /// Bytes of the internal receive buffer, at least 256; 4096 by default. It bounds one network read, and one
    /// delivery without a caller's buffer.
    ReceiveBufferSize(u32),
    /// Bytes of the internal send buffer, at least 16; 4096 for a client, 16 for a server, which needs it only for a
    /// frame's header. A masked message that does not fit is sent as several frames.
    SendBufferSize(u32),
    /// Client: the masking key is four zero bytes, the mask bit stays set. Server: frames that are not masked are
    /// accepted too. A security risk (RFC 6455 §10.3).
    DisableMasking(bool),
    /// Memory that the component uses for all its buffers, of at least [`internal_buffer_size`] bytes.
    /// [`Handle::delete`](crate::Handle::delete) gives it back.
    AllocatedBuffer(Box<[u8]>),
    /// Neither received text nor close reasons, received or sent, are checked.
    DisableUtf8Verification(bool),
}

/// The value of a property that belongs to no handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GlobalProperty {
    /// How long a connection may be idle before its owner should send an unsolicited pong, in milliseconds.
    KeepaliveInterval(u32),
    /// The versions of the protocol, the newest first.
    SupportedVersions(&'static [u32]),
}

/// 30 s: the component has no clock, so this is advice for the caller's timer.
pub const KEEPALIVE_INTERVAL_MS: u32 = 30_000;

/// 13 is RFC 6455.
pub const SUPPORTED_VERSIONS: &[u32] = &[13];

/// Room for one outgoing control frame: 14 bytes of header and 125 of payload, rounded up to a multiple of 8.
pub(crate) const CONTROL_BUFFER_SIZE: usize = 144;

const MIN_RECEIVE_BUFFER_SIZE: u32 = 256;
const MIN_SEND_BUFFER_SIZE: u32 = 16;
const MAX_BUFFER_SIZE: u32 = (1 << 31) - 1024;
const DEFAULT_BUFFER_SIZE: u32 = 4096;

/// The bytes that [`Property::AllocatedBuffer`] must have for these buffer sizes; `usize::MAX`, which no memory has, if
/// the sum overflows.
#[must_use]
pub const fn internal_buffer_size(receive_buffer_size: u32, send_buffer_size: u32) -> usize {
    (receive_buffer_size as usize)
        .saturating_add(send_buffer_size as usize)
        .saturating_add(CONTROL_BUFFER_SIZE)
}

/// Reads a property that belongs to no handle (`WebSocketGetGlobalProperty`).
///
/// # Errors
/// The property belongs to a handle.
pub const fn global_property(property: PropertyType) -> Result<GlobalProperty, Misuse> {
    match property {
        PropertyType::KeepaliveInterval => Ok(GlobalProperty::KeepaliveInterval(KEEPALIVE_INTERVAL_MS)),
        PropertyType::SupportedVersions => Ok(GlobalProperty::SupportedVersions(SUPPORTED_VERSIONS)),
        _ => Err(Misuse::PropertyNotGlobal),
    }
}

impl Property {
    /// Which property it is.
    #[must_use]
    pub const fn property_type(&self) -> PropertyType {
        match self {
            Self::ReceiveBufferSize(_) => PropertyType::ReceiveBufferSize,
            Self::SendBufferSize(_) => PropertyType::SendBufferSize,
            Self::DisableMasking(_) => PropertyType::DisableMasking,
            Self::AllocatedBuffer(_) => PropertyType::AllocatedBuffer,
            Self::DisableUtf8Verification(_) => PropertyType::DisableUtf8Verification,
        }
    }
}

/// All properties of a handle, checked.
#[derive(Debug)]
pub(crate) struct Properties {
    pub receive_buffer_size: usize,
    pub send_buffer_size: usize,
    pub disable_masking: bool,
    pub disable_utf8_verification: bool,
    pub allocated_buffer: Option<Box<[u8]>>,
}

impl Properties {
    /// `size` is that of memory which the caller does not give as a property.
    pub fn new(role: Role, given: impl IntoIterator<Item = Property>, size: Option<usize>) -> Result<Self, Error> {
        let mut receive = DEFAULT_BUFFER_SIZE;
        let mut send = match role {
            Role::Client => DEFAULT_BUFFER_SIZE,
            Role::Server => MIN_SEND_BUFFER_SIZE,
        };
        let (mut disable_masking, mut disable_utf8_verification, mut allocated_buffer) = (false, false, None);
        let mut seen = Vec::new();
        for property in given {
            if seen.contains(&property.property_type()) {
                return Err(Misuse::PropertyRepeated.into());
            }
            seen.push(property.property_type());
            match property {
                Property::ReceiveBufferSize(size) => receive = in_range(size, MIN_RECEIVE_BUFFER_SIZE)?,
                Property::SendBufferSize(size) => send = in_range(size, MIN_SEND_BUFFER_SIZE)?,
                Property::DisableMasking(disable) => disable_masking = disable,
                Property::DisableUtf8Verification(disable) => disable_utf8_verification = disable,
                Property::AllocatedBuffer(memory) => allocated_buffer = Some(memory),
            }
        }
        if size.is_some() && allocated_buffer.is_some() {
            return Err(Misuse::PropertyRepeated.into());
        }
        let needed = internal_buffer_size(receive, send);
        match size.or(allocated_buffer.as_ref().map(|memory| memory.len())) {
            Some(size) if size < needed => return Err(Misuse::AllocatedBufferTooSmall.into()),
            Some(_) => {}
            None => check_allocation(needed)?,
        }
        Ok(Self {
            receive_buffer_size: receive as usize,
            send_buffer_size: send as usize,
            disable_masking,
            disable_utf8_verification,
            allocated_buffer,
        })
    }
}

const fn in_range(size: u32, minimum: u32) -> Result<u32, Misuse> {
    if size < minimum || size > MAX_BUFFER_SIZE {
        Err(Misuse::PropertyOutOfRange)
    } else {
        Ok(size)
    }
}

/// The memory is allocated when the handle opens: a size that cannot be allocated is refused before.
fn check_allocation(size: usize) -> Result<(), Error> {
    if size > LARGE {
        Vec::<u8>::new()
            .try_reserve_exact(size)
            .map_err(|_| Error::OutOfMemory)?;
    }
    Ok(())
}

/// Below this size, allocation practically never fails, and allocating twice would cost more than the handle.
const LARGE: usize = 1024 * 1024;
