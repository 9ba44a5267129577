//! The grammar of header field values (RFC 9110 §5.6, RFC 6455 §9.1). This module reads every list and token of the
//! handshake, each byte once.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use crate::error::HandshakeError;
use crate::http::HttpHeader;

/// The most elements of one list, over all lines of its field.
const MAX_LIST_ELEMENTS: usize = 64;

/// One element of `Sec-WebSocket-Extensions`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension<'a> {
    /// The name; names are compared without regard to case.
    pub name: &'a str,
    /// Parameters in their order, with their values, without quotes.
    pub parameters: Vec<(&'a str, Option<String>)>,
}

/// The values of all fields with this name, in order.
pub fn values<'a>(headers: &[HttpHeader<'a>], name: &str) -> impl Iterator<Item = &'a [u8]> {
    headers
        .iter()
        .filter(move |header| header.name.eq_ignore_ascii_case(name))
        .map(|header| header.value)
}

/// `token = 1*tchar`
pub fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().copied().all(is_tchar)
}

/// `Host = uri-host [ ":" port ]` (RFC 9112 §3.2), checked by its characters only; it may be empty.
pub fn is_host(text: &[u8]) -> bool {
    text.iter()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:[]".contains(byte))
}

/// Whether the name is a token, and the value has no control characters except HTAB.
pub fn is_field(header: &HttpHeader<'_>) -> bool {
    is_token(header.name.as_bytes())
        && header
            .value
            .iter()
            .all(|&byte| byte == b'\t' || byte >= b' ' && byte != 0x7F)
}

/// Whether the list in these values has the token, in any case. It skips elements that are not tokens, such as `h2c/1`:
/// they are another protocol's syntax.
pub fn has_token<'a>(values: impl Iterator<Item = &'a [u8]>, token: &str) -> bool {
    values
        .flat_map(|value| value.split(|&byte| byte == b','))
        .any(|element| trim(element).eq_ignore_ascii_case(token.as_bytes()))
}

/// `1#token`: the tokens of a list that may span several fields.
///
/// # Errors
/// An element is not a token, or there are more than 64. Empty elements are skipped (RFC 9110 §5.6.1).
pub fn tokens<'a>(values: impl Iterator<Item = &'a [u8]>) -> Result<Vec<&'a str>, HandshakeError> {
    let mut tokens = Vec::new();
    for element in values.flat_map(|value| value.split(|&byte| byte == b',')).map(trim) {
        if element.is_empty() {
            continue;
        }
        if !is_token(element) || tokens.len() == MAX_LIST_ELEMENTS {
            return Err(HandshakeError::ListMalformed);
        }
        tokens.push(core::str::from_utf8(element).map_err(|_| HandshakeError::ListMalformed)?);
    }
    Ok(tokens)
}

/// The extensions of a message's `Sec-WebSocket-Extensions` fields.
///
/// # Errors
/// The list is malformed, or has more than 64 extensions.
pub fn extensions<'a>(headers: &[HttpHeader<'a>]) -> Result<Vec<Extension<'a>>, HandshakeError> {
    let mut extensions = Vec::new();
    for value in values(headers, "Sec-WebSocket-Extensions") {
        extension_list(value, &mut extensions)?;
    }
    Ok(extensions)
}

/// The single extension that an argument names.
pub fn extension(argument: &str) -> Option<Extension<'_>> {
    // a list with empty elements, "a,", would be sent as it is; and no token contains a comma, quoted or not
    if argument.contains(',') {
        return None;
    }
    let mut extensions = Vec::new();
    extension_list(argument.as_bytes(), &mut extensions).ok()?;
    extensions.pop()
}

/// ```text
/// extension-list  = 1#extension
/// extension       = extension-token *( ";" extension-param )
/// extension-param = token [ "=" (token | quoted-string) ]
/// ```
/// "When using the quoted-string syntax variant, the value after quoted-string unescaping MUST conform to the
/// 'token' ABNF." (RFC 6455 §9.1)
fn extension_list<'a>(value: &'a [u8], extensions: &mut Vec<Extension<'a>>) -> Result<(), HandshakeError> {
    let mut cursor = Cursor { rest: value };
    loop {
        while cursor.take(b',') {}
        if cursor.at_end() {
            return Ok(());
        }
        if extensions.len() == MAX_LIST_ELEMENTS {
            return Err(HandshakeError::ListMalformed);
        }
        let name = cursor.token()?;
        let mut parameters = Vec::new();
        while cursor.take(b';') {
            let parameter = cursor.token()?;
            let value = if cursor.take(b'=') {
                Some(cursor.token_or_quoted_string()?)
            } else {
                None
            };
            parameters.push((parameter, value));
        }
        extensions.push(Extension { name, parameters });
        if !cursor.at_end() && !cursor.next_is(b',') {
            return Err(HandshakeError::ListMalformed);
        }
    }
}

/// A position in a field value. Reading skips blanks in front.
struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    fn skip_blanks(&mut self) {
        let blanks = self.rest.iter().take_while(|&&byte| is_blank(byte)).count();
        self.rest = &self.rest[blanks..];
    }

    fn at_end(&mut self) -> bool {
        self.skip_blanks();
        self.rest.is_empty()
    }

    fn next_is(&mut self, byte: u8) -> bool {
        self.skip_blanks();
        self.rest.first() == Some(&byte)
    }

    fn take(&mut self, byte: u8) -> bool {
        let taken = self.next_is(byte);
        if taken {
            self.rest = &self.rest[1..];
        }
        taken
    }

    fn token(&mut self) -> Result<&'a str, HandshakeError> {
        self.skip_blanks();
        let length = self.rest.iter().take_while(|&&byte| is_tchar(byte)).count();
        let (token, rest) = self.rest.split_at(length);
        self.rest = rest;
        match core::str::from_utf8(token) {
            Ok(token) if !token.is_empty() => Ok(token),
            _ => Err(HandshakeError::ListMalformed),
        }
    }

    fn token_or_quoted_string(&mut self) -> Result<String, HandshakeError> {
        if !self.take(b'"') {
            return self.token().map(str::to_owned);
        }
        // quoted-string = DQUOTE *( qdtext / quoted-pair ) DQUOTE
        // quoted-pair   = "\" ( HTAB / SP / VCHAR / obs-text )
        let mut value = String::new();
        loop {
            match self.byte() {
                Some(b'"') if !value.is_empty() => return Ok(value),
                Some(b'\\') => value.push(tchar(self.byte())?),
                byte => value.push(tchar(byte)?),
            }
        }
    }

    fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(byte)
    }
}

/// The text without the blanks around it.
pub fn trim(text: &[u8]) -> &[u8] {
    let Some(start) = text.iter().position(|&byte| !is_blank(byte)) else {
        return &[];
    };
    let end = text
        .iter()
        .rposition(|&byte| !is_blank(byte))
        .map_or(start, |last| last + 1);
    &text[start..end]
}

const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// `tchar = "!" / "#" / "$" / "%" / "&" / "'" / "*" / "+" / "-" / "." / "^" / "_" / "`" / "|" / "~" / DIGIT / ALPHA`
const fn is_tchar(byte: u8) -> bool {
    matches!(
        byte,
        b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~' | b'0'..=b'9' | b'A'..=b'Z'
            | b'a'..=b'z'
    )
}

fn tchar(byte: Option<u8>) -> Result<char, HandshakeError> {
    byte.filter(|&byte| is_tchar(byte))
        .map(char::from)
        .ok_or(HandshakeError::ListMalformed)
}

#[cfg(test)]
mod tests {
    use super::{Extension, extension, extensions, has_token, is_token, tokens};
    use crate::error::HandshakeError;
    use crate::http::HttpHeader;

    fn parsed(value: &str) -> Result<Vec<Extension<'_>>, HandshakeError> {
        extensions(&[HttpHeader::new("sec-websocket-extensions", value)])
    }

    fn extension_of<'a>(name: &'a str, parameters: &[(&'a str, Option<&str>)]) -> Extension<'a> {
        let own = |(name, value): &(&'a str, Option<&str>)| (*name, value.map(str::to_owned));
        Extension {
            name,
            parameters: parameters.iter().map(own).collect(),
        }
    }

    #[test]
    fn extension_lists_are_those_of_rfc_6455_section_9_1() {
        let cases = [
            ("", vec![]),
            (" , ,", vec![]),
            ("foo", vec![extension_of("foo", &[])]),
            ("bar; baz=2", vec![extension_of("bar", &[("baz", Some("2"))])]),
            (
                "a;b ; c = d,e",
                vec![
                    extension_of("a", &[("b", None), ("c", Some("d"))]),
                    extension_of("e", &[]),
                ],
            ),
            ("a; b=\"1\\2\"", vec![extension_of("a", &[("b", Some("12"))])]),
            (
                "constructor; __proto__=1",
                vec![extension_of("constructor", &[("__proto__", Some("1"))])],
            ),
        ];
        for (value, expected) in cases {
            assert_eq!(parsed(value), Ok(expected), "{value}");
        }
    }

    #[test]
    fn what_is_no_extension_list_is_refused() {
        let malformed = [
            "a b",
            "a;",
            "a;;b",
            "a; b=",
            "a; =b",
            ";a",
            "a; b=\"",
            "a; b=\"\"",
            "a; b=\"c d\"",
            "a; b=\"c\\",
            "a; b=\"c\"d",
            "a/b",
            "a, b c",
            "a=b",
            "ä",
            "a; b=\"c,d\"",
            "\"a\"",
        ];
        for value in malformed {
            assert_eq!(parsed(value), Err(HandshakeError::ListMalformed), "{value}");
        }
        let many = |count| vec!["a"; count].join(",");
        assert_eq!(parsed(&many(64)).map(|all| all.len()), Ok(64));
        assert_eq!(parsed(&many(65)), Err(HandshakeError::ListMalformed));
    }

    #[test]
    fn an_argument_is_one_extension() {
        assert_eq!(extension("a; b=1").map(|extension| extension.name), Some("a"));
        for argument in ["", "a, b", "a,", ",a", "a b", "a\r\nX: y"] {
            assert_eq!(extension(argument), None, "{argument}");
        }
    }

    #[test]
    fn token_lists_are_joined_over_fields_and_empty_elements_skipped() {
        let list = |values: &[&'static str]| tokens(values.iter().map(|value| value.as_bytes()));
        assert_eq!(list(&["a, b", "", ",c,\t"]), Ok(vec!["a", "b", "c"]));
        for value in ["a b", "a;b", "\"a\"", "a,b/c", "\u{e4}"] {
            assert_eq!(list(&[value]), Err(HandshakeError::ListMalformed), "{value}");
        }
    }

    #[test]
    fn a_token_is_found_in_any_case_anywhere_in_a_list() {
        let has = |value: &str| has_token([value.as_bytes()].into_iter(), "upgrade");
        assert!(has("Upgrade") && has("keep-alive, UPGRADE") && has(" upgrade\t,") && has("h2c/1,upgrade"));
        assert!(!has("upgraded") && !has("up grade") && !has(""));
    }

    #[test]
    fn tokens_are_those_of_rfc_9110() {
        let tchars: Vec<u8> = (0..=255).filter(|&byte| is_token(&[byte])).collect();
        let expected = b"!#$%&'*+-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ^_`abcdefghijklmnopqrstuvwxyz|~";
        assert_eq!(tchars, expected);
        assert!(!is_token(b""));
    }
}
