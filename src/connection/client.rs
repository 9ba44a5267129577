use alloc::borrow::ToOwned;
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
use crate::error::{Error, HandshakeError, Misuse};
use crate::handshake::{Bootstrap, ClientFields};
#[cfg(feature = "deflate")]
use crate::http::extensions;
use crate::http::{HeadBuffer, HttpHeader, ResponseHead, grammar, write_request};
use crate::random::{PlatformRandom, RandomSource};
#[cfg(feature = "deflate")]
use crate::session::DeflateSettings;
use crate::session::{Role, Session};

/// The options of a [`ClientHandshake`] and of its connection.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClientOptions {
    /// The subprotocols to offer, in the order of preference.
    pub subprotocols: Vec<String>,
    /// Accept a server that selects none of the subprotocols. By default that fails the handshake, as in browsers.
    pub optional_subprotocol: bool,
    /// Other fields of the request, such as `Origin`, `Authorization` and `Cookie`, by name and value. Fields that the
    /// handshake itself sets are left out.
    pub headers: Vec<(String, String)>,
    /// What turns the connection into a WebSocket; an upgrade of HTTP/1.1 by default. An extended `CONNECT` needs a
    /// library for HTTP/2: the handshake then transmits and receives no bytes, only fields.
    pub bootstrap: Bootstrap,
    /// How to offer permessage-deflate and to compress. `None`, the default: no offer.
    #[cfg(feature = "deflate")]
    pub deflate: Option<(DeflateOptions, DeflateSettings)>,
    /// How long the server has for its response, from the first `now` that the caller passes: 30 seconds by default.
    /// `None`: no limit.
    pub timeout: Option<Duration>,
    /// How the connection behaves.
    pub connection: Config,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            subprotocols: Vec::new(),
            optional_subprotocol: false,
            headers: Vec::new(),
            bootstrap: Bootstrap::Upgrade,
            #[cfg(feature = "deflate")]
            deflate: None,
            timeout: Some(Duration::from_secs(30)),
            connection: Config::default(),
        }
    }
}

/// A client's opening handshake without I/O. It ends in a [`Connection`] or a [`Session`].
///
/// Over bare TCP or TLS: write the bytes of [`transmit`](Self::transmit), and pass received bytes to
/// [`receive`](Self::receive) until it returns `true`: the handshake is done. If an HTTP library makes the request, add
/// [`headers`](Self::headers) to it, and pass its response to [`receive_response`](Self::receive_response).
///
/// ```
/// use core::time::Duration;
/// use websocket_component::{ClientHandshake, ServerHandshake};
///
/// let mut client = ClientHandshake::new("example.com", "/chat")?;
/// let mut server = ServerHandshake::new();
///
/// assert!(server.receive(client.transmit(), Duration::ZERO)?);
/// assert_eq!(server.request().map(|request| request.target.to_owned()).as_deref(), Some("/chat"));
/// server.accept(None, &[])?;
/// assert!(client.receive(server.transmit(), Duration::ZERO)?);
///
/// let connection = client.into_connection()?;
/// assert!(connection.is_open());
/// # Ok::<(), websocket_component::Error>(())
/// ```
pub struct ClientHandshake {
    #[cfg(feature = "http")]
    pub(super) host: String,
    fields: ClientFields,
    pub(super) options: ClientOptions,
    random: Box<dyn RandomSource>,
    request: Vec<u8>,
    response: HeadBuffer,
    deadline: Deadline,
    outcome: Option<Result<Established, Error>>,
}

impl ClientHandshake {
    /// A request to `host`, with its port unless that is the scheme's default, for `target`, a path with an optional
    /// query.
    ///
    /// # Errors
    /// The host or the target is invalid; or the random source gave no key.
    pub fn new(host: &str, target: &str) -> Result<Self, Error> {
        Self::with_options(host, target, ClientOptions::default())
    }

    /// The same with options.
    ///
    /// # Errors
    /// As [`new`](Self::new); a subprotocol is not a token or is given twice; a field or a compression setting is
    /// invalid.
    pub fn with_options(host: &str, target: &str, options: ClientOptions) -> Result<Self, Error> {
        Self::with_random(host, target, options, Box::<PlatformRandom>::default())
    }

    /// The same with a random source for tests.
    ///
    /// # Errors
    /// As [`with_options`](Self::with_options).
    pub fn with_random(
        host: &str,
        target: &str,
        mut options: ClientOptions,
        mut random: Box<dyn RandomSource>,
    ) -> Result<Self, Error> {
        if host.is_empty() || !grammar::is_host(host.as_bytes()) {
            return Err(Misuse::HeaderInvalid.into());
        }
        let mut nonce = [0; 16];
        random.fill(&mut nonce)?;
        let subprotocols: Vec<&str> = options.subprotocols.iter().map(String::as_str).collect();
        let offer = deflate_offer(&options)?;
        let extensions: Vec<&str> = offer.as_deref().into_iter().collect();
        let fields = ClientFields::new(options.bootstrap, nonce, &subprotocols, &extensions, &[])?;
        let own = |name: &str| {
            let fields = fields.headers();
            let names = fields.iter().map(|field| field.name).chain(["Host"]);
            names.into_iter().any(|own| own.eq_ignore_ascii_case(name))
        };
        options.headers.retain(|(name, _)| !own(name));
        let others = options.headers.iter();
        let mut headers = vec![HttpHeader::new("Host", host)];
        headers.extend(fields.headers());
        headers.extend(others.map(|(name, value)| HttpHeader::new(name, value)));
        let mut request = write_request(target, &headers)?;
        if options.bootstrap == Bootstrap::ExtendedConnect {
            request.clear(); // only checked
        }
        Ok(Self {
            #[cfg(feature = "http")]
            host: host.to_owned(),
            fields,
            deadline: Deadline::new(options.timeout),
            options,
            random,
            request,
            response: HeadBuffer::default(),
            outcome: None,
        })
    }

    /// The fields that turn an HTTP library's request into a WebSocket handshake, without [`ClientOptions::headers`].
    #[must_use]
    pub fn headers(&self) -> Vec<HttpHeader<'_>> {
        self.fields.headers()
    }

    /// The bytes of the request that are still to be transmitted; empty if none are left.
    #[must_use]
    pub fn transmit(&self) -> &[u8] {
        &self.request
    }

    /// Reports that the transport took the first `count` bytes of [`transmit`](Self::transmit). A larger count means
    /// all.
    pub fn consumed(&mut self, count: usize) {
        self.request.drain(..count.min(self.request.len()));
    }

    /// Takes bytes that came at `now`. Returns whether the handshake is done; bytes behind it belong to the connection.
    /// Interim responses (1xx, but 101) are passed over; together with the final response, their heads may have 16 KiB.
    ///
    /// # Errors
    /// The response does not accept this request: [`response`](Self::response) shows it, with its status. Every later
    /// call returns the same error.
    pub fn receive(&mut self, bytes: &[u8], now: Duration) -> Result<bool, Error> {
        if self.outcome.is_none() {
            self.deadline.start(now);
            match self.push(bytes) {
                Ok(false) => return Ok(false),
                Ok(true) => self.outcome = Some(self.check()),
                Err(error) => self.outcome = Some(Err(error.into())),
            }
        } else {
            // bytes behind the head cannot fail
            let _ = self.response.push(bytes);
        }
        self.outcome()
    }

    /// Takes the response from an HTTP library: its status and all of its fields.
    ///
    /// # Errors
    /// As [`receive`](Self::receive).
    pub fn receive_response(&mut self, status: u16, headers: &[HttpHeader<'_>]) -> Result<(), Error> {
        let response = ResponseHead {
            status,
            reason: "",
            version: 1,
            headers: headers.to_vec(),
            length: 0,
        };
        self.receive_head(&response)
    }

    /// The response, whatever its status, once it has come over the transport.
    #[must_use]
    pub fn response(&self) -> Option<ResponseHead<'_>> {
        ResponseHead::parse(self.response.head()).ok().flatten()
    }

    /// The agreed subprotocol.
    #[must_use]
    pub fn subprotocol(&self) -> Option<&str> {
        let established = self.outcome.as_ref()?.as_ref().ok()?;
        established.subprotocol.as_deref()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.outcome.is_none().then(|| self.deadline.time()).flatten()
    }

    /// Fails the handshake if its deadline has passed at `now`.
    ///
    /// # Errors
    /// The deadline has passed, or the handshake has failed before.
    pub fn handle_timeout(&mut self, now: Duration) -> Result<(), Error> {
        if self.outcome.is_none() && self.deadline.is_over(now) {
            self.outcome = Some(Err(Error::HandshakeTimeout));
        }
        self.outcome().map(drop)
    }

    /// The connection, with the bytes that came behind the response.
    ///
    /// # Errors
    /// The handshake is not done, or failed.
    pub fn into_connection(self) -> Result<Connection, Error> {
        self.into_parts()?.connection()
    }

    /// The session, for callers that build on it, and the bytes that came behind the response.
    ///
    /// # Errors
    /// As [`into_connection`](Self::into_connection).
    pub fn into_session(self) -> Result<(Session, Vec<u8>), Error> {
        self.into_parts().map(Parts::session)
    }

    /// The whole handshake over a blocking stream.
    ///
    /// # Errors
    /// Those of the stream, and of [`receive`](Self::receive) as `InvalidData`. Only the stream's own time-out bounds
    /// the handshake; [`ClientOptions::timeout`] does not apply.
    #[cfg(feature = "std")]
    pub fn complete(mut self, stream: &mut (impl std::io::Read + std::io::Write)) -> std::io::Result<Connection> {
        stream.write_all(self.transmit())?;
        stream.flush()?;
        let mut chunk = [0; 4096];
        loop {
            let count = crate::connection::established::read(stream, &mut chunk)?;
            if self.receive(&chunk[..count], Duration::ZERO)? {
                return Ok(self.into_connection()?);
            }
        }
    }

    pub(super) fn receive_head(&mut self, response: &ResponseHead<'_>) -> Result<(), Error> {
        if self.outcome.is_none() {
            self.outcome = Some(self.verify(response));
        }
        self.outcome().map(drop)
    }

    /// Takes bytes, and returns whether the head of the final response is complete. "A client MUST be able to parse one
    /// or more 1xx responses received prior to a final response" (RFC 9110 §15.2).
    fn push(&mut self, bytes: &[u8]) -> Result<bool, HandshakeError> {
        let mut is_complete = self.response.push(bytes)?;
        while is_complete && self.is_interim()? {
            is_complete = self.response.pass_over()?;
        }
        Ok(is_complete)
    }

    fn is_interim(&self) -> Result<bool, HandshakeError> {
        let response = ResponseHead::parse(self.response.head())?;
        Ok(response.is_some_and(|response| response.is_interim()))
    }

    fn outcome(&self) -> Result<bool, Error> {
        match &self.outcome {
            None => Ok(false),
            Some(Ok(_)) => Ok(true),
            Some(Err(error)) => Err(*error),
        }
    }

    fn check(&self) -> Result<Established, Error> {
        match ResponseHead::parse(self.response.head())? {
            Some(response) => self.verify(&response),
            None => Err(Misuse::HandshakeNotEnded.into()),
        }
    }

    fn verify(&self, response: &ResponseHead<'_>) -> Result<Established, Error> {
        match self.options.bootstrap {
            Bootstrap::Upgrade => response.check()?,
            Bootstrap::ExtendedConnect if matches!(response.status, 200..=299) => {}
            Bootstrap::ExtendedConnect => return Err(HandshakeError::StatusNot101.into()),
        }
        let negotiated = self
            .fields
            .verify(&response.headers, self.options.optional_subprotocol)?;
        let subprotocol = negotiated
            .subprotocol
            .and_then(|index| self.options.subprotocols.get(index));
        Ok(Established {
            subprotocol: subprotocol.map(|subprotocol| subprotocol.to_owned()),
            #[cfg(feature = "deflate")]
            deflate: self.agreement(&response.headers)?,
        })
    }

    /// The agreed parameters of permessage-deflate, the only extension that is offered.
    #[cfg(feature = "deflate")]
    fn agreement(
        &self,
        response: &[HttpHeader<'_>],
    ) -> Result<Option<(deflate::Agreement, DeflateSettings)>, HandshakeError> {
        let Some((options, settings)) = self.options.deflate else {
            return Ok(None);
        };
        let selected = extensions(response)?;
        let agreement = selected
            .first()
            .map(|element| deflate::accept_response(&options, element));
        Ok(agreement.transpose()?.map(|agreement| (agreement, settings)))
    }

    fn into_parts(self) -> Result<Parts, Error> {
        Ok(Parts {
            role: Role::Client,
            established: self.outcome.unwrap_or(Err(Misuse::HandshakeNotEnded.into()))?,
            config: self.options.connection,
            random: self.random,
            unread: self.response.into_rest(),
            // a server that answers the key has received the request
            unsent: Vec::new(),
        })
    }
}

#[cfg(feature = "deflate")]
fn deflate_offer(options: &ClientOptions) -> Result<Option<String>, Misuse> {
    let Some((options, settings)) = &options.deflate else {
        return Ok(None);
    };
    settings.check()?;
    if options.is_valid() {
        Ok(Some(deflate::offer(options)))
    } else {
        Err(Misuse::DeflateSettingsInvalid)
    }
}

#[cfg(not(feature = "deflate"))]
const fn deflate_offer(_options: &ClientOptions) -> Result<Option<String>, Misuse> {
    Ok(None)
}

impl fmt::Debug for ClientHandshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientHandshake")
            .field("options", &self.options)
            .field("outcome", &self.outcome)
            .finish_non_exhaustive()
    }
}
