//! Keeps requests in plain text on this machine: they are signed, and hold what is sent.

use std::{
    error::Error as StdError,
    fmt::{self, Display},
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
#[derive(Debug)]
pub(super) struct StaysHere;

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
        if leaves_in_plain_text(context.request().uri()) {
            return Err(PlainText.into());
        }
        Ok(())
    }
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
