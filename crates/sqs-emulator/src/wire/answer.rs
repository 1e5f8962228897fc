//! Answers: JSON with the headers by which clients know an error.

use std::time::SystemTime;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    StatusCode,
    header::{CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue},
};
use serde::Serialize;

use super::{Answer, date};
use crate::api::{Error, Result};

const JSON: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.0");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const QUERY_ERROR: HeaderName = HeaderName::from_static("x-amzn-query-error");

#[derive(Serialize)]
struct ErrorBody<'a> {
    #[serde(rename = "__type")]
    shape: &'a str,
    message: &'a str,
}

/// Answers with a result, at a time that clients compare with theirs.
pub(super) fn of(result: Result<Vec<u8>>, request_id: &str, now: SystemTime) -> Answer {
    let mut answer = match result {
        Ok(body) => Answer::new(Full::new(Bytes::from(body))),
        Err(error) => refuse(&error),
    };
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, JSON);
    insert(headers, REQUEST_ID, request_id);
    insert(headers, DATE, &date::http(now));
    answer
}

/// Answers whoever asks, without a call, whether the emulator is there.
pub(super) fn health() -> Answer {
    Answer::new(Full::new(Bytes::from_static(b"sqs-emulator is ready\n")))
}

fn refuse(error: &Error) -> Answer {
    let body = ErrorBody {
        shape: &error.code.shape(),
        message: &error.message,
    };
    // Two texts are always JSON.
    let body = serde_json::to_vec(&body).unwrap_or_default();
    let mut answer = Answer::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = StatusCode::from_u16(error.code.status()).unwrap_or_default();
    let side = if error.code.is_sender_fault() {
        "Sender"
    } else {
        "Receiver"
    };
    let value = format!("{};{side}", error.code.query());
    insert(answer.headers_mut(), QUERY_ERROR, &value);
    answer
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
