//! Messages that go from one entity to another.

use super::{
    Model, Subqueue, Time,
    draft::{Death, HOPS_MAX, Move, Way},
    entity::{Entity, EntityId},
};

const HOPS_EXCEEDED: &str = "MaxTransferHopCountExceeded";
const NOT_FOUND: &str = "TransferDestinationNotFound";
const DISABLED: &str = "TransferDestinationDisabled";
const FULL: &str = "TransferDestinationQuotaExceeded";

impl Model {
    /// Takes each message where it is to go, and whatever that sets off.
    ///
    /// It ends, since each message goes through [`HOPS_MAX`] entities at most.
    pub(super) fn run_moves(&mut self, now: Time) {
        while let Some(next) = self.effects.moves.pop_front() {
            self.run_move(next, now);
        }
    }

    fn run_move(&mut self, mut next: Move, now: Time) {
        match self.destination(&next) {
            Ok(id) => {
                next.draft.hops += 1;
                self.deliver(id, next.draft, now);
            }
            Err(death) => self.bring_back(next, death, now),
        }
    }

    /// Finds the entity to which a message goes, or says why it cannot go there.
    fn destination(&self, next: &Move) -> Result<EntityId, Death> {
        let to = &next.to;
        if HOPS_MAX <= next.draft.hops {
            let description = format!(
                "The message went through {HOPS_MAX} entities, and was to go on to '{to}'."
            );
            return Err(Death::new(HOPS_EXCEEDED, description));
        }
        let entity = self.entity(to);
        let Ok(entity) = entity
            .map_err(drop)
            .and_then(|it| it.intake().map(|_| it).ok_or(()))
        else {
            let description = format!("The entity '{to}' is not there.");
            return Err(Death::new(NOT_FOUND, description));
        };
        if !entity.common().status.takes_sends() {
            let description = format!("The entity '{to}' is disabled.");
            return Err(Death::new(DISABLED, description));
        }
        let id = self
            .find(to)
            .map_err(|error| Death::new(NOT_FOUND, error.message()))?;
        self.check_room(id, u64::from(next.draft.bytes))
            .map_err(|error| Death::new(FULL, error.message()))?;
        Ok(id)
    }

    /// Puts a message that cannot go on among the dead of the entity that it comes from.
    fn bring_back(&mut self, mut next: Move, death: Death, now: Time) {
        let Some((Entity::Queue(queue), effects)) = self.entity_mut(next.from) else {
            return;
        };
        match next.way {
            Way::Forward => queue.bury(next.draft, death, now, effects),
            Way::ForwardDead => queue.keep_dead(next.draft, Subqueue::DeadLetter, now),
            Way::Transfer => {
                next.draft.mark(death);
                queue.keep_dead(next.draft, Subqueue::TransferDeadLetter, now);
            }
        }
    }
}
