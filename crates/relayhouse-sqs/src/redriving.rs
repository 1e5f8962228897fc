//! A redrive as SQS can be told to do it: at a rate, with progress, or for some messages alone.

use std::num::NonZeroU32;

use relayhouse_core::{Envelope, Message, Result, Source};

use crate::admin::{Plan, Progress, SqsAdmin};

/// Sends dead letters back where they came from, once it [runs](Self::run).
///
/// ```no_run
/// # async fn of_poisoned(sqs: &relayhouse_sqs::Sqs) -> relayhouse_core::Result<()> {
/// let orders = "orders".parse()?;
/// let sent_back = sqs
///     .redrive(&orders)
///     .filter(|_, envelope| envelope.is_some_and(|it| it.dead_letter.reason == "timeout"))
///     .rate(50.try_into().expect("a rate"))
///     .run()
///     .await?;
/// # let _ = sent_back;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use]
pub struct Redriving {
    admin: SqsAdmin,
    source: Source,
    plan: Plan,
}

impl Redriving {
    pub(crate) fn new(admin: SqsAdmin, source: Source) -> Self {
        Self {
            admin,
            source,
            plan: Plan::default(),
        }
    }

    /// Sends back at most `max` messages, one receive at a time.
    pub const fn max(mut self, max: NonZeroU32) -> Self {
        self.plan.max = Some(max);
        self
    }

    /// Sends back about `rate` messages a second; a move task of SQS does at most 500.
    pub const fn rate(mut self, rate: NonZeroU32) -> Self {
        self.plan.rate = Some(rate);
        self
    }

    /// Sends back the messages for which `filter` is true, one receive at a time; the others stay
    /// where they are, and count a further delivery there.
    pub fn filter(
        mut self,
        filter: impl Fn(&Message, Option<&Envelope>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.plan.filter = Some(Box::new(filter));
        self
    }

    /// Tells `watcher` now and then how far it is.
    pub fn progress(mut self, watcher: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        self.plan.watcher = Some(Box::new(watcher));
        self
    }

    /// Sends back, and returns how many messages.
    ///
    /// Without a maximum and a filter it is one move task of SQS for each dead-letter queue that
    /// serves no other queue.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::QueueNotFound`](relayhouse_core::ErrorKind::QueueNotFound) if there is
    /// no dead-letter queue, or what SQS says. Dropping the future leaves a move task running; of
    /// messages that are sent one by one, some may be on both queues.
    pub async fn run(self) -> Result<u64> {
        self.admin.redrive_by(&self.source, &self.plan).await
    }
}
