//! A `Connection`, whatever its bytes, chunks and calls are, against a `Session` that gets the bytes at once; and what
//! it transmits against a `Session` of the peer.

use std::collections::VecDeque;
use std::time::Duration;

use websocket_component::deflate::DeflateOptions;
use websocket_component::handshake::accept;
use websocket_component::http::HttpHeader;
use websocket_component::{
    BufferType, ClientHandshake, ClientOptions, CloseStatus, Connection, DeflateSettings, Delivery, Event, Failure,
    Limits, MessageKind, RandomSource, RandomUnavailable, Received, Role, ServerHandshake, ServerOptions, Session,
    SessionOptions, Violation,
};

const LIMITS: Limits = {
    let mut limits = Limits::NONE;
    limits.max_frame_size = 2000;
    limits.max_message_size = 3000;
    limits.max_fragments = 20;
    limits
};

/// What comes out, but for how it ends.
#[derive(Debug, PartialEq, Eq)]
enum Item {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
}

#[derive(Debug, PartialEq, Eq)]
enum End {
    Closed(CloseStatus, String),
    Violation(Violation),
    Eof,
}

/// The first byte is the role, whether compression was agreed, and how messages are delivered; the second begins the
/// numbers that chunks and calls are made of; the rest is what the peer sends.
pub fn connection(data: &[u8]) {
    let [flags, seed, stream @ ..] = data else { return };
    let role = if flags & 1 == 0 { Role::Server } else { Role::Client };
    let is_compressed = flags & 2 != 0;
    let in_pieces = flags & 4 != 0;
    let (items, end) = truth(session(role, is_compressed), stream);
    let mut run = Run::new(connect(role, is_compressed, in_pieces), u32::from(*seed));
    run.feed(stream);
    assert_eq!(run.items, items);
    assert_eq!(run.end, Some(end));
    run.check_output(role, &items, is_compressed);
}

/// All of the stream at once, by a session.
fn truth(mut session: Session, stream: &[u8]) -> (Vec<Item>, End) {
    let (mut items, mut message, mut unread) = (Vec::new(), Vec::new(), stream.to_vec());
    let mut at = 0;
    loop {
        let step = match session.receive(&mut unread[at..]) {
            Ok(step) => step,
            Err(violation) => return (items, End::Violation(violation)),
        };
        let bytes = &unread[at..];
        match step.received {
            Received::NeedMore => return (items, End::Eof),
            Received::Data {
                buffer_type, payload, ..
            } => collect(&mut items, &mut message, buffer_type, &bytes[payload]),
            Received::Inflated {
                buffer_type, payload, ..
            } => collect(&mut items, &mut message, buffer_type, &session.inflated()[payload]),
            Received::Ping(payload) => items.push(Item::Ping(bytes[payload].to_vec())),
            Received::Pong(payload) => items.push(Item::Pong(bytes[payload].to_vec())),
            Received::Close { status, reason } => return (items, End::Closed(status, text(&bytes[reason]))),
        }
        at += step.consumed;
    }
}

fn collect(items: &mut Vec<Item>, message: &mut Vec<u8>, buffer_type: BufferType, part: &[u8]) {
    message.extend_from_slice(part);
    match buffer_type {
        BufferType::Utf8Message => items.push(Item::Text(text(&std::mem::take(message)))),
        BufferType::BinaryMessage => items.push(Item::Binary(std::mem::take(message))),
        _ => {}
    }
}

fn text(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).expect("it is checked").to_owned()
}

/// One connection, and the calls of its application.
struct Run {
    connection: Connection,
    random: u32,
    in_pieces: bool,
    items: Vec<Item>,
    end: Option<End>,
    message: Vec<u8>,
    sent: VecDeque<Item>,
    output: Vec<u8>,
    now: Duration,
}

impl Run {
    fn new((connection, in_pieces): (Connection, bool), seed: u32) -> Self {
        Self {
            connection,
            random: seed * 2 + 1,
            in_pieces,
            items: Vec::new(),
            end: None,
            message: Vec::new(),
            sent: VecDeque::new(),
            output: Vec::new(),
            now: Duration::ZERO,
        }
    }

    fn below(&mut self, bound: usize) -> usize {
        self.random = self.random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.random >> 12) as usize % bound
    }

    fn feed(&mut self, stream: &[u8]) {
        let mut left = stream;
        while !left.is_empty() {
            let most = [1, 7, 150, 4096][self.below(4)];
            let (chunk, rest) = left.split_at(left.len().min(1 + self.below(most)));
            left = rest;
            match self.below(3) {
                0 => self.connection.receive(chunk, self.now),
                1 => self.connection.receive(chunk.to_vec(), self.now),
                _ => {
                    let mut chunk = chunk;
                    while !chunk.is_empty() {
                        let room = self.connection.read_buffer();
                        let count = room.len().min(chunk.len());
                        room[..count].copy_from_slice(&chunk[..count]);
                        self.connection.received(count, self.now);
                        chunk = &chunk[count..];
                    }
                }
            }
            // events may wait while more comes
            if self.below(4) > 0 {
                self.take_events();
            }
            self.act();
        }
        self.take_events();
        self.transmit(usize::MAX);
        self.connection.eof();
        self.take_events();
        assert!(self.connection.is_finished() || self.end != Some(End::Eof));
        assert_eq!(self.connection.next_event(), None);
    }

    fn take_events(&mut self) {
        loop {
            let event = if self.below(2) == 0 {
                self.connection.next_event().map(Event::into_owned)
            } else {
                self.connection.next_owned_event()
            };
            let Some(event) = event else { return };
            assert_eq!(self.end, None, "an event after the last: {event:?}");
            match event {
                Event::Text(text) => self.items.push(Item::Text(text.into_owned())),
                Event::Binary(bytes) => self.items.push(Item::Binary(bytes.into_owned())),
                Event::Piece(piece) => {
                    assert!(self.in_pieces && (!piece.first || self.message.is_empty()));
                    self.message.extend_from_slice(&piece.payload);
                    if piece.last {
                        let message = std::mem::take(&mut self.message);
                        self.items.push(match piece.kind {
                            MessageKind::Text => Item::Text(text(&message)),
                            MessageKind::Binary => Item::Binary(message),
                        });
                    }
                }
                Event::Ping(payload) => self.items.push(Item::Ping(payload.into_owned())),
                Event::Pong(payload) => self.items.push(Item::Pong(payload.into_owned())),
                Event::Closed { status, reason } => self.end = Some(End::Closed(status, reason.into_owned())),
                Event::Failed(Failure::Violation(violation)) => self.end = Some(End::Violation(violation)),
                Event::Failed(Failure::Eof) => self.end = Some(End::Eof),
                event => panic!("{event:?}"),
            }
        }
    }

    /// Something that an application does.
    fn act(&mut self) {
        let length = [0, 5, 200, 5000][self.below(4)];
        match self.below(8) {
            0 => {
                let text = "ä".repeat(length);
                let result = match self.below(3) {
                    0 => self.connection.send_text(text.as_str()),
                    1 => self.connection.send_text(text.clone()),
                    _ => self.connection.send_shared_text(text.clone()),
                };
                if result.is_ok() {
                    self.sent.push_back(Item::Text(text));
                }
            }
            1 => {
                let bytes = vec![7; length];
                let result = match self.below(3) {
                    0 => self.connection.send_binary(&bytes),
                    1 => self.connection.send_binary(bytes.clone()),
                    _ => self.connection.send_shared_binary(bytes.clone()),
                };
                if result.is_ok() {
                    self.sent.push_back(Item::Binary(bytes));
                }
            }
            2 => {
                if self.connection.send_text_part("a", false).is_ok() {
                    // a control frame between, in which nothing else may be
                    let _ = self.connection.ping(b"between");
                    if self.connection.send_text_part("b", true).is_ok() {
                        self.sent.push_back(Item::Text("ab".to_owned()));
                    }
                }
            }
            3 => self.connection.release(),
            4 => {
                self.now += Duration::from_secs(1);
                self.connection.handle_timeout(self.now);
            }
            _ => {
                let most = 1 + self.below(300);
                self.transmit(most);
            }
        }
    }

    fn transmit(&mut self, mut most: usize) {
        while most > 0 && self.connection.wants_write() {
            let count = self.connection.transmit().len().min(most);
            assert!(count > 0, "there is something to write");
            self.output.extend_from_slice(&self.connection.transmit()[..count]);
            self.connection.consumed(count);
            most -= count;
        }
    }

    /// Checks that the transmitted bytes are what the peer may be sent: all messages, a pong for each ping unless later
    /// ones came, and the close that the end asks for, last.
    fn check_output(mut self, role: Role, items: &[Item], is_compressed: bool) {
        let peer = match role {
            Role::Client => Role::Server,
            Role::Server => Role::Client,
        };
        let (all, end) = truth(session_with(peer, is_compressed, Limits::NONE), &self.output);
        let mut pings = items.iter().filter_map(|item| match item {
            Item::Ping(payload) => Some(payload),
            _ => None,
        });
        for item in all {
            match item {
                Item::Pong(payload) => assert!(pings.any(|ping| *ping == payload), "a pong to no ping"),
                Item::Ping(_) => {}
                message => assert_eq!(Some(message), self.sent.pop_front()),
            }
        }
        assert!(self.sent.is_empty(), "all that was accepted is transmitted");
        let expected = match self.end {
            Some(End::Closed(status, _)) => End::Closed(status, String::new()),
            Some(End::Violation(violation)) => End::Closed(violation.close_status(), String::new()),
            _ => End::Eof,
        };
        assert_eq!(end, expected);
    }
}

fn session(role: Role, is_compressed: bool) -> Session {
    session_with(role, is_compressed, LIMITS)
}

fn session_with(role: Role, is_compressed: bool, limits: Limits) -> Session {
    if !is_compressed {
        let mut options = SessionOptions::default();
        options.limits = limits;
        return Session::with_random(role, options, Box::new(Counting(0)));
    }
    let mut session = match role {
        Role::Client => client(Delivery::Messages).into_session(),
        Role::Server => {
            let mut handshake = server(Delivery::Messages);
            handshake.consumed(usize::MAX);
            handshake.into_session()
        }
    }
    .expect("the handshake is done")
    .0;
    session.set_limits(limits);
    session
}

fn connect(role: Role, is_compressed: bool, in_pieces: bool) -> (Connection, bool) {
    let delivery = if in_pieces {
        Delivery::Pieces
    } else {
        Delivery::Messages
    };
    if is_compressed {
        let connection = match role {
            Role::Client => client(delivery).into_connection(),
            Role::Server => {
                let mut handshake = server(delivery);
                handshake.consumed(usize::MAX);
                handshake.into_connection()
            }
        };
        return (connection.expect("the handshake is done"), in_pieces);
    }
    let config = client_options(delivery).connection;
    (Connection::with_random(role, config, Box::new(Counting(0))), in_pieces)
}

fn client_options(delivery: Delivery) -> ClientOptions {
    let mut options = ClientOptions::default();
    options.deflate = Some((DeflateOptions::default(), DeflateSettings::default()));
    (options.connection.limits, options.connection.delivery) = (LIMITS, delivery);
    // time is passed, and nothing may end by it
    (options.connection.keep_alive, options.connection.message_timeout) = (None, None);
    options.connection.close_timeout = None;
    options
}

fn client(delivery: Delivery) -> ClientHandshake {
    let mut handshake = ClientHandshake::with_random("a", "/", client_options(delivery), Box::new(Counting(0)))
        .expect("it is in order");
    let key = handshake.headers()[2].value.to_vec();
    let accept = accept(&key);
    let response = [
        HttpHeader::new("Upgrade", "websocket"),
        HttpHeader::new("Connection", "Upgrade"),
        HttpHeader::new("Sec-WebSocket-Accept", &accept),
        HttpHeader::new("Sec-WebSocket-Extensions", "permessage-deflate"),
    ];
    handshake.receive_response(101, &response).expect("it is the answer");
    handshake
}

fn server(delivery: Delivery) -> ServerHandshake {
    let mut options = ServerOptions::default();
    options.connection = client_options(delivery).connection;
    // as the response above
    let takeover = DeflateOptions {
        server_no_context_takeover: false,
        client_no_context_takeover: false,
        ..DeflateOptions::default()
    };
    options.deflate = Some((takeover, DeflateSettings::default()));
    let mut handshake = ServerHandshake::with_options(options);
    let request = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                    Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
    assert_eq!(handshake.receive(request, Duration::ZERO), Ok(true));
    handshake.accept(None, &[]).expect("it waits");
    handshake
}

/// Gives 0, 1, 2, …
struct Counting(u8);

impl RandomSource for Counting {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomUnavailable> {
        for byte in bytes {
            *byte = self.0;
            self.0 = self.0.wrapping_add(1);
        }
        Ok(())
    }
}
