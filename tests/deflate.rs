//! permessage-deflate, for every input: any messages in any pieces come out equal, whatever the windows; no reference
//! goes farther back than agreed; any bytes at all give the same however they are split, and never a panic.
#![cfg(all(feature = "deflate", not(all(target_arch = "wasm32", target_os = "unknown"))))]

use std::iter::repeat_n;

#[path = "support/replay.rs"]
mod replay;

use proptest::collection::vec;
use proptest::prelude::*;
use websocket_component::HttpHeader;
use websocket_component::deflate::{
    Agreement, Corrupt, DeflateOptions, Deflater, Flush, Inflater, accept_response, offer, select,
};
use websocket_component::http::extensions;

/// Text, noise, runs, and what comes again after a distance that small windows do not reach.
fn message() -> impl Strategy<Value = Vec<u8>> {
    let repeated = (vec(any::<u8>(), 3..2000), 1..20_usize).prop_map(|(part, times)| part.repeat(times));
    let runs = vec((any::<u8>(), 1..700_usize), 0..20).prop_map(|runs| {
        runs.into_iter()
            .flat_map(|(byte, length)| repeat_n(byte, length))
            .collect()
    });
    prop_oneof![
        1 => Just(Vec::new()),
        3 => "[a-e €]{0,300}".prop_map(String::into_bytes),
        2 => vec(any::<u8>(), 0..3000),
        2 => vec(0..4_u8, 0..3000),
        3 => repeated,
        2 => runs,
    ]
}

#[derive(Clone, Copy, Debug)]
struct Settings {
    window_bits: u8,
    memory_level: u8,
    level: u8,
    takeover: bool,
}

fn settings() -> impl Strategy<Value = Settings> {
    (8..=15_u8, 1..=9_u8, 0..=9_u8, any::<bool>()).prop_map(|(window_bits, memory_level, level, takeover)| Settings {
        window_bits,
        memory_level,
        level,
        takeover,
    })
}

/// The payloads of the messages, each given to the compressor in pieces of these sizes.
fn compressed(settings: Settings, messages: &[Vec<u8>], sizes: &[usize]) -> Vec<Vec<u8>> {
    let mut deflater = Deflater::new(settings.window_bits, settings.memory_level, settings.level);
    let mut sizes = sizes.iter().copied().cycle();
    let mut payload_of = |message: &Vec<u8>| {
        let (mut payload, mut rest) = (Vec::new(), &message[..]);
        loop {
            let (piece, left) = rest.split_at(sizes.next().unwrap_or(rest.len()).min(rest.len()));
            let flush = if left.is_empty() { Flush::Last } else { Flush::Later };
            deflater.compress(piece, flush, &mut payload);
            if left.is_empty() {
                break;
            }
            rest = left;
        }
        if !settings.takeover {
            deflater.reset();
        }
        payload
    };
    messages.iter().map(&mut payload_of).collect()
}

/// The message of one payload, in pieces of these sizes, into buffers of `room` bytes.
fn inflated(inflater: &mut Inflater, payload: &[u8], sizes: &[usize], room: usize) -> Result<Vec<u8>, Corrupt> {
    let (mut message, mut out, mut rest) = (Vec::new(), vec![0; room], payload);
    let mut sizes = sizes.iter().copied().cycle();
    while !rest.is_empty() {
        let piece = &rest[..sizes.next().unwrap_or(rest.len()).clamp(1, rest.len())];
        let (consumed, produced) = inflater.inflate(piece, &mut out)?;
        message.extend_from_slice(&out[..produced]);
        rest = &rest[consumed..];
        if consumed < piece.len() && produced < room {
            return inflater
                .inflate(rest, &mut out)
                .map(|_| panic!("input is left though there is room"));
        }
    }
    loop {
        let (produced, done) = inflater.finish(&mut out)?;
        message.extend_from_slice(&out[..produced]);
        if done {
            return Ok(message);
        }
    }
}

/// JSON of random words and numbers, the same in every run.
fn json(size: usize, seed: u32) -> Vec<u8> {
    const WORDS: [&str; 13] = [
        "alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliett", "kilo", "lima",
        "mike",
    ];
    let mut state = seed;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state
    };
    let mut text = String::new();
    while text.len() < size {
        let [id, latitude, longitude, user, tag] = std::array::from_fn(|_| next());
        let [user, tag] = [user, tag].map(|word| WORDS[word as usize % WORDS.len()]);
        let place = format!(
            r#"{{"lat":0.{},"lon":1.{}}}"#,
            latitude % 1_000_000,
            longitude % 1_000_000
        );
        text += &format!(r#"{{"id":{id},"user":"{user}","tags":["{tag}"],"place":{place}}},"#);
    }
    text.truncate(size);
    text.into_bytes()
}

#[test]
fn level_2_keeps_nine_tenths_of_the_ratio_of_level_6_for_every_message_of_16_kib_of_json() {
    let messages: Vec<_> = (1..=20).map(|seed| json(16 * 1024, seed)).collect();
    let sizes = |level| {
        let settings = Settings {
            window_bits: 15,
            memory_level: 8,
            level,
            takeover: false,
        };
        compressed(settings, &messages, &[])
            .into_iter()
            .map(|payload| payload.len())
    };
    for (at, (fast, small)) in sizes(2).zip(sizes(6)).enumerate() {
        assert!(small * 10 >= fast * 9, "message {at}: {fast} bytes, {small} by level 6");
    }
}

/// The messages of all payloads up to the first that is corrupt.
fn all_inflated(
    window_bits: u8,
    takeover: bool,
    payloads: &[Vec<u8>],
    sizes: &[usize],
    room: usize,
) -> Vec<Result<Vec<u8>, Corrupt>> {
    let mut inflater = Inflater::new(window_bits);
    let mut results = Vec::new();
    for payload in payloads {
        results.push(inflated(&mut inflater, payload, sizes, room));
        if results.last().is_some_and(Result::is_err) {
            break;
        }
        if !takeover {
            inflater.reset();
        }
    }
    results
}

/// Payloads that are not quite what a compressor made: bytes changed, cut off, put in, or made up.
fn damaged() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let made = (settings(), vec(message(), 1..4), vec(1..500_usize, 1..4))
        .prop_map(|(settings, messages, sizes)| compressed(settings, &messages, &sizes));
    let damage = vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 1..4);
    let damaged = (made, damage).prop_map(|(mut payloads, damage)| {
        for (index, byte, how) in damage {
            let chosen = index.index(payloads.len());
            let payload = &mut payloads[chosen];
            let at = index.index(payload.len() + 1).min(payload.len().saturating_sub(1));
            match how {
                0 => payload.truncate(at),
                1 => payload.insert(at, byte),
                2 => payload.extend([0x03, 0x00, byte]),
                _ => payload.iter_mut().skip(at).take(1).for_each(|old| *old ^= byte),
            }
        }
        payloads
    });
    let blocks = prop_oneof![
        Just(vec![0x00]),
        Just(vec![0x03, 0x00]),
        Just(vec![0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]),
        Just(vec![0xF2, 0x00, 0x11, 0x00]),
        Just(vec![0x01, 0x02, 0x00, 0xFD, 0xFF, 0x61, 0x62]),
        Just(vec![0x00, 0x00, 0x00, 0xFF, 0xFF]),
        vec(any::<u8>(), 0..6),
    ];
    let made_up = vec(vec(blocks, 0..5).prop_map(|blocks| blocks.concat()), 1..4);
    prop_oneof![damaged, made_up]
}

proptest! {
    #![proptest_config(replay::config())]

    #[test]
    fn messages_come_out_as_they_went_in(
        settings in settings(),
        larger in 0..8_u8,
        messages in vec(message(), 1..6),
        sizes in vec(0..2000_usize, 1..5),
        pieces in vec(1..500_usize, 1..5),
        room in prop_oneof![1..4_usize, 1..5000_usize],
    ) {
        // no piece must be empty for ever
        let sizes: Vec<usize> = sizes.into_iter().chain([700]).collect();
        let payloads = compressed(settings, &messages, &sizes);
        let window_bits = (settings.window_bits + larger).min(15);
        let results = all_inflated(window_bits, settings.takeover, &payloads, &pieces, room);
        prop_assert_eq!(results, messages.into_iter().map(Ok).collect::<Vec<_>>());
    }

    #[test]
    fn no_reference_goes_farther_back_than_the_window(
        settings in settings(),
        messages in vec(message(), 1..6),
        sizes in vec(1..2000_usize, 1..5),
    ) {
        let payloads = compressed(settings, &messages, &sizes);
        let mut plain = Plain::default();
        for (payload, message) in payloads.iter().zip(&messages) {
            prop_assert!(payload.len() <= message.len() + message.len() / 8 + 16);
            let before = plain.output.len();
            plain.decompress(&[payload, &[0x00, 0x00, 0xFF, 0xFF][..]].concat());
            prop_assert_eq!(&plain.output[before..], &message[..]);
        }
        prop_assert!(plain.farthest <= 1 << settings.window_bits, "{} back", plain.farthest);
    }

    #[test]
    fn any_bytes_give_the_same_however_they_are_split(
        payloads in damaged(),
        window_bits in 8..=15_u8,
        takeover in any::<bool>(),
        pieces in vec(1..50_usize, 1..5),
        room in 1..50_usize,
    ) {
        let whole = all_inflated(window_bits, takeover, &payloads, &[usize::MAX], 1 << 16);
        let split = all_inflated(window_bits, takeover, &payloads, &pieces, room);
        prop_assert_eq!(whole, split);
    }

    #[test]
    fn a_client_accepts_what_a_server_selects(client in options(), server in options()) {
        let offered = offer(&client);
        let offers = [HttpHeader::new("Sec-WebSocket-Extensions", &offered)];
        let selection = select(&server, &extensions(&offers).expect("a list")).expect("it is acceptable");
        let selected = [HttpHeader::new("Sec-WebSocket-Extensions", &selection.response)];
        let response = extensions(&selected).expect("a list");
        prop_assert_eq!(accept_response(&client, &response[0]), Ok(selection.agreement));
        prop_assert!(keeps_to(&selection.agreement, &client, &server));
    }

    #[test]
    fn any_parameters_are_declined_or_answered(value in "permessage-deflate(; ?(server|client)_(no_context_takeover|max_window_bits)(=\"?[0-9+]{1,2}\"?)?){0,3}") {
        let offers = [HttpHeader::new("Sec-WebSocket-Extensions", &value)];
        if let Ok(offers) = extensions(&offers) {
            let _ = select(&DeflateOptions::default(), &offers);
            let _ = accept_response(&DeflateOptions::default(), &offers[0]);
        }
    }
}

/// A compressor of 8 bits is one of 9 bits that refers 250 bytes back: this is what would show if it ever did more.
#[test]
fn references_of_a_window_of_256_bytes_stay_in_it_at_every_level() {
    // every distance around 256 is the nearest one for some bytes
    let message: Vec<u8> = (230..290_u32)
        .flat_map(|distance| {
            let part: Vec<u8> = (0..distance)
                .map(|i| (i * 167 + distance * 29 + i * i / 7).to_le_bytes()[0])
                .collect();
            part.repeat(2)
        })
        .collect();
    for level in 0..=9 {
        for memory_level in [1, 8, 9] {
            let settings = Settings {
                window_bits: 8,
                memory_level,
                level,
                takeover: true,
            };
            let payloads = compressed(settings, &[message.clone(), message.clone()], &[usize::MAX]);
            let mut plain = Plain::default();
            for payload in payloads {
                plain.decompress(&[&payload, &[0x00, 0x00, 0xFF, 0xFF][..]].concat());
            }
            assert_eq!(plain.output, message.repeat(2));
            assert!(plain.farthest <= 256, "{} back at level {level}", plain.farthest);
            assert!(level == 0 || plain.farthest > 200, "level {level} compresses");
        }
    }
}

fn options() -> impl Strategy<Value = DeflateOptions> {
    let bits = || proptest::option::of(8..=15_u8);
    (any::<[bool; 3]>(), bits(), bits()).prop_map(|(flags, server_max_window_bits, client_max_window_bits)| {
        DeflateOptions {
            server_no_context_takeover: flags[0],
            client_no_context_takeover: flags[1],
            offer_client_max_window_bits: flags[2],
            server_max_window_bits,
            client_max_window_bits,
        }
    })
}

fn keeps_to(agreement: &Agreement, client: &DeflateOptions, server: &DeflateOptions) -> bool {
    let within = |agreed: u8, asked: Option<u8>| asked.is_none_or(|asked| agreed <= asked);
    let limitable = client.offer_client_max_window_bits || client.client_max_window_bits.is_some();
    agreement.server_no_context_takeover == (client.server_no_context_takeover || server.server_no_context_takeover)
        && agreement.client_no_context_takeover
            == (client.client_no_context_takeover || server.client_no_context_takeover)
        && within(agreement.server_max_window_bits, client.server_max_window_bits)
        && within(agreement.server_max_window_bits, server.server_max_window_bits)
        && within(agreement.client_max_window_bits, client.client_max_window_bits)
        && (!limitable || within(agreement.client_max_window_bits, server.client_max_window_bits))
}

/// DEFLATE after RFC 1951 in its plainest form, to check a compressor with: it keeps all output, and how far back a
/// reference went. It panics on what is corrupt.
#[derive(Default)]
struct Plain {
    output: Vec<u8>,
    farthest: usize,
}

/// The bits of some bytes, the lowest of each byte first.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn bit(&mut self) -> usize {
        let bit = self.bytes[self.at / 8] >> (self.at % 8) & 1;
        self.at += 1;
        usize::from(bit)
    }

    /// A number, its lowest bit first.
    fn number(&mut self, width: usize) -> usize {
        (0..width).map(|place| self.bit() << place).sum()
    }

    fn symbol(&mut self, huffman: &Huffman) -> usize {
        let (mut code, mut first, mut passed) = (0, 0, 0);
        for count in huffman.counts {
            code = code << 1 | self.bit();
            if code < first + count {
                return huffman.symbols[passed + code - first];
            }
            first = (first + count) << 1;
            passed += count;
        }
        panic!("no symbol has this code");
    }

    fn align(&mut self) {
        self.at = self.at.next_multiple_of(8);
    }
}

/// A canonical Huffman code (RFC 1951 §3.2.2): how many symbols have each length from 1 on, and the symbols by length.
struct Huffman {
    counts: [usize; 15],
    symbols: Vec<usize>,
}

impl Huffman {
    fn new(lengths: &[usize]) -> Self {
        let mut symbols: Vec<usize> = (0..lengths.len()).filter(|&symbol| lengths[symbol] > 0).collect();
        symbols.sort_by_key(|&symbol| lengths[symbol]);
        let counts = core::array::from_fn(|i| lengths.iter().filter(|&&length| length == i + 1).count());
        Self { counts, symbols }
    }
}

impl Plain {
    /// Decompresses blocks up to the end of these bytes.
    fn decompress(&mut self, bytes: &[u8]) {
        let mut bits = Bits { bytes, at: 0 };
        while bits.at < bytes.len() * 8 {
            assert_eq!(bits.bit(), 0, "we make no final blocks");
            match bits.number(2) {
                0 => self.stored(&mut bits),
                1 => self.compressed(&mut bits, &fixed_literals(), &Huffman::new(&[5; 30])),
                2 => {
                    let (literals, distances) = dynamic_codes(&mut bits);
                    self.compressed(&mut bits, &literals, &distances);
                }
                _ => panic!("no such block"),
            }
        }
    }

    fn stored(&mut self, bits: &mut Bits<'_>) {
        bits.align();
        let length = bits.number(16);
        assert_eq!(bits.number(16), length ^ 0xFFFF);
        let start = bits.at / 8;
        self.output.extend_from_slice(&bits.bytes[start..start + length]);
        bits.at += length * 8;
    }

    fn compressed(&mut self, bits: &mut Bits<'_>, literals: &Huffman, distances: &Huffman) {
        loop {
            let symbol = bits.symbol(literals);
            match symbol {
                0..=255 => self.output.push(symbol.to_le_bytes()[0]),
                256 => return,
                _ => {
                    // §3.2.5: the base and the extra bits of lengths and distances
                    let length = match symbol - 257 {
                        28 => 258,
                        code @ 0..8 => code + 3,
                        code => ((4 + code % 4) << (code / 4 - 1)) + 3 + bits.number(code / 4 - 1),
                    };
                    let distance = match bits.symbol(distances) {
                        code @ 0..4 => code + 1,
                        code => ((2 + code % 2) << (code / 2 - 1)) + 1 + bits.number(code / 2 - 1),
                    };
                    self.farthest = self.farthest.max(distance);
                    for _ in 0..length {
                        self.output.push(self.output[self.output.len() - distance]);
                    }
                }
            }
        }
    }
}

/// §3.2.6
fn fixed_literals() -> Huffman {
    let lengths: Vec<usize> = [(8, 144), (9, 112), (7, 24), (8, 8)]
        .iter()
        .flat_map(|&(length, count)| repeat_n(length, count))
        .collect();
    Huffman::new(&lengths)
}

/// §3.2.7
fn dynamic_codes(bits: &mut Bits<'_>) -> (Huffman, Huffman) {
    let (literals, distances, codes) = (bits.number(5) + 257, bits.number(5) + 1, bits.number(4) + 4);
    let mut code_lengths = [0; 19];
    for place in [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
        .into_iter()
        .take(codes)
    {
        code_lengths[place] = bits.number(3);
    }
    let code_lengths = Huffman::new(&code_lengths);
    let mut lengths: Vec<usize> = Vec::new();
    while lengths.len() < literals + distances {
        let (length, count) = match bits.symbol(&code_lengths) {
            16 => (*lengths.last().expect("there is one to repeat"), 3 + bits.number(2)),
            17 => (0, 3 + bits.number(3)),
            18 => (0, 11 + bits.number(7)),
            length => (length, 1),
        };
        lengths.extend(repeat_n(length, count));
    }
    (Huffman::new(&lengths[..literals]), Huffman::new(&lengths[literals..]))
}
