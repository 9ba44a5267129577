#[cfg(all(target_arch = "x86_64", feature = "std"))]
use fearless_simd::{Level, dispatch};

/// A masking key (RFC 6455 §5.3): four bytes that a client draws afresh for each frame.
///
/// Octet `i` of the payload is XORed with octet `i mod 4` of the key, so applying a key twice gives the payload
/// back. A key also serves as its own position: [`apply`](Self::apply) returns the key turned to where the next
/// bytes of the same payload go on.
///
/// ```
/// use websocket_component::MaskKey;
///
/// let key = MaskKey([0x37, 0xFA, 0x21, 0x3D]); // RFC 6455 §5.7
/// let mut payload = *b"Hello";
/// let rest = key.apply(&mut payload[..3]);
/// rest.apply(&mut payload[3..]);
/// assert_eq!(payload, [0x7F, 0x9F, 0x4D, 0x51, 0x58]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct MaskKey(pub [u8; 4]);

impl MaskKey {
    /// The key of four zero bytes, which changes nothing.
    pub const ZERO: Self = Self([0; 4]);

    /// Masks or unmasks `bytes` in place, and returns the key for the bytes that follow them.
    pub fn apply(self, bytes: &mut [u8]) -> Self {
        if self != Self::ZERO {
            self.apply_and_gather(bytes);
        }
        self.advance(bytes.len())
    }

    /// The same in one pass with a look at the outcome: whether all of it is ASCII.
    pub(crate) fn apply_and_scan(self, bytes: &mut [u8]) -> (Self, bool) {
        #[cfg(all(target_arch = "x86_64", feature = "std"))]
        if self == Self::ZERO {
            return (self, dispatch!(Level::new(), _simd => is_ascii(bytes)));
        }
        let bits = self.apply_and_gather(bytes);
        (self.advance(bytes.len()), bits & 0x8080_8080_8080_8080 == 0)
    }

    /// Masks, and gives the bits that any of the words of eight bytes has then.
    #[inline(always)] // so that a caller who has no use for the bits has no work by them
    fn apply_and_gather(self, bytes: &mut [u8]) -> u64 {
        #[cfg(all(target_arch = "x86_64", feature = "std"))]
        if bytes.len() >= LONG {
            return self.apply_to_long(bytes);
        }
        self.apply_to_blocks(bytes)
    }

    // a copy at each caller would be a kibibyte of wasm; elsewhere it saves a call, and computing unused bits
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    fn apply_to_blocks(self, bytes: &mut [u8]) -> u64 {
        let Some(&(mut last)) = bytes.last_chunk::<BLOCK>() else {
            return self.apply_to_few(bytes);
        };
        let blocks = bytes.len() / BLOCK * BLOCK;
        let bits = xor_words(bytes[..blocks].as_chunks_mut().0, self.word());
        // the last block overlaps the one before it, so it is computed from the original bytes
        let last_bits = xor_words(last.as_chunks_mut().0, self.advance(bytes.len()).word());
        if let Some(place) = bytes.last_chunk_mut() {
            *place = last;
        }
        bits | last_bits
    }

    /// Masks fewer bytes than a block has.
    fn apply_to_few(self, bytes: &mut [u8]) -> u64 {
        let mut bits = 0;
        let (halves, tail) = bytes.as_chunks_mut::<4>();
        for half in halves {
            let plain = u32::from_ne_bytes(*half) ^ u32::from_ne_bytes(self.0);
            *half = plain.to_ne_bytes();
            bits |= u64::from(plain);
        }
        for (byte, key) in tail.iter_mut().zip(self.0) {
            *byte ^= key;
            bits |= u64::from(*byte);
        }
        bits
    }

    /// Masks at least `LONG` bytes: enough to pay for detecting wider SIMD, and for aligning to it.
    #[cfg(all(target_arch = "x86_64", feature = "std"))]
    #[inline(always)]
    fn apply_to_long(self, bytes: &mut [u8]) -> u64 {
        let before = bytes.as_ptr().align_offset(ALIGNMENT).min(LONG / 2);
        let (start, rest) = bytes.split_at_mut(before);
        let start_bits = self.apply_to_blocks(start);
        let key = self.advance(before);
        let (words, end) = rest.as_chunks_mut();
        let end_bits = key.apply_to_few(end);
        let bits = dispatch!(Level::new(), _simd => xor_words(words, key.word()));
        start_bits | bits | end_bits
    }

    /// The key, twice.
    const fn word(self) -> u64 {
        let key = u32::from_ne_bytes(self.0) as u64;
        key << 32 | key
    }

    /// The key as it stands after `length` bytes of payload.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "at most 3")]
    pub const fn advance(self, length: usize) -> Self {
        // as a number: rotating the array costs more than masking a short message
        let key = u32::from_le_bytes(self.0).rotate_right(8 * (length % 4) as u32);
        Self(key.to_le_bytes())
    }
}

/// The bytes that SIMD masks at once, everywhere.
const BLOCK: usize = 16;

/// From this many bytes on, the widest SIMD of the processor is used, aligned.
#[cfg(all(target_arch = "x86_64", feature = "std"))]
const LONG: usize = 1024;
#[cfg(all(target_arch = "x86_64", feature = "std"))]
const ALIGNMENT: usize = 64;

/// XORs each word, and gives the bits that any has then. The compiler makes SIMD of it.
#[inline(always)]
fn xor_words(words: &mut [[u8; 8]], key: u64) -> u64 {
    let mut bits = 0;
    for word in words {
        let plain = u64::from_ne_bytes(*word) ^ key;
        *word = plain.to_ne_bytes();
        bits |= plain;
    }
    bits
}

/// Looks at a kibibyte at a time, as text that is not ASCII mostly shows it early.
#[cfg(all(target_arch = "x86_64", feature = "std"))]
#[inline(always)]
fn is_ascii(bytes: &[u8]) -> bool {
    bytes.chunks(1024).all(|chunk| {
        let (words, end) = chunk.as_chunks();
        let bits = words.iter().fold(0, |bits, word| bits | u64::from_ne_bytes(*word));
        bits & 0x8080_8080_8080_8080 == 0 && end.is_ascii()
    })
}

#[cfg(test)]
mod tests {
    use super::MaskKey;

    const KEY: MaskKey = MaskKey([0x37, 0xFA, 0x21, 0x3D]);

    fn masked_octet_by_octet(payload: &[u8]) -> Vec<u8> {
        payload
            .iter()
            .enumerate()
            .map(|(i, byte)| byte ^ KEY.0[i % 4])
            .collect()
    }

    #[test]
    fn every_length_equals_the_rfc_s_octet_rule_and_twice_is_the_identity() {
        for length in 0..=67_u8 {
            let payload: Vec<u8> = (0..length).map(|i: u8| i.wrapping_mul(7)).collect();
            let mut masked = payload.clone();
            KEY.apply(&mut masked);
            assert_eq!(masked, masked_octet_by_octet(&payload), "length {length}");
            KEY.apply(&mut masked);
            assert_eq!(masked, payload, "length {length}");
        }
    }

    #[test]
    fn a_scan_tells_of_each_byte_above_ascii_wherever_it_stands() {
        for length in 0..=151 {
            let plain = vec![b'a'; length];
            let scan = |payload: &[u8]| {
                let mut masked = payload.to_vec();
                KEY.apply(&mut masked);
                let (rest, ascii) = KEY.apply_and_scan(&mut masked);
                assert_eq!((masked.as_slice(), rest), (payload, KEY.advance(length)));
                ascii
            };
            assert!(scan(&plain), "length {length}");
            for at in 0..length {
                let mut payload = plain.clone();
                payload[at] = 0x80;
                assert!(!scan(&payload), "byte {at} of {length}");
            }
        }
    }

    #[test]
    fn a_payload_masked_in_two_pieces_equals_the_whole_at_every_split() {
        let payload: Vec<u8> = (0..67).collect();
        let whole = masked_octet_by_octet(&payload);
        for split in 0..=payload.len() {
            let mut pieces = payload.clone();
            let (first, second) = pieces.split_at_mut(split);
            KEY.apply(first).apply(second);
            assert_eq!(pieces, whole, "split at {split}");
        }
    }

    #[test]
    fn a_long_payload_is_masked_by_the_same_rule_wherever_it_stands() {
        let masked: Vec<u8> = masked_octet_by_octet(&[b'a'; 2200]);
        for start in [0, 1, 6, 8, 33, 63] {
            for length in [1023, 1024, 1087, 1088, 2047, 2112, 2119, 2125] {
                let mut bytes = vec![0; start];
                bytes.extend(&masked[..length]);
                let (rest, ascii) = KEY.apply_and_scan(&mut bytes[start..]);
                assert!(ascii && rest == KEY.advance(length), "{length} at {start}");
                assert!(bytes[start..].iter().all(|byte| *byte == b'a'), "{length} at {start}");
                for at in [0, 1, 65, length / 2, length - 2, length - 1] {
                    let mut bytes = bytes.clone();
                    KEY.apply(&mut bytes[start..]);
                    bytes[start + at] ^= 0x80;
                    assert!(
                        !KEY.apply_and_scan(&mut bytes[start..]).1,
                        "byte {at} of {length} at {start}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_scan_without_a_key_tells_of_each_byte_above_ascii_too() {
        for length in [0, 1, 15, 125, 1024, 1029, 2100] {
            let mut bytes = vec![b'a'; length];
            assert_eq!(MaskKey::ZERO.apply_and_scan(&mut bytes), (MaskKey::ZERO, true));
            for at in (0..length).step_by(1 + length / 32) {
                let mut bytes = bytes.clone();
                bytes[at] = 0x80;
                assert!(!MaskKey::ZERO.apply_and_scan(&mut bytes).1, "byte {at} of {length}");
            }
        }
    }

    #[test]
    fn the_zero_key_changes_nothing() {
        let mut payload = *b"unchanged";
        assert_eq!(MaskKey::ZERO.apply(&mut payload), MaskKey::ZERO);
        assert_eq!(&payload, b"unchanged");
    }
}
