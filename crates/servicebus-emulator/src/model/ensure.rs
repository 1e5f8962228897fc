//! Entities that are to be there and to be as somebody says, whatever was before.

use super::{
    Model, Path, QueueSettings, Result, Rule, SubscriptionSettings, Time, TopicSettings, rule::key,
};

impl Model {
    /// Makes a queue unless it is there, and gives it its settings.
    ///
    /// # Errors
    ///
    /// As for [`create_queue`](Self::create_queue) and [`update_queue`](Self::update_queue).
    pub fn ensure_queue(&mut self, now: Time, path: &Path, settings: &QueueSettings) -> Result<()> {
        match self.queue_settings(path) {
            Ok(old) if old == *settings => Ok(()),
            Ok(_) => self.update_queue(now, path, settings.clone()),
            Err(_) => self.create_queue(now, path, settings.clone()),
        }
    }

    /// Makes a topic unless it is there, and gives it its settings.
    ///
    /// # Errors
    ///
    /// As for [`create_topic`](Self::create_topic) and [`update_topic`](Self::update_topic).
    pub fn ensure_topic(&mut self, now: Time, path: &Path, settings: &TopicSettings) -> Result<()> {
        match self.topic_settings(path) {
            Ok(old) if old == *settings => Ok(()),
            Ok(_) => self.update_topic(now, path, settings.clone()),
            Err(_) => self.create_topic(now, path, settings.clone()),
        }
    }

    /// Makes a subscription unless it is there, and gives it its settings; its rules stay.
    ///
    /// # Errors
    ///
    /// As for [`create_subscription`](Self::create_subscription) and
    /// [`update_subscription`](Self::update_subscription).
    pub fn ensure_subscription(
        &mut self,
        now: Time,
        path: &Path,
        settings: &SubscriptionSettings,
    ) -> Result<()> {
        match self.subscription_settings(path) {
            Ok(old) if old == *settings => Ok(()),
            Ok(_) => self.update_subscription(now, path, settings.clone()),
            Err(_) => self.create_subscription(now, path, settings.clone(), None),
        }
    }

    /// Lets a subscription have some rules and no others.
    ///
    /// # Errors
    ///
    /// There is no such subscription, or a rule is no good; those before it are there.
    pub fn ensure_rules(&mut self, now: Time, path: &Path, rules: &[Rule]) -> Result<()> {
        let old = self.rules(now, path, 0, usize::MAX)?;
        let is_named = |name: &str| rules.iter().any(|rule| key(&rule.name) == key(name));
        for rule in old.iter().filter(|rule| !is_named(&rule.name)) {
            self.remove_rule(now, path, &rule.name)?;
        }
        for rule in rules {
            let old = old.iter().find(|old| key(&old.name) == key(&rule.name));
            let is_same = |old: &Rule| old.filter == rule.filter && old.action == rule.action;
            let new = Rule {
                created: now,
                ..rule.clone()
            };
            match old {
                Some(old) if is_same(old) => {}
                Some(_) => self.update_rule(now, path, new)?,
                None => self.add_rule(now, path, new)?,
            }
        }
        Ok(())
    }
}
