//! Sends: what is checked, and where messages go then.

use super::{
    Call, Contents, Error, ErrorKind, Intake, Model, Path, Result, State, Subqueue, Time,
    draft::{Draft, Move, Way},
    entity::{Entity, EntityId},
    limits::check,
    not_found,
    shelf::Event,
    transaction::Operation,
};

/// What a sender must keep to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderLimits {
    /// How many bytes a message or a batch may have.
    pub message_bytes_max: usize,
}

/// Where a send goes.
#[derive(Clone, Copy, Debug)]
struct Route {
    to: EntityId,
    /// The entity through which it goes.
    via: Option<EntityId>,
    is_open: bool,
}

impl Model {
    /// Checks whether a sender may attach to an entity, perhaps to send through another.
    ///
    /// # Errors
    ///
    /// There is no such entity, it takes no sends now, or it is a subscription.
    pub fn open_sender(
        &mut self,
        now: Time,
        to: &Path,
        via: Option<&Path>,
    ) -> Result<SenderLimits> {
        self.act(now, |model| {
            let route = model.route(to, via)?;
            let intake = model.entities.get(&route.to).and_then(Entity::intake);
            let intake = intake.ok_or_else(|| not_found(to))?;
            Ok(SenderLimits {
                message_bytes_max: intake.message_bytes_max(),
            })
        })
    }

    /// Sends a batch, as a whole or not at all; a message with a time to come is scheduled.
    ///
    /// With `via` the messages go through another entity, in whose transactions they may be.
    ///
    /// # Errors
    ///
    /// The entity is missing, disabled or full, or one of the messages breaks a limit or a rule.
    pub fn send(
        &mut self,
        call: Call,
        to: &Path,
        via: Option<&Path>,
        batch: Vec<Contents>,
    ) -> Result<()> {
        self.act(call.now, |model| {
            let route = model.route(to, via)?;
            let drafts = model.draft(to, route, batch)?;
            match call.transaction {
                Some(id) => {
                    let operation = Operation::Send {
                        to: route.to,
                        via: route.via,
                        drafts,
                    };
                    let group = route.via.unwrap_or(route.to);
                    model.enlist(id, group, operation, call.now)
                }
                None => {
                    model.dispatch(route.to, route.via, drafts, call.now);
                    Ok(())
                }
            }
        })
    }

    /// Schedules a batch, as a whole or not at all, and returns the numbers by which the messages
    /// can be taken back until they are due.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send); and each message must say when it is due.
    pub fn schedule(&mut self, call: Call, to: &Path, batch: Vec<Contents>) -> Result<Vec<u64>> {
        self.act(call.now, |model| {
            let route = model.route(to, None)?;
            let drafts = model.draft(to, route, batch)?;
            let drafts = model.number(route.to, drafts)?;
            let sequences = drafts.iter().map(|(_, sequence, _)| *sequence).collect();
            match call.transaction {
                Some(id) => {
                    let operation = Operation::Schedule {
                        to: route.to,
                        drafts,
                    };
                    model.enlist(id, route.to, operation, call.now)?;
                }
                None => model.keep_scheduled(route.to, drafts, call.now),
            }
            Ok(sequences)
        })
    }

    /// Takes scheduled messages back, all or none.
    ///
    /// # Errors
    ///
    /// There is no such entity, or a number is not that of a message that is scheduled.
    pub fn cancel(&mut self, now: Time, from: &Path, sequences: &[u64]) -> Result<()> {
        self.act(now, |model| {
            let id = model.find(from)?;
            let shelf = match model.entity_mut(id) {
                Some((Entity::Queue(queue), _)) => queue.shelf_mut(Subqueue::Main),
                Some((Entity::Topic(topic), _)) => &mut topic.shelf,
                None => return Err(not_found(from)),
            };
            for sequence in sequences {
                let entry = shelf.get(*sequence);
                if entry.is_none_or(|entry| entry.state != State::Scheduled) {
                    let message = format!("No message is scheduled in '{from}' as {sequence}.");
                    return Err(Error::new(ErrorKind::MessageNotFound, message));
                }
            }
            for sequence in sequences {
                shelf.remove(*sequence);
            }
            Ok(())
        })
    }

    /// Finds out where a send goes, and whether it may.
    fn route(&self, to: &Path, via: Option<&Path>) -> Result<Route> {
        let target = self.open_target(to)?;
        let is_open = self.entity(to)?.common().status.takes_sends();
        let via = via.filter(|via| *via != to);
        let Some(via) = via else {
            return match is_open {
                true => Ok(Route {
                    to: target,
                    via: None,
                    is_open,
                }),
                false => Err(disabled(to)),
            };
        };
        let through = self.open_target(via)?;
        if !self.entity(via)?.common().status.takes_sends() {
            return Err(disabled(via));
        }
        // Only a queue has a place for what cannot be transferred.
        let keeps_failures = matches!(self.entities.get(&through), Some(Entity::Queue(_)));
        if !is_open && !keeps_failures {
            return Err(disabled(to));
        }
        Ok(Route {
            to: target,
            via: Some(through),
            is_open,
        })
    }

    fn open_target(&self, path: &Path) -> Result<EntityId> {
        if self.entity(path)?.intake().is_none() {
            let message = format!("'{path}' is a subscription: messages are sent to its topic.");
            return Err(Error::new(ErrorKind::NotAllowed, message));
        }
        self.find(path)
    }

    /// Checks the messages of a batch, and prepares them for their entity.
    fn draft(&self, to: &Path, route: Route, batch: Vec<Contents>) -> Result<Vec<Draft>> {
        let entity = self.entities.get(&route.to).ok_or_else(|| not_found(to))?;
        for contents in &batch {
            check(to, entity, contents)?;
        }
        let drafts = batch.into_iter().map(Draft::new).collect::<Vec<_>>();
        let bytes = bytes_of(&drafts);
        let max = entity.intake().map_or(0, Intake::message_bytes_max);
        if (max as u64) < bytes {
            return Err(too_large(to, bytes, max));
        }
        if route.is_open {
            self.check_room(route.to, bytes)?;
        }
        Ok(drafts)
    }

    /// Checks that an entity has room for some bytes.
    pub(super) fn check_room(&self, id: EntityId, bytes: u64) -> Result<()> {
        let Some(entity) = self.entities.get(&id) else {
            return Ok(());
        };
        let max = entity.intake().map_or(u64::MAX, Intake::bytes_max);
        let taken = self.bytes_of(entity);
        if taken + bytes <= max {
            return Ok(());
        }
        let message = format!(
            "'{}' is full: it holds {taken} of {max} bytes, and {bytes} more are sent.",
            entity.path()
        );
        Err(Error::new(ErrorKind::QuotaExceeded, message))
    }

    /// Returns how many bytes the messages of an entity take; those of a topic are all of those
    /// in its subscriptions.
    pub(super) fn bytes_of(&self, entity: &Entity) -> u64 {
        let topic = match entity {
            Entity::Queue(queue) => return queue.bytes(),
            Entity::Topic(topic) => topic,
        };
        let subscriptions = topic.subscriptions.values();
        let bytes = subscriptions.map(|id| match self.entities.get(id) {
            Some(Entity::Queue(queue)) => queue.bytes(),
            _ => 0,
        });
        topic.shelf.bytes() + bytes.sum::<u64>()
    }

    /// Gives messages to their entity, or has them go there through another.
    pub(super) fn dispatch(
        &mut self,
        to: EntityId,
        via: Option<EntityId>,
        drafts: Vec<Draft>,
        now: Time,
    ) {
        self.note_access(to, now);
        for draft in drafts {
            match via {
                None => self.deliver(to, draft, now),
                Some(from) => self.transfer(from, to, draft, now),
            }
        }
    }

    fn transfer(&mut self, from: EntityId, to: EntityId, mut draft: Draft, now: Time) {
        self.note_access(from, now);
        if let Some((entity, _)) = self.entity_mut(from) {
            draft
                .enqueued_sequence
                .get_or_insert(entity.next_sequence());
        }
        let Some(to) = self.entities.get(&to).map(|entity| entity.path().clone()) else {
            return;
        };
        self.effects.moves.push_back(Move {
            from,
            to,
            draft,
            way: Way::Transfer,
        });
    }

    /// Gives a message to an entity, now or when it is due.
    pub(super) fn deliver(&mut self, id: EntityId, draft: Draft, now: Time) {
        match self.entity_mut(id) {
            Some((Entity::Queue(queue), effects)) => queue.accept(draft, now, effects),
            Some((Entity::Topic(topic), _)) => {
                if !topic.is_new(&draft, now) {
                    return;
                }
                match draft.contents.scheduled.filter(|at| now < *at) {
                    Some(at) => {
                        let sequence = topic.next_sequence();
                        topic.schedule(draft, sequence, at);
                    }
                    None => self.publish(id, draft, now),
                }
            }
            None => {}
        }
    }

    /// Gives a message of a topic to its subscriptions.
    fn publish(&mut self, id: EntityId, mut draft: Draft, at: Time) {
        let Some(topic) = self.topic_mut(id) else {
            return;
        };
        topic.stamp(&mut draft);
        let subscriptions = topic.subscriptions.values().copied().collect::<Vec<_>>();
        for subscription in subscriptions {
            if let Some((Entity::Queue(queue), effects)) = self.entity_mut(subscription) {
                queue.offer(&draft, at, effects);
            }
        }
    }

    /// Publishes what is due in a topic, and deletes it if nobody uses it.
    pub(super) fn run_topic(&mut self, id: EntityId, now: Time) {
        let mut arrived = Vec::new();
        if let Some(topic) = self.topic_mut(id) {
            while let Some(events) = topic.shelf.step(now) {
                arrived.extend(events);
            }
        }
        for event in arrived {
            if let Event::Arrived(message) = event {
                let at = message.enqueued;
                self.publish(id, Draft::of_scheduled(message), at);
            }
        }
        if self.is_topic_idle(id, now) {
            self.remove(id);
        }
    }

    /// Says whether a topic is to be deleted; whoever uses one of its subscriptions uses it.
    fn is_topic_idle(&mut self, id: EntityId, now: Time) -> bool {
        let Some(Entity::Topic(topic)) = self.entities.get(&id) else {
            return false;
        };
        if topic.idle_end().is_none_or(|end| now < end) {
            return false;
        }
        let subscriptions = topic.subscriptions.values();
        let used = subscriptions.filter_map(|id| match self.entities.get(id) {
            Some(Entity::Queue(queue)) => Some(queue.last_used(now)),
            _ => None,
        });
        let used = used.max();
        let Some(topic) = self.topic_mut(id) else {
            return false;
        };
        topic.stamps.accessed = topic.stamps.accessed.max(used.unwrap_or_default());
        topic.idle_end().is_some_and(|end| end <= now)
    }

    /// Numbers messages that are to be scheduled.
    fn number(&mut self, to: EntityId, drafts: Vec<Draft>) -> Result<Vec<(Draft, u64, Time)>> {
        let mut numbered = Vec::with_capacity(drafts.len());
        for draft in drafts {
            let Some(at) = draft.contents.scheduled else {
                let message = "A message is to be scheduled, and does not say for when.";
                return Err(Error::new(ErrorKind::Argument, message));
            };
            if let Some((entity, _)) = self.entity_mut(to) {
                numbered.push((draft, entity.next_sequence(), at));
            }
        }
        Ok(numbered)
    }

    /// Keeps messages until they are due; a duplicate is accepted, and dropped.
    pub(super) fn keep_scheduled(
        &mut self,
        to: EntityId,
        drafts: Vec<(Draft, u64, Time)>,
        now: Time,
    ) {
        self.note_access(to, now);
        for (draft, sequence, at) in drafts {
            if let Some((entity, _)) = self.entity_mut(to)
                && entity.is_new(&draft, now)
            {
                entity.schedule(draft, sequence, at);
            }
        }
    }

    pub(super) fn note_access(&mut self, id: EntityId, now: Time) {
        if let Some((entity, _)) = self.entity_mut(id) {
            entity.stamps_mut().accessed = now;
        }
    }
}

pub(super) fn bytes_of(drafts: &[Draft]) -> u64 {
    drafts.iter().map(|draft| u64::from(draft.bytes)).sum()
}

fn too_large(to: &Path, bytes: u64, max: usize) -> Error {
    let message = format!("'{to}' takes {max} bytes at once, and {bytes} were sent.");
    Error::new(ErrorKind::MessageTooLarge, message)
}

fn disabled(path: &Path) -> Error {
    let message = format!("The messaging entity '{path}' takes no sends now: it is disabled.");
    Error::new(ErrorKind::EntityDisabled, message)
}
