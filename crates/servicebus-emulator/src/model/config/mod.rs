//! The entities that a namespace has from the start, as a file in the format of Microsoft's
//! emulator tells (`Config.json`).

mod file;
mod properties;
mod rules;
#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, error, fmt, iter};

use self::file::File;
use super::{
    Error, Model, Path, QueueSettings, Result, Rule, SubscriptionSettings, Time, TopicSettings,
    is_there,
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
    /// Makes the entities of a configuration that are not there, and lets all of them be as it
    /// says.
    ///
    /// Entities that it does not name stay as they are. Where it names rules of a subscription,
    /// these are all that the subscription has then; where it names none, they stay.
    ///
    /// # Errors
    ///
    /// It names an entity twice, or one cannot be as it says, for example since it is there and
    /// requires sessions; those before it are as it says.
    pub fn configure(&mut self, now: Time, config: &Config) -> Result<()> {
        let configured = self.ensure_all(now, config);
        configured.map_err(|(_, error)| error)
    }

    fn try_configure(
        &mut self,
        now: Time,
        config: &Config,
    ) -> std::result::Result<(), ConfigError> {
        let configured = self.ensure_all(now, config);
        configured.map_err(|(path, error)| ConfigError::new(path.as_str(), error.message()))
    }

    /// Makes entities first, and lets them forward when all are there.
    fn ensure_all(&mut self, now: Time, config: &Config) -> std::result::Result<(), (Path, Error)> {
        check_names(config)?;
        let at = |path: &Path| {
            let path = path.clone();
            move |error: Error| (path, error)
        };
        for (path, settings) in &config.queues {
            let made = self.make_queue(now, path, settings);
            made.map_err(at(path))?;
        }
        for topic in &config.topics {
            let ensured = self.ensure_topic(now, &topic.path, &topic.settings);
            ensured.map_err(at(&topic.path))?;
            for subscription in &topic.subscriptions {
                let made = self.make_subscription(now, subscription);
                made.map_err(at(&subscription.path))?;
            }
        }
        for (path, settings) in &config.queues {
            let ensured = self.ensure_queue(now, path, settings);
            ensured.map_err(at(path))?;
        }
        for subscription in config.topics.iter().flat_map(|topic| &topic.subscriptions) {
            let (path, settings) = (&subscription.path, &subscription.settings);
            let ensured = self.ensure_subscription(now, path, settings);
            ensured.map_err(at(path))?;
        }
        Ok(())
    }

    /// Makes a queue that forwards nothing yet, unless it is there.
    fn make_queue(&mut self, now: Time, path: &Path, settings: &QueueSettings) -> Result<()> {
        if self.queue_settings(path).is_ok() {
            return Ok(());
        }
        let mut settings = settings.clone();
        settings.outlet.forward_to = None;
        settings.outlet.forward_dead_letters_to = None;
        self.create_queue(now, path, settings)
    }

    /// Makes a subscription that forwards nothing yet, unless it is there, and gives it its rules.
    fn make_subscription(&mut self, now: Time, config: &SubscriptionConfig) -> Result<()> {
        let SubscriptionConfig {
            path,
            settings,
            rules,
        } = config;
        if self.subscription_settings(path).is_err() {
            let mut settings = settings.clone();
            settings.outlet.forward_to = None;
            settings.outlet.forward_dead_letters_to = None;
            self.create_subscription(now, path, settings, None)?;
        }
        if rules.is_empty() {
            return Ok(());
        }
        self.ensure_rules(now, path, rules)
    }
}

/// Checks that no entity is named twice.
fn check_names(config: &Config) -> std::result::Result<(), (Path, Error)> {
    let mut names = BTreeSet::new();
    let queues = config.queues.iter().map(|(path, _)| path);
    let topics = config.topics.iter().flat_map(|topic| {
        let subscriptions = topic.subscriptions.iter();
        iter::once(&topic.path).chain(subscriptions.map(|it| &it.path))
    });
    for path in queues.chain(topics) {
        if !names.insert(path.key()) {
            return Err((path.clone(), is_there(path)));
        }
    }
    Ok(())
}
