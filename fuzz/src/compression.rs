//! permessage-deflate (RFC 7692): what is received, what is agreed on, and what comes back of what was sent. The other
//! decompressor is miniz_oxide, byte by byte, beside a model of the rules about frames.

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};
use websocket_component::deflate::{self, Agreement, DeflateOptions};
use websocket_component::handshake::accept;
use websocket_component::http::{Extension, extensions};
use websocket_component::{
    BufferType, CloseStatus, DeflateSettings, Handle, HttpHeader, Limits, Received, Role, Session, SessionOptions,
    Violation,
};

/// Frames whose payloads are arbitrary: two bytes say the role, what was agreed, and the limits, one how the stream is
/// split, and the rest is [frames](Frames).
pub fn inflate(data: &[u8]) {
    let Some((&[first, windows, split], frames)) = data.split_first_chunk() else {
        return;
    };
    let setting = Setting::new(first, windows);
    let frames: Vec<_> = Frames(frames).collect();
    let stream = stream(setting.role, &frames);
    let bytewise = receive(&mut setting.session(), &stream, 1, &setting.limits);
    let chunk = (usize::from(split) + 1).pow(2);
    for chunk in [chunk, stream.len().max(1)] {
        let outcome = receive(&mut setting.session(), &stream, chunk, &setting.limits);
        assert_eq!(outcome, bytewise, "in chunks, and byte by byte");
    }
    let expected = expected(&setting, &frames);
    if !is_refused_sooner(&setting, &frames, &bytewise, &expected) {
        assert_eq!(bytewise, expected, "ours, and the model's");
    }
}

/// Messages put together, and control frames, by opcode; and what ended them. A close has its status before its reason.
type Outcome = (Vec<(u8, Vec<u8>)>, Option<Violation>);

/// Difference 3. Of a dynamic block's header that is wrong, each has parts that it judges sooner than the other:
/// miniz_oxide that there is no code for the codes' lengths, zlib-rs that there are too many codes, or none for the
/// block's end. Of a message whose rest does not come, one then says that it is corrupt and the other waits. Whatever
/// came, it would be refused.
fn is_refused_sooner(setting: &Setting, frames: &[(u8, &[u8])], ours: &Outcome, expected: &Outcome) -> bool {
    const CORRUPT: Option<Violation> = Some(Violation::DeflateCorrupt);
    let ours_is_sooner = ours.1 == CORRUPT && (expected.1 != CORRUPT || ours.0.len() < expected.0.len());
    let (sooner, later) = if ours_is_sooner {
        (ours, expected)
    } else {
        (expected, ours)
    };
    if ours == expected || sooner.1 != CORRUPT {
        return false;
    }
    // a block that has no code for its end: zlib-rs refuses it at its header, miniz_oxide gives out what comes before
    // the end that never does, which then is not UTF-8, or over the limit
    if ours_is_sooner && ours.0 == expected.0 && expected.1.is_some() {
        return true;
    }
    let without_limits = Setting {
        limits: Limits::NONE,
        ..*setting
    };
    let run = |is_ours: bool, frames: &[(u8, &[u8])]| match is_ours {
        true => receive(
            &mut without_limits.session(),
            &stream(setting.role, frames),
            1,
            &Limits::NONE,
        ),
        false => self::expected(&without_limits, frames),
    };
    // the frame that shows it, in a message that goes on
    let Some(shown) = (1..=frames.len()).find(|&count| run(ours_is_sooner, &frames[..count]).1 == CORRUPT) else {
        return false;
    };
    frames[shown - 1].0 & 0x80 == 0
        && later.0.starts_with(&sooner.0)
        && later.0[sooner.0.len()..].iter().all(|(opcode, _)| *opcode >= 8)
        && [0x00, 0x5A, 0xFF].iter().all(|&filler| {
            let rest = [filler; 1000];
            let frames = [&frames[..shown], &[(0x80, &rest[..])]].concat();
            run(!ours_is_sooner, &frames).1.is_some()
        })
}

fn stream(role: Role, frames: &[(u8, &[u8])]) -> Vec<u8> {
    frames
        .iter()
        .flat_map(|(first, payload)| frame(role, *first, payload))
        .collect()
}

struct Setting {
    role: Role,
    agreement: Agreement,
    limits: Limits,
}

impl Setting {
    fn new(first: u8, windows: u8) -> Self {
        let (max_frame_size, max_message_size, max_fragments) = [
            (200, 300, 5),
            (u64::MAX, 3000, u64::MAX),
            // more than is decompressed at a time
            (3000, 40_000, 20),
            (u64::MAX, 100_000, u64::MAX),
        ][usize::from(first >> 3 & 3)];
        Self {
            role: role(first),
            agreement: agreement(first, windows),
            limits: {
                let mut limits = Limits::NONE;
                limits.max_frame_size = max_frame_size;
                limits.max_message_size = max_message_size;
                limits.max_fragments = max_fragments;
                limits
            },
        }
    }

    fn session(&self) -> Session {
        let mut options = SessionOptions::default();
        options.limits = self.limits;
        let mut session = Session::new(self.role, options);
        session.enable_deflate(&self.agreement, DeflateSettings::default());
        session
    }

    /// The window of the peer, and whether it starts empty with every message.
    const fn of_peer(&self) -> (u8, bool) {
        of_sender(other(self.role), &self.agreement)
    }
}

const fn role(first: u8) -> Role {
    if first & 1 == 0 { Role::Server } else { Role::Client }
}

const fn other(role: Role) -> Role {
    match role {
        Role::Client => Role::Server,
        Role::Server => Role::Client,
    }
}

const fn agreement(first: u8, windows: u8) -> Agreement {
    Agreement {
        server_no_context_takeover: first & 2 != 0,
        client_no_context_takeover: first & 4 != 0,
        server_max_window_bits: 8 + (windows & 7),
        client_max_window_bits: 8 + (windows >> 3 & 7),
    }
}

const fn of_sender(sender: Role, agreement: &Agreement) -> (u8, bool) {
    match sender {
        Role::Client => (agreement.client_max_window_bits, agreement.client_no_context_takeover),
        Role::Server => (agreement.server_max_window_bits, agreement.server_no_context_takeover),
    }
}

/// First bytes and payloads: after the first byte stands one for the length, or 255 and two bytes. What is missing at
/// the end is missing from the payload.
struct Frames<'a>(&'a [u8]);

impl<'a> Iterator for Frames<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (length, rest) = match *self.0 {
            [_, 255, high, low, ref rest @ ..] => (usize::from(u16::from_be_bytes([high, low])), rest),
            [_, length, ref rest @ ..] => (usize::from(length), rest),
            _ => return None,
        };
        let first = self.0[0];
        let (payload, rest) = rest.split_at(length.min(rest.len()));
        self.0 = rest;
        Some((first, payload))
    }
}

/// A frame to an endpoint of this role, masked if it has to be.
fn frame(role: Role, first: u8, payload: &[u8]) -> Vec<u8> {
    const KEY: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];
    let mask_bit = if role == Role::Server { 0x80 } else { 0 };
    let mut frame = vec![first];
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(length @ ..126), _) => frame.push(mask_bit | length),
        (_, Ok(length)) => {
            frame.push(mask_bit | 126);
            frame.extend(length.to_be_bytes());
        }
        _ => {
            frame.push(mask_bit | 127);
            frame.extend((payload.len() as u64).to_be_bytes());
        }
    }
    if role == Role::Server {
        frame.extend(KEY);
        frame.extend(payload.iter().zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key));
    } else {
        frame.extend_from_slice(payload);
    }
    frame
}

/// What comes out of a session.
fn receive(session: &mut Session, stream: &[u8], size: usize, limits: &Limits) -> Outcome {
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
            let piece = match step.received {
                Received::NeedMore => None,
                Received::Data {
                    buffer_type,
                    payload,
                    first,
                    ascii,
                } => Some((buffer_type, &unread[payload], first, ascii)),
                Received::Inflated {
                    buffer_type,
                    payload,
                    first,
                    ascii,
                } => Some((buffer_type, &session.inflated()[payload], first, ascii)),
                Received::Ping(payload) => {
                    all.push((9, unread[payload].to_vec()));
                    None
                }
                Received::Pong(payload) => {
                    all.push((10, unread[payload].to_vec()));
                    None
                }
                Received::Close { status, reason } => {
                    all.push((8, close(status, &unread[reason])));
                    None
                }
            };
            if let Some((buffer_type, payload, first, ascii)) = piece {
                let is_text = matches!(buffer_type, BufferType::Utf8Message | BufferType::Utf8Fragment);
                assert_eq!(ascii, is_text && payload.is_ascii());
                assert!(!first || message.is_empty());
                message.extend_from_slice(payload);
                assert!(message.len() as u64 <= limits.max_message_size);
                match buffer_type {
                    BufferType::Utf8Message => all.push((1, std::mem::take(&mut message))),
                    BufferType::BinaryMessage => all.push((2, std::mem::take(&mut message))),
                    BufferType::Utf8Fragment | BufferType::BinaryFragment => {}
                    other => panic!("{other:?} without an extension of the caller's"),
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

fn close(status: CloseStatus, reason: &[u8]) -> Vec<u8> {
    if status == CloseStatus::EMPTY {
        return Vec::new();
    }
    [&status.0.to_be_bytes(), reason].concat()
}

/// The message that is being received, as the model has it.
struct Message {
    opcode: u8,
    compressed: bool,
    /// Payload bytes that its frames so far announced.
    announced: u64,
    frames: u64,
    payload: Vec<u8>,
    /// How many of these are known to be whole characters.
    checked: usize,
}

/// What must come of the frames: the rules in their order, and miniz_oxide.
fn expected(setting: &Setting, frames: &[(u8, &[u8])]) -> Outcome {
    let (window_bits, no_takeover) = setting.of_peer();
    let (mut all, mut open) = (Vec::new(), None);
    let mut reference = Reference::new(window_bits);
    for (first, payload) in frames {
        let mut message = match check(setting, *first, payload.len(), &mut open) {
            Ok(Some(message)) => message,
            Ok(None) => match check_control(*first & 0xF, payload) {
                Ok(()) => {
                    all.push((*first & 0xF, payload.to_vec()));
                    if *first & 0xF == 8 {
                        return (all, None);
                    }
                    continue;
                }
                Err(violation) => return (all, Some(violation)),
            },
            Err(violation) => return (all, Some(violation)),
        };
        let last = first & 0x80 != 0;
        if let Err(violation) = message.take(payload, last, &mut reference, &setting.limits) {
            return (all, Some(violation));
        }
        if last {
            if message.compressed && no_takeover {
                reference = Reference::new(window_bits);
            }
            all.push((message.opcode, message.payload));
        } else {
            open = Some(message);
        }
    }
    (all, None)
}

/// The rules about a header; gives the message that the frame is of, unless it is a control frame.
fn check(
    setting: &Setting,
    first: u8,
    length: usize,
    open: &mut Option<Message>,
) -> Result<Option<Message>, Violation> {
    let (opcode, reserved) = (first & 0xF, first & 0x70);
    if !matches!(opcode, 0..=2 | 8..=10) {
        return Err(Violation::OpcodeReserved);
    }
    // RFC 7692 §6: on the first frame of a message alone
    if reserved & !(if matches!(opcode, 1 | 2) { 0x40 } else { 0 }) != 0 {
        return Err(Violation::ReservedBitSet);
    }
    if opcode >= 8 {
        return match (first & 0x80, length) {
            (0, _) => Err(Violation::ControlFragmented),
            (_, 126..) => Err(Violation::ControlTooLong),
            (_, 1) if opcode == 8 => Err(Violation::ClosePayloadTooShort),
            _ => Ok(None),
        };
    }
    let mut message = match (open.take(), opcode) {
        (None, 0) => return Err(Violation::ContinuationUnexpected),
        (Some(_), 1 | 2) => return Err(Violation::MessageUnfinished),
        (Some(message), _) => message,
        (None, _) => Message {
            opcode,
            compressed: reserved != 0,
            announced: 0,
            frames: 0,
            payload: Vec::new(),
            checked: 0,
        },
    };
    message.announced += length as u64;
    message.frames += 1;
    let limits = &setting.limits;
    let longest = match message.compressed {
        true => limits
            .max_message_size
            .saturating_add(limits.max_message_size / 4)
            .saturating_add(64)
            .saturating_add(8 * message.frames),
        false => limits.max_message_size,
    };
    if length as u64 > limits.max_frame_size {
        Err(Violation::FrameTooBig)
    } else if message.announced > longest {
        Err(Violation::MessageTooBig)
    } else if message.frames > limits.max_fragments {
        Err(Violation::FragmentsTooMany)
    } else {
        Ok(Some(message))
    }
}

fn check_control(opcode: u8, payload: &[u8]) -> Result<(), Violation> {
    let (8, [high, low, reason @ ..]) = (opcode, payload) else {
        return Ok(());
    };
    match u16::from_be_bytes([*high, *low]) {
        ..1000 | 1004..=1006 | 1015..3000 | 5000.. => Err(Violation::CloseStatusInvalid),
        _ if std::str::from_utf8(reason).is_err() => Err(Violation::CloseReasonNotUtf8),
        _ => Ok(()),
    }
}

impl Message {
    /// Takes a frame's payload, byte by byte, as ours does where the bytes come one by one.
    fn take(
        &mut self,
        payload: &[u8],
        last: bool,
        reference: &mut Reference,
        limits: &Limits,
    ) -> Result<(), Violation> {
        if !self.compressed {
            for byte in payload {
                self.payload.push(*byte);
                self.check_text(false)?;
            }
            return self.check_text(last);
        }
        for byte in payload {
            let good = reference.inflate(&[*byte], &mut self.payload);
            self.cut(limits);
            self.check_text(false)?;
            self.check_length(limits)?;
            good?;
        }
        if last {
            let good = reference.finish(&mut self.payload);
            self.check_length(limits)?;
            good?;
            self.check_text(true)?;
        }
        Ok(())
    }

    /// Drops the bytes beyond one over the limit: they are not compared.
    fn cut(&mut self, limits: &Limits) {
        let longest = limits.max_message_size.saturating_add(1);
        self.payload.truncate(usize::try_from(longest).unwrap_or(usize::MAX));
    }

    fn check_length(&self, limits: &Limits) -> Result<(), Violation> {
        match self.payload.len() as u64 > limits.max_message_size {
            true => Err(Violation::MessageTooBig),
            false => Ok(()),
        }
    }

    fn check_text(&mut self, last: bool) -> Result<(), Violation> {
        if self.opcode != 1 {
            return Ok(());
        }
        match std::str::from_utf8(&self.payload[self.checked..]) {
            Ok(_) => self.checked = self.payload.len(),
            Err(error) if error.error_len().is_some() || last => return Err(Violation::TextNotUtf8),
            Err(error) => self.checked += error.valid_up_to(),
        }
        Ok(())
    }
}

/// miniz_oxide, over all that a peer compresses with one window. It writes behind what it wrote before, and so refers
/// as far back as DEFLATE can; but behind a final block (see [`Self::inflate`]).
struct Reference {
    stream: Box<DecompressorOxide>,
    out: Vec<u8>,
    /// Where the references of the stream may begin, and where output goes.
    base: usize,
    end: usize,
    window_size: usize,
    /// Nothing came since the end of a final block.
    ended: bool,
    /// Nothing came since the end of a block.
    at_boundary: bool,
}

/// The most that one byte of DEFLATE data can stand for, and more: 8 times 258 bytes.
const ROOM: usize = 1 << 12;

impl Reference {
    fn new(window_bits: u8) -> Self {
        Self {
            stream: Box::default(),
            out: Vec::new(),
            base: 0,
            end: 0,
            window_size: 1 << window_bits,
            ended: false,
            at_boundary: false,
        }
    }

    /// Appends to `message` what the bytes make.
    ///
    /// Difference 1. Behind a final block ours knows only the window that was agreed on; before one it lets the peer
    /// refer as far back as zlib-rs does. Neither is a peer's right who has agreed on less (§7.1.2), and none is told.
    fn inflate(&mut self, mut input: &[u8], message: &mut Vec<u8>) -> Result<(), Violation> {
        const FLAGS: u32 = inflate_flags::TINFL_FLAG_HAS_MORE_INPUT
            | inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF
            | inflate_flags::TINFL_FLAG_STOP_ON_BLOCK_BOUNDARY;
        loop {
            self.out.resize(self.end + ROOM, 0);
            let out = &mut self.out[self.base..];
            let (status, taken, made) = decompress(&mut self.stream, input, out, self.end - self.base, FLAGS);
            message.extend_from_slice(&self.out[self.end..self.end + made]);
            self.end += made;
            input = &input[taken..];
            self.ended &= taken == 0;
            self.at_boundary &= taken == 0 && made == 0;
            match status {
                TINFLStatus::Done => {
                    *self.stream = DecompressorOxide::default();
                    self.base = self.end.saturating_sub(self.window_size);
                    self.ended = true;
                    self.at_boundary = true;
                }
                TINFLStatus::BlockBoundary => self.at_boundary = true,
                TINFLStatus::NeedsMoreInput => return Ok(()),
                TINFLStatus::HasMoreOutput => {}
                _ => return Err(Violation::DeflateCorrupt),
            }
        }
    }

    /// "Append 4 octets of 0x00 0x00 0xff 0xff" (§7.2.2), unless a final block ends the message.
    fn finish(&mut self, message: &mut Vec<u8>) -> Result<(), Violation> {
        if !std::mem::take(&mut self.ended) {
            let before = message.len();
            let good = self.inflate(&[0x00, 0x00, 0xFF, 0xFF], message);
            // Difference 2. miniz_oxide would take the octets for what they are not, such as bytes of a stored block
            // that has not ended. A message ends with a block, and they are the end of an empty one (§7.2.1).
            if good.is_err() || !self.at_boundary || message.len() != before {
                message.truncate(before);
                return Err(Violation::DeflateCorrupt);
            }
            self.ended = false;
        }
        Ok(())
    }
}

/// Messages in parts that are written and received. Two bytes say the sender's role, what was agreed and the levels,
/// one how the stream is split, and the rest is parts: a byte of flags, one for the length, one for where the bytes are
/// from.
pub fn roundtrip(data: &[u8]) {
    let Some((&[first, windows, levels, split], parts)) = data.split_first_chunk() else {
        return;
    };
    let (sender_role, agreement) = (role(first), agreement(first, windows));
    let mut settings = DeflateSettings::DEFAULT;
    settings.level = Some(levels % 10);
    settings.memory_level = 1 + levels / 10 % 9;
    settings.threshold = [0, 10, 100, 1000][usize::from(first >> 3 & 3)];
    let session = |role| {
        let mut session = Session::new(role, SessionOptions::default());
        session.enable_deflate(&agreement, settings);
        session
    };
    let mut sender = session(sender_role);
    let (mut wire, mut sent, mut material) = (Vec::new(), Vec::new(), Vec::new());
    let mut open: Option<(bool, Vec<u8>)> = None;
    for part in parts.chunks_exact(3) {
        let &[flags, length, source] = part else { continue };
        let bytes = bytes(length, source, &mut material);
        let (is_text, mut message) = open.take().unwrap_or((flags & 1 != 0, Vec::new()));
        let last = flags & 2 != 0;
        let buffer_type = match (is_text, last) {
            (true, true) => BufferType::Utf8Message,
            (true, false) => BufferType::Utf8Fragment,
            (false, true) => BufferType::BinaryMessage,
            (false, false) => BufferType::BinaryFragment,
        };
        let bytes: Vec<u8> = match is_text {
            true => bytes.iter().map(|byte| byte & 0x7F).collect(),
            false => bytes,
        };
        match flags >> 2 & 3 {
            0 => sender.write_with(buffer_type, &bytes, false, &mut wire),
            1 => sender.write_with(buffer_type, &bytes, true, &mut wire),
            _ => sender.write(buffer_type, &bytes, &mut wire),
        }
        .expect("it may be sent");
        message.extend_from_slice(&bytes);
        if last {
            sent.push((if is_text { 1 } else { 2 }, message));
        } else {
            open = Some((is_text, message));
        }
        if flags & 0x10 != 0 {
            sender
                .write(BufferType::PingPong, &[source], &mut wire)
                .expect("a ping may be sent");
            sent.push((9, vec![source]));
        }
        if flags & 0x20 != 0 {
            sender.release_compressor();
        }
    }
    for chunk in [1 + usize::from(split), usize::MAX] {
        let received = receive(&mut session(other(sender_role)), &wire, chunk, &Limits::NONE);
        assert_eq!(received.0, sent);
        assert_eq!(received.1, None);
    }
    sent.retain(|(opcode, _)| *opcode != 9);
    assert_eq!(by_strict_reference(sender_role, &agreement, &wire), sent);
}

/// Bytes of a part: from far or near behind, of a few kinds, or of many.
fn bytes(length: u8, source: u8, material: &mut Vec<u8>) -> Vec<u8> {
    let length = usize::from(length);
    let seed = usize::from(source >> 3);
    let bytes: Vec<u8> = match source & 7 {
        0 => vec![source; length * 64],
        1 => (0..length * 8).map(|index| (index % (seed + 1)) as u8).collect(),
        2 => (0..length as u64 * 40)
            .map(|index| noise(index + seed as u64))
            .collect(),
        3 => (0..length as u64)
            .map(|index| noise(index / 7 * 31 + seed as u64) & 3)
            .collect(),
        // around where windows end
        kind => {
            let distance = (256 << (seed & 7)) + length - 128 + seed;
            let start = material.len().saturating_sub(distance);
            let end = material.len().min(start + (length << (kind - 4)));
            material[start..end].to_vec()
        }
    };
    material.extend_from_slice(&bytes);
    bytes
}

/// splitmix64
fn noise(index: u64) -> u8 {
    let z = index.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    (z ^ z >> 27) as u8
}

/// What miniz_oxide makes of what ours sent, with a window of just the size that was agreed on.
fn by_strict_reference(sender: Role, agreement: &Agreement, wire: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let (window_bits, no_takeover) = of_sender(sender, agreement);
    let (mut all, mut open) = (Vec::new(), None);
    let mut window = Window::new(window_bits);
    for (first, payload) in sent_frames(wire) {
        if first & 0xF >= 8 {
            continue;
        }
        let (opcode, mut message, compressed) = open
            .take()
            .unwrap_or_else(|| (first & 0xF, Vec::new(), first & 0x40 != 0));
        let last = first & 0x80 != 0;
        if compressed {
            window.inflate(&payload, &mut message);
            if last {
                window.inflate(&[0x00, 0x00, 0xFF, 0xFF], &mut message);
                // "An endpoint MUST NOT use LZ77 with a window of the message before" (§7.1.1)
                if no_takeover {
                    window = Window::new(window_bits);
                }
            }
        } else {
            message.extend(payload);
        }
        if last {
            all.push((opcode, message));
        } else {
            open = Some((opcode, message, compressed));
        }
    }
    all
}

/// miniz_oxide with a ring of 2^n bytes, in which farther references come out wrong.
struct Window {
    stream: Box<DecompressorOxide>,
    ring: Vec<u8>,
    written: usize,
}

impl Window {
    fn new(bits: u8) -> Self {
        Self {
            stream: Box::default(),
            ring: vec![0; 1 << bits],
            written: 0,
        }
    }

    fn inflate(&mut self, mut input: &[u8], message: &mut Vec<u8>) {
        loop {
            let at = self.written % self.ring.len();
            let (status, taken, made) = decompress(
                &mut self.stream,
                input,
                &mut self.ring,
                at,
                inflate_flags::TINFL_FLAG_HAS_MORE_INPUT,
            );
            message.extend_from_slice(&self.ring[at..at + made]);
            self.written += made;
            input = &input[taken..];
            match status {
                TINFLStatus::NeedsMoreInput => return,
                TINFLStatus::HasMoreOutput => {}
                other => panic!("{other:?} of what ours sent"),
            }
        }
    }
}

fn sent_frames(mut wire: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut frames = Vec::new();
    while let [first, second, rest @ ..] = wire {
        let length_bytes = match second & 0x7F {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let (length, rest) = rest.split_at(length_bytes);
        let length = match length_bytes {
            0 => usize::from(second & 0x7F),
            _ => length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)),
        };
        let (key, rest) = rest.split_at(if second & 0x80 == 0 { 0 } else { 4 });
        let (payload, rest) = rest.split_at(length);
        let key = if key.is_empty() { &[0] } else { key };
        let payload = payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key);
        frames.push((*first, payload.collect()));
        wire = rest;
    }
    frames
}

/// A field value as offers to a server and as response to a client. Two bytes say what each wants.
pub fn negotiate(data: &[u8]) {
    let Some((&[client, server, windows], value)) = data.split_first_chunk() else {
        return;
    };
    let client = options(client, windows >> 4);
    let server = options(server, windows & 0xF);
    offers_of_any_client(&server, value);
    response_of_any_server(&client, value);
    agree(&client, &server);
}

fn options(flags: u8, windows: u8) -> DeflateOptions {
    let window = |given: u8, bits: u8| (given != 0).then_some(8 + bits);
    DeflateOptions {
        server_no_context_takeover: flags & 1 != 0,
        client_no_context_takeover: flags & 2 != 0,
        server_max_window_bits: window(flags & 4, flags >> 5 & 7),
        client_max_window_bits: window(flags & 8, windows & 7),
        offer_client_max_window_bits: flags & 0x10 != 0,
    }
}

fn handle(role: Role, options: &DeflateOptions) -> Handle<()> {
    let mut handle = match role {
        Role::Client => Handle::create_client(&[]),
        Role::Server => Handle::create_server(&[]),
    }
    .expect("no properties");
    handle
        .set_deflate(*options, DeflateSettings::default())
        .expect("windows that exist");
    handle
}

const FIELD: &str = "Sec-WebSocket-Extensions";

fn offers_of_any_client(options: &DeflateOptions, value: &[u8]) {
    let request = [
        HttpHeader::new("Upgrade", "websocket"),
        HttpHeader::new("Connection", "Upgrade"),
        HttpHeader::new("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        HttpHeader::new("Sec-WebSocket-Version", "13"),
        HttpHeader::new(FIELD, value),
    ];
    let offers = extensions(&request);
    let mut server = handle(Role::Server, options);
    let response = server.begin_server_handshake(None, &[], &request);
    let (Ok(offers), Ok(response)) = (&offers, &response) else {
        assert!(offers.is_err() && response.is_err());
        return;
    };
    let response: Vec<HttpHeader<'_>> = response.clone();
    let answer = extensions(&response).expect("what was written is well formed");
    // "A server MUST decline an extension negotiation offer" with what is unknown, invalid or repeated (§7.1); others
    // need not be
    let accepted = offers.iter().find_map(Parameters::read);
    match (&accepted, &answer[..]) {
        (None, []) => {}
        (Some(offer), [answer]) => {
            let answer = Parameters::read(answer).expect("a response is as well formed as an offer");
            assert!(answer.answers(offer), "{answer:?} to {offer:?}");
            assert!(answer.agreement().is_within(options, offer));
        }
        other => panic!("{other:?}"),
    }
    drop(response);
    let agreement = server.deflate_agreement();
    assert_eq!(agreement.is_some(), accepted.is_some());
    if let (Some(offer), [answer], Some(agreement)) = (accepted, &answer_of(options, value)[..], agreement) {
        let [answer] = &extensions(&[HttpHeader::new(FIELD, answer)]).expect("well formed")[..] else {
            panic!("one element");
        };
        assert_eq!(deflate::accept_response(&offer.as_options(), answer), Ok(agreement));
        assert_eq!(
            Parameters::read(answer).map(|answer| answer.agreement()),
            Some(agreement)
        );
    }
}

/// The response's element, by the function that a caller without a handle has.
fn answer_of(options: &DeflateOptions, value: &[u8]) -> Vec<String> {
    let offers = [HttpHeader::new(FIELD, value)];
    let offers = extensions(&offers).expect("checked before");
    let selection = deflate::select(options, &offers);
    let first = offers.iter().position(|offer| Parameters::read(offer).is_some());
    assert_eq!(selection.as_ref().map(|selection| selection.index), first);
    selection.into_iter().map(|selection| selection.response).collect()
}

fn response_of_any_server(options: &DeflateOptions, value: &[u8]) {
    let mut client = handle(Role::Client, options);
    let request = client.begin_client_handshake(&[], &["x"], &[]).expect("a valid offer");
    let key = request
        .iter()
        .find(|header| header.name == "Sec-WebSocket-Key")
        .expect("every request has one");
    let accept = accept(key.value);
    let offers = extensions(&request).expect("what was written is well formed");
    let [_, offer] = &offers[..] else {
        panic!("{offers:?}");
    };
    let offer = Parameters::read(offer).expect("ours is well formed");
    assert_eq!(offer.as_options(), offered(options));
    drop(request);
    let response = [
        HttpHeader::new("Upgrade", "websocket"),
        HttpHeader::new("Connection", "Upgrade"),
        HttpHeader::new("Sec-WebSocket-Accept", &accept),
        HttpHeader::new(FIELD, value),
    ];
    let negotiated = client.end_client_handshake(&response);
    let right = extensions(&response).ok().and_then(|selected| {
        let names: Vec<String> = selected
            .iter()
            .map(|extension| extension.name.to_ascii_lowercase())
            .collect();
        let known = names.iter().all(|name| name == "x" || name == deflate::NAME);
        let unique = (1..names.len()).all(|index| !names[..index].contains(&names[index]));
        let mut ours = selected
            .iter()
            .filter(|extension| extension.name.eq_ignore_ascii_case(deflate::NAME));
        let answer = ours.next().map(Parameters::read);
        let right = answer.is_none_or(|answer| answer.is_some_and(|answer| answer.answers(&offer)));
        (known && unique && right).then(|| answer.flatten().map(|answer| answer.agreement()))
    });
    match right {
        None => {
            assert!(negotiated.is_err());
            assert_eq!(client.deflate_agreement(), None);
        }
        Some(agreement) => {
            negotiated.expect("an answer to the offer");
            let agreed = client.deflate_agreement();
            assert_eq!(agreed.is_some(), agreement.is_some());
            if let (Some(agreed), Some(agreement)) = (agreed, agreement) {
                // what the client said of itself it keeps to, though the server passed over it (§7.1.1.2, §7.1.2.2)
                assert!(agreed.is_within(options, &offer));
                let own = agreement.client_no_context_takeover || options.client_no_context_takeover;
                let own_window = agreement
                    .client_max_window_bits
                    .min(options.client_max_window_bits.unwrap_or(15));
                assert_eq!(
                    agreed,
                    Agreement {
                        client_no_context_takeover: own,
                        client_max_window_bits: own_window,
                        ..agreement
                    }
                );
            }
        }
    }
}

/// What our client offers, our server can accept, and both know what was agreed on.
fn agree(client: &DeflateOptions, server: &DeflateOptions) {
    let (client_options, server_options) = (client, server);
    let mut client = handle(Role::Client, client_options);
    let mut server = handle(Role::Server, server_options);
    let request = client.begin_client_handshake(&[], &[], &[]).expect("a valid offer");
    let response = server
        .begin_server_handshake(None, &[], &request)
        .expect("a valid request");
    let negotiated = client.end_client_handshake(&response).expect("a valid response");
    assert_eq!(negotiated.extensions, [0]);
    let agreement = client.deflate_agreement().expect("each of our offers can be accepted");
    server.end_server_handshake().expect("begun");
    assert_eq!(server.deflate_agreement(), Some(agreement));
    for (ours, theirs) in [
        (client_options.server_max_window_bits, agreement.server_max_window_bits),
        (server_options.server_max_window_bits, agreement.server_max_window_bits),
        (client_options.client_max_window_bits, agreement.client_max_window_bits),
    ] {
        assert!(ours.is_none_or(|ours| theirs <= ours));
    }
}

/// The options of a client, without what does not show in its offer.
fn offered(options: &DeflateOptions) -> DeflateOptions {
    DeflateOptions {
        offer_client_max_window_bits: options.offer_client_max_window_bits || options.client_max_window_bits.is_some(),
        ..*options
    }
}

/// The parameters of an offer or a response, read by RFC 7692 §7.1 and not by our code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Parameters {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: Option<u8>,
    client_max_window_bits: Option<Option<u8>>,
}

impl Parameters {
    /// `None` if the element is another extension's, or has a parameter that is unknown, invalid or repeated.
    fn read(extension: &Extension<'_>) -> Option<Self> {
        if extension.name.to_ascii_lowercase() != deflate::NAME {
            return None;
        }
        let mut names: Vec<String> = extension
            .parameters
            .iter()
            .map(|(name, _)| name.to_ascii_lowercase())
            .collect();
        let mut parameters = Self::default();
        for ((_, value), name) in extension.parameters.iter().zip(&names) {
            let window = value
                .as_deref()
                .map(|digits| (8..=15).find(|bits| format!("{bits}") == digits));
            match (name.as_str(), window) {
                ("server_no_context_takeover", None) => parameters.server_no_context_takeover = true,
                ("client_no_context_takeover", None) => parameters.client_no_context_takeover = true,
                ("server_max_window_bits", Some(Some(bits))) => parameters.server_max_window_bits = Some(bits),
                ("client_max_window_bits", None) => parameters.client_max_window_bits = Some(None),
                ("client_max_window_bits", Some(Some(bits))) => parameters.client_max_window_bits = Some(Some(bits)),
                _ => return None,
            }
        }
        names.sort();
        let count = names.len();
        names.dedup();
        (names.len() == count).then_some(parameters)
    }

    /// Whether a server may answer the offer so.
    fn answers(&self, offer: &Self) -> bool {
        let server_window = match (offer.server_max_window_bits, self.server_max_window_bits) {
            (None, _) => true,
            (Some(asked), granted) => granted.is_some_and(|granted| granted <= asked),
        };
        let client_window = match (offer.client_max_window_bits, self.client_max_window_bits) {
            (_, None) => true,
            (None, Some(_)) | (_, Some(None)) => false,
            // the client's hint does not bind the server (§7.1.2.2)
            (Some(_), Some(Some(_))) => true,
        };
        server_window && client_window && (self.server_no_context_takeover || !offer.server_no_context_takeover)
    }

    fn agreement(&self) -> Agreement {
        Agreement {
            server_no_context_takeover: self.server_no_context_takeover,
            client_no_context_takeover: self.client_no_context_takeover,
            server_max_window_bits: self.server_max_window_bits.unwrap_or(15),
            client_max_window_bits: self.client_max_window_bits.flatten().unwrap_or(15),
        }
    }

    /// The options of the client that offers this.
    fn as_options(&self) -> DeflateOptions {
        DeflateOptions {
            server_no_context_takeover: self.server_no_context_takeover,
            client_no_context_takeover: self.client_no_context_takeover,
            server_max_window_bits: self.server_max_window_bits,
            client_max_window_bits: self.client_max_window_bits.flatten(),
            offer_client_max_window_bits: self.client_max_window_bits.is_some(),
        }
    }
}

trait Within {
    fn is_within(&self, options: &DeflateOptions, offer: &Parameters) -> bool;
}

impl Within for Agreement {
    /// Whether it asks of neither side more than it wants; a client that did not offer to be limited is not.
    fn is_within(&self, options: &DeflateOptions, offer: &Parameters) -> bool {
        let at_most = |bits: u8, most: Option<u8>| most.is_none_or(|most| bits <= most);
        at_most(self.server_max_window_bits, options.server_max_window_bits)
            && (self.server_no_context_takeover || !options.server_no_context_takeover)
            && (self.client_no_context_takeover || !options.client_no_context_takeover)
            && match offer.client_max_window_bits {
                Some(_) => at_most(self.client_max_window_bits, options.client_max_window_bits),
                None => self.client_max_window_bits == 15,
            }
    }
}
