//! The text that Prometheus reads.

use std::fmt::{self, Write};

use crate::metric::{Definition, Distribution, Kind, Point, Snapshot, Unit, Value};

/// The content type of the text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Writes `snapshot` in the text format of Prometheus, version 0.0.4.
///
/// Names have underscores for dots, the unit as a suffix, and `_total` behind counters.
#[must_use]
pub fn render(snapshot: &Snapshot) -> String {
    let mut text = String::new();
    let mut last = None;
    for point in &snapshot.points {
        // Writing to a text cannot fail.
        let _ = write_point(&mut text, point, last != Some(point.metric));
        last = Some(point.metric);
    }
    text
}

/// Returns the name of a metric in Prometheus.
#[must_use]
pub fn name(definition: &Definition) -> String {
    let mut name = key(definition.name);
    let suffix = match definition.unit {
        Unit::Seconds => "_seconds",
        Unit::Bytes => "_bytes",
        Unit::Share => "_ratio",
        Unit::Currency | Unit::Count(_) => "",
    };
    if !name.ends_with(suffix) {
        name.push_str(suffix);
    }
    if definition.kind == Kind::Counter {
        name.push_str("_total");
    }
    name
}

fn write_point(text: &mut String, point: &Point, is_first: bool) -> fmt::Result {
    let definition = point.definition();
    let (name, unit) = (name(definition), definition.unit);
    if is_first {
        let kind = match definition.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram(_) => "histogram",
        };
        writeln!(text, "# HELP {name} {}", definition.about)?;
        writeln!(text, "# TYPE {name} {kind}")?;
    }
    let labels = labels(point);
    match &point.value {
        Value::Count(count) => {
            let value = unit.of(i128::from(*count));
            writeln!(text, "{name}{} {value}", braces(&labels))
        }
        Value::Level(level) => {
            let value = unit.of(i128::from(*level));
            writeln!(text, "{name}{} {value}", braces(&labels))
        }
        Value::Distribution(distribution) => {
            write_distribution(text, &name, &labels, unit, distribution)
        }
    }
}

fn write_distribution(
    text: &mut String,
    name: &str,
    labels: &str,
    unit: Unit,
    distribution: &Distribution,
) -> fmt::Result {
    let comma = if labels.is_empty() { "" } else { "," };
    let mut seen = 0;
    for (index, count) in distribution.buckets.iter().enumerate() {
        seen += count;
        let bound = match distribution.bounds.get(index) {
            Some(bound) => unit.of(i128::from(*bound)).to_string(),
            None => "+Inf".to_owned(),
        };
        writeln!(
            text,
            "{name}_bucket{{{labels}{comma}le=\"{bound}\"}} {seen}"
        )?;
    }
    let (braces, sum) = (braces(labels), unit.of(i128::from(distribution.sum)));
    writeln!(text, "{name}_sum{braces} {sum}")?;
    writeln!(text, "{name}_count{braces} {seen}")
}

fn labels(point: &Point) -> String {
    let pairs = point.attributes.iter();
    let pairs = pairs.map(|(key_, value)| format!("{}=\"{}\"", key(key_), escaped(value)));
    pairs.collect::<Vec<_>>().join(",")
}

fn braces(labels: &str) -> String {
    if labels.is_empty() {
        return String::new();
    }
    format!("{{{labels}}}")
}

fn key(name: &str) -> String {
    name.replace('.', "_")
}

fn escaped(value: &str) -> String {
    let value = value.replace('\\', "\\\\").replace('"', "\\\"");
    value.replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use relayhouse_core::Timestamp;

    use super::*;
    use crate::Metric;

    fn snapshot(points: Vec<Point>) -> Snapshot {
        Snapshot {
            started_at: Timestamp::from_micros(0),
            at: Timestamp::from_micros(1),
            points,
        }
    }

    #[test]
    fn each_kind_is_written_as_prometheus_reads_it() {
        let queue = || ("messaging.destination.name", "a\"b\\c\nd".to_owned());
        let text = render(&snapshot(vec![
            Point {
                metric: Metric::ConsumedMessages,
                attributes: vec![queue()],
                value: Value::Count(7),
            },
            Point {
                metric: Metric::SessionDuration,
                attributes: vec![queue()],
                value: Value::Distribution(Distribution {
                    bounds: &[1_000_000_000, 2_500_000_000],
                    buckets: vec![1, 2, 1],
                    sum: 9_500_000_000,
                }),
            },
            Point {
                metric: Metric::CpuShare,
                attributes: Vec::new(),
                value: Value::Level(250_000),
            },
        ]));
        let label = r#"messaging_destination_name="a\"b\\c\nd""#;
        let expected = [
            "# TYPE messaging_client_consumed_messages_total counter".to_owned(),
            format!("messaging_client_consumed_messages_total{{{label}}} 7"),
            "# TYPE relayhouse_session_duration_seconds histogram".to_owned(),
            format!("relayhouse_session_duration_seconds_bucket{{{label},le=\"1\"}} 1"),
            format!("relayhouse_session_duration_seconds_bucket{{{label},le=\"2.5\"}} 3"),
            format!("relayhouse_session_duration_seconds_bucket{{{label},le=\"+Inf\"}} 4"),
            format!("relayhouse_session_duration_seconds_sum{{{label}}} 9.5"),
            format!("relayhouse_session_duration_seconds_count{{{label}}} 4"),
            "# TYPE process_cpu_utilization_ratio gauge".to_owned(),
            "process_cpu_utilization_ratio 0.25".to_owned(),
        ];
        let lines = text.lines().filter(|line| !line.starts_with("# HELP"));
        assert_eq!(lines.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn names_are_told_apart_in_prometheus_too() {
        let mut names: Vec<_> = Metric::ALL.iter().map(|it| name(it.definition())).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
