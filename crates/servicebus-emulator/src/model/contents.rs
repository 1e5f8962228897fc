//! What a sender puts into a message.

use std::time::Duration;

use bytes::Bytes;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::{Time, Value};

/// How many bytes a message takes beside its texts and its body.
const FIXED_BYTES: usize = 32;

/// A message as somebody sends it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Contents {
    /// The id by which duplicates are found.
    pub message_id: Option<Box<str>>,
    /// The session, which AMQP calls the group.
    pub session_id: Option<Box<str>>,
    /// Where there is a session as well, it must be the same.
    pub partition_key: Option<Box<str>>,
    /// The partition key for a transfer through another entity.
    pub via_partition_key: Option<Box<str>>,
    /// The message that this one belongs to or answers.
    pub correlation_id: Option<Box<str>>,
    /// Where an answer is to be sent.
    pub reply_to: Option<Box<str>>,
    /// The session in which an answer is to be sent.
    pub reply_to_session_id: Option<Box<str>>,
    /// Where the message is to go, which the broker does not look at.
    pub to: Option<Box<str>>,
    /// What the message is about, once called the label.
    pub subject: Option<Box<str>>,
    /// How the body is to be read.
    pub content_type: Option<Box<str>>,
    /// How long the message is of use, unless the entity's default is shorter.
    pub time_to_live: Option<Duration>,
    /// When the message is to be enqueued; at once if there is none, or it is past.
    pub scheduled: Option<Time>,
    /// What the application adds, in its order: a map of AMQP has one.
    pub properties: IndexMap<Box<str>, Value>,
    /// What the body is in AMQP.
    pub body_kind: BodyKind,
    /// The body: for [`BodyKind::Data`] its bytes, else all of its sections in AMQP's encoding.
    pub body: Bytes,
    /// What else the protocol of the sender says, in an encoding of its own: it is only kept.
    pub extra: Bytes,
}

/// What the body of a message is in AMQP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum BodyKind {
    /// One section of bytes.
    #[default]
    Data,
    /// Several sections of bytes.
    DataSections,
    /// A value.
    Value,
    /// Sequences of values.
    Sequence,
}

impl Contents {
    /// Makes a message of a body alone.
    #[must_use]
    pub fn of_body(body: impl Into<Bytes>) -> Self {
        Self {
            body: body.into(),
            ..Self::default()
        }
    }

    /// Returns about how many bytes the message takes in the protocol.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let texts = self.texts().into_iter().flatten().map(|text| text.len());
        let properties = self
            .properties
            .iter()
            .map(|(name, value)| 2 + name.len() + value.bytes());
        let content = texts.chain(properties).sum::<usize>();
        FIXED_BYTES + content + self.body.len() + self.extra.len()
    }

    fn texts(&self) -> [&Option<Box<str>>; 10] {
        [
            &self.message_id,
            &self.session_id,
            &self.partition_key,
            &self.via_partition_key,
            &self.correlation_id,
            &self.reply_to,
            &self.reply_to_session_id,
            &self.to,
            &self.subject,
            &self.content_type,
        ]
    }
}
