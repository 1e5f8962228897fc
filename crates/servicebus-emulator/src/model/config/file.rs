//! The keys of the file, and what their values become.

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;

use super::{
    super::{
        Common, CorrelationFilter, Filter, Intake, Outlet, Path, QueueSettings, Rule, SqlAction,
        SqlFilter, Status, SubscriptionSettings, Time, TopicSettings, Value,
        duration::{finite_duration, parse_duration},
    },
    Config, ConfigError, SubscriptionConfig, TopicConfig,
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
    properties: QueueProperties,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Topic {
    name: String,
    #[serde(default)]
    properties: TopicProperties,
    #[serde(default)]
    subscriptions: Vec<Subscription>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Subscription {
    name: String,
    #[serde(default)]
    properties: SubscriptionProperties,
    #[serde(default)]
    rules: Vec<RuleEntry>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct QueueProperties {
    auto_delete_on_idle: Option<String>,
    dead_lettering_on_message_expiration: Option<bool>,
    default_message_time_to_live: Option<String>,
    duplicate_detection_history_time_window: Option<String>,
    forward_dead_lettered_messages_to: Option<String>,
    forward_to: Option<String>,
    lock_duration: Option<String>,
    max_delivery_count: Option<u32>,
    max_message_size_in_kilobytes: Option<u32>,
    max_size_in_megabytes: Option<u32>,
    requires_duplicate_detection: Option<bool>,
    requires_session: Option<bool>,
    status: Option<String>,
    user_metadata: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct TopicProperties {
    auto_delete_on_idle: Option<String>,
    default_message_time_to_live: Option<String>,
    duplicate_detection_history_time_window: Option<String>,
    max_message_size_in_kilobytes: Option<u32>,
    max_size_in_megabytes: Option<u32>,
    requires_duplicate_detection: Option<bool>,
    status: Option<String>,
    user_metadata: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct SubscriptionProperties {
    auto_delete_on_idle: Option<String>,
    dead_lettering_on_filter_evaluation_exceptions: Option<bool>,
    dead_lettering_on_message_expiration: Option<bool>,
    default_message_time_to_live: Option<String>,
    forward_dead_lettered_messages_to: Option<String>,
    forward_to: Option<String>,
    lock_duration: Option<String>,
    max_delivery_count: Option<u32>,
    requires_session: Option<bool>,
    status: Option<String>,
    user_metadata: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct RuleEntry {
    name: String,
    properties: RuleProperties,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct RuleProperties {
    filter_type: FilterType,
    sql_filter: Option<Expression>,
    correlation_filter: Option<Correlation>,
    action: Option<Expression>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
enum FilterType {
    Sql,
    Correlation,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Expression {
    sql_expression: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Correlation {
    content_type: Option<Box<str>>,
    correlation_id: Option<Box<str>>,
    label: Option<Box<str>>,
    message_id: Option<Box<str>>,
    reply_to: Option<Box<str>>,
    reply_to_session_id: Option<Box<str>>,
    session_id: Option<Box<str>>,
    to: Option<Box<str>>,
    #[serde(default)]
    properties: BTreeMap<Box<str>, serde_json::Value>,
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
        let reader = Reader { entity: &name };
        let settings = QueueSettings {
            common: reader.common(
                properties.default_message_time_to_live,
                properties.auto_delete_on_idle,
                properties.status.as_deref(),
                properties.user_metadata,
            )?,
            intake: reader.intake(
                properties.requires_duplicate_detection,
                properties.duplicate_detection_history_time_window,
                properties.max_size_in_megabytes,
                properties.max_message_size_in_kilobytes,
            )?,
            outlet: reader.outlet(OutletProperties {
                lock_duration: properties.lock_duration,
                delivery_count_max: properties.max_delivery_count,
                requires_session: properties.requires_session,
                dead_letters_expired: properties.dead_lettering_on_message_expiration,
                forward_to: properties.forward_to,
                forward_dead_letters_to: properties.forward_dead_lettered_messages_to,
            })?,
        };
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
        let reader = Reader { entity: &name };
        let settings = TopicSettings {
            common: reader.common(
                properties.default_message_time_to_live,
                properties.auto_delete_on_idle,
                properties.status.as_deref(),
                properties.user_metadata,
            )?,
            intake: reader.intake(
                properties.requires_duplicate_detection,
                properties.duplicate_detection_history_time_window,
                properties.max_size_in_megabytes,
                properties.max_message_size_in_kilobytes,
            )?,
        };
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
        let reader = Reader {
            entity: path.as_str(),
        };
        let dead_letters_filter_errors = properties
            .dead_lettering_on_filter_evaluation_exceptions
            .unwrap_or(true);
        let settings = SubscriptionSettings {
            common: reader.common(
                properties.default_message_time_to_live,
                properties.auto_delete_on_idle,
                properties.status.as_deref(),
                properties.user_metadata,
            )?,
            outlet: reader.outlet(OutletProperties {
                lock_duration: properties.lock_duration,
                delivery_count_max: properties.max_delivery_count,
                requires_session: properties.requires_session,
                dead_letters_expired: properties.dead_lettering_on_message_expiration,
                forward_to: properties.forward_to,
                forward_dead_letters_to: properties.forward_dead_lettered_messages_to,
            })?,
            dead_letters_filter_errors,
        };
        let rules = rules.into_iter().map(|rule| reader.rule(rule));
        let rules = rules.collect::<Result<_>>()?;
        Ok(SubscriptionConfig {
            path,
            settings,
            rules,
        })
    }
}

/// What an entity from which messages are received has in the file.
struct OutletProperties {
    lock_duration: Option<String>,
    delivery_count_max: Option<u32>,
    requires_session: Option<bool>,
    dead_letters_expired: Option<bool>,
    forward_to: Option<String>,
    forward_dead_letters_to: Option<String>,
}

/// Reads the values of one entity.
struct Reader<'a> {
    entity: &'a str,
}

impl Reader<'_> {
    fn common(
        &self,
        time_to_live: Option<String>,
        delete_on_idle: Option<String>,
        status: Option<&str>,
        user_metadata: Option<String>,
    ) -> Result<Common> {
        let time_to_live = self.duration("DefaultMessageTimeToLive", time_to_live)?;
        let delete_on_idle = self.duration("AutoDeleteOnIdle", delete_on_idle)?;
        Ok(Common {
            status: self.status(status)?,
            time_to_live: time_to_live.and_then(finite_duration),
            delete_on_idle: delete_on_idle.and_then(finite_duration),
            user_metadata: user_metadata.map(Into::into),
        })
    }

    fn intake(
        &self,
        detects_duplicates: Option<bool>,
        window: Option<String>,
        megabytes_max: Option<u32>,
        message_kilobytes_max: Option<u32>,
    ) -> Result<Intake> {
        let default = Intake::default();
        let window = self.duration("DuplicateDetectionHistoryTimeWindow", window)?;
        Ok(Intake {
            detects_duplicates: detects_duplicates.unwrap_or(default.detects_duplicates),
            duplicate_window: window.unwrap_or(default.duplicate_window),
            megabytes_max: megabytes_max.unwrap_or(default.megabytes_max),
            message_kilobytes_max: message_kilobytes_max.unwrap_or(default.message_kilobytes_max),
        })
    }

    fn outlet(&self, properties: OutletProperties) -> Result<Outlet> {
        let default = Outlet::default();
        let lock_duration = self.duration("LockDuration", properties.lock_duration)?;
        let path = |text: Option<String>| {
            let text = text.filter(|text| !text.is_empty());
            text.map(|text| Path::new(&text))
        };
        Ok(Outlet {
            lock_duration: lock_duration.unwrap_or(default.lock_duration),
            delivery_count_max: properties
                .delivery_count_max
                .unwrap_or(default.delivery_count_max),
            requires_session: properties.requires_session.unwrap_or_default(),
            dead_letters_expired: properties.dead_letters_expired.unwrap_or_default(),
            forward_to: path(properties.forward_to),
            forward_dead_letters_to: path(properties.forward_dead_letters_to),
        })
    }

    fn duration(&self, name: &str, text: Option<String>) -> Result<Option<Duration>> {
        let Some(text) = text else {
            return Ok(None);
        };
        match parse_duration(&text) {
            Some(duration) => Ok(Some(duration)),
            None => Err(self.error(name, format!("{text:?} is no duration, such as \"PT1M\""))),
        }
    }

    fn status(&self, text: Option<&str>) -> Result<Status> {
        match text {
            None | Some("Active") => Ok(Status::Active),
            Some("Disabled") => Ok(Status::Disabled),
            Some("SendDisabled") => Ok(Status::SendDisabled),
            Some("ReceiveDisabled") => Ok(Status::ReceiveDisabled),
            Some(other) => Err(self.error("Status", format!("{other:?} is no status"))),
        }
    }

    fn rule(&self, entry: RuleEntry) -> Result<Rule> {
        let RuleEntry { name, properties } = entry;
        let at = format!("rule '{name}'");
        let filter = match (properties.filter_type, properties.sql_filter) {
            (FilterType::Sql, Some(Expression { sql_expression })) => {
                let filter = SqlFilter::parse(&sql_expression);
                Filter::Sql(filter.map_err(|error| {
                    self.error(&at, format!("the filter {sql_expression:?}: {error}"))
                })?)
            }
            (FilterType::Sql, None) => return Err(self.error(&at, "SqlFilter is missing")),
            (FilterType::Correlation, _) => match properties.correlation_filter {
                Some(filter) => Filter::Correlation(Box::new(self.correlation(&at, filter)?)),
                None => return Err(self.error(&at, "CorrelationFilter is missing")),
            },
        };
        let action = match properties.action {
            Some(Expression { sql_expression }) => {
                let action = SqlAction::parse(&sql_expression);
                Some(action.map_err(|error| {
                    self.error(&at, format!("the action {sql_expression:?}: {error}"))
                })?)
            }
            None => None,
        };
        Ok(Rule {
            action,
            ..Rule::new(name, filter, Time::default())
        })
    }

    fn correlation(&self, at: &str, filter: Correlation) -> Result<CorrelationFilter> {
        let properties = filter.properties.into_iter().map(|(name, value)| {
            let value = self.value(at, &name, value)?;
            Ok((name, value))
        });
        Ok(CorrelationFilter {
            properties: properties.collect::<Result<_>>()?,
            correlation_id: filter.correlation_id,
            message_id: filter.message_id,
            to: filter.to,
            reply_to: filter.reply_to,
            subject: filter.label,
            session_id: filter.session_id,
            reply_to_session_id: filter.reply_to_session_id,
            content_type: filter.content_type,
        })
    }

    fn value(&self, at: &str, name: &str, value: serde_json::Value) -> Result<Value> {
        let read = match value {
            serde_json::Value::String(text) => Some(Value::String(text.into())),
            serde_json::Value::Bool(value) => Some(Value::Boolean(value)),
            serde_json::Value::Number(number) => match number.as_i64() {
                Some(number) => Some(Value::Long(number)),
                None => number.as_f64().map(Value::Double),
            },
            _ => None,
        };
        let reason = "the value is neither a text nor a number nor a boolean";
        read.ok_or_else(|| self.error(&format!("{at}, property {name:?}"), reason))
    }

    fn error(&self, name: &str, reason: impl Into<String>) -> ConfigError {
        ConfigError::new(format!("{}, {name}", self.entity), reason)
    }
}
