//! Publishes packets to a topic, in batches as they go to a queue.

use aws_sdk_sns::{
    primitives::Blob,
    types::{MessageAttributeValue, PublishBatchRequestEntry, PublishBatchResultEntry},
};
use relayhouse_core::{Capabilities, Error, ErrorKind, MessageId, Operation, Result, Sent};

use super::Topic;
use crate::{
    batch::{Answers, Target},
    capability::SNS_BYTES_MAX,
    convert::{Packet, Value, sequence},
    error,
    link::Link,
};

impl Target for Topic {
    const BYTES_MAX: u64 = SNS_BYTES_MAX;
    const HAS_TRACE: bool = false;

    fn is_fifo(&self) -> bool {
        self.is_fifo
    }

    fn declared<'a>(&self, link: &'a Link) -> &'a Capabilities {
        link.declared.topic(self.is_fifo)
    }

    fn at(&self, error: Error, operation: Operation) -> Error {
        Self::at(self, error, operation)
    }

    async fn send_call(&self, link: &Link, packets: Vec<Packet>) -> Result<Vec<Result<Sent>>> {
        let mut answers = Answers::new(packets.len());
        let entries = packets.into_iter().enumerate();
        let entries: Result<Vec<_>> = entries.map(|(index, it)| entry(it, index)).collect();
        let request = link.sns().await?.publish_batch();
        let request = request
            .topic_arn(&*self.arn)
            .set_publish_batch_request_entries(Some(entries?));
        let answer = link.call_sns(Operation::Send, Box::pin(request.send()));
        let answer = answer.await?;
        for entry in answer.successful() {
            let index = entry.id().and_then(|id| answers.index(id));
            answers.set(index, Ok(sent(entry)));
        }
        for entry in answer.failed() {
            let index = answers.index(entry.id());
            answers.set(index, Err(error::of_sns_entry(entry, Operation::Send)));
        }
        Ok(answers.finish(Operation::Send))
    }
}

/// Returns the entry of a batch with the id `index`.
fn entry(packet: Packet, index: usize) -> Result<PublishBatchRequestEntry> {
    let mut entry = PublishBatchRequestEntry::builder()
        .id(index.to_string())
        .message(packet.body)
        .set_message_group_id(packet.group)
        .set_message_deduplication_id(packet.dedup);
    for (name, value) in packet.attributes {
        let builder = MessageAttributeValue::builder().data_type(value.data_type());
        let builder = match value {
            Value::Text(text) => builder.string_value(text),
            Value::Number(number) => builder.string_value(number.to_string()),
            Value::Binary(bytes) => builder.binary_value(Blob::new(bytes)),
        };
        entry = entry.message_attributes(name, builder.build().map_err(unbuilt)?);
    }
    entry.build().map_err(unbuilt)
}

fn unbuilt(source: aws_sdk_sns::error::BuildError) -> Error {
    Error::new(ErrorKind::Unexpected, "the request cannot be built")
        .operation(Operation::Send)
        .with_source(source)
}

fn sent(entry: &PublishBatchResultEntry) -> Sent {
    Sent {
        id: entry.message_id().map(MessageId::from_text),
        sequence: entry.sequence_number().and_then(sequence),
        deduplicated: false,
    }
}
