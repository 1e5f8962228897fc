//! What is seen of a run while it goes on: latencies as they come, and a sample each second.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::Result;
use hdrhistogram::Histogram;
use relayhouse_telemetry::{Metric, Metrics, Snapshot};

use super::{
    load::Load,
    queue::{Queue, Used},
};
use crate::{machine, workload::wait_until};

/// The longest latency that is told apart.
const LATENCY_MAX: Duration = Duration::from_secs(3_600);

/// How often the program is looked at.
const EVERY: Duration = Duration::from_secs(1);

/// Holds the latencies of a run, in microseconds. Its histograms are as large at the end as at the
/// start.
#[derive(Debug)]
pub(super) struct Latency(Mutex<Latencies>);

/// Holds what [`Latency`] guards.
#[derive(Debug)]
pub(super) struct Latencies {
    /// From when a message was due until its handler began.
    pub(super) begun: Histogram<u64>,
    /// From when a message was due until its handler ended.
    pub(super) handled: Histogram<u64>,
    /// As `begun`, in the window that is open.
    window: Histogram<u64>,
}

/// Tells what the program used so far, and what it does, by its own metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Sample {
    /// When it was taken, from the start.
    pub(super) at: Duration,
    pub(super) busy: Duration,
    pub(super) resident: u64,
    /// The share of all memory, in millionths.
    pub(super) memory: u64,
    pub(super) sockets: u64,
    pub(super) settled: u64,
    /// The calls to the provider that failed.
    pub(super) errors: u64,
    /// How busy the machine was over the last minute, where the system tells.
    pub(super) load: Option<f64>,
    /// What the emulator used, if there is one.
    pub(super) emulator: Option<Used>,
}

/// Holds what was seen of a window: a minute, or a third of a shorter run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) first: Sample,
    pub(super) last: Sample,
    pub(super) p95: Duration,
}

/// Holds everything that was seen.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) samples: Vec<Sample>,
    pub(super) windows: Vec<Window>,
}

impl Latency {
    pub(super) fn new() -> Result<Self> {
        let longest = u64::try_from(LATENCY_MAX.as_micros())?;
        let histogram = || Histogram::new_with_bounds(1, longest, 3);
        Ok(Self(Mutex::new(Latencies {
            begun: histogram()?,
            handled: histogram()?,
            window: histogram()?,
        })))
    }

    /// Notes that a handler began, so long after its message was due.
    pub(super) fn begun(&self, after: Duration) {
        let micros = micros(after);
        let mut latencies = self.lock();
        latencies.begun.saturating_record(micros);
        latencies.window.saturating_record(micros);
    }

    /// Notes that a handler ended, so long after its message was due.
    pub(super) fn handled(&self, after: Duration) {
        self.lock().handled.saturating_record(micros(after));
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Latencies> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the 95th percentile of the window, and opens the next one.
    fn close_window(&self) -> Duration {
        let mut latencies = self.lock();
        let p95 = at(&latencies.window, 0.95);
        latencies.window.reset();
        p95
    }
}

/// Returns the latency below which the share `quantile` is.
pub(super) fn at(histogram: &Histogram<u64>, quantile: f64) -> Duration {
    Duration::from_micros(histogram.value_at_quantile(quantile))
}

fn micros(after: Duration) -> u64 {
    u64::try_from(after.as_micros()).unwrap_or(u64::MAX)
}

/// Looks at the program each second for as long as it `lasts`.
pub(super) async fn watch(
    load: &Load,
    metrics: &Metrics,
    queue: &Queue,
    (lasts, window): (Duration, Duration),
) -> Seen {
    let seconds = u32::try_from(lasts.as_secs()).unwrap_or(u32::MAX);
    let mut samples = Vec::with_capacity(seconds as usize + 1);
    let mut windows = Vec::with_capacity(samples.capacity());
    let look = |at| Sample {
        load: machine::load().and_then(|load| load.parse().ok()),
        emulator: queue.used(),
        ..Sample::of(&metrics.snapshot(), at)
    };
    wait_until(load.start, &load.clock).await;
    let mut first = look(Duration::ZERO);
    samples.push(first);
    for second in 1..=seconds {
        let at = EVERY * second;
        wait_until(load.start.after(at), &load.clock).await;
        let sample = look(load.start.elapsed());
        samples.push(sample);
        if window <= sample.at.saturating_sub(first.at) + EVERY / 2 {
            windows.push(Window {
                first,
                last: sample,
                p95: load.latency.close_window(),
            });
            first = sample;
        }
    }
    Seen { samples, windows }
}

impl Sample {
    fn of(snapshot: &Snapshot, at: Duration) -> Self {
        let sum = |metric| u64::try_from(snapshot.sum(metric, &[])).unwrap_or_default();
        Self {
            at,
            busy: Duration::from_nanos(sum(Metric::CpuTime)),
            resident: sum(Metric::Memory),
            memory: sum(Metric::MemoryShare),
            sockets: sum(Metric::Sockets),
            settled: sum(Metric::SettledMessages),
            errors: sum(Metric::Errors),
            ..Self::default()
        }
    }
}
