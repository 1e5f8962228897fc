//! Durations in the form of ISO 8601, as settings write them: `P1DT2H3M4.5S`.

use std::time::Duration;

/// From here on .NET's longest time stands for "without end"; it has 10,675,199 days.
const ENDLESS: Duration = Duration::from_secs(10_675_199 * SECONDS_PER_DAY);

const SECONDS_PER_DAY: u64 = 86_400;

/// .NET counts time in ticks of 100 nanoseconds.
const NANOS_PER_TICK: u64 = 100;

const TICKS_PER_SECOND: u64 = 1_000_000_000 / NANOS_PER_TICK;

/// How many digits after the point are kept.
const FRACTION_DIGITS: u32 = 9;

/// Reads a duration of days, hours, minutes and seconds; none is one without end.
///
/// Years and months have no fixed length, and are not read.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    let (date, time) = match text.strip_prefix('P')?.split_once('T') {
        Some((_, "")) => return None,
        Some((date, time)) => (date, time),
        None => (text.strip_prefix('P')?, ""),
    };
    if date.is_empty() && time.is_empty() {
        return None;
    }
    let days = parts(date, &[('D', SECONDS_PER_DAY)])?;
    let rest = parts(time, &[('H', 3_600), ('M', 60), ('S', 1)])?;
    days.checked_add(rest)
}

/// Writes a duration, without end if there is none.
#[must_use]
pub fn write_duration(duration: Option<Duration>) -> String {
    let Some(duration) = duration else {
        return "P10675199DT2H48M5.4775807S".to_owned();
    };
    let seconds = duration.as_secs();
    let (days, seconds) = (seconds / SECONDS_PER_DAY, seconds % SECONDS_PER_DAY);
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let mut text = "P".to_owned();
    push(&mut text, days, 'D');
    let has_time = hours + minutes + seconds != 0 || duration.subsec_nanos() != 0;
    if has_time || days == 0 {
        text.push('T');
        push(&mut text, hours, 'H');
        push(&mut text, minutes, 'M');
        match duration.subsec_nanos() {
            0 if has_time && seconds == 0 => {}
            0 => text.push_str(&format!("{seconds}S")),
            nanos => {
                let fraction = format!("{nanos:09}");
                let fraction = fraction.trim_end_matches('0');
                text.push_str(&format!("{seconds}.{fraction}S"));
            }
        }
    }
    text
}

/// Returns a duration, or nothing if it is so long that it stands for one without end.
#[must_use]
pub fn finite_duration(duration: Duration) -> Option<Duration> {
    (duration < ENDLESS).then_some(duration)
}

/// Reads a duration in ticks of 100 nanoseconds, which may be less than none.
#[must_use]
pub fn parse_ticks(text: &str) -> Option<i64> {
    let (is_negative, text) = match text.strip_prefix('-') {
        Some(text) => (true, text),
        None => (false, text),
    };
    let ticks = parse_duration(text)?.as_nanos() / u128::from(NANOS_PER_TICK);
    let ticks = i128::try_from(ticks).ok()?;
    i64::try_from(if is_negative { -ticks } else { ticks }).ok()
}

/// Writes a duration of ticks of 100 nanoseconds.
#[must_use]
pub fn write_ticks(ticks: i64) -> String {
    let sign = if ticks < 0 { "-" } else { "" };
    let (ticks, second) = (ticks.unsigned_abs(), TICKS_PER_SECOND);
    let nanos = u32::try_from(ticks % second * NANOS_PER_TICK).unwrap_or_default();
    let duration = Duration::new(ticks / second, nanos);
    format!("{sign}{}", write_duration(Some(duration)))
}

fn push(text: &mut String, number: u64, unit: char) {
    if number != 0 {
        text.push_str(&number.to_string());
        text.push(unit);
    }
}

/// Reads numbers with units, which are there once at most, and in this order.
fn parts(mut text: &str, units: &[(char, u64)]) -> Option<Duration> {
    let mut total = Duration::ZERO;
    for (unit, seconds) in units {
        let Some((number, rest)) = text.split_once(*unit) else {
            continue;
        };
        let is_last = *unit == 'S';
        let part = match number.split_once('.') {
            Some((whole, fraction)) if is_last => number_of(whole)?
                .checked_mul(*seconds)
                .map(Duration::from_secs)?
                .checked_add(fraction_of(fraction)?)?,
            Some(_) => return None,
            None => Duration::from_secs(number_of(number)?.checked_mul(*seconds)?),
        };
        total = total.checked_add(part)?;
        text = rest;
    }
    text.is_empty().then_some(total)
}

fn number_of(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

fn fraction_of(text: &str) -> Option<Duration> {
    let mut nanos = 0;
    number_of(text)?;
    for (place, digit) in (1..=FRACTION_DIGITS).zip(text.bytes()) {
        nanos += u64::from(digit - b'0') * 10_u64.pow(FRACTION_DIGITS - place);
    }
    Some(Duration::from_nanos(nanos))
}
