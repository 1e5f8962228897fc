//! The keys of the file down to entities, and what they become.

use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::{
    super::{Path, QueueSettings, SubscriptionSettings, TopicSettings},
    Config, ConfigError, SubscriptionConfig, TopicConfig,
    properties::Properties,
    rules::RuleEntry,
};

type Result<T> = std::result::Result<T, ConfigError>;

/// The file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(super) struct File {
    user_config: UserConfig,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct UserConfig {
    namespaces: Vec<Namespace>,
    logging: Option<Logging>,
}

/// Where Microsoft's emulator writes its log; here the key is only let through.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Logging {
    r#type: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Namespace {
    name: String,
    #[serde(default)]
    queues: Vec<Queue>,
    #[serde(default)]
    topics: Vec<Topic>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Queue {
    name: String,
    #[serde(default)]
    properties: Map<String, Json>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Topic {
    name: String,
    #[serde(default)]
    properties: Map<String, Json>,
    #[serde(default)]
    subscriptions: Vec<Subscription>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Subscription {
    name: String,
    #[serde(default)]
    properties: Map<String, Json>,
    #[serde(default)]
    rules: Vec<RuleEntry>,
}

impl File {
    pub(super) fn into_config(self) -> Result<Config> {
        let UserConfig {
            namespaces,
            logging,
        } = self.user_config;
        if let Some(logging) = logging {
            logging.check()?;
        }
        let count = namespaces.len();
        let Ok([namespace]) = <[Namespace; 1]>::try_from(namespaces) else {
            let reason = format!("{count} are given, and one is possible");
            return Err(ConfigError::new("UserConfig.Namespaces", reason));
        };
        let queues = namespace.queues.into_iter().map(Queue::into_config);
        let topics = namespace.topics.into_iter().map(Topic::into_config);
        Ok(Config {
            namespace: namespace.name.into(),
            queues: queues.collect::<Result<_>>()?,
            topics: topics.collect::<Result<_>>()?,
        })
    }
}

impl Logging {
    fn check(&self) -> Result<()> {
        let mut kinds = self.r#type.split(',').map(str::trim);
        if kinds.all(|kind| matches!(kind, "Console" | "File")) {
            return Ok(());
        }
        let reason = format!("{:?} is neither File nor Console", self.r#type);
        Err(ConfigError::new("UserConfig.Logging.Type", reason))
    }
}

impl Queue {
    fn into_config(self) -> Result<(Path, QueueSettings)> {
        let Self { name, properties } = self;
        let mut properties = Properties::new(&name, properties);
        let settings = QueueSettings {
            common: properties.common()?,
            intake: properties.intake()?,
            outlet: properties.outlet()?,
        };
        properties.end()?;
        Ok((Path::new(&name), settings))
    }
}

impl Topic {
    fn into_config(self) -> Result<TopicConfig> {
        let Self {
            name,
            properties,
            subscriptions,
        } = self;
        let mut properties = Properties::new(&name, properties);
        let settings = TopicSettings {
            common: properties.common()?,
            intake: properties.intake()?,
        };
        properties.end()?;
        let subscriptions = subscriptions.into_iter().map(|it| it.into_config(&name));
        Ok(TopicConfig {
            subscriptions: subscriptions.collect::<Result<_>>()?,
            path: Path::new(&name),
            settings,
        })
    }
}

impl Subscription {
    fn into_config(self, topic: &str) -> Result<SubscriptionConfig> {
        let Self {
            name,
            properties,
            rules,
        } = self;
        let path = Path::of_subscription(topic, &name);
        let mut properties = Properties::new(path.as_str(), properties);
        let default = SubscriptionSettings::default();
        let settings = SubscriptionSettings {
            common: properties.common()?,
            outlet: properties.outlet()?,
            dead_letters_filter_errors: properties
                .take("DeadLetteringOnFilterEvaluationExceptions")?
                .unwrap_or(default.dead_letters_filter_errors),
        };
        properties.end()?;
        let rules = rules.into_iter().map(|rule| rule.into_rule(&path));
        let rules = rules.collect::<Result<_>>()?;
        Ok(SubscriptionConfig {
            path,
            settings,
            rules,
        })
    }
}
