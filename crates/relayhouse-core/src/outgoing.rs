//! Messages that a handler sends as its answer.

use crate::{message::Message, text::Text};

/// Holds the messages that are sent before the one that they come from is acked.
///
/// A handler returns it. The queues are outputs of the consumer, by their names there. Where the
/// provider can, sends and ack are one; elsewhere each send is confirmed first, so that a crash in
/// between sends again: with the same id, which is made of that of the message handled.
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
}

impl Outgoing {
    /// Sends nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            messages: Vec::new(),
        }
    }

    /// Adds a message to the output `queue`. Messages of one queue keep their order.
    #[must_use]
    pub fn send(mut self, queue: impl Into<Text>, message: Message) -> Self {
        self.messages.push((queue.into(), message));
        self
    }

    /// Returns each message with its output.
    #[must_use]
    pub fn messages(&self) -> &[(Text, Message)] {
        &self.messages
    }
}
