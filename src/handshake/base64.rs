//! Base64 (RFC 4648 §4), as far as the handshake has it: the values of `Sec-WebSocket-Key` and `Sec-WebSocket-Accept`.

use alloc::string::String;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Three bytes are four characters; what is missing of the last three is padding.
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let mut group = [0; 4];
        group[1..=chunk.len()].copy_from_slice(chunk);
        let group = u32::from_be_bytes(group);
        for position in 0..4 {
            let sextet = group >> (18 - 6 * position) & 63;
            let is_padding = position > chunk.len();
            text.push(if is_padding {
                '='
            } else {
                char::from(ALPHABET[sextet as usize])
            });
        }
    }
    text
}

/// Whether these are 16 bytes: 22 characters, the last of which has two bits only, and the padding.
pub fn is_16_bytes(text: &[u8]) -> bool {
    let Some(([characters @ .., last], [])) = text.strip_suffix(b"==").and_then(|value| value.split_at_checked(22))
    else {
        return false;
    };
    characters.iter().all(|character| ALPHABET.contains(character)) && b"AQgw".contains(last)
}

#[cfg(test)]
mod tests {
    use super::{encode, is_16_bytes};

    #[test]
    fn the_vectors_of_rfc_4648_section_10() {
        let vectors: [(&[u8], &str); 7] = [
            (b"", ""),
            (b"f", "Zg=="),
            (b"fo", "Zm8="),
            (b"foo", "Zm9v"),
            (b"foob", "Zm9vYg=="),
            (b"fooba", "Zm9vYmE="),
            (b"foobar", "Zm9vYmFy"),
        ];
        for (bytes, text) in vectors {
            assert_eq!(encode(bytes), text);
        }
        assert_eq!(encode(&[0xFB, 0xFF, 0xBF]), "+/+/"); // the last two characters of the alphabet
    }

    #[test]
    fn only_the_text_of_16_bytes_is_taken() {
        for nonce in [[0; 16], [0xFF; 16], *b"the sample nonce"] {
            let text = encode(&nonce);
            assert!(is_16_bytes(text.as_bytes()), "{text}");
            for at in 0..22 {
                for wrong in [b'-', b'_', b'=', b' ', b'\r', 0x80] {
                    let mut text = text.clone().into_bytes();
                    text[at] = wrong;
                    assert!(!is_16_bytes(&text), "{wrong} at {at}");
                }
            }
        }
        let texts: [&[u8]; 8] = [
            b"",
            b"==",
            b"dGhlIHNhbXBsZSBub25jZQ",       // no padding
            b"dGhlIHNhbXBsZSBub25jZR==",     // a bit that no byte has
            b"dGhlIHNhbXBsZSBub25jZS4=",     // 17 bytes
            b"dGhlIHNhbXBsZSBub25j",         // 15 bytes
            b"dGhlIHNhbXBsZSBub25jZQ== ",    // and a blank
            b"dGhlIHNhbXBsZSBub25jZQAAAA==", // 19 bytes
        ];
        for text in texts {
            assert!(!is_16_bytes(text), "{text:?}");
        }
    }
}
