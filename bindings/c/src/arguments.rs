//! What C passes: pointers with counts, and strings.

use std::ffi::{CStr, c_char};
use std::slice;

use websocket_component::HttpHeader;

use crate::types::{self, HResult, INVALID_ARGUMENT};

/// An array; NULL is one without elements.
///
/// # Safety
/// `start` is NULL or has `count` elements that live as long as `'a`.
pub unsafe fn list<'a, T>(start: *const T, count: u32) -> Result<&'a [T], HResult> {
    if count == 0 {
        return Ok(&[]);
    }
    if start.is_null() {
        return Err(INVALID_ARGUMENT);
    }
    // SAFETY: by the contract of the function.
    Ok(unsafe { slice::from_raw_parts(start, count as usize) })
}

/// A string that ends in NUL.
///
/// # Safety
/// `start` is NULL or such a string, that lives as long as `'a`.
pub unsafe fn text<'a>(start: *const c_char) -> Result<&'a str, HResult> {
    if start.is_null() {
        return Err(INVALID_ARGUMENT);
    }
    // SAFETY: by the contract of the function.
    unsafe { CStr::from_ptr(start) }.to_str().map_err(|_| INVALID_ARGUMENT)
}

/// An array of strings.
///
/// # Safety
/// As for [`list`] and [`text`].
pub unsafe fn texts<'a>(start: *const *const c_char, count: u32) -> Result<Vec<&'a str>, HResult> {
    // SAFETY: by the contract of the function.
    unsafe { list(start, count)?.iter().map(|&string| text(string)).collect() }
}

/// Header fields, from the caller or from the peer. A name that is not UTF-8 is none: the handle refuses it, as an
/// empty one, once it has looked at its role and state.
///
/// # Safety
/// `start` is NULL or has `count` headers whose pointers have as many bytes as they say; all live as long as `'a`.
pub unsafe fn headers<'a>(start: *const types::HttpHeader, count: u32) -> Result<Vec<HttpHeader<'a>>, HResult> {
    // SAFETY: by the contract of the function.
    let headers = unsafe { list(start, count)? };
    headers
        .iter()
        .map(|header| {
            // SAFETY: by the contract of the function.
            let (name, value) = unsafe {
                (
                    list(header.name.cast::<u8>(), header.name_length)?,
                    list(header.value.cast::<u8>(), header.value_length)?,
                )
            };
            let name = std::str::from_utf8(name).unwrap_or_default();
            Ok(HttpHeader { name, value })
        })
        .collect()
}

/// Header fields as C reads them, until the handshake ends. Each string has a NUL behind it.
#[derive(Default)]
pub struct KeptHeaders {
    headers: Vec<types::HttpHeader>,
    /// Not boxed slices: moving a box would end what pointers into it may do.
    _strings: Vec<Vec<u8>>,
}

impl KeptHeaders {
    pub fn new(headers: &[HttpHeader<'_>]) -> Self {
        let mut strings = Vec::with_capacity(2 * headers.len());
        let mut keep = |bytes: &[u8]| {
            let string: Vec<u8> = bytes.iter().copied().chain([0]).collect();
            let start = string.as_ptr().cast::<c_char>();
            strings.push(string);
            // what the crate makes of the caller's arguments is hardly longer than they are
            (start, u32::try_from(bytes.len()).unwrap_or(u32::MAX))
        };
        let headers = headers
            .iter()
            .map(|header| {
                let (name, name_length) = keep(header.name.as_bytes());
                let (value, value_length) = keep(header.value);
                types::HttpHeader {
                    name,
                    name_length,
                    value,
                    value_length,
                }
            })
            .collect();
        Self {
            headers,
            _strings: strings,
        }
    }

    pub fn as_mut_ptr(&mut self) -> *mut types::HttpHeader {
        self.headers.as_mut_ptr()
    }

    pub fn count(&self) -> u32 {
        u32::try_from(self.headers.len()).unwrap_or(u32::MAX)
    }
}
