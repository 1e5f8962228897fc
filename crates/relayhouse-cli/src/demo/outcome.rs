//! What is printed at the end: the table with its histogram, or one JSON object.

use std::{fmt::Write as _, io, time::Duration};

use hdrhistogram::Histogram;
use relayhouse_testkit::oracle::Verdict;
use serde::Serialize;

use super::ledger::Counts;
use crate::{Stdout, exit::Failure};

const BAR_WIDTH: u64 = 40;
/// The upper ends of the bars, in microseconds: 1, 2 and 5 of each power of ten.
const BOUNDS: [u64; 14] = [
    500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000,
    2_000_000, 5_000_000, 10_000_000,
];

/// Is the result of the demonstration.
#[derive(Debug, Serialize)]
pub(crate) struct Outcome {
    sent: u64,
    acked: u64,
    retried: u64,
    dead_lettered: u64,
    lost: u64,
    duplicates: u64,
    p50_ms: f64,
    p95_ms: f64,
    p99_ms: f64,
    rate: f64,
}

impl Outcome {
    /// Sums up what the ledger counted and what the oracle found.
    pub(crate) fn new(
        counts: Counts,
        verdict: &Verdict,
        latency: &Histogram<u64>,
        took: Duration,
    ) -> Self {
        let Counts {
            sent,
            acked,
            dead,
            retried,
            duplicates,
        } = counts;
        let millis = |quantile| tenth(millis(latency.value_at_quantile(quantile)));
        let seconds = took.as_secs_f64().max(f64::MIN_POSITIVE);
        Self {
            sent,
            acked,
            retried,
            dead_lettered: dead,
            lost: verdict.breaches.lost,
            duplicates,
            p50_ms: millis(0.50),
            p95_ms: millis(0.95),
            p99_ms: millis(0.99),
            rate: tenth(float(acked + dead) / seconds),
        }
    }

    /// Prints the result as one JSON object.
    pub(crate) fn print_json(&self, stdout: Stdout) -> Result<(), Failure> {
        let text = serde_json::to_string(self).map_err(io::Error::from);
        print(
            stdout,
            &text.map_err(|error| Failure::io("result", &error))?,
        )
    }

    /// Prints the result as a table, and how the latencies are distributed.
    pub(crate) fn print_text(
        &self,
        stdout: Stdout,
        latency: &Histogram<u64>,
    ) -> Result<(), Failure> {
        print(stdout, &format!("{}\n{}", self.table(), bars(latency)))
    }

    fn table(&self) -> String {
        let rows = [
            ("sent", group(self.sent)),
            ("acked", group(self.acked)),
            ("retried", group(self.retried)),
            ("dead-lettered", group(self.dead_lettered)),
            ("lost", group(self.lost)),
            ("duplicates", group(self.duplicates)),
            ("p50", format!("{:.1} ms", self.p50_ms)),
            ("p95", format!("{:.1} ms", self.p95_ms)),
            ("p99", format!("{:.1} ms", self.p99_ms)),
            ("rate", format!("{:.0}/s", self.rate)),
        ];
        let mut table = String::new();
        for (name, value) in rows {
            // A string takes all that is written.
            let _ = writeln!(table, "{name:<14}{value:>12}");
        }
        table
    }
}

/// Draws one bar for each range of latencies between the first and the last that is not empty.
fn bars(latency: &Histogram<u64>) -> String {
    let mut from = 0;
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for to in BOUNDS {
        ranges.push((to, latency.count_between(from, to - 1)));
        from = to;
    }
    let last = ranges
        .iter()
        .rposition(|(_, count)| 0 < *count)
        .map_or(0, |last| last + 1);
    let ranges = &ranges[..last];
    let most = ranges
        .iter()
        .map(|(_, count)| *count)
        .max()
        .unwrap_or_default()
        .max(1);
    let mut text = "latency, from the time a message was meant to be sent to its ack\n".to_owned();
    for (to, count) in ranges.iter().skip_while(|(_, count)| *count == 0) {
        let width = usize::try_from((count * BAR_WIDTH).div_ceil(most)).unwrap_or_default();
        let bar = "█".repeat(width);
        let _ = writeln!(
            text,
            "{:>9}  {bar} {}",
            format!("< {}", span(*to)),
            group(*count)
        );
    }
    text.truncate(text.trim_end().len());
    text
}

fn span(micros: u64) -> String {
    humantime::format_duration(Duration::from_micros(micros)).to_string()
}

/// Groups the digits of a number by threes.
fn group(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if 0 < index && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
const fn float(number: u64) -> f64 {
    number as f64
}

fn millis(micros: u64) -> f64 {
    float(micros) / 1000.0
}

fn tenth(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

fn print(mut stdout: Stdout, text: &str) -> Result<(), Failure> {
    writeln!(stdout, "{text}")
        .and_then(|()| stdout.flush())
        .map_err(|error| Failure::io("cannot write standard output", &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        let groups = [0, 999, 1000, 12_345_678].map(group);
        assert_eq!(groups, ["0", "999", "1,000", "12,345,678"]);
    }

    #[test]
    fn every_latency_has_a_bar() {
        let mut latency = Histogram::new_with_bounds(1, 3_600_000_000, 3).unwrap();
        for micros in [3, 600, 600, 90_000] {
            latency.record(micros).unwrap();
        }
        let bars = bars(&latency);
        let lines: Vec<_> = bars.lines().skip(1).collect();
        assert_eq!(lines.len(), 8);
        assert!(
            lines[0].starts_with("  < 500us  ") && lines[0].ends_with("█ 1"),
            "{bars}"
        );
        assert!(lines[1].ends_with("█ 2"), "{bars}");
        assert!(lines[7].starts_with("  < 100ms  "), "{bars}");
    }
}
