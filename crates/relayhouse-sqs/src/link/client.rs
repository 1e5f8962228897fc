//! The SDK's client: made from the environment, or the caller's own with its retries turned off.

use std::sync::Arc;

use aws_sdk_sqs::{
    Client,
    config::{
        Builder, SharedInterceptor, StalledStreamProtectionConfig, retry::RetryConfig,
        timeout::TimeoutConfig,
    },
};
use relayhouse_core::Result;

use super::{Link, plain_text::StaysHere, time::SdkTime};

/// Returns `client` without retries, which are the runtime's, and without time limits but that of
/// connecting, since every call here has its own.
pub(super) fn tame(client: &Client, link: &Link) -> Client {
    let builder = client.config().to_builder();
    Client::from_conf(tamed(builder, link).build())
}

fn tamed(mut builder: Builder, link: &Link) -> Builder {
    let time = SdkTime(Arc::clone(link.clock()));
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(link.config.connect_timeout)
        .disable_read_timeout()
        .disable_operation_timeout()
        .disable_operation_attempt_timeout()
        .build();
    if !link.config.plain_text {
        builder.push_interceptor(SharedInterceptor::permanent(StaysHere::default()));
    }
    builder
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts)
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .sleep_impl(time.clone())
        .time_source(time)
}

/// Makes a client as every AWS program does: environment, profile, web identity, container, machine.
#[cfg(feature = "config")]
pub(super) async fn load(link: &Link) -> Result<Client> {
    use aws_config::{AppName, BehaviorVersion, Region};
    use relayhouse_core::{Error, ErrorKind};

    let config = &link.config;
    let of_location = link.location.as_ref().and_then(|it| it.region.clone());
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12());
    loader = loader.http_client(http_client(config));
    if let Ok(name) = AppName::new("relayhouse") {
        loader = loader.app_name(name);
    }
    if let Some(region) = of_location.or_else(|| config.region.clone()) {
        loader = loader.region(Region::new(region));
    }
    if let Some(profile) = &config.profile {
        loader = loader.profile_name(profile);
    }
    let shared = loader.load().await;
    if shared.region().is_none() {
        return Err(Error::new(
            ErrorKind::ConfigInvalid,
            "no region is known: name it in the URL (sqs://region/queue, ?region=) or AWS_REGION",
        ));
    }
    let of_location = link.location.as_ref().and_then(|it| it.endpoint.clone());
    let endpoint = config.endpoint.clone().or(of_location);
    let mut builder = Builder::from(&shared);
    // One in the environment is in the builder already.
    if let Some(endpoint) = endpoint {
        builder = builder.endpoint_url(endpoint);
    }
    Ok(Client::from_conf(tamed(builder, link).build()))
}

#[cfg(not(feature = "config"))]
#[expect(clippy::unused_async, reason = "with the feature it reads files")]
pub(super) async fn load(_link: &Link) -> Result<Client> {
    Err(crate::error::invalid(
        "this build cannot read AWS's environment (feature `config`): give it a client",
    ))
}

/// Makes connections by the TLS library that was chosen; ring, where both were.
#[cfg(feature = "config")]
fn http_client(config: &crate::config::Config) -> aws_sdk_sqs::config::SharedHttpClient {
    let builder = aws_smithy_http_client::Builder::new();
    let builder = builder.pool_idle_timeout(config.idle_timeout);
    #[cfg(any(feature = "ring", feature = "default-https"))]
    {
        use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
        #[cfg(feature = "ring")]
        let mode = CryptoMode::Ring;
        #[cfg(not(feature = "ring"))]
        let mode = CryptoMode::AwsLc;
        builder.tls_provider(Provider::Rustls(mode)).build_https()
    }
    #[cfg(not(any(feature = "ring", feature = "default-https")))]
    builder.build_http()
}
