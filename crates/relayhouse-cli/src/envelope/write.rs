//! From a delivery to a line.

use std::collections::BTreeMap;

use relayhouse::{Delivery, HeaderValue, Previous, Priority};
use serde::Serialize;
use serde_json::{Value, value::RawValue};

use super::base64;
use crate::decode::Decoded;

/// Is the object around a body; what is empty is left out.
#[derive(Debug, Serialize)]
struct Envelope<'a> {
    #[serde(flatten)]
    body: Body<'a>,
    /// Only where it is another than that of the field the body stands in.
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<Option<&'a str>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<&'a str, Header<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dedup_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<&'a str>,
    delivery: Told,
    #[serde(skip_serializing_if = "Option::is_none")]
    dead_letter: Option<Letter<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decoded: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    undecoded: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Body<'a> {
    #[serde(rename = "body")]
    Json(&'a RawValue),
    Text(&'a str),
    Base64(String),
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Header<'a> {
    Text(&'a str),
    Bytes { base64: String },
}

/// Tells of this delivery.
#[derive(Debug, Serialize)]
struct Told {
    id: String,
    attempt: u32,
    previous: Option<&'static str>,
    sequence: Option<u64>,
    enqueued_at: String,
}

/// Tells why a message is dead.
#[derive(Debug, Serialize)]
struct Letter<'a> {
    reason: &'a str,
    description: &'a str,
    fingerprint: String,
    source: String,
    attempts: u32,
    dead_lettered_at: String,
}

/// Writes `delivery` as a line without its end.
pub(crate) fn write(delivery: &Delivery) -> serde_json::Result<String> {
    write_decoded(delivery, None)
}

/// Writes `delivery`, and what its body says, as a line without its end.
pub(crate) fn write_decoded(
    delivery: &Delivery,
    decoded: Option<Decoded>,
) -> serde_json::Result<String> {
    let (decoded, undecoded) = match decoded {
        Some(Ok(value)) => (Some(value), None),
        Some(Err(reason)) => (None, Some(reason)),
        None => (None, None),
    };
    let details = delivery.message.details();
    let body = Body::of(&delivery.message.body);
    let of_body = matches!(body, Body::Json(_)).then_some("application/json");
    let content_type = details.content_type.as_deref();
    let priority = details.priority;
    serde_json::to_string(&Envelope {
        body,
        content_type: (content_type != of_body).then_some(content_type),
        headers: details
            .headers
            .iter()
            .map(|(key, value)| (key, Header::of(value)))
            .collect(),
        key: details.ordering_key.as_deref(),
        ttl: details
            .ttl
            .map(|ttl| humantime::format_duration(ttl).to_string()),
        dedup_id: details.dedup_id.as_deref(),
        priority: (priority != Priority::DEFAULT).then_some(priority.level()),
        correlation_id: details.correlation_id.as_deref(),
        reply_to: details.reply_to.as_deref(),
        delivery: Told::of(delivery),
        dead_letter: Letter::of(delivery),
        decoded,
        undecoded,
    })
}

impl<'a> Body<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        let Ok(text) = std::str::from_utf8(bytes) else {
            return Self::Base64(base64::encode(bytes));
        };
        let is_one_line = !text.contains(['\n', '\r']) && text.len() == text.trim().len();
        match serde_json::from_str(text) {
            Ok(json) if is_one_line => Self::Json(json),
            _ => Self::Text(text),
        }
    }
}

impl<'a> Header<'a> {
    fn of(value: &'a HeaderValue) -> Self {
        match value.as_text() {
            Some(text) => Self::Text(text),
            None => Self::Bytes {
                base64: base64::encode(value.as_bytes()),
            },
        }
    }
}

impl Told {
    fn of(delivery: &Delivery) -> Self {
        Self {
            id: delivery.id.to_string(),
            attempt: delivery.attempt,
            previous: match delivery.previous {
                Previous::Released => Some("released"),
                Previous::Expired => Some("expired"),
                _ => None,
            },
            sequence: delivery.sequence,
            enqueued_at: delivery.enqueued_at.to_string(),
        }
    }
}

impl<'a> Letter<'a> {
    fn of(delivery: &'a Delivery) -> Option<Self> {
        let envelope = delivery.envelope.as_deref()?;
        let letter = &envelope.dead_letter;
        Some(Self {
            reason: &letter.reason,
            description: &letter.description,
            fingerprint: letter.fingerprint.to_string(),
            source: envelope.source.to_string(),
            attempts: envelope.attempts,
            dead_lettered_at: envelope.dead_lettered_at.to_string(),
        })
    }
}
