//! The fingerprint of a schema: CRC-64-AVRO of its canonical form.

use std::{
    fmt::{self, Debug, Display},
    str::FromStr,
};

use relayhouse_core::{Error, ErrorKind};

/// The fingerprint of no bytes, from which every other one is made.
const EMPTY: u64 = 0xc15d_213a_a4d7_a795;

const TABLE: [u64; 256] = table();

/// Names a schema by 64 bits of its canonical form, as the Avro specification says.
///
/// It is shown and read as 16 hexadecimal digits, the most significant first.
///
/// ```
/// use relayhouse_codec::avro::Schema;
///
/// let schema = Schema::parse(r#""int""#)?;
/// assert_eq!(schema.fingerprint().to_string(), "7275d51a3f395c8f");
/// # Ok::<(), relayhouse_core::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// Takes the fingerprint of a canonical form.
    pub(crate) fn of(canonical: &str) -> Self {
        let fingerprint = canonical.bytes().fold(EMPTY, |fingerprint, byte| {
            let [low, ..] = fingerprint.to_le_bytes();
            (fingerprint >> 8) ^ TABLE[usize::from(low ^ byte)]
        });
        Self(fingerprint)
    }

    /// Makes a fingerprint of its number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Returns the number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

impl FromStr for Fingerprint {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let is_hex = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u64::from_str_radix(text, 16).ok().filter(|_| is_hex);
        number.map(Self).ok_or_else(|| {
            let rule = "a schema's fingerprint is 16 hexadecimal digits";
            Error::new(ErrorKind::Codec, rule)
        })
    }
}

const fn table() -> [u64; 256] {
    let mut table = [0; 256];
    let mut fingerprint = 0_u64;
    let mut index = 0;
    while index < table.len() {
        let mut entry = fingerprint;
        let mut bit = 0;
        while bit < 8 {
            entry = (entry >> 1) ^ (EMPTY & (entry & 1).wrapping_neg());
            bit += 1;
        }
        table[index] = entry;
        index += 1;
        fingerprint += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_those_of_other_implementations() {
        // The first is of the specification's own test data, the second of `avro` for Python.
        assert_eq!(Fingerprint::of(r#""int""#).get(), 0x7275_d51a_3f39_5c8f);
        assert_eq!(Fingerprint::of(r#""string""#).get(), 0x8f01_4872_6345_03c7);
        assert_eq!(Fingerprint::of("").get(), EMPTY);
    }

    #[test]
    fn shown_fingerprint_is_read_back() {
        let fingerprint = Fingerprint::new(0x0123_4567_89ab_cdef);
        assert_eq!(fingerprint.to_string(), "0123456789abcdef");
        let read: Fingerprint = fingerprint.to_string().parse().unwrap();
        assert_eq!(read, fingerprint);
        for wrong in [
            "",
            "1",
            "+123456789abcdef",
            "0123456789abcdefa",
            "0123456789abcdeg",
        ] {
            assert!(wrong.parse::<Fingerprint>().is_err(), "{wrong}");
        }
    }
}
