//! The options of a provider, from a builder, a URL or the environment.

use std::{
    fmt::{self, Debug},
    num::NonZeroU32,
    time::Duration,
};

use aws_sdk_sqs::Client;
use relayhouse_core::{Context, Result, config};
use serde::Deserialize;

use crate::{
    capability::LEASE_TOTAL_MAX,
    error,
    link::Given,
    location::has_user,
    payload::Payloads,
    preset::Preset,
    price::Price,
    provider::{Kind, Sqs},
    shards::SHARDS_MAX,
};

const CONNECTIONS_MAX: NonZeroU32 = NonZeroU32::new(256).unwrap();

/// True if this build can talk to SNS.
pub(crate) const HAS_TOPICS: bool = cfg!(feature = "sns");

/// The fewest connections: half are used at a time, one for a call that waits and one for others.
const CONNECTIONS_MIN: u32 = 4;

/// Holds the options of a provider.
///
/// As parameters of a URL and as environment variables (`RELAYHOUSE_SQS_LEASE`) they have the
/// names of the fields. Credentials are none of them: they come from where every AWS program takes
/// them, or in a client of your own.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The region; what AWS's environment says.
    pub region: Option<String>,
    /// The account that owns the queues; that of the credentials.
    pub account: Option<String>,
    /// Where SQS is, such as `http://localhost:9324`; what AWS's environment says, or the region's
    /// public endpoint.
    pub endpoint: Option<String>,
    /// Where SNS is; where `endpoint` says that SQS is, or what AWS's environment says, or the region's
    /// public endpoint.
    pub sns_endpoint: Option<String>,
    /// The profile of AWS's configuration files; what AWS's environment says.
    pub profile: Option<String>,
    /// What is set together; nothing.
    pub preset: Option<Preset>,
    /// What a million requests cost, such as `0.40`, so that [`stats`] can tell what the calls did;
    /// it is not known.
    ///
    /// [`stats`]: relayhouse_core::port::Stats::cost
    pub price: Option<Price>,
    /// The lease that a receive gives; the queue's visibility timeout.
    #[serde(deserialize_with = "config::duration_option")]
    pub lease: Option<Duration>,
    /// True to create a queue, and its dead-letter queue, on first use; false.
    pub create: bool,
    /// True to take a name that no queue has for that of a topic of SNS, and to open subscriptions;
    /// false, unless the URL names a topic or a subscription. It needs the feature `sns`.
    pub topics: bool,
    /// How messages of SNS are on the queues that are received from; as they were published.
    pub format: Format,
    /// The bucket of S3 in which a claim check and AWS's Extended Client keep large bodies; none. A claim
    /// then goes in the layout of that client, and what such a client has put there comes as a claim.
    pub payload_bucket: Option<String>,
    /// What the keys in that bucket start with; nothing.
    pub payload_prefix: String,
    /// True to create FIFO queues and topics for high throughput: limits and dedup ids then count for
    /// each ordering key by itself; false.
    pub high_throughput: bool,
    /// True if the ordering key of a message on a standard queue names a tenant of a fair queue,
    /// which AWS may charge for; false.
    pub fair: bool,
    /// True to leave a missing dedup id to the queue, which must have content-based deduplication;
    /// false: it is made of the message's id and body.
    pub dedup_by_content: bool,
    /// True to check that SQS took what was sent, by its MD5; true.
    pub verify: bool,
    /// What a peek does; it is refused.
    pub peek: Peek,
    /// What becomes of delays that are longer than those of SQS; they are refused.
    pub long_delays: LongDelays,
    /// True to let requests leave this machine in plain text (`http://`), signature and messages
    /// included; false.
    pub plain_text: bool,
    /// How many connections there may be, at least 4; 256, of which half are used at a time, since
    /// the SDK makes further ones while it waits for one to be free. Further calls wait, for as long
    /// as they may take.
    ///
    /// A quarter of what is used at a time is kept for calls that do not wait. So at most three
    /// eighths are long polls, of which each receiver has one, and one for each queue of several that
    /// are one. A poll beyond them waits for its turn, and without one looks once at the end of its
    /// wait.
    pub connections_max: NonZeroU32,
    /// How long a connection may take; 3 seconds.
    #[serde(deserialize_with = "config::duration")]
    pub connect_timeout: Duration,
    /// How long a call that does not wait may take; 5 seconds.
    #[serde(deserialize_with = "config::duration")]
    pub call_timeout: Duration,
    /// How long a receive may take beyond the wait it asks for; 5 seconds.
    #[serde(deserialize_with = "config::duration")]
    pub receive_beyond_wait: Duration,
    /// How long a connection that nobody uses stays open; 25 seconds.
    #[serde(deserialize_with = "config::duration")]
    pub idle_timeout: Duration,
}

/// Says what a peek does.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Peek {
    /// It is refused: SQS has none.
    #[default]
    Refuse,
    /// It receives messages and releases them at once. **Each peek counts as a delivery** of what it
    /// shows, so that SQS moves to the dead-letter queue what was looked at too often, and for its
    /// time it hides the messages from consumers: for a minute if it is dropped.
    Receive,
}

/// Says what becomes of a delay that is longer than those of SQS: on standard queues 15 minutes for
/// a send, and 12 hours for a release.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LongDelays {
    /// It is refused.
    #[default]
    Refuse,
    /// The message goes in hops of at most 15 minutes. A consumer that gets it before it is due
    /// sends it again and then deletes it, so consumers need the right to send, a hop costs three
    /// requests, and without a consumer the message stays away longer. Between the two calls of a
    /// hop a crash may **double** the message, and never loses it. A hop is no delivery: it does
    /// not count as an attempt. After a release that goes in hops SQS counts anew what its redrive
    /// policy limits.
    ///
    /// FIFO queues have no delay of a single message, and refuse it all the same.
    Hop,
}

/// Says how messages of SNS are on the queues of their subscriptions. It is what the subscription is
/// set to, and never guessed.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// They are as they were published: the subscription has raw delivery.
    #[default]
    Raw,
    /// They are in SNS's envelope, in JSON: its `Message` becomes the body, `MessageAttributes`
    /// headers, `MessageId` the id of a message that has none of its own, `TopicArn` and `Subject` the
    /// headers `sns-topic` and `sns-subject`. Its signature is not checked: let the queue's policy
    /// allow nobody but the topic to send.
    ///
    /// A message whose body is no such envelope is not delivered: it stays, comes again when its lease
    /// ends, until the redrive policy moves it, and a receive that brings nothing else tells of it.
    /// What this crate sent to the queue itself, such as a dead letter that goes back, says so and
    /// needs no envelope.
    SnsEnvelope,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            region: None,
            account: None,
            endpoint: None,
            sns_endpoint: None,
            profile: None,
            preset: None,
            price: None,
            lease: None,
            create: false,
            topics: false,
            format: Format::Raw,
            payload_bucket: None,
            payload_prefix: String::new(),
            high_throughput: false,
            fair: false,
            dedup_by_content: false,
            verify: true,
            peek: Peek::Refuse,
            long_delays: LongDelays::Refuse,
            plain_text: false,
            connections_max: CONNECTIONS_MAX,
            connect_timeout: Duration::from_secs(3),
            call_timeout: Duration::from_secs(5),
            receive_beyond_wait: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(25),
        }
    }
}

impl Config {
    /// Checks what a type cannot.
    pub(crate) fn check(&self) -> Result<()> {
        check_endpoint("endpoint", self.endpoint.as_deref())?;
        check_endpoint("sns_endpoint", self.sns_endpoint.as_deref())?;
        if self.payload_bucket.is_none() && !self.payload_prefix.is_empty() {
            let text = "option payload_prefix: payload_bucket names no bucket";
            return Err(error::invalid(text));
        }
        if self.topics && !HAS_TOPICS {
            return Err(error::left_out("option topics"));
        }
        let durations = [
            ("lease", self.lease.unwrap_or(LEASE_TOTAL_MAX)),
            ("connect_timeout", self.connect_timeout),
            ("call_timeout", self.call_timeout),
            ("receive_beyond_wait", self.receive_beyond_wait),
            ("idle_timeout", self.idle_timeout),
        ];
        for (key, value) in durations {
            if value.is_zero() {
                return Err(error::invalid(format!("option {key}: must not be zero")));
            }
        }
        if self.connections_max.get() < CONNECTIONS_MIN {
            let text = format!("option connections_max: must be at least {CONNECTIONS_MIN}");
            return Err(error::invalid(text));
        }
        match self.lease {
            Some(lease) => check_lease(lease),
            None => Ok(()),
        }
    }
}

impl Config {
    /// Returns where the bodies of large messages are, if that is known.
    pub(crate) fn payloads(&self) -> Option<Payloads> {
        Some(Payloads {
            bucket: self.payload_bucket.clone()?,
            prefix: self.payload_prefix.clone(),
        })
    }

    /// Checks that nothing is set that a client of the caller's own decides.
    pub(crate) fn check_no_client_options(&self) -> Result<()> {
        let options = [
            ("region", &self.region),
            ("endpoint", &self.endpoint),
            ("sns_endpoint", &self.sns_endpoint),
            ("profile", &self.profile),
        ];
        match options.iter().find(|(_, value)| value.is_some()) {
            Some((key, _)) => Err(error::invalid(format!(
                "option {key}: the client that was given has its own"
            ))),
            None => Ok(()),
        }
    }
}

fn check_endpoint(key: &str, endpoint: Option<&str>) -> Result<()> {
    let Some(text) = endpoint else {
        return Ok(());
    };
    if !(text.starts_with("http://") || text.starts_with("https://")) {
        return Err(error::invalid(format!(
            "option {key}: expected a URL, such as http://localhost:9324"
        )));
    }
    if has_user(text) {
        return Err(error::user(&format!("option {key}")));
    }
    Ok(())
}

/// Checks a lease that was asked for.
pub(crate) fn check_lease(lease: Duration) -> Result<()> {
    if lease.is_zero() {
        return Err(error::invalid("a lease must not be zero"));
    }
    if LEASE_TOTAL_MAX < lease {
        return Err(error::invalid(format!(
            "a lease of {lease:?} is too long, at most {LEASE_TOTAL_MAX:?} is allowed"
        )));
    }
    Ok(())
}

/// Builds a [`Sqs`].
#[derive(Clone)]
#[must_use]
pub struct SqsBuilder {
    context: Context,
    config: Config,
    kind: Kind,
    given: Given,
}

impl SqsBuilder {
    pub(crate) const fn new(context: Context, config: Config) -> Self {
        Self {
            context,
            config,
            kind: Kind {
                is_fifo: false,
                shards: None,
            },
            given: Given::NONE,
        }
    }

    /// Sets all options at once.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Uses `client`, with its credentials, region, endpoint and connections, instead of one made
    /// from the environment.
    ///
    /// Its retries and time limits are turned off: a driver never retries, and every call has the
    /// limit of this configuration.
    pub fn client(mut self, client: Client) -> Self {
        self.given.sqs = Some(client);
        self
    }

    /// Uses `client` for topics, as [`client`](Self::client) is used for queues. Whoever gives one of
    /// them and asks for topics gives the other too.
    #[cfg(feature = "sns")]
    pub fn sns_client(mut self, client: aws_sdk_sns::Client) -> Self {
        self.given.sns = Some(client);
        self
    }

    /// Declares by [`capabilities`](relayhouse_core::port::Provider::capabilities) what FIFO queues
    /// can do, instead of standard ones. What is opened declares what its own name says.
    pub fn fifo(mut self) -> Self {
        self.kind.is_fifo = true;
        self
    }

    /// Declares by [`capabilities`](relayhouse_core::port::Provider::capabilities) what `count`
    /// queues can do together, instead of one. What is opened declares what its own name says.
    pub fn shards(mut self, count: NonZeroU32) -> Self {
        self.kind.shards = Some(count.get());
        self
    }

    /// Sets the region.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.config.region = Some(region.into());
        self
    }

    /// Sets the account that owns the queues.
    pub fn account(mut self, account: impl Into<String>) -> Self {
        self.config.account = Some(account.into());
        self
    }

    /// Sets where SQS is.
    pub fn endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.config.endpoint = Some(endpoint.into());
        self
    }

    /// Sets where SNS is.
    pub fn sns_endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.config.sns_endpoint = Some(endpoint.into());
        self
    }

    /// Sets the profile of AWS's configuration files.
    pub fn profile(mut self, profile: impl Into<String>) -> Self {
        self.config.profile = Some(profile.into());
        self
    }

    /// Sets all options that `preset` is about; what is set afterwards overrides it.
    pub fn preset(mut self, preset: Preset) -> Self {
        preset.set(&mut self.config);
        self
    }

    /// Sets what a million requests cost.
    pub fn price(mut self, price: Price) -> Self {
        self.config.price = Some(price);
        self
    }

    /// Sets the lease that a receive gives.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.config.lease = Some(lease);
        self
    }

    /// Sets whether a queue is created on first use.
    pub fn create(mut self, create: bool) -> Self {
        self.config.create = create;
        self
    }

    /// Sets whether a name that no queue has is that of a topic, and whether subscriptions are opened.
    pub fn topics(mut self, topics: bool) -> Self {
        self.config.topics = topics;
        self
    }

    /// Sets how messages of SNS are on the queues that are received from.
    pub fn format(mut self, format: Format) -> Self {
        self.config.format = format;
        self
    }

    /// Sets the bucket in which large bodies are, and what keys start with there.
    pub fn payloads(mut self, bucket: impl Into<String>, prefix: impl Into<String>) -> Self {
        self.config.payload_bucket = Some(bucket.into());
        self.config.payload_prefix = prefix.into();
        self
    }

    /// Sets whether FIFO queues and topics are created for high throughput.
    pub fn high_throughput(mut self, high_throughput: bool) -> Self {
        self.config.high_throughput = high_throughput;
        self
    }

    /// Sets whether ordering keys on standard queues name tenants of fair queues.
    pub fn fair(mut self, fair: bool) -> Self {
        self.config.fair = fair;
        self
    }

    /// Sets whether a missing dedup id is left to the queue.
    pub fn dedup_by_content(mut self, dedup_by_content: bool) -> Self {
        self.config.dedup_by_content = dedup_by_content;
        self
    }

    /// Sets whether it is checked that SQS took what was sent.
    pub fn verify(mut self, verify: bool) -> Self {
        self.config.verify = verify;
        self
    }

    /// Sets what a peek does.
    pub fn peek(mut self, peek: Peek) -> Self {
        self.config.peek = peek;
        self
    }

    /// Sets what becomes of delays that are longer than those of SQS.
    pub fn long_delays(mut self, long_delays: LongDelays) -> Self {
        self.config.long_delays = long_delays;
        self
    }

    /// Sets whether requests may leave this machine in plain text.
    pub fn plain_text(mut self, plain_text: bool) -> Self {
        self.config.plain_text = plain_text;
        self
    }

    /// Sets how many connections there may be.
    pub fn connections_max(mut self, connections_max: NonZeroU32) -> Self {
        self.config.connections_max = connections_max;
        self
    }

    /// Builds the provider. It connects when the first queue is opened.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::ConfigInvalid`](relayhouse_core::ErrorKind::ConfigInvalid) that names
    /// the option and what is wrong with it.
    pub fn build(self) -> Result<Sqs> {
        self.config.check()?;
        self.given.check(&self.config, self.config.topics)?;
        if self.kind.shards.is_some_and(|count| SHARDS_MAX < count) {
            let text = format!("at most {SHARDS_MAX} queues can be one");
            return Err(error::invalid(text));
        }
        Ok(Sqs::new(
            self.context,
            self.config,
            self.given,
            self.kind,
            None,
        ))
    }
}

impl Debug for SqsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The client would show the access key.
        let Self {
            context: _,
            config,
            kind,
            given: _,
        } = self;
        f.debug_struct("SqsBuilder")
            .field("config", config)
            .field("kind", kind)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use relayhouse_core::config::Params;

    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Config> {
        Params::from_pairs(pairs.iter().copied())?.read()
    }

    #[test]
    fn nothing_set_is_the_default() {
        assert_eq!(read(&[]).unwrap(), Config::default());
        assert!(Config::default().check().is_ok());
    }

    #[test]
    fn options_are_read_as_text() {
        let config = read(&[
            ("region", "eu-west-1"),
            ("lease", "300s"),
            ("fair", "true"),
            ("verify", "false"),
            ("peek", "receive"),
            ("long_delays", "hop"),
            ("call-timeout", "2s"),
        ])
        .unwrap();
        let expected = Config {
            region: Some("eu-west-1".to_owned()),
            lease: Some(Duration::from_secs(300)),
            fair: true,
            verify: false,
            peek: Peek::Receive,
            long_delays: LongDelays::Hop,
            call_timeout: Duration::from_secs(2),
            ..Config::default()
        };
        assert_eq!(config, expected);
    }

    #[test]
    fn wrong_options_are_refused_by_name() {
        assert!(
            read(&[("secret_key", "x")])
                .unwrap_err()
                .to_string()
                .contains("secret_key")
        );
        for key in ["lease", "call_timeout", "idle_timeout", "connect_timeout"] {
            let error = read(&[(key, "0s")]).unwrap().check().unwrap_err();
            assert!(error.to_string().contains(key), "{error}");
        }
        for key in ["endpoint", "sns_endpoint"] {
            let error = read(&[(key, "localhost:9324")]).unwrap().check();
            let shown = error.unwrap_err().to_string();
            assert!(shown.contains("http://localhost"), "{shown}");
            assert!(shown.contains(&format!("option {key}:")), "{shown}");
            let with_user = "https://user:CANARY@localhost:9324";
            let error = read(&[(key, with_user)]).unwrap().check();
            let shown = error.unwrap_err().to_string();
            assert!(shown.contains("user name"), "{shown}");
            assert!(!shown.contains("CANARY"), "{shown}");
        }
        let error = read(&[("payload_prefix", "orders/")]).unwrap().check();
        let shown = error.unwrap_err().to_string();
        assert!(shown.contains("payload_bucket"), "{shown}");
        let error = read(&[("topics", "true")]).unwrap().check();
        assert_eq!(error.is_ok(), HAS_TOPICS);
        let error = read(&[("connections_max", "3")]).unwrap().check();
        let error = error.unwrap_err().to_string();
        assert!(error.contains("connections_max"), "{error}");
        let error = read(&[("lease", "13h")]).unwrap().check().unwrap_err();
        assert!(error.to_string().contains("43200s"), "{error}");
    }
}
