//! The handshake at its limits: sizes and counts, control bytes, and what must not go out.
#![cfg(not(all(target_arch = "wasm32", target_os = "unknown")))]
#![allow(clippy::unwrap_used, reason = "a wrong test panics")]

use websocket_component::http::{RequestHead, write_request, write_response};
use websocket_component::{Handle, HandshakeError, HttpHeader, Misuse};

/// The head of a request with these bytes among its fields.
fn request(fields: &[u8]) -> Vec<u8> {
    [b"GET / HTTP/1.1\r\nHost: a\r\n", fields, b"\r\n"].concat()
}

#[test]
fn a_head_has_16_kib_at_most() {
    let of_length = |length: usize| {
        let filler = "a".repeat(length - request(b"X: \r\n").len());
        request(format!("X: {filler}\r\n").as_bytes())
    };
    let head = of_length(16 * 1024);
    assert_eq!(RequestHead::parse(&head).unwrap().unwrap().length, 16 * 1024);
    assert_eq!(RequestHead::parse(&head[..head.len() - 1]), Ok(None));
    assert_eq!(
        RequestHead::parse(&of_length(16 * 1024 + 1)),
        Err(HandshakeError::HeadTooLarge)
    );
}

#[test]
fn a_head_has_as_many_fields_as_its_bytes_allow() {
    let head = |count: usize| request(&b"X:\r\n".repeat(count - 1)); // and Host
    for count in [256, 257, 4000] {
        assert_eq!(RequestHead::parse(&head(count)).unwrap().unwrap().headers.len(), count);
    }
    assert_eq!(RequestHead::parse(&head(4096)), Err(HandshakeError::HeadTooLarge));
}

#[test]
fn a_field_value_has_no_control_byte_but_a_tab_written_or_read() {
    for byte in 0..=255_u8 {
        let allowed = byte == b'\t' || (byte >= b' ' && byte != 0x7F);
        let value = [b'a', byte, b'c'];
        let field = [HttpHeader {
            name: "X",
            value: &value,
        }];
        assert_eq!(write_request("/", &field).is_ok(), allowed, "request, {byte:#04x}");
        assert_eq!(
            write_response(101, "OK", &field).is_ok(),
            allowed,
            "response, {byte:#04x}"
        );
        let head = request(&[b"X: ".as_slice(), &value, b"\r\n"].concat());
        assert_eq!(RequestHead::parse(&head).is_ok(), allowed, "parse, {byte:#04x}");
    }
}

/// RFC 6455 §3: no fragments; §9.1: an argument is one extension and no list.
#[test]
fn what_would_go_out_malformed_is_a_misuse() {
    assert_eq!(write_request("/a#b", &[]), Err(Misuse::TargetInvalid));
    for argument in ["a,", ",a", ","] {
        let mut client = Handle::<u32>::create_client(&[]).unwrap();
        assert_eq!(
            client.begin_client_handshake(&[], &[argument], &[]),
            Err(Misuse::ExtensionMalformed.into()),
            "{argument}"
        );
    }
}
