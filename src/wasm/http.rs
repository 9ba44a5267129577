//! HTTP heads as bytes.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

use crate::error::HandshakeError;
use crate::handshake;
use crate::http;
use crate::wasm::strings::{Fields, flat, joined, thrown};

/// The head of a request, read from bytes.
#[wasm_bindgen(js_name = RequestHead)]
pub struct WasmRequestHead {
    #[wasm_bindgen(readonly)]
    pub length: usize,
    #[wasm_bindgen(readonly)]
    pub version: u8,
    method: String,
    target: String,
    headers: String,
    check: Result<(), HandshakeError>,
}

#[wasm_bindgen(js_class = RequestHead)]
impl WasmRequestHead {
    /// The method.
    #[wasm_bindgen(getter)]
    pub fn method(&self) -> String {
        self.method.clone()
    }

    /// The request target.
    #[wasm_bindgen(getter)]
    pub fn target(&self) -> String {
        self.target.clone()
    }

    /// Names and values in turn.
    pub fn headers(&self) -> String {
        self.headers.clone()
    }

    /// Throws if the request cannot be a handshake by what the component does not see.
    pub fn check(&self) -> Result<(), JsValue> {
        self.check.map_err(|error| thrown(error.into()))
    }
}

/// The head of a response, read from bytes.
#[wasm_bindgen(js_name = ResponseHead)]
pub struct WasmResponseHead {
    #[wasm_bindgen(readonly)]
    pub length: usize,
    #[wasm_bindgen(readonly)]
    pub version: u8,
    #[wasm_bindgen(readonly)]
    pub status: u16,
    reason: String,
    headers: String,
    check: Result<(), HandshakeError>,
}

#[wasm_bindgen(js_class = ResponseHead)]
impl WasmResponseHead {
    /// The reason phrase.
    #[wasm_bindgen(getter)]
    pub fn reason(&self) -> String {
        self.reason.clone()
    }

    /// Names and values in turn.
    pub fn headers(&self) -> String {
        self.headers.clone()
    }

    /// Throws if the response does not switch protocols.
    pub fn check(&self) -> Result<(), JsValue> {
        self.check.map_err(|error| thrown(error.into()))
    }
}

/// Reads a request's head; `undefined` if it needs more bytes.
#[wasm_bindgen]
pub fn parse_request(bytes: &[u8]) -> Result<Option<WasmRequestHead>, JsValue> {
    let head = http::RequestHead::parse(bytes).map_err(|error| thrown(error.into()))?;
    Ok(head.map(|head| WasmRequestHead {
        length: head.length,
        version: head.version,
        method: head.method.to_owned(),
        target: head.target.to_owned(),
        headers: flat(&head.headers),
        check: head.check(),
    }))
}

/// Reads a response's head; `undefined` if it needs more bytes.
#[wasm_bindgen]
pub fn parse_response(bytes: &[u8]) -> Result<Option<WasmResponseHead>, JsValue> {
    let head = http::ResponseHead::parse(bytes).map_err(|error| thrown(error.into()))?;
    Ok(head.map(|head| WasmResponseHead {
        length: head.length,
        version: head.version,
        status: head.status,
        reason: head.reason.to_owned(),
        headers: flat(&head.headers),
        check: head.check(),
    }))
}

/// Makes a request's head.
#[wasm_bindgen]
pub fn write_request(target: &str, headers: &str, header_count: usize) -> Result<Vec<u8>, JsValue> {
    let fields = Fields::new(headers, header_count)?;
    http::write_request(target, &fields.borrowed()).map_err(|error| thrown(error.into()))
}

/// Makes a response's head.
#[wasm_bindgen]
pub fn write_response(status: u16, reason: &str, headers: &str, header_count: usize) -> Result<Vec<u8>, JsValue> {
    let fields = Fields::new(headers, header_count)?;
    http::write_response(status, reason, &fields.borrowed()).map_err(|error| thrown(error.into()))
}

/// The subprotocols that a request offers.
#[wasm_bindgen]
pub fn offered_subprotocols(headers: &str, header_count: usize) -> Result<String, JsValue> {
    let fields = Fields::new(headers, header_count)?;
    let offered = handshake::offered_subprotocols(&fields.borrowed()).map_err(|error| thrown(error.into()))?;
    Ok(joined(&offered))
}
