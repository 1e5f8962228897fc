//! The embedded metric format of Amazon CloudWatch: lines of JSON, for a log that it reads.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use crate::metric::{Distribution, Metric, Point, Snapshot, Unit, Value};

/// The most metrics that CloudWatch takes in one line.
const METRICS_MAX: usize = 100;

/// Writes metrics as lines of the embedded metric format.
///
/// CloudWatch adds up what it is given, so that each call tells what was counted since the last.
///
/// ```
/// use relayhouse_telemetry::{Emf, Metrics};
///
/// # fn program(metrics: &Metrics) {
/// let mut emf = Emf::new("Orders");
/// // Every minute, to standard output in Lambda, or to the agent:
/// for line in emf.render(&metrics.snapshot()) {
///     println!("{line}");
/// }
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Emf {
    namespace: String,
    /// What was told last of each series that adds up.
    told: BTreeMap<Key, Value>,
}

type Key = (&'static str, Attributes);
type Attributes = Vec<(&'static str, String)>;

impl Emf {
    /// Writes metrics under `namespace`.
    #[must_use]
    pub fn new(namespace: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            told: BTreeMap::new(),
        }
    }

    /// Returns a line for all metrics that have the same attributes, of what happened since the
    /// last call. What has not changed is left out, unless it is a level.
    pub fn render(&mut self, snapshot: &Snapshot) -> Vec<String> {
        let mut lines = BTreeMap::<&Attributes, Vec<(Metric, Json)>>::new();
        for point in &snapshot.points {
            if let Some(value) = self.news(point) {
                let line = lines.entry(&point.attributes).or_default();
                line.push((point.metric, value));
            }
        }
        let millis = snapshot.at.as_micros() / 1_000;
        let lines = lines.into_iter().flat_map(|(attributes, values)| {
            let chunks: Vec<Vec<_>> = values.chunks(METRICS_MAX).map(<[_]>::to_vec).collect();
            chunks.into_iter().map(move |chunk| (attributes, chunk))
        });
        lines
            .map(|(attributes, values)| self.line(millis, attributes, values))
            .collect()
    }

    /// Returns what is new of a series.
    fn news(&mut self, point: &Point) -> Option<Json> {
        let unit = point.definition().unit;
        if let Value::Level(level) = point.value {
            return Some(json!(unit.of(i128::from(level))));
        }
        let key = (point.definition().name, point.attributes.clone());
        let before = self.told.insert(key, point.value.clone());
        match (&point.value, before) {
            (Value::Count(now), before) => {
                let before = match before {
                    Some(Value::Count(before)) => before,
                    _ => 0,
                };
                let more = now.saturating_sub(before);
                (more != 0).then(|| json!(unit.of(i128::from(more))))
            }
            (Value::Distribution(now), before) => {
                let before = match before {
                    Some(Value::Distribution(before)) => Some(before),
                    _ => None,
                };
                distribution(unit, now, before.as_ref())
            }
            (Value::Level(_), _) => None,
        }
    }

    fn line(
        &self,
        millis: u64,
        attributes: &[(&'static str, String)],
        values: Vec<(Metric, Json)>,
    ) -> String {
        let dimensions: Vec<_> = attributes.iter().map(|(key, _)| *key).collect();
        let metrics: Vec<_> = values
            .iter()
            .map(|(metric, _)| described(*metric))
            .collect();
        let mut line = Map::new();
        let described = json!({
            "Timestamp": millis,
            "CloudWatchMetrics": [{
                "Namespace": self.namespace,
                "Dimensions": [dimensions],
                "Metrics": metrics,
            }],
        });
        line.insert("_aws".to_owned(), described);
        for (key, value) in attributes {
            line.insert((*key).to_owned(), json!(value));
        }
        for (metric, value) in values {
            line.insert(metric.definition().name.to_owned(), value);
        }
        Json::Object(line).to_string()
    }
}

fn described(metric: Metric) -> Json {
    let definition = metric.definition();
    let unit = match definition.unit {
        Unit::Seconds => "Seconds",
        Unit::Bytes => "Bytes",
        Unit::Share | Unit::Currency => "None",
        Unit::Count(_) => "Count",
    };
    json!({"Name": definition.name, "Unit": unit})
}

/// Returns the values that came since `before`, each for its bucket: the bound of it, or twice the
/// last bound for what is beyond all.
fn distribution(unit: Unit, now: &Distribution, before: Option<&Distribution>) -> Option<Json> {
    let earlier = |index: usize| before.map_or(0, |it| it.buckets[index]);
    let more = now.buckets.iter().enumerate();
    let more = more.map(|(index, count)| count.saturating_sub(earlier(index)));
    let beyond = now.bounds.last().map_or(0, |last| last * 2);
    let bounds = now.bounds.iter().copied().chain([beyond]);
    let bounds = bounds.map(|bound| unit.of(i128::from(bound)));
    let pairs: Vec<(f64, u64)> = bounds.zip(more).filter(|(_, count)| *count != 0).collect();
    let (first, last) = (pairs.first()?.0, pairs.last()?.0);
    let sum = now.sum.saturating_sub(before.map_or(0, |it| it.sum));
    Some(json!({
        "Values": pairs.iter().map(|(value, _)| *value).collect::<Vec<_>>(),
        "Counts": pairs.iter().map(|(_, count)| *count).collect::<Vec<_>>(),
        "Min": first,
        "Max": last,
        "Count": pairs.iter().map(|(_, count)| *count).sum::<u64>(),
        "Sum": unit.of(i128::from(sum)),
    }))
}

#[cfg(test)]
mod tests {
    use relayhouse_core::Timestamp;

    use super::*;

    fn snapshot(count: u64, buckets: Vec<u64>, sum: u64) -> Snapshot {
        let attributes = vec![("messaging.destination.name", "orders".to_owned())];
        let point = |metric, value| Point {
            metric,
            attributes: attributes.clone(),
            value,
        };
        Snapshot {
            started_at: Timestamp::from_micros(0),
            at: Timestamp::from_micros(1_700_000_000_123_000),
            points: vec![
                point(Metric::ConsumedMessages, Value::Count(count)),
                point(Metric::Running, Value::Level(3)),
                point(
                    Metric::SessionDuration,
                    Value::Distribution(Distribution {
                        bounds: &[1_000_000_000, 5_000_000_000],
                        buckets,
                        sum,
                    }),
                ),
            ],
        }
    }

    #[test]
    fn second_line_tells_what_came_since_the_first() {
        let mut emf = Emf::new("Orders");
        let lines = emf.render(&snapshot(5, vec![1, 0, 1], 11_000_000_000));
        assert_eq!(lines.len(), 1);
        let line: Json = serde_json::from_str(&lines[0]).expect("JSON");
        let described = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(line["_aws"]["Timestamp"], 1_700_000_000_123_u64);
        assert_eq!(described["Namespace"], "Orders");
        assert_eq!(described["Dimensions"][0][0], "messaging.destination.name");
        assert_eq!(described["Metrics"][2]["Unit"], "Seconds");
        assert_eq!(line["messaging.destination.name"], "orders");
        assert_eq!(line["messaging.client.consumed.messages"], 5.0);
        let sessions = &line["relayhouse.session.duration"];
        assert_eq!(sessions["Values"], json!([1.0, 10.0]));
        assert_eq!(sessions["Sum"], 11.0);
        let lines = emf.render(&snapshot(9, vec![1, 2, 1], 17_000_000_000));
        let line: Json = serde_json::from_str(&lines[0]).expect("JSON");
        assert_eq!(line["messaging.client.consumed.messages"], 4.0);
        assert_eq!(line["relayhouse.inflight.messages"], 3.0);
        let sessions = &line["relayhouse.session.duration"];
        assert_eq!(sessions["Values"], json!([5.0]));
        assert_eq!(
            (&sessions["Count"], &sessions["Sum"]),
            (&json!(2), &json!(6.0))
        );
        let lines = emf.render(&snapshot(9, vec![1, 2, 1], 17_000_000_000));
        let line: Json = serde_json::from_str(&lines[0]).expect("JSON");
        assert!(line.get("messaging.client.consumed.messages").is_none());
        assert_eq!(line["relayhouse.inflight.messages"], 3.0);
    }
}
