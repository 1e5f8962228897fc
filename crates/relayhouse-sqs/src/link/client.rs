//! The SDK's clients: made from the environment, or the caller's own with their retries turned off.

use std::sync::Arc;

#[cfg(feature = "config")]
use aws_config::SdkConfig;
use aws_sdk_sqs::{
    Client,
    config::{
        SharedInterceptor, StalledStreamProtectionConfig, retry::RetryConfig,
        timeout::TimeoutConfig,
    },
};
use relayhouse_core::Result;
use tokio::sync::OnceCell;

use super::{Link, plain_text::StaysHere, time::SdkTime};
use crate::{config::Config, error};

/// The clients that the caller gave.
#[derive(Clone)]
pub(crate) struct Given {
    pub(crate) sqs: Option<Client>,
    #[cfg(feature = "sns")]
    pub(crate) sns: Option<aws_sdk_sns::Client>,
}

impl Given {
    pub(crate) const NONE: Self = Self {
        sqs: None,
        #[cfg(feature = "sns")]
        sns: None,
    };

    pub(crate) const fn sqs(client: Client) -> Self {
        Self {
            sqs: Some(client),
            ..Self::NONE
        }
    }

    /// Checks that nothing is set that a client decides, and that none is missing.
    pub(crate) fn check(&self, config: &Config, has_topics: bool) -> Result<()> {
        let is_given = self.sqs.is_some();
        #[cfg(feature = "sns")]
        let (is_given, is_whole) = {
            let both = [is_given, self.sns.is_some()];
            (both.contains(&true), !both.contains(&false))
        };
        #[cfg(not(feature = "sns"))]
        let is_whole = is_given;
        if is_given && has_topics && !is_whole {
            let text = "topics need a client of SQS and one of SNS, and one of them was given";
            return Err(error::invalid(text));
        }
        match is_given {
            true => config.check_no_client_options(),
            false => Ok(()),
        }
    }
}

/// The clients of one provider, each made on first use.
pub(super) struct Clients {
    given: Given,
    sqs: OnceCell<Client>,
    #[cfg(feature = "sns")]
    sns: OnceCell<aws_sdk_sns::Client>,
    /// What the environment says: credentials and connections are those of all clients.
    #[cfg(feature = "config")]
    shared: OnceCell<SdkConfig>,
}

/// Returns the builder of a client without retries, which are the runtime's, and without time limits
/// but that of connecting, since every call here has its own. The builders of two services have no
/// trait in common.
macro_rules! tamed {
    ($builder:expr, $link:expr) => {{
        let (mut builder, link): (_, &Link) = ($builder, $link);
        let time = SdkTime(Arc::clone(link.clock()));
        if !link.config.plain_text {
            builder.push_interceptor(SharedInterceptor::permanent(StaysHere::default()));
        }
        builder
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts(&link.config))
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .sleep_impl(time.clone())
            .time_source(time)
    }};
}

fn timeouts(config: &Config) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(config.connect_timeout)
        .disable_read_timeout()
        .disable_operation_timeout()
        .disable_operation_attempt_timeout()
        .build()
}

impl Clients {
    pub(super) fn new(given: Given) -> Self {
        Self {
            given,
            sqs: OnceCell::new(),
            #[cfg(feature = "sns")]
            sns: OnceCell::new(),
            #[cfg(feature = "config")]
            shared: OnceCell::new(),
        }
    }

    /// Returns the client of SQS, made on first use.
    pub(super) async fn sqs(&self, link: &Link) -> Result<&Client> {
        let make = || async {
            let builder = match &self.given.sqs {
                Some(given) => given.config().to_builder(),
                None => Box::pin(self.sqs_builder(link)).await?,
            };
            Ok(Client::from_conf(tamed!(builder, link).build()))
        };
        self.sqs.get_or_try_init(make).await
    }

    /// Returns the client of SNS, made on first use.
    #[cfg(feature = "sns")]
    pub(super) async fn sns(&self, link: &Link) -> Result<&aws_sdk_sns::Client> {
        let make = || async {
            let builder = match &self.given.sns {
                Some(given) => given.config().to_builder(),
                None => Box::pin(self.sns_builder(link)).await?,
            };
            let config = tamed!(builder, link).build();
            Ok(aws_sdk_sns::Client::from_conf(config))
        };
        self.sns.get_or_try_init(make).await
    }
}

#[cfg(feature = "config")]
impl Clients {
    async fn sqs_builder(&self, link: &Link) -> Result<aws_sdk_sqs::config::Builder> {
        let builder = aws_sdk_sqs::config::Builder::from(self.shared(link).await?);
        // One in the environment is in the builder already.
        Ok(match endpoint(link) {
            Some(endpoint) => builder.endpoint_url(endpoint),
            None => builder,
        })
    }

    #[cfg(feature = "sns")]
    async fn sns_builder(&self, link: &Link) -> Result<aws_sdk_sns::config::Builder> {
        let builder = aws_sdk_sns::config::Builder::from(self.shared(link).await?);
        let endpoint = link.config.sns_endpoint.clone().or_else(|| endpoint(link));
        Ok(match endpoint {
            Some(endpoint) => builder.endpoint_url(endpoint),
            None => builder,
        })
    }

    /// Reads the environment as every AWS program does: variables, profile, web identity, container,
    /// machine.
    async fn shared(&self, link: &Link) -> Result<&SdkConfig> {
        self.shared.get_or_try_init(|| Box::pin(load(link))).await
    }
}

#[cfg(not(feature = "config"))]
#[expect(clippy::unused_async, reason = "with the feature it reads files")]
impl Clients {
    async fn sqs_builder(&self, _link: &Link) -> Result<aws_sdk_sqs::config::Builder> {
        Err(no_environment())
    }

    #[cfg(feature = "sns")]
    async fn sns_builder(&self, _link: &Link) -> Result<aws_sdk_sns::config::Builder> {
        Err(no_environment())
    }
}

#[cfg(not(feature = "config"))]
fn no_environment() -> relayhouse_core::Error {
    error::invalid("this build cannot read AWS's environment (feature `config`): give it a client")
}

/// Returns the endpoint that the options or the URL name.
#[cfg(feature = "config")]
fn endpoint(link: &Link) -> Option<String> {
    let of_location = link.location.as_ref().and_then(|it| it.endpoint.clone());
    link.config.endpoint.clone().or(of_location)
}

#[cfg(feature = "config")]
async fn load(link: &Link) -> Result<SdkConfig> {
    use aws_config::{AppName, BehaviorVersion, Region};

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
        return Err(error::invalid(
            "no region is known: name it in the URL (sqs://region/queue, ?region=) or AWS_REGION",
        ));
    }
    Ok(shared)
}

/// Makes connections by the TLS library that was chosen; ring, where both were.
#[cfg(feature = "config")]
fn http_client(config: &Config) -> aws_sdk_sqs::config::SharedHttpClient {
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
