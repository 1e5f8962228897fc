//! The metrics, read each minute: as Prometheus reads them, and as an operator.

use std::time::Duration;

use relayhouse::telemetry::{Distribution, Metric, Metrics, Poller, Snapshot, Value, prometheus};

use super::Outcome;

/// The metrics that the alerts read, by the start of their names.
const READ: [&str; 9] = [
    "messaging_client_consumed",
    "messaging_process_duration_seconds_bucket",
    "relayhouse_breaker_state",
    "relayhouse_errors",
    "relayhouse_handler_failures",
    "relayhouse_queue_",
    "relayhouse_redelivered",
    "relayhouse_settle_failures",
    "relayhouse_settled",
];

/// Is what an operator sees in one minute; counts are those of the last minute.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Row {
    pub(crate) minute: u64,
    pub(crate) ready: u64,
    pub(crate) oldest: u64,
    pub(crate) limit: u64,
    pub(crate) breaker: u64,
    pub(crate) p95: Option<Duration>,
    pub(crate) acked: u64,
    pub(crate) retries: u64,
    pub(crate) dead: u64,
}

/// Reads the metrics, each minute.
pub(crate) struct Scraper {
    metrics: Metrics,
    poller: Poller,
    last: Snapshot,
}

impl Scraper {
    pub(crate) fn new(metrics: &Metrics, poller: Poller) -> Self {
        Self {
            metrics: metrics.clone(),
            poller,
            last: metrics.snapshot(),
        }
    }

    /// Reads them as Prometheus does, and as an operator.
    pub(crate) async fn scrape(&mut self, minute: u64, outcome: &mut Outcome) {
        self.poller.poll().await;
        let now = self.metrics.snapshot();
        outcome.rows.push(self.row(minute, &now));
        self.last = now;
        for line in prometheus::render(&self.last).lines() {
            let is_read = READ.iter().any(|start| line.starts_with(start));
            let Some((name, value)) = line.rsplit_once(' ').filter(|_| is_read) else {
                continue;
            };
            let values = outcome.series.entry(name.to_owned()).or_default();
            values.resize(usize::try_from(minute).unwrap_or_default(), None);
            values.push(Some(value.to_owned()));
        }
    }

    fn row(&self, minute: u64, now: &Snapshot) -> Row {
        let sum = |snapshot: &Snapshot, metric, with: &[_]| {
            u64::try_from(snapshot.sum(metric, with)).unwrap_or_default()
        };
        let level = |metric| sum(now, metric, &[]);
        let more = |metric, with: &[_]| sum(now, metric, with) - sum(&self.last, metric, with);
        let state = |name| [("relayhouse.state", name)];
        Row {
            minute,
            ready: sum(now, Metric::Depth, &state("ready")),
            oldest: Duration::from_nanos(level(Metric::OldestAge)).as_secs(),
            limit: level(Metric::Limit),
            breaker: level(Metric::BreakerState),
            p95: p95(&self.last, now),
            acked: more(Metric::SettledMessages, &[("relayhouse.settlement", "ack")]),
            retries: more(Metric::Retries, &[]),
            dead: sum(now, Metric::Depth, &state("dead")),
        }
    }
}

/// Returns the bound below which 95 % of the handlers took that ended between two readings.
fn p95(before: &Snapshot, after: &Snapshot) -> Option<Duration> {
    let metric = Metric::ProcessDuration;
    let mut all: Option<Distribution> = None;
    for point in after.of(metric) {
        let Value::Distribution(mut now) = point.value.clone() else {
            continue;
        };
        let earlier = before
            .of(metric)
            .find(|it| it.attributes == point.attributes);
        if let Some(Value::Distribution(earlier)) = earlier.map(|it| &it.value) {
            let pairs = now.buckets.iter_mut().zip(&earlier.buckets);
            pairs.for_each(|(now, earlier)| *now -= earlier);
        }
        let Some(all) = &mut all else {
            all = Some(now);
            continue;
        };
        let pairs = all.buckets.iter_mut().zip(&now.buckets);
        pairs.for_each(|(all, now)| *all += now);
    }
    all?.quantile(0.95).map(Duration::from_nanos)
}
