//! The attribute that carries what SQS has no field for.

use relayhouse_core::{
    DeadLetter, Envelope, Fingerprint, HeaderValue, Headers, Priority, Source, Timestamp,
};
use serde::{Deserialize, Serialize};

use super::body::{Encoding, decode_base64, encode_base64};

/// The name of the attribute.
pub(crate) const NAME: &str = "relayhouse";

/// Is what the attribute holds, as JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Packed {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
    /// How the body is encoded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) body: Option<Encoding>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) content_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) correlation_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reply_to: Option<String>,
    /// The dedup id, where SQS does not take it as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) dedup: Option<String>,
    /// The ordering key, where it is not the message group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) priority: Option<u8>,
    /// The keys of all headers in their order, where there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) order: Vec<String>,
    /// The headers that are not attributes of their own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) headers: Vec<(String, PackedValue)>,
    /// When the message was first enqueued, in microseconds, where it was sent again since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) enqueued: Option<u64>,
    /// When the message is due, in microseconds, where one delay of SQS does not reach.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) due: Option<u64>,
    /// The deliveries before it was sent again, which SQS does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) attempts: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) envelope: Option<PackedEnvelope>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PackedValue {
    Text(String),
    Base64(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PackedEnvelope {
    reason: String,
    description: String,
    fingerprint: u64,
    source: String,
    attempts: u32,
    dead_lettered: u64,
}

impl Packed {
    /// Returns the headers of their own attributes and the packed ones, in their order.
    pub(crate) fn order_headers(&self, mut loose: Headers) -> Headers {
        for (key, value) in &self.headers {
            if let Some(value) = value.header() {
                loose.set(key.clone(), value);
            }
        }
        let mut ordered = Headers::new();
        for key in &self.order {
            if let Some(value) = loose.remove(key) {
                ordered.set(key.clone(), value);
            }
        }
        // Those that somebody added on the way.
        for (key, value) in loose.iter() {
            ordered.set(key.to_owned(), value.clone());
        }
        ordered
    }

    pub(crate) fn priority(&self) -> Priority {
        let priority = self.priority.and_then(Priority::new);
        priority.unwrap_or_default()
    }
}

impl PackedValue {
    pub(crate) fn of(value: &HeaderValue) -> Self {
        match value {
            HeaderValue::Text(text) => Self::Text(text.as_str().to_owned()),
            HeaderValue::Bytes(bytes) => Self::Base64(encode_base64(bytes)),
            other => Self::Text(format!("{other:?}")),
        }
    }

    fn header(&self) -> Option<HeaderValue> {
        match self {
            Self::Text(text) => Some(HeaderValue::Text(text.clone().into())),
            Self::Base64(text) => decode_base64(text).map(HeaderValue::Bytes),
        }
    }
}

impl PackedEnvelope {
    pub(crate) fn of(envelope: &Envelope) -> Self {
        let Envelope {
            dead_letter,
            source,
            attempts,
            enqueued_at: _,
            dead_lettered_at,
        } = envelope;
        Self {
            reason: dead_letter.reason.to_string(),
            description: dead_letter.description.to_string(),
            fingerprint: dead_letter.fingerprint.as_u64(),
            source: source.to_string(),
            attempts: *attempts,
            dead_lettered: dead_lettered_at.as_micros(),
        }
    }

    /// Returns the envelope of a message that was first enqueued at `enqueued_at`; `None` if its
    /// source is not one.
    pub(crate) fn envelope(self, enqueued_at: Timestamp) -> Option<Envelope> {
        let source: Source = self.source.parse().ok()?;
        let dead_letter = DeadLetter {
            reason: self.reason.into(),
            description: self.description.into(),
            fingerprint: Fingerprint::from_u64(self.fingerprint),
        };
        Some(Envelope {
            dead_letter,
            source,
            attempts: self.attempts,
            enqueued_at,
            dead_lettered_at: Timestamp::from_micros(self.dead_lettered),
        })
    }
}
