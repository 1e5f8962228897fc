//! Text that must not be seen.

use std::fmt::{self, Debug};

use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

/// Holds a secret that cannot be printed or serialised, and is wiped from memory when dropped.
///
/// It has no `Display` and no `Serialize`; `Debug` says that a secret is there and nothing more.
///
/// ```
/// use relayhouse_core::Secret;
///
/// let key = Secret::from("hunter2".to_owned());
/// assert_eq!(format!("{key:?}"), "Secret(..)");
/// assert_eq!(key.expose(), "hunter2");
/// ```
///
/// ```compile_fail
/// let key = relayhouse_core::Secret::from("hunter2".to_owned());
/// println!("{key}");
/// ```
///
/// ```compile_fail
/// let key = relayhouse_core::Secret::from("hunter2".to_owned());
/// serde_json::to_string(&key)?;
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Returns the secret. Do not store, print or log what it returns.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(secret: String) -> Self {
        Self(Zeroizing::new(secret))
    }
}

impl Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}
