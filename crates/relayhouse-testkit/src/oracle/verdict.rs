//! What an oracle found.

use std::fmt::{self, Display};

/// How many violations are kept in words.
const TOLD_MAX: usize = 20;

/// Counts what happened, and what must not have happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Messages whose send was confirmed.
    pub sent: u64,
    /// Messages whose send failed.
    pub send_failed: u64,
    /// Messages whose send may have taken effect.
    pub send_unknown: u64,
    /// Messages that were dropped because they were known.
    pub deduplicated: u64,
    /// Deliveries.
    pub received: u64,
    /// Deliveries of messages that had been delivered before.
    pub redelivered: u64,
    /// Handlers that started.
    pub started: u64,
    /// Messages that were acked.
    pub acked: u64,
    /// Releases.
    pub released: u64,
    /// Messages that were dead-lettered.
    pub dead_lettered: u64,
    /// Settlements that came after the lease had ended.
    pub lease_lost: u64,
    /// Settlements that may have taken effect.
    pub settle_unknown: u64,
    /// Messages that a handler ended well with more than once, which at-least-once allows.
    pub duplicates: u64,
    /// Messages that are neither settled nor left in the queue because nobody heard the answer
    /// to their settlement.
    pub unsure: u64,
    /// The rules that were broken.
    pub breaches: Breaches,
    /// The first violations, in words.
    pub told: Vec<String>,
}

/// Counts how often each rule was broken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Breaches {
    /// Messages that were confirmed, and are gone.
    pub lost: u64,
    /// Deliveries of messages that nobody sent.
    pub phantom: u64,
    /// Deliveries that differ from what was sent.
    pub mutated: u64,
    /// Deliveries of a message that somebody held.
    pub overlaps: u64,
    /// Deliveries of a message that was acked or dead-lettered.
    pub revived: u64,
    /// Settlements that took effect with the receipt of an earlier delivery.
    pub stale: u64,
    /// Attempts or fencing tokens that are not as declared.
    pub attempts: u64,
    /// Messages that were dead-lettered too early, or delivered once too often.
    pub dead_letters: u64,
    /// Handlers that started out of order, or beside another of their key.
    pub order: u64,
    /// Bounds that were exceeded.
    pub bounds: u64,
    /// Batches whose answers do not match their items.
    pub batches: u64,
    /// Handlers that started too late in their lease.
    pub late_starts: u64,
    /// Leases that were extended after their settlement.
    pub late_extensions: u64,
    /// Deliveries of messages whose send was said to have failed.
    pub false_failures: u64,
    /// What happened after the shutdown, or was left by it.
    pub drain: u64,
}

impl Verdict {
    /// Returns true if no rule was broken.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.breaches == Breaches::default()
    }

    /// Counts one breach, and keeps its words if there are few yet.
    pub(super) fn breach(
        &mut self,
        count: fn(&mut Breaches) -> &mut u64,
        text: impl FnOnce() -> String,
    ) {
        *count(&mut self.breaches) += 1;
        if self.told.len() < TOLD_MAX {
            self.told.push(text());
        }
    }
}

impl Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            sent,
            received,
            redelivered,
            acked,
            released,
            dead_lettered,
            duplicates,
            breaches:
                Breaches {
                    lost,
                    phantom,
                    overlaps,
                    ..
                },
            ..
        } = self;
        write!(
            f,
            "sent {sent}, received {received}, redelivered {redelivered}, acked {acked}, \
             released {released}, dead-lettered {dead_lettered}, duplicates {duplicates}, \
             lost {lost}, phantom {phantom}, overlaps {overlaps}"
        )?;
        self.told
            .iter()
            .try_for_each(|text| write!(f, "\n  {text}"))
    }
}
