//! The port that keeps bodies that are too large for a queue.

use std::{
    fmt::{self, Debug, Display},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;

use crate::{
    error::{Error, ErrorKind, Result},
    outcome::Outcome,
    random::Random,
};

/// The header of a message whose body is a blob: `1`, the name of the blob, its SHA-256 in hexadecimal
/// digits or `-` where that is not known, and its bytes, with spaces between.
pub const CLAIM_HEADER: &str = "relayhouse-claim";

/// Keeps blobs by name.
#[async_trait]
pub trait BlobStore: Debug + Send + Sync {
    /// Stores each blob of `batch`, and writes each answer into its item. After `Done` the blob
    /// outlives this process.
    ///
    /// A name that is taken gets the new bytes in one step: a reader sees the old ones or the new.
    /// Calls may overlap, and the caller retries. Dropping the future leaves unanswered items
    /// unknown: each is stored whole, or not at all.
    async fn put(&self, batch: &mut [Storing]) -> Result<()>;

    /// Fetches each blob of `batch`, and writes the bytes into its item. A blob that is not there
    /// fails its item with `BlobNotFound`, one of more than `bytes_max` with `MessageTooLarge`.
    ///
    /// Calls may overlap, and the caller retries. Dropping the future has no effect.
    async fn get(&self, batch: &mut [Fetching], bytes_max: u64) -> Result<()>;

    /// Removes each blob of `batch`; one that is not there is done.
    ///
    /// Calls may overlap, and the caller retries. Dropping the future leaves unanswered items
    /// unknown.
    async fn delete(&self, batch: &mut [Deleting]) -> Result<()>;

    /// Removes the blobs that were stored longer than `age` ago, and returns how many.
    ///
    /// The caller retries. Dropping the future leaves some of them removed.
    async fn sweep(&self, age: Duration) -> Result<u64>;
}

/// Names a blob: 16 random bytes, printed as 32 lowercase hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobName(u128);

/// Is one blob of a batch to store, with its answer.
#[derive(Debug)]
pub struct Storing {
    /// The name.
    pub name: BlobName,
    /// The bytes.
    pub bytes: Bytes,
    /// The answer.
    pub outcome: Outcome<()>,
}

/// Is one blob of a batch to fetch, with its answer: the bytes.
#[derive(Debug)]
pub struct Fetching {
    /// The name.
    pub name: BlobName,
    /// The answer.
    pub outcome: Outcome<Bytes>,
}

/// Is one blob of a batch to remove, with its answer.
#[derive(Debug)]
pub struct Deleting {
    /// The name.
    pub name: BlobName,
    /// The answer.
    pub outcome: Outcome<()>,
}

impl BlobName {
    /// Draws a name that nothing else has.
    #[must_use]
    pub fn draw(random: &dyn Random) -> Self {
        let (high, low) = (random.next_u64(), random.next_u64());
        Self(u128::from(high) << 64 | u128::from(low))
    }

    /// Reads a name as it is printed.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Codec`] if `text` is anything else: a name never leads elsewhere than
    /// to a blob.
    pub fn parse(text: &str) -> Result<Self> {
        const DIGITS: usize = 32;
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let is_name = text.len() == DIGITS && text.bytes().all(is_digit);
        let number = is_name
            .then(|| u128::from_str_radix(text, 16).ok())
            .flatten();
        let wrong = || {
            Error::new(
                ErrorKind::Codec,
                "name of a blob is not 32 hexadecimal digits",
            )
        };
        number.map(Self).ok_or_else(wrong)
    }
}

impl Display for BlobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl Debug for BlobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlobName({self})")
    }
}

impl Storing {
    /// Makes an item that is still to store.
    #[must_use]
    pub const fn new(name: BlobName, bytes: Bytes) -> Self {
        Self {
            name,
            bytes,
            outcome: Outcome::Pending,
        }
    }
}

impl Fetching {
    /// Makes an item that is still to fetch.
    #[must_use]
    pub const fn new(name: BlobName) -> Self {
        Self {
            name,
            outcome: Outcome::Pending,
        }
    }
}

impl Deleting {
    /// Makes an item that is still to remove.
    #[must_use]
    pub const fn new(name: BlobName) -> Self {
        Self {
            name,
            outcome: Outcome::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SeededRandom;

    #[test]
    fn name_is_read_as_it_is_printed_and_nothing_else_is() {
        let name = BlobName::draw(&SeededRandom::new(7));
        assert_eq!(BlobName::parse(&name.to_string()).ok(), Some(name));
        let upper = name.to_string().to_uppercase();
        for wrong in [
            "",
            "../../etc/passwd",
            "7",
            "+0000000000000000000000000000007",
            &upper,
        ] {
            let kind = BlobName::parse(wrong).map_err(|error| error.kind());
            assert_eq!(kind, Err(ErrorKind::Codec), "{wrong}");
        }
    }
}
