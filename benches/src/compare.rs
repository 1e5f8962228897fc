//! Interleaved rounds: in each, every contender runs the workload once.

use anyhow::{Context as _, Result};

/// The contender that ratios are taken to.
pub const LIMIT: &str = "limit";

/// How often to run.
#[derive(Clone, Copy, Debug)]
pub struct Rounds {
    /// The rounds that count.
    pub count: usize,
    /// Rounds before them, which warm heap, caches and queues.
    pub warm_up: usize,
}

/// Runs one workload on one queue, which it keeps over all rounds.
pub struct Contender<'a> {
    name: &'static str,
    round: Box<dyn FnMut() -> Result<Vec<f64>> + 'a>,
}

/// Holds what all contenders measured.
#[derive(Debug, Default)]
pub struct Comparison {
    results: Vec<Samples>,
}

/// Holds what one contender measured, by figure and then by round.
#[derive(Debug)]
struct Samples {
    name: &'static str,
    figures: Vec<Vec<f64>>,
}

impl<'a> Contender<'a> {
    /// Makes a contender whose `round` returns the same figures each time.
    pub fn new(name: &'static str, round: impl FnMut() -> Result<Vec<f64>> + 'a) -> Self {
        Self {
            name,
            round: Box::new(round),
        }
    }
}

impl Contender<'_> {
    /// Returns the name of its lines in the tables.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

impl std::fmt::Debug for Contender<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Contender").field(&self.name).finish()
    }
}

/// Runs all rounds. Each begins with another contender, so that none always follows the same one.
///
/// # Errors
///
/// Returns the error of the first round that fails.
pub fn compare(rounds: Rounds, mut contenders: Vec<Contender<'_>>) -> Result<Comparison> {
    let mut results = contenders.iter().map(Samples::of).collect::<Vec<_>>();
    for round in 0..rounds.warm_up + rounds.count {
        for turn in 0..contenders.len() {
            let index = (round + turn) % contenders.len();
            let contender = &mut contenders[index];
            let figures = (contender.round)().with_context(|| contender.name.to_owned())?;
            if rounds.warm_up <= round {
                results[index].add(&figures);
            }
        }
    }
    Ok(Comparison { results })
}

impl Samples {
    fn of(contender: &Contender<'_>) -> Self {
        Self {
            name: contender.name,
            figures: Vec::new(),
        }
    }

    fn add(&mut self, figures: &[f64]) {
        self.figures.resize_with(figures.len(), Vec::new);
        for (samples, figure) in self.figures.iter_mut().zip(figures) {
            samples.push(*figure);
        }
    }
}

impl Comparison {
    /// Returns the names of the contenders.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.results.iter().map(|samples| samples.name)
    }

    /// Returns the median of a figure, or `None` if there is no such contender.
    #[must_use]
    pub fn median(&self, name: &str, figure: usize) -> Option<f64> {
        self.samples(name, figure).map(median)
    }

    /// Returns the least of a figure, or `None` if there is no such contender.
    #[must_use]
    pub fn least(&self, name: &str, figure: usize) -> Option<f64> {
        let samples = self.samples(name, figure)?;
        samples.iter().copied().min_by(f64::total_cmp)
    }

    /// Returns the least and the greatest of a figure, or `None` if there is no such contender.
    #[must_use]
    pub fn spread(&self, name: &str, figure: usize) -> Option<(f64, f64)> {
        let samples = self.samples(name, figure)?;
        let most = samples.iter().copied().max_by(f64::total_cmp);
        self.least(name, figure).zip(most)
    }

    /// Returns the median of what a figure was to that of `base` in the same round, or `None` if
    /// one of them is not there.
    #[must_use]
    pub fn ratio(&self, name: &str, base: &str, figure: usize) -> Option<f64> {
        let samples = self.samples(name, figure)?.iter();
        let base = self.samples(base, figure)?;
        let ratios = samples.zip(base).map(|(sample, base)| sample / base);
        Some(median(&ratios.collect::<Vec<_>>()))
    }

    fn samples(&self, name: &str, figure: usize) -> Option<&[f64]> {
        let samples = self.results.iter().find(|samples| samples.name == name)?;
        samples.figures.get(figure).map(Vec::as_slice)
    }
}

/// Returns the median, or 0 of nothing.
#[must_use]
pub fn median(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => 0.0,
        len if len % 2 == 0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _ => sorted[middle],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_of_odd_even_and_nothing() {
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median(&[4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < f64::EPSILON);
        assert!(median(&[]).abs() < f64::EPSILON);
    }

    #[test]
    fn ratio_is_taken_round_by_round() {
        let contender = |name, samples: [f64; 3]| {
            let mut samples = samples.into_iter();
            Contender::new(name, move || Ok(samples.next().into_iter().collect()))
        };
        let rounds = Rounds {
            count: 3,
            warm_up: 0,
        };
        let contenders = vec![
            contender(LIMIT, [10.0, 20.0, 40.0]),
            contender("ours", [5.0, 20.0, 20.0]),
        ];
        let comparison = compare(rounds, contenders).unwrap();
        let ratio = comparison.ratio("ours", LIMIT, 0).unwrap();
        assert!((ratio - 0.5).abs() < f64::EPSILON);
        assert!(comparison.ratio("nobody", LIMIT, 0).is_none());
    }

    #[test]
    fn warm_up_does_not_count() {
        let mut turn = 0.0;
        let contender = Contender::new(LIMIT, || {
            turn += 1.0;
            Ok(vec![turn])
        });
        let rounds = Rounds {
            count: 1,
            warm_up: 2,
        };
        let comparison = compare(rounds, vec![contender]).unwrap();
        assert_eq!(comparison.median(LIMIT, 0), Some(3.0));
    }
}
