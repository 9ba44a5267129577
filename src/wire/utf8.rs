/// Checks a stream of UTF-8 that arrives in pieces, and fails at the first byte that cannot belong to it
/// (RFC 3629, RFC 6455 §8.1): no overlong forms, no surrogates, nothing above U+10FFFF.
///
/// ```
/// use websocket_component::Utf8Validator;
///
/// let mut utf8 = Utf8Validator::default();
/// assert!(utf8.push(b"\xE2\x82").is_ok()); // two bytes of "€"
/// assert!(!utf8.is_boundary());
/// assert!(utf8.push(b"\xAC").is_ok());
/// assert!(utf8.is_boundary());
/// assert!(utf8.push(b"\xED\xA0").is_err()); // a surrogate, known by its second byte
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Utf8Validator {
    /// The bytes of the character that the last piece ended in.
    carry: [u8; 3],
    carried: u8,
}

/// The bytes are not UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Utf8Error;

impl Utf8Validator {
    /// Takes the next piece of the text.
    ///
    /// # Errors
    /// The text cannot be UTF-8 whatever follows. The validator is of no further use then.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), Utf8Error> {
        let rest = self.complete_character(piece)?;
        let (whole, unfinished) = rest.split_at(rest.len() - unfinished_length(rest));
        simdutf8::basic::from_utf8(whole).map_err(|_| Utf8Error)?;
        unfinished.iter().try_for_each(|&byte| self.carry(byte))
    }

    /// Whether the text so far ends with a whole character.
    #[must_use]
    pub const fn is_boundary(&self) -> bool {
        self.carried == 0
    }

    /// Feeds the carried character until it is complete, and returns the bytes after it.
    fn complete_character<'a>(&mut self, piece: &'a [u8]) -> Result<&'a [u8], Utf8Error> {
        let mut rest = piece;
        while !self.is_boundary() {
            let Some((&byte, after)) = rest.split_first() else {
                break;
            };
            rest = after;
            self.carry(byte)?;
        }
        Ok(rest)
    }

    /// Adds a byte to the character that is carried, and drops that once it is whole.
    fn carry(&mut self, byte: u8) -> Result<(), Utf8Error> {
        let mut character = [self.carry[0], self.carry[1], self.carry[2], 0];
        let length = usize::from(self.carried);
        character[length] = byte;
        match core::str::from_utf8(&character[..=length]) {
            Ok(_) => self.carried = 0,
            Err(error) if error.error_len().is_some() => return Err(Utf8Error),
            // at most three bytes: of four, `from_utf8` knows whether they are a character
            Err(_) => {
                self.carry[length] = byte;
                self.carried += 1;
            }
        }
        Ok(())
    }
}

/// How many bytes at the end of `text` begin a character that needs more of them: three at most.
fn unfinished_length(text: &[u8]) -> usize {
    let from_end = text.iter().rev().take(3).position(|byte| byte & 0xC0 != 0x80);
    let Some(before) = from_end else { return 0 };
    let lead = text[text.len() - 1 - before];
    let needed = lead.leading_ones() as usize; // a character of several bytes has its length there
    if needed > before + 1 { before + 1 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::Utf8Validator;

    /// What must hold of `text`: valid, invalid from a byte on, or a start that lacks its end.
    fn check(text: &[u8], first_impossible: Option<usize>, boundary: bool) {
        for split in 0..=text.len() {
            let mut utf8 = Utf8Validator::default();
            let result = utf8.push(&text[..split]).and_then(|()| utf8.push(&text[split..]));
            assert_eq!(
                result.is_err(),
                first_impossible.is_some(),
                "{text:02x?} split at {split}"
            );
        }
        let mut utf8 = Utf8Validator::default();
        let failed = text.iter().position(|&byte| utf8.push(&[byte]).is_err());
        assert_eq!(failed, first_impossible, "{text:02x?} byte by byte");
        if failed.is_none() {
            assert_eq!(utf8.is_boundary(), boundary, "{text:02x?}");
        }
    }

    #[test]
    fn text_is_judged_at_its_first_impossible_byte_however_it_is_split() {
        check(b"", None, true);
        check("κόσμε — 𝄞 ÿ €".as_bytes(), None, true);
        check(b"\xF4\x8F\xBF\xBF", None, true); // U+10FFFF
        check(b"\xED\x9F\xBF\xEE\x80\x80", None, true); // around the surrogates
        check(b"\xCE", None, false);
        check(b"ab\xF0\x90\x80", None, false);
        check(b"\x80", Some(0), true); // a lone continuation byte
        check(b"\xC0\xAF", Some(0), true); // overlong in two bytes
        check(b"\xE0\x80\xAF", Some(1), true); // overlong in three
        check(b"\xF0\x80\x80\xAF", Some(1), true); // overlong in four
        check(b"a\xED\xA0\x80", Some(2), true); // U+D800
        check(b"a\xED\xBF\xBF", Some(2), true); // U+DFFF
        check(b"\xF4\x90\x80\x80", Some(1), true); // U+110000
        check(b"\xF5\x80", Some(0), true);
        check(b"\xFF", Some(0), true);
        check(b"\xE2\x82a", Some(2), true); // cut short
        check(b"\xF0\x9D\x84\xF0", Some(3), true);
    }

    #[test]
    fn pieces_agree_with_the_standard_library_for_every_pair_of_bytes() {
        for first in 0..=255_u8 {
            for second in 0..=255_u8 {
                let text = [first, second, 0x80, 0x80];
                let whole = core::str::from_utf8(&text).is_ok();
                let mut utf8 = Utf8Validator::default();
                let pieces = text.iter().all(|&byte| utf8.push(&[byte]).is_ok()) && utf8.is_boundary();
                assert_eq!(pieces, whole, "{text:02x?}");
            }
        }
    }
}
