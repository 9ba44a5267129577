//! `websocket.h` over the crate: its 13 functions, with the layouts and the rules of the original.
//!
//! `unsafe` is here alone. Every function promises its caller what the header does, and asks of it what C programs
//! always promise: that pointers are NULL or good for what they are said to have, that a handle is not used after it
//! was deleted, and by one thread at a time. The contract of each function is the [documentation of the
//! API](https://learn.microsoft.com/windows/win32/websock/web-socket-protocol-component-api-portal).
#![allow(
    clippy::missing_safety_doc,
    reason = "the contract of C is the same for all: see above"
)]

mod arguments;
mod memory;
mod properties;
mod socket;
mod types;

use std::ffi::{c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};

use websocket_component::{ErrorCode, KEEPALIVE_INTERVAL_MS, Role, SUPPORTED_VERSIONS};

use arguments::{headers, list, text, texts};
pub use socket::Socket;
pub use types::{Buffer, HResult, HttpHeader, Property, S_OK};

use types::INVALID_ARGUMENT;

/// Runs a function; a panic, which would be our bug, becomes `E_FAIL` and does not reach C.
fn enter(call: impl FnOnce() -> Result<(), HResult>) -> HResult {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(())) => S_OK,
        Ok(Err(failure)) => failure,
        Err(_) => ErrorCode::Fail.hresult(),
    }
}

/// The object behind a handle.
unsafe fn socket<'a>(handle: *mut Socket) -> Result<&'a mut Socket, HResult> {
    // SAFETY: a handle is NULL or not yet deleted, and used by one thread at a time.
    unsafe { handle.as_mut() }.ok_or(INVALID_ARGUMENT)
}

unsafe fn create(role: Role, properties: *const Property, count: u32, handle: *mut *mut Socket) -> HResult {
    enter(|| {
        if handle.is_null() {
            return Err(INVALID_ARGUMENT);
        }
        // SAFETY: `properties` has `count` elements.
        let socket = unsafe { Socket::create(role, list(properties, count)?)? };
        // SAFETY: it is not NULL, so it is good for a handle.
        unsafe { handle.write(Box::into_raw(Box::new(socket))) };
        Ok(())
    })
}

/// Makes a client's handle.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WebSocketCreateClientHandle(
    properties: *const Property,
    count: u32,
    handle: *mut *mut Socket,
) -> HResult {
    // SAFETY: the same contract.
    unsafe { create(Role::Client, properties, count, handle) }
}

/// Makes a server's handle.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WebSocketCreateServerHandle(
    properties: *const Property,
    count: u32,
    handle: *mut *mut Socket,
) -> HResult {
    // SAFETY: the same contract.
    unsafe { create(Role::Server, properties, count, handle) }
}

/// Begins the client's handshake.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WebSocketBeginClientHandshake(
    handle: *mut Socket,
    subprotocols: *const *const c_char,
    subprotocol_count: u32,
    extensions: *const *const c_char,
    extension_count: u32,
    initial: *const HttpHeader,
    initial_count: u32,
    additional: *mut *mut HttpHeader,
    additional_count: *mut u32,
) -> HResult {
    // SAFETY: C's contract.
    enter(|| unsafe {
        let socket = socket(handle)?;
        if additional.is_null() || additional_count.is_null() {
            return Err(INVALID_ARGUMENT);
        }
        let subprotocols = texts(subprotocols, subprotocol_count)?;
        let extensions = texts(extensions, extension_count)?;
        let initial = headers(initial, initial_count)?;
        let kept = socket.begin_client_handshake(&subprotocols, &extensions, &initial)?;
        additional.write(kept.as_mut_ptr());
        additional_count.write(kept.count());
        Ok(())
    })
}

/// Ends the client's handshake.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WebSocketEndClientHandshake(
    handle: *mut Socket,
    response: *const HttpHeader,
    response_count: u32,
    selected_extensions: *mut u32,
    selected_extension_count: *mut u32,
    selected_subprotocol: *mut u32,
) -> HResult {
    // SAFETY: C's contract.
    enter(|| unsafe {
        let socket = socket(handle)?;
        let capacity = selected_extension_count.as_ref().copied().unwrap_or(0);
        if selected_extensions.is_null() && capacity > 0 {
            return Err(INVALID_ARGUMENT);
        }
        if !selected_extensions.is_null() && (capacity as usize) < socket.offered_extensions() {
            return Err(ErrorCode::InsufficientBuffer.hresult());
        }
        let negotiated = socket.end_client_handshake(&headers(response, response_count)?)?;
        let index = |index: &usize| u32::try_from(*index).unwrap_or(u32::MAX);
        // an extension that the handle offered by itself has no place among the caller's
        let offered = socket.offered_extensions();
        let selected = negotiated.extensions.iter().filter(|&&index| index < offered);
        if let Some(count) = selected_extension_count.as_mut() {
            *count = index(&selected.clone().count());
            if !selected_extensions.is_null() {
                for (place, extension) in selected.enumerate() {
                    selected_extensions.add(place).write(index(extension));
                }
            }
        }
        if let (Some(place), Some(subprotocol)) = (selected_subprotocol.as_mut(), &negotiated.subprotocol) {
            *place = index(subprotocol);
        }
        Ok(())
    })
}

/// Begins the server's handshake.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WebSocketBeginServerHandshake(
    handle: *mut Socket,
    subprotocol: *const c_char,
    extensions: *const *const c_char,
    extension_count: u32,
    request: *const HttpHeader,
    request_count: u32,
    response: *mut *mut HttpHeader,
    response_count: *mut u32,
) -> HResult {
    // SAFETY: C's contract.
    enter(|| unsafe {
        let socket = socket(handle)?;
        if response.is_null() || response_count.is_null() {
            return Err(INVALID_ARGUMENT);
        }
        let subprotocol = if subprotocol.is_null() {
            None
        } else {
            Some(text(subprotocol)?)
        };
        let extensions = texts(extensions, extension_count)?;
        let request = headers(request, request_count)?;
        let kept = socket.begin_server_handshake(subprotocol, &extensions, &request)?;
        response.write(kept.as_mut_ptr());
        response_count.write(kept.count());
        Ok(())
    })
}

/// Ends the server's handshake.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WebSocketEndServerHandshake(handle: *mut Socket) -> HResult {
    // SAFETY: C's contract.
    enter(|| unsafe { socket(handle)? }.end_server_handshake())
}

/// Queues a buffer for sending.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WebSocketSend(
    handle: *mut Socket,
    buffer_type: u32,
    buffer: *const Buffer,
    context: *mut c_void,
) -> HResult {
    // SAFETY: C's contract.
    enter(|| unsafe { socket(handle)?.send(buffer_type, buffer.as_ref(), context) })
}

/// Queues a receive.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WebSocketReceive(
    handle: *mut Socket,
    buffer: *const Buffer,
    context: *mut c_void,
) -> HResult {
    // SAFETY: C's contract.
    enter(|| unsafe { socket(handle)?.receive(buffer.as_ref(), context) })
}

/// The next action of a queue.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WebSocketGetAction(
    handle: *mut Socket,
    queue: i32,
    buffers: *mut Buffer,
    buffer_count: *mut u32,
    action: *mut i32,
    buffer_type: *mut u32,
    application_context: *mut *mut c_void,
    action_context: *mut *mut c_void,
) -> HResult {
    // SAFETY: C's contract.
    enter(|| unsafe {
        let slots = buffer_count.as_mut().map_or(0, std::mem::take);
        // whatever fails, the caller completes what it finds here: nothing
        if let Some(action) = action.as_mut() {
            *action = 0;
        }
        if let Some(buffer_type) = buffer_type.as_mut() {
            *buffer_type = 0;
        }
        for context in [application_context, action_context] {
            if let Some(context) = context.as_mut() {
                *context = std::ptr::null_mut();
            }
        }
        let outputs = (action.as_mut(), buffer_type.as_mut(), action_context.as_mut());
        let (Some(action), Some(buffer_type), Some(action_context)) = outputs else {
            return Err(INVALID_ARGUMENT);
        };
        if buffers.is_null() || slots == 0 {
            return Err(INVALID_ARGUMENT);
        }
        // no action has more than two
        let buffers = std::slice::from_raw_parts_mut(buffers, slots.min(2) as usize);
        buffers.fill(Buffer::NONE);
        let next = socket(handle)?.get_action(queue, buffers)?;
        *action = next.kind as i32;
        *buffer_type = next.buffer_type;
        *action_context = next.context;
        if let Some(count) = buffer_count.as_mut() {
            *count = next.buffer_count;
        }
        if let Some(context) = application_context.as_mut() {
            *context = next.application_context;
        }
        Ok(())
    })
}

/// Reports that an action was taken.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WebSocketCompleteAction(handle: *mut Socket, context: *mut c_void, bytes: u32) {
    enter(|| {
        // SAFETY: C's contract.
        unsafe { socket(handle)? }.complete_action(context, bytes as usize);
        Ok(())
    });
}

/// Gives the connection up.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WebSocketAbortHandle(handle: *mut Socket) {
    enter(|| {
        // SAFETY: C's contract.
        unsafe { socket(handle)? }.abort();
        Ok(())
    });
}

/// Frees the handle.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WebSocketDeleteHandle(handle: *mut Socket) {
    enter(|| {
        if !handle.is_null() {
            // SAFETY: `create` made it from a box, and it has not been deleted.
            drop(unsafe { Box::from_raw(handle) });
        }
        Ok(())
    });
}

/// Reads a property that belongs to no handle.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WebSocketGetGlobalProperty(kind: i32, value: *mut c_void, size: *mut u32) -> HResult {
    const KEEPALIVE_INTERVAL: i32 = 5;
    const SUPPORTED: i32 = 6;
    // SAFETY: C's contract.
    enter(|| unsafe {
        let size = size.as_mut().ok_or(INVALID_ARGUMENT)?;
        let values: &[u32] = match kind {
            KEEPALIVE_INTERVAL => &[KEEPALIVE_INTERVAL_MS],
            SUPPORTED => SUPPORTED_VERSIONS,
            _ => return Err(INVALID_ARGUMENT),
        };
        let needed = u32::try_from(size_of_val(values)).unwrap_or(u32::MAX);
        let room = std::mem::replace(size, needed);
        if room < needed {
            return Err(ErrorCode::InsufficientBuffer.hresult());
        }
        if value.is_null() {
            return Err(INVALID_ARGUMENT);
        }
        value
            .cast::<u8>()
            .copy_from_nonoverlapping(values.as_ptr().cast(), size_of_val(values));
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::{ErrorCode, S_OK, enter};

    #[test]
    #[expect(clippy::panic, reason = "it is what must not get out")]
    fn a_panic_becomes_e_fail_and_does_not_reach_c() {
        assert_eq!(enter(|| panic!("of ours")), ErrorCode::Fail.hresult());
        assert_eq!(enter(|| Ok(())), S_OK);
    }
}
