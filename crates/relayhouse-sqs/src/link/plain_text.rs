//! Keeps requests in plain text on this machine: they are signed, and hold what is sent.

use std::{
    error::Error as StdError,
    fmt::{self, Display},
    sync::OnceLock,
};

use aws_sdk_sqs::{
    config::{
        ConfigBag, Intercept, RuntimeComponents,
        interceptors::BeforeTransmitInterceptorContextRef as Context,
    },
    error::BoxError,
};
use url::{Host, Url};

/// Refuses requests in plain text to other machines, before they are signed.
#[derive(Debug, Default)]
pub(crate) struct StaysHere {
    /// The start of an address on this machine, up to the slash behind its port.
    near: OnceLock<String>,
}

/// A request in plain text was to leave this machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlainText;

impl Display for PlainText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request would leave this machine in plain text")
    }
}

impl StdError for PlainText {}

impl Intercept for StaysHere {
    fn name(&self) -> &'static str {
        "StaysHere"
    }

    fn read_before_signing(
        &self,
        context: &Context<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if self.is_near(context.request().uri()) {
            return Ok(());
        }
        Err(PlainText.into())
    }
}

impl StaysHere {
    /// Returns true if a request to `uri` is encrypted, or stays here. Nearly all go to one address,
    /// which is looked at once.
    fn is_near(&self, uri: &str) -> bool {
        let is_known = |near: &String| uri.starts_with(near.as_str());
        if self.near.get().is_some_and(is_known) {
            return true;
        }
        if leaves_in_plain_text(uri) {
            return false;
        }
        if let Some(near) = origin(uri) {
            self.near.get_or_init(|| near.to_owned());
        }
        true
    }
}

/// Returns `uri` up to the slash behind its host and port.
fn origin(uri: &str) -> Option<&str> {
    let host = uri.find("://")? + "://".len();
    let slash = host + uri[host..].find('/')?;
    Some(&uri[..=slash])
}

fn leaves_in_plain_text(uri: &str) -> bool {
    if uri.starts_with("https:") {
        return false;
    }
    let url = Url::parse(uri).ok();
    let host = url.as_ref().and_then(Url::host);
    !host.is_some_and(|host| match host {
        Host::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_that_is_known_lets_no_other_pass() {
        let here = StaysHere::default();
        assert!(here.is_near("http://127.0.0.1:80/orders"));
        assert!(here.is_near("http://127.0.0.1:80/"));
        for far in [
            "http://127.0.0.1:80@192.0.2.1/",
            "http://127.0.0.1:8000.example/",
            "http://192.0.2.1/http://127.0.0.1:80/",
        ] {
            assert!(!here.is_near(far), "{far}");
        }
        assert!(here.is_near("https://sqs.eu-west-1.amazonaws.com/"));
    }

    #[test]
    fn plain_text_stays_on_this_machine() {
        for uri in [
            "http://localhost:9324/",
            "http://sqs.localhost/",
            "http://127.0.0.7:9324/000000000000/orders",
            "http://[::1]:9324/",
            "https://sqs.eu-west-1.amazonaws.com/",
        ] {
            assert!(!leaves_in_plain_text(uri), "{uri}");
        }
        for uri in [
            "http://localstack:4566/",
            "http://192.0.2.1/",
            "http://localhost@192.0.2.1/",
            "http://localhost.example/",
            "http://[2001:db8::1]/",
            "",
        ] {
            assert!(leaves_in_plain_text(uri), "{uri}");
        }
    }
}
