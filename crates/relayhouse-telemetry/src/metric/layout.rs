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
