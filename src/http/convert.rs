//! Conversions from and to the types of the crate `http`.

use alloc::vec::Vec;

use ::http::{Error, HeaderMap, HeaderName, HeaderValue, Request, Response, Version};

use crate::http::{HttpHeader, RequestHead, ResponseHead};

impl<'a> From<(&'a HeaderName, &'a HeaderValue)> for HttpHeader<'a> {
    fn from((name, value): (&'a HeaderName, &'a HeaderValue)) -> Self {
        Self {
            name: name.as_str(),
            value: value.as_bytes(),
        }
    }
}

/// The fields of a map.
#[must_use]
pub fn from_header_map(map: &HeaderMap) -> Vec<HttpHeader<'_>> {
    map.iter().map(HttpHeader::from).collect()
}

/// The map of fields.
///
/// # Errors
/// `http` rejects a name or a value.
pub fn to_header_map(headers: &[HttpHeader<'_>]) -> Result<HeaderMap, Error> {
    let pairs = headers.iter().map(|header| {
        let name = HeaderName::from_bytes(header.name.as_bytes())?;
        Ok((name, HeaderValue::from_bytes(header.value)?))
    });
    let mut map = HeaderMap::new();
    for pair in pairs {
        let (name, value) = pair.map_err(|error: Error| error)?;
        map.append(name, value);
    }
    Ok(map)
}

/// 0 for HTTP/1.0 and older, 1 for all others.
fn minor(version: Version) -> u8 {
    u8::from(version > Version::HTTP_10)
}

/// The head of a request that an HTTP library has read. Its `length` is 0.
impl<'a, B> From<&'a Request<B>> for RequestHead<'a> {
    fn from(request: &'a Request<B>) -> Self {
        Self {
            method: request.method().as_str(),
            target: request.uri().path_and_query().map_or("/", |target| target.as_str()),
            version: minor(request.version()),
            headers: from_header_map(request.headers()),
            length: 0,
        }
    }
}

/// The head of a response that an HTTP library has read. Its `length` is 0.
impl<'a, B> From<&'a Response<B>> for ResponseHead<'a> {
    fn from(response: &'a Response<B>) -> Self {
        Self {
            status: response.status().as_u16(),
            reason: response.status().canonical_reason().unwrap_or_default(),
            version: minor(response.version()),
            headers: from_header_map(response.headers()),
            length: 0,
        }
    }
}

impl TryFrom<&RequestHead<'_>> for Request<()> {
    type Error = Error;

    fn try_from(head: &RequestHead<'_>) -> Result<Self, Error> {
        let mut request = Self::builder().method(head.method).uri(head.target).body(())?;
        *request.headers_mut() = to_header_map(&head.headers)?;
        Ok(request)
    }
}

impl TryFrom<&ResponseHead<'_>> for Response<()> {
    type Error = Error;

    fn try_from(head: &ResponseHead<'_>) -> Result<Self, Error> {
        let mut response = Self::builder().status(head.status).body(())?;
        *response.headers_mut() = to_header_map(&head.headers)?;
        Ok(response)
    }
}
