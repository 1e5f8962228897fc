//! How a delivery ends: acked, released, dead-lettered, or acked once others are sent.

use std::{error::Error as StdError, time::Duration};

use crate::{
    error::{BoxError, Error, Result},
    fingerprint::Fingerprint,
    message::Message,
    name::Source,
    outgoing::Outgoing,
    text::Text,
    time::Timestamp,
};

/// Says how a delivery ends. It is data: a handler returns it, the runtime carries it out.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// The message is done with.
    Ack,
    /// The message comes back after `delay`, with a higher attempt.
    Release {
        /// How long the message stays away; zero for at once.
        delay: Duration,
    },
    /// The message goes to the dead-letter queue.
    DeadLetter(Box<DeadLetter>),
    /// Other messages are sent, keys are noted as done, and then the message is acked. A consumer
    /// carries it out: a port gets it for marks alone, and only where it has said that it can make
    /// them one with the ack, see [`Transactional::site`](crate::port::Transactional::site).
    Forward(Box<Outgoing>),
}

/// Says why a message is dead-lettered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadLetter {
    /// The reason, a short constant such as `attempts-exhausted`.
    pub reason: Text,
    /// What happened, for a person to read.
    pub description: Text,
    /// What failures of the same cause have in common.
    pub fingerprint: Fingerprint,
}

/// Accompanies a message on a dead-letter queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Why the message was dead-lettered.
    pub dead_letter: DeadLetter,
    /// Where the message came from.
    pub source: Source,
    /// How often it had been delivered there.
    pub attempts: u32,
    /// When it was first enqueued.
    pub enqueued_at: Timestamp,
    /// When it was dead-lettered.
    pub dead_lettered_at: Timestamp,
}

impl Settlement {
    /// Releases the message at once.
    pub const RELEASE: Self = Self::Release {
        delay: Duration::ZERO,
    };

    /// Dead-letters the message for `reason`.
    #[must_use]
    pub fn dead_letter(reason: impl Into<Text>, description: impl Into<Text>) -> Self {
        Self::DeadLetter(Box::new(DeadLetter::new(reason, description)))
    }

    /// Sends `message` to the output `queue` of the consumer, and then acks.
    #[must_use]
    pub fn forward(queue: impl Into<Text>, message: Message) -> Self {
        Outgoing::new().send(queue, message).into()
    }

    /// Returns true if the handler did what it was asked to: the message is acked.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        matches!(self, Self::Ack | Self::Forward(_))
    }
}

impl From<Outgoing> for Settlement {
    fn from(outgoing: Outgoing) -> Self {
        Self::Forward(Box::new(outgoing))
    }
}

impl DeadLetter {
    /// The reason of a message whose attempts are used up.
    pub const ATTEMPTS_EXHAUSTED: Text = Text::from_static("attempts-exhausted");
    /// The reason of a message that was not delivered within its time to live.
    pub const EXPIRED: Text = Text::from_static("expired");
    /// The reason of a message whose handler failed in a way that trying again cannot mend.
    pub const REJECTED: Text = Text::from_static("rejected");
    /// The reason of a message whose body cannot be decoded.
    pub const NOT_DECODABLE: Text = Text::from_static("not-decodable");

    /// Makes a dead letter whose fingerprint is taken from reason and description.
    #[must_use]
    pub fn new(reason: impl Into<Text>, description: impl Into<Text>) -> Self {
        let (reason, description) = (reason.into(), description.into());
        Self {
            fingerprint: Fingerprint::of(&[&reason, &description]),
            reason,
            description,
        }
    }

    /// Makes a dead letter that describes `error` with all its causes.
    #[must_use]
    pub fn from_error(reason: impl Into<Text>, error: &Error) -> Self {
        let mut description = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            description.push_str(": ");
            description.push_str(&error.to_string());
            cause = error.source();
        }
        Self::new(reason, description)
    }
}

/// Turns what a handler returns into a settlement, or into the error that decides it.
///
/// `()` acks, a [`Settlement`] is itself, [`Outgoing`] is sent and then acks, `Ok(x)` is what `x` is, and an `Err` is a failure that
/// the consumer's failure policy turns into a settlement.
pub trait IntoSettlement {
    /// Turns `self` into a settlement.
    ///
    /// # Errors
    ///
    /// Returns the handler's failure.
    fn into_settlement(self) -> Result<Settlement>;
}

impl IntoSettlement for () {
    fn into_settlement(self) -> Result<Settlement> {
        Ok(Settlement::Ack)
    }
}

impl IntoSettlement for Settlement {
    fn into_settlement(self) -> Result<Settlement> {
        Ok(self)
    }
}

impl IntoSettlement for Outgoing {
    fn into_settlement(self) -> Result<Settlement> {
        Ok(self.into())
    }
}

impl<T: IntoSettlement, E: Into<BoxError>> IntoSettlement for Result<T, E> {
    fn into_settlement(self) -> Result<Settlement> {
        match self {
            Ok(value) => value.into_settlement(),
            Err(error) => Err(Error::from_boxed(error.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn settlement_is_sixteen_bytes() {
        assert_eq!(size_of::<Settlement>(), 16);
    }

    #[test]
    fn dead_letter_describes_all_causes() {
        let error = Error::new(ErrorKind::Handler, "handler failed")
            .with_source(std::io::Error::other("no stock"));
        let dead_letter = DeadLetter::from_error(DeadLetter::REJECTED, &error);
        assert_eq!(dead_letter.description, "handler failed: no stock");
    }

    #[test]
    fn handler_results_become_settlements() {
        assert_eq!(().into_settlement().ok(), Some(Settlement::Ack));
        let released: Result<Settlement, BoxError> = Ok(Settlement::RELEASE);
        assert_eq!(released.into_settlement().ok(), Some(Settlement::RELEASE));
        let outgoing = Outgoing::new().send("payments", Message::new("7"));
        let forward = Settlement::forward("payments", Message::new("7"));
        assert_eq!(outgoing.into_settlement().ok(), Some(forward));
        let failed: Result<(), std::io::Error> = Err(std::io::Error::other("no stock"));
        let kind = failed.into_settlement().map_err(|error| error.kind());
        assert_eq!(kind, Err(ErrorKind::Handler));
    }
}
