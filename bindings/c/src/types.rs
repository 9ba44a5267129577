//! The structures of `websocket.h`, as C lays them out, and the result codes.

use std::ffi::{c_char, c_void};
use std::ptr;

use websocket_component::{Error, ErrorCode};

/// Negative is a failure.
pub type HResult = i32;

/// Success.
pub const S_OK: HResult = 0;

/// `WEB_SOCKET_PROPERTY`.
#[repr(C)]
pub struct Property {
    /// `WEB_SOCKET_PROPERTY_TYPE`.
    pub kind: i32,
    /// Where the value is.
    pub value: *mut c_void,
    /// Its bytes.
    pub size: u32,
}

/// `WEB_SOCKET_HTTP_HEADER`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct HttpHeader {
    /// The name, of which no NUL is needed.
    pub name: *const c_char,
    /// Its bytes.
    pub name_length: u32,
    /// The value.
    pub value: *const c_char,
    /// Its bytes.
    pub value_length: u32,
}

/// `WEB_SOCKET_BUFFER`. Both arms of the union have pointer and length at the same place; the status of a close
/// follows.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Buffer {
    /// The data, or the reason of a close.
    pub bytes: *mut u8,
    /// How many there are.
    pub length: u32,
    /// Of a close.
    pub status: u16,
}

impl Buffer {
    /// What an unused slot has.
    pub const NONE: Self = Self {
        bytes: ptr::null_mut(),
        length: 0,
        status: 0,
    };
}

/// `E_INVALIDARG`.
pub const INVALID_ARGUMENT: HResult = ErrorCode::InvalidArgument.hresult();

/// The result code of what the crate says.
pub fn hresult(error: impl Into<Error>) -> HResult {
    error.into().hresult()
}
