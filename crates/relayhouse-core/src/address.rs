//! The URL of a queue, taken apart once.

use std::{
    fmt::{self, Debug},
    str::FromStr,
};

use percent_encoding::percent_decode_str;
use url::Url;

use crate::{
    config::Params,
    error::{Error, ErrorKind, Result},
    name::Source,
};

/// Names a provider and a queue of it: `scheme://host/path?key=value`.
///
/// What host and path mean is the adapter's to say; parameters are its typed options. A user
/// name or password has no place in a URL and is refused, so that an address can be printed.
///
/// ```
/// use relayhouse_core::Address;
///
/// let address: Address = "memory://events/subscriptions/audit?lease=30s".parse()?;
/// assert_eq!(address.scheme(), "memory");
/// assert_eq!(address.source()?.to_string(), "events/subscriptions/audit");
/// # Ok::<(), relayhouse_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    scheme: String,
    location: String,
    params: Params,
}

impl Address {
    /// Returns the scheme in lower case, such as `memory`.
    #[must_use]
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// Returns what stands between the scheme and the parameters, decoded: host and path of
    /// `scheme://host/path`, all of `scheme:rest`.
    #[must_use]
    pub fn location(&self) -> &str {
        &self.location
    }

    /// Returns the parameters.
    #[must_use]
    pub const fn params(&self) -> &Params {
        &self.params
    }

    /// Returns the location as a source, for schemes whose location is one.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::ConfigInvalid`] that names the rule it breaks.
    pub fn source(&self) -> Result<Source> {
        self.location.parse()
    }
}

impl FromStr for Address {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let url = Url::parse(text).map_err(|error| {
            Error::new(
                ErrorKind::ConfigInvalid,
                "queue URL cannot be read, expected scheme://name",
            )
            .with_source(error)
        })?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused(
                "has a user name or password, which belong in the configuration",
            ));
        }
        if url.fragment().is_some() {
            return Err(refused("has a fragment (#), which means nothing here"));
        }
        let location = percent_decode_str(&location(&url))
            .decode_utf8()
            .map_err(|error| refused("is not UTF-8 once decoded").with_source(error))?
            .into_owned();
        Ok(Self {
            scheme: url.scheme().to_owned(),
            location,
            params: Params::from_pairs(url.query_pairs())?,
        })
    }
}

fn location(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url
        .port()
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    format!("{host}{port}{}", url.path())
}

fn refused(rule: &str) -> Error {
    Error::new(ErrorKind::ConfigInvalid, format!("queue URL {rule}"))
}

impl Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            scheme,
            location,
            params: _,
        } = self;
        write!(f, "Address({scheme}:{location})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn location_of(text: &str) -> String {
        let address: Result<Address> = text.parse();
        address.map_or_else(
            |error| error.to_string(),
            |address| address.location().to_owned(),
        )
    }

    #[test]
    fn locations_of_all_schemes() {
        assert_eq!(location_of("memory://orders.fifo"), "orders.fifo");
        assert_eq!(
            location_of("memory://Orders/$deadletterqueue"),
            "Orders/$deadletterqueue"
        );
        assert_eq!(
            location_of("local:///var/queues/orders"),
            "/var/queues/orders"
        );
        assert_eq!(
            location_of("local:///var/my%20queues/o"),
            "/var/my queues/o"
        );
        assert_eq!(
            location_of("sqs:https://host:4566/q"),
            "https://host:4566/q"
        );
        assert_eq!(location_of("sqs://eu-west-1/orders"), "eu-west-1/orders");
    }

    #[test]
    fn secrets_and_fragments_are_refused() {
        assert!(location_of("amqp://user:pw@host/q").contains("user name or password"));
        assert!(!location_of("amqp://user:pw@host/q").contains("pw@"));
        assert!(location_of("memory://orders#1").contains("fragment"));
        assert!(location_of("orders").contains("scheme://name"));
        assert!(location_of("local:///%ff").contains("UTF-8"));
    }
}
