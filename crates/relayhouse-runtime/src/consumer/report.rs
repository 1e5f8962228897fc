//! What a consumer did, counted.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counts what a consumer did from its start to its end.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Deliveries that came in.
    pub received: u64,
    /// Handlers that started; a batch counts each of its deliveries.
    pub started: u64,
    /// Handlers that failed: an error, a panic, a timeout, or a body that cannot be decoded.
    pub failed: u64,
    /// Handlers that panicked.
    pub panicked: u64,
    /// Messages acked.
    pub acked: u64,
    /// Messages released, by a handler's decision, a failure or a drain.
    pub released: u64,
    /// Messages dead-lettered.
    pub dead_lettered: u64,
    /// Settlements that came too late: the lease had ended, and the message comes again.
    pub lease_lost: u64,
    /// Settlements that may or may not have taken effect.
    pub unknown: u64,
    /// Settlements that failed for another reason: the message comes again.
    pub settle_failed: u64,
    /// Handlers that were still running when the drain's time was over, and were dropped.
    pub abandoned: u64,
    /// Receives that were dropped while they waited.
    pub receives_dropped: u64,
    /// Polls of handlers that held their thread for longer than 100 ms.
    pub stalls: u64,
}

/// The same counts, while they grow.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) received: AtomicU64,
    pub(crate) started: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) panicked: AtomicU64,
    pub(crate) acked: AtomicU64,
    pub(crate) released: AtomicU64,
    pub(crate) dead_lettered: AtomicU64,
    pub(crate) lease_lost: AtomicU64,
    pub(crate) unknown: AtomicU64,
    pub(crate) settle_failed: AtomicU64,
    pub(crate) abandoned: AtomicU64,
    pub(crate) receives_dropped: AtomicU64,
    pub(crate) stalls: AtomicU64,
}

impl Counts {
    pub(crate) fn report(&self) -> Report {
        let Self {
            received,
            started,
            failed,
            panicked,
            acked,
            released,
            dead_lettered,
            lease_lost,
            unknown,
            settle_failed,
            abandoned,
            receives_dropped,
            stalls,
        } = self;
        Report {
            received: received.load(Relaxed),
            started: started.load(Relaxed),
            failed: failed.load(Relaxed),
            panicked: panicked.load(Relaxed),
            acked: acked.load(Relaxed),
            released: released.load(Relaxed),
            dead_lettered: dead_lettered.load(Relaxed),
            lease_lost: lease_lost.load(Relaxed),
            unknown: unknown.load(Relaxed),
            settle_failed: settle_failed.load(Relaxed),
            abandoned: abandoned.load(Relaxed),
            receives_dropped: receives_dropped.load(Relaxed),
            stalls: stalls.load(Relaxed),
        }
    }
}

/// Adds `count` to `counter`.
pub(crate) fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Relaxed);
}
