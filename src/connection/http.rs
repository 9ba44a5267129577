//! Handshakes with the types of the crate `http`.

use alloc::vec::Vec;

use ::http::{Method, Request, Response, Version};

use crate::connection::{ClientHandshake, Connection, ServerHandshake, ServerOptions};
use crate::error::{Error, HandshakeError};
use crate::handshake::Bootstrap;
use crate::http::{HttpHeader, RequestHead, ResponseHead, to_header_map};

impl ClientHandshake {
    /// The request for an HTTP library to send: a `GET` for `uri` with `Host`, [`headers`](Self::headers) and the
    /// fields of the options. Or a `CONNECT` without `Host`, if the options say so; the library must send `:protocol`.
    ///
    /// # Errors
    /// `http` rejects the URI or a field.
    pub fn http_request(&self, uri: &str) -> Result<Request<()>, ::http::Error> {
        let (method, mut headers) = match self.options.bootstrap {
            Bootstrap::Upgrade => (Method::GET, vec![HttpHeader::new("Host", &self.host)]),
            Bootstrap::ExtendedConnect => (Method::CONNECT, Vec::new()),
        };
        headers.extend(self.headers());
        let others = &self.options.headers;
        headers.extend(others.iter().map(|(name, value)| HttpHeader::new(name, value)));
        let mut request = Request::builder().method(method).uri(uri).body(())?;
        *request.headers_mut() = to_header_map(&headers)?;
        Ok(request)
    }

    /// Takes the response that an HTTP library has read. It must be to an upgrade over HTTP/1.1, unless the
    /// options say otherwise.
    ///
    /// # Errors
    /// As [`receive`](Self::receive).
    pub fn receive_http_response<B>(&mut self, response: &Response<B>) -> Result<(), Error> {
        self.receive_head(&ResponseHead::from(response))
    }
}

impl ServerHandshake {
    /// [`answer`](Self::answer) for a request that an HTTP library has read: returns the response to send, and the
    /// connection over the upgraded stream.
    ///
    /// ```
    /// use websocket_component::{ServerHandshake, ServerOptions};
    ///
    /// # let request = http::Request::builder()
    /// #     .header("Host", "example.com").header("Connection", "Upgrade").header("Upgrade", "websocket")
    /// #     .header("Sec-WebSocket-Version", "13").header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
    /// #     .body(())?;
    /// let (response, connection) = match ServerHandshake::answer_http(&request, None, ServerOptions::default()) {
    ///     Ok((response, connection)) => (response, Some(connection)),
    ///     Err(error) => (http::Response::from(error), None), // with the right status and fields
    /// };
    /// assert_eq!(response.status(), 101);
    /// assert!(connection.is_some());
    /// # Ok::<(), http::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`answer`](Self::answer); the request must be a `GET` over HTTP/1.1 without a body, or a
    /// `CONNECT`, if the options say so; that it has the protocol `websocket` is the caller's to check.
    pub fn answer_http<B>(
        request: &Request<B>,
        subprotocol: Option<&str>,
        options: ServerOptions,
    ) -> Result<(Response<()>, Connection), Error> {
        let (request, version) = (RequestHead::from(request), request.version());
        let status = match options.bootstrap {
            Bootstrap::Upgrade => {
                request.check()?;
                // later versions have no upgrade (RFC 9113 §8.6)
                if version > Version::HTTP_11 {
                    return Err(HandshakeError::HeadMalformed.into());
                }
                101
            }
            Bootstrap::ExtendedConnect if request.method == "CONNECT" => 200,
            Bootstrap::ExtendedConnect => return Err(HandshakeError::MethodNotGet.into()),
        };
        let answer = Self::answer(&request.headers, subprotocol, options)?;
        let fields: Vec<_> = answer
            .headers
            .iter()
            .map(|(name, value)| HttpHeader::new(name, value))
            .collect();
        Ok((response(status, &fields), answer.connection))
    }
}

/// The response to the request that caused the error; 500 if no request did.
impl From<Error> for Response<()> {
    fn from(error: Error) -> Self {
        match error {
            Error::Handshake(error) => error.into(),
            _ => response(error.status().unwrap_or(500), &[]),
        }
    }
}

/// The response to a request with this fault.
impl From<HandshakeError> for Response<()> {
    fn from(error: HandshakeError) -> Self {
        response(error.status(), &error.response_headers())
    }
}

/// A response that the crate made itself: `http` accepts its status and fields.
fn response(status: u16, headers: &[HttpHeader<'_>]) -> Response<()> {
    let mut response = Response::new(());
    if let Ok(status) = status.try_into() {
        *response.status_mut() = status;
    }
    *response.headers_mut() = to_header_map(headers).unwrap_or_default();
    response
}
