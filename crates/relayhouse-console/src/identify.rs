//! Ids of requests: given by the client if they are harmless, else drawn here.

use std::sync::Arc;

use axum::{extract::Request, middleware::Next, response::Response};
use http::{HeaderMap, HeaderName, HeaderValue};
use relayhouse_core::Random;
use tower_http::request_id::{MakeRequestId, RequestId};

/// The header that has the id, of requests and of answers.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const ID_BYTES_MAX: usize = 64;

/// Draws ids.
#[derive(Clone, Debug)]
pub(crate) struct Draw(pub(crate) Arc<dyn Random>);

impl MakeRequestId for Draw {
    fn make_request_id<B>(&mut self, _: &http::Request<B>) -> Option<RequestId> {
        let id = format!("{:016x}{:016x}", self.0.next_u64(), self.0.next_u64());
        HeaderValue::from_str(&id).ok().map(RequestId::new)
    }
}

/// Removes an id that is not one word of harmless characters: it would be written into answers and
/// logs.
pub(crate) async fn sift(mut request: Request, next: Next) -> Response {
    let headers = request.headers_mut();
    let mut ids = headers.get_all(&REQUEST_ID).iter();
    let is_harmless = ids.next().is_some_and(is_harmless) && ids.next().is_none();
    if !is_harmless {
        headers.remove(&REQUEST_ID);
    }
    next.run(request).await
}

fn is_harmless(id: &HeaderValue) -> bool {
    let id = id.as_bytes();
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    (1..=ID_BYTES_MAX).contains(&id.len()) && id.iter().all(is_word)
}

/// Returns the id of a request.
pub(crate) fn id_of(headers: &HeaderMap) -> &str {
    let id = headers.get(&REQUEST_ID).and_then(|id| id.to_str().ok());
    id.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_words() {
        let is = |id: &[u8]| is_harmless(&HeaderValue::from_bytes(id).unwrap());
        assert!(is(b"7f3a-b_c.D9"));
        for id in [
            &b""[..],
            b"a b",
            b"a\tb",
            b"a\"b",
            b"a=b",
            b"<b>",
            b"\xff\xfe",
            b"a;b",
            &[b'x'; 65],
        ] {
            assert!(!is(id), "{id:?}");
        }
    }
}
