//! Values on the command line that clap has no type for.

use std::{num::NonZeroU32, str::FromStr, time::Duration};

use clap::{ValueEnum, builder::RangedI64ValueParser};
use relayhouse::{Fingerprint, Priority, config};
use serde::de::{IntoDeserializer, value::Error as ValueError, value::StrDeserializer};

pub(super) const CONCURRENCY_MAX: i64 = 10_000;
pub(super) const MESSAGES_MAX: i64 = 1_000_000;

/// Fewer digits may mean any group.
const GROUP_DIGITS_MIN: usize = 4;

/// How a result is printed on standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Columns for a person
    Table,
    /// One JSON value
    Json,
    /// A JSON object on each line
    Ndjson,
}

impl Format {
    /// Returns the name on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
        }
    }
}

/// So many messages in so much time, such as `100/s` or `6000/min`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    pub(crate) messages: NonZeroU32,
    pub(crate) per: Duration,
}

/// A header, such as `tenant=acme`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) key: String,
    pub(crate) value: String,
}

/// The first digits of a fingerprint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group(String);

impl Group {
    /// Returns true if `fingerprint` begins with these digits.
    pub(crate) fn has(&self, fingerprint: Fingerprint) -> bool {
        fingerprint.to_string().starts_with(&self.0)
    }
}

impl FromStr for Group {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_hex = text.chars().all(|c| c.is_ascii_hexdigit());
        if is_hex && (GROUP_DIGITS_MIN..=16).contains(&text.len()) {
            return Ok(Self(text.to_ascii_lowercase()));
        }
        Err("a group is 4 to 16 hexadecimal digits, as `dlq list` shows them".to_owned())
    }
}

pub(super) fn count(max: i64) -> RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=max)
}

pub(super) fn size(text: &str) -> Result<usize, String> {
    let deserializer: StrDeserializer<'_, ValueError> = text.into_deserializer();
    let bytes = config::bytes_nonzero(deserializer).map_err(|error| error.to_string())?;
    usize::try_from(bytes.get()).map_err(|_| format!("{bytes} is more than fits into memory"))
}

pub(super) fn priority(text: &str) -> Result<Priority, String> {
    let level = text.parse().ok().and_then(Priority::new);
    level.ok_or_else(|| "a priority is 0 to 9, of which 9 comes first".to_owned())
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "a rate is so many messages in a time, such as 100/s or 6000/min".to_owned();
        let (messages, per) = text.split_once('/').ok_or_else(wrong)?;
        let messages = messages.trim().parse().map_err(|_| wrong())?;
        let per = match per.trim() {
            unit if unit.starts_with(|c: char| c.is_ascii_digit()) => unit.to_owned(),
            unit => format!("1{unit}"),
        };
        match humantime::parse_duration(&per) {
            Ok(per) if !per.is_zero() => Ok(Self { messages, per }),
            _ => Err(wrong()),
        }
    }
}

impl FromStr for Header {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((key, value)) if !key.is_empty() => Ok(Self {
                key: key.to_owned(),
                value: value.to_owned(),
            }),
            _ => Err("a header is written KEY=VALUE".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(text: &str) -> Option<(u32, Duration)> {
        let rate: Rate = text.parse().ok()?;
        Some((rate.messages.get(), rate.per))
    }

    #[test]
    fn rates_have_a_number_and_a_time() {
        let second = Duration::from_secs(1);
        assert_eq!(rate("100/s"), Some((100, second)));
        assert_eq!(rate("6000/min"), Some((6000, second * 60)));
        assert_eq!(rate("3 / 500ms"), Some((3, second / 2)));
        for wrong in ["100", "0/s", "/s", "1/", "1/0s", "-1/s", "1/fortnight"] {
            assert_eq!(rate(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn group_is_the_start_of_a_fingerprint() {
        let fingerprint = Fingerprint::from_u64(0x1234_abcd_0000_0000);
        for (text, expected) in [("1234ABCD", true), ("1234", true), ("1234abce", false)] {
            assert_eq!(text.parse::<Group>().unwrap().has(fingerprint), expected);
        }
        for wrong in ["", "123", "123x", "1234567890abcdef0"] {
            assert!(wrong.parse::<Group>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn header_ends_its_key_at_the_first_equals_sign() {
        let header: Header = "query=a=b".parse().unwrap();
        assert_eq!((&*header.key, &*header.value), ("query", "a=b"));
        assert!("tenant".parse::<Header>().is_err());
        assert!("=acme".parse::<Header>().is_err());
    }
}
