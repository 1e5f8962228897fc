//! Whose request it is, and when it was signed. No signature is checked.

use std::time::{Duration, SystemTime};

use hyper::header::{AUTHORIZATION, HeaderMap};

use super::date;
use crate::api::{Code, Error};

/// Reads the access key from a header like
/// `AWS4-HMAC-SHA256 Credential=KEY/20260101/us-east-1/sqs/aws4_request, ..`.
pub(super) fn access_key(headers: &HeaderMap) -> Option<&str> {
    let header = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (_, credential) = header.split_once("Credential=")?;
    credential.split('/').next()
}

/// Returns the error of a request that was signed further from `now` than `skew_max`.
pub(super) fn skewed(
    headers: &HeaderMap,
    now: SystemTime,
    skew_max: Option<Duration>,
) -> Option<Error> {
    let skew_max = skew_max?;
    let signed = headers.get("x-amz-date")?.to_str().ok()?;
    let (first, last) = (date::amazon(now - skew_max), date::amazon(now + skew_max));
    let message = if signed < first.as_str() {
        format!("Signature expired: {signed} is now earlier than {first}")
    } else if last.as_str() < signed {
        format!("Signature not yet current: {signed} is still later than {last}")
    } else {
        return None;
    };
    Some(Error::new(Code::InvalidSignature, message))
}
