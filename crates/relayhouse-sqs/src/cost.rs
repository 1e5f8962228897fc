//! What the calls cost: how many there were, and how full.

use std::sync::atomic::{AtomicU64, Ordering};

use relayhouse_core::port;

use crate::price::Price;

/// SQS counts each started 64 KiB of a request as a request.
const CHUNK_BYTES: u64 = 64 * 1024;

/// Names a call of SQS.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// `SendMessageBatch`.
    Send,
    /// `ReceiveMessage`.
    Receive,
    /// `DeleteMessageBatch`.
    Delete,
    /// `ChangeMessageVisibilityBatch`.
    ChangeVisibility,
    /// Everything else: opening and administration.
    Other,
}

const CALLS: usize = 5;

/// Is one call, and what it takes to SQS.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    call: Call,
    messages: u64,
    bytes: u64,
}

impl Load {
    /// A call with `messages` of `bytes` together.
    pub(crate) const fn new(call: Call, messages: u64, bytes: u64) -> Self {
        Self {
            call,
            messages,
            bytes,
        }
    }

    /// Returns the requests that AWS counts.
    pub(crate) const fn requests(self) -> u64 {
        1 + self.chunks_more()
    }

    const fn chunks_more(self) -> u64 {
        self.bytes.div_ceil(CHUNK_BYTES).saturating_sub(1)
    }
}

impl From<Call> for Load {
    fn from(call: Call) -> Self {
        Self::new(call, 0, 0)
    }
}

/// Counts calls while they are made.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    calls: [AtomicU64; CALLS],
    chunks_more: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
    deleted: AtomicU64,
    empty_receives: AtomicU64,
}

impl Meter {
    /// Counts a call that leaves.
    pub(crate) fn count(&self, load: Load) {
        for (counter, by) in self.counters(load) {
            counter.fetch_add(by, Ordering::Relaxed);
        }
    }

    /// Takes a call back that did not leave after all.
    pub(crate) fn take_back(&self, load: Load) {
        for (counter, by) in self.counters(load) {
            counter.fetch_sub(by, Ordering::Relaxed);
        }
    }

    /// Returns what a call counts for.
    const fn counters(&self, load: Load) -> [(&AtomicU64, u64); 4] {
        let (sent, deleted) = match load.call {
            Call::Send => (load.messages, 0),
            Call::Delete => (0, load.messages),
            Call::Receive | Call::ChangeVisibility | Call::Other => (0, 0),
        };
        [
            (&self.calls[load.call as usize], 1),
            (&self.chunks_more, load.chunks_more()),
            (&self.sent, sent),
            (&self.deleted, deleted),
        ]
    }

    pub(crate) fn received(&self, messages: u64) {
        self.received.fetch_add(messages, Ordering::Relaxed);
        if messages == 0 {
            self.empty_receives.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn cost(&self) -> Cost {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Cost {
            calls: self.calls.each_ref().map(read),
            chunks_more: read(&self.chunks_more),
            sent: read(&self.sent),
            received: read(&self.received),
            deleted: read(&self.deleted),
            empty_receives: read(&self.empty_receives),
        }
    }
}

/// Tells what a provider's calls were, since it was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    calls: [u64; CALLS],
    chunks_more: u64,
    /// Messages in sends that left, dead letters included.
    pub sent: u64,
    /// Messages that receives brought.
    pub received: u64,
    /// Messages in deletes that left.
    pub deleted: u64,
    /// Receives that brought nothing.
    pub empty_receives: u64,
}

impl Cost {
    /// Returns how often `call` was made.
    #[must_use]
    pub const fn calls(&self, call: Call) -> u64 {
        self.calls[call as usize]
    }

    /// Returns the requests that AWS counts: all calls, and one more for every further 64 KiB of
    /// a send.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.calls.iter().sum::<u64>() + self.chunks_more
    }

    /// Returns the requests for each message: of those sent or those received, whichever are more.
    /// Zero before the first message.
    #[must_use]
    pub fn requests_per_message(&self) -> f64 {
        ratio(self.requests(), self.sent.max(self.received))
    }

    /// Returns how many messages a call of this kind had on average: of sends, receives and deletes.
    /// Zero for others, and before the first call.
    #[must_use]
    pub fn fill(&self, call: Call) -> f64 {
        let messages = match call {
            Call::Send => self.sent,
            Call::Receive => self.received,
            Call::Delete => self.deleted,
            Call::ChangeVisibility | Call::Other => 0,
        };
        ratio(messages, self.calls(call))
    }

    /// Estimates what a million messages cost, in the currency of `price_per_million`, which is the
    /// price of a million requests.
    #[must_use]
    pub fn per_million_messages(&self, price_per_million: f64) -> f64 {
        self.requests_per_message() * price_per_million
    }

    /// Tells the same in the words of [`Stats`](port::Stats).
    #[must_use]
    pub fn told(&self, price: Option<Price>) -> port::Cost {
        let calls = [Call::Send, Call::Receive, Call::Delete].map(|call| self.calls(call));
        let batches: u64 = calls.into_iter().sum();
        port::Cost {
            requests: self.requests(),
            messages: self.sent.max(self.received),
            batches: batches.saturating_sub(self.empty_receives),
            batched: self.sent + self.received + self.deleted,
            empty_receives: self.empty_receives,
            price: price.map(Price::as_millionths),
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "an average needs no more than 53 bits"
)]
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        return 0.0;
    }
    part as f64 / whole as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_batches_cost_a_tenth_of_single_calls() {
        let meter = Meter::default();
        meter.count(Load::new(Call::Send, 10, 10 * 256));
        meter.count(Call::Receive.into());
        meter.received(10);
        meter.count(Load::new(Call::Delete, 10, 0));
        let cost = meter.cost();
        assert_eq!(cost.requests(), 3);
        assert!((cost.per_million_messages(0.40) - 0.12).abs() < 1e-9);
        assert!((cost.fill(Call::Send) - 10.0).abs() < 1e-9);
    }

    #[test]
    fn large_sends_count_by_64_kib() {
        let meter = Meter::default();
        meter.count(Load::new(Call::Send, 1, 64 * 1024 + 1));
        assert_eq!(meter.cost().requests(), 2);
        meter.count(Call::Receive.into());
        meter.received(0);
        assert_eq!(meter.cost().empty_receives, 1);
    }

    #[test]
    fn a_call_that_did_not_leave_costs_nothing() {
        let meter = Meter::default();
        let load = Load::new(Call::Send, 10, 3 * CHUNK_BYTES);
        meter.count(load);
        assert_eq!(meter.cost().requests(), load.requests());
        meter.take_back(load);
        assert_eq!(meter.cost(), Cost::default());
    }

    #[test]
    fn stats_tell_the_same() {
        let meter = Meter::default();
        for call in [Call::Receive, Call::Receive, Call::Other] {
            meter.count(call.into());
        }
        meter.count(Load::new(Call::Send, 10, 10 * 256));
        meter.received(10);
        meter.received(0);
        meter.count(Load::new(Call::Delete, 10, 0));
        let told = meter.cost().told("0.40".parse().ok());
        assert_eq!((told.requests, told.messages), (5, 10));
        assert_eq!(
            (told.batches, told.batched, told.empty_receives),
            (3, 30, 1)
        );
        let per_million = told.per_million_messages().unwrap();
        assert!((per_million - meter.cost().per_million_messages(0.40)).abs() < 1e-9);
    }

    #[test]
    fn nothing_costs_nothing() {
        assert!(Cost::default().per_million_messages(0.40).abs() < 1e-9);
    }
}
