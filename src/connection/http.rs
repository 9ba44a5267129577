//! Handshakes by the types of the crate `http`.

use alloc::vec::Vec;

use ::http::{Request, Response};

use crate::connection::{ClientHandshake, Connection, ServerHandshake, ServerOptions};
use crate::error::{Error, HandshakeError};
use crate::http::{HttpHeader, RequestHead, ResponseHead, to_header_map};

impl ClientHandshake {
    /// The request, for an HTTP library that sends it: a `GET` for `uri` with [`headers`](Self::headers) and those of
    /// the options.
    ///
    /// # Errors
    /// A URI or field that `http` does not take.
    pub fn http_request(&self, uri: &str) -> Result<Request<()>, ::http::Error> {
        let mut headers = self.headers();
        let others = &self.options.headers;
        headers.extend(others.iter().map(|(name, value)| HttpHeader::new(name, value)));
        let mut request = Request::builder().uri(uri).body(())?;
        *request.headers_mut() = to_header_map(&headers)?;
        Ok(request)
    }

    /// Takes the response that an HTTP library has read. It must have been for an upgrade over HTTP/1.1.
    ///
    /// # Errors
    /// As [`receive`](Self::receive).
    pub fn receive_http_response<B>(&mut self, response: &Response<B>) -> Result<(), Error> {
        self.receive_head(&ResponseHead::from(response))
    }
}

impl ServerHandshake {
    /// [`answer`](Self::answer) to a request that an HTTP library has read: gives the response to send, and the
    /// connection over the stream that the library upgrades to.
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
    /// As [`answer`](Self::answer); a request that is not a `GET` over HTTP/1.1 without a body.
    pub fn answer_http<B>(
        request: &Request<B>,
        subprotocol: Option<&str>,
        options: ServerOptions,
    ) -> Result<(Response<()>, Connection), Error> {
        let request = RequestHead::from(request);
        request.check()?;
        let answer = Self::answer(&request.headers, subprotocol, options)?;
        let fields: Vec<_> = answer
            .headers
            .iter()
            .map(|(name, value)| HttpHeader::new(name, value))
            .collect();
        Ok((response(101, &fields), answer.connection))
    }
}

/// The response to a request that is to blame for the error; 500 if none is.
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

/// A response of the crate's own: `http` takes its status and fields.
fn response(status: u16, headers: &[HttpHeader<'_>]) -> Response<()> {
    let mut response = Response::new(());
    if let Ok(status) = status.try_into() {
        *response.status_mut() = status;
    }
    *response.headers_mut() = to_header_map(headers).unwrap_or_default();
    response
}
