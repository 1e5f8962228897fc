//! Responses as the library has them.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    StatusCode,
    header::{DATE, HeaderMap, HeaderName, HeaderValue},
};

use crate::{model::Time, rest};

/// What is sent to the client.
pub(super) type Answer = hyper::Response<Full<Bytes>>;

/// Makes an answer of a response, at the emulator's time.
pub(super) fn of(response: rest::Response, now: Time) -> Answer {
    let mut answer = Answer::new(Full::new(response.body));
    *answer.status_mut() = StatusCode::from_u16(response.status).unwrap_or_default();
    let headers = answer.headers_mut();
    for (name, value) in response.headers {
        insert(headers, &name, &value);
    }
    insert(headers, DATE.as_str(), &rest::write_http(now));
    answer
}

/// Adds a header; one that HTTP has no letters for is left out.
fn insert(headers: &mut HeaderMap, name: &str, value: &str) {
    let name = HeaderName::try_from(name);
    let value = HeaderValue::try_from(value);
    if let (Ok(name), Ok(value)) = (name, value) {
        headers.append(name, value);
    }
}
