//! The cells of one scope: atomics that are added to, and nothing else.

use std::sync::atomic::Ordering::Relaxed;

use super::{
    definition::{Kind, Scope},
    layout::{bounds, bucket, cells, place},
    shard::{Shard, Shards},
    snapshot::{Distribution, Value},
    table::Metric,
};

/// Holds all series of one thing that metrics are kept for.
///
/// Levels are kept as two's complement, so that adding and taking away are one operation; the cell
/// behind a level says whether it was ever told.
#[derive(Debug)]
pub(crate) struct Series {
    scope: Scope,
    shards: Shards,
}

impl Series {
    pub(super) fn new(scope: Scope) -> Self {
        Self {
            scope,
            shards: Shards::new(cells(scope)),
        }
    }

    /// Returns what this thread writes by.
    #[inline]
    pub(crate) fn writer(&self) -> Writer<'_> {
        Writer {
            #[cfg(debug_assertions)]
            scope: self.scope,
            shard: self.shards.mine(),
        }
    }

    /// Sets a level.
    #[inline]
    pub(crate) fn set(&self, metric: Metric, level: u64) {
        self.set_of(metric, 0, level);
    }

    /// Sets a level of the series `variant`.
    #[inline]
    pub(crate) fn set_of(&self, metric: Metric, variant: usize, level: u64) {
        debug_assert_eq!(metric.definition().scope, self.scope);
        let (cells, cell) = (self.shards.shared(), place(metric, variant));
        cells[cell].store(level, Relaxed);
        cells[cell + 1].store(1, Relaxed);
    }

    /// Reads the series `variant`; `None` if nothing was ever noted there.
    pub(super) fn read(&self, metric: Metric, variant: usize) -> Option<Value> {
        let first = place(metric, variant);
        let read = |index: usize| self.shards.sum(first + index);
        match metric.definition().kind {
            Kind::Counter => Some(read(0)).filter(|count| *count != 0).map(Value::Count),
            Kind::Gauge => (read(1) != 0).then(|| Value::Level(read(0).cast_signed())),
            Kind::Histogram(bounds) => {
                let buckets: Vec<u64> = (0..=bounds.len()).map(read).collect();
                let is_touched = buckets.iter().any(|count| *count != 0);
                is_touched.then(|| {
                    Value::Distribution(Distribution {
                        bounds,
                        buckets,
                        sum: read(bounds.len() + 1),
                    })
                })
            }
        }
    }

    pub(super) const fn scope(&self) -> Scope {
        self.scope
    }
}

/// Writes the series of one thing, on one thread.
#[derive(Clone, Copy)]
pub(crate) struct Writer<'a> {
    #[cfg(debug_assertions)]
    scope: Scope,
    shard: Shard<'a>,
}

impl Writer<'_> {
    /// Counts `by` more.
    #[inline]
    pub(crate) fn add(self, metric: Metric, by: u64) {
        self.add_of(metric, 0, by);
    }

    /// Counts `by` more in the series `variant`.
    #[inline]
    pub(crate) fn add_of(self, metric: Metric, variant: usize, by: u64) {
        self.check(metric);
        self.shard.add(place(metric, variant), by);
    }

    /// Moves a level from `before` to `now`, whatever others have added to it.
    #[inline]
    pub(crate) fn shift(self, metric: Metric, before: u64, now: u64) {
        if before != now {
            self.check(metric);
            let cell = place(metric, 0);
            self.shard.add(cell, now.wrapping_sub(before));
            self.shard.mark(cell + 1);
        }
    }

    /// Notes a value of a distribution.
    #[inline]
    pub(crate) fn record(self, metric: Metric, value: u64) {
        self.record_of(metric, 0, value);
    }

    /// Notes a value of a distribution in the series `variant`.
    #[inline]
    pub(crate) fn record_of(self, metric: Metric, variant: usize, value: u64) {
        self.check(metric);
        let first = place(metric, variant);
        self.shard.add(first + bucket(metric, value), 1);
        self.shard.add(first + bounds(metric).len() + 1, value);
    }

    /// Says where a metric is kept for something else.
    #[inline]
    fn check(self, metric: Metric) {
        #[cfg(debug_assertions)]
        assert_eq!(metric.definition().scope, self.scope, "{metric:?}");
        #[cfg(not(debug_assertions))]
        let _ = metric;
    }
}
