//! What is told of a run.

use std::{
    collections::BTreeMap,
    fmt::{self, Write},
    time::Duration,
};

use hdrhistogram::Histogram;
use relayhouse::{Instant, Queue, port};
use serde::Serialize;

use super::{
    book::Book,
    course::End,
    meter::{Calls, Kind},
};
use crate::{
    args::{Bench, Format},
    exit::Failure,
    print,
    progress::per_second,
};

/// Is everything that is printed: each message of the run is in one of the counts.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// What the header of its messages begins with.
    run: String,
    queue: String,
    count: u32,
    size_bytes: usize,
    producers: u32,
    consumers: u32,
    batch: u32,
    sent: u64,
    failed: u64,
    /// Why messages failed, by kind of error.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    reasons: BTreeMap<String, u64>,
    unknown: u64,
    received: u64,
    acked: u64,
    lost: u64,
    twice: u64,
    left: u64,
    foreign: u64,
    took_ms: u128,
    send_per_second: u64,
    receive_per_second: u64,
    end_to_end_per_second: u64,
    send_latency: Latency,
    delivery_latency: Latency,
    calls: Calls,
    cost: Option<Cost>,
}

/// Is how long something took, in microseconds.
#[derive(Clone, Copy, Debug, Serialize)]
struct Latency {
    p50_us: u64,
    p95_us: u64,
    p99_us: u64,
    p999_us: u64,
    max_us: u64,
}

/// Is what the calls cost, where the provider charges for them.
#[derive(Clone, Copy, Debug, Serialize)]
struct Cost {
    requests: u64,
    requests_per_message: f64,
    per_message: Option<f64>,
    per_million_messages: Option<f64>,
}

impl Report {
    pub(super) fn new(
        args: &Bench,
        queue: &Queue,
        book: &Book,
        calls: &Calls,
        (end, cost): (&End, Option<port::Cost>),
    ) -> Self {
        let pages = book.pages();
        let (counts, times) = (pages.counts, pages.times);
        let last = calls.last_ack.max(times.last_received);
        let took = between(times.start, last.max(times.last_sent));
        // What nobody waited for is not known to be lost.
        let (lost, left) = match end {
            End::Done | End::Missing => (counts.missing, 0),
            _ => (0, counts.missing),
        };
        Self {
            run: book.run().to_owned(),
            queue: queue.source().to_string(),
            count: args.count,
            size_bytes: args.size,
            producers: args.producers,
            consumers: args.consumers,
            batch: args.batch,
            sent: counts.sent,
            failed: counts.failed,
            reasons: pages.reasons,
            unknown: counts.unknown,
            received: counts.received,
            acked: calls.acked,
            lost,
            twice: counts.twice,
            left,
            foreign: counts.foreign,
            took_ms: took.as_millis(),
            send_per_second: per_second(counts.sent, between(times.start, times.last_sent)),
            receive_per_second: per_second(counts.received, between(times.first_received, last)),
            end_to_end_per_second: per_second(counts.received, between(times.start, last)),
            send_latency: Latency::of(&pages.send),
            delivery_latency: Latency::of(&pages.delivery),
            calls: calls.clone(),
            cost: cost.as_ref().map(Cost::of),
        }
    }

    pub(super) fn run(&self) -> &str {
        &self.run
    }

    pub(super) const fn left(&self) -> u64 {
        self.left
    }

    /// Returns true if messages are not on the queue that should be, or nobody knows.
    pub(super) const fn has_unsent(&self) -> bool {
        0 < self.failed + self.unknown
    }

    /// Returns true if the queue did not hand out each message once.
    pub(super) const fn is_wrong(&self) -> bool {
        0 < self.lost + self.twice
    }

    pub(super) fn text(&self, format: Format) -> Result<String, Failure> {
        match format {
            Format::Json | Format::Ndjson => print::json(self),
            Format::Table => Ok(self.table()),
        }
    }

    fn table(&self) -> String {
        let mut text = format!(
            "{} messages of {} bytes on {}: {} senders, {} consumers, batches of {}\n\n",
            self.count, self.size_bytes, self.queue, self.producers, self.consumers, self.batch
        );
        let rates = [
            ("sent", self.sent, self.send_per_second),
            ("received", self.received, self.receive_per_second),
            ("end to end", self.received, self.end_to_end_per_second),
        ];
        for (name, count, rate) in rates {
            // A string takes all that is written.
            let _ = writeln!(text, "{name:<12}{count:>12}{rate:>12}/s");
        }
        let counts = [
            ("acked", self.acked, true),
            ("lost", self.lost, true),
            ("twice", self.twice, true),
            ("failed", self.failed, false),
            ("unknown", self.unknown, false),
            ("left", self.left, false),
            ("foreign", self.foreign, false),
        ];
        for (name, count, is_always) in counts {
            if is_always || 0 < count {
                let _ = writeln!(text, "{name:<12}{count:>12}");
            }
        }
        for (reason, count) in &self.reasons {
            let _ = writeln!(text, "{:<12}{count:>12}  {reason}", "");
        }
        text.push('\n');
        text.push_str(&latencies(&self.send_latency, &self.delivery_latency));
        text.push('\n');
        text.push_str(&self.calls.table());
        text.push_str(&self.cost_text());
        text
    }

    fn cost_text(&self) -> String {
        let Some(cost) = &self.cost else {
            return "cost: the provider tells of no charge for calls\n".to_owned();
        };
        let told = format!(
            "cost: {} requests, {:.3} for each message",
            cost.requests, cost.requests_per_message
        );
        match cost.per_million_messages {
            Some(price) => format!("{told}, {price:.4} for a million messages\n"),
            None => {
                format!("{told}; name the price of a million with the option price of the URL\n")
            }
        }
    }
}

impl Latency {
    fn of(histogram: &Histogram<u64>) -> Self {
        let at = |quantile| histogram.value_at_quantile(quantile);
        Self {
            p50_us: at(0.50),
            p95_us: at(0.95),
            p99_us: at(0.99),
            p999_us: at(0.999),
            max_us: histogram.max(),
        }
    }

    const fn cells(&self) -> [u64; 5] {
        let Self {
            p50_us,
            p95_us,
            p99_us,
            p999_us,
            max_us,
        } = *self;
        [p50_us, p95_us, p99_us, p999_us, max_us]
    }
}

impl Cost {
    fn of(cost: &port::Cost) -> Self {
        let per_million_messages = cost.per_million_messages();
        Self {
            requests: cost.requests,
            requests_per_message: cost.requests_per_message(),
            per_message: per_million_messages.map(|cost| cost / 1e6),
            per_million_messages,
        }
    }
}

impl Calls {
    fn table(&self) -> String {
        let mut text = format!("{:<12}{:>12}{:>12}\n", "calls", "", "messages");
        for (name, kind) in [
            ("send", self.send),
            ("receive", self.receive),
            ("settle", self.settle),
            ("extend", self.extend),
        ] {
            let Kind {
                calls,
                messages,
                failed,
            } = kind;
            let _ = write!(text, "{name:<12}{calls:>12}{messages:>12}");
            if 0 < failed {
                let _ = write!(text, "  {failed} failed");
            }
            if name == "receive" && 0 < self.empty_receives {
                let _ = write!(text, "  {} empty", self.empty_receives);
            }
            text.push('\n');
        }
        text
    }
}

fn latencies(send: &Latency, delivery: &Latency) -> String {
    let mut text = format!("{:<12}", "latency");
    for name in ["p50", "p95", "p99", "p99.9", "max"] {
        let _ = write!(text, "{name:>12}");
    }
    for (name, latency) in [("send", send), ("delivery", delivery)] {
        let _ = write!(text, "\n{name:<12}");
        for micros in latency.cells() {
            let _ = write!(text, "{:>12}", Shown(micros).to_string());
        }
    }
    text.push('\n');
    text
}

/// Shows microseconds in the unit that a person reads best.
struct Shown(u64);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(micros) = *self;
        match micros {
            0..1_000 => write!(f, "{micros} us"),
            1_000..1_000_000 => write!(f, "{}.{:02} ms", micros / 1_000, micros % 1_000 / 10),
            _ => write!(
                f,
                "{}.{:02} s",
                micros / 1_000_000,
                micros % 1_000_000 / 10_000
            ),
        }
    }
}

fn between(from: Option<Instant>, to: Option<Instant>) -> Duration {
    match (from, to) {
        (Some(from), Some(to)) => to.since(from),
        _ => Duration::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_are_shown_in_the_unit_that_fits() {
        for (micros, shown) in [
            (0, "0 us"),
            (999, "999 us"),
            (1_000, "1.00 ms"),
            (12_345, "12.34 ms"),
            (1_050_000, "1.05 s"),
            (3_600_000_000, "3600.00 s"),
        ] {
            assert_eq!(Shown(micros).to_string(), shown);
        }
    }
}
