//! The crate's types, and those of the interface.

use websocket_component::{BufferType, Error, HttpHeader, Limits as CrateLimits, Role as CrateRole};

use crate::bindings::exports::websocket_component::engine::protocol::{Failure, Field, Kind, Limits, Role};

pub fn failure(error: impl Into<Error>) -> Failure {
    let error = error.into();
    Failure {
        code: error.code().as_str().into(),
        hresult: error.hresult().cast_unsigned(),
        message: error.to_string(),
        close_status: error.close_status().map(u16::from),
    }
}

pub const fn role(role: Role) -> CrateRole {
    match role {
        Role::Client => CrateRole::Client,
        Role::Server => CrateRole::Server,
    }
}

pub fn limits(limits: Limits) -> CrateLimits {
    let mut all = CrateLimits::NONE;
    all.max_message_size = limits.max_message_size.unwrap_or(u64::MAX);
    all.max_frame_size = limits.max_frame_size.unwrap_or(u64::MAX);
    all.max_fragments = limits.max_fragments.unwrap_or(u64::MAX);
    all
}

pub const fn buffer_type(kind: Kind) -> BufferType {
    match kind {
        Kind::Utf8Message => BufferType::Utf8Message,
        Kind::Utf8Fragment => BufferType::Utf8Fragment,
        Kind::BinaryMessage => BufferType::BinaryMessage,
        Kind::BinaryFragment => BufferType::BinaryFragment,
    }
}

/// Of received data, which has one of these four types.
pub const fn kind(buffer_type: BufferType) -> Kind {
    match buffer_type {
        BufferType::Utf8Message => Kind::Utf8Message,
        BufferType::Utf8Fragment => Kind::Utf8Fragment,
        BufferType::BinaryFragment => Kind::BinaryFragment,
        _ => Kind::BinaryMessage,
    }
}

pub fn borrowed(fields: &[Field]) -> Vec<HttpHeader<'_>> {
    fields
        .iter()
        .map(|field| HttpHeader {
            name: &field.name,
            value: &field.value,
        })
        .collect()
}

pub fn owned(headers: &[HttpHeader<'_>]) -> Vec<Field> {
    headers
        .iter()
        .map(|header| Field {
            name: header.name.into(),
            value: header.value.into(),
        })
        .collect()
}

pub fn strings(all: &[String]) -> Vec<&str> {
    all.iter().map(String::as_str).collect()
}

/// A length or an index, which has 32 bits here.
pub fn length(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
