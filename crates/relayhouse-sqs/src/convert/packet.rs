//! A message as SQS takes it, and how many bytes it counts.

use std::borrow::Cow;

use aws_sdk_sqs::{
    primitives::Blob,
    types::{
        MessageAttributeValue, MessageSystemAttributeNameForSends, MessageSystemAttributeValue,
        SendMessageBatchRequestEntry,
    },
};
use bytes::Bytes;
use relayhouse_core::{Error, ErrorKind, Operation, Result};

/// Is one message as SQS takes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Packet {
    pub(crate) body: String,
    /// At most 10, sorted by name.
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
    Number(u64),
    Binary(Bytes),
}

impl Value {
    pub(crate) const fn data_type(&self) -> &'static str {
        match self {
            Self::Text(_) => "String",
            Self::Number(_) => "Number",
            Self::Binary(_) => "Binary",
        }
    }

    pub(crate) fn bytes(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Text(text) => text.as_bytes().into(),
            Self::Number(number) => number.to_string().into_bytes().into(),
            Self::Binary(bytes) => (&**bytes).into(),
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
                Value::Number(number) => builder.string_value(number.to_string()),
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
}

fn unbuilt(source: aws_sdk_sqs::error::BuildError) -> Error {
    Error::new(ErrorKind::Unexpected, "the request cannot be built")
        .operation(Operation::Send)
        .with_source(source)
}
