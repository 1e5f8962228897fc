//! A token bucket, kept as the time at which it is full again.

use std::time::Duration;

use relayhouse_core::Instant;

use super::RateLimitConfig;

/// How finely time is counted: in picoseconds, so that a billion a second have a length.
const PER_NANOSECOND: u128 = 1_000;

/// Holds tokens, which come back with time.
///
/// The bucket is full at [`full_at`](Self::full_at), and before that lacks a token for each
/// [`cost`](Self::cost) of one that is left till then.
#[derive(Debug)]
pub(crate) struct Bucket {
    /// What passes in `per`.
    amount: u128,
    per: u128,
    burst: u128,
    full_at: u128,
}

impl Bucket {
    /// Makes a full bucket.
    pub(crate) fn new(config: &RateLimitConfig) -> Self {
        let mut bucket = Self {
            amount: 1,
            per: 1,
            burst: 1,
            full_at: 0,
        };
        bucket.set(config, Instant::START);
        bucket
    }

    /// Changes the rate. What the bucket lacks it goes on lacking, and gets it at the new rate.
    pub(crate) fn set(&mut self, config: &RateLimitConfig, now: Instant) {
        let time = self.full_at.saturating_sub(picos(now));
        let (whole, part) = (time / self.per, time % self.per);
        let part = part.saturating_mul(self.amount) / self.per;
        let lacking = whole.saturating_mul(self.amount).saturating_add(part);
        self.amount = config.amount.get().into();
        self.per = (config.per.as_nanos() * PER_NANOSECOND).max(1);
        self.burst = config.burst.unwrap_or(config.amount).get().into();
        self.full_at = picos(now).saturating_add(self.cost(lacking));
    }

    /// Takes `tokens` if they are there, or returns when they are.
    pub(crate) fn take(&mut self, now: Instant, tokens: u64) -> Result<(), Instant> {
        self.look(now, tokens)?;
        self.owe(now, tokens);
        Ok(())
    }

    /// Looks whether `tokens` are there, or returns when they are.
    pub(crate) fn look(&self, now: Instant, tokens: u64) -> Result<(), Instant> {
        let now = picos(now);
        let full_at = self.after(now, tokens);
        let depth = self.cost(self.burst.max(tokens.into()));
        if now.saturating_add(depth) < full_at {
            let at = full_at - depth;
            return Err(Instant::START + duration(at));
        }
        Ok(())
    }

    /// Returns true if the bucket is full.
    pub(crate) fn is_full(&self, now: Instant) -> bool {
        self.full_at <= picos(now)
    }

    /// Takes `tokens` whether they are there or not: what is lacking must come back first.
    pub(crate) fn owe(&mut self, now: Instant, tokens: u64) {
        self.full_at = self.after(picos(now), tokens);
    }

    /// Gives `tokens` back that were taken.
    pub(crate) fn give_back(&mut self, tokens: u64) {
        self.full_at = self.full_at.saturating_sub(self.cost(tokens.into()));
    }

    /// Returns when the bucket is full that `tokens` are taken of.
    fn after(&self, now: u128, tokens: u64) -> u128 {
        let full_at = self.full_at.max(now);
        full_at.saturating_add(self.cost(tokens.into()))
    }

    /// Returns the time in which `tokens` come back, rounded up.
    fn cost(&self, tokens: u128) -> u128 {
        if let Some(product) = tokens.checked_mul(self.per) {
            return product.div_ceil(self.amount);
        }
        let (whole, part) = (tokens / self.amount, tokens % self.amount);
        // A part of the amount comes back in a part of its time.
        let part = part.checked_mul(self.per);
        let part = part.map_or(self.per, |product| product.div_ceil(self.amount));
        whole.saturating_mul(self.per).saturating_add(part)
    }
}

fn picos(instant: Instant) -> u128 {
    u128::from(instant.as_nanos()) * PER_NANOSECOND
}

fn duration(picos: u128) -> Duration {
    let nanos = picos.div_ceil(PER_NANOSECOND);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;

    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn config(amount: u64, burst: u64) -> RateLimitConfig {
        RateLimitConfig {
            burst: NonZeroU64::new(burst),
            ..RateLimitConfig::per_second(NonZeroU64::new(amount).unwrap())
        }
    }

    fn at(millis: u64) -> Instant {
        Instant::START + Duration::from_millis(millis)
    }

    #[test]
    fn burst_passes_at_once_and_then_the_rate() {
        let mut bucket = Bucket::new(&config(10, 3));
        for _ in 0..3 {
            assert_eq!(bucket.take(at(0), 1), Ok(()));
        }
        assert_eq!(bucket.take(at(0), 1), Err(at(100)));
        assert_eq!(bucket.take(at(99), 1), Err(at(100)));
        assert_eq!(bucket.take(at(100), 1), Ok(()));
        assert_eq!(bucket.take(at(100), 1), Err(at(200)));
        // After a long pause the bucket has no more than the burst.
        for _ in 0..3 {
            assert_eq!(bucket.take(at(60_000), 1), Ok(()));
        }
        assert!(bucket.take(at(60_000), 1).is_err());
    }

    #[test]
    fn what_is_owed_comes_back_first() {
        let mut bucket = Bucket::new(&config(10, 1));
        assert_eq!(bucket.take(at(0), 1), Ok(()));
        bucket.owe(at(0), 19);
        assert_eq!(bucket.take(at(0), 1), Err(at(2_000)));
        bucket.give_back(10);
        assert_eq!(bucket.take(at(0), 1), Err(at(1_000)));
    }

    #[test]
    fn changed_rate_counts_for_what_is_lacking() {
        let mut bucket = Bucket::new(&config(1, 1));
        bucket.owe(at(0), 100);
        assert_eq!(bucket.take(at(0), 1), Err(at(100_000)));
        bucket.set(&config(100, 1), at(0));
        assert_eq!(bucket.take(at(0), 1), Err(at(1_000)));
        bucket.set(&config(10, 1), at(500));
        assert_eq!(bucket.take(at(500), 1), Err(at(5_500)));
    }

    #[test]
    fn request_above_the_burst_passes_when_the_bucket_is_full() {
        let mut bucket = Bucket::new(&config(10, 2));
        assert_eq!(bucket.take(at(0), 5), Ok(()));
        assert_eq!(bucket.take(at(0), 1), Err(at(400)));
    }

    /// The greatest numbers are a rate that nobody lives to see, and no panic.
    #[test]
    fn greatest_numbers_are_borne() {
        let greatest = RateLimitConfig {
            per: Duration::MAX,
            ..config(u64::MAX, u64::MAX)
        };
        let mut bucket = Bucket::new(&greatest);
        assert_eq!(bucket.take(at(0), u64::MAX), Ok(()));
        bucket.owe(at(0), u64::MAX);
        assert!(bucket.take(at(0), 1).is_err());
        bucket.set(&greatest, at(1));
        bucket.give_back(u64::MAX);
        assert!(!bucket.is_full(at(1)));
    }

    proptest! {
        /// In any span of time no more passes than the burst, and the rate times the span.
        #[test]
        fn no_span_passes_more_than_the_rate(
            amount in 1..5_000_000_000_u64,
            burst in 1..100_u64,
            steps in vec((0..200_000_000_u64, 1..10_u64, any::<bool>()), 1..200),
        ) {
            let mut bucket = Bucket::new(&config(amount, burst));
            let mut now = Instant::START;
            let mut passed: Vec<(Instant, u64)> = Vec::new();
            for (pause, tokens, gives_back) in steps {
                now = now + Duration::from_nanos(pause);
                let tokens = tokens.min(burst);
                if let Err(at) = bucket.take(now, tokens) {
                    prop_assert!(now < at);
                    // It tells the truth: at that time the tokens are there.
                    now = at;
                    prop_assert_eq!(bucket.take(now, tokens), Ok(()));
                }
                if gives_back {
                    bucket.give_back(tokens);
                } else {
                    passed.push((now, tokens));
                }
            }
            for (first, (start, _)) in passed.iter().enumerate() {
                let mut sum = 0;
                for (end, tokens) in &passed[first..] {
                    sum += u128::from(*tokens);
                    let span = u128::from(end.as_nanos() - start.as_nanos());
                    let allowed = u128::from(burst) + span * u128::from(amount) / 1_000_000_000;
                    prop_assert!(sum <= allowed + 1, "{sum} passed of {allowed}");
                }
            }
        }
    }
}
