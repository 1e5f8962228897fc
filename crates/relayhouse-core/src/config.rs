//! Typed configuration from a URL, the environment or a map, through the same keys.

use std::{
    collections::{BTreeMap, btree_map},
    fmt::{self, Debug, Display},
    num::NonZeroU64,
    str::FromStr,
    time::Duration,
};

use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer, MapAccess, Visitor},
    forward_to_deserialize_any,
};

use crate::error::{Error, ErrorKind, Result};

/// Holds options as text, by key, until an adapter reads them into its configuration.
///
/// `Debug` prints the keys only, since a value may be a secret.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Params(BTreeMap<String, String>);

impl Params {
    /// Collects pairs of key and value; `-` in a key is read as `_`.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::ConfigInvalid`] that names a key which is there twice.
    pub fn from_pairs<K: AsRef<str>, V: Into<String>>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self> {
        let mut params = BTreeMap::new();
        for (key, value) in pairs {
            let key = key.as_ref().replace('-', "_");
            if params.insert(key.clone(), value.into()).is_some() {
                return Err(invalid(format!("option {key} is given twice")));
            }
        }
        Ok(Self(params))
    }

    /// Collects the environment variables that start with `prefix`, such as
    /// `RELAYHOUSE_MEMORY_`; what follows it, in lower case, is the key.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the environment"
    )]
    pub fn from_env(prefix: &str) -> Self {
        let text = |(key, value): (std::ffi::OsString, std::ffi::OsString)| {
            let key = key
                .into_string()
                .ok()?
                .strip_prefix(prefix)?
                .to_ascii_lowercase();
            Some((key, value.into_string().ok()?))
        };
        Self(std::env::vars_os().filter_map(text).collect())
    }

    /// Returns these options, and those of `other` for keys that are not here.
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        for (key, value) in other.0 {
            self.0.entry(key).or_insert(value);
        }
        self
    }

    /// Reads the options into a configuration.
    ///
    /// Durations are written as `30s`, `5min` or `250ms`; sizes as `64KiB` or `1MiB`; yes and
    /// no as `true` and `false`.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::ConfigInvalid`] that names the key and what is wrong with it; for an
    /// unknown key of a type with `deny_unknown_fields`, the known ones.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T> {
        T::deserialize(Pairs(self)).map_err(|error| invalid(error.0))
    }
}

impl Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::ConfigInvalid, message)
}

#[derive(Debug)]
struct ReadError(String);

impl Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ReadError {}

impl de::Error for ReadError {
    fn custom<T: Display>(message: T) -> Self {
        Self(message.to_string())
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let known = expected.join(", ");
        Self(format!("option {field} is not known, known are: {known}"))
    }
}

/// All options, as a map whose errors name the key.
struct Pairs<'a>(&'a Params);

impl<'de> Deserializer<'de> for Pairs<'_> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let pairs = self.0.0.iter();
        visitor.visit_map(PairsAccess {
            pairs,
            current: None,
        })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier
        ignored_any
    }
}

struct PairsAccess<'a> {
    pairs: btree_map::Iter<'a, String, String>,
    current: Option<(&'a str, Value<'a>)>,
}

impl<'de> MapAccess<'de> for PairsAccess<'_> {
    type Error = ReadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, ReadError> {
        let Some((key, value)) = self.pairs.next() else {
            return Ok(None);
        };
        self.current = Some((key, Value { value }));
        seed.deserialize(key.as_str().into_deserializer()).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, ReadError> {
        let (key, value) = self
            .current
            .take()
            .ok_or_else(|| de::Error::custom("no option left"))?;
        seed.deserialize(value)
            .map_err(|ReadError(message)| ReadError(format!("option {key}: {message}")))
    }
}

/// One value, which becomes whatever type the configuration asks for.
struct Value<'a> {
    value: &'a str,
}

impl Value<'_> {
    fn parse<T: FromStr>(&self, expected: &str) -> Result<T, ReadError> {
        self.value
            .parse()
            .map_err(|_| ReadError(format!("{:?} is not {expected}", self.value)))
    }
}

macro_rules! parse_number {
    ($($method:ident $visit:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
            visitor.$visit(self.parse("a number in range")?)
        }
    )*};
}

impl<'de> Deserializer<'de> for Value<'_> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_str(self.value)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_bool(self.parse("true or false")?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        visitor.visit_enum(self.value.into_deserializer())
    }

    parse_number! {
        deserialize_u8 visit_u8
        deserialize_u16 visit_u16
        deserialize_u32 visit_u32
        deserialize_u64 visit_u64
        deserialize_i8 visit_i8
        deserialize_i16 visit_i16
        deserialize_i32 visit_i32
        deserialize_i64 visit_i64
        deserialize_f32 visit_f32
        deserialize_f64 visit_f64
    }

    forward_to_deserialize_any! {
        i128 u128 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map
        struct identifier ignored_any
    }
}

/// Reads a duration such as `30s`; for `#[serde(with = ..)]` on a `Duration`.
///
/// # Errors
///
/// Returns the deserializer's error if the text is not a duration.
pub fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text)
        .map_err(|_| de::Error::custom(format!("{text:?} is not a duration such as 30s or 5min")))
}

/// Reads an optional duration such as `30s`.
///
/// # Errors
///
/// Returns the deserializer's error if the text is not a duration.
pub fn duration_option<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    duration(deserializer).map(Some)
}

/// Reads a number of bytes such as `4096`, `64KiB` or `1MiB`.
///
/// # Errors
///
/// Returns the deserializer's error if the text is not a size.
pub fn bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_bytes(&text)
        .ok_or_else(|| de::Error::custom(format!("{text:?} is not a size such as 64KiB or 1MiB")))
}

/// Reads a number of bytes that is not zero, such as `4096`, `64KiB` or `1MiB`.
///
/// # Errors
///
/// Returns the deserializer's error if the text is not such a size.
pub fn bytes_nonzero<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NonZeroU64, D::Error> {
    let size = bytes(deserializer)?;
    NonZeroU64::new(size).ok_or_else(|| de::Error::custom("0 is not a size, at least 1 is needed"))
}

fn parse_bytes(text: &str) -> Option<u64> {
    const UNITS: [(&str, u64); 7] = [
        ("GiB", 1 << 30),
        ("MiB", 1 << 20),
        ("KiB", 1 << 10),
        ("GB", 1_000_000_000),
        ("MB", 1_000_000),
        ("kB", 1_000),
        ("B", 1),
    ];
    let (number, unit) = UNITS
        .iter()
        .find_map(|(name, unit)| Some((text.strip_suffix(name)?, *unit)))
        .unwrap_or((text, 1));
    number.trim().parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default, deny_unknown_fields, rename_all = "snake_case")]
    struct Sample {
        #[serde(deserialize_with = "duration")]
        lease: Duration,
        #[serde(deserialize_with = "duration_option")]
        dedup_window: Option<Duration>,
        #[serde(deserialize_with = "bytes")]
        bytes_max: u64,
        create: bool,
        batch: Option<u8>,
        full: Full,
        key: Option<Secret>,
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Full {
        #[default]
        Wait,
        Shed,
    }

    impl PartialEq<Sample> for Result<Sample> {
        fn eq(&self, other: &Sample) -> bool {
            self.as_ref().is_ok_and(|sample| sample == other)
        }
    }

    fn read(pairs: &[(&str, &str)]) -> Result<Sample> {
        Params::from_pairs(pairs.iter().copied())?.read()
    }

    #[test]
    fn every_type_is_read_from_text() {
        let pairs = [
            ("lease", "30s"),
            ("dedup-window", "5min"),
            ("bytes_max", "64KiB"),
            ("create", "true"),
            ("batch", "10"),
            ("full", "shed"),
        ];
        let sample = Sample {
            lease: Duration::from_secs(30),
            dedup_window: Some(Duration::from_secs(300)),
            bytes_max: 65_536,
            create: true,
            batch: Some(10),
            full: Full::Shed,
            key: None,
        };
        assert!(read(&pairs) == sample);
        assert!(read(&[]) == Sample::default());
    }

    #[test]
    fn errors_name_the_key() {
        for (pairs, text) in [
            (
                &[("lease", "soon")][..],
                "option lease: \"soon\" is not a duration",
            ),
            (
                &[("bytes_max", "1 cup")],
                "option bytes_max: \"1 cup\" is not a size",
            ),
            (
                &[("create", "yes")],
                "option create: \"yes\" is not true or false",
            ),
            (
                &[("batch", "300")],
                "option batch: \"300\" is not a number in range",
            ),
            (&[("full", "grow")], "option full: unknown variant `grow`"),
            (
                &[("leese", "1s")],
                "option leese is not known, known are: lease",
            ),
            (
                &[("batch", "1"), ("batch", "2")],
                "option batch is given twice",
            ),
        ] {
            let error = read(pairs).expect_err("a wrong option").to_string();
            assert!(error.starts_with(text), "{error}");
        }
    }

    #[test]
    fn debug_prints_no_values() {
        let params = Params::from_pairs([("key", "hunter2")]).expect("one pair");
        assert!(!format!("{params:?}").contains("hunter2"));
        let sample: Sample = params.read().expect("a known key");
        assert!(!format!("{sample:?}").contains("hunter2"));
    }

    #[test]
    fn earlier_options_win() {
        let url = Params::from_pairs([("lease", "1s")]).expect("one pair");
        let env = Params::from_pairs([("lease", "2s"), ("create", "true")]).expect("two pairs");
        let sample: Sample = url.or(env).read().expect("known keys");
        assert_eq!(
            (sample.lease, sample.create),
            (Duration::from_secs(1), true)
        );
    }

    #[test]
    fn sizes_do_not_overflow() {
        assert_eq!(parse_bytes("4 KiB"), Some(4096));
        assert_eq!(parse_bytes("18446744073709551615"), Some(u64::MAX));
        assert_eq!(parse_bytes("18446744073709551615KiB"), None);
        assert_eq!(parse_bytes("-1"), None);
    }
}
