//! What crosses the boundary as strings, once per connection: header fields, and errors by their numbers.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

use crate::error::{Error, HandshakeError, Misuse, Violation};
use crate::http::HttpHeader;

/// Header fields from JavaScript, whose strings stand for bytes (Latin-1) as they do in Node.
pub struct Fields<'a> {
    fields: Vec<(&'a str, Vec<u8>)>,
}

impl<'a> Fields<'a> {
    pub fn new(flat: &'a [String]) -> Result<Self, JsValue> {
        let (pairs, []) = flat.as_chunks::<2>() else {
            return Err(thrown(Misuse::HeaderInvalid.into()));
        };
        let fields = pairs
            .iter()
            .map(|[name, value]| Some((name.as_str(), latin1(value)?)))
            .collect::<Option<_>>();
        Ok(Self {
            fields: fields.ok_or_else(|| thrown(Misuse::HeaderInvalid.into()))?,
        })
    }

    pub fn borrowed(&self) -> Vec<HttpHeader<'_>> {
        self.fields
            .iter()
            .map(|(name, value)| HttpHeader { name, value })
            .collect()
    }
}

fn latin1(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|character| u8::try_from(character).ok()).collect()
}

fn text(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

pub fn flat(fields: &[HttpHeader<'_>]) -> Vec<String> {
    fields
        .iter()
        .flat_map(|field| [field.name.to_owned(), text(field.value)])
        .collect()
}

pub fn borrowed(strings: &[String]) -> Vec<&str> {
    strings.iter().map(String::as_str).collect()
}

/// JavaScript gets an error's number, and asks `describe_error` for the rest.
pub fn thrown(error: Error) -> JsValue {
    JsValue::from(error.id())
}

/// Code, HRESULT, close status (0 if none), text and section of an error's number.
#[wasm_bindgen]
pub fn describe_error(id: i32) -> Vec<JsValue> {
    let details = Misuse::ALL
        .iter()
        .map(|error| ((*error).into(), error.as_str(), error.section()));
    let details = details.chain(
        HandshakeError::ALL
            .iter()
            .map(|error| ((*error).into(), error.as_str(), error.section())),
    );
    let mut details = details.chain(
        Violation::ALL
            .iter()
            .map(|error| ((*error).into(), error.as_str(), error.section())),
    );
    let (error, text, section) = details
        .find(|(error, _, _): &(Error, _, _)| error.id() == id)
        .unwrap_or(if id == Error::OutOfMemory.id() {
            let text = "there is no memory for buffers of this size";
            (Error::OutOfMemory, text, "WebSocketCreateClientHandle")
        } else {
            let text = "the random source gave no bytes";
            (Error::RandomUnavailable, text, "RFC 6455 §10.3")
        });
    let status = error.close_status().map_or(0, u16::from);
    vec![
        error.code().as_str().into(),
        error.hresult().cast_unsigned().into(),
        status.into(),
        text.into(),
        section.into(),
    ]
}
