//! Helpers of the integration tests: bytes in hexadecimal, a known masking key, open handles, and the loops that
//! drive them.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a wrong test panics"
)]

pub mod vectors;

use websocket_component::{
    Action, ActionQueue, BufferType, CloseStatus, Error, Handle, HttpHeader, Property, RandomSource, RandomUnavailable,
    ReceivedBuffer, Role,
};

/// The key of RFC 6455 §5.7's examples.
pub const KEY: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

/// Gives the same four bytes for ever.
pub struct FixedRandom(pub [u8; 4]);

impl RandomSource for FixedRandom {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomUnavailable> {
        for (byte, fixed) in bytes.iter_mut().zip(self.0.into_iter().cycle()) {
            *byte = fixed;
        }
        Ok(())
    }
}

/// The bytes of hexadecimal digits, blanks between them ignored.
pub fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    assert!(digits.len().is_multiple_of(2), "an odd number of digits");
    let nibble = |digit: u8| char::from(digit).to_digit(16).expect("a hexadecimal digit") as u8;
    digits
        .chunks(2)
        .map(|pair| nibble(pair[0]) << 4 | nibble(pair[1]))
        .collect()
}

/// A frame as a client sends it, with [`KEY`]; `first` is its first byte.
pub fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = header(first, 0x80, payload.len());
    frame.extend(KEY);
    frame.extend(payload.iter().enumerate().map(|(i, byte)| byte ^ KEY[i % 4]));
    frame
}

/// A frame as a server sends it.
pub fn unmasked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = header(first, 0, payload.len());
    frame.extend(payload);
    frame
}

fn header(first: u8, mask: u8, length: usize) -> Vec<u8> {
    let mut header = vec![first];
    match length {
        0..=125 => header.push(mask | length as u8),
        126..=0xFFFF => {
            header.push(mask | 126);
            header.extend((length as u16).to_be_bytes());
        }
        _ => {
            header.push(mask | 127);
            header.extend((length as u64).to_be_bytes());
        }
    }
    header
}

/// The frame that the peer of `role` would send.
pub fn frame_to(role: Role, first: u8, payload: &[u8]) -> Vec<u8> {
    match role {
        Role::Client => unmasked(first, payload),
        Role::Server => masked(first, payload),
    }
}

/// A client's handle whose handshake is done, and whose masking key is always [`KEY`].
pub fn open_client(properties: Vec<Property>) -> Handle<u32> {
    let mut client = Handle::create(Role::Client, properties, Box::new(FixedRandom(KEY))).unwrap();
    let mut server = Handle::<u32>::create_server(&[]).unwrap();
    let request = client.begin_client_handshake(&[], &[], &[]).unwrap();
    let response = server.begin_server_handshake(None, &[], &request).unwrap();
    client.end_client_handshake(&response).unwrap();
    client
}

/// A server's handle whose handshake is done.
pub fn open_server(properties: Vec<Property>) -> Handle<u32> {
    let mut server = Handle::create(Role::Server, properties, Box::new(FixedRandom(KEY))).unwrap();
    server
        .begin_server_handshake(None, &[], &server_request("dGhlIHNhbXBsZSBub25jZQ=="))
        .unwrap();
    server.end_server_handshake().unwrap();
    server
}

/// An open handle of either role.
pub fn open(role: Role, properties: Vec<Property>) -> Handle<u32> {
    match role {
        Role::Client => open_client(properties),
        Role::Server => open_server(properties),
    }
}

/// A request's headers with this key.
pub fn server_request(key: &str) -> Vec<HttpHeader<'_>> {
    vec![
        HttpHeader::new("Host", "example.com"),
        HttpHeader::new("Connection", "Upgrade"),
        HttpHeader::new("Upgrade", "websocket"),
        HttpHeader::new("Sec-WebSocket-Version", "13"),
        HttpHeader::new("Sec-WebSocket-Key", key),
    ]
}

/// What an action was, with its bytes copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    Sent(BufferType, Vec<u8>, Option<u32>),
    SendComplete(BufferType, u32),
    Received(BufferType, Vec<u8>, u32),
    Closed(CloseStatus, Vec<u8>, u32),
    Cancelled(u32),
    /// The network has nothing: the read stays outstanding.
    Reading,
}

/// Takes one action, whole; reads come from the front of `network`, at most `read_size` bytes each.
pub fn act(
    handle: &mut Handle<u32>,
    queue: ActionQueue,
    network: &mut Vec<u8>,
    read_size: usize,
) -> Result<Option<Done>, Error> {
    let action = handle.get_action(queue)?;
    let Some(context) = action.action_context() else {
        return Ok(None);
    };
    let (done, bytes) = match action {
        Action::NoAction => unreachable!("it has no context"),
        Action::SendToNetwork {
            buffers,
            buffer_type,
            application_context,
            ..
        } => {
            let bytes = buffers.concat();
            let length = bytes.len();
            (Done::Sent(buffer_type, bytes, application_context.copied()), length)
        }
        Action::IndicateSendComplete {
            buffer_type,
            application_context,
            ..
        } => (Done::SendComplete(buffer_type, *application_context), 0),
        Action::ReceiveFromNetwork { buffer, .. } => {
            assert!(!buffer.is_empty(), "a read always has room");
            let read = network.len().min(buffer.len()).min(read_size);
            if read == 0 {
                return Ok(Some(Done::Reading));
            }
            buffer[..read].copy_from_slice(&network[..read]);
            network.drain(..read);
            (Done::Reading, read)
        }
        Action::IndicateReceiveComplete {
            buffer,
            application_context,
            ..
        } => {
            let context = *application_context;
            let done = match buffer {
                ReceivedBuffer::Cancelled => Done::Cancelled(context),
                ReceivedBuffer::Data { buffer_type, data } => Done::Received(buffer_type, data.to_vec(), context),
                ReceivedBuffer::CloseStatus { status, reason } => Done::Closed(status, reason.to_vec(), context),
            };
            (done, 0)
        }
    };
    handle.complete_action(context, bytes).unwrap();
    Ok(Some(done))
}

/// Feeds `network` to the handle, with a receive always queued, until it is used up, the peer has closed, or the
/// handle fails. Reads are left out of the result.
pub fn feed(handle: &mut Handle<u32>, network: Vec<u8>, read_size: usize) -> (Vec<Done>, Option<Error>) {
    feed_chunks(handle, network.chunks(read_size))
}

/// The same with these chunks, none of them empty: each is read when all before it is dealt with.
pub fn feed_chunks<'a>(
    handle: &mut Handle<u32>,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Done>, Option<Error>) {
    let (mut all, mut network) = (Vec::new(), Vec::new());
    let mut chunks = chunks.into_iter();
    let mut context = 0;
    loop {
        if handle.receive(None, context).is_err() {
            return (all, None);
        }
        context += 1;
        loop {
            if network.is_empty() {
                network.extend_from_slice(chunks.next().unwrap_or_default());
            }
            let exhausted = network.is_empty();
            match act(handle, ActionQueue::Receive, &mut network, usize::MAX) {
                Ok(None) => break,
                Ok(Some(Done::Reading)) if exhausted => return (all, None),
                Ok(Some(Done::Reading)) => {}
                Ok(Some(done)) => all.push(done),
                Err(error) => return (all, Some(error)),
            }
        }
    }
}

/// Takes all actions of the send queue and returns the bytes for the network.
pub fn drain_sends(handle: &mut Handle<u32>) -> Vec<u8> {
    let mut wire = Vec::new();
    while let Some(done) = act(handle, ActionQueue::Send, &mut Vec::new(), 0).unwrap() {
        if let Done::Sent(_, bytes, _) = done {
            wire.extend(bytes);
        }
    }
    wire
}

/// What was received, with the pieces of each message put together: its last type, and its payload. Pongs that were
/// sent are left out.
pub fn messages(done: &[Done]) -> Vec<(BufferType, Vec<u8>)> {
    let mut messages = Vec::new();
    let mut message = Vec::new();
    for done in done {
        let Done::Received(buffer_type, data, _) = done else {
            continue;
        };
        match buffer_type {
            BufferType::Utf8Fragment | BufferType::BinaryFragment => message.extend(data),
            BufferType::PingPong => messages.push((*buffer_type, data.clone())),
            _ => {
                message.extend(data);
                messages.push((*buffer_type, std::mem::take(&mut message)));
            }
        }
    }
    messages
}
