//! The properties of entities in the file, which become settings.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};

use super::{
    super::{
        Common, Intake, Outlet, Path, Status,
        duration::{finite_duration, parse_duration},
    },
    ConfigError,
};

type Result<T> = std::result::Result<T, ConfigError>;

/// The properties of one entity that nobody has taken yet.
#[derive(Debug)]
pub(super) struct Properties<'a> {
    entity: &'a str,
    left: Map<String, Json>,
}

impl<'a> Properties<'a> {
    pub(super) const fn new(entity: &'a str, properties: Map<String, Json>) -> Self {
        Self {
            entity,
            left: properties,
        }
    }

    /// Takes a property, if it is there.
    pub(super) fn take<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>> {
        let value = self.left.remove(name).unwrap_or_default();
        serde_json::from_value(value).map_err(|error| self.error(name, error.to_string()))
    }

    pub(super) fn common(&mut self) -> Result<Common> {
        let time_to_live = self.duration("DefaultMessageTimeToLive")?;
        let delete_on_idle = self.duration("AutoDeleteOnIdle")?;
        Ok(Common {
            status: self.status()?,
            time_to_live: time_to_live.and_then(finite_duration),
            delete_on_idle: delete_on_idle.and_then(finite_duration),
            user_metadata: self.take("UserMetadata")?,
        })
    }

    pub(super) fn intake(&mut self) -> Result<Intake> {
        let mut intake = Intake::default();
        let detects = self.take("RequiresDuplicateDetection")?;
        set(&mut intake.detects_duplicates, detects);
        let window = self.duration("DuplicateDetectionHistoryTimeWindow")?;
        set(&mut intake.duplicate_window, window);
        set(&mut intake.megabytes_max, self.take("MaxSizeInMegabytes")?);
        let kilobytes = self.take("MaxMessageSizeInKilobytes")?;
        set(&mut intake.message_kilobytes_max, kilobytes);
        Ok(intake)
    }

    pub(super) fn outlet(&mut self) -> Result<Outlet> {
        let mut outlet = Outlet::default();
        set(&mut outlet.lock_duration, self.duration("LockDuration")?);
        let count = self.take("MaxDeliveryCount")?;
        set(&mut outlet.delivery_count_max, count);
        set(&mut outlet.requires_session, self.take("RequiresSession")?);
        let expired = self.take("DeadLetteringOnMessageExpiration")?;
        set(&mut outlet.dead_letters_expired, expired);
        outlet.forward_to = self.path("ForwardTo")?;
        outlet.forward_dead_letters_to = self.path("ForwardDeadLetteredMessagesTo")?;
        Ok(outlet)
    }

    /// Checks that all were taken.
    pub(super) fn end(self) -> Result<()> {
        match self.left.keys().next() {
            Some(name) => Err(self.error(name, format!("unknown field `{name}`"))),
            None => Ok(()),
        }
    }

    fn duration(&mut self, name: &str) -> Result<Option<Duration>> {
        let Some(text) = self.take::<String>(name)? else {
            return Ok(None);
        };
        match parse_duration(&text) {
            Some(duration) => Ok(Some(duration)),
            None => Err(self.error(name, format!("{text:?} is no duration, such as \"PT1M\""))),
        }
    }

    /// Takes a path; an empty one is none.
    fn path(&mut self, name: &str) -> Result<Option<Path>> {
        let text = self.take::<String>(name)?;
        let text = text.filter(|text| !text.is_empty());
        Ok(text.map(|text| Path::new(&text)))
    }

    fn status(&mut self) -> Result<Status> {
        let text = self.take::<String>("Status")?;
        match text.as_deref() {
            None | Some("Active") => Ok(Status::Active),
            Some("Disabled") => Ok(Status::Disabled),
            Some("SendDisabled") => Ok(Status::SendDisabled),
            Some("ReceiveDisabled") => Ok(Status::ReceiveDisabled),
            Some(other) => Err(self.error("Status", format!("{other:?} is no status"))),
        }
    }

    fn error(&self, name: &str, reason: impl Into<String>) -> ConfigError {
        ConfigError::new(format!("{}, {name}", self.entity), reason)
    }
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}
