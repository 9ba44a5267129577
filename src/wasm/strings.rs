//! What crosses the boundary as strings, once per connection: header fields, and errors by their numbers.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

use crate::error::{Error, HandshakeError, Misuse, Violation};
use crate::http::HttpHeader;

/// Between strings that cross the boundary as one, which takes a fraction of the time that each of them would. No name,
/// value or token may have it.
const SEPARATOR: char = '\0';

/// Header fields from JavaScript, whose strings stand for bytes (Latin-1) as they do in Node.
pub struct Fields<'a> {
    fields: Vec<(&'a str, Cow<'a, [u8]>)>,
}

impl<'a> Fields<'a> {
    /// Names and values in turn: `count` strings in all.
    pub fn new(joined: &'a str, count: usize) -> Result<Self, JsValue> {
        let Some(strings) = split(joined, count) else {
            // that is not valid as a name; which error that is depends on what the fields are for
            let fields = vec![(joined, Cow::default())];
            return Ok(Self { fields });
        };
        let (pairs, []) = strings.as_chunks::<2>() else {
            return Err(thrown(Misuse::HeaderInvalid.into()));
        };
        let fields = pairs
            .iter()
            .map(|[name, value]| Some((*name, latin1(value)?)))
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

fn latin1(text: &str) -> Option<Cow<'_, [u8]>> {
    if text.is_ascii() {
        return Some(text.as_bytes().into());
    }
    text.chars().map(|character| u8::try_from(character).ok()).collect()
}

/// The strings; none if one of them has the separator.
fn split(joined: &str, count: usize) -> Option<Vec<&str>> {
    let strings: Vec<_> = joined.split(SEPARATOR).take_while(|_| count > 0).collect();
    (strings.len() == count).then_some(strings)
}

/// Strings, of which none is valid if one has the separator.
pub fn list(joined: &str, count: usize) -> Vec<&str> {
    split(joined, count).unwrap_or_else(|| vec![joined])
}

/// The strings as one.
pub fn joined(strings: &[&str]) -> String {
    strings.join("\0")
}

/// Names and values in turn, as one string.
pub fn flat(fields: &[HttpHeader<'_>]) -> String {
    let mut flat = String::new();
    for field in fields {
        if !flat.is_empty() {
            flat.push(SEPARATOR);
        }
        flat.push_str(field.name);
        flat.push(SEPARATOR);
        push_latin1(&mut flat, field.value);
    }
    flat
}

/// Fields as the lines of a head.
pub fn lines(fields: &[HttpHeader<'_>]) -> String {
    let mut lines = String::with_capacity(USUAL_HEAD);
    for field in fields {
        lines.push_str(field.name);
        lines.push_str(": ");
        push_latin1(&mut lines, field.value);
        lines.push_str("\r\n");
    }
    lines
}

/// The bytes of the lines of most answers, and more.
const USUAL_HEAD: usize = 256;

fn push_latin1(text: &mut String, bytes: &[u8]) {
    match core::str::from_utf8(bytes) {
        Ok(ascii) if ascii.is_ascii() => text.push_str(ascii),
        _ => text.extend(bytes.iter().copied().map(char::from)),
    }
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
