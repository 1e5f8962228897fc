//! The documentation of the metrics, made from their table.

use std::fmt::Write;

use super::{
    definition::{Definition, Kind, Scope, Unit},
    table::Metric,
};
use crate::prometheus;

/// What other systems have called for, and what answers it here.
const ASKED: &[(&str, &[Metric])] = &[
    (
        "`queue_runtime_messages_processed_total`; messages acked, rejected, dead-lettered",
        &[Metric::SettledMessages],
    ),
    (
        "`queue_runtime_processing_duration_seconds` with 1, 5, 10, 50, 100 and 500 ms, 1 and 5 s; time of handling from 1 ms to 300 s; `duration{method}` from 5 ms to 60 s; `ProcessingLatency`; mean milliseconds",
        &[Metric::ProcessDuration],
    ),
    (
        "`queue_runtime_batch_sizes` with 1, 2, 5, 10, 20, 50 and 100; current size of batches",
        &[Metric::BatchSize, Metric::GatheredSize],
    ),
    (
        "`queue_runtime_errors_total`; errors of send, receive and handling; error rate",
        &[
            Metric::Errors,
            Metric::HandlerFailures,
            Metric::SettleFailures,
        ],
    ),
    (
        "messages sent, published, enqueued",
        &[Metric::SentMessages],
    ),
    ("messages received, consumed", &[Metric::ConsumedMessages]),
    (
        "messages a second: sustained and peak; `MessageThroughput`",
        &[Metric::SettledMessages, Metric::ConsumedMessages],
    ),
    (
        "batch efficiency: messages of a call beside the most",
        &[Metric::BatchFill],
    ),
    ("latency from end to end, p50, p95 and p99", &[Metric::Life]),
    ("latency of delivery", &[Metric::Wait]),
    (
        "latency of send (to 5 s), receive (to 20 s) and ack; of the provider's interface",
        &[Metric::CallDuration],
    ),
    (
        "latency of sessions from 1 to 3,600 s; sessions created and closed, active sessions",
        &[
            Metric::SessionDuration,
            Metric::SessionsAccepted,
            Metric::SessionsEnded,
            Metric::Sessions,
        ],
    ),
    (
        "processor, memory, network connections; resources above 80 %",
        &[
            Metric::CpuShare,
            Metric::CpuTime,
            Metric::Memory,
            Metric::MemoryShare,
            Metric::Sockets,
            Metric::FileDescriptors,
        ],
    ),
    (
        "connections within limits, efficiency of the pool",
        &[Metric::Connections, Metric::Connects],
    ),
    (
        "retry frequency: attempts, delays",
        &[Metric::Retries, Metric::RedeliveredMessages],
    ),
    (
        "breaker activations and state",
        &[Metric::BreakerOpened, Metric::BreakerState],
    ),
    (
        "growth of the dead-letter queue; recovery attempts and successes (receives and acks of the source `…/$deadletterqueue`)",
        &[Metric::Depth, Metric::SettledMessages],
    ),
    (
        "connection failures and recovery time",
        &[
            Metric::ConnectFailures,
            Metric::Reconnection,
            Metric::Recovery,
        ],
    ),
    (
        "queue depth, lag, age of the oldest message",
        &[Metric::Depth, Metric::OldestAge],
    ),
    (
        "messages being processed; active workers",
        &[Metric::Running, Metric::Permits],
    ),
    (
        "messages that are buffered, by a consumer and by a batch",
        &[Metric::Waiting, Metric::GatheredWait],
    ),
    (
        "renewals of locks, extensions of visibility, timeouts of sessions",
        &[Metric::Extensions],
    ),
    (
        "throttles, quota exceeded (`error.type`)",
        &[Metric::Errors],
    ),
    ("duplicates dropped", &[Metric::Deduplicated]),
    (
        "time of serialisation, and its share of handling",
        &[Metric::Drawing, Metric::Encoding, Metric::Decoding],
    ),
    (
        "calls of the interface for a message, polls that are empty, cost of a message",
        &[
            Metric::Requests,
            Metric::RequestMessages,
            Metric::EmptyPolls,
            Metric::Polls,
            Metric::Cost,
        ],
    ),
    ("messages in plain text", &[Metric::PlainText]),
];

/// Returns the documentation of all metrics, in Markdown.
#[must_use]
pub fn table() -> String {
    let mut page = String::from(HEAD);
    for &metric in Metric::ALL {
        row(&mut page, metric.definition());
    }
    page.push_str(ASKED_HEAD);
    for (asked, metrics) in ASKED {
        let names: Vec<_> = metrics
            .iter()
            .map(|metric| format!("`{}`", metric.definition().name))
            .collect();
        let buckets: Vec<_> = metrics
            .iter()
            .filter_map(|it| buckets(it.definition()))
            .collect();
        let buckets = match buckets.first() {
            Some(first) => first.clone(),
            None => "no distribution".to_owned(),
        };
        line(&mut page, &[asked, &names.join(", "), &buckets]);
    }
    page
}

const HEAD: &str = "\
# Metrics

This page is made by `cargo xtask metrics` from the table that the instruments are made of.
Names, units and attributes follow the messaging conventions of OpenTelemetry 1.44.0 where these have a word for it.
`messaging.operation.name` has the same values at every provider, so that one question is asked of all of them: `send`, `receive`, `process`, `settle`, `extend`, `accept`, `admin`.
In Prometheus, dots are underscores, a unit is a suffix, and a counter ends in `_total`: the name is in the second column.

`queue` is kept for each `messaging.system` and `messaging.destination.name` (for subscriptions `messaging.destination.subscription.name` as well), `named` for each `relayhouse.name`, `endpoint` for each `server.address`.
At most 256 of each are told apart; what comes after them has the name `_other`.

| name | in Prometheus | kind | unit | kept for | attributes | buckets | what it says |
| --- | --- | --- | --- | --- | --- | --- | --- |
";

const ASKED_HEAD: &str = "
## What has been asked for

What earlier systems, whose aims this project has taken over, wanted to see, and where it is.

| asked for | metrics | buckets |
| --- | --- | --- |
";

fn row(page: &mut String, definition: &Definition) {
    let kind = match definition.kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram(_) => "histogram",
    };
    let scope = match definition.scope {
        Scope::Process => "process",
        Scope::Queue => "queue",
        Scope::Named => "named",
        Scope::Endpoint => "endpoint",
    };
    let keys = definition.keys().into_iter();
    let keys: Vec<_> = keys.map(|key| format!("`{key}`")).collect();
    line(
        page,
        &[
            &format!("`{}`", definition.name),
            &format!("`{}`", prometheus::name(definition)),
            kind,
            &format!("`{}`", definition.unit.ucum()),
            scope,
            if keys.is_empty() {
                "none".to_owned()
            } else {
                keys.join(", ")
            }
            .as_str(),
            buckets(definition)
                .unwrap_or_else(|| "none".to_owned())
                .as_str(),
            definition.about,
        ],
    );
}

fn buckets(definition: &Definition) -> Option<String> {
    let Kind::Histogram(bounds) = definition.kind else {
        return None;
    };
    let shown: Vec<_> = bounds
        .iter()
        .map(|bound| bound_of(definition.unit, *bound))
        .collect();
    Some(shown.join(", "))
}

/// Returns a bound as people write it: times with their unit.
fn bound_of(unit: Unit, bound: u64) -> String {
    const STEPS: &[(u64, &str)] = &[(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs")];
    if unit != Unit::Seconds {
        return unit.of(i128::from(bound)).to_string();
    }
    // 2.5 s is written so, and not as 2,500 ms.
    let step = STEPS
        .iter()
        .find(|(size, _)| bound.is_multiple_of(size / 10) && *size <= bound);
    let (size, name) = step.copied().unwrap_or((1, "ns"));
    let (whole, tenth) = (bound / size, bound % size * 10 / size);
    if tenth == 0 {
        format!("{whole} {name}")
    } else {
        format!("{whole}.{tenth} {name}")
    }
}

fn line(page: &mut String, cells: &[&str]) {
    for cell in cells {
        // Writing to a text cannot fail.
        let _ = write!(page, "| {cell} ");
    }
    page.push_str("|\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_empty() {
        let page = table();
        for line in page.lines().filter(|line| line.starts_with('|')) {
            let cells = line.trim_matches('|').split('|');
            assert!(cells.clone().all(|cell| !cell.trim().is_empty()), "{line}");
        }
        for &metric in Metric::ALL {
            assert!(page.contains(&format!("| `{}` |", metric.definition().name)));
        }
    }

    #[test]
    fn bounds_are_written_as_people_do() {
        let written = [
            1_000,
            500_000,
            1_000_000,
            75_000_000,
            2_500_000_000,
            300_000_000_000,
        ];
        let written = written.map(|bound| bound_of(Unit::Seconds, bound));
        assert_eq!(
            written,
            ["1 µs", "500 µs", "1 ms", "75 ms", "2.5 s", "300 s"]
        );
        assert_eq!(bound_of(Unit::Share, 300_000), "0.3");
    }

    /// The buckets of a distribution have at least the bounds that were asked for.
    #[test]
    fn bounds_that_were_asked_for_are_there() {
        let has = |metric: Metric, wanted: &[u64]| {
            let Kind::Histogram(bounds) = metric.definition().kind else {
                panic!("{metric:?} is no distribution");
            };
            assert!(
                wanted.iter().all(|bound| bounds.contains(bound)),
                "{metric:?}"
            );
        };
        let milli = 1_000_000;
        let times = [1, 5, 10, 50, 100, 500, 1_000, 5_000, 60_000, 300_000].map(|it| it * milli);
        has(Metric::ProcessDuration, &times);
        has(Metric::BatchSize, &[1, 2, 5, 10, 20, 50, 100]);
        has(Metric::CallDuration, &[5_000 * milli, 20_000 * milli]);
        has(Metric::SessionDuration, &[1_000 * milli, 3_600_000 * milli]);
    }
}
