//! One message, as a queue keeps it.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use super::{contents, digest, names::QueueKey};
use crate::api::messages::{self, Attributes};

/// The names of the attributes that SQS itself gives a message.
pub(crate) const SYSTEM_NAMES: [&str; 9] = [
    "AWSTraceHeader",
    "ApproximateFirstReceiveTimestamp",
    "ApproximateReceiveCount",
    "DeadLetterQueueSourceArn",
    "MessageDeduplicationId",
    "MessageGroupId",
    "SenderId",
    "SentTimestamp",
    "SequenceNumber",
];

/// A message, with what SQS notes about it.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) id: Arc<str>,
    pub(crate) contents: Arc<Contents>,
    pub(crate) sent: SystemTime,
    pub(crate) first_received: Option<SystemTime>,
    pub(crate) receive_count: u64,
    /// The queue in which it died, and that queue's ARN.
    pub(crate) source: Option<(QueueKey, String)>,
}

/// What a sender gave.
#[derive(Debug)]
pub(crate) struct Contents {
    pub(crate) body: String,
    pub(crate) body_digest: String,
    pub(crate) attributes: Attributes,
    pub(crate) trace: Option<String>,
    pub(crate) group: Option<Arc<str>>,
    pub(crate) dedup: Option<String>,
    pub(crate) sender: String,
}

impl Message {
    /// Returns what a receive answers, with the attributes that it asked for.
    pub(crate) fn view(
        &self,
        receipt: String,
        sequence: Option<&str>,
        wanted: &Wanted,
    ) -> messages::Message {
        let contents = &self.contents;
        let wanted_attributes = contents.attributes.iter();
        let message_attributes = wanted_attributes
            .filter(|(name, _)| contents::is_wanted(&wanted.attributes, name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect::<Attributes>();
        messages::Message {
            message_id: self.id.as_ref().to_owned(),
            receipt_handle: receipt,
            md5_of_body: contents.body_digest.clone(),
            body: contents.body.clone(),
            attributes: self.system_attributes(sequence, wanted),
            md5_of_message_attributes: digest::attributes(&message_attributes),
            message_attributes,
        }
    }

    fn system_attributes(
        &self,
        sequence: Option<&str>,
        wanted: &Wanted,
    ) -> BTreeMap<&'static str, String> {
        let contents = &self.contents;
        let mut attributes = BTreeMap::new();
        for name in wanted.system() {
            let value = match name {
                "AWSTraceHeader" => contents.trace.clone(),
                "ApproximateFirstReceiveTimestamp" => self.first_received.map(milliseconds_text),
                "ApproximateReceiveCount" => Some(self.receive_count.to_string()),
                "DeadLetterQueueSourceArn" => self.source.as_ref().map(|(_, arn)| arn.clone()),
                "MessageDeduplicationId" => contents.dedup.clone(),
                "MessageGroupId" => contents.group.as_deref().map(str::to_owned),
                "SenderId" => Some(contents.sender.clone()),
                "SentTimestamp" => Some(milliseconds_text(self.sent)),
                _ => sequence.map(str::to_owned),
            };
            if let Some(value) = value {
                attributes.insert(name, value);
            }
        }
        attributes
    }
}

/// The attributes that a receive asks for.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) system: Vec<String>,
    pub(crate) attributes: Vec<String>,
}

impl Wanted {
    fn system(&self) -> impl Iterator<Item = &'static str> {
        let all = self.system.iter().any(|name| name == "All");
        let names = SYSTEM_NAMES.into_iter();
        names.filter(move |name| all || self.system.iter().any(|it| it == name))
    }
}

/// Returns the milliseconds since 1970, as SQS tells a time.
pub(crate) fn milliseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn milliseconds_text(time: SystemTime) -> String {
    milliseconds(time).to_string()
}
