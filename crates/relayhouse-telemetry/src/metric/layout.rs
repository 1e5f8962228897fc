//! Where each metric has its cells, among those of its scope.

use super::{
    definition::{Kind, Scope},
    table::Metric,
};

const METRICS: usize = Metric::ALL.len();

/// The first cell of each metric among the cells of its scope.
const FIRST: [usize; METRICS] = first();

/// Returns where the series `variant` of `metric` begins.
#[inline]
pub(super) const fn place(metric: Metric, variant: usize) -> usize {
    FIRST[metric as usize] + variant * metric.definition().cells()
}

/// Returns the bounds of a histogram: none, if it is not one.
#[inline]
pub(super) const fn bounds(metric: Metric) -> &'static [u64] {
    match metric.definition().kind {
        Kind::Histogram(bounds) => bounds,
        _ => &[],
    }
}

/// Returns the bucket of a histogram to which `value` belongs.
#[inline]
pub(super) fn bucket(metric: Metric, value: u64) -> usize {
    let bounds = bounds(metric);
    let mut bucket = usize::from(BUCKETS[metric as usize][bits(value)]);
    // Few bounds have as many bits as the value.
    while bounds.get(bucket).is_some_and(|bound| *bound < value) {
        bucket += 1;
    }
    bucket
}

/// The bucket of each histogram with the smallest value of so many bits.
static BUCKETS: [[u8; BITS_MAX + 1]; METRICS] = buckets();

const BITS_MAX: usize = u64::BITS as usize;

/// Returns how many bits `value` has.
#[inline]
const fn bits(value: u64) -> usize {
    (u64::BITS - value.leading_zeros()) as usize
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "there are fewer buckets, as is asserted"
)]
const fn buckets() -> [[u8; BITS_MAX + 1]; METRICS] {
    let (mut buckets, mut index) = ([[0; BITS_MAX + 1]; METRICS], 0);
    while index < METRICS {
        let (bounds, mut bits, mut bucket) = (bounds(Metric::ALL[index]), 1, 0);
        assert!(bounds.len() <= u8::MAX as usize, "too many buckets");
        while bits <= BITS_MAX {
            while bucket < bounds.len() && bounds[bucket] < 1 << (bits - 1) {
                bucket += 1;
            }
            buckets[index][bits] = bucket as u8;
            bits += 1;
        }
        index += 1;
    }
    buckets
}

/// Returns how many cells all metrics of `scope` take.
pub(super) const fn cells(scope: Scope) -> usize {
    let (mut sum, mut index) = (0, 0);
    while index < METRICS {
        let definition = Metric::ALL[index].definition();
        if definition.scope as u8 == scope as u8 {
            sum += definition.cells() * definition.variants();
        }
        index += 1;
    }
    sum
}

const fn first() -> [usize; METRICS] {
    let (mut places, mut index) = ([0; METRICS], 0);
    while index < METRICS {
        let (mut sum, mut earlier) = (0, 0);
        let definition = Metric::ALL[index].definition();
        while earlier < index {
            let other = Metric::ALL[earlier].definition();
            if other.scope as u8 == definition.scope as u8 {
                sum += other.cells() * other.variants();
            }
            earlier += 1;
        }
        places[index] = sum;
        index += 1;
    }
    places
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_value_has_its_bucket() {
        for &metric in Metric::ALL {
            let bounds = bounds(metric);
            let near = bounds
                .iter()
                .flat_map(|bound| [bound - 1, *bound, bound + 1]);
            let powers = (0..u64::BITS).flat_map(|bit| [(1 << bit) - 1, 1 << bit]);
            for value in near.chain(powers).chain([u64::MAX]) {
                let expected = bounds.partition_point(|bound| *bound < value);
                assert_eq!(bucket(metric, value), expected, "{metric:?} {value}");
            }
        }
    }

    #[test]
    fn no_cell_belongs_to_two_series() {
        for scope in [Scope::Process, Scope::Queue, Scope::Named, Scope::Endpoint] {
            let mut taken = HashSet::new();
            for &metric in Metric::ALL {
                let definition = metric.definition();
                if definition.scope != scope {
                    continue;
                }
                for variant in 0..definition.variants() {
                    let start = place(metric, variant);
                    for cell in start..start + definition.cells() {
                        assert!(taken.insert(cell), "{} {variant}", definition.name);
                        assert!(cell < cells(scope));
                    }
                }
            }
            assert_eq!(taken.len(), cells(scope));
        }
    }
}
