//! Metrics: what is kept, the observer that keeps it, and the data that exporters are made of.

mod definition;
mod document;
mod layout;
mod observe;
mod process;
mod roll;
mod series;
mod shard;
mod snapshot;
mod table;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use relayhouse_core::{Clock, Error, Observer, Source, Timestamp, port::Stats};

pub(crate) use self::definition::error_name;
use self::{
    definition::error_index,
    observe::{Counting, name_of},
    process::Process,
    roll::{Entry, Roll},
    series::Series,
};
pub use self::{
    definition::{Definition, Kind, Label, Scope, Unit},
    document::table as document,
    snapshot::{Distribution, Point, Snapshot, Value},
    table::Metric,
};

/// Keeps the metrics of a program. A clone shares them.
///
/// What a producer, a consumer, a layer or an adapter tells its [observer](Self::observer) becomes
/// counts, levels and distributions, kept in atomics: nothing is locked, and nothing is allocated
/// but on the first sight of a queue. The most queues that are told apart are 256, and as many
/// breakers and limits, and endpoints; what comes after them is counted under the name `_other`.
///
/// ```
/// use relayhouse_core::{Context, SeededRandom};
/// use relayhouse_telemetry::{Metrics, prometheus};
///
/// # fn program(context: Context) {
/// let metrics = Metrics::new(context.clock.clone());
/// let context = context.observer(metrics.observer("sqs"));
/// // Everything that is built with `context` is counted from here on.
/// println!("{}", prometheus::render(&metrics.snapshot()));
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Metrics {
    core: Arc<Core>,
}

/// What all clones share.
#[derive(Debug)]
struct Core {
    clock: Arc<dyn Clock>,
    started_at: Timestamp,
    process: Series,
    usage: Process,
    queues: Roll,
    named: Roll,
    endpoints: Roll,
}

impl Metrics {
    /// Keeps metrics by `clock`, from now on.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let started_at = clock.wall();
        Self {
            core: Arc::new(Core {
                clock,
                started_at,
                process: Series::new(Scope::Process),
                usage: Process::default(),
                queues: Roll::new(Scope::Queue),
                named: Roll::new(Scope::Named),
                endpoints: Roll::new(Scope::Endpoint),
            }),
        }
    }

    /// Makes the observer for everything of a provider whose URLs have this `scheme`, such as
    /// `sqs`. The attribute `messaging.system` is what the conventions call it, and is left out if the
    /// scheme is empty.
    #[must_use]
    pub fn observer(&self, scheme: &'static str) -> Arc<dyn Observer> {
        Arc::new(Counting {
            core: Arc::clone(&self.core),
            system: system(scheme),
        })
    }

    /// Reads all metrics. What happens meanwhile may be in some and not in others.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let core = &*self.core;
        core.usage.read(&core.process, core.clock.now());
        let mut points = Vec::new();
        let rolls = [&core.queues, &core.named, &core.endpoints].map(Roll::entries);
        for &metric in Metric::ALL {
            let entries = match metric.definition().scope {
                Scope::Process => {
                    points_of(metric, &core.process, &[], &mut points);
                    continue;
                }
                Scope::Queue => &rolls[0],
                Scope::Named => &rolls[1],
                Scope::Endpoint => &rolls[2],
            };
            for entry in entries {
                points_of(metric, &entry.series, &entry.attributes(), &mut points);
            }
        }
        Snapshot {
            started_at: core.started_at,
            at: core.clock.wall(),
            points,
        }
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.core.clock
    }

    /// Notes what a provider says of `source`, or why it does not.
    pub(crate) fn polled(
        &self,
        source: &Source,
        scheme: &'static str,
        stats: Result<&Stats, &Error>,
    ) {
        let roll = &self.core.queues;
        let entry: &Entry = match roll.find(name_of(source, system(scheme))) {
            Some(entry) => entry,
            None => roll.other(),
        };
        let stats = match stats {
            Ok(stats) => stats,
            Err(error) => {
                let variant = error_index(error.kind());
                entry
                    .series
                    .writer()
                    .add_of(Metric::PollFailures, variant, 1);
                return;
            }
        };
        let counts = [
            Some(stats.ready),
            stats.leased,
            Some(stats.delayed),
            Some(stats.dead),
        ];
        for (variant, count) in counts.into_iter().enumerate() {
            if let Some(count) = count {
                entry.series.set_of(Metric::Depth, variant, count);
            }
        }
        if let Some(age) = stats.oldest_age {
            let nanos = u64::try_from(age.as_nanos()).unwrap_or(u64::MAX);
            entry.series.set(Metric::OldestAge, nanos);
        }
    }
}

/// Returns what the conventions call the messaging system whose URLs have this `scheme`.
pub(crate) fn system(scheme: &'static str) -> &'static str {
    match scheme {
        "sqs" => "aws_sqs",
        other => other,
    }
}

fn points_of(
    metric: Metric,
    series: &Series,
    name: &[(&'static str, String)],
    points: &mut Vec<Point>,
) {
    let definition = metric.definition();
    for variant in 0..definition.variants() {
        let Some(value) = series.read(metric, variant) else {
            continue;
        };
        let mut attributes = name.to_vec();
        let of_series = definition.attributes(variant).into_iter();
        attributes.extend(of_series.map(|(key, value)| (key, value.to_owned())));
        points.push(Point {
            metric,
            attributes,
            value,
        });
    }
}
