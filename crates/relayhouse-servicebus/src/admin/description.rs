//! What an entity is set to, and what it holds: as the management API describes it.

use std::{num::NonZeroU32, time::Duration};

use relayhouse_core::{Entity, Error, ErrorKind, Operation, Result, port::QueueConfig};
use roxmltree::Node;

use super::{duration, xml};
use crate::{capability::LOCK_MAX, error};

/// Holds what a queue, a topic or a subscription is set to; `None` leaves it to the service, and
/// in an update as it is.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntityProperties {
    /// How long a lock lasts; up to 5 minutes. Topics have none.
    pub lock_duration: Option<Duration>,
    /// The most megabytes of all messages. Subscriptions have none.
    pub megabytes_max: Option<u64>,
    /// True to drop what was sent before. Cannot be changed; subscriptions have none.
    pub requires_duplicate_detection: Option<bool>,
    /// True if messages are received through sessions only. Cannot be changed; topics have none.
    pub requires_session: Option<bool>,
    /// The time to live of a message that sets none; `Duration::MAX` for no end.
    pub default_ttl: Option<Duration>,
    /// True if what expires goes to the dead-letter queue. Topics have none.
    pub dead_letters_expired: Option<bool>,
    /// True if a message that breaks a filter goes to the dead-letter queue. Subscriptions alone.
    pub dead_letters_filter_errors: Option<bool>,
    /// How long a message id is known. Subscriptions have none.
    pub duplicate_window: Option<Duration>,
    /// The deliveries after which a message is dead-lettered. Topics have none.
    pub attempts_max: Option<NonZeroU32>,
    /// What can be done with it.
    pub status: Option<EntityStatus>,
    /// The queue or topic that gets all messages; empty for none. Topics have none.
    pub forward_to: Option<String>,
    /// The queue or topic that gets all dead letters; empty for none. Topics have none.
    pub forward_dead_letters_to: Option<String>,
    /// What somebody has written down about it.
    pub user_metadata: Option<String>,
    /// How long nobody may use it before it is deleted; `Duration::MAX` for no end.
    pub delete_on_idle: Option<Duration>,
    /// The most kilobytes of one message, where the tier allows to set it. Subscriptions have none.
    pub message_kilobytes_max: Option<u64>,
}

/// Says what can be done with an entity.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntityStatus {
    /// All.
    Active,
    /// Nothing.
    Disabled,
    /// Nothing can be sent to it.
    SendDisabled,
    /// Nothing can be received from it.
    ReceiveDisabled,
}

/// What an entity is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Queue,
    Topic,
    Subscription,
}

/// What is said of an entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Described {
    pub(super) properties: EntityProperties,
    pub(super) counts: Counts,
    /// The bytes of all messages, dead letters included.
    pub(super) bytes: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) active: u64,
    pub(super) scheduled: u64,
    pub(super) dead: u64,
    pub(super) transfer_dead: u64,
}

const STATUSES: [(&str, EntityStatus); 4] = [
    ("Active", EntityStatus::Active),
    ("Disabled", EntityStatus::Disabled),
    ("SendDisabled", EntityStatus::SendDisabled),
    ("ReceiveDisabled", EntityStatus::ReceiveDisabled),
];

/// The longest duration that the service knows, which is no end.
const ENDLESS: &str = "P10675199DT2H48M5.4775807S";

impl Kind {
    pub(super) const fn of(entity: &Entity) -> Self {
        match entity {
            Entity::Queue(_) => Self::Queue,
            Entity::Subscription { .. } => Self::Subscription,
        }
    }

    const fn element(self) -> &'static str {
        match self {
            Self::Queue => "QueueDescription",
            Self::Topic => "TopicDescription",
            Self::Subscription => "SubscriptionDescription",
        }
    }

    /// Returns what can be set, in the order in which the service reads it.
    const fn elements(self) -> &'static [&'static str] {
        match self {
            Self::Queue => &[
                "LockDuration",
                "MaxSizeInMegabytes",
                "RequiresDuplicateDetection",
                "RequiresSession",
                "DefaultMessageTimeToLive",
                "DeadLetteringOnMessageExpiration",
                "DuplicateDetectionHistoryTimeWindow",
                "MaxDeliveryCount",
                "EnableBatchedOperations",
                "AuthorizationRules",
                "Status",
                "ForwardTo",
                "UserMetadata",
                "AutoDeleteOnIdle",
                "EnablePartitioning",
                "ForwardDeadLetteredMessagesTo",
                "EnableExpress",
                "MaxMessageSizeInKilobytes",
            ],
            Self::Topic => &[
                "DefaultMessageTimeToLive",
                "MaxSizeInMegabytes",
                "RequiresDuplicateDetection",
                "DuplicateDetectionHistoryTimeWindow",
                "EnableBatchedOperations",
                "AuthorizationRules",
                "Status",
                "UserMetadata",
                "SupportOrdering",
                "AutoDeleteOnIdle",
                "EnablePartitioning",
                "EnableExpress",
                "MaxMessageSizeInKilobytes",
            ],
            Self::Subscription => &[
                "LockDuration",
                "RequiresSession",
                "DefaultMessageTimeToLive",
                "DeadLetteringOnMessageExpiration",
                "DeadLetteringOnFilterEvaluationExceptions",
                "MaxDeliveryCount",
                "EnableBatchedOperations",
                "Status",
                "ForwardTo",
                "UserMetadata",
                "ForwardDeadLetteredMessagesTo",
                "AutoDeleteOnIdle",
            ],
        }
    }
}

impl EntityProperties {
    /// Turns what the ports can ask for into what the service can be set to.
    pub(super) fn of_config(entity: &Entity, config: &QueueConfig) -> Result<Self> {
        let QueueConfig {
            lease,
            attempts_max,
            requires_sessions,
            dedup_window,
            ttl,
            dead_letter_expired,
            messages_max,
            bytes_max,
        } = config;
        let refuse = |what| Err(unsupported(entity, what));
        if messages_max.is_some() {
            return refuse("a queue is bounded by bytes, not by messages");
        }
        if lease.is_some_and(|lease| lease.is_zero() || LOCK_MAX < lease) {
            return refuse("a lock lasts up to 5 minutes, and not no time");
        }
        if dedup_window.is_some() && Kind::of(entity) == Kind::Subscription {
            return refuse("a topic knows dedup ids, its subscriptions do not");
        }
        let megabytes_max = match bytes_max.map(|max| (max.get() / MEGABYTE, max.get() % MEGABYTE))
        {
            None => None,
            Some(_) if Kind::of(entity) == Kind::Subscription => {
                return refuse("a topic is bounded, its subscriptions are not");
            }
            Some((megabytes, 0)) => Some(megabytes),
            Some(_) => return refuse("a queue is bounded by whole megabytes"),
        };
        Ok(Self {
            lock_duration: *lease,
            attempts_max: *attempts_max,
            requires_session: Some(*requires_sessions),
            requires_duplicate_detection: dedup_window.map(|_| true),
            duplicate_window: *dedup_window,
            default_ttl: *ttl,
            dead_letters_expired: Some(*dead_letter_expired),
            megabytes_max,
            ..Self::default()
        })
    }

    /// Returns what is set here, and is otherwise in `other`.
    pub(super) fn differs_from(&self, other: &Self) -> Option<&'static str> {
        let (ours, theirs) = (self.fields(str::to_owned), other.fields(str::to_owned));
        let differs = ours
            .into_iter()
            .zip(theirs)
            .find(|((_, ours), (_, theirs))| {
                ours.as_ref()
                    .is_some_and(|text| theirs.as_ref() != Some(text))
            });
        differs.map(|((name, _), _)| name)
    }

    /// Returns each field with the name of its element, and its text if it is set. Entities that
    /// are forwarded to are named by `address`.
    fn fields(&self, address: impl Fn(&str) -> String) -> [(&'static str, Option<String>); 15] {
        let Self {
            lock_duration,
            megabytes_max,
            requires_duplicate_detection,
            requires_session,
            default_ttl,
            dead_letters_expired,
            dead_letters_filter_errors,
            duplicate_window,
            attempts_max,
            status,
            forward_to,
            forward_dead_letters_to,
            user_metadata,
            delete_on_idle,
            message_kilobytes_max,
        } = self;
        let time = |time: &Option<Duration>| {
            time.map(|time| match time {
                Duration::MAX => ENDLESS.to_owned(),
                time => duration::write(time),
            })
        };
        let number = |number: &Option<u64>| number.map(|it| it.to_string());
        let flag = |flag: &Option<bool>| flag.map(|it| it.to_string());
        let target = |name: &Option<String>| {
            let name = name.as_deref()?;
            Some(if name.is_empty() {
                String::new()
            } else {
                address(name)
            })
        };
        let status = status.and_then(|status| {
            let found = STATUSES.iter().find(|(_, it)| *it == status);
            found.map(|(name, _)| (*name).to_owned())
        });
        [
            ("LockDuration", time(lock_duration)),
            ("MaxSizeInMegabytes", number(megabytes_max)),
            (
                "RequiresDuplicateDetection",
                flag(requires_duplicate_detection),
            ),
            ("RequiresSession", flag(requires_session)),
            ("DefaultMessageTimeToLive", time(default_ttl)),
            (
                "DeadLetteringOnMessageExpiration",
                flag(dead_letters_expired),
            ),
            (
                "DeadLetteringOnFilterEvaluationExceptions",
                flag(dead_letters_filter_errors),
            ),
            (
                "DuplicateDetectionHistoryTimeWindow",
                time(duplicate_window),
            ),
            ("MaxDeliveryCount", attempts_max.map(|it| it.to_string())),
            ("Status", status),
            ("ForwardTo", target(forward_to)),
            (
                "ForwardDeadLetteredMessagesTo",
                target(forward_dead_letters_to),
            ),
            ("UserMetadata", user_metadata.clone()),
            ("AutoDeleteOnIdle", time(delete_on_idle)),
            ("MaxMessageSizeInKilobytes", number(message_kilobytes_max)),
        ]
    }

    /// Writes a description with what is set; the rest is taken from `before`, as it stands there.
    pub(super) fn write(
        &self,
        kind: Kind,
        before: Option<&str>,
        address: impl Fn(&str) -> String,
    ) -> Result<String> {
        let fields = self.fields(address);
        let is_there = |name: &&str| kind.elements().contains(name);
        let stranger = fields
            .iter()
            .find(|(name, text)| text.is_some() && !is_there(name));
        if let Some((name, _)) = stranger {
            let text = format!("a {} cannot have {name}", kind.element());
            return Err(error::invalid(text).operation(Operation::Admin));
        }
        let document = before.map(xml::parse).transpose()?;
        let entries = document.as_ref().map(xml::entries).unwrap_or_default();
        let old = entries.first().copied().and_then(xml::description);
        let mut inner = String::new();
        for name in kind.elements() {
            let set = fields.iter().find(|(field, _)| field == name);
            match set.and_then(|(_, text)| text.as_deref()) {
                Some("") if *name != "UserMetadata" => {}
                Some(text) => xml::leaf(&mut inner, name, text),
                None => {
                    let kept = old.and_then(|old| xml::child(old, name)).zip(before);
                    inner.extend(kept.map(|(node, text)| &text[node.range()]));
                }
            }
        }
        Ok(xml::entry(kind.element(), &inner))
    }

    fn read(node: Node<'_, '_>) -> Option<Self> {
        let time = |name| {
            let read = xml::text_of(node, name).map(duration::read);
            read.map_or(Some(None), |time| {
                Some(Some(time?.unwrap_or(Duration::MAX)))
            })
        };
        let number = |name| parsed(xml::text_of(node, name), |it| it.parse().ok());
        let flag = |name| parsed(xml::text_of(node, name), |it| it.parse().ok());
        let target = |name| xml::text_of(node, name).map(path_of);
        let status = |text: &str| {
            let found = STATUSES.iter().find(|(name, _)| *name == text);
            found.map(|(_, status)| *status)
        };
        Some(Self {
            lock_duration: time("LockDuration")?,
            megabytes_max: number("MaxSizeInMegabytes")?,
            requires_duplicate_detection: flag("RequiresDuplicateDetection")?,
            requires_session: flag("RequiresSession")?,
            default_ttl: time("DefaultMessageTimeToLive")?,
            dead_letters_expired: flag("DeadLetteringOnMessageExpiration")?,
            dead_letters_filter_errors: flag("DeadLetteringOnFilterEvaluationExceptions")?,
            duplicate_window: time("DuplicateDetectionHistoryTimeWindow")?,
            attempts_max: parsed(xml::text_of(node, "MaxDeliveryCount"), |it| it.parse().ok())?,
            // There are more of them, which somebody sets who repairs the service.
            status: xml::text_of(node, "Status").and_then(status),
            forward_to: target("ForwardTo"),
            forward_dead_letters_to: target("ForwardDeadLetteredMessagesTo"),
            user_metadata: xml::text_of(node, "UserMetadata").map(str::to_owned),
            delete_on_idle: time("AutoDeleteOnIdle")?,
            message_kilobytes_max: number("MaxMessageSizeInKilobytes")?,
        })
    }
}

const MEGABYTE: u64 = 1024 * 1024;

impl Described {
    /// Reads an answer; `None` if it describes nothing of `kind`.
    pub(super) fn read(kind: Kind, text: &str) -> Result<Option<Self>> {
        let document = xml::parse(text)?;
        let entries = xml::entries(&document);
        let Some(node) = entries.first().copied().and_then(xml::description) else {
            return Ok(None);
        };
        if node.tag_name().name() != kind.element() {
            return Ok(None);
        }
        let properties = EntityProperties::read(node);
        let properties =
            properties.ok_or_else(|| xml::unreadable("a description that cannot be understood"))?;
        let counts = xml::child(node, "CountDetails");
        let count = |name| {
            let text = counts.and_then(|counts| xml::text_of(counts, name));
            text.and_then(|text| text.parse().ok()).unwrap_or(0)
        };
        Ok(Some(Self {
            properties,
            counts: Counts {
                active: count("ActiveMessageCount"),
                scheduled: count("ScheduledMessageCount"),
                dead: count("DeadLetterMessageCount"),
                transfer_dead: count("TransferDeadLetterMessageCount"),
            },
            bytes: xml::text_of(node, "SizeInBytes").and_then(|it| it.parse().ok()),
        }))
    }
}

/// Reads what is there: the outer `None` says that it cannot be read.
fn parsed<T>(text: Option<&str>, read: impl Fn(&str) -> Option<T>) -> Option<Option<T>> {
    text.map_or(Some(None), |text| read(text).map(Some))
}

/// Returns the path of an address, such as `sb://contoso.servicebus.windows.net/orders`.
fn path_of(address: &str) -> String {
    let path = address
        .split_once("://")
        .and_then(|(_, rest)| rest.split_once('/'));
    path.map_or(address, |(_, path)| path).to_owned()
}

fn unsupported(entity: &Entity, what: &'static str) -> Error {
    Error::new(ErrorKind::Unsupported, what)
        .queue(entity.to_string())
        .operation(Operation::Admin)
}
