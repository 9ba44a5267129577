//! The engine behind the interface of `wit/`.
#![allow(missing_docs, reason = "the interface is documented in wit/world.wit")]

mod convert;
mod handle;
mod random;
mod session;

mod bindings {
    #![allow(clippy::all, reason = "generated")]
    wit_bindgen::generate!({ path: "wit", world: "websocket-engine", generate_all });

    use super::Engine;
    export!(Engine);
}

use websocket_component::http;

use bindings::exports::websocket_component::engine::protocol::{Failure, Field, Guest, RequestHead, ResponseHead};
use convert::{borrowed, failure, length, owned};

struct Engine;

impl Guest for Engine {
    type Session = session::Session;
    type Handle = handle::Handle;

    fn parse_request(bytes: Vec<u8>) -> Result<Option<RequestHead>, Failure> {
        let Some(head) = http::RequestHead::parse(&bytes).map_err(failure)? else {
            return Ok(None);
        };
        head.check().map_err(failure)?;
        Ok(Some(RequestHead {
            length: length(head.length),
            target: head.target.into(),
            fields: owned(&head.headers),
        }))
    }

    fn parse_response(bytes: Vec<u8>) -> Result<Option<ResponseHead>, Failure> {
        let head = http::ResponseHead::parse(&bytes).map_err(failure)?;
        Ok(head.map(|head| ResponseHead {
            length: length(head.length),
            status: head.status,
            fields: owned(&head.headers),
        }))
    }

    fn write_request(target: String, fields: Vec<Field>) -> Result<Vec<u8>, Failure> {
        http::write_request(&target, &borrowed(&fields)).map_err(failure)
    }

    fn write_response(status: u16, reason: String, fields: Vec<Field>) -> Result<Vec<u8>, Failure> {
        http::write_response(status, &reason, &borrowed(&fields)).map_err(failure)
    }
}
