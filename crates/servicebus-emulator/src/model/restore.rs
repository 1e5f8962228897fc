//! What was kept by an earlier process, taken back in.

use std::sync::Arc;

use tokio::sync::watch;

use super::{
    Message, Model, State, Subqueue, Time,
    definition::Definition,
    entity::{Entity, EntityId},
    journal::{Note, SessionState},
    queue::Role,
    shelf::Shelf,
};

/// What is taken back in is about an entity that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Homeless;

impl Model {
    /// Takes an entity back, before all that is in it; a topic goes before its subscriptions.
    pub(crate) fn restore_entity(&mut self, id: EntityId, definition: Definition, note: Note) {
        self.serial = self.serial.max(id.0);
        let mut entity = Entity::new(id, definition);
        entity.stamps_mut().accessed = note.accessed;
        match &mut entity {
            Entity::Queue(queue) => {
                queue.sequence = note.sequence;
                queue.is_redefined = false;
            }
            Entity::Topic(topic) => {
                topic.sequence = note.sequence;
                topic.is_redefined = false;
            }
        }
        self.insert(id, entity);
    }

    pub(crate) fn restore_message(
        &mut self,
        id: EntityId,
        subqueue: Subqueue,
        message: Message,
        state: State,
    ) -> Result<(), Homeless> {
        self.shelf_of(id, subqueue)?.insert(message, state);
        Ok(())
    }

    /// Takes back what is kept with a session, after the messages in it.
    pub(crate) fn restore_session(
        &mut self,
        id: EntityId,
        session: &Arc<str>,
        kept: SessionState,
    ) -> Result<(), Homeless> {
        let shelf = self.shelf_of(id, Subqueue::Main)?;
        let sessions = shelf.sessions_mut().ok_or(Homeless)?;
        sessions.set_state(session, kept.state, kept.updated);
        Ok(())
    }

    /// Takes back that the id of a message was seen, in the order of the numbers.
    pub(crate) fn restore_id(
        &mut self,
        id: EntityId,
        number: u64,
        message_id: Arc<str>,
        at: Time,
    ) -> Result<(), Homeless> {
        let dedup = match self.entities.get_mut(&id) {
            Some(Entity::Queue(queue)) => match &mut queue.role {
                Role::Queue { dedup, .. } => dedup,
                Role::Subscription(_) => return Err(Homeless),
            },
            Some(Entity::Topic(topic)) => &mut topic.dedup,
            None => return Err(Homeless),
        };
        dedup.restore(number, message_id, at);
        Ok(())
    }

    /// Goes on after all was taken back, and begins to take down what changes by that and by
    /// further calls; returns what tells the number of the last call that has changed something.
    ///
    /// The time in which nobody could use an entity is none without use, and messages whose locks
    /// have ended with the earlier process go on to where their entity forwards by now.
    pub(crate) fn resume(&mut self, now: Time) -> watch::Receiver<u64> {
        let changed = self.begin_journal();
        self.act(now, |model| {
            for entity in model.entities.values_mut() {
                entity.stamps_mut().accessed = now;
                if let Entity::Queue(queue) = entity {
                    queue.forward_all(&mut model.effects);
                }
            }
        });
        changed
    }

    fn shelf_of(&mut self, id: EntityId, subqueue: Subqueue) -> Result<&mut Shelf, Homeless> {
        match self.entity_mut(id) {
            Some((Entity::Queue(queue), _)) => Ok(queue.shelf_mut(subqueue)),
            Some((Entity::Topic(topic), _)) => Ok(&mut topic.shelf),
            None => Err(Homeless),
        }
    }
}
