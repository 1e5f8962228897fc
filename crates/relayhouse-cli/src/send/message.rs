//! From a line of the input to a message.

use relayhouse::{Message, NotBefore};

use crate::{
    args::{Details, Messages},
    envelope,
    input::{Wrong, json},
};

/// Says what a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A JSON value, which is the body.
    Body,
    /// An object around the body.
    Envelope,
    /// Any bytes, which are the body.
    Raw,
}

/// Makes messages.
#[derive(Debug)]
pub(super) struct Maker {
    pub(super) shape: Shape,
    pub(super) details: Details,
    /// Until when messages are held back.
    pub(super) until: Option<NotBefore>,
}

impl Shape {
    pub(super) fn of(messages: &Messages) -> Self {
        match (messages.raw, messages.envelope) {
            (true, _) => Self::Raw,
            (false, true) => Self::Envelope,
            (false, false) => Self::Body,
        }
    }
}

impl Maker {
    /// Makes the message of line `number`.
    pub(super) fn message(&self, number: u64, line: &[u8]) -> Result<Message, Wrong> {
        let message = match self.shape {
            Shape::Raw => Message::new(line.to_vec()),
            Shape::Body => Message::new(json(line)?),
            Shape::Envelope => envelope::read(line)?,
        };
        Ok(self.complete(number, message))
    }

    /// Adds what `message` does not say itself.
    fn complete(&self, number: u64, mut message: Message) -> Message {
        let Details {
            headers,
            key,
            dedup_id,
            priority,
            content_type,
        } = &self.details;
        let of_shape = (self.shape == Shape::Body).then_some("application/json");
        for header in headers {
            if message.headers().get(&header.key).is_none() {
                message = message.header(header.key.clone(), header.value.clone());
            }
        }
        let has = message.details().clone();
        if let (Some(key), None) = (key, has.ordering_key) {
            message = message.ordering_key(key.clone());
        }
        if has.not_before.is_none() && self.until.is_some() {
            message.details_mut().not_before = self.until;
        }
        if let (Some(id), None) = (dedup_id, has.dedup_id) {
            message = message.dedup_id(self.dedup_id(id, number));
        }
        if let (Some(priority), true) = (priority, has.priority == <_>::default()) {
            message = message.priority(*priority);
        }
        match (content_type, of_shape, has.content_type) {
            (Some(content_type), _, None) => message.content_type(content_type.clone()),
            (None, Some(content_type), None) => message.content_type(content_type),
            _ => message,
        }
    }

    fn dedup_id(&self, id: &str, number: u64) -> String {
        match self.shape {
            Shape::Raw => id.to_owned(),
            Shape::Body | Shape::Envelope => format!("{id}:{number}"),
        }
    }
}
