//! What a client shows to be let in: tokens, and where they come from.

#[cfg(feature = "entra")]
mod certificate;
#[cfg(feature = "entra")]
pub(crate) mod entra;

use std::{fmt::Debug, time::Duration};

use async_trait::async_trait;
use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use relayhouse_core::{Result, Secret, Timestamp};
use sha2::Sha256;

use crate::{endpoint::Access, error};

/// What stands in a token as it is.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// How long a token holds that was signed here.
pub const LIFETIME: Duration = Duration::from_secs(60 * 60);

/// Gives tokens by which the broker lets somebody in.
#[async_trait]
pub trait TokenProvider: Debug + Send + Sync {
    /// Makes or fetches a token for `audience`, such as
    /// `sb://contoso.servicebus.windows.net/orders`, at the time `now`. Calls may overlap; dropping the future loses nothing.
    async fn token(&self, audience: &str, now: Timestamp) -> Result<Token>;
}

/// Lets somebody in until it expires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What kind of token it is.
    pub kind: TokenKind,
    /// The token.
    pub text: Secret,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// Says who signed a token.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// A shared access signature: somebody with a key of the namespace.
    SharedAccess,
    /// A JSON web token: Entra ID.
    Jwt,
}

impl TokenKind {
    /// Returns the name that the broker knows it by.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SharedAccess => "servicebus.windows.net:sastoken",
            Self::Jwt => "jwt",
        }
    }
}

#[async_trait]
impl TokenProvider for Access {
    async fn token(&self, audience: &str, now: Timestamp) -> Result<Token> {
        match self {
            Self::Key { name, key } => Ok(signed(audience, name, key, now + LIFETIME)),
            Self::Signature(text) => given(text, now),
        }
    }
}

fn signed(audience: &str, name: &str, key: &Secret, until: Timestamp) -> Token {
    let expires_at = Timestamp::from_micros(seconds(until) * MICROS);
    let resource = utf8_percent_encode(audience, ESCAPED).to_string();
    let expiry = seconds(until);
    let signature = sign(key.expose(), &format!("{resource}\n{expiry}"));
    let signature = utf8_percent_encode(&signature, ESCAPED);
    let name = utf8_percent_encode(name, ESCAPED);
    let text =
        format!("SharedAccessSignature sr={resource}&sig={signature}&se={expiry}&skn={name}");
    Token {
        kind: TokenKind::SharedAccess,
        text: Secret::from(text),
        expires_at,
    }
}

const MICROS: u64 = 1_000_000;

const fn seconds(time: Timestamp) -> u64 {
    time.as_micros() / MICROS
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
fn sign(key: &str, text: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("any key will do");
    mac.update(text.as_bytes());
    BASE64_STANDARD.encode(mac.finalize().into_bytes())
}

/// Takes a token that was signed elsewhere, whose expiry stands in it.
fn given(text: &Secret, now: Timestamp) -> Result<Token> {
    let fields = text.expose().split([' ', '&']);
    let expiry = fields.filter_map(|field| field.strip_prefix("se=")).next();
    let expiry = expiry.and_then(|expiry| expiry.parse::<u64>().ok());
    let Some(expires_at) = expiry.and_then(|expiry| expiry.checked_mul(MICROS)) else {
        return Err(error::invalid(
            "the SharedAccessSignature of the connection string does not say when it expires",
        ));
    };
    let expires_at = Timestamp::from_micros(expires_at);
    if expires_at <= now {
        return Err(error::invalid(
            "the SharedAccessSignature of the connection string has expired",
        ));
    }
    Ok(Token {
        kind: TokenKind::SharedAccess,
        text: text.clone(),
        expires_at,
    })
}

#[cfg(test)]
mod tests {
    use relayhouse_core::ErrorKind;

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_500_000);

    /// Compared with the same made by Python's `hmac`, `base64` and `quote`.
    #[tokio::test]
    async fn a_token_is_signed_by_the_recipe_of_the_documentation() {
        let access = Access::Key {
            name: "Root Key".to_owned(),
            key: Secret::from("abc=".to_owned()),
        };
        let token = access.token("sb://a.example/orders", NOW).await.unwrap();
        assert_eq!(token.text.expose(), include_str!("token/signed.txt").trim());
        assert_eq!(token.expires_at.as_micros(), 1_700_003_600_000_000);
        assert_eq!(token.kind.as_str(), "servicebus.windows.net:sastoken");
    }

    #[tokio::test]
    async fn a_token_that_was_given_holds_until_it_says() {
        let signature = "SharedAccessSignature sr=x&sig=y&se=1700000001&skn=z";
        let access = Access::Signature(Secret::from(signature.to_owned()));
        let token = access.token("sb://a/b", NOW).await.unwrap();
        assert_eq!(token.text.expose(), signature);
        assert_eq!(token.expires_at.as_micros(), 1_700_000_001_000_000);
        let later = NOW + Duration::from_secs(1);
        let error = access.token("sb://a/b", later).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
        let access = Access::Signature(Secret::from("SharedAccessSignature sr=x".to_owned()));
        let error = access.token("sb://a/b", NOW).await.unwrap_err();
        assert!(error.message().contains("when it expires"), "{error}");
    }

    #[test]
    fn a_token_is_not_shown() {
        let key = Secret::from("hunter2".to_owned());
        let token = signed("sb://a/b", "name", &key, NOW);
        assert!(!format!("{token:?}").contains("SharedAccessSignature"));
    }
}
