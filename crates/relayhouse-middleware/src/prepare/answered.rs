//! Items of a batch that the service is not asked about.

use relayhouse_core::{Error, ErrorKind, Result};

/// Holds the answers of items that the service is not asked about, by their place in the batch.
#[derive(Debug)]
pub(crate) struct Answered<T> {
    answers: Vec<(usize, Result<T>)>,
    items: usize,
}

impl<T> Answered<T> {
    /// Walks over a batch: `prepare` gives an item for the service, or an answer in its stead.
    pub(crate) fn sort<I, P>(
        batch: Vec<I>,
        mut prepare: impl FnMut(I) -> std::result::Result<P, Result<T>>,
    ) -> (Vec<P>, Self) {
        let items = batch.len();
        let mut answers = Vec::new();
        let mut prepared = Vec::with_capacity(items);
        for (place, item) in batch.into_iter().enumerate() {
            match prepare(item) {
                Ok(item) => prepared.push(item),
                Err(answer) => answers.push((place, answer)),
            }
        }
        (prepared, Self { answers, items })
    }

    /// Puts the answers of the service between these, in the order of the batch.
    ///
    /// A missing answer is an error of its item alone.
    pub(crate) fn merge(self, served: Vec<Result<T>>) -> Vec<Result<T>> {
        let mut served = served.into_iter();
        let mut answers = self.answers.into_iter().peekable();
        let mut merged = Vec::with_capacity(self.items);
        for place in 0..self.items {
            let answer = match answers.next_if(|(answered, _)| *answered == place) {
                Some((_, answer)) => answer,
                None => served.next().unwrap_or_else(|| Err(missing())),
            };
            merged.push(answer);
        }
        merged
    }
}

fn missing() -> Error {
    Error::new(
        ErrorKind::Handler,
        "the service gave no answer for this item",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sort(batch: Vec<u32>) -> (Vec<u32>, Answered<u32>) {
        Answered::sort(batch, |item| {
            if item % 2 == 0 {
                Ok(item)
            } else {
                Err(Ok(item * 10))
            }
        })
    }

    fn values(answers: Vec<Result<u32>>) -> Vec<Option<u32>> {
        answers.into_iter().map(Result::ok).collect()
    }

    #[test]
    fn answers_stand_in_the_order_of_the_batch() {
        let (prepared, answered) = sort(vec![1, 2, 3, 4, 5]);
        assert_eq!(prepared, [2, 4]);
        let merged = answered.merge(vec![Ok(2), Ok(4)]);
        let expected = [10, 2, 30, 4, 50].map(Some);
        assert_eq!(values(merged), expected);
    }

    #[test]
    fn missing_answers_are_errors_and_further_ones_are_dropped() {
        let (_, answered) = sort(vec![2, 3, 4]);
        assert_eq!(
            values(answered.merge(vec![Ok(2)])),
            [Some(2), Some(30), None]
        );
        let (_, answered) = sort(vec![2]);
        assert_eq!(values(answered.merge(vec![Ok(2), Ok(4)])), [Some(2)]);
    }
}
