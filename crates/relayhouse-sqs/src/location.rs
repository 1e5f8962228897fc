//! Where a queue or a topic is: what a URL, a queue's own URL or an ARN says of it.

use relayhouse_core::{Address, Entity, QueueName, Result, Source};
use url::Url;

use crate::{
    arn::{self, TopicArn},
    error,
    shards::{Shards, without_braces},
    subscription,
};

const DEAD_LETTER: &str = "/$deadletterqueue";

/// The longest name of a queue, its suffix included.
const NAME_BYTES_MAX: usize = 80;

/// What a location says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Location {
    pub(crate) region: Option<String>,
    pub(crate) account: Option<String>,
    /// The origin of a queue URL that is not one of AWS's public ones.
    pub(crate) endpoint: Option<String>,
    pub(crate) queue_url: Option<String>,
    /// The topic of an ARN of SNS.
    pub(crate) topic: Option<TopicArn>,
    pub(crate) source: Source,
}

impl Location {
    pub(crate) fn of(address: &Address) -> Result<Self> {
        let location = &*without_braces(address.location())?;
        let is_url = location.starts_with("https://") || location.starts_with("http://");
        if is_url {
            return Self::of_queue_url(location);
        }
        if location.starts_with("arn:") {
            let (arn, dead_letter) = cut_dead_letter(location);
            if arn::is_of_topic(arn) {
                return Self::of_topic(arn).map(|it| it.dead_letter(dead_letter));
            }
            return Self::of_arn(arn).map(|it| it.dead_letter(dead_letter));
        }
        let Some((region, name)) = location.split_once('/') else {
            return Err(error::invalid(
                "queue URL has no queue, expected sqs://region/queue",
            ));
        };
        let source: Source = name.parse()?;
        check_source(&source)?;
        Ok(Self {
            region: (!region.is_empty()).then(|| region.to_owned()),
            account: None,
            endpoint: None,
            queue_url: None,
            topic: None,
            source,
        })
    }

    fn of_queue_url(text: &str) -> Result<Self> {
        let (text, dead_letter) = cut_dead_letter(text);
        let url = Url::parse(text)
            .map_err(|error| error::invalid("queue URL cannot be read").with_source(error))?;
        if has_user(text) {
            return Err(error::user("queue URL"));
        }
        let mut parts = url.path().rsplit('/');
        let name = parts.next().unwrap_or_default();
        let account = parts.next().filter(|part| is_account(part));
        let host = url.host_str().unwrap_or_default();
        let region = region_of_host(host);
        let is_public = region.is_some() && url.port().is_none() && url.scheme() == "https";
        let source = Source::queue(name.parse()?);
        check_source(&source)?;
        let it = Self {
            region: region.map(str::to_owned),
            account: account.map(str::to_owned),
            endpoint: (!is_public).then(|| url.origin().ascii_serialization()),
            queue_url: Some(text.to_owned()),
            topic: None,
            source,
        };
        Ok(it.dead_letter(dead_letter))
    }

    /// Reads `arn:aws:sqs:REGION:ACCOUNT:NAME`.
    pub(crate) fn of_arn(arn: &str) -> Result<Self> {
        let parts: Vec<&str> = arn.split(':').collect();
        let ["arn", _, "sqs", region, account, name] = parts[..] else {
            return Err(error::invalid(
                "ARN is not one of a queue, expected arn:aws:sqs:region:account:queue",
            ));
        };
        let source = Source::queue(name.parse()?);
        check_source(&source)?;
        Ok(Self {
            region: Some(region.to_owned()),
            account: is_account(account).then(|| account.to_owned()),
            endpoint: None,
            queue_url: None,
            topic: None,
            source,
        })
    }

    /// Reads `arn:aws:sns:REGION:ACCOUNT:TOPIC`, with `/subscriptions/NAME` behind it or without.
    fn of_topic(text: &str) -> Result<Self> {
        let named: Source = text.parse()?;
        let (Entity::Queue(arn) | Entity::Subscription { topic: arn, .. }) = &named.entity;
        let topic = TopicArn::read(arn.as_str())?;
        let source = match named.entity {
            Entity::Queue(_) => Source::queue(topic.name.clone()),
            Entity::Subscription { name, .. } => Source::subscription(topic.name.clone(), name),
        };
        subscription::queue_of(&source.entity)?;
        Ok(Self {
            region: Some(topic.region.clone()),
            account: is_account(&topic.account).then(|| topic.account.clone()),
            endpoint: None,
            queue_url: None,
            topic: Some(topic),
            source,
        })
    }

    /// Returns true if it leads to a topic or a subscription, not to a queue.
    pub(crate) const fn is_of_topic(&self) -> bool {
        let is_subscription = matches!(self.source.entity, Entity::Subscription { .. });
        self.topic.is_some() || is_subscription
    }

    /// Returns the URL of the queue `name`, where the location has it: its own, or that of one of
    /// its shards.
    pub(crate) fn queue_url_of(&self, name: &QueueName) -> Option<String> {
        let url = self.queue_url.as_ref()?;
        let Entity::Queue(ours) = &self.source.entity else {
            return None;
        };
        if ours == name {
            return Some(url.clone());
        }
        let names = Shards::of(ours.as_str()).ok()??;
        let urls = Shards::of(url).ok()??;
        let numbers = 0..names.count();
        let number = numbers
            .into_iter()
            .find(|it| names.text(*it) == name.as_str())?;
        Some(urls.text(number))
    }

    fn dead_letter(mut self, dead_letter: bool) -> Self {
        self.source.dead_letter = dead_letter;
        self
    }
}

fn cut_dead_letter(text: &str) -> (&str, bool) {
    let at = text.len().saturating_sub(DEAD_LETTER.len());
    match text.split_at_checked(at) {
        Some((start, end)) if end.eq_ignore_ascii_case(DEAD_LETTER) => (start, true),
        _ => (text, false),
    }
}

fn is_account(part: &str) -> bool {
    part.len() == 12 && part.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns the region in a host of AWS: `sqs.REGION.amazonaws.com`, its older form
/// `REGION.queue.amazonaws.com`, and those of private and FIPS endpoints.
pub(crate) fn region_of_host(host: &str) -> Option<&str> {
    let host = host.strip_suffix(".cn").unwrap_or(host);
    if host == "queue.amazonaws.com" {
        return Some("us-east-1");
    }
    let rest = host.strip_suffix(".amazonaws.com")?;
    if let Some(region) = rest.strip_suffix(".queue") {
        return Some(region);
    }
    let rest = rest.strip_suffix(".vpce").unwrap_or(rest);
    let mut parts = rest.rsplit('.');
    let region = parts.next()?;
    let service = parts.next()?;
    matches!(service, "sqs" | "sqs-fips").then_some(region)
}

/// Returns true for a URL with a user name or a password, which would be shown with it.
pub(crate) fn has_user(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| !url.username().is_empty() || url.password().is_some())
}

/// Returns the region of a queue's URL, where its host tells.
pub(crate) fn region_of_queue_url(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    region_of_host(url.host_str()?).map(str::to_owned)
}

/// Returns the name of the queue in its URL.
pub(crate) fn name_of_queue_url(url: &str) -> Option<QueueName> {
    url.rsplit('/').next()?.parse().ok()
}

pub(crate) fn is_fifo(name: &str) -> bool {
    name.ends_with(".fifo")
}

fn check_source(source: &Source) -> Result<()> {
    let Entity::Queue(name) = &source.entity else {
        return subscription::queue_of(&source.entity).map(drop);
    };
    match Shards::of(name.as_str())? {
        Some(shards) => (0..shards.count()).try_for_each(|number| check_name(&shards.text(number))),
        None => check_name(name.as_str()),
    }
}

/// Checks the rules of SQS for the name of a queue.
pub(crate) fn check_name(name: &str) -> Result<()> {
    check_name_of("queue", name, NAME_BYTES_MAX)
}

/// Checks the rule that SQS and SNS have for the name of a `thing`.
pub(crate) fn check_name_of(thing: &str, name: &str, bytes_max: usize) -> Result<()> {
    let base = name.strip_suffix(".fifo").unwrap_or(name);
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let is_valid = !base.is_empty() && name.len() <= bytes_max && base.bytes().all(is_plain);
    if is_valid {
        return Ok(());
    }
    Err(error::invalid(format!(
        "{thing} name \"{name}\" must have 1 to {bytes_max} letters, digits, - and _, with .fifo \
         behind them for a FIFO {thing}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn location(text: &str) -> Location {
        Location::of(&text.parse().unwrap()).unwrap()
    }

    fn refused(text: &str) -> String {
        let address: Address = text.parse().unwrap();
        Location::of(&address).unwrap_err().to_string()
    }

    #[test]
    fn region_and_queue_are_read() {
        let it = location("sqs://eu-west-1/orders.fifo");
        assert_eq!(it.region.as_deref(), Some("eu-west-1"));
        assert_eq!(it.source.to_string(), "orders.fifo");
        assert_eq!(it.queue_url, None);
        assert_eq!(location("sqs:///orders").region, None);
        assert!(
            location("sqs://eu-west-1/orders/$DeadLetterQueue")
                .source
                .dead_letter
        );
    }

    #[test]
    fn queue_urls_are_read() {
        let it = location("sqs:https://sqs.eu-west-1.amazonaws.com/123456789012/orders");
        assert_eq!(it.region.as_deref(), Some("eu-west-1"));
        assert_eq!(it.account.as_deref(), Some("123456789012"));
        assert_eq!(it.endpoint, None);
        assert_eq!(it.source.to_string(), "orders");
        let it = location("sqs:http://127.0.0.1:9324/000000000000/orders/$deadletterqueue");
        assert_eq!(it.endpoint.as_deref(), Some("http://127.0.0.1:9324"));
        assert_eq!(it.region, None);
        assert!(it.source.dead_letter);
        let url = it.queue_url.unwrap();
        assert_eq!(url, "http://127.0.0.1:9324/000000000000/orders");
    }

    #[test]
    fn arns_are_read() {
        let it = location("sqs:arn:aws:sqs:eu-west-1:123456789012:orders");
        assert_eq!(it.region.as_deref(), Some("eu-west-1"));
        assert_eq!(it.account.as_deref(), Some("123456789012"));
        assert!(refused("sqs:arn:aws:s3:::orders").contains("ARN"));
    }

    #[test]
    fn several_queues_are_read_as_one() {
        for url in [
            "sqs://eu-west-1/orders-{0..7}.fifo",
            "sqs://eu-west-1/orders-0..7.fifo",
            "sqs:https://sqs.eu-west-1.amazonaws.com/123456789012/orders-{0..7}.fifo",
            "sqs:arn:aws:sqs:eu-west-1:123456789012:orders-{0..7}.fifo",
        ] {
            let it = location(url);
            assert_eq!(it.region.as_deref(), Some("eu-west-1"), "{url}");
            assert_eq!(it.source.to_string(), "orders-0..7.fifo", "{url}");
        }
        let it = location("sqs:http://localhost:9324/000000000000/orders-{0..7}.fifo");
        let url = |name: &str| it.queue_url_of(&name.parse().unwrap());
        let seven = "http://localhost:9324/000000000000/orders-7.fifo";
        assert_eq!(url("orders-7.fifo").as_deref(), Some(seven));
        assert_eq!(url("orders-8.fifo"), None);
        for (wrong, why) in [
            ("sqs://r/orders-{1..7}", "from 0 on"),
            ("sqs://r/orders-{0..64}", "63"),
            ("sqs://r/or.ders-{0..7}", "must have"),
        ] {
            assert!(refused(wrong).contains(why), "{}", refused(wrong));
        }
        assert!(refused(&format!("sqs://r/{}-{{0..10}}", "q".repeat(78))).contains("80"));
    }

    #[test]
    fn regions_stand_in_all_hosts_of_aws() {
        for (host, region) in [
            ("sqs.eu-west-1.amazonaws.com", Some("eu-west-1")),
            ("sqs.cn-north-1.amazonaws.com.cn", Some("cn-north-1")),
            ("eu-west-1.queue.amazonaws.com", Some("eu-west-1")),
            ("queue.amazonaws.com", Some("us-east-1")),
            ("sqs-fips.us-west-2.amazonaws.com", Some("us-west-2")),
            ("vpce-1.sqs.us-west-2.vpce.amazonaws.com", Some("us-west-2")),
            ("s3.us-west-2.amazonaws.com", None),
            ("localhost", None),
        ] {
            assert_eq!(region_of_host(host), region, "{host}");
        }
    }

    #[test]
    fn wrong_names_are_refused() {
        for wrong in ["sqs://r/a.b", "sqs://r/.fifo", "sqs://r/sales/orders"] {
            assert!(refused(wrong).contains("must have"), "{wrong}");
        }
        assert!(refused(&format!("sqs://r/{}", "q".repeat(81))).contains("80"));
        assert!(refused("sqs://eu-west-1").contains("sqs://region/queue"));
        let shown = refused("sqs:http://user:CANARY@localhost:9324/000000000000/orders");
        assert!(
            shown.contains("user name") && !shown.contains("CANARY"),
            "{shown}"
        );
        assert!(refused("sqs://r/t.t/subscriptions/s").contains("topic name"));
        let arn = "sqs:arn:aws:sns:eu-west-1:123456789012:t/subscriptions/s.s";
        assert!(refused(arn).contains("queue name"));
    }

    #[test]
    fn topics_and_subscriptions_are_read() {
        let it = location("sqs://eu-west-1/events/subscriptions/audit");
        assert_eq!(it.region.as_deref(), Some("eu-west-1"));
        assert_eq!(it.source.to_string(), "events/subscriptions/audit");
        assert!(it.is_of_topic() && it.topic.is_none());
        let arn = "arn:aws:sns:eu-west-1:123456789012:events";
        let it = location(&format!("sqs:{arn}"));
        assert_eq!(it.source.to_string(), "events");
        assert_eq!(&*it.topic.unwrap().text, arn);
        let it = location(&format!("sqs:{arn}/subscriptions/audit/$deadletterqueue"));
        assert_eq!(it.account.as_deref(), Some("123456789012"));
        assert!(it.source.dead_letter && it.topic.is_some());
        assert_eq!(it.source.live().to_string(), "events/subscriptions/audit");
        assert!(!location("sqs://eu-west-1/events").is_of_topic());
    }
}
