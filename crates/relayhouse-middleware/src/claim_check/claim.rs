//! What a message carries in the place of its body.

use std::fmt::{self, Display, Write};

use bytes::Bytes;
use relayhouse_core::{
    Error, ErrorKind, Message, Result,
    port::{BlobName, CLAIM_HEADER},
};
use sha2::{Digest, Sha256};

/// The header that holds a claim.
pub(super) const HEADER: &str = CLAIM_HEADER;

/// Stands for a digest that nobody told.
const NO_DIGEST: &str = "-";

const VERSION: &str = "1";

/// Names a blob, and tells what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    pub(super) name: BlobName,
    /// `None` if another program stored the blob, which told none.
    digest: Option<String>,
    bytes: u64,
}

impl Claim {
    pub(super) fn of(name: BlobName, body: &[u8]) -> Self {
        Self {
            name,
            digest: Some(digest(body)),
            bytes: body.len() as u64,
        }
    }

    /// Reads the claim of a message, if it has one.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Codec`] if the header holds anything else.
    pub(super) fn read(message: &Message) -> Result<Option<Self>> {
        let Some(value) = message.headers().get(HEADER) else {
            return Ok(None);
        };
        let text = value.as_text().ok_or_else(unreadable)?;
        let mut parts = text.split(' ');
        let mut part = || parts.next().ok_or_else(unreadable);
        if part()? != VERSION {
            return Err(unreadable());
        }
        let name = BlobName::parse(part()?)?;
        let digest = Some(part()?).filter(|it| *it != NO_DIGEST);
        let digest = digest.map(str::to_owned);
        let bytes = part()?.parse().map_err(|_| unreadable())?;
        Ok(Some(Self {
            name,
            digest,
            bytes,
        }))
    }

    /// Returns true if it tells what the blob is, and not only where.
    pub(super) const fn has_digest(&self) -> bool {
        self.digest.is_some()
    }

    /// Checks that `blob` is what was claimed.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Corrupt`] if it is anything else.
    pub(super) fn check(&self, blob: &Bytes) -> Result<()> {
        let is_claimed = |claimed: &String| *claimed == digest(blob);
        if self.bytes == blob.len() as u64 && self.digest.as_ref().is_none_or(is_claimed) {
            return Ok(());
        }
        let text = format!("blob {} is not what the message claims", self.name);
        Err(Error::new(ErrorKind::Corrupt, text))
    }
}

impl Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            digest,
            bytes,
        } = self;
        let digest = digest.as_deref().unwrap_or(NO_DIGEST);
        write!(f, "{VERSION} {name} {digest} {bytes}")
    }
}

/// Returns the SHA-256 in hexadecimal digits.
fn digest(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn unreadable() -> Error {
    Error::new(ErrorKind::Codec, "claim of the message cannot be read")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use relayhouse_core::SeededRandom;

    use super::*;

    #[test]
    fn claim_is_read_as_it_was_written() {
        let claim = Claim::of(BlobName::draw(&SeededRandom::new(7)), b"body");
        let message = Message::new("").header(HEADER, claim.to_string());
        assert_eq!(Claim::read(&message).unwrap(), Some(claim.clone()));
        assert!(claim.check(&Bytes::from_static(b"body")).is_ok());
        for other in [&b"Body"[..], b"body ", b""] {
            let error = claim.check(&Bytes::from_static(other)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt);
        }
    }

    #[test]
    fn claim_without_a_digest_is_checked_by_its_bytes() {
        let name = BlobName::draw(&SeededRandom::new(7));
        let message = Message::new("").header(HEADER, format!("1 {name} - 4"));
        let claim = Claim::read(&message).unwrap().unwrap();
        assert!(!claim.has_digest());
        assert_eq!(claim.to_string(), format!("1 {name} - 4"));
        assert!(claim.check(&Bytes::from_static(b"body")).is_ok());
        assert!(claim.check(&Bytes::from_static(b"bodies")).is_err());
    }

    proptest! {
        #[test]
        fn no_header_makes_a_panic(text: String) {
            let message = Message::new("").header(HEADER, text);
            prop_assert!(Claim::read(&message).is_err());
        }
    }
}
