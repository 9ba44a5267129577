//! The functions as C calls them, for Miri: `cargo +nightly miri test -p websocket-component-c`. The contract itself is
//! tested in C (`contract.c`); this is about pointers that stay good while others are made.
#![allow(clippy::unwrap_used, reason = "a wrong test panics")]

use std::ffi::{c_char, c_void};
use std::ptr::{null, null_mut};

use websocket::{
    Buffer, HttpHeader, Property, S_OK, Socket, WebSocketAbortHandle, WebSocketBeginClientHandshake,
    WebSocketBeginServerHandshake, WebSocketCompleteAction, WebSocketCreateClientHandle, WebSocketCreateServerHandle,
    WebSocketDeleteHandle, WebSocketEndClientHandshake, WebSocketEndServerHandshake, WebSocketGetAction,
    WebSocketReceive, WebSocketSend,
};

const BINARY_MESSAGE: u32 = 0x8000_0002;
const NO_ACTION: i32 = 0;
const SEND: i32 = 1;
const SENT: i32 = 2;
const READ: i32 = 3;
const RECEIVED: i32 = 4;

struct Action {
    kind: i32,
    buffers: [Buffer; 2],
    count: usize,
    context: *mut c_void,
}

fn get(handle: *mut Socket, queue: i32) -> Action {
    let mut buffers = [Buffer {
        bytes: null_mut(),
        length: 0,
        status: 0,
    }; 2];
    let (mut count, mut kind, mut buffer_type, mut context) = (2, 0, 0, null_mut());
    // SAFETY: all outputs are there.
    let result = unsafe {
        WebSocketGetAction(
            handle,
            queue,
            buffers.as_mut_ptr(),
            &raw mut count,
            &raw mut kind,
            &raw mut buffer_type,
            null_mut(),
            &raw mut context,
        )
    };
    assert_eq!(result, S_OK);
    Action {
        kind,
        buffers,
        count: count as usize,
        context,
    }
}

fn header(name: &str, value: &str) -> HttpHeader {
    HttpHeader {
        name: name.as_ptr().cast::<c_char>(),
        name_length: name.len().try_into().unwrap(),
        value: value.as_ptr().cast::<c_char>(),
        value_length: value.len().try_into().unwrap(),
    }
}

fn server_in(memory: *mut [u8]) -> *mut Socket {
    let request = [
        header("Connection", "Upgrade"),
        header("Upgrade", "websocket"),
        header("Sec-WebSocket-Version", "13"),
        header("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="),
    ];
    let (mut size, mut start) = (256_u32, memory.cast::<u8>());
    let properties = [
        Property {
            kind: 0,
            value: (&raw mut size).cast(),
            size: 4,
        },
        Property {
            kind: 3,
            value: (&raw mut start).cast(),
            size: memory.len().try_into().unwrap(),
        },
    ];
    let (mut handle, mut response, mut count) = (null_mut(), null_mut(), 0);
    // SAFETY: the arrays have as many elements as they say; the memory outlives the handle.
    unsafe {
        assert_eq!(
            WebSocketCreateServerHandle(properties.as_ptr(), 2, &raw mut handle),
            S_OK
        );
        let begun = WebSocketBeginServerHandshake(
            handle,
            null(),
            null(),
            0,
            request.as_ptr(),
            4,
            &raw mut response,
            &raw mut count,
        );
        assert_eq!(begun, S_OK);
        assert_eq!(*(*response).name.cast::<u8>(), b'U');
        assert_eq!(WebSocketEndServerHandshake(handle), S_OK);
    }
    handle
}

#[test]
fn a_read_goes_on_while_a_message_is_sent() {
    let memory = Box::into_raw(vec![0_u8; 256 + 16 + 144].into_boxed_slice());
    let handle = server_in(memory);
    let mut payload = *b"the application's own";
    let sent = Buffer {
        bytes: payload.as_mut_ptr(),
        length: 21,
        status: 0,
    };
    // SAFETY: the pointers are those that the handle gave for this.
    unsafe {
        assert_eq!(WebSocketReceive(handle, null(), null_mut()), S_OK);
        let read = get(handle, 2);
        assert_eq!(read.kind, READ);
        let frame = [0x82, 0x83, 0, 0, 0, 0, b'a', b'b', b'c'];
        for (offset, byte) in frame[..5].iter().enumerate() {
            read.buffers[0].bytes.add(offset).write(*byte);
        }
        assert_eq!(WebSocketSend(handle, BINARY_MESSAGE, &raw const sent, null_mut()), S_OK);
        let write = get(handle, 1);
        assert_eq!((write.kind, write.count), (SEND, 2));
        for (offset, byte) in frame.iter().enumerate().skip(5) {
            read.buffers[0].bytes.add(offset).write(*byte);
        }
        WebSocketCompleteAction(handle, read.context, 9);
        let received = get(handle, 2);
        assert_eq!(received.kind, RECEIVED);
        assert_eq!(write.buffers[0].bytes.read(), 0x82);
        assert_eq!(write.buffers[1].bytes.read(), b't');
        WebSocketCompleteAction(handle, write.context, 23);
        assert_eq!(received.buffers[0].bytes.add(2).read(), b'c');
        let done = get(handle, 1);
        assert_eq!(done.kind, SENT);
        WebSocketCompleteAction(handle, done.context, 0);
        WebSocketCompleteAction(handle, received.context, 0);
        assert_eq!(get(handle, 3).kind, NO_ACTION);
        WebSocketDeleteHandle(handle);
        drop(Box::from_raw(memory));
    }
}

#[test]
fn a_receive_fills_the_applications_buffer_and_a_deleted_handle_frees_its_own() {
    let (mut client, mut headers, mut count) = (null_mut(), null_mut(), 0);
    let mut room = [0_u8; 4];
    let into = Buffer {
        bytes: room.as_mut_ptr(),
        length: 4,
        status: 0,
    };
    // SAFETY: as above.
    unsafe {
        assert_eq!(WebSocketCreateClientHandle(null(), 0, &raw mut client), S_OK);
        let begun = WebSocketBeginClientHandshake(
            client,
            null(),
            0,
            null(),
            0,
            null(),
            0,
            &raw mut headers,
            &raw mut count,
        );
        assert_eq!(begun, S_OK);
        let added = std::slice::from_raw_parts(headers, count as usize);
        let value_of = |header: &HttpHeader| {
            std::slice::from_raw_parts(header.value.cast::<u8>(), header.value_length as usize).to_vec()
        };
        let key = added
            .iter()
            .find(|header| header.name_length == 17)
            .map(value_of)
            .unwrap();
        let accept = websocket_component::handshake::accept(&key);
        let response = [
            header("Upgrade", "websocket"),
            header("Connection", "Upgrade"),
            header("Sec-WebSocket-Accept", &accept),
        ];
        let ended = WebSocketEndClientHandshake(client, response.as_ptr(), 3, null_mut(), null_mut(), null_mut());
        assert_eq!(ended, S_OK);
        assert_eq!(WebSocketReceive(client, &raw const into, null_mut()), S_OK);
        let read = get(client, 3);
        for (offset, byte) in [0x82, 4, 1, 2, 3, 4].into_iter().enumerate() {
            read.buffers[0].bytes.add(offset).write(byte);
        }
        WebSocketCompleteAction(client, read.context, 6);
        let received = get(client, 3);
        assert_eq!(received.buffers[0].bytes, into.bytes);
        assert_eq!(received.buffers[0].bytes.add(3).read(), 4);
        WebSocketCompleteAction(client, received.context, 0);
        assert_eq!(WebSocketReceive(client, null(), null_mut()), S_OK);
        WebSocketAbortHandle(client);
        WebSocketDeleteHandle(client); // with a receive that is queued
    }
    assert_eq!(room, [1, 2, 3, 4]);
}
