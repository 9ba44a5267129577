use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::error::{HandshakeError, Misuse};
use crate::http::{HttpHeader, grammar};

/// The most bytes of a head, including its blank line.
const MAX_HEAD_LENGTH: usize = 16 * 1024;

/// The head of a request: its first line and its fields, up to the blank line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHead<'a> {
    /// The method, such as `GET`.
    pub method: &'a str,
    /// The request target, such as `/chat?room=1`.
    pub target: &'a str,
    /// The minor version: 1 of HTTP/1.1.
    pub version: u8,
    /// The fields, in order.
    pub headers: Vec<HttpHeader<'a>>,
    /// The bytes of the head. What follows belongs to the WebSocket stream.
    pub length: usize,
}

/// The head of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseHead<'a> {
    /// The status, such as 101.
    pub status: u16,
    /// The reason phrase, perhaps empty.
    pub reason: &'a str,
    /// The minor version: 1 of HTTP/1.1.
    pub version: u8,
    /// The fields, in order.
    pub headers: Vec<HttpHeader<'a>>,
    /// The bytes of the head. What follows belongs to the WebSocket stream.
    pub length: usize,
}

impl<'a> RequestHead<'a> {
    /// Reads the head at the start of `bytes`; `None` if they end before it does. Each call costs one pass over
    /// the bytes, 16 KiB at most, until the blank line is there.
    ///
    /// # Errors
    /// The head is malformed (RFC 9112), or over 16 KiB. Folded lines, blanks before a colon and
    /// lines that end without CR are refused: readers that disagree on them enable request smuggling.
    pub fn parse(bytes: &'a [u8]) -> Result<Option<Self>, HandshakeError> {
        Self::parse_within(bytes, MAX_HEAD_LENGTH)
    }

    /// The same with another limit.
    pub(crate) fn parse_within(bytes: &'a [u8], limit: usize) -> Result<Option<Self>, HandshakeError> {
        let Some(head) = whole_head(bytes, limit)? else {
            return Ok(None);
        };
        let mut fields = room_for_fields(head);
        let mut request = httparse::Request::new(&mut fields);
        complete(request.parse(head))?;
        match (request.method, request.path, request.version) {
            (Some(method), Some(target), Some(version)) => Ok(Some(Self {
                method,
                target,
                version,
                headers: headers(request.headers),
                length: head.len(),
            })),
            _ => Err(HandshakeError::HeadMalformed),
        }
    }

    /// The checks of RFC 6455 §4.2.1 that need more than the fields that the component sees: `GET`, a target, HTTP/1.1,
    /// one `Host`, and no body, because it would not be read.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn check(&self) -> Result<(), HandshakeError> {
        self.check_method()?;
        check_version(self.version)?;
        self.check_host()?;
        self.check_target()?;
        self.check_body()
    }

    pub(crate) fn check_method(&self) -> Result<(), HandshakeError> {
        if self.method == "GET" {
            Ok(())
        } else {
            Err(HandshakeError::MethodNotGet)
        }
    }

    pub(crate) fn check_host(&self) -> Result<(), HandshakeError> {
        let mut hosts = grammar::values(&self.headers, "Host");
        let (Some(host), None) = (hosts.next(), hosts.next()) else {
            return Err(HandshakeError::HostMissing);
        };
        if grammar::is_host(grammar::trim(host)) {
            Ok(())
        } else {
            Err(HandshakeError::HostMalformed)
        }
    }

    pub(crate) fn check_target(&self) -> Result<(), HandshakeError> {
        if is_target(self.target) {
            Ok(())
        } else {
            Err(HandshakeError::TargetMalformed)
        }
    }

    pub(crate) fn check_body(&self) -> Result<(), HandshakeError> {
        let no_body = grammar::values(&self.headers, "Content-Length").all(|value| grammar::trim(value) == b"0");
        if !no_body || grammar::values(&self.headers, "Transfer-Encoding").next().is_some() {
            return Err(HandshakeError::RequestHasBody);
        }
        Ok(())
    }
}

impl<'a> ResponseHead<'a> {
    /// Reads the head at the start of `bytes`; `None` if they end before it does.
    ///
    /// # Errors
    /// As [`RequestHead::parse`].
    pub fn parse(bytes: &'a [u8]) -> Result<Option<Self>, HandshakeError> {
        Self::parse_within(bytes, MAX_HEAD_LENGTH)
    }

    /// The same with another limit.
    pub(crate) fn parse_within(bytes: &'a [u8], limit: usize) -> Result<Option<Self>, HandshakeError> {
        let Some(head) = whole_head(bytes, limit)? else {
            return Ok(None);
        };
        let mut fields = room_for_fields(head);
        let mut response = httparse::Response::new(&mut fields);
        complete(response.parse(head))?;
        match (response.code, response.version) {
            (Some(status), Some(version)) => Ok(Some(Self {
                status,
                reason: response.reason.unwrap_or_default(),
                version,
                headers: headers(response.headers),
                length: head.len(),
            })),
            _ => Err(HandshakeError::HeadMalformed),
        }
    }

    /// Whether the server switches protocols (RFC 6455 §4.1): status 101 and HTTP/1.1. The caller handles any other
    /// status.
    ///
    /// # Errors
    /// The server does not switch protocols.
    pub fn check(&self) -> Result<(), HandshakeError> {
        self.check_status()?;
        check_version(self.version)
    }

    /// Whether the final response is still to come (RFC 9110 §15.2).
    pub(crate) const fn is_interim(&self) -> bool {
        matches!(self.status, 100 | 102..=199)
    }

    pub(crate) fn check_status(&self) -> Result<(), HandshakeError> {
        if self.status == 101 {
            Ok(())
        } else {
            Err(HandshakeError::StatusNot101)
        }
    }
}

/// Checks that the minor version means HTTP/1.1 or higher.
pub(crate) fn check_version(version: u8) -> Result<(), HandshakeError> {
    if version < 1 {
        Err(HandshakeError::HttpVersionTooLow)
    } else {
        Ok(())
    }
}

/// The bytes of a `GET` request over HTTP/1.1 with these fields.
///
/// # Errors
/// The target does not begin with `/` or a scheme, or has a fragment or anything except visible ASCII; a field name is
/// not a token; or a value has control characters. So no argument can smuggle a line into the head.
pub fn write_request(target: &str, headers: &[HttpHeader<'_>]) -> Result<Vec<u8>, Misuse> {
    if !is_target(target) {
        return Err(Misuse::TargetInvalid);
    }
    write_head(["GET ", target, " HTTP/1.1"].concat(), headers)
}

/// The bytes of a response over HTTP/1.1 with these fields and no body.
///
/// # Errors
/// The status does not have three digits, or the reason or a field has control characters.
pub fn write_response(status: u16, reason: &str, headers: &[HttpHeader<'_>]) -> Result<Vec<u8>, Misuse> {
    if !(100..=999).contains(&status) || !reason.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
        return Err(Misuse::StatusLineInvalid);
    }
    write_head(["HTTP/1.1 ", &status.to_string(), " ", reason].concat(), headers)
}

fn write_head(first_line: String, headers: &[HttpHeader<'_>]) -> Result<Vec<u8>, Misuse> {
    if !headers.iter().all(grammar::is_field) {
        return Err(Misuse::HeaderInvalid);
    }
    let mut head = first_line.into_bytes();
    for header in headers {
        head.extend_from_slice(b"\r\n");
        head.extend_from_slice(header.name.as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(header.value);
    }
    head.extend_from_slice(b"\r\n\r\n");
    Ok(head)
}

/// `origin-form` or `absolute-form` (RFC 9112 §3.2, RFC 6455 §4.1): a path, or an `http` or `https` URI with a host.
/// "Fragment identifiers are meaningless in the context of WebSocket URIs and MUST NOT be used" (RFC 6455 §3)
fn is_target(target: &str) -> bool {
    let scheme = ["http://", "https://", "ws://", "wss://"];
    let after_scheme = scheme.iter().find_map(|scheme| {
        let (start, rest) = target.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    });
    let has_host = after_scheme.is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['/', '?']));
    (target.starts_with('/') || has_host) && target.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#')
}

/// The bytes up to and including the first blank line.
fn whole_head(bytes: &[u8], limit: usize) -> Result<Option<&[u8]>, HandshakeError> {
    Ok(head_length(bytes, 0, limit)?.map(|length| &bytes[..length]))
}

/// The length of the head, if its blank line has come. The first `searched` bytes were searched before.
fn head_length(bytes: &[u8], searched: usize, limit: usize) -> Result<Option<usize>, HandshakeError> {
    let within = &bytes[..bytes.len().min(limit)];
    let line_feeds = within
        .iter()
        .enumerate()
        .skip(searched)
        .filter(|(_, byte)| **byte == b'\n');
    for (at, _) in line_feeds {
        let head = &within[..=at];
        if !head.ends_with(b"\r\n") {
            return Err(HandshakeError::HeadMalformed);
        }
        if head.ends_with(b"\r\n\r\n") {
            return Ok(Some(head.len()));
        }
    }
    if bytes.len() > limit {
        Err(HandshakeError::HeadTooLarge)
    } else {
        Ok(None)
    }
}

/// Collects a head from chunks of any size, and the bytes behind it. It searches each byte once for the blank line;
/// parsing anew after each chunk could read the same bytes thousands of times.
///
/// ```
/// use websocket_component::http::{HeadBuffer, RequestHead};
///
/// let mut buffer = HeadBuffer::default();
/// assert!(!buffer.push(b"GET / HTTP/1.1\r\nHost: a\r\n\r")?);
/// assert!(buffer.push(b"\n\x81\x00")?);
/// let request = RequestHead::parse(buffer.head())?.expect("it is whole");
/// assert_eq!(request.headers.len(), 1);
/// assert_eq!(buffer.into_rest(), b"\x81\x00");
/// # Ok::<(), websocket_component::HandshakeError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct HeadBuffer {
    bytes: Vec<u8>,
    /// Where the head begins, behind those that were passed over.
    start: usize,
    /// How many bytes from there were searched.
    searched: usize,
    length: usize,
}

impl HeadBuffer {
    /// Takes the next bytes; returns whether the head is complete.
    ///
    /// # Errors
    /// The head is over 16 KiB, or has a line that ends without CR.
    pub fn push(&mut self, bytes: &[u8]) -> Result<bool, HandshakeError> {
        self.bytes.extend_from_slice(bytes);
        self.search()
    }

    /// Goes on to the head behind this one, as after an interim response; returns whether that is complete.
    ///
    /// # Errors
    /// As [`push`](Self::push); all heads together may have 16 KiB, so that a flood of small ones ends.
    pub(crate) fn pass_over(&mut self) -> Result<bool, HandshakeError> {
        self.start += self.length;
        self.searched = 0;
        self.length = 0;
        self.search()
    }

    fn search(&mut self) -> Result<bool, HandshakeError> {
        if self.length == 0 {
            let bytes = &self.bytes[self.start..];
            let limit = MAX_HEAD_LENGTH.saturating_sub(self.start);
            self.length = head_length(bytes, self.searched, limit)?.unwrap_or_default();
            self.searched = bytes.len();
        }
        Ok(self.length > 0)
    }

    /// The head with its blank line; empty while it is incomplete.
    #[must_use]
    pub fn head(&self) -> &[u8] {
        &self.bytes[self.start..self.start + self.length]
    }

    /// The bytes that came behind the head.
    #[must_use]
    pub fn into_rest(mut self) -> Vec<u8> {
        self.bytes.drain(..self.start + self.length);
        self.bytes
    }
}

/// A field takes a line, so a limit of bytes limits the fields as well.
fn room_for_fields(head: &[u8]) -> Vec<httparse::Header<'_>> {
    vec![httparse::EMPTY_HEADER; head.iter().filter(|byte| **byte == b'\n').count()]
}

/// The blank line has come, so a parser that wants more bytes has met malformed ones.
fn complete(parsed: httparse::Result<usize>) -> Result<(), HandshakeError> {
    match parsed {
        Ok(httparse::Status::Complete(_)) => Ok(()),
        Err(httparse::Error::TooManyHeaders) => Err(HandshakeError::HeadersTooMany),
        Ok(httparse::Status::Partial) | Err(_) => Err(HandshakeError::HeadMalformed),
    }
}

/// The fields of a head without its first line.
#[cfg(feature = "inspect")]
pub(crate) fn fields(bytes: &[u8]) -> Result<Vec<HttpHeader<'_>>, HandshakeError> {
    let mut fields = room_for_fields(bytes);
    match httparse::parse_headers(bytes, &mut fields) {
        Ok(httparse::Status::Complete((_, found))) => Ok(headers(found)),
        Err(httparse::Error::TooManyHeaders) => Err(HandshakeError::HeadersTooMany),
        Ok(httparse::Status::Partial) | Err(_) => Err(HandshakeError::HeadMalformed),
    }
}

fn headers<'a>(fields: &[httparse::Header<'a>]) -> Vec<HttpHeader<'a>> {
    fields
        .iter()
        .map(|field| HttpHeader {
            name: field.name,
            value: field.value,
        })
        .collect()
}
