//! What can be set for entities, with bounds and defaults.

use std::{fmt, ops::RangeInclusive, time::Duration};

use serde::{Deserialize, Serialize};

use super::{Error, ErrorKind, Path, Result};

/// The longest time for which a message or a session is locked at once.
pub const LOCK_DURATION_MAX: Duration = Duration::from_secs(300);

/// How often a message may be delivered at most.
pub const DELIVERY_COUNT_MAX: u32 = 2_000;

/// The shortest and the longest time for which duplicates are remembered.
pub const DUPLICATE_WINDOW: RangeInclusive<Duration> =
    Duration::from_secs(20)..=Duration::from_secs(7 * 24 * 3_600);

/// The shortest time after which an entity that nobody uses is deleted.
pub const IDLE_MIN: Duration = Duration::from_secs(300);

/// The longest text that is kept with an entity for its users.
pub const USER_METADATA_LENGTH_MAX: usize = 1_024;

/// The largest message that an entity can be made to take, in KiB.
pub const MESSAGE_KILOBYTES_MAX: u32 = 102_400;

/// The largest entity, in MiB.
pub const MEGABYTES_MAX: u32 = 81_920;

/// Which calls an entity takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Status {
    /// All of them.
    #[default]
    Active,
    /// Neither sends nor receives.
    Disabled,
    /// Receives alone.
    SendDisabled,
    /// Sends alone.
    ReceiveDisabled,
}

/// What can be set for every entity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Common {
    /// Which calls it takes.
    pub status: Status,
    /// How long messages are kept that say nothing shorter; for ever if there is none.
    pub time_to_live: Option<Duration>,
    /// After how much time without any use it is deleted; never if there is none.
    pub delete_on_idle: Option<Duration>,
    /// A text of its users, which is only kept.
    pub user_metadata: Option<Box<str>>,
}

/// What can be set for an entity to which messages are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intake {
    /// Whether a message with an id that was there before is dropped.
    pub detects_duplicates: bool,
    /// How long ids are remembered.
    pub duplicate_window: Duration,
    /// How large all messages together may be, in MiB.
    pub megabytes_max: u32,
    /// How large a message may be, in KiB.
    pub message_kilobytes_max: u32,
}

/// What can be set for an entity from which messages are received.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outlet {
    /// How long a message or a session is locked at once.
    pub lock_duration: Duration,
    /// How often a message is delivered before it is dead.
    pub delivery_count_max: u32,
    /// Whether messages are in sessions, all of them.
    pub requires_session: bool,
    /// Whether messages that expire are dead, and not just gone.
    pub dead_letters_expired: bool,
    /// Where messages go at once.
    pub forward_to: Option<Path>,
    /// Where dead messages go at once.
    pub forward_dead_letters_to: Option<Path>,
}

/// What can be set for a queue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueSettings {
    /// What every entity has.
    pub common: Common,
    /// What is sent to has.
    pub intake: Intake,
    /// What is received from has.
    pub outlet: Outlet,
}

/// What can be set for a topic.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicSettings {
    /// What every entity has.
    pub common: Common,
    /// What is sent to has.
    pub intake: Intake,
}

/// What can be set for a subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionSettings {
    /// What every entity has.
    pub common: Common,
    /// What is received from has.
    pub outlet: Outlet,
    /// Whether a message is dead, and not just left out, if a filter fails on it.
    pub dead_letters_filter_errors: bool,
}

impl Default for Common {
    fn default() -> Self {
        Self {
            status: Status::Active,
            time_to_live: None,
            delete_on_idle: None,
            user_metadata: None,
        }
    }
}

impl Default for Intake {
    fn default() -> Self {
        Self {
            detects_duplicates: false,
            duplicate_window: Duration::from_secs(600),
            megabytes_max: 1_024,
            message_kilobytes_max: 256,
        }
    }
}

impl Default for Outlet {
    fn default() -> Self {
        Self {
            lock_duration: Duration::from_secs(60),
            delivery_count_max: 10,
            requires_session: false,
            dead_letters_expired: false,
            forward_to: None,
            forward_dead_letters_to: None,
        }
    }
}

impl Default for SubscriptionSettings {
    fn default() -> Self {
        Self {
            common: Common::default(),
            outlet: Outlet::default(),
            dead_letters_filter_errors: true,
        }
    }
}

impl Status {
    pub(super) const fn takes_sends(self) -> bool {
        matches!(self, Self::Active | Self::ReceiveDisabled)
    }

    pub(super) const fn takes_receives(self) -> bool {
        matches!(self, Self::Active | Self::SendDisabled)
    }
}

impl Common {
    pub(super) fn check(&self, path: &Path) -> Result<()> {
        let check = Check { path };
        let longest = Duration::MAX;
        if let Some(time_to_live) = self.time_to_live {
            let range = Duration::from_secs(1)..=longest;
            check.duration("DefaultMessageTimeToLive", time_to_live, range)?;
        }
        if let Some(idle) = self.delete_on_idle {
            check.duration("AutoDeleteOnIdle", idle, IDLE_MIN..=longest)?;
        }
        let length = self.user_metadata.as_ref().map_or(0, |it| it.len());
        check.within("UserMetadata", &length, &(0..=USER_METADATA_LENGTH_MAX))
    }
}

impl Intake {
    pub(super) fn check(&self, path: &Path) -> Result<()> {
        let check = Check { path };
        let name = "DuplicateDetectionHistoryTimeWindow";
        check.duration(name, self.duplicate_window, DUPLICATE_WINDOW)?;
        check.within(
            "MaxSizeInMegabytes",
            &self.megabytes_max,
            &(1..=MEGABYTES_MAX),
        )?;
        let kilobytes = self.message_kilobytes_max;
        check.within(
            "MaxMessageSizeInKilobytes",
            &kilobytes,
            &(1..=MESSAGE_KILOBYTES_MAX),
        )
    }

    pub(super) const fn message_bytes_max(&self) -> usize {
        self.message_kilobytes_max as usize * 1_024
    }

    pub(super) const fn bytes_max(&self) -> u64 {
        self.megabytes_max as u64 * 1_048_576
    }
}

impl Outlet {
    pub(super) fn check(&self, path: &Path) -> Result<()> {
        let check = Check { path };
        let range = Duration::from_secs(1)..=LOCK_DURATION_MAX;
        check.duration("LockDuration", self.lock_duration, range)?;
        let count = self.delivery_count_max;
        check.within("MaxDeliveryCount", &count, &(1..=DELIVERY_COUNT_MAX))?;
        if self.requires_session && self.forward_to.is_some() {
            let message = format!("{path} cannot both require sessions and forward its messages");
            return Err(Error::new(ErrorKind::Argument, message));
        }
        check.other_than_itself("ForwardTo", self.forward_to.as_ref())?;
        let target = self.forward_dead_letters_to.as_ref();
        check.other_than_itself("ForwardDeadLetteredMessagesTo", target)
    }
}

/// Checks the settings of one entity.
struct Check<'a> {
    path: &'a Path,
}

impl Check<'_> {
    fn duration(&self, name: &str, value: Duration, range: RangeInclusive<Duration>) -> Result<()> {
        if range.contains(&value) {
            return Ok(());
        }
        let (least, most) = (range.start().as_secs(), range.end());
        let most = match *most {
            Duration::MAX => "without end".to_owned(),
            most => format!("{} seconds", most.as_secs()),
        };
        let path = self.path;
        let message =
            format!("{name} of {path} is {value:?}: it must be between {least} seconds and {most}");
        Err(Error::new(ErrorKind::ArgumentOutOfRange, message))
    }

    fn within<T>(&self, name: &str, value: &T, range: &RangeInclusive<T>) -> Result<()>
    where
        T: PartialOrd + fmt::Display,
    {
        if range.contains(value) {
            return Ok(());
        }
        let (path, least, most) = (self.path, range.start(), range.end());
        let message = format!("{name} of {path} is {value}: it must be between {least} and {most}");
        Err(Error::new(ErrorKind::ArgumentOutOfRange, message))
    }

    fn other_than_itself(&self, name: &str, target: Option<&Path>) -> Result<()> {
        if target == Some(self.path) {
            let message = format!("{name} of {} is the entity itself", self.path);
            return Err(Error::new(ErrorKind::Argument, message));
        }
        Ok(())
    }
}
