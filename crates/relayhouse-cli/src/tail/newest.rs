//! Where the end of a queue is, found by looking at few of its messages.

use relayhouse::Delivery;

use crate::exit::{Code, Failure};

/// The highest number that every provider can be asked for.
const NUMBER_MAX: u64 = i64::MAX as u64;

/// Returns the number that `delivery` has on its queue.
pub(super) fn number(delivery: &Delivery) -> Result<u64, Failure> {
    let text = "the provider does not number its messages: what is new cannot be told";
    let number = delivery.sequence;
    number.ok_or_else(|| Failure::new(Code::Usage, text))
}

/// Returns a number that is higher than those of all messages. `one` returns the number of the first
/// message that has the given one or a higher one.
///
/// It doubles its steps until nothing is there, and halves what is in between: a queue of a million
/// messages takes some forty looks, where reading through it would take ten thousand.
pub(super) async fn after<E>(one: impl AsyncFn(u64) -> Result<Option<u64>, E>) -> Result<u64, E> {
    let Some(mut there) = one(0).await? else {
        return Ok(0);
    };
    let mut step = 1_u64;
    let mut nothing = loop {
        let next = there.saturating_add(step).min(NUMBER_MAX);
        match one(next).await? {
            Some(number) if number < NUMBER_MAX => there = number,
            Some(number) => return Ok(number),
            None => break next,
        }
        step = step.saturating_mul(2);
    };
    while there + 1 < nothing {
        let middle = there + (nothing - there) / 2;
        match one(middle).await? {
            Some(number) => there = number,
            None => nothing = middle,
        }
    }
    Ok(nothing)
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, convert::Infallible};

    use super::*;

    async fn found(numbers: &[u64]) -> (u64, u32) {
        let looks = Cell::new(0);
        let one = async |from| {
            looks.set(looks.get() + 1);
            let mut numbers = numbers.iter().copied();
            Ok::<_, Infallible>(numbers.find(|number| from <= *number))
        };
        let Ok(after) = after(one).await;
        (after, looks.get())
    }

    #[tokio::test]
    async fn end_is_behind_the_last_message() {
        for (numbers, expected) in [
            (&[][..], 0),
            (&[0], 1),
            (&[1], 2),
            (&[7, 8, 9], 10),
            (&[3, 1_000_000, 1_000_001], 1_000_002),
            (&[5, NUMBER_MAX - 1], NUMBER_MAX),
        ] {
            assert_eq!(found(numbers).await.0, expected, "{numbers:?}");
        }
    }

    #[tokio::test]
    async fn few_looks_find_it() {
        let numbers: Vec<_> = (0..1_000_000).collect();
        let (after, looks) = found(&numbers).await;
        assert_eq!(after, 1_000_000);
        assert!(looks <= 45, "{looks}");
    }
}
