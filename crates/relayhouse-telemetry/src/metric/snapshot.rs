//! All metrics as they are at one time, as data.

use relayhouse_core::Timestamp;

use super::{definition::Definition, table::Metric};

/// Shows all metrics as they are at one time.
///
/// Exporters are made of it, and whoever wants the values themselves reads them here.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// When the first of them could have been noted.
    pub started_at: Timestamp,
    /// When they were read.
    pub at: Timestamp,
    /// The series, those of one metric together, in the order of the table.
    pub points: Vec<Point>,
}

/// Is one series at one time.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// The metric.
    pub metric: Metric,
    /// What tells the series apart: keys and values.
    pub attributes: Vec<(&'static str, String)>,
    /// The value.
    pub value: Value,
}

/// Is what a series shows, in the parts of its unit.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// How many.
    Count(u64),
    /// A level.
    Level(i64),
    /// A distribution.
    Distribution(Distribution),
}

/// Is a distribution over buckets.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distribution {
    /// The upper bounds of the buckets, which belong to them.
    pub bounds: &'static [u64],
    /// How many values are in each bucket; the last is beyond all bounds.
    pub buckets: Vec<u64>,
    /// The sum of all values.
    pub sum: u64,
}

impl Snapshot {
    /// Returns the series of `metric`.
    pub fn of(&self, metric: Metric) -> impl Iterator<Item = &Point> {
        self.points
            .iter()
            .filter(move |point| point.metric == metric)
    }

    /// Returns the sum of the series of `metric` that have all of `attributes`: of counts, of
    /// levels, or how many values the distributions have.
    ///
    /// ```
    /// use relayhouse_telemetry::{Metric, Metrics};
    ///
    /// # fn read(metrics: &Metrics) {
    /// let snapshot = metrics.snapshot();
    /// let acked = [("relayhouse.settlement", "ack")];
    /// println!("{} acked", snapshot.sum(Metric::SettledMessages, &acked));
    /// # }
    /// ```
    #[must_use]
    pub fn sum(&self, metric: Metric, attributes: &[(&str, &str)]) -> i128 {
        let matching = self.of(metric).filter(|point| point.has(attributes));
        matching.map(|point| point.value.total()).sum()
    }
}

impl Point {
    /// Returns the definition of the metric.
    #[must_use]
    pub const fn definition(&self) -> &'static Definition {
        self.metric.definition()
    }

    /// Returns the value of an attribute.
    #[must_use]
    pub fn attribute(&self, key: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(it, _)| *it == key);
        found.map(|(_, value)| value.as_str())
    }

    fn has(&self, attributes: &[(&str, &str)]) -> bool {
        let mut wanted = attributes.iter();
        wanted.all(|(key, value)| self.attribute(key) == Some(value))
    }
}

impl Value {
    fn total(&self) -> i128 {
        match self {
            Self::Count(count) => i128::from(*count),
            Self::Level(level) => i128::from(*level),
            Self::Distribution(distribution) => i128::from(distribution.count()),
        }
    }
}

impl Distribution {
    /// Returns how many values there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// Returns the bound of the bucket in which the share `quantile` of the values ends, and `None`
    /// without values, or if that is beyond all bounds.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rank is a positive number, rounded up"
    )]
    pub fn quantile(&self, quantile: f64) -> Option<u64> {
        let rank = (self.count() as f64 * quantile).ceil().max(1.0) as u64;
        let mut seen = 0;
        let index = self.buckets.iter().position(|count| {
            seen += count;
            rank <= seen
        });
        index.and_then(|index| self.bounds.get(index).copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantile_is_the_bound_of_its_bucket() {
        let distribution = Distribution {
            bounds: &[10, 20, 30],
            buckets: vec![50, 45, 4, 1],
            sum: 0,
        };
        assert_eq!(distribution.count(), 100);
        assert_eq!(distribution.quantile(0.5), Some(10));
        assert_eq!(distribution.quantile(0.95), Some(20));
        assert_eq!(distribution.quantile(0.99), Some(30));
        assert_eq!(distribution.quantile(1.0), None, "beyond all bounds");
        let empty = Distribution {
            buckets: vec![0; 4],
            ..distribution
        };
        assert_eq!(empty.quantile(0.5), None);
    }
}
