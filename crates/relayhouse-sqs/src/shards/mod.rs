//! One logical queue over several of SQS: how it is named, and which of them a key belongs to.

mod layout;
mod receiver;
mod sender;
mod turns;
mod untold;

use md5::{Digest, Md5};
use relayhouse_core::{Error, QueueName, Result};

pub(crate) use self::{
    layout::{create, find, find_some, listed_with, open},
    receiver::ShardedReceiver,
    sender::ShardedSender,
};
use crate::error;

/// The most queues of one logical queue.
pub(crate) const SHARDS_MAX: u32 = 64;

/// Stands between the numbers of the first and the last queue.
const RANGE: &str = "..";

/// Names the queues of one logical queue: `orders-0..7.fifo` stands for `orders-0.fifo` to
/// `orders-7.fifo`.
///
/// SQS takes no dots in a name, so no name of one queue reads like this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shards {
    before: String,
    count: u32,
    after: String,
}

impl Shards {
    /// Reads the name, the URL or the ARN of a queue; `None` if it is one of a single queue.
    pub(crate) fn of(text: &str) -> Result<Option<Self>> {
        let Some((before, rest)) = text.split_once(RANGE) else {
            return Ok(None);
        };
        let after = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        let digits = &rest[..rest.len() - after.len()];
        let last: Option<u32> = digits.parse().ok();
        let last = last.filter(|last| *last < SHARDS_MAX && last.to_string() == digits);
        match (before.strip_suffix('0'), last) {
            (Some(before), Some(last)) if !after.contains(RANGE) => Ok(Some(Self {
                before: before.to_owned(),
                count: last + 1,
                after: after.to_owned(),
            })),
            _ => Err(misread(text)),
        }
    }

    pub(crate) const fn count(&self) -> u32 {
        self.count
    }

    /// Returns what the queue with `number` is called.
    pub(crate) fn text(&self, number: u32) -> String {
        let Self { before, after, .. } = self;
        format!("{before}{number}{after}")
    }

    pub(crate) fn name(&self, number: u32) -> Result<QueueName> {
        QueueName::new(self.text(number))
    }

    pub(crate) fn names(&self) -> Result<Vec<QueueName>> {
        (0..self.count).map(|number| self.name(number)).collect()
    }

    /// Returns the number of the queue that messages with `key` go to: the first eight bytes of
    /// the key's MD5, read as a big-endian number, modulo the count of queues.
    ///
    /// Every version and every platform must give the same, since the order of a key holds within
    /// one queue alone.
    pub(crate) fn shard_of(&self, key: &str) -> usize {
        let digest: [u8; 16] = Md5::digest(key).into();
        let (first, _) = digest.split_at(8);
        let number = first
            .iter()
            .fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        usize::try_from(number % u64::from(self.count)).unwrap_or(0)
    }
}

/// Turns `orders-{0..7}`, as it may stand in a URL, into `orders-0..7`.
pub(crate) fn without_braces(text: &str) -> Result<String> {
    let Some((before, rest)) = text.split_once('{') else {
        return Ok(text.to_owned());
    };
    match rest.split_once('}') {
        Some((range, after)) if range.starts_with("0..") => Ok(format!("{before}{range}{after}")),
        _ => Err(misread(text)),
    }
}

fn misread(text: &str) -> Error {
    let last = SHARDS_MAX - 1;
    error::invalid(format!(
        "queue \"{text}\" cannot be read: the queues of one have numbers from 0 on, at most to \
         {last}, as in orders-{{0..7}}.fifo"
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, prop_assert, prop_assert_eq, proptest};

    use super::*;

    fn shards(text: &str) -> Shards {
        Shards::of(text).unwrap().unwrap()
    }

    #[test]
    fn a_range_names_queues_from_zero_on() {
        let names = |text| -> Vec<String> {
            let names = shards(text).names().unwrap().into_iter();
            names.map(|name| name.to_string()).collect()
        };
        assert_eq!(
            names("orders-0..1.fifo"),
            ["orders-0.fifo", "orders-1.fifo"]
        );
        assert_eq!(names("orders0..2"), ["orders0", "orders1", "orders2"]);
        assert_eq!(shards("q-0..63").count(), 64);
        assert_eq!(Shards::of("orders.fifo").unwrap(), None);
        let arn = shards("arn:aws:sqs:eu-west-1:123456789012:orders-0..7.fifo");
        assert_eq!(
            arn.text(7),
            "arn:aws:sqs:eu-west-1:123456789012:orders-7.fifo"
        );
    }

    #[test]
    fn other_ranges_are_refused() {
        for wrong in [
            "q-1..7",
            "q-0..",
            "q-0..64",
            "q-0..07",
            "q..7",
            "q-0..3-0..3",
            "q-0...3",
        ] {
            let error = Shards::of(wrong).unwrap_err().to_string();
            assert!(error.contains("orders-{0..7}"), "{wrong}: {error}");
        }
        assert_eq!(without_braces("r/q-{0..7}.fifo").unwrap(), "r/q-0..7.fifo");
        for wrong in ["q-{10..17}", "q-{0..7", "q-{a,b}"] {
            assert!(without_braces(wrong).is_err(), "{wrong}");
        }
    }

    /// These hold for ever: another answer would break the order of every key.
    #[test]
    fn keys_belong_where_they_always_did() {
        let of_8 = shards("q-0..7");
        let of_3 = shards("q-0..2");
        for (key, shard_of_8, shard_of_3) in [
            ("", 4, 2),
            ("a", 0, 0),
            ("customer-7", 1, 2),
            ("größe", 1, 2),
            ("0", 7, 0),
            ("1", 2, 1),
            ("2", 3, 0),
            ("3", 6, 2),
            ("order/2026-11-26", 1, 2),
        ] {
            assert_eq!(of_8.shard_of(key), shard_of_8, "{key}");
            assert_eq!(of_3.shard_of(key), shard_of_3, "{key}");
        }
    }

    #[test]
    fn keys_spread_evenly() {
        let shards = shards("q-0..7");
        let mut counts = [0_u32; 8];
        (0..8_000).for_each(|key: u32| counts[shards.shard_of(&key.to_string())] += 1);
        assert!(
            counts.iter().all(|count| (800..1_200).contains(count)),
            "{counts:?}"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn what_names_queues_is_read_again(last in 0..SHARDS_MAX, key in ".*") {
            let shards = shards(&format!("orders-0..{last}.fifo"));
            prop_assert_eq!(shards.count(), last + 1);
            prop_assert!(shards.shard_of(&key) <= last as usize);
            for name in shards.names().unwrap() {
                prop_assert_eq!(Shards::of(name.as_str()).unwrap(), None);
            }
        }
    }
}
