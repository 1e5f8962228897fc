//! Names: of queues and topics, of subscriptions, of sessions, and of what can be received from.

use std::{
    fmt::{self, Debug, Display},
    str::FromStr,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{
    error::{Error, ErrorKind, Result},
    header::has_control,
    text::Text,
};

/// The longest name of a queue, topic or subscription, in bytes.
pub const NAME_BYTES_MAX: usize = 260;

/// The longest session id, in bytes.
pub const SESSION_ID_BYTES_MAX: usize = 128;

const SUBSCRIPTIONS: &str = "/subscriptions/";
const DEAD_LETTER: &str = "/$deadletterqueue";

/// Names a queue or a topic.
///
/// 1 to 260 bytes of ASCII letters, digits and `-` `_` `.` `~` `:`, in parts separated by `/`;
/// no part is empty, `.` or `..`. That covers `orders.fifo` and `sales/orders`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueName(Text);

/// Names a subscription of a topic: as a [`QueueName`], without `/`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubscriptionName(Text);

/// Names a session: 1 to 128 bytes without control characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(Text);

/// Names what can be received from: a queue, a subscription, or the dead-letter queue of either.
///
/// ```
/// use relayhouse_core::Source;
///
/// for text in [
///     "orders.fifo",
///     "sales/orders/$deadletterqueue",
///     "events/subscriptions/audit",
///     "events/subscriptions/audit/$deadletterqueue",
/// ] {
///     assert_eq!(text.parse::<Source>()?.to_string(), text);
/// }
/// # Ok::<(), relayhouse_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source {
    /// The queue or subscription.
    pub entity: Entity,
    /// True for the dead-letter queue of it.
    pub dead_letter: bool,
}

/// Names a queue or a subscription.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Entity {
    /// A queue.
    Queue(QueueName),
    /// A subscription of a topic.
    Subscription {
        /// The topic.
        topic: QueueName,
        /// The subscription.
        name: SubscriptionName,
    },
}

impl QueueName {
    /// Checks `name`.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::ConfigInvalid`] that names the rule `name` breaks.
    pub fn new(name: impl Into<Text>) -> Result<Self> {
        let name = name.into();
        check_length("queue name", &name, NAME_BYTES_MAX)?;
        name.split('/')
            .try_for_each(|part| check_part("queue name", &name, part))?;
        let has_subscription = name.to_ascii_lowercase().contains(SUBSCRIPTIONS);
        if has_subscription {
            return Err(invalid(
                "queue name",
                &name,
                "names a subscription, not a queue",
            ));
        }
        Ok(Self(name))
    }

    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name as shared text.
    #[must_use]
    pub const fn as_text(&self) -> &Text {
        &self.0
    }
}

impl SubscriptionName {
    /// Checks `name`.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::ConfigInvalid`] that names the rule `name` breaks.
    pub fn new(name: impl Into<Text>) -> Result<Self> {
        let name = name.into();
        check_length("subscription name", &name, NAME_BYTES_MAX)?;
        check_part("subscription name", &name, &name)?;
        Ok(Self(name))
    }

    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl SessionId {
    /// Checks `id`.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::ConfigInvalid`] that names the rule `id` breaks.
    pub fn new(id: impl Into<Text>) -> Result<Self> {
        let id = id.into();
        check_length("session id", &id, SESSION_ID_BYTES_MAX)?;
        if has_control(&id) {
            return Err(invalid("session id", &id, "has a control character"));
        }
        Ok(Self(id))
    }

    /// Returns the id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the id as shared text.
    #[must_use]
    pub const fn as_text(&self) -> &Text {
        &self.0
    }
}

fn check_length(what: &str, name: &Text, max: usize) -> Result<()> {
    if name.is_empty() {
        return Err(invalid(what, name, "is empty"));
    }
    if max < name.len() {
        let rule = format!("has {} bytes, at most {max} are allowed", name.len());
        return Err(invalid(what, name, &rule));
    }
    Ok(())
}

fn check_part(what: &str, name: &Text, part: &str) -> Result<()> {
    if matches!(part, "" | "." | "..") {
        return Err(invalid(
            what,
            name,
            "has an empty part, or one that is \".\" or \"..\"",
        ));
    }
    let stranger = part
        .chars()
        .find(|c| !(c.is_ascii_alphanumeric() || "-_.~:".contains(*c)));
    match stranger {
        Some(c) => Err(invalid(what, name, &format!("has the character {c:?}"))),
        None => Ok(()),
    }
}

fn invalid(what: &str, name: &Text, rule: &str) -> Error {
    const SHOWN_MAX: usize = 80;
    let shown: String = name.chars().take(SHOWN_MAX).collect();
    let shown = shown.escape_debug();
    Error::new(
        ErrorKind::ConfigInvalid,
        format!("{what} \"{shown}\" {rule}"),
    )
}

impl Source {
    /// Names the queue `name`.
    #[must_use]
    pub const fn queue(name: QueueName) -> Self {
        Self {
            entity: Entity::Queue(name),
            dead_letter: false,
        }
    }

    /// Names the subscription `name` of `topic`.
    #[must_use]
    pub const fn subscription(topic: QueueName, name: SubscriptionName) -> Self {
        Self {
            entity: Entity::Subscription { topic, name },
            dead_letter: false,
        }
    }

    /// Names the dead-letter queue of this source: itself, if it is one.
    #[must_use]
    pub fn dead_letters(&self) -> Self {
        Self {
            entity: self.entity.clone(),
            dead_letter: true,
        }
    }

    /// Names where the dead letters of this source come from: itself, if it is not a
    /// dead-letter queue.
    #[must_use]
    pub fn live(&self) -> Self {
        Self {
            entity: self.entity.clone(),
            dead_letter: false,
        }
    }
}

impl From<QueueName> for Source {
    fn from(name: QueueName) -> Self {
        Self::queue(name)
    }
}

impl FromStr for QueueName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::new(text.to_owned())
    }
}

impl FromStr for SubscriptionName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::new(text.to_owned())
    }
}

impl FromStr for SessionId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::new(text.to_owned())
    }
}

impl FromStr for Source {
    type Err = Error;

    /// Reads `queue`, `topic/subscriptions/name`, and either with `/$deadletterqueue` behind;
    /// the case of the two fixed parts does not matter.
    fn from_str(text: &str) -> Result<Self> {
        let lower = text.to_ascii_lowercase();
        let dead_letter = lower.ends_with(DEAD_LETTER);
        let end = if dead_letter {
            text.len() - DEAD_LETTER.len()
        } else {
            text.len()
        };
        let entity = match lower[..end].find(SUBSCRIPTIONS) {
            Some(at) => Entity::Subscription {
                topic: text[..at].parse()?,
                name: text[at + SUBSCRIPTIONS.len()..end].parse()?,
            },
            None => Entity::Queue(text[..end].parse()?),
        };
        Ok(Self {
            entity,
            dead_letter,
        })
    }
}

impl Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Queue(name) => Display::fmt(name, f),
            Self::Subscription { topic, name } => write!(f, "{topic}{SUBSCRIPTIONS}{name}"),
        }
    }
}

impl Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let suffix = if self.dead_letter { DEAD_LETTER } else { "" };
        write!(f, "{}{suffix}", self.entity)
    }
}

impl From<&Source> for Text {
    fn from(source: &Source) -> Self {
        match source {
            Source {
                entity: Entity::Queue(name),
                dead_letter: false,
            } => name.0.clone(),
            _ => source.to_string().into(),
        }
    }
}

impl From<&QueueName> for Text {
    fn from(name: &QueueName) -> Self {
        name.0.clone()
    }
}

macro_rules! text_newtype {
    ($($name:ident)*) => {$(
        impl Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                Display::fmt(&self.0, f)
            }
        }

        impl Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }
    )*};
}

text_newtype!(QueueName SubscriptionName SessionId);

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, prop_assert_eq, proptest};

    use super::*;

    fn message<T: Debug>(result: Result<T>) -> String {
        result.map_or_else(|error| error.to_string(), |value| format!("{value:?}"))
    }

    #[test]
    fn names_of_real_providers_are_fine() {
        for name in [
            "orders.fifo",
            "sales/eu/orders",
            "a",
            "jobs:mail",
            "A-b_c~1",
        ] {
            assert!(QueueName::new(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn wrong_names_say_what_is_wrong() {
        let long = "q".repeat(NAME_BYTES_MAX + 1);
        for (name, rule) in [
            ("", "is empty"),
            ("/orders", "empty part"),
            ("a//b", "empty part"),
            ("a/../b", "\"..\""),
            ("two words", "' '"),
            ("grün", "'ü'"),
            ("line\nfeed", "'\\n'"),
            (&long, "at most 260"),
            ("t/Subscriptions/s", "subscription"),
        ] {
            let text = message(name.parse::<QueueName>());
            assert!(text.contains(rule), "{text}");
        }
    }

    #[test]
    fn fixed_parts_of_a_source_ignore_case() {
        let source: Result<Source> = "events/Subscriptions/audit/$DeadLetterQueue".parse();
        assert_eq!(
            source.map(|source| source.to_string()).ok().as_deref(),
            Some("events/subscriptions/audit/$deadletterqueue")
        );
    }

    #[test]
    fn dead_letters_of_dead_letters_are_the_same_queue() {
        let source: Source = QueueName::new("orders")
            .map(Source::queue)
            .expect("a valid name");
        assert_eq!(source.dead_letters().dead_letters(), source.dead_letters());
        assert_eq!(source.dead_letters().live(), source);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        #[test]
        fn any_text_parses_or_fails_and_what_parses_prints_alike(text in "\\PC{0,40}") {
            if let Ok(source) = text.parse::<Source>() {
                prop_assert_eq!(source.to_string().parse::<Source>().ok(), Some(source));
            }
        }
    }
}
