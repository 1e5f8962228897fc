//! Durations as XML has them: `PT1M30S`.

use std::time::Duration;

const DAY: u64 = 24 * 60 * 60;

/// What stands for no end: the longest duration of .NET is longer than 29,000 years.
const ENDLESS: Duration = Duration::from_secs(10_000_000 * DAY);

/// Writes a duration in seconds, which says it as well as days would.
pub(super) fn write(duration: Duration) -> String {
    let (seconds, nanos) = (duration.as_secs(), duration.subsec_nanos());
    if nanos == 0 {
        return format!("PT{seconds}S");
    }
    // The service counts in units of 100 nanoseconds.
    let fraction = format!("{:07}", nanos / 100);
    format!("PT{seconds}.{}S", fraction.trim_end_matches('0'))
}

/// Reads a duration: the outer `None` is for text that is none, the inner one for no end.
pub(super) fn read(text: &str) -> Option<Option<Duration>> {
    let text = text.strip_prefix('P')?;
    let (days, time) = text.split_once('T').unwrap_or((text, ""));
    let mut total = sum(days, &[('D', DAY)])?;
    total = total.checked_add(sum(time, &[('H', 3600), ('M', 60), ('S', 1)])?)?;
    Some((total < ENDLESS).then_some(total))
}

/// Adds up numbers with units, each there at most once.
fn sum(mut text: &str, units: &[(char, u64)]) -> Option<Duration> {
    let mut total = Duration::ZERO;
    for (unit, seconds) in units {
        let Some((number, rest)) = text.split_once(*unit) else {
            continue;
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
        let whole: u64 = whole.parse().ok()?;
        let nanos: u32 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
        let part = Duration::from_secs(whole.checked_mul(*seconds)?);
        total = total
            .checked_add(part)?
            .checked_add(Duration::new(0, nanos))?;
        text = rest;
    }
    text.is_empty().then_some(total)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_of_the_service_are_read() {
        for (text, expected) in [
            ("PT1M", Some(Some(Duration::from_secs(60)))),
            ("P7D", Some(Some(Duration::from_secs(7 * DAY)))),
            (
                "P1DT2H3M4.5S",
                Some(Some(Duration::from_millis(93_784_500))),
            ),
            ("P10675199DT2H48M5.4775807S", Some(None)),
            ("PT1M1H", None),
            ("1M", None),
            ("PTxS", None),
            ("PT99999999999999999999S", None),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(seconds in 0..ENDLESS.as_secs(), units in 0..10_000_000_u32) {
            let duration = Duration::new(seconds, units * 100);
            prop_assert_eq!(read(&write(duration)), Some(Some(duration)));
        }
    }
}
