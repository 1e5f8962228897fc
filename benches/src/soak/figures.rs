//! Figures out of what was seen: of the metrics, of the samples.

use std::time::Duration;

use relayhouse_telemetry::{Distribution, Metric, Point, Snapshot, Value};

use super::watch::Sample;

/// What shares are counted in, in metrics.
const MILLIONTHS: f64 = 1e6;

const OPERATION: &str = "messaging.operation.name";
const ERROR: &str = "error.type";

/// The calls that do not wait for messages.
const PROMPT: [&str; 3] = ["send", "settle", "extend"];

/// Returns how full calls were at the mean: those of `operation`, or all of them.
pub(super) fn fill(snapshot: &Snapshot, operation: Option<&str>) -> Option<f64> {
    Some(mean(snapshot, Metric::BatchFill, operation)? / MILLIONTHS)
}

/// Returns how many messages the calls of `operation` had at the mean.
pub(super) fn size(snapshot: &Snapshot, operation: &str) -> Option<f64> {
    mean(snapshot, Metric::BatchSize, Some(operation))
}

fn mean(snapshot: &Snapshot, metric: Metric, operation: Option<&str>) -> Option<f64> {
    let all = merged(snapshot, metric, |point| {
        operation.is_none_or(|name| point.attribute(OPERATION) == Some(name))
    })?;
    (0 < all.count()).then(|| float(all.sum) / float(all.count()))
}

/// Returns the bound below which 95 % of the calls took that do not wait for messages, and their
/// mean.
pub(super) fn prompt_calls(snapshot: &Snapshot) -> Option<(Option<Duration>, Duration)> {
    let all = merged(snapshot, Metric::CallDuration, |point| {
        let name = point.attribute(OPERATION);
        name.is_some_and(|name| PROMPT.contains(&name))
    })?;
    let mean = all.sum.checked_div(all.count())?;
    let bound = all.quantile(0.95).map(Duration::from_nanos);
    Some((bound, Duration::from_nanos(mean)))
}

/// Returns how many calls there were.
pub(super) fn calls(snapshot: &Snapshot) -> u64 {
    let calls = snapshot.sum(Metric::CallDuration, &[]);
    u64::try_from(calls).unwrap_or_default()
}

/// Returns how many messages were not sent, not handled or not settled, by what went wrong.
pub(super) fn errors(snapshot: &Snapshot) -> Vec<(String, u64)> {
    let metrics = [
        Metric::SentMessages,
        Metric::HandlerFailures,
        Metric::SettleFailures,
    ];
    let points = metrics.into_iter().flat_map(|metric| snapshot.of(metric));
    let errors = points.filter_map(|point| {
        let (kind, count) = (point.attribute(ERROR)?, count(point));
        let name = point.definition().name;
        (0 < count).then(|| (format!("{name} of {kind}"), count))
    });
    errors.collect()
}

fn count(point: &Point) -> u64 {
    match point.value {
        Value::Count(count) => count,
        _ => 0,
    }
}

fn merged(
    snapshot: &Snapshot,
    metric: Metric,
    is_wanted: impl Fn(&Point) -> bool,
) -> Option<Distribution> {
    let points = snapshot.of(metric).filter(|point| is_wanted(point));
    let distributions = points.filter_map(|point| match &point.value {
        Value::Distribution(distribution) => Some(distribution.clone()),
        _ => None,
    });
    distributions.reduce(|mut all, one| {
        let pairs = all.buckets.iter_mut().zip(&one.buckets);
        pairs.for_each(|(all, one)| *all += one);
        all.sum += one.sum;
        all
    })
}

/// Returns the share of the time between samples in which no call failed.
pub(super) fn availability(samples: &[Sample]) -> Option<f64> {
    let seconds = samples.windows(2);
    let failed = seconds
        .clone()
        .filter(|pair| pair[0].errors < pair[1].errors);
    let (failed, all) = (float(failed.count() as u64), float(seconds.len() as u64));
    (0.0 < all).then(|| 1.0 - failed / all)
}

/// Returns by how many bytes a minute resident memory grows: the slope of the line that fits best,
/// by least squares. `None` if there are not two samples.
pub(super) fn slope(samples: &[Sample]) -> Option<f64> {
    let points = samples.iter().map(|sample| {
        let minutes = sample.at.as_secs_f64() / 60.0;
        (minutes, float(sample.resident))
    });
    let count = float(samples.len() as u64);
    let (x, y) = points
        .clone()
        .fold((0.0, 0.0), |(x, y), point| (x + point.0, y + point.1));
    let (x, y) = (x / count, y / count);
    let (mut rise, mut run) = (0.0, 0.0);
    for point in points {
        rise += (point.0 - x) * (point.1 - y);
        run += (point.0 - x) * (point.0 - x);
    }
    (0.0 < run).then(|| rise / run)
}

/// Returns `number` as a figure.
#[expect(clippy::cast_precision_loss, reason = "no run counts to 2^53")]
pub(super) fn float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(seconds: u64, resident: u64, errors: u64) -> Sample {
        Sample {
            at: Duration::from_secs(seconds),
            resident,
            errors,
            ..Sample::default()
        }
    }

    #[test]
    fn slope_is_that_of_the_line_that_fits_best() {
        let line: Vec<_> = (0..600).map(|it| sample(it, 1_000 + 2 * it, 0)).collect();
        let growth = slope(&line).unwrap();
        assert!((growth - 120.0).abs() < 1e-6, "{growth}");
        let saw: Vec<_> = (0..600).map(|it| sample(it, 1_000 + it % 2, 0)).collect();
        assert!(slope(&saw).unwrap().abs() < 0.01);
        assert_eq!(slope(&line[..1]), None);
        assert_eq!(slope(&[]), None);
    }

    #[test]
    fn second_with_a_failed_call_is_not_available() {
        let samples = [0, 0, 3, 3, 4].map(|errors| sample(0, 0, errors));
        assert_eq!(availability(&samples), Some(0.5));
        assert_eq!(availability(&samples[..1]), None);
    }
}
