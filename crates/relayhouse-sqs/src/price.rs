//! Prices, as people write them.

use std::{
    fmt::{self, Display},
    str::FromStr,
};

use relayhouse_core::{Error, Result};
use serde::{Deserialize, Deserializer, de};

use crate::error;

const DIGITS_MAX: usize = 6;

/// Is the price of a million requests, such as `0.40`, in whatever currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Price {
    millionths: u64,
}

impl Price {
    /// Makes a price of `millionths` of the currency: 400,000 for `0.40`.
    #[must_use]
    pub const fn from_millionths(millionths: u64) -> Self {
        Self { millionths }
    }

    /// Returns what `requests` cost, in millionths of a millionth of the currency.
    pub(crate) const fn of(self, requests: u64) -> u64 {
        self.millionths.saturating_mul(requests)
    }

    /// Returns the price in millionths of the currency.
    #[must_use]
    pub const fn as_millionths(self) -> u64 {
        self.millionths
    }
}

impl FromStr for Price {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || error::invalid(format!("{text:?} is not a price such as 0.40"));
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
        if !is_number(whole) || !is_number(part) || DIGITS_MAX < part.len() {
            return Err(wrong());
        }
        let number = format!("{whole}{part:0<DIGITS_MAX$}");
        number
            .parse()
            .map(Self::from_millionths)
            .map_err(|_| wrong())
    }
}

impl<'de> Deserialize<'de> for Price {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const WHOLE: u64 = 1_000_000;
        let (whole, part) = (self.millionths / WHOLE, self.millionths % WHOLE);
        write!(f, "{whole}.{part:06}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_read_as_people_write_them() {
        for (text, millionths) in [
            ("0.40", 400_000),
            ("0.4", 400_000),
            ("12", 12_000_000),
            ("0.000001", 1),
        ] {
            let price: Price = text.parse().unwrap();
            assert_eq!(price.as_millionths(), millionths, "{text}");
            assert_eq!(price.to_string().parse::<Price>().unwrap(), price);
        }
        for wrong in [
            "",
            ".",
            "0,40",
            "-1",
            "1e3",
            "0.1234567",
            "1.",
            "99999999999999999999",
        ] {
            assert!(wrong.parse::<Price>().is_err(), "{wrong}");
        }
    }
}
