//! What a handler's answer brings along: messages to send, and keys that are done with the ack.

use std::{
    fmt::{self, Debug},
    sync::Arc,
    time::Duration,
};

use crate::{message::Message, port::DedupStore, settlement::Settlement, text::Text};

/// Holds the messages that are sent before the one that they come from is acked, and the keys that
/// are done with it.
///
/// A handler returns it. The queues are outputs of the consumer, by their names there. Where the
/// provider can, sends, marks and ack are one; elsewhere each send is confirmed first, then the
/// marks are noted, then the message is acked, so that a crash in between sends again: with the
/// same id, which is made of that of the message handled unless the answer gives one, and with the
/// same dedup id where the queue takes one. A message that comes again because somebody sent it
/// again is another: what is sent for it is dropped by no dedup window.
///
/// ```
/// use relayhouse_core::{Message, Outgoing};
///
/// let outgoing = Outgoing::new()
///     .send("payments", Message::new("charge 7"))
///     .send("audit", Message::new("order 7 came in"));
/// assert_eq!(outgoing.messages().len(), 2);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outgoing {
    messages: Vec<(Text, Message)>,
    marks: Vec<Mark>,
}

/// Is a key that is done once its message is: claimed in a [`DedupStore`], and to be completed
/// there with the ack.
///
/// A key that cannot be completed, since its claim ended and another has it or since the store is
/// full, changes nothing else: the message was handled, and is acked. Only what is sent as one with
/// the ack is not sent then, and the message comes again.
#[derive(Clone)]
pub struct Mark {
    /// Where the key was claimed.
    pub store: Arc<dyn DedupStore>,
    /// The key.
    pub key: Text,
    /// Who claimed it.
    pub owner: u64,
    /// How long it is remembered.
    pub keep: Duration,
}

impl Outgoing {
    /// Sends nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            messages: Vec::new(),
            marks: Vec::new(),
        }
    }

    /// Adds a message to the output `queue`. Messages of one queue keep their order.
    #[must_use]
    pub fn send(mut self, queue: impl Into<Text>, message: Message) -> Self {
        self.messages.push((queue.into(), message));
        self
    }

    /// Adds a key that is done with the ack.
    #[must_use]
    pub fn mark(mut self, mark: Mark) -> Self {
        self.marks.push(mark);
        self
    }

    /// Returns each message with its output.
    #[must_use]
    pub fn messages(&self) -> &[(Text, Message)] {
        &self.messages
    }

    /// Returns each message, to change it before it is sent.
    pub fn messages_mut(&mut self) -> impl Iterator<Item = &mut Message> {
        self.messages.iter_mut().map(|(_, message)| message)
    }

    /// Returns the keys that are done with the ack.
    #[must_use]
    pub fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// Returns what is left to do once the messages are sent: the ack, with its marks.
    #[must_use]
    pub fn sent(mut self) -> Settlement {
        if self.marks.is_empty() {
            return Settlement::Ack;
        }
        self.messages.clear();
        self.into()
    }
}

impl PartialEq for Mark {
    /// Marks are equal if they complete the same claim for the same time in the very same store.
    fn eq(&self, other: &Self) -> bool {
        let Self {
            store,
            key,
            owner,
            keep,
        } = self;
        let is_same = std::ptr::addr_eq(Arc::as_ptr(store), Arc::as_ptr(&other.store));
        is_same && *key == other.key && *owner == other.owner && *keep == other.keep
    }
}

impl Eq for Mark {}

impl Debug for Mark {
    /// Names the place of the store: all that it holds is too much.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            store,
            key,
            owner,
            keep,
        } = self;
        f.debug_struct("Mark")
            .field("site", &store.site())
            .field("key", key)
            .field("owner", owner)
            .field("keep", keep)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;
    use crate::{
        error::Result,
        port::{Claiming, Marking, Site},
    };

    #[derive(Debug)]
    struct Nowhere(Site);

    #[async_trait]
    impl DedupStore for Nowhere {
        fn site(&self) -> Option<&Site> {
            Some(&self.0)
        }

        async fn claim(&self, _: &mut [Claiming], _: Duration) -> Result<()> {
            Ok(())
        }

        async fn complete(&self, _: &mut [Marking], _: Duration) -> Result<()> {
            Ok(())
        }

        async fn abandon(&self, _: &mut [Marking]) -> Result<()> {
            Ok(())
        }
    }

    fn mark() -> Mark {
        Mark {
            store: Arc::new(Nowhere(Site::new("local:/q/orders"))),
            key: "7".into(),
            owner: 1,
            keep: Duration::from_secs(60),
        }
    }

    #[test]
    fn mark_is_that_of_its_own_store_and_prints_no_more_than_its_site() {
        let mark = mark();
        assert_eq!(mark, mark.clone());
        assert_ne!(mark, self::mark(), "another store");
        let other = Mark {
            owner: 2,
            ..mark.clone()
        };
        assert_ne!(mark, other);
        let printed = format!("{mark:?}");
        assert!(printed.contains("local:/q/orders"), "{printed}");
        assert!(!printed.contains("Nowhere"), "{printed}");
    }

    #[test]
    fn what_is_left_after_the_sends_is_the_ack_with_its_marks() {
        let outgoing = Outgoing::new().send("payments", Message::new("7"));
        assert_eq!(outgoing.clone().sent(), Settlement::Ack);
        let mark = mark();
        let left = outgoing.mark(mark.clone()).sent();
        assert_eq!(left, Outgoing::new().mark(mark).into());
    }
}
