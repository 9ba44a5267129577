//! An echo server as a WebAssembly module that imports nothing, not even a clock: its host has the socket and the time.
//! `host.py` is a host in Python, by wasmtime.
//!
//! The host writes what it has read to [`room`] and says so by [`receive`]; it writes what is at [`transmit`] to the
//! socket, [`transmit_length`] bytes, and says how many it could by [`consumed`].
#![allow(unsafe_code, reason = "a name that is exported is unsafe since the 2024 edition")]

use std::cell::RefCell;
use std::time::Duration;

use websocket_component::{Connection, Error, Event, ServerHandshake};

thread_local! {
    static GUEST: RefCell<Guest> = RefCell::new(Guest {
        stage: Stage::Handshake(ServerHandshake::new()),
        input: Vec::new(),
    });
}

struct Guest {
    stage: Stage,
    input: Vec<u8>,
}

enum Stage {
    Handshake(ServerHandshake),
    Open(Box<Connection>),
}

/// The address of room for `length` bytes, good until the next call.
#[unsafe(no_mangle)]
pub extern "C" fn room(length: usize) -> *mut u8 {
    GUEST.with_borrow_mut(|guest| {
        guest.input.resize(length, 0);
        guest.input.as_mut_ptr()
    })
}

/// Takes the bytes in the room, which came `milliseconds` after any moment that the host chose. 0, or 1 if the
/// handshake failed: what there is to transmit is the last then.
#[unsafe(no_mangle)]
pub extern "C" fn receive(milliseconds: u64) -> i32 {
    GUEST.with_borrow_mut(|guest| guest.receive(Duration::from_millis(milliseconds)).is_err().into())
}

/// The address of bytes to transmit, good until the next call.
#[unsafe(no_mangle)]
pub extern "C" fn transmit() -> *const u8 {
    GUEST.with_borrow(|guest| guest.transmit().as_ptr())
}

/// How many there are.
#[unsafe(no_mangle)]
pub extern "C" fn transmit_length() -> usize {
    GUEST.with_borrow(|guest| guest.transmit().len())
}

/// The socket has taken this many of them.
#[unsafe(no_mangle)]
pub extern "C" fn consumed(count: usize) {
    GUEST.with_borrow_mut(|guest| match &mut guest.stage {
        Stage::Handshake(handshake) => handshake.consumed(count),
        Stage::Open(connection) => connection.consumed(count),
    });
}

/// 1 if the socket can be closed.
#[unsafe(no_mangle)]
pub extern "C" fn is_finished() -> i32 {
    GUEST.with_borrow(|guest| matches!(&guest.stage, Stage::Open(connection) if connection.is_finished()).into())
}

impl Guest {
    fn transmit(&self) -> &[u8] {
        match &self.stage {
            Stage::Handshake(handshake) => handshake.transmit(),
            Stage::Open(connection) => connection.transmit(),
        }
    }

    fn receive(&mut self, now: Duration) -> Result<(), Error> {
        match &mut self.stage {
            Stage::Handshake(handshake) => {
                if !handshake.receive(&self.input, now)? {
                    return Ok(());
                }
                handshake.accept(None, &[])?;
                let connection = std::mem::take(handshake).into_connection()?;
                self.stage = Stage::Open(Box::new(connection));
            }
            Stage::Open(connection) => connection.receive(self.input.as_slice(), now),
        }
        if let Stage::Open(connection) = &mut self.stage {
            while let Some(event) = connection.next_owned_event() {
                match event {
                    Event::Text(text) => connection.send_text(text)?,
                    Event::Binary(bytes) => connection.send_binary(bytes)?,
                    _ => {}
                }
            }
        }
        Ok(())
    }
}
