//! The port that remembers which keys were seen.

use std::{fmt::Debug, time::Duration};

use async_trait::async_trait;

use super::Context;
use crate::{error::Result, observer::Event, outcome::Outcome, text::Text};

/// Remembers keys: those that somebody works on, and those that are done.
///
/// A claim is held by its owner until it is completed, abandoned, or its time is over; nothing else
/// ends it, so that the claim of a process that crashed is in the way until then. A store holds as
/// many keys as it is made for: one key more fails its item with `Full`, and what it has promised
/// to remember it does not forget early.
#[async_trait]
pub trait DedupStore: Debug + Send + Sync {
    /// Returns where the keys are kept, if messages are kept there as well: an ack there and the
    /// completion of a key can then be one, see [`Transactional`](super::Transactional). A key
    /// that is done with a message is left to who acks that, as a [`Mark`](crate::Mark).
    fn site(&self) -> Option<&Site>;

    /// Claims each key of `batch` for `hold` from now, and writes into its item how it stood.
    ///
    /// A key that the same owner holds is claimed anew. One that another holds, or that is done, is
    /// left as it is. Of claims of one key at the same time one alone is new, also within a batch.
    /// The caller retries. Dropping the future leaves it unknown which keys were claimed.
    async fn claim(&self, batch: &mut [Claiming], hold: Duration) -> Result<()>;

    /// Writes that each key of `batch` is done, to be remembered for `keep` from now.
    ///
    /// A key that another owner holds, or has done, fails its item with `LeaseLost`: the claim
    /// ended before the work did. A claim that ended and that nobody took since is completed. The
    /// caller retries. Dropping the future leaves it unknown which keys are done.
    async fn complete(&self, batch: &mut [Marking], keep: Duration) -> Result<()>;

    /// Gives up each claim of `batch`, so that the next claim of its key is new.
    ///
    /// A key that the owner does not hold is left as it is, and its item is done. The caller
    /// retries. Dropping the future leaves it unknown which claims are given up.
    async fn abandon(&self, batch: &mut [Marking]) -> Result<()>;
}

/// Names where keys or messages are kept. What is at one site can change as one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Site(Text);

/// Is one key of a batch to claim, with its answer: how it stood.
#[derive(Debug)]
pub struct Claiming {
    /// The key.
    pub key: Text,
    /// Who claims it: a number that nobody else has.
    pub owner: u64,
    /// The answer.
    pub outcome: Outcome<Claim>,
}

/// Is one key of a batch to complete or to abandon, with its answer.
#[derive(Debug)]
pub struct Marking {
    /// The key.
    pub key: Text,
    /// Who claimed it.
    pub owner: u64,
    /// The answer.
    pub outcome: Outcome<()>,
}

/// Says how a key stood when it was claimed.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Nobody held it: now the owner does.
    New,
    /// The owner held it already.
    Own,
    /// Another holds it.
    Held {
        /// How long at most.
        left: Duration,
    },
    /// It is done.
    Done,
}

impl Site {
    /// Makes a site of a name that no other has, such as that of a file.
    #[must_use]
    pub fn new(name: impl Into<Text>) -> Self {
        Self(name.into())
    }
}

impl Claiming {
    /// Makes an item that is still to claim.
    #[must_use]
    pub fn new(key: impl Into<Text>, owner: u64) -> Self {
        Self {
            key: key.into(),
            owner,
            outcome: Outcome::Pending,
        }
    }
}

impl Marking {
    /// Makes an item that is still to complete or to abandon.
    #[must_use]
    pub fn new(key: impl Into<Text>, owner: u64) -> Self {
        Self {
            key: key.into(),
            owner,
            outcome: Outcome::Pending,
        }
    }

    /// Tells the observer of `context` which keys of `batch` the `call` did not complete or abandon.
    ///
    /// A key that could not be noted changes no answer: its message was handled.
    pub fn tell_failures(batch: Vec<Self>, call: &Result<()>, context: &Context) {
        let Some(observer) = &context.observer else {
            return;
        };
        for Self { key, outcome, .. } in batch {
            if let Err(error) = outcome.settle(call) {
                let (key, error) = (&*key, &error);
                let event = Event::DedupNotNoted { key, error };
                observer.observe(context.clock.now(), &[event]);
            }
        }
    }
}
