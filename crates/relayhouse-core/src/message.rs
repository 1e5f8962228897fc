//! A message: its body, and the details that few messages carry.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;

use crate::{
    extract::Deadline,
    header::{HeaderValue, Headers},
    id::MessageId,
    text::Text,
    time::Timestamp,
};

/// Carries a body from a producer to a consumer.
///
/// A clone shares body and details: it copies nothing and, unless the body was made from a
/// `Vec` and is cloned for the first time, allocates nothing.
///
/// ```
/// use relayhouse_core::Message;
///
/// let message = Message::new("{\"id\":7}")
///     .content_type("application/json")
///     .header("tenant", "acme")
///     .ordering_key("customer-7");
/// assert_eq!(message.headers().text("tenant"), Some("acme"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// The id, which the producer gives before the first send if it is not set.
    pub id: Option<MessageId>,
    /// The body: any bytes, none included.
    pub body: Bytes,
    details: Option<Arc<Details>>,
}

/// Holds the part of a message that few messages need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// The headers.
    pub headers: Headers,
    /// The media type of the body.
    pub content_type: Option<Text>,
    /// The key within which messages keep their order; the session, where the queue has sessions.
    pub ordering_key: Option<Text>,
    /// The id by which the provider drops a message it has taken before.
    pub dedup_id: Option<Text>,
    /// When the message may be delivered first.
    pub not_before: Option<NotBefore>,
    /// How long after its send the message is worth delivering.
    pub ttl: Option<Duration>,
    /// The priority.
    pub priority: Priority,
    /// The id of the exchange that the message belongs to.
    pub correlation_id: Option<Text>,
    /// The queue that an answer goes to.
    pub reply_to: Option<Text>,
}

/// Says when a message may be delivered first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotBefore {
    /// This long after the provider has taken it.
    After(Duration),
    /// At this wall-clock time.
    At(Timestamp),
}

/// Ranks a message: 0 is the lowest, 9 the highest, 4 the default, as in JMS and AMQP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Priority(u8);

static NO_DETAILS: Details = Details {
    headers: Headers::new(),
    content_type: None,
    ordering_key: None,
    dedup_id: None,
    not_before: None,
    ttl: None,
    priority: Priority::DEFAULT,
    correlation_id: None,
    reply_to: None,
};

impl Message {
    /// Makes a message of `body`.
    #[must_use]
    pub fn new(body: impl Into<Bytes>) -> Self {
        Self {
            id: None,
            body: body.into(),
            details: None,
        }
    }

    /// Returns the details: the empty ones if none was set.
    #[must_use]
    pub fn details(&self) -> &Details {
        self.details.as_deref().unwrap_or(&NO_DETAILS)
    }

    /// Returns the details to change, copied first if another clone shares them.
    pub fn details_mut(&mut self) -> &mut Details {
        Arc::make_mut(self.details.get_or_insert_default())
    }

    /// Returns true if no detail was ever set, without reading them.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.details.is_none()
    }

    /// Returns true if a clone shares the body and the details, so that dropping this frees
    /// neither.
    ///
    /// An empty or static body is shared with everybody.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        let details = self.details.as_ref();
        !self.body.is_unique() && details.is_none_or(|details| 1 < Arc::strong_count(details))
    }

    /// Returns the headers.
    #[must_use]
    pub fn headers(&self) -> &Headers {
        &self.details().headers
    }

    /// Returns the bytes of body, header keys and header values together.
    #[must_use]
    pub fn size(&self) -> u64 {
        let headers = self
            .details
            .as_deref()
            .map_or(0, |details| details.headers.size());
        (self.body.len() + headers) as u64
    }

    /// Sets the id.
    #[must_use]
    pub fn id(mut self, id: impl Into<MessageId>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Sets a header.
    #[must_use]
    pub fn header(mut self, key: impl Into<Text>, value: impl Into<HeaderValue>) -> Self {
        self.details_mut().headers.set(key, value);
        self
    }

    /// Sets the media type of the body.
    #[must_use]
    pub fn content_type(mut self, content_type: impl Into<Text>) -> Self {
        self.details_mut().content_type = Some(content_type.into());
        self
    }

    /// Sets the key within which messages keep their order.
    #[must_use]
    pub fn ordering_key(mut self, key: impl Into<Text>) -> Self {
        self.details_mut().ordering_key = Some(key.into());
        self
    }

    /// Sets the id by which the provider drops a message it has taken before.
    #[must_use]
    pub fn dedup_id(mut self, id: impl Into<Text>) -> Self {
        self.details_mut().dedup_id = Some(id.into());
        self
    }

    /// Holds the message back for `delay` after the provider has taken it.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.details_mut().not_before = Some(NotBefore::After(delay));
        self
    }

    /// Holds the message back until the wall-clock time `time`.
    #[must_use]
    pub fn not_before(mut self, time: Timestamp) -> Self {
        self.details_mut().not_before = Some(NotBefore::At(time));
        self
    }

    /// Sets how long after its send the message is worth delivering.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.details_mut().ttl = Some(ttl);
        self
    }

    /// Sets the header that says until when the answer is of use.
    #[must_use]
    pub fn deadline(self, time: Timestamp) -> Self {
        self.header(Deadline::HEADER, time.to_string())
    }

    /// Sets the priority.
    #[must_use]
    pub fn priority(mut self, priority: Priority) -> Self {
        self.details_mut().priority = priority;
        self
    }

    /// Sets the id of the exchange that the message belongs to.
    #[must_use]
    pub fn correlation_id(mut self, id: impl Into<Text>) -> Self {
        self.details_mut().correlation_id = Some(id.into());
        self
    }

    /// Sets the queue that an answer goes to.
    #[must_use]
    pub fn reply_to(mut self, queue: impl Into<Text>) -> Self {
        self.details_mut().reply_to = Some(queue.into());
        self
    }
}

impl NotBefore {
    /// Returns how long after `now` the time comes: zero if it is past.
    #[must_use]
    pub const fn delay(self, now: Timestamp) -> Duration {
        match self {
            Self::After(delay) => delay,
            Self::At(time) => time.since(now),
        }
    }
}

impl Priority {
    /// The lowest priority, 0.
    pub const MIN: Self = Self(0);
    /// The priority of a message that sets none, 4.
    pub const DEFAULT: Self = Self(4);
    /// The highest priority, 9.
    pub const MAX: Self = Self(9);
    /// The number of priorities.
    pub const COUNT: usize = 10;

    /// Makes a priority, if `level` is 0 to 9.
    #[must_use]
    pub const fn new(level: u8) -> Option<Self> {
        if level <= Self::MAX.0 {
            Some(Self(level))
        } else {
            None
        }
    }

    /// Returns the level, 0 to 9.
    #[must_use]
    pub const fn level(self) -> u8 {
        self.0
    }
}

impl Default for Priority {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clone_shares_body_and_details() {
        let message = Message::new(vec![1; 1024]).header("tenant", "acme");
        let clone = message.clone();
        assert_eq!(clone.body.as_ptr(), message.body.as_ptr());
        assert!(std::ptr::eq(clone.details(), message.details()));
    }

    #[test]
    fn changing_a_clone_leaves_the_first_alone() {
        let message = Message::new("x").header("tenant", "acme");
        let clone = message.clone().header("tenant", "other");
        assert_eq!(message.headers().text("tenant"), Some("acme"));
        assert_eq!(clone.headers().text("tenant"), Some("other"));
    }

    #[test]
    fn message_is_shared_while_a_clone_has_body_and_details() {
        let mut message = Message::new(vec![1; 1024]).header("tenant", "acme");
        assert!(!message.is_shared());
        let clone = message.clone();
        assert!(message.is_shared());
        message.details_mut();
        assert!(!message.is_shared(), "the details are its own");
        drop(message);
        assert!(!clone.is_shared());
        assert!(Message::new("static").is_shared());
    }

    #[test]
    fn message_is_small() {
        assert_eq!(size_of::<Message>(), 64);
    }

    #[test]
    fn size_counts_body_and_headers() {
        assert_eq!(Message::new("body").size(), 4);
        assert_eq!(Message::new("body").header("key", "value").size(), 12);
    }

    #[test]
    fn past_time_means_now() {
        let now = Timestamp::from_micros(5);
        assert_eq!(
            NotBefore::At(Timestamp::from_micros(3)).delay(now),
            Duration::ZERO
        );
        assert_eq!(
            NotBefore::At(Timestamp::from_micros(8)).delay(now),
            Duration::from_micros(3)
        );
    }
}
