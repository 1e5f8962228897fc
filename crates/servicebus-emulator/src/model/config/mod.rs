//! The entities that a namespace has from the start, as a file in the format of Microsoft's
//! emulator tells (`Config.json`).

mod file;
mod properties;
mod rules;
#[cfg(test)]
mod tests;

use std::{error, fmt};

use self::file::File;
use super::{
    Error, Model, Path, QueueSettings, Result, Rule, SubscriptionSettings, Time, TopicSettings,
};

/// The entities that a namespace has from the start.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The name of the namespace.
    pub namespace: Box<str>,
    /// The queues.
    pub queues: Vec<(Path, QueueSettings)>,
    /// The topics.
    pub topics: Vec<TopicConfig>,
}

/// A topic with its subscriptions.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicConfig {
    /// Its path.
    pub path: Path,
    /// What is set for it.
    pub settings: TopicSettings,
    /// Its subscriptions.
    pub subscriptions: Vec<SubscriptionConfig>,
}

/// A subscription with its rules.
#[derive(Clone, Debug, PartialEq)]
pub struct SubscriptionConfig {
    /// Its path.
    pub path: Path,
    /// What is set for it.
    pub settings: SubscriptionSettings,
    /// Its rules; without any it takes all messages.
    pub rules: Vec<Rule>,
}

/// Why a configuration cannot be used.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConfigError {
    /// It is no JSON, or has an unknown key, or lacks one, or a value is of another type.
    Syntax(serde_json::Error),
    /// A value cannot be.
    Value {
        /// What the value is of.
        at: String,
        /// Why it cannot be.
        reason: String,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(error) => write!(f, "cannot read the configuration: {error}"),
            Self::Value { at, reason } => write!(f, "cannot use the configuration: {at}: {reason}"),
        }
    }
}

impl error::Error for ConfigError {}

impl ConfigError {
    fn new(at: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Value {
            at: at.into(),
            reason: reason.into(),
        }
    }
}

impl Config {
    /// Reads a configuration, and tries it out.
    ///
    /// # Errors
    ///
    /// The text cannot be read, or asks for entities that cannot be.
    pub fn parse(text: &str) -> std::result::Result<Self, ConfigError> {
        let file = serde_json::from_str::<File>(text).map_err(ConfigError::Syntax)?;
        let config = file.into_config()?;
        let mut model = Model::new(0);
        model.try_configure(Time::default(), &config)?;
        Ok(config)
    }
}

impl Model {
    /// Makes all entities of a configuration.
    ///
    /// # Errors
    ///
    /// One of them is there already; those before it were made.
    pub fn configure(&mut self, now: Time, config: &Config) -> Result<()> {
        let configured = self.create_all(now, config);
        configured.map_err(|(_, error)| error)
    }

    fn try_configure(
        &mut self,
        now: Time,
        config: &Config,
    ) -> std::result::Result<(), ConfigError> {
        let configured = self.create_all(now, config);
        configured.map_err(|(path, error)| ConfigError::new(path.as_str(), error.message()))
    }

    /// Makes entities first, and lets them forward when all are there.
    fn create_all(&mut self, now: Time, config: &Config) -> std::result::Result<(), (Path, Error)> {
        for (path, settings) in &config.queues {
            let mut settings = settings.clone();
            settings.outlet.forward_to = None;
            settings.outlet.forward_dead_letters_to = None;
            let created = self.create_queue(now, path, settings);
            created.map_err(|error| (path.clone(), error))?;
        }
        for topic in &config.topics {
            let created = self.create_topic(now, &topic.path, topic.settings.clone());
            created.map_err(|error| (topic.path.clone(), error))?;
            for subscription in &topic.subscriptions {
                let created = self.create_with_rules(now, subscription);
                created.map_err(|error| (subscription.path.clone(), error))?;
            }
        }
        self.forward_all(now, config)
    }

    fn create_with_rules(&mut self, now: Time, subscription: &SubscriptionConfig) -> Result<()> {
        let SubscriptionConfig {
            path,
            settings,
            rules,
        } = subscription;
        let mut settings = settings.clone();
        settings.outlet.forward_to = None;
        settings.outlet.forward_dead_letters_to = None;
        let mut rules = rules.iter().map(|rule| Rule {
            created: now,
            ..rule.clone()
        });
        self.create_subscription(now, path, settings, rules.next())?;
        rules.try_for_each(|rule| self.add_rule(now, path, rule))
    }

    fn forward_all(
        &mut self,
        now: Time,
        config: &Config,
    ) -> std::result::Result<(), (Path, Error)> {
        for (path, settings) in &config.queues {
            let updated = self.update_queue(now, path, settings.clone());
            updated.map_err(|error| (path.clone(), error))?;
        }
        for subscription in config.topics.iter().flat_map(|topic| &topic.subscriptions) {
            let (path, settings) = (&subscription.path, subscription.settings.clone());
            let updated = self.update_subscription(now, path, settings);
            updated.map_err(|error| (path.clone(), error))?;
        }
        Ok(())
    }
}
