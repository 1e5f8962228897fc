//! How a client of a registry is built.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use relayhouse_core::{Clock, Error, ErrorKind, Result, Secret};
use url::{Host, Url};

use super::{
    SchemaRegistry, Shared,
    cache::Cache,
    flights::Flights,
    http::{Credentials, Http},
    tls,
};
use crate::avro::SCHEMA_BYTES_MAX;

const TIMEOUT: Duration = Duration::from_secs(10);

/// How long it is kept that there is no schema of an id, or none that can be used.
const MISSING_FOR: Duration = Duration::from_secs(10);

const SCHEMAS_MAX: NonZeroUsize = match NonZeroUsize::new(1024) {
    Some(max) => max,
    None => NonZeroUsize::MIN,
};

/// A schema stands in its reply as a JSON string, where half of it may be backslashes.
const REPLY_BYTES_MAX: usize = 2 * SCHEMA_BYTES_MAX;

/// Builds a [`SchemaRegistry`].
#[derive(Debug)]
#[must_use]
pub struct RegistryBuilder {
    /// It may have a password in it, until it was checked.
    url: Secret,
    clock: Arc<dyn Clock>,
    credentials: Option<Credentials>,
    authorities: Vec<Vec<u8>>,
    timeout: Duration,
    missing_for: Duration,
    schemas_max: NonZeroUsize,
    may_be_plain: bool,
}

impl RegistryBuilder {
    pub(super) fn new(url: &str, clock: Arc<dyn Clock>) -> Self {
        Self {
            url: url.to_owned().into(),
            clock,
            credentials: None,
            authorities: Vec::new(),
            timeout: TIMEOUT,
            missing_for: MISSING_FOR,
            schemas_max: SCHEMAS_MAX,
            may_be_plain: false,
        }
    }

    /// Shows a user name and a password.
    pub fn basic(mut self, user: impl Into<String>, password: Secret) -> Self {
        let user = user.into();
        self.credentials = Some(Credentials::Basic { user, password });
        self
    }

    /// Shows a token.
    pub fn bearer(mut self, token: Secret) -> Self {
        self.credentials = Some(Credentials::Bearer(token));
        self
    }

    /// Trusts the authorities in `pem` beside those of the machine.
    pub fn authority(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.authorities.push(pem.into());
        self
    }

    /// Sets how long one call may take: 10 s by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets for how long it is kept that there is no schema of an id, or none that can be used:
    /// 10 s by default.
    pub fn missing_for(mut self, time: Duration) -> Self {
        self.missing_for = time;
        self
    }

    /// Sets how many schemas are kept: 1024 by default. Beyond that the oldest is dropped.
    pub fn schemas_max(mut self, max: NonZeroUsize) -> Self {
        self.schemas_max = max;
        self
    }

    /// Allows `http` to another machine, where anybody on the way can read and change schemas and
    /// credentials.
    pub fn plain_http(mut self) -> Self {
        self.may_be_plain = true;
        self
    }

    /// Builds the client. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::ConfigInvalid`] if the URL is none, is neither `https` nor `http`, has
    /// a user name in it, or is `http` to another machine; if an authority cannot be read, or
    /// this machine has none; or if a header cannot have the credentials.
    pub fn build(self) -> Result<SchemaRegistry> {
        let url = checked(self.url.expose(), self.may_be_plain)?;
        if let Some(credentials) = &self.credentials {
            credentials.header()?;
        }
        let tls = match url.scheme() {
            "https" => Some(tls::connector(&self.authorities)?),
            _ => None,
        };
        let http = Http {
            url,
            tls,
            credentials: self.credentials,
            timeout: self.timeout,
            reply_bytes_max: REPLY_BYTES_MAX,
            clock: Arc::clone(&self.clock),
        };
        Ok(SchemaRegistry(Arc::new(Shared {
            http,
            clock: self.clock,
            cache: Cache::new(self.schemas_max, self.missing_for),
            flights: Flights::default(),
        })))
    }
}

/// Reads the URL. What is wrong with it is said without the URL, which may hold a password.
fn checked(text: &str, may_be_plain: bool) -> Result<Url> {
    let url = Url::parse(text).map_err(|error| {
        invalid("the URL of a schema registry cannot be read").with_source(error)
    })?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid(
            "the URL of a schema registry has a user name in it: set credentials apart",
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(invalid("the URL of a schema registry has no query"));
    }
    let is_near = match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_near || may_be_plain => Ok(url),
        "http" => Err(invalid(
            "http to another machine is not safe: use https, or allow it by plain_http",
        )),
        _ => Err(invalid(
            "the URL of a schema registry begins with https or http",
        )),
    }
}

pub(super) fn invalid(text: &'static str) -> Error {
    Error::new(ErrorKind::ConfigInvalid, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_that_is_not_safe_is_refused_and_not_repeated() {
        for (url, reason) in [
            ("registry.example", "cannot be read"),
            ("ftp://registry.example", "begins with https or http"),
            ("https://user:hunter2@registry.example", "has a user name"),
            ("https://registry.example?x=hunter2", "has no query"),
            ("http://registry.example", "not safe"),
            ("http://localhost.example", "not safe"),
        ] {
            let error = checked(url, false).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
            let text = error.to_string();
            assert!(text.contains(reason) && !text.contains("hunter2"), "{text}");
        }
        for url in [
            "http://127.0.0.1:8081",
            "http://[::1]/a",
            "http://localhost",
            "https://x.example/base/",
        ] {
            assert!(checked(url, false).is_ok(), "{url}");
        }
        assert!(checked("http://registry.example", true).is_ok());
    }
}
