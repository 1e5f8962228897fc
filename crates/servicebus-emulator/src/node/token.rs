//! Shared access signatures: who may do what, and until when.

use std::{collections::BTreeMap, fmt};

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::percent_decode_str;
use sha2::Sha256;

use crate::model::Time;

const PREFIX: &str = "SharedAccessSignature ";

/// The keys by which tokens are signed, by their names.
#[derive(Clone, Default)]
pub(crate) struct Keys {
    by_name: BTreeMap<String, String>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { by_name } = self;
        f.debug_set().entries(by_name.keys()).finish()
    }
}

/// What a token allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Grant {
    /// The path below which everything is allowed, in lower case; all of it if it is empty.
    pub(super) path: String,
    pub(super) until: Time,
}

impl Keys {
    pub(crate) fn insert(&mut self, name: String, key: String) {
        self.by_name.insert(name, key);
    }

    /// Returns whether this is a key and its name.
    pub(super) fn has(&self, name: &str, key: &str) -> bool {
        self.by_name.get(name).is_some_and(|it| it == key)
    }

    /// Checks that a token allows to use a path, or says why not.
    pub(crate) fn allow(&self, token: &str, path: &str, now: Time) -> Result<(), String> {
        let grant = self.check(token, now)?;
        match grant.covers(path, now) {
            true => Ok(()),
            false => Err(format!("the token is for {:?} alone", grant.path)),
        }
    }

    /// Reads a token, and checks that it was signed by one of the keys and holds at a time.
    pub(super) fn check(&self, token: &str, now: Time) -> Result<Grant, String> {
        let fields = token
            .strip_prefix(PREFIX)
            .ok_or("the token is no SharedAccessSignature")?;
        let fields = fields.split('&').filter_map(|field| field.split_once('='));
        let fields = fields.collect::<BTreeMap<_, _>>();
        let field = |name: &str| {
            let field = fields.get(name).copied();
            field.ok_or_else(|| format!("the token has no field {name}"))
        };
        let (resource, expiry) = (field("sr")?, field("se")?);
        let (name, signature) = (decoded(field("skn")?)?, decoded(field("sig")?)?);
        let key = self.by_name.get(&name);
        let key = key.ok_or_else(|| format!("there is no key {name:?}"))?;
        if !is_signed(key, resource, expiry, &signature) {
            return Err("the signature of the token is wrong".to_owned());
        }
        let until = expiry
            .parse::<u64>()
            .map_err(|_| "the expiry of the token is no number")?;
        let until = Time::from_millis(until.saturating_mul(1_000));
        if until <= now {
            return Err("the token has expired".to_owned());
        }
        let path = path_of(&decoded(resource)?);
        Ok(Grant { path, until })
    }
}

impl Grant {
    pub(super) fn covers(&self, path: &str, now: Time) -> bool {
        let rest = path.strip_prefix(&self.path);
        let is_below = self.path.is_empty()
            || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        is_below && now < self.until
    }
}

fn is_signed(key: &str, resource: &str, expiry: &str, signature: &str) -> bool {
    let Ok(signature) = BASE64_STANDARD.decode(signature) else {
        return false;
    };
    // A key of any length will do.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.as_bytes()) else {
        return false;
    };
    mac.update(resource.as_bytes());
    mac.update(b"\n");
    mac.update(expiry.as_bytes());
    mac.verify_slice(&signature).is_ok()
}

fn decoded(text: &str) -> Result<String, String> {
    let decoded = percent_decode_str(text).decode_utf8();
    let decoded = decoded.map_err(|_| "a field of the token is no text")?;
    Ok(decoded.into_owned())
}

/// Returns the path of an address, in lower case, without a scheme and a host.
pub(super) fn path_of(address: &str) -> String {
    let path = match address.split_once("://") {
        Some((_, rest)) => rest.split_once('/').map_or("", |(_, path)| path),
        None => address,
    };
    path.trim_matches('/').to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_millis(1_700_000_000_000);
    /// Made by the recipe of the documentation with Python's hmac and base64.
    const TOKEN: &str = "SharedAccessSignature sr=sb%3A%2F%2Fhost%2FOrders\
        &sig=oDzwwjdXp5W1o8qI%2BfQGBS0%2FUCToAk0CeOJaAYVMtyI%3D&se=1700003600&skn=name";

    fn keys() -> Keys {
        let mut keys = Keys::default();
        keys.insert("name".to_owned(), "secret".to_owned());
        keys
    }

    #[test]
    fn signed_tokens_grant_a_path_for_a_time() {
        let grant = keys().check(TOKEN, NOW).unwrap();
        assert_eq!(grant.path, "orders");
        assert_eq!(grant.until, Time::from_millis(1_700_003_600_000));
        assert!(grant.covers("orders", NOW));
        assert!(grant.covers("orders/$management", NOW));
        assert!(!grant.covers("orders2", NOW));
        assert!(!grant.covers("orders", grant.until));
    }

    #[test]
    fn other_tokens_are_refused() {
        for (token, why) in [
            (TOKEN.replace("Orders", "Others"), "signature"),
            (TOKEN.replace("se=1700003600", "se=1700003601"), "signature"),
            (TOKEN.replace("skn=name", "skn=other"), "no key"),
            (TOKEN.replace("&skn=name", ""), "no field skn"),
            (TOKEN.replace("sig=", "sig=%zz"), "signature"),
            ("jwt".to_owned(), "no SharedAccessSignature"),
        ] {
            let refused = keys().check(&token, NOW).unwrap_err();
            assert!(refused.contains(why), "{token}: {refused}");
        }
        let late = Time::from_millis(1_700_003_600_000);
        assert_eq!(
            keys().check(TOKEN, late).unwrap_err(),
            "the token has expired"
        );
    }

    #[test]
    fn keys_are_not_printed() {
        assert_eq!(format!("{:?}", keys()), r#"{"name"}"#);
    }
}
