//! Times as texts: ISO 8601 in XML, and the form of RFC 1123 in headers.

use crate::model::Time;

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MILLIS_PER_DAY: u64 = 86_400_000;

/// A date and a time of day, as calendars count them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Civil {
    year: u64,
    month: u64,
    day: u64,
    hour: u64,
    minute: u64,
    second: u64,
    millis: u64,
}

/// Writes a time as `2026-11-27T01:00:26.123Z`.
pub(super) fn write_iso(time: Time) -> String {
    let Civil {
        year,
        month,
        day,
        hour,
        minute,
        second,
        millis,
    } = civil(time);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

/// Writes a time as `Fri, 27 Nov 2026 01:00:26 GMT`, which leaves out what is less than a second.
pub(crate) fn write_http(time: Time) -> String {
    let Civil {
        year,
        month,
        day,
        hour,
        minute,
        second,
        ..
    } = civil(time);
    let weekday = name(&DAYS, time.millis() / MILLIS_PER_DAY % 7);
    let month = name(&MONTHS, month - 1);
    format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
}

/// Reads a time as either form has it; one without a zone is one of Greenwich.
pub(super) fn read(text: &str) -> Option<Time> {
    match text.split_once(", ") {
        Some((_, rest)) => read_http(rest),
        None => read_iso(text),
    }
}

fn read_http(text: &str) -> Option<Time> {
    let mut parts = text.split(' ');
    let day = number(parts.next()?)?;
    let month = parts.next()?;
    let month = MONTHS.iter().position(|it| *it == month)? as u64 + 1;
    let year = number(parts.next()?)?;
    let (hour, minute, second, millis) = clock(parts.next()?)?;
    (parts.next() == Some("GMT")).then_some(())?;
    time(Civil {
        year,
        month,
        day,
        hour,
        minute,
        second,
        millis,
    })
}

fn read_iso(text: &str) -> Option<Time> {
    let (date, clock_text) = text.split_once('T')?;
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let clock_text = clock_text.strip_suffix('Z').unwrap_or(clock_text);
    let clock_text = clock_text.strip_suffix("+00:00").unwrap_or(clock_text);
    let (hour, minute, second, millis) = clock(clock_text)?;
    time(Civil {
        year: number(year)?,
        month: number(month)?,
        day: number(day)?,
        hour,
        minute,
        second,
        millis,
    })
}

/// Reads hours, minutes, seconds and what follows their point.
fn clock(text: &str) -> Option<(u64, u64, u64, u64)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let mut parts = whole.split(':');
    let (hour, minute, second) = (parts.next()?, parts.next()?, parts.next()?);
    number(fraction)?;
    let millis = number(format!("{fraction:0<3}").get(..3)?)?;
    Some((number(hour)?, number(minute)?, number(second)?, millis))
}

fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

fn name<'a>(names: &[&'a str], place: u64) -> &'a str {
    let place = usize::try_from(place).ok();
    place
        .and_then(|place| names.get(place))
        .copied()
        .unwrap_or_default()
}

/// Counts years from March on, so that a leap day is the last of its year, in eras of 400 years.
fn civil(time: Time) -> Civil {
    let (days, rest) = (
        time.millis() / MILLIS_PER_DAY,
        time.millis() % MILLIS_PER_DAY,
    );
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    Civil {
        year: era * 400 + year_of_era + u64::from(month <= 2),
        month,
        day: day_of_year - (153 * shifted + 2) / 5 + 1,
        hour: rest / 3_600_000,
        minute: rest / 60_000 % 60,
        second: rest / 1_000 % 60,
        millis: rest % 1_000,
    }
}

fn time(civil_time: Civil) -> Option<Time> {
    let Civil {
        year,
        month,
        day,
        hour,
        minute,
        second,
        millis,
    } = civil_time;
    let is_possible = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    is_possible.then_some(())?;
    let shifted_year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (shifted_year / 400, shifted_year % 400);
    let shifted = if month <= 2 { month + 9 } else { month - 3 };
    let day_of_year = (153 * shifted + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    let of_day = ((hour * 60 + minute) * 60 + second) * 1_000 + millis;
    let time = Time::from_millis(days * MILLIS_PER_DAY + of_day);
    // A day that its month does not have is another one.
    (civil(time) == civil_time).then_some(time)
}
