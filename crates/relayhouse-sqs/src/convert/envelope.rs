//! The envelope in which SNS puts messages, unless a subscription has raw delivery.

use std::collections::HashMap;

use aws_sdk_sqs::{
    primitives::Blob,
    types::{Message as SqsMessage, MessageAttributeValue},
};
use relayhouse_core::{Error, ErrorKind, Operation, Result, Retry};
use serde::Deserialize;

use super::body::decode_base64;

/// The header that names the topic, by its ARN.
const TOPIC: &str = "sns-topic";

/// The header that holds the subject, where there is one.
const SUBJECT: &str = "sns-subject";

/// The type of an envelope that has a message.
const NOTIFICATION: &str = "Notification";

const BINARY: &str = "Binary";

/// The most characters of a type that an error shows.
const TYPE_CHARS_MAX: usize = 40;

/// Is what SNS writes around a message.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Envelope {
    #[serde(rename = "Type")]
    kind: String,
    message_id: String,
    topic_arn: String,
    message: String,
    subject: Option<String>,
    #[serde(default)]
    message_attributes: HashMap<String, Attribute>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attribute {
    #[serde(rename = "Type")]
    kind: String,
    value: String,
}

/// Puts what is in the envelope in the place of it, as raw delivery would have brought it.
///
/// # Errors
///
/// Returns an error if the body is no envelope of SNS; `message` is then as it was.
pub(super) fn open(message: &mut SqsMessage) -> Result<()> {
    let body = message.body.as_deref().unwrap_or_default();
    let envelope: Envelope = serde_json::from_str(body).map_err(|error| {
        // Its text would show what the body says.
        let place = (error.line(), error.column());
        wrong(format!(
            "the body is no envelope of SNS: line {}, column {}",
            place.0, place.1
        ))
    })?;
    if envelope.kind != NOTIFICATION {
        let kind: String = envelope.kind.escape_debug().take(TYPE_CHARS_MAX).collect();
        return Err(wrong(format!(
            "the envelope of SNS is of type \"{kind}\", {NOTIFICATION} was expected"
        )));
    }
    let named = [
        (TOPIC, Some(envelope.topic_arn)),
        (SUBJECT, envelope.subject),
    ];
    let named = named.into_iter().filter_map(|(name, value)| {
        let value = MessageAttributeValue::builder().string_value(value?);
        Some((name.to_owned(), value.data_type("String").build().ok()?))
    });
    let mut attributes: HashMap<_, _> = named.collect();
    for (name, attribute) in envelope.message_attributes {
        let value = attribute.value(&name)?;
        attributes.insert(name, value);
    }
    message.body = Some(envelope.message);
    message.message_id = Some(envelope.message_id);
    message.message_attributes = Some(attributes);
    Ok(())
}

impl Attribute {
    fn value(self, name: &str) -> Result<MessageAttributeValue> {
        let Self { kind, value } = self;
        let builder = MessageAttributeValue::builder();
        let builder = match kind.split('.').next() {
            Some(BINARY) => {
                let bytes = decode_base64(&value).ok_or_else(|| {
                    wrong(format!(
                        "attribute \"{name}\" of the envelope of SNS is no base64"
                    ))
                })?;
                builder.binary_value(Blob::new(bytes))
            }
            _ => builder.string_value(value),
        };
        let built = builder.data_type(kind).build();
        built.map_err(|error| wrong("an attribute cannot be read".to_owned()).with_source(error))
    }
}

/// It comes again, and the queue may yet be read as it is: that is no reason to end a consumer.
fn wrong(text: String) -> Error {
    Error::new(ErrorKind::Codec, text)
        .retry(Retry::Temporary)
        .operation(Operation::Receive)
}

#[cfg(test)]
mod tests;
