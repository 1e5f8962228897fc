//! Times of SQS, which are whole seconds.

use std::time::Duration;

/// Rounds up to whole seconds.
pub(crate) const fn whole_seconds(time: Duration) -> u64 {
    let more = if time.subsec_nanos() == 0 { 0 } else { 1 };
    time.as_secs().saturating_add(more)
}

/// Rounds up to whole seconds, at most those that fit.
pub(crate) fn whole_seconds_i32(time: Duration) -> i32 {
    i32::try_from(whole_seconds(time)).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_second_counts_whole() {
        for (millis, seconds) in [(0, 0), (1, 1), (1000, 1), (1001, 2)] {
            assert_eq!(whole_seconds_i32(Duration::from_millis(millis)), seconds);
        }
        assert_eq!(whole_seconds_i32(Duration::MAX), i32::MAX);
    }
}
