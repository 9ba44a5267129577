//! Messages compressed and decompressed (RFC 7692 §7.2), by `zlib-rs`.

use alloc::vec::Vec;
use core::fmt;

use crate::deflate::stream::{DeflateStream, InflateStream, Status, Until};

/// LEN and NLEN of the empty stored block that ends every message: the sender removes them (§7.2.1), the receiver
/// appends them again (§7.2.2).
const TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];

/// The most bytes by which the output grows at a time.
const OUTPUT_STEP: usize = 16 * 1024;

/// Compresses the messages of one direction.
///
/// With context takeover, a compressor belongs to one connection; all of its output must be sent, in order, so that the
/// peer's window stays the same. Without, it may serve many connections in turn, one message each.
///
/// Its memory does not depend on the data: 2^(`window_bits` + 2) + 7 · 2^(`memory_level` + 6) bytes, and
/// 131 KiB for `zlib-rs`'s hash table and state, whatever the settings. With 15 and 8 that is 371 KiB.
pub struct Deflater {
    stream: DeflateStream,
    settings: [u8; 3],
    /// Input was kept back, to be compressed with later input.
    pending: bool,
}

/// When a [`Deflater`] must give out the bytes that it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flush {
    /// More of the message follows: the bytes may be kept back, and compressed with it.
    Later,
    /// More of the message follows, but the peer must be able to read these bytes now.
    Now,
    /// The bytes end the message.
    Last,
}

impl Deflater {
    /// A compressor whose references go at most 2^`window_bits` bytes back. Values out of range are clamped.
    ///
    /// - `window_bits`: 8 to 15. For 8, as for 9, zlib has a buffer of 512 bytes, of which it leaves 262 for the bytes
    ///   to come: its references go 250 back, which is right for both.
    /// - `memory_level`: 1 to 9, how many bytes go into one block; zlib's default is 8.
    /// - `level`: 0 (stored) to 9 (smallest); zlib's default is 6.
    ///
    /// # Panics
    /// There is no memory for it.
    #[must_use]
    pub fn new(window_bits: u8, memory_level: u8, level: u8) -> Self {
        Self::try_new([window_bits, memory_level, level]).unwrap_or_else(|| panic!("no memory for a compressor"))
    }

    /// The same; `None` if there is no memory for it.
    pub(crate) fn try_new(settings: [u8; 3]) -> Option<Self> {
        let [window_bits, memory_level, level] = settings;
        Some(Self {
            stream: DeflateStream::new(level.min(9), window_bits.clamp(9, 15), memory_level.clamp(1, 9))?,
            settings,
            pending: false,
        })
    }

    /// The arguments of [`new`](Self::new): window bits, memory level, level.
    #[must_use]
    pub const fn settings(&self) -> [u8; 3] {
        self.settings
    }

    /// Compresses the next part of the message, and appends the result, payload for its frames (§7.2.1), to `out`. The
    /// total exceeds the message's length by at most an eighth and 16 bytes, and 8 more for each part that is flushed
    /// [now](Flush::Now).
    pub fn compress(&mut self, input: &[u8], flush: Flush, out: &mut Vec<u8>) {
        self.pending |= !input.is_empty();
        let start = out.len();
        // zlib would not flush again without new input
        if self.pending {
            self.run(input, flush, out);
        }
        self.pending &= flush == Flush::Later;
        if flush == Flush::Last {
            end(out, start);
        }
    }

    /// Forgets all messages so far: the next one is compressed independently. Input that was kept back is dropped.
    ///
    /// It clears 128 KiB.
    pub fn reset(&mut self) {
        self.stream.reset();
        self.pending = false;
    }

    fn run(&mut self, mut input: &[u8], flush: Flush, out: &mut Vec<u8>) {
        let flush = flush != Flush::Later;
        loop {
            // more than the six bytes with which zlib would repeat a flush that just fits
            let room = (input.len() + input.len() / 8 + 64).min(OUTPUT_STEP);
            let start = out.len();
            out.resize(start + room, 0);
            let (taken, made) = self.stream.run(input, &mut out[start..], flush);
            out.truncate(start + made);
            input = &input[taken..];
            if made < room && (input.is_empty() || taken == 0) {
                return;
            }
        }
    }
}

/// Ends a message whose last part begins at `start`.
fn end(out: &mut Vec<u8>, start: usize) {
    if out.len() == start {
        // an empty stored block, of which the tail is the rest (§7.2.3.6)
        out.push(0x00);
    } else {
        debug_assert!(out.ends_with(&TAIL), "a sync flush ends so");
        out.truncate(out.len().saturating_sub(TAIL.len()));
    }
}

impl fmt::Debug for Deflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deflater").finish_non_exhaustive()
    }
}

/// The peer's bytes are not DEFLATE data, or end inside a block. Nothing more can be decompressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Corrupt;

impl fmt::Display for Corrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a compressed message is corrupt (RFC 7692 §7.2.2)")
    }
}

impl core::error::Error for Corrupt {}

/// Decompresses the messages of one direction into the caller's buffers, so the caller can stop a message that grows
/// beyond a limit, whatever its compressed size.
///
/// Its memory does not depend on the data: 47 KiB, with a window of always 32 KiB.
pub struct Inflater {
    stream: InflateStream,
    window_bits: u8,
    /// Nothing has come since the end of a block with BFINAL.
    ended: bool,
    corrupt: bool,
}

impl Inflater {
    /// A decompressor for a peer that compresses with a window of 2^`window_bits` bytes, 8 to 15. References farther
    /// back are not detected.
    ///
    /// # Panics
    /// There is no memory for it.
    #[must_use]
    pub fn new(window_bits: u8) -> Self {
        Self::try_new(window_bits).unwrap_or_else(|| panic!("no memory for a decompressor"))
    }

    /// The same; `None` if there is no memory for it.
    pub(crate) fn try_new(window_bits: u8) -> Option<Self> {
        Some(Self {
            stream: InflateStream::new()?,
            window_bits,
            ended: false,
            corrupt: false,
        })
    }

    /// Whether the data behind the last output is corrupt: that output was valid, but nothing more can follow.
    #[must_use]
    pub const fn is_corrupt(&self) -> bool {
        self.corrupt
    }

    /// The argument of [`new`](Self::new).
    #[must_use]
    pub const fn window_bits(&self) -> u8 {
        self.window_bits
    }

    /// Decompresses the next part of a message. Returns how many bytes of `input` were consumed, and how many of `out`
    /// were written.
    ///
    /// All of `input` is consumed unless `out` is full. A full `out` means that more may come even without input: call
    /// again, with the rest of the input and a new `out`, or leave it to [`finish`](Self::finish). If the rest [is
    /// corrupt](Self::is_corrupt), the next call says so.
    ///
    /// A block with BFINAL ends zlib's stream, but neither the message nor the peer's window (§7.2.1, §7.2.3.4): the
    /// rest is decompressed as a new stream with the same window.
    ///
    /// # Errors
    /// The data is corrupt.
    pub fn inflate(&mut self, input: &[u8], out: &mut [u8]) -> Result<(usize, usize), Corrupt> {
        self.run(input, out, Until::FinalBlock)
    }

    /// Ends the message, after [`inflate`](Self::inflate) has taken all of its payload. Returns how many bytes of `out`
    /// were written, and whether that was all. If not, `out` is full: call again with a new one of at least one byte.
    ///
    /// A message that ends with a BFINAL block is accepted without the octet 0x00 that should follow (§7.2.3.4): peers
    /// that compress with `Z_FINISH` omit it.
    ///
    /// # Errors
    /// The data is corrupt, or ends inside a block. Every later call says so too.
    pub fn finish(&mut self, out: &mut [u8]) -> Result<(usize, bool), Corrupt> {
        let result = self.end(out);
        self.corrupt |= result.is_err();
        result
    }

    fn end(&mut self, out: &mut [u8]) -> Result<(usize, bool), Corrupt> {
        let (_, produced) = self.run(&[], out, Until::FinalBlock)?;
        let done = produced < out.len();
        if done {
            if !self.ended {
                self.take_tail(&mut out[produced..])?;
            }
            self.ended = false;
        }
        Ok((produced, done))
    }

    /// Forgets all messages so far: the next one was compressed independently.
    pub fn reset(&mut self) {
        self.stream.reset();
        self.ended = false;
        self.corrupt = false;
    }

    /// "Append 4 octets of 0x00 0x00 0xff 0xff to the tail end of the payload of the message." (§7.2.2)
    ///
    /// They must end a block and do nothing else. zlib stops behind that block, so it consumes the octet after them
    /// only if it is elsewhere.
    fn take_tail(&mut self, out: &mut [u8]) -> Result<(), Corrupt> {
        let [a, b, c, d] = TAIL;
        if self.run(&[a, b, c, d, 0x00], out, Until::AnyBlock)? != (TAIL.len(), 0) {
            return Err(Corrupt);
        }
        // the block may have been a final one, which zlib reports only when asked for more
        self.run(&[], out, Until::FinalBlock)?;
        Ok(())
    }

    /// The bytes that the next message may refer to: between messages, this is the whole state.
    #[cfg(feature = "inspect")]
    pub(crate) fn window(&self) -> Vec<u8> {
        self.stream.window()
    }

    /// Continues behind the messages that left this [`window`](Self::window).
    #[cfg(feature = "inspect")]
    pub(crate) fn set_window(&mut self, window: &[u8]) {
        self.reset();
        self.stream.set_window(window);
    }

    fn run(&mut self, input: &[u8], out: &mut [u8], until: Until) -> Result<(usize, usize), Corrupt> {
        if self.corrupt {
            return Err(Corrupt);
        }
        let (mut consumed, mut produced) = (0, 0);
        loop {
            let progress = self.stream.run(&input[consumed..], &mut out[produced..], until);
            self.ended &= progress.consumed == 0;
            consumed += progress.consumed;
            produced += progress.produced;
            match progress.status {
                Status::Going => return Ok((consumed, produced)),
                Status::Ended => {
                    self.stream.go_on();
                    self.ended = true;
                }
                Status::Corrupt => {
                    // valid output is given out first, as if it had come alone
                    self.corrupt = true;
                    return if produced > 0 {
                        Ok((input.len(), produced))
                    } else {
                        Err(Corrupt)
                    };
                }
            }
        }
    }
}

impl fmt::Debug for Inflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inflater").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{Corrupt, Deflater, Flush, Inflater};

    const HELLO: &[u8] = b"Hello";

    /// The payloads of RFC 7692 §7.2.3 that make "Hello", each the first of its connection.
    const HELLOS: [(&str, &[u8]); 5] = [
        ("7.2.3.1", &[0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]),
        (
            "7.2.3.3",
            &[0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00],
        ),
        ("7.2.3.4", &[0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00]),
        (
            "7.2.3.5",
            &[
                0xF2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xCA, 0xC9, 0xC9, 0x07, 0x00,
            ],
        ),
        (
            "7.2.3.4, without its last octet",
            &[0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00],
        ),
    ];
    /// §7.2.3.2: "Hello" by reference to a "Hello" before it.
    const AGAIN: &[u8] = &[0xF2, 0x00, 0x11, 0x00, 0x00];
    /// §7.2.3.6
    const EMPTY: &[u8] = &[0x00];

    fn compressed(deflater: &mut Deflater, message: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        deflater.compress(message, Flush::Last, &mut out);
        out
    }

    /// One message, given in pieces of `step` bytes, into buffers of `room` bytes.
    fn inflated(inflater: &mut Inflater, payload: &[u8], step: usize, room: usize) -> Result<Vec<u8>, Corrupt> {
        let (mut message, mut out) = (Vec::new(), vec![0; room]);
        for mut piece in payload.chunks(step) {
            while !piece.is_empty() {
                let (consumed, produced) = inflater.inflate(piece, &mut out)?;
                assert!(
                    consumed == piece.len() || produced == room || inflater.corrupt,
                    "input is left though there is room"
                );
                message.extend_from_slice(&out[..produced]);
                piece = &piece[consumed..];
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

    fn inflated_at_once(inflater: &mut Inflater, payload: &[u8]) -> Result<Vec<u8>, Corrupt> {
        inflated(inflater, payload, usize::MAX, 1024)
    }

    /// Pieces and buffers: of one byte, of some, of more than a message has.
    const SIZES: [(usize, usize); 5] = [(1, 1), (1, 100), (2, 3), (100, 1), (100, 100)];

    #[test]
    fn the_payloads_of_section_7_2_3_are_decompressed() {
        for (section, payload) in HELLOS {
            for (step, room) in SIZES {
                let mut inflater = Inflater::new(15);
                // all leave the same window: the second message is that of 7.2.3.2
                for (payload, expected) in [(payload, HELLO), (EMPTY, b""), (AGAIN, HELLO), (payload, HELLO)] {
                    assert_eq!(
                        inflated(&mut inflater, payload, step, room).as_deref(),
                        Ok(expected),
                        "{section}, {payload:02X?} in pieces of {step} into buffers of {room}"
                    );
                }
            }
        }
    }

    #[test]
    fn the_payloads_of_section_7_2_3_are_what_we_send() {
        let mut deflater = Deflater::new(15, 8, 6);
        let [(_, hello), ..] = HELLOS;
        assert_eq!(compressed(&mut deflater, HELLO), hello);
        // 7.2.3.2 has one of several ways to refer to the first message
        assert!(compressed(&mut deflater, HELLO).len() <= AGAIN.len());
        assert_eq!(compressed(&mut deflater, b""), EMPTY);
        assert!(compressed(&mut deflater, HELLO).len() <= AGAIN.len());
        deflater.reset();
        assert_eq!(compressed(&mut deflater, b""), EMPTY);
        assert_eq!(compressed(&mut deflater, HELLO), hello);
    }

    #[test]
    fn an_uncompressed_level_makes_stored_blocks() {
        let [_, (_, stored), ..] = HELLOS;
        assert_eq!(compressed(&mut Deflater::new(15, 8, 0), HELLO), stored);
    }

    #[test]
    fn a_message_in_parts_is_one_message() {
        let parts: [&[&[u8]]; 6] = [
            &[b"Hello"],
            &[b"Hel", b"lo"],
            &[b"", b"Hello"],
            &[b"Hello", b""],
            &[b"H", b"", b"e", b"llo", b"", b""],
            &[b"", b"", b"Hello", b""],
        ];
        for flush in [Flush::Later, Flush::Now] {
            let mut deflater = Deflater::new(15, 8, 6);
            for parts in parts {
                let mut out = b"before".to_vec();
                let mut readable = Vec::new();
                for (index, part) in parts.iter().enumerate() {
                    let last = index + 1 == parts.len();
                    deflater.compress(part, if last { Flush::Last } else { flush }, &mut out);
                    readable.extend_from_slice(part);
                    if flush == Flush::Now && !last {
                        let mut now = [0; 100];
                        let (_, produced) = Inflater::new(15).inflate(&out[6..], &mut now).expect("it is valid");
                        assert_eq!(now[..produced], readable, "{parts:?}");
                    }
                }
                assert_eq!(&out[..6], b"before");
                let message = inflated_at_once(&mut Inflater::new(15), &out[6..]);
                assert_eq!(message.as_deref(), Ok(HELLO), "{parts:?}");
                deflater.reset();
            }
            let mut out = Vec::new();
            for part in [flush, flush, Flush::Last] {
                deflater.compress(b"", part, &mut out);
            }
            assert_eq!(out, EMPTY);
        }
    }

    #[test]
    fn reset_gives_up_a_message_and_the_window() {
        let mut deflater = Deflater::new(15, 8, 6);
        deflater.compress(&[7; 100_000], Flush::Later, &mut Vec::new());
        deflater.reset();
        let [(_, hello), ..] = HELLOS;
        assert_eq!(compressed(&mut deflater, HELLO), hello);

        let mut inflater = Inflater::new(15);
        assert_eq!(inflated_at_once(&mut inflater, hello).as_deref(), Ok(HELLO));
        assert_eq!(inflater.inflate(&hello[..3], &mut [0; 9]), Ok((3, 2)));
        inflater.reset();
        assert_eq!(
            inflated_at_once(&mut inflater, AGAIN),
            Err(Corrupt),
            "the window is empty"
        );
        inflater.reset();
        assert_eq!(inflated_at_once(&mut inflater, hello).as_deref(), Ok(HELLO));
    }

    #[test]
    fn corrupt_data_is_refused_however_it_comes() {
        let cases: [(&str, &[u8]); 14] = [
            ("no data at all", &[]),
            ("a block type that does not exist", &[0x06, 0x00]),
            ("the same, final", &[0x07, 0x00]),
            (
                "a stored block whose lengths do not agree",
                &[0x00, 0x05, 0x00, 0xFA, 0xFE, 0x48],
            ),
            ("a stored block that is cut off", &[0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48]),
            (
                "a stored block that ends where the tail would",
                &[0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C],
            ),
            ("a fixed block that is cut off", &[0xF2, 0x48, 0xCD]),
            (
                "a fixed block without the empty block after it",
                &[0xF2, 0x48, 0xCD, 0xC9, 0xC9],
            ),
            ("a reference to what never was", AGAIN),
            ("a dynamic block without a header", &[0x04]),
            ("a dynamic block with too many codes", &[0xFC, 0xFF, 0xFF]),
            (
                "the four octets that had to be taken off",
                &[0x00, 0x00, 0x00, 0xFF, 0xFF],
            ),
            (
                "a final block, and half a block",
                &[0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0xF2, 0x48],
            ),
            (
                "a final block, and a block type that does not exist",
                &[0x03, 0x00, 0x06],
            ),
        ];
        for (what, payload) in cases {
            for (step, room) in SIZES {
                let mut inflater = Inflater::new(15);
                assert_eq!(
                    inflated(&mut inflater, payload, step, room),
                    Err(Corrupt),
                    "{what} in pieces of {step} into buffers of {room}"
                );
            }
        }
    }

    #[test]
    fn a_window_goes_on_behind_final_blocks() {
        // 300 bytes stored, final; then a fixed block with a reference of 3 bytes to their beginning:
        // length 3 is 0000001, distance 257-384 is code 16, 10000, and seven extra bits, 43 = 0101011
        let bytes: Vec<u8> = (0..300).map(|i| (i % 251) as u8).collect();
        let mut payload = vec![0x01, 0x2C, 0x01, 0xD3, 0xFE];
        payload.extend(&bytes);
        let bits = "0 10 0000001 10000 1101010 0000000 000";
        let bits: Vec<u8> = bits.bytes().filter(u8::is_ascii_digit).map(|bit| bit - b'0').collect();
        payload.extend(
            bits.chunks(8)
                .map(|byte| byte.iter().rev().fold(0, |byte, bit| byte << 1 | bit)),
        );
        let expected = [&bytes[..], &bytes[..3]].concat();
        for (step, room) in [(1, 1), (7, 5), (1000, 1000)] {
            let mut inflater = Inflater::new(15);
            for _ in 0..300 {
                assert_eq!(inflated(&mut inflater, &payload, step, room).as_ref(), Ok(&expected));
            }
        }
    }

    #[test]
    fn a_bomb_stops_where_its_receiver_stops() {
        let mut bomb = Vec::new();
        Deflater::new(15, 9, 9).compress(&vec![0; 16 << 20], Flush::Last, &mut bomb);
        assert!(bomb.len() < 20_000);
        let mut inflater = Inflater::new(15);
        let mut out = vec![0; 10_000];
        let (consumed, produced) = inflater.inflate(&bomb, &mut out).expect("it is valid");
        assert_eq!(produced, out.len());
        assert!(consumed < 1000, "it reads on, to {consumed}");
    }

    #[test]
    fn settings_out_of_range_are_taken_for_the_nearest() {
        for (window_bits, memory_level, level) in [(0, 0, 0), (8, 1, 1), (255, 255, 255)] {
            let mut deflater = Deflater::new(window_bits, memory_level, level);
            let mut inflater = Inflater::new(window_bits);
            for message in [&[b'a'; 5000][..], b"", b"Hello"] {
                let payload = compressed(&mut deflater, message);
                assert_eq!(inflated(&mut inflater, &payload, 99, 99).as_deref(), Ok(message));
            }
        }
    }
}
