//! The properties of a handle, those of the original and ours.

use websocket_component::deflate::DeflateOptions;
use websocket_component::{DeflateSettings, ErrorCode, Limits, Property, Role, internal_buffer_size};

use crate::memory::{OwnBlock, Place};
use crate::types::{self, HResult, INVALID_ARGUMENT};

/// All properties of a handle.
pub struct Properties {
    pub own: Vec<Property>,
    /// Where its buffers are.
    pub place: Place,
    /// What `place` is in, if the caller gave none.
    pub block: Option<OwnBlock>,
    pub limits: Limits,
    pub is_deflate_enabled: bool,
}

const RECEIVE_BUFFER_SIZE: i32 = 0;
const SEND_BUFFER_SIZE: i32 = 1;
const DISABLE_MASKING: i32 = 2;
const ALLOCATED_BUFFER: i32 = 3;
const DISABLE_UTF8_VERIFICATION: i32 = 4;
// Those of `websocket_component.h`.
const PERMESSAGE_DEFLATE: i32 = 0x1000;
const MAX_MESSAGE_SIZE: i32 = 0x1001;
const MAX_FRAME_SIZE: i32 = 0x1002;
const MAX_FRAGMENTS: i32 = 0x1003;

const SIZES: std::ops::RangeInclusive<u32> = 16..=(1 << 31) - 1024;

impl Properties {
    /// # Safety
    /// The values are as large as they say, and `ALLOCATED_BUFFER` stays until the handle is deleted.
    pub unsafe fn new(role: Role, given: &[types::Property]) -> Result<Self, HResult> {
        let mut own = Vec::new();
        let mut seen = Vec::new();
        let mut place = None;
        let mut limits = Limits::NONE;
        let mut is_deflate_enabled = false;
        let (mut receive, mut send) = (4096, if role == Role::Client { 4096 } else { 16 });
        for property in given {
            if property.value.is_null() || seen.contains(&property.kind) {
                return Err(INVALID_ARGUMENT);
            }
            seen.push(property.kind);
            // SAFETY: as the caller promises.
            unsafe {
                match property.kind {
                    RECEIVE_BUFFER_SIZE => {
                        receive = size(property)?;
                        own.push(Property::ReceiveBufferSize(receive));
                    }
                    SEND_BUFFER_SIZE => {
                        send = size(property)?;
                        own.push(Property::SendBufferSize(send));
                    }
                    DISABLE_MASKING => own.push(Property::DisableMasking(flag(property)?)),
                    DISABLE_UTF8_VERIFICATION => own.push(Property::DisableUtf8Verification(flag(property)?)),
                    ALLOCATED_BUFFER => place = Some(allocated(property)?),
                    PERMESSAGE_DEFLATE => is_deflate_enabled = flag(property)?,
                    MAX_MESSAGE_SIZE => limits.max_message_size = limit(property)?,
                    MAX_FRAME_SIZE => limits.max_frame_size = limit(property)?,
                    MAX_FRAGMENTS => limits.max_fragments = limit(property)?,
                    _ => return Err(INVALID_ARGUMENT),
                }
            }
        }
        let needed = internal_buffer_size(receive, send);
        let block = match place {
            Some(_) => None,
            None => Some(OwnBlock::new(needed).ok_or(ErrorCode::OutOfMemory.hresult())?),
        };
        let place = place.or(block.as_ref().map(OwnBlock::place)).ok_or(INVALID_ARGUMENT)?;
        Ok(Self {
            own,
            place,
            block,
            limits,
            is_deflate_enabled,
        })
    }
}

/// What is offered, or selected, with `PERMESSAGE_DEFLATE`: nothing is kept from one message to the next by a server.
pub fn deflate_options(role: Role) -> (DeflateOptions, DeflateSettings) {
    let options = DeflateOptions {
        server_no_context_takeover: role == Role::Server,
        ..DeflateOptions::default()
    };
    (options, DeflateSettings::default())
}

/// # Safety
/// The value is as large as it says.
unsafe fn value<T: Copy>(property: &types::Property) -> Result<T, HResult> {
    if property.size as usize != size_of::<T>() {
        return Err(INVALID_ARGUMENT);
    }
    // SAFETY: by the contract of the function; C may keep it anywhere.
    Ok(unsafe { property.value.cast::<T>().read_unaligned() })
}

unsafe fn size(property: &types::Property) -> Result<u32, HResult> {
    // SAFETY: by the contract of `value`.
    let size: u32 = unsafe { value(property)? };
    if SIZES.contains(&size) {
        Ok(size)
    } else {
        Err(INVALID_ARGUMENT)
    }
}

unsafe fn flag(property: &types::Property) -> Result<bool, HResult> {
    // SAFETY: by the contract of `value`.
    Ok(unsafe { value::<i32>(property)? } != 0)
}

unsafe fn limit(property: &types::Property) -> Result<u64, HResult> {
    // SAFETY: by the contract of `value`.
    unsafe { value(property) }
}

/// The value is the address of a pointer to the memory, whose size the property has.
unsafe fn allocated(property: &types::Property) -> Result<Place, HResult> {
    // SAFETY: by the contract of `Properties::new`.
    let start = unsafe { property.value.cast::<*mut u8>().read_unaligned() };
    if start.is_null() {
        return Err(INVALID_ARGUMENT);
    }
    // SAFETY: by the contract of `Properties::new`.
    Ok(unsafe { Place::new(start, property.size as usize) })
}
