use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use core::fmt;
use core::time::Duration;

use crate::connection::established::{Established, Parts};
use crate::connection::timers::Deadline;
use crate::connection::{Config, Connection};
#[cfg(feature = "deflate")]
use crate::deflate::{self, DeflateOptions};
use crate::error::{Error, Misuse};
use crate::handshake::{self, Bootstrap, ServerFields};
#[cfg(feature = "deflate")]
use crate::http::extensions;
use crate::http::{HeadBuffer, HttpHeader, RequestHead, write_response};
use crate::random::{PlatformRandom, RandomSource};
#[cfg(feature = "deflate")]
use crate::session::DeflateSettings;
use crate::session::{Role, Session};

/// The options of a [`ServerHandshake`] and of its connection.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ServerOptions {
    /// What turns the connection into a WebSocket, for [`ServerHandshake::answer`]; an upgrade of HTTP/1.1 by default.
    pub bootstrap: Bootstrap,
    /// How to select permessage-deflate if it is offered, and to compress. `None`, the default: never select it.
    #[cfg(feature = "deflate")]
    pub deflate: Option<(DeflateOptions, DeflateSettings)>,
    /// How long the client has for its request, from the first `now` that the caller passes: 30 seconds by default.
    /// `None`: no limit.
    pub timeout: Option<Duration>,
    /// How the connection behaves.
    pub connection: Config,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            bootstrap: Bootstrap::Upgrade,
            #[cfg(feature = "deflate")]
            deflate: None,
            timeout: Some(Duration::from_secs(30)),
            connection: Config::default(),
        }
    }
}

/// A server's opening handshake without I/O. It ends in a [`Connection`] or a [`Session`].
///
/// Over bare TCP or TLS: pass received bytes to [`receive`](Self::receive) until it returns `true`, inspect the
/// [`request`](Self::request), [`accept`](Self::accept) or [`refuse`](Self::refuse) it, and transmit the response. The
/// handshake itself refuses requests that are not for a WebSocket. If an HTTP library reads the request, use
/// [`answer`](Self::answer).
///
/// ```
/// use core::time::Duration;
/// use websocket_component::ServerHandshake;
///
/// let mut handshake = ServerHandshake::new();
/// let error = handshake.receive(b"POST / HTTP/1.1\r\nHost: a\r\n\r\n", Duration::ZERO).unwrap_err();
/// assert_eq!(error.status(), Some(405));
/// assert!(handshake.transmit().starts_with(b"HTTP/1.1 405 Method Not Allowed\r\n"));
/// ```
pub struct ServerHandshake {
    options: ServerOptions,
    random: Box<dyn RandomSource>,
    request: HeadBuffer,
    deadline: Deadline,
    stage: Stage,
    response: Vec<u8>,
}

/// The answer to a request that an HTTP library has read.
#[derive(Debug)]
#[non_exhaustive]
pub struct Answer {
    /// The fields of the response, by name and value; none perhaps, if it is HTTP/2's.
    pub headers: Vec<(&'static str, String)>,
    /// The connection over the upgraded stream.
    pub connection: Connection,
}

enum Stage {
    /// The request is incomplete.
    Reading,
    /// The request is complete, and awaits an answer.
    Asked,
    Accepted(Established),
    Refused(Error),
}

impl ServerHandshake {
    /// Waits for a request.
    #[must_use]
    pub fn new() -> Self {
        Self::with_options(ServerOptions::default())
    }

    /// The same with options. [`accept`](Self::accept) reports invalid compression settings.
    #[must_use]
    pub fn with_options(options: ServerOptions) -> Self {
        Self::with_random(options, Box::<PlatformRandom>::default())
    }

    /// The same with a random source for tests.
    #[must_use]
    pub fn with_random(options: ServerOptions, random: Box<dyn RandomSource>) -> Self {
        Self {
            options,
            random,
            request: HeadBuffer::default(),
            deadline: Deadline::new(options.timeout),
            stage: Stage::Reading,
            response: Vec::new(),
        }
    }

    /// Answers a request that an HTTP library has read, a `GET` over HTTP/1.1 or an extended `CONNECT` over HTTP/2
    /// (`options.bootstrap` says which): returns the fields of the response that accepts, and the connection.
    /// `subprotocol` is one of those that the client offers
    /// ([`offered_subprotocols`](crate::handshake::offered_subprotocols)), or none.
    ///
    /// # Errors
    /// The request is invalid: answer with the error's [status](Error::status). Or the subprotocol was not offered, or
    /// the compression settings are invalid.
    pub fn answer(
        request: &[HttpHeader<'_>],
        subprotocol: Option<&str>,
        options: ServerOptions,
    ) -> Result<Answer, Error> {
        let (fields, established) = agree(options.bootstrap, &options, subprotocol, request)?;
        let parts = Parts {
            role: Role::Server,
            established,
            config: options.connection,
            random: Box::<PlatformRandom>::default(),
            unread: Vec::new(),
            unsent: Vec::new(),
        };
        Ok(Answer {
            headers: fields.into_headers(),
            connection: parts.connection()?,
        })
    }

    /// Takes bytes that came at `now`. Returns whether there is a request to answer; bytes behind it belong to the
    /// connection.
    ///
    /// # Errors
    /// The request is not a valid WebSocket handshake: transmit the refusal. Every later call returns the same error.
    pub fn receive(&mut self, bytes: &[u8], now: Duration) -> Result<bool, Error> {
        if let Stage::Reading = self.stage {
            self.deadline.start(now);
            match self.push(bytes) {
                Ok(false) => {}
                Ok(true) => self.stage = Stage::Asked,
                Err(error) => self.fail(error),
            }
        } else {
            // bytes behind the head cannot fail
            let _ = self.request.push(bytes);
        }
        match &self.stage {
            Stage::Reading => Ok(false),
            Stage::Asked | Stage::Accepted(_) => Ok(true),
            Stage::Refused(error) => Err(*error),
        }
    }

    /// The request, once it is whole.
    #[must_use]
    pub fn request(&self) -> Option<RequestHead<'_>> {
        RequestHead::parse(self.request.head()).ok().flatten()
    }

    /// Accepts the request: queues the 101 response, with `headers` behind those of the handshake. `subprotocol` is one
    /// of those that the client offers, or none. Fields that the handshake itself sets, or that announce a body, are
    /// left out.
    ///
    /// # Errors
    /// No request awaits an answer; the subprotocol was not offered; a field or the compression settings are invalid.
    /// The request then still awaits its answer.
    pub fn accept(&mut self, subprotocol: Option<&str>, headers: &[HttpHeader<'_>]) -> Result<(), Error> {
        let request = self.waiting()?;
        let (fields, established) = agree(Bootstrap::Upgrade, &self.options, subprotocol, &request.headers)?;
        let others = headers.iter().filter(|header| !is_own(header.name));
        let all: Vec<_> = fields.headers().into_iter().chain(others.copied()).collect();
        self.response = write_response(101, handshake::reason(101), &all)?;
        self.stage = Stage::Accepted(established);
        Ok(())
    }

    /// Refuses the request with a status such as 403, and fields: queues a response without a body. Transmit it, then
    /// end the transport. Fields that announce a body are left out.
    ///
    /// # Errors
    /// No request awaits an answer; the status or a field is invalid, such as a status below 200, which answers no
    /// request. The request then still awaits its answer.
    pub fn refuse(&mut self, status: u16, headers: &[HttpHeader<'_>]) -> Result<(), Error> {
        self.waiting()?;
        self.response = refusal(status, headers)?;
        self.stage = Stage::Refused(Misuse::HandshakeAlreadyEnded.into());
        Ok(())
    }

    /// The bytes of the response that are still to be transmitted; empty if none are left.
    #[must_use]
    pub fn transmit(&self) -> &[u8] {
        &self.response
    }

    /// Reports that the transport took the first `count` bytes of [`transmit`](Self::transmit). A larger count means
    /// all.
    pub fn consumed(&mut self, count: usize) {
        self.response.drain(..count.min(self.response.len()));
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        match self.stage {
            Stage::Reading => self.deadline.time(),
            _ => None,
        }
    }

    /// Fails the handshake if its deadline has passed at `now`, with a 408 response to transmit.
    ///
    /// # Errors
    /// The deadline has passed, or the handshake has failed before.
    pub fn handle_timeout(&mut self, now: Duration) -> Result<(), Error> {
        if let Stage::Reading = self.stage
            && self.deadline.is_over(now)
        {
            self.fail(Error::HandshakeTimeout);
        }
        match &self.stage {
            Stage::Refused(error) => Err(*error),
            _ => Ok(()),
        }
    }

    /// The connection, with the bytes that came behind the request. It transmits the rest of the response.
    ///
    /// # Errors
    /// The request was not accepted.
    pub fn into_connection(self) -> Result<Connection, Error> {
        self.into_parts()?.connection()
    }

    /// The session, for callers that build on it, and the bytes that came behind the request. The response must have
    /// been transmitted.
    ///
    /// # Errors
    /// As [`into_connection`](Self::into_connection); or bytes are left to transmit.
    pub fn into_session(self) -> Result<(Session, Vec<u8>), Error> {
        if !self.response.is_empty() {
            return Err(Misuse::QueueNotEmpty.into());
        }
        self.into_parts().map(Parts::session)
    }

    /// The whole handshake over a blocking stream. It accepts every valid request for a WebSocket.
    ///
    /// # Errors
    /// Those of the stream, and of [`receive`](Self::receive) as `InvalidData`, once the refusal is written. Only the
    /// stream's own time-out bounds the handshake; [`ServerOptions::timeout`] does not apply.
    #[cfg(feature = "std")]
    pub fn complete(self, stream: &mut (impl std::io::Read + std::io::Write)) -> std::io::Result<Connection> {
        self.complete_with(stream, |_| Ok(None))
    }

    /// The same for a caller that decides about the request: `decide` gives the subprotocol to select, if any, or the
    /// status to refuse the request with.
    ///
    /// ```no_run
    /// use std::net::TcpListener;
    /// use websocket_component::ServerHandshake;
    ///
    /// let (mut stream, _) = TcpListener::bind("127.0.0.1:9001")?.accept()?;
    /// let connection = ServerHandshake::new().complete_with(&mut stream, |request| {
    ///     let origin = request.headers.iter().find(|header| header.name.eq_ignore_ascii_case("origin"));
    ///     match origin {
    ///         Some(origin) if origin.value == b"https://example.com" => Ok(Some("chat".to_owned())),
    ///         _ => Err(403),
    ///     }
    /// })?;
    /// assert_eq!(connection.subprotocol(), Some("chat"));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`complete`](Self::complete); `PermissionDenied` once the refusal of `decide` is written; `InvalidData` if
    /// the client did not offer the subprotocol, `InvalidInput` if the status is none.
    #[cfg(feature = "std")]
    pub fn complete_with(
        mut self,
        stream: &mut (impl std::io::Read + std::io::Write),
        decide: impl FnOnce(&RequestHead<'_>) -> Result<Option<String>, u16>,
    ) -> std::io::Result<Connection> {
        let mut chunk = [0; 4096];
        let mut asked = Ok(false);
        while asked == Ok(false) {
            let count = crate::connection::established::read(stream, &mut chunk)?;
            asked = self.receive(&chunk[..count], Duration::ZERO);
        }
        if asked.is_ok() {
            let decision = self.request().map_or(Ok(None), |request| decide(&request));
            match decision {
                Ok(subprotocol) => self.accept(subprotocol.as_deref(), &[])?,
                Err(status) => self.refuse(status, &[])?,
            }
        }
        stream.write_all(self.transmit())?;
        stream.flush()?;
        self.response.clear();
        asked?;
        match self.stage {
            Stage::Refused(_) => Err(std::io::ErrorKind::PermissionDenied.into()),
            _ => Ok(self.into_connection()?),
        }
    }

    fn push(&mut self, bytes: &[u8]) -> Result<bool, Error> {
        if !self.request.push(bytes)? {
            return Ok(false);
        }
        if let Some(request) = RequestHead::parse(self.request.head())? {
            request.check()?;
            ServerFields::new(Bootstrap::Upgrade, None, &[], &request.headers)?;
        }
        Ok(true)
    }

    fn fail(&mut self, error: Error) {
        let fields = match error {
            Error::Handshake(error) => error.response_headers(),
            _ => Vec::new(),
        };
        // it contains nothing from the peer
        self.response = refusal(error.status().unwrap_or(400), &fields).unwrap_or_default();
        self.stage = Stage::Refused(error);
    }

    fn waiting(&self) -> Result<RequestHead<'_>, Misuse> {
        match (&self.stage, self.request()) {
            (Stage::Asked, Some(request)) => Ok(request),
            (Stage::Reading, _) => Err(Misuse::HandshakeNotBegun),
            _ => Err(Misuse::HandshakeAlreadyEnded),
        }
    }

    fn into_parts(self) -> Result<Parts, Error> {
        let established = match self.stage {
            Stage::Accepted(established) => established,
            Stage::Refused(error) => return Err(error),
            Stage::Reading | Stage::Asked => return Err(Misuse::HandshakeNotEnded.into()),
        };
        Ok(Parts {
            role: Role::Server,
            established,
            config: self.options.connection,
            random: self.random,
            unread: self.request.into_rest(),
            unsent: self.response,
        })
    }
}

impl Default for ServerHandshake {
    fn default() -> Self {
        Self::new()
    }
}

/// The server's answer, and the agreement that it makes.
fn agree(
    bootstrap: Bootstrap,
    options: &ServerOptions,
    subprotocol: Option<&str>,
    request: &[HttpHeader<'_>],
) -> Result<(ServerFields, Established), Error> {
    #[cfg_attr(not(feature = "deflate"), expect(unused_mut, reason = "as with it"))]
    let (mut selected, mut established): (Vec<String>, _) = (Vec::new(), Established::default());
    #[cfg(feature = "deflate")]
    if let Some((options, settings)) = &options.deflate {
        settings.check()?;
        if !options.is_valid() {
            return Err(Misuse::DeflateSettingsInvalid.into());
        }
        if let Some(selection) = deflate::select(options, &extensions(request)?) {
            established.deflate = Some((selection.agreement, *settings));
            selected.push(selection.response);
        }
    }
    #[cfg(not(feature = "deflate"))]
    let _ = options;
    let selected: Vec<&str> = selected.iter().map(String::as_str).collect();
    let fields = ServerFields::new(bootstrap, subprotocol, &selected, request)?;
    established.subprotocol = subprotocol.map(Into::into);
    Ok((fields, established))
}

/// A response that ends the connection, with `Connection` unless it is given.
fn refusal(status: u16, headers: &[HttpHeader<'_>]) -> Result<Vec<u8>, Misuse> {
    if status < 200 {
        return Err(Misuse::StatusLineInvalid);
    }
    let is_connection = |header: &HttpHeader<'_>| header.name.eq_ignore_ascii_case("Connection");
    let connection = (!headers.iter().any(is_connection)).then(|| HttpHeader::new("Connection", "close"));
    // RFC 9110 §8.6: 204 has none
    let length = (status != 204).then(|| HttpHeader::new("Content-Length", "0"));
    let others = headers.iter().filter(|header| !announces_body(header.name));
    let all: Vec<_> = connection.into_iter().chain(length).chain(others.copied()).collect();
    write_response(status, handshake::reason(status), &all)
}

/// Whether a 101 response has the field by the handshake, or must not have it.
fn is_own(name: &str) -> bool {
    let names = [
        "Connection",
        "Upgrade",
        "Sec-WebSocket-Accept",
        "Sec-WebSocket-Protocol",
        "Sec-WebSocket-Extensions",
    ];
    announces_body(name) || names.iter().any(|own| own.eq_ignore_ascii_case(name))
}

fn announces_body(name: &str) -> bool {
    ["Content-Length", "Transfer-Encoding"]
        .iter()
        .any(|own| own.eq_ignore_ascii_case(name))
}

impl fmt::Debug for ServerHandshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerHandshake")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
