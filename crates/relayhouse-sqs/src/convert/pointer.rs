//! Bodies that are in a bucket, in the layout of AWS's Extended Client: the body says where, and an
//! attribute how large what is there is.

use std::collections::HashMap;

use aws_sdk_sqs::types::{Message as SqsMessage, MessageAttributeValue};
use relayhouse_core::{
    Error, ErrorKind, Message, Operation, Result, Retry,
    port::{BlobName, CLAIM_HEADER},
};
use serde::Deserialize;

use crate::payload::Payloads;

/// The attribute by which a body is known to be elsewhere.
pub(super) const SIZE: &str = "ExtendedPayloadSize";

/// The same, of older clients.
pub(super) const OLD_SIZE: &str = "SQSLargePayloadSize";

/// What a body that says where starts with.
const CLASS: &str = "software.amazon.payloadoffloading.PayloadS3Pointer";

/// Is what the body says, behind its class.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Pointer {
    s3_bucket_name: String,
    s3_key: String,
}

/// Is what stands in the place of a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct StandIn {
    pub(super) body: String,
    pub(super) size: u64,
}

/// Returns what stands in the place of the body of `message`, if a claim says that it is in a bucket.
pub(super) fn stand_in(message: &Message, payloads: Option<&Payloads>) -> Option<StandIn> {
    let payloads = payloads.filter(|_| message.body.is_empty())?;
    let claim = message.headers().text(CLAIM_HEADER)?;
    let mut parts = claim.split(' ').skip(1);
    let name = BlobName::parse(parts.next()?).ok()?;
    let size = parts.nth(1)?.parse().ok()?;
    let pointer = serde_json::json!({
        "s3BucketName": payloads.bucket,
        "s3Key": payloads.key(name),
    });
    Some(StandIn {
        body: serde_json::json!([CLASS, pointer]).to_string(),
        size,
    })
}

/// Puts a claim in the place of a body that another client has put into the bucket of `payloads`.
/// What has no attribute of such a client stays as it is.
///
/// # Errors
///
/// Returns an error if the body does not say where, or names another bucket or a key that is none of
/// these clients; `message` is then as it was.
pub(super) fn open(message: &mut SqsMessage, payloads: &Payloads) -> Result<()> {
    let Some(attributes) = &mut message.message_attributes else {
        return Ok(());
    };
    let Some(size) = size_of(attributes) else {
        return Ok(());
    };
    let body = message.body.as_deref().unwrap_or_default();
    let read: (String, Pointer) = serde_json::from_str(body).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        wrong(format!(
            "the body does not say where it is stored: line {line}, column {column}"
        ))
    })?;
    let (_, pointer) = read;
    if pointer.s3_bucket_name != payloads.bucket {
        return Err(wrong(
            "the body is in another bucket than payload_bucket".to_owned(),
        ));
    }
    let name = payloads.name(&pointer.s3_key);
    let name = name.ok_or_else(|| {
        wrong("the key of the body is not payload_prefix with a UUID behind it".to_owned())
    })?;
    let claim = MessageAttributeValue::builder().data_type("String");
    let claim = claim.string_value(format!("1 {name} - {size}")).build();
    let claim = claim.map_err(|error| wrong("the claim is none".to_owned()).with_source(error))?;
    remove_size(attributes);
    attributes.insert(CLAIM_HEADER.to_owned(), claim);
    message.body = None;
    Ok(())
}

fn size_of(attributes: &HashMap<String, MessageAttributeValue>) -> Option<u64> {
    let attribute = attributes.get(SIZE).or_else(|| attributes.get(OLD_SIZE))?;
    attribute.string_value.as_deref()?.parse().ok()
}

/// Takes away what says that the body is elsewhere, of a message of ours.
pub(super) fn remove_size(attributes: &mut HashMap<String, MessageAttributeValue>) {
    attributes.remove(SIZE);
    attributes.remove(OLD_SIZE);
}

/// It comes again, and may yet be read: that is no reason to end a consumer.
fn wrong(text: String) -> Error {
    Error::new(ErrorKind::Codec, text)
        .retry(Retry::Temporary)
        .operation(Operation::Receive)
}

#[cfg(test)]
mod tests;
