//! What each fuzz target does with its bytes. A panic is a finding.

mod compression;
mod connection;
mod differential;
mod inspect;

pub use compression::{inflate, negotiate, roundtrip};
pub use connection::connection;
pub use differential::differential;
pub use inspect::inspect;

use websocket_component::handshake::offered_subprotocols;
use websocket_component::http::{RequestHead, ResponseHead, extensions as parse_extensions, write_request};
use websocket_component::{
    Action, ActionContext, ActionQueue, Buffer, BufferType, CloseStatus, Handle, HttpHeader, Limits, Property,
    Received, Role, Session, SessionOptions, State, Violation,
};

/// A target's name, and what it does.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 11] = [
    ("server", server),
    ("client", client),
    ("handshake", handshake),
    ("extensions", extensions),
    ("calls", calls),
    ("differential", differential),
    ("inflate", inflate),
    ("negotiate", negotiate),
    ("roundtrip", roundtrip),
    ("inspect", inspect),
    ("connection", connection),
];

/// Bytes from a client: the first byte says how the rest is split.
pub fn server(data: &[u8]) {
    bytes(Role::Server, data);
}

/// Bytes from a server.
pub fn client(data: &[u8]) {
    bytes(Role::Client, data);
}

/// However the bytes are split, the same comes out, and never more than the limit.
fn bytes(role: Role, data: &[u8]) {
    let Some((&split, stream)) = data.split_first() else {
        return;
    };
    let whole = receive(role, stream, stream.len().max(1));
    assert_eq!(receive(role, stream, usize::from(split) + 1), whole);
    assert_eq!(receive(role, stream, 1), whole);
}

const LIMITS: Limits = {
    let mut limits = Limits::NONE;
    limits.max_frame_size = 2000;
    limits.max_message_size = 3000;
    limits.max_fragments = 20;
    limits
};

/// What comes out of a session: messages put together, and control frames, each with a number for its kind.
type Outcome = (Vec<(u32, Vec<u8>)>, Option<Violation>);

fn receive(role: Role, stream: &[u8], size: usize) -> Outcome {
    let mut session = Session::new(role, {
        let mut options = SessionOptions::default();
        options.limits = LIMITS;
        options
    });
    let (mut all, mut message, mut unread) = (Vec::new(), Vec::new(), Vec::new());
    for chunk in stream.chunks(size) {
        unread.extend_from_slice(chunk);
        loop {
            let step = match session.receive(&mut unread) {
                Ok(step) => step,
                Err(violation) => {
                    assert_eq!(session.receive(&mut unread), Err(violation), "the same for ever");
                    return (all, Some(violation));
                }
            };
            let more = step.received == Received::NeedMore;
            match step.received {
                Received::NeedMore => {}
                Received::Inflated { .. } => unreachable!("permessage-deflate was not agreed"),
                Received::Data {
                    buffer_type,
                    payload,
                    ascii,
                    ..
                } => {
                    let is_text = matches!(buffer_type, BufferType::Utf8Message | BufferType::Utf8Fragment);
                    assert_eq!(ascii, is_text && unread[payload.clone()].is_ascii());
                    message.extend_from_slice(&unread[payload]);
                    assert!(message.len() as u64 <= LIMITS.max_message_size);
                    if buffer_type.is_final() {
                        assert!(buffer_type != BufferType::Utf8Message || std::str::from_utf8(&message).is_ok());
                        all.push((buffer_type.value(), std::mem::take(&mut message)));
                    }
                }
                Received::Ping(payload) => all.push((9, unread[payload].to_vec())),
                Received::Pong(payload) => all.push((10, unread[payload].to_vec())),
                Received::Close { status, reason } => {
                    assert!(status == CloseStatus::EMPTY || status.is_valid_on_wire());
                    assert!(std::str::from_utf8(&unread[reason.clone()]).is_ok());
                    all.push((u32::from(status.0), unread[reason].to_vec()));
                }
            }
            unread.drain(..step.consumed);
            if more {
                assert!(unread.len() <= 138);
                break;
            }
        }
    }
    (all, None)
}

/// Heads, and whatever headers they have into both sides' handshakes.
pub fn handshake(data: &[u8]) {
    if let Ok(Some(request)) = RequestHead::parse(data) {
        let _ = request.check();
        let mut server = Handle::<()>::create_server(&[]).expect("no properties");
        let subprotocol = offered_subprotocols(&request.headers)
            .ok()
            .and_then(|offered| offered.first().copied());
        if let Ok(response) = server.begin_server_handshake(subprotocol, &[], &request.headers) {
            assert!(
                response
                    .iter()
                    .any(|header| header.name == "Sec-WebSocket-Accept" && header.value.len() == 28)
            );
        }
        if let Ok(written) = write_request(request.target, &request.headers) {
            let again = RequestHead::parse(&written)
                .expect("what was written is well formed")
                .expect("and whole");
            assert_eq!(again.target, request.target);
            assert_eq!(again.headers.len(), request.headers.len());
        }
    }
    if let Ok(Some(response)) = ResponseHead::parse(data) {
        let mut client = Handle::<()>::create_client(&[]).expect("no properties");
        client
            .begin_client_handshake(&["chat", "v2"], &["x; a=1"], &[])
            .expect("a valid offer");
        // the key is random, so the accept can only be wrong
        assert!(client.end_client_handshake(&response.headers).is_err());
    }
}

/// A list of extensions that is taken reads the same when it is written plainly.
pub fn extensions(data: &[u8]) {
    let Ok(parsed) = parse_extensions(&[HttpHeader::new("Sec-WebSocket-Extensions", data)]) else {
        return;
    };
    let parameter = |(name, value): &(&str, Option<String>)| match value {
        Some(value) => format!("; {name}={value}"),
        None => format!("; {name}"),
    };
    let plain: Vec<String> = parsed
        .iter()
        .map(|extension| {
            format!(
                "{}{}",
                extension.name,
                extension.parameters.iter().map(parameter).collect::<String>()
            )
        })
        .collect();
    let plain = plain.join(", ");
    assert_eq!(
        parse_extensions(&[HttpHeader::new("sec-websocket-extensions", &plain)]).as_ref(),
        Ok(&parsed)
    );
}

/// Two handles that call each other by the bytes' will: whatever is called when, every operation completes once, in
/// order, and what one sends the other takes.
pub fn calls(data: &[u8]) {
    let mut peers = [Peer::new(Role::Client), Peer::new(Role::Server)];
    let mut wires = [Vec::new(), Vec::new()];
    for (number, pair) in (0..).zip(data.chunks_exact(2)) {
        let (call, argument) = (pair[0], pair[1]);
        let side = usize::from(call & 1);
        let [to_server, to_client] = &mut wires;
        let (out, network) = if side == 0 {
            (to_server, to_client)
        } else {
            (to_client, to_server)
        };
        peers[side].call(call >> 1, argument, number, out, network);
    }
    for peer in peers {
        peer.finish();
    }
}

struct Peer {
    handle: Handle<u32>,
    queued: [Vec<u32>; 2],
    completed: [Vec<u32>; 2],
    outstanding: Vec<ActionContext>,
}

impl Peer {
    fn new(role: Role) -> Self {
        let properties = [Property::ReceiveBufferSize(256), Property::SendBufferSize(40)];
        let mut server = Handle::<u32>::create_server(&properties).expect("valid");
        let mut client = Handle::<u32>::create_client(&properties).expect("valid");
        let request = client.begin_client_handshake(&[], &[], &[]).expect("valid");
        let response = server.begin_server_handshake(None, &[], &request).expect("valid");
        client.end_client_handshake(&response).expect("valid");
        server.end_server_handshake().expect("begun");
        let handle = if role == Role::Client { client } else { server };
        Self {
            handle,
            queued: Default::default(),
            completed: Default::default(),
            outstanding: Vec::new(),
        }
    }

    fn call(&mut self, call: u8, argument: u8, number: u32, out: &mut Vec<u8>, network: &mut Vec<u8>) {
        let length = usize::from(argument);
        match call % 8 {
            0 | 1 => {
                let buffer_type = BufferType::from_value(0x8000_0000 + u32::from(call >> 3) % 7).expect("seven types");
                let buffer = (buffer_type != BufferType::Close).then(|| Buffer::Data(vec![argument & 0x7F; length]));
                if self.handle.send(buffer_type, buffer, number).is_ok() {
                    self.queued[0].push(number);
                }
            }
            2 | 3 => {
                if self
                    .handle
                    .receive((argument > 128).then(|| vec![0; length]), number)
                    .is_ok()
                {
                    self.queued[1].push(number);
                }
            }
            4 if argument == 7 => self.handle.abort(),
            4 if !self.outstanding.is_empty() => {
                let context = self.outstanding.remove(length % self.outstanding.len());
                if self.handle.complete_action(context, length).is_err() {
                    self.handle
                        .complete_action(context, 0)
                        .expect("no bytes are not too many");
                }
            }
            _ => self.act(argument, out, network),
        }
    }

    /// Takes an action, and completes it in full, in part, or later.
    fn act(&mut self, argument: u8, out: &mut Vec<u8>, network: &mut Vec<u8>) {
        let queue = [ActionQueue::Send, ActionQueue::Receive, ActionQueue::All][usize::from(argument) % 3];
        let slots = 1 + usize::from(argument >> 6) % 2;
        let Ok(action) = self.handle.get_action_with_slots(queue, slots) else {
            return;
        };
        let Some(context) = action.action_context() else { return };
        let late = argument & 0x20 != 0;
        let bytes = match action {
            Action::SendToNetwork { buffers, .. } if !late => {
                assert!(slots == 2 || buffers[1].is_empty());
                out.extend(buffers.concat());
                buffers[0].len() + buffers[1].len()
            }
            Action::ReceiveFromNetwork { buffer, .. } if !late => {
                let read = buffer.len().min(network.len()).min(1 + usize::from(argument));
                buffer[..read].copy_from_slice(&network[..read]);
                network.drain(..read);
                read
            }
            Action::IndicateSendComplete {
                application_context, ..
            } => {
                self.completed[0].push(*application_context);
                0
            }
            Action::IndicateReceiveComplete {
                application_context, ..
            } => {
                self.completed[1].push(*application_context);
                0
            }
            _ => return self.outstanding.push(context),
        };
        let completed = self
            .handle
            .complete_action(context, bytes)
            .expect("as many as there are");
        if let Some(completed) = completed {
            assert!(
                self.completed
                    .iter()
                    .any(|all| all.last() == Some(&completed.application_context))
            );
        }
    }

    fn finish(mut self) {
        self.handle.abort();
        assert_eq!(self.handle.state(), State::Aborted);
        for context in std::mem::take(&mut self.outstanding) {
            self.handle
                .complete_action(context, 0)
                .expect("no bytes are not too many");
        }
        for _ in 0..=self.queued.iter().map(Vec::len).sum() {
            self.act(2, &mut Vec::new(), &mut Vec::new());
        }
        assert_eq!(self.handle.get_action(ActionQueue::All), Ok(Action::NoAction));
        assert_eq!(self.completed, self.queued);
    }
}
