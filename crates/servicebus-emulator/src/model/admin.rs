//! Entities: how they are made, changed, listed and deleted.

use super::{
    DEFAULT_RULE, EntityKind, Error, ErrorKind, Filter, Intake, Model, Outlet, Path, QueueSettings,
    Result, Rule, Subqueue, SubscriptionSettings, Time, TopicSettings,
    definition::{Definition, Kind},
    draft::{Draft, Way},
    entity::{Entity, EntityId},
    is_there,
    names::{check_name, check_subscription_name, no_name},
    not_found,
    queue::{Queue, Role},
    rule::key,
};

/// How many entities a namespace may have.
pub const ENTITIES_MAX: usize = 10_000;

/// How many subscriptions a topic may have.
pub const SUBSCRIPTIONS_MAX: usize = 2_000;

impl Model {
    /// Makes a queue.
    ///
    /// # Errors
    ///
    /// The name or a setting is no good, or there is an entity of that name.
    pub fn create_queue(&mut self, now: Time, path: &Path, settings: QueueSettings) -> Result<()> {
        self.act(now, |model| {
            check_name(path)?;
            settings.common.check(path)?;
            settings.intake.check(path)?;
            model.check_outlet(path, &settings.outlet)?;
            let id = model.reserve(path)?;
            model.define(
                id,
                Definition::new(path.clone(), Kind::Queue(settings), now),
            );
            Ok(())
        })
    }

    /// Makes a topic.
    ///
    /// # Errors
    ///
    /// The name or a setting is no good, or there is an entity of that name.
    pub fn create_topic(&mut self, now: Time, path: &Path, settings: TopicSettings) -> Result<()> {
        self.act(now, |model| {
            check_name(path)?;
            settings.common.check(path)?;
            settings.intake.check(path)?;
            let id = model.reserve(path)?;
            model.define(
                id,
                Definition::new(path.clone(), Kind::Topic(settings), now),
            );
            Ok(())
        })
    }

    /// Makes a subscription of a topic, with one rule: the given one, or one that takes all.
    ///
    /// # Errors
    ///
    /// There is no such topic, or the name, the rule or a setting is no good, or there is a
    /// subscription of that name.
    pub fn create_subscription(
        &mut self,
        now: Time,
        path: &Path,
        settings: SubscriptionSettings,
        rule: Option<Rule>,
    ) -> Result<()> {
        self.act(now, |model| {
            let (topic, name) = path.as_subscription().ok_or_else(|| no_name(path))?;
            check_subscription_name(name)?;
            let rule = rule.unwrap_or_else(|| Rule::new(DEFAULT_RULE, Filter::True, now));
            rule.check()?;
            settings.common.check(path)?;
            model.check_outlet(path, &settings.outlet)?;
            let topic = model.topic_with_room(&Path::new(topic))?;
            let id = model.reserve(path)?;
            let kind = Kind::Subscription {
                topic,
                settings,
                rules: vec![rule],
            };
            model.define(id, Definition::new(path.clone(), kind, now));
            Ok(())
        })
    }

    /// Changes the settings of a queue.
    ///
    /// # Errors
    ///
    /// There is no such queue, a setting is no good, or one that cannot be changed is another.
    pub fn update_queue(&mut self, now: Time, path: &Path, settings: QueueSettings) -> Result<()> {
        self.act(now, |model| {
            settings.common.check(path)?;
            settings.intake.check(path)?;
            model.check_outlet(path, &settings.outlet)?;
            let old = model.queue_settings(path)?;
            let (old_intake, intake) = (old.intake, settings.intake);
            check_fixed(
                path,
                old_intake.detects_duplicates,
                intake.detects_duplicates,
            )?;
            check_fixed(
                path,
                old.outlet.requires_session,
                settings.outlet.requires_session,
            )?;
            let (queue, effects) = model.queue_mut(path)?;
            if let Role::Queue { intake, .. } = &mut queue.role {
                *intake = settings.intake;
            }
            queue.common = settings.common;
            queue.outlet = settings.outlet;
            queue.redefine(now);
            queue.forward_all(effects);
            Ok(())
        })
    }

    /// Changes the settings of a topic.
    ///
    /// # Errors
    ///
    /// There is no such topic, a setting is no good, or one that cannot be changed is another.
    pub fn update_topic(&mut self, now: Time, path: &Path, settings: TopicSettings) -> Result<()> {
        self.act(now, |model| {
            settings.common.check(path)?;
            settings.intake.check(path)?;
            let old = model.topic_settings(path)?.intake.detects_duplicates;
            check_fixed(path, old, settings.intake.detects_duplicates)?;
            let id = model.find(path)?;
            let topic = model.topic_mut(id).ok_or_else(|| not_found(path))?;
            topic.common = settings.common;
            topic.intake = settings.intake;
            topic.redefine(now);
            Ok(())
        })
    }

    /// Changes the settings of a subscription.
    ///
    /// # Errors
    ///
    /// There is no such subscription, a setting is no good, or one that cannot be changed is
    /// another.
    pub fn update_subscription(
        &mut self,
        now: Time,
        path: &Path,
        settings: SubscriptionSettings,
    ) -> Result<()> {
        self.act(now, |model| {
            settings.common.check(path)?;
            model.check_outlet(path, &settings.outlet)?;
            let old = model.subscription_settings(path)?.outlet.requires_session;
            check_fixed(path, old, settings.outlet.requires_session)?;
            let (queue, effects) = model.queue_mut(path)?;
            if let Role::Subscription(subscription) = &mut queue.role {
                subscription.dead_letters_filter_errors = settings.dead_letters_filter_errors;
            }
            queue.common = settings.common;
            queue.outlet = settings.outlet;
            queue.redefine(now);
            queue.forward_all(effects);
            Ok(())
        })
    }

    /// Returns the settings of a queue.
    ///
    /// # Errors
    ///
    /// There is no such queue.
    pub fn queue_settings(&self, path: &Path) -> Result<QueueSettings> {
        match self.entity(path)? {
            Entity::Queue(queue) => match &queue.role {
                Role::Queue { intake, .. } => Ok(QueueSettings {
                    common: queue.common.clone(),
                    intake: *intake,
                    outlet: queue.outlet.clone(),
                }),
                Role::Subscription(_) => Err(not_found(path)),
            },
            Entity::Topic(_) => Err(not_found(path)),
        }
    }

    /// Returns the settings of a topic.
    ///
    /// # Errors
    ///
    /// There is no such topic.
    pub fn topic_settings(&self, path: &Path) -> Result<TopicSettings> {
        match self.entity(path)? {
            Entity::Topic(topic) => Ok(TopicSettings {
                common: topic.common.clone(),
                intake: topic.intake,
            }),
            Entity::Queue(_) => Err(not_found(path)),
        }
    }

    /// Returns the settings of a subscription.
    ///
    /// # Errors
    ///
    /// There is no such subscription.
    pub fn subscription_settings(&self, path: &Path) -> Result<SubscriptionSettings> {
        match self.entity(path)? {
            Entity::Queue(queue) => match &queue.role {
                Role::Subscription(subscription) => Ok(SubscriptionSettings {
                    common: queue.common.clone(),
                    outlet: queue.outlet.clone(),
                    dead_letters_filter_errors: subscription.dead_letters_filter_errors,
                }),
                Role::Queue { .. } => Err(not_found(path)),
            },
            Entity::Topic(_) => Err(not_found(path)),
        }
    }

    /// Deletes an entity with all of its messages, and a topic with its subscriptions.
    ///
    /// # Errors
    ///
    /// There is no such entity.
    pub fn delete(&mut self, now: Time, path: &Path) -> Result<()> {
        self.act(now, |model| {
            let id = model.find(path)?;
            model.remove(id);
            Ok(())
        })
    }

    /// Lists the queues or the topics by their names, after some that are left out.
    #[must_use]
    pub fn list(&self, kind: EntityKind, skip: usize, top: usize) -> Vec<Path> {
        let entities = self.names.values().filter_map(|id| self.entities.get(id));
        let paths = entities.filter_map(|entity| match (entity, kind) {
            (Entity::Topic(topic), EntityKind::Topic) => Some(&topic.path),
            (Entity::Queue(queue), EntityKind::Queue) => {
                matches!(queue.role, Role::Queue { .. }).then_some(&queue.path)
            }
            (Entity::Queue(queue), EntityKind::Subscription) => {
                matches!(queue.role, Role::Subscription(_)).then_some(&queue.path)
            }
            _ => None,
        });
        paths.skip(skip).take(top).cloned().collect()
    }

    /// Lists the subscriptions of a topic by their names, after some that are left out.
    ///
    /// # Errors
    ///
    /// There is no such topic.
    pub fn subscriptions(&self, topic: &Path, skip: usize, top: usize) -> Result<Vec<Path>> {
        let Entity::Topic(topic) = self.entity(topic)? else {
            return Err(not_found(topic));
        };
        let ids = topic.subscriptions.values();
        let entities = ids.filter_map(|id| self.entities.get(id));
        let paths = entities.map(|entity| entity.path().clone());
        Ok(paths.skip(skip).take(top).collect())
    }

    /// Returns how large a message in an entity may be; in a subscription, as in its topic.
    pub(super) fn message_bytes_max(&self, path: &Path) -> Result<usize> {
        let entity = self.entity(path)?;
        let topic = match entity {
            Entity::Queue(queue) => self.entities.get(&queue.group()),
            Entity::Topic(_) => None,
        };
        let intake = topic.unwrap_or(entity).intake();
        Ok(intake.map_or(0, Intake::message_bytes_max))
    }

    pub(super) fn remove(&mut self, id: EntityId) {
        self.touched.insert(id);
        let Some(entity) = self.entities.remove(&id) else {
            return;
        };
        self.names.remove(entity.path().key());
        if let Some((topic, name)) = entity.place()
            && let Some(topic) = self.topic_mut(topic)
        {
            topic.subscriptions.remove(&key(name));
        }
        if let Entity::Topic(topic) = entity {
            for subscription in topic.subscriptions.into_values() {
                self.remove(subscription);
            }
        }
    }

    /// Finds out whether a name is free, and gives the next number.
    fn reserve(&mut self, path: &Path) -> Result<EntityId> {
        if self.names.contains_key(path.key()) {
            return Err(is_there(path));
        }
        if ENTITIES_MAX <= self.entities.len() {
            let message = format!("The namespace has {ENTITIES_MAX} entities already.");
            return Err(Error::new(ErrorKind::QuotaExceeded, message));
        }
        self.serial += 1;
        Ok(EntityId(self.serial))
    }

    fn define(&mut self, id: EntityId, definition: Definition) {
        let mut entity = Entity::new(id, definition);
        if self.journal.is_some() {
            entity.begin_journal();
        }
        self.insert(id, entity);
    }

    pub(super) fn insert(&mut self, id: EntityId, entity: Entity) {
        self.touched.insert(id);
        self.names.insert(entity.path().key().into(), id);
        if let Some((topic, name)) = entity.place()
            && let Some(topic) = self.topic_mut(topic)
        {
            topic.subscriptions.insert(key(name), id);
        }
        self.entities.insert(id, entity);
    }

    fn topic_with_room(&self, path: &Path) -> Result<EntityId> {
        let Entity::Topic(topic) = self.entity(path)? else {
            return Err(not_found(path));
        };
        if SUBSCRIPTIONS_MAX <= topic.subscriptions.len() {
            let message = format!("'{path}' has {SUBSCRIPTIONS_MAX} subscriptions already.");
            return Err(Error::new(ErrorKind::QuotaExceeded, message));
        }
        self.find(path)
    }

    fn check_outlet(&self, path: &Path, outlet: &Outlet) -> Result<()> {
        outlet.check(path)?;
        let targets = [&outlet.forward_to, &outlet.forward_dead_letters_to];
        for target in targets.into_iter().flatten() {
            if self.entity(target)?.intake().is_none() {
                let message = format!("'{path}' cannot forward to '{target}', a subscription.");
                return Err(Error::new(ErrorKind::Argument, message));
            }
        }
        Ok(())
    }
}

impl Queue {
    /// Sends on what may be received, if all is to go elsewhere from now on.
    pub(super) fn forward_all(&mut self, effects: &mut super::draft::Effects) {
        let Some(to) = self.outlet.forward_to.clone() else {
            return;
        };
        let shelf = self.shelf_mut(Subqueue::Main);
        let mut drafts = Vec::new();
        while let Some(sequence) = shelf.first(None) {
            drafts.extend(shelf.remove(sequence).map(Draft::of));
        }
        for draft in drafts {
            self.send_on(to.clone(), draft, Way::Forward, effects);
        }
    }
}

fn check_fixed(path: &Path, old: bool, new: bool) -> Result<()> {
    if old == new {
        return Ok(());
    }
    let message = format!(
        "'{path}' exists: whether it requires sessions or detects duplicates cannot be changed."
    );
    Err(Error::new(ErrorKind::Argument, message))
}
