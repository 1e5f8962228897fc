//! Items of a batch, each with its own answer in place.

use crate::{
    delivery::Delivery,
    error::{Error, ErrorKind, Result},
    id::{MessageId, Receipt},
    message::Message,
    settlement::Settlement,
    time::Instant,
};

/// Answers for one item of a batch.
///
/// What a `Pending` item means depends on how the call ended: after `Ok` it is a missing answer
/// and counts as unknown; after `Err` it never left this process; after the call was dropped it
/// is unknown.
#[derive(Clone, Debug, Default)]
pub enum Outcome<T> {
    /// Nothing is known yet.
    #[default]
    Pending,
    /// It took effect.
    Done(T),
    /// It did not take effect, or, with [`ErrorKind::OutcomeUnknown`], may not have.
    Failed(Error),
}

/// Is one message of a batch to send, with its answer.
///
/// The adapter takes the message out only while it writes `Done`.
#[derive(Debug, Default)]
pub struct Sending {
    /// The message.
    pub message: Message,
    /// The answer.
    pub outcome: Outcome<Sent>,
}

/// Tells what the provider said of a message it took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// The id that the message has there.
    pub id: Option<MessageId>,
    /// The provider's number of the message: what cancelling a scheduled one takes.
    pub sequence: Option<u64>,
    /// True if the provider dropped the message because it knew its dedup id.
    pub deduplicated: bool,
}

/// Is one delivery of a batch to settle, with its answer.
#[derive(Debug)]
pub struct Settling {
    /// The delivery.
    pub delivery: Delivery,
    /// How it ends.
    pub settlement: Settlement,
    /// The answer.
    pub outcome: Outcome<()>,
}

/// Is one lease of a batch to extend, with its answer: the new end.
#[derive(Debug)]
pub struct Extending {
    /// The proof of the lease.
    pub receipt: Receipt,
    /// The answer.
    pub outcome: Outcome<Instant>,
}

impl<T> Outcome<T> {
    /// Returns true if nothing is known yet.
    #[must_use]
    pub const fn is_pending(&self) -> bool {
        matches!(self, Self::Pending)
    }

    /// Returns true if it took effect.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        matches!(self, Self::Done(_))
    }

    /// Returns the error, if it failed or is unknown.
    #[must_use]
    pub const fn error(&self) -> Option<&Error> {
        match self {
            Self::Failed(error) => Some(error),
            _ => None,
        }
    }

    /// Returns the answer after a call that ended with `call`, by the rules of the ports: a
    /// missing answer is unknown after `Ok`, and the call's own error after `Err`.
    ///
    /// # Errors
    ///
    /// Returns the item's error, or the one that stands for its missing answer.
    pub fn settle(self, call: &Result<()>) -> Result<T> {
        match (self, call) {
            (Self::Done(value), _) => Ok(value),
            (Self::Failed(error), _) => Err(error),
            (Self::Pending, Err(error)) => Err(error.clone()),
            (Self::Pending, Ok(())) => Err(Error::new(
                ErrorKind::OutcomeUnknown,
                "the provider gave no answer for this item",
            )),
        }
    }
}

impl<T> From<Result<T>> for Outcome<T> {
    fn from(result: Result<T>) -> Self {
        match result {
            Ok(value) => Self::Done(value),
            Err(error) => Self::Failed(error),
        }
    }
}

impl Sending {
    /// Makes an item that is still to send.
    #[must_use]
    pub const fn new(message: Message) -> Self {
        Self {
            message,
            outcome: Outcome::Pending,
        }
    }

    /// Takes the message out of the item and writes that it was sent.
    pub fn done(&mut self, sent: Sent) -> Message {
        self.outcome = Outcome::Done(sent);
        std::mem::take(&mut self.message)
    }

    /// Writes that the message was not sent, or may not have been.
    pub fn fail(&mut self, error: Error) {
        self.outcome = Outcome::Failed(error);
    }
}

impl Settling {
    /// Makes an item that is still to settle.
    #[must_use]
    pub const fn new(delivery: Delivery, settlement: Settlement) -> Self {
        Self {
            delivery,
            settlement,
            outcome: Outcome::Pending,
        }
    }
}

impl Extending {
    /// Makes an item that is still to extend.
    #[must_use]
    pub const fn new(receipt: Receipt) -> Self {
        Self {
            receipt,
            outcome: Outcome::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_answer_is_unknown_after_ok_and_the_calls_error_after_err() {
        let kind = |call| {
            Outcome::<()>::Pending
                .settle(&call)
                .map_err(|error| error.kind())
        };
        assert_eq!(kind(Ok(())), Err(ErrorKind::OutcomeUnknown));
        let error = Error::new(ErrorKind::ConnectionFailed, "refused");
        assert_eq!(kind(Err(error)), Err(ErrorKind::ConnectionFailed));
    }

    #[test]
    fn message_stays_in_its_item_until_done() {
        let mut item = Sending::new(Message::new("x"));
        item.fail(Error::new(ErrorKind::Throttled, "slow down"));
        assert_eq!(item.message.body, "x");
        assert_eq!(item.done(Sent::default()).body, "x");
        assert_eq!(item.message.body, "");
    }
}
