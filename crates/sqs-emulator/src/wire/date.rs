//! Times as headers have them.

use std::time::{SystemTime, UNIX_EPOCH};

const DAY: u64 = 86_400;
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// A time of the calendar, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Calendar {
    /// Days since 1970.
    days: u64,
    year: u64,
    /// From 1.
    month: u64,
    day: u64,
    /// Seconds since midnight.
    seconds: u64,
}

impl Calendar {
    fn of(time: SystemTime) -> Self {
        let seconds = time
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        let (days, seconds) = (seconds / DAY, seconds % DAY);
        // Years that begin in March end with the day that only some have; 400 of them are alike.
        let since = days + 719_468;
        let (cycle, of_cycle) = (since / 146_097, since % 146_097);
        let year = (of_cycle - of_cycle / 1_460 + of_cycle / 36_524 - of_cycle / 146_096) / 365;
        let of_year = of_cycle - (365 * year + year / 4 - year / 100);
        let from_march = (5 * of_year + 2) / 153;
        let month = if from_march < 10 {
            from_march + 3
        } else {
            from_march - 9
        };
        Self {
            days,
            year: 400 * cycle + year + u64::from(month <= 2),
            month,
            day: of_year - (153 * from_march + 2) / 5 + 1,
            seconds,
        }
    }

    const fn clock(self) -> (u64, u64, u64) {
        let seconds = self.seconds;
        (seconds / 3_600, seconds / 60 % 60, seconds % 60)
    }
}

/// Writes a time as the header `date` has it: `Tue, 14 Nov 2023 22:13:20 GMT`.
pub(super) fn http(time: SystemTime) -> String {
    let it = Calendar::of(time);
    let (hours, minutes, seconds) = it.clock();
    let pick = |names: &[&'static str], index: u64| {
        let index = usize::try_from(index).unwrap_or_default();
        names[index % names.len()]
    };
    format!(
        "{}, {:02} {} {} {hours:02}:{minutes:02}:{seconds:02} GMT",
        pick(&WEEKDAYS, it.days),
        it.day,
        pick(&MONTHS, it.month - 1),
        it.year,
    )
}

/// Writes a time as the header `x-amz-date` has it: `20231114T221320Z`. Later ones are greater.
pub(super) fn amazon(time: SystemTime) -> String {
    let it = Calendar::of(time);
    let (hours, minutes, seconds) = it.clock();
    format!(
        "{:04}{:02}{:02}T{hours:02}{minutes:02}{seconds:02}Z",
        it.year, it.month, it.day,
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_are_written() {
        for (seconds, http_date, amazon_date) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT", "19700101T000000Z"),
            (
                951_782_400,
                "Tue, 29 Feb 2000 00:00:00 GMT",
                "20000229T000000Z",
            ),
            (
                1_700_000_000,
                "Tue, 14 Nov 2023 22:13:20 GMT",
                "20231114T221320Z",
            ),
            (
                4_107_542_399,
                "Sun, 28 Feb 2100 23:59:59 GMT",
                "21000228T235959Z",
            ),
            (
                4_107_542_400,
                "Mon, 01 Mar 2100 00:00:00 GMT",
                "21000301T000000Z",
            ),
        ] {
            let time = UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(http(time), http_date);
            assert_eq!(amazon(time), amazon_date);
        }
    }
}
