//! Whose request it is. No signature is checked.

use hyper::header::{AUTHORIZATION, HeaderMap};

/// Reads the access key from a header like
/// `AWS4-HMAC-SHA256 Credential=KEY/20260101/us-east-1/sqs/aws4_request, ..`.
pub(super) fn access_key(headers: &HeaderMap) -> Option<&str> {
    let header = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (_, credential) = header.split_once("Credential=")?;
    credential.split('/').next()
}
