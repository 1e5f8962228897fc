//! A message as SQS takes it: how many bytes it counts, and the MD5 that must come back.

use aws_sdk_sqs::{
    primitives::Blob,
    types::{
        MessageAttributeValue, MessageSystemAttributeNameForSends, MessageSystemAttributeValue,
        SendMessageBatchRequestEntry, SendMessageBatchResultEntry,
    },
};
use bytes::Bytes;
use md5::{Digest, Md5};
use relayhouse_core::{Error, ErrorKind, Operation, Result};

use crate::error;

/// Is one message as SQS takes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Packet {
    pub(crate) body: String,
    /// At most 10, by name.
    pub(crate) attributes: Vec<(String, Value)>,
    pub(crate) trace: Option<String>,
    pub(crate) group: Option<String>,
    pub(crate) dedup: Option<String>,
    pub(crate) delay_seconds: i32,
}

/// Is the value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Text(String),
    Binary(Bytes),
}

impl Value {
    pub(crate) const fn data_type(&self) -> &'static str {
        match self {
            Self::Text(_) => "String",
            Self::Binary(_) => "Binary",
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }
}

impl Packet {
    /// Returns the bytes as SQS counts them: the body, and name, type and value of every attribute.
    pub(crate) fn size(&self) -> u64 {
        let attribute = |(name, value): &(String, Value)| {
            name.len() + value.data_type().len() + value.bytes().len()
        };
        let attributes: usize = self.attributes.iter().map(attribute).sum();
        (self.body.len() + attributes) as u64
    }

    /// Returns the entry of a batch with the id `index`.
    pub(crate) fn entry(self, index: usize) -> Result<SendMessageBatchRequestEntry> {
        let mut entry = SendMessageBatchRequestEntry::builder()
            .id(index.to_string())
            .message_body(self.body)
            .set_message_group_id(self.group)
            .set_message_deduplication_id(self.dedup)
            .set_delay_seconds((self.delay_seconds != 0).then_some(self.delay_seconds));
        for (name, value) in self.attributes {
            let builder = MessageAttributeValue::builder().data_type(value.data_type());
            let builder = match value {
                Value::Text(text) => builder.string_value(text),
                Value::Binary(bytes) => builder.binary_value(Blob::new(bytes)),
            };
            entry = entry.message_attributes(name, builder.build().map_err(unbuilt)?);
        }
        if let Some(trace) = self.trace {
            let name = MessageSystemAttributeNameForSends::AwsTraceHeader;
            let value = MessageSystemAttributeValue::builder().data_type("String");
            let value = value.string_value(trace).build().map_err(unbuilt)?;
            entry = entry.message_system_attributes(name, value);
        }
        entry.build().map_err(unbuilt)
    }

    /// Returns the MD5 of body and attributes, which SQS must answer with.
    pub(crate) fn digests(&self) -> Digests {
        let mut attributes: Vec<_> = self.attributes.iter().collect();
        attributes.sort_by(|(one, _), (other, _)| one.cmp(other));
        Digests {
            body: Md5::digest(self.body.as_bytes()).into(),
            attributes: (!attributes.is_empty()).then(|| digest_attributes(&attributes)),
        }
    }
}

/// The MD5 of what was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Digests {
    body: [u8; 16],
    attributes: Option<[u8; 16]>,
}

impl Digests {
    /// Checks that SQS took what was sent. An attribute digest that it leaves out says nothing.
    pub(crate) fn check(&self, answer: &SendMessageBatchResultEntry) -> Result<()> {
        if !is_hex(answer.md5_of_message_body(), &self.body) {
            return Err(error::changed("body"));
        }
        match (answer.md5_of_message_attributes(), &self.attributes) {
            (Some(theirs), Some(ours)) if !is_hex(theirs, ours) => {
                Err(error::changed("attributes"))
            }
            _ => Ok(()),
        }
    }
}

/// Digests attributes that are sorted by name: each of name, type and value with its length ahead,
/// and one byte that says how the value is carried.
fn digest_attributes(attributes: &[&(String, Value)]) -> [u8; 16] {
    let mut digest = Md5::new();
    let mut part = |bytes: &[u8], mark: Option<u8>| {
        if let Some(mark) = mark {
            digest.update([mark]);
        }
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        digest.update(length.to_be_bytes());
        digest.update(bytes);
    };
    for (name, value) in attributes {
        let mark = match value {
            Value::Text(_) => 1,
            Value::Binary(_) => 2,
        };
        part(name.as_bytes(), None);
        part(value.data_type().as_bytes(), None);
        part(value.bytes(), Some(mark));
    }
    digest.finalize().into()
}

/// Prints `bytes` as lowercase hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    digits(bytes).map(char::from).collect()
}

/// Returns true if `text` is `bytes` in lowercase hexadecimal digits.
fn is_hex(text: &str, bytes: &[u8]) -> bool {
    text.bytes().eq(digits(bytes))
}

fn digits(bytes: &[u8]) -> impl Iterator<Item = u8> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    nibbles.map(|nibble| DIGITS[usize::from(nibble)])
}

fn unbuilt(source: aws_sdk_sqs::error::BuildError) -> Error {
    Error::new(ErrorKind::Unexpected, "the request cannot be built")
        .operation(Operation::Send)
        .with_source(source)
}
