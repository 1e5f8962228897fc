//! Messages from entities to clients that receive.

use bytes::Bytes;
use fe2o3_amqp_types::definitions::Error;

use super::{
    Client, condition,
    encode::encode,
    role::{Receiver, Role, Stage},
};
use crate::{
    amqp::{LinkId, Shipment},
    fault::Operation,
    model::{self, Address, Delivery, Mode, Receive, SessionKey, Time},
};

/// How many messages are taken at once: others wait for what one client takes.
const TAKEN_MAX: u32 = 64;
const FORMAT: u32 = 0;

/// What a look came to.
enum Look {
    /// There may be more, and there is credit.
    Again,
    /// Nothing more is to be had, or the client takes no more.
    Enough,
}

impl Client {
    /// Gives a receiver what is there for it: messages, or a session, or its end.
    pub(super) fn look_for(&mut self, link: LinkId) {
        loop {
            let Some(Role::Receiver(receiver)) = self.roles.get(&link) else {
                return;
            };
            let is_waiting = matches!(receiver.stage, Stage::Waiting(_));
            let looked = if is_waiting {
                self.look_for_session(link)
            } else {
                self.look_for_messages(link)
            };
            match looked {
                Ok(Look::Again) => {}
                Ok(Look::Enough) => return,
                Err(error) => return self.detach_receiver(link, *error),
            }
        }
    }

    fn look_for_session(&mut self, link: LinkId) -> Result<Look, Box<Error>> {
        let now = self.shared.time();
        let Some(Role::Receiver(receiver)) = self.roles.get_mut(&link) else {
            return Ok(Look::Enough);
        };
        let Stage::Waiting(waiting) = &receiver.stage else {
            return Ok(Look::Enough);
        };
        let accepted = {
            let model = &mut self.shared.state().model;
            model.accept_session(now, &receiver.address, waiting.id.as_deref())
        };
        let Some(session) = accepted.map_err(|error| Box::new(condition::of(&error)))? else {
            if waiting.until <= now {
                self.refuse_session(link);
            }
            return Ok(Look::Enough);
        };
        let stage = Stage::Holding {
            key: session.key.clone(),
            until: session.until,
        };
        if let Stage::Waiting(waiting) = std::mem::replace(&mut receiver.stage, stage) {
            self.accept_session(link, &waiting.attach, &session);
        }
        Ok(Look::Again)
    }

    fn look_for_messages(&mut self, link: LinkId) -> Result<Look, Box<Error>> {
        let now = self.shared.time();
        let credit = self.engine.credit(link).min(TAKEN_MAX);
        let Some(Role::Receiver(receiver)) = self.roles.get_mut(&link) else {
            return Ok(Look::Enough);
        };
        let taken = {
            let model = &mut self.shared.state().model;
            receiver.take(model, credit, now)
        };
        let taken = taken.map_err(|error| Box::new(condition::of(&error)))?;
        let has_all = taken.len() < usize::try_from(credit).unwrap_or(usize::MAX);
        let address = receiver.address.clone();
        for delivery in &taken {
            self.engine.send(link, shipment(delivery));
            self.trouble_delivery(link, &address, delivery);
        }
        if credit == 0 || has_all {
            self.engine.drained(link);
            return Ok(Look::Enough);
        }
        Ok(Look::Again)
    }

    /// Lets happen what is drawn for a message that is on its way.
    fn trouble_delivery(&mut self, link: LinkId, address: &Address, delivery: &Delivery) {
        let drawn = self.shared.state().rules.draw(Operation::Deliver);
        if drawn.loses_lock
            && let Some(lock) = &delivery.lock
        {
            let now = self.shared.time();
            // A lock that was just given is there.
            let _ = self
                .shared
                .state()
                .model
                .break_lock(now, address, lock.token);
        }
        if drawn.is_detached {
            self.force_detach(link);
        }
        self.is_cut |= drawn.is_cut;
    }

    /// Detaches a receiver that cannot go on, or refuses one that waited.
    fn detach_receiver(&mut self, link: LinkId, error: Error) {
        let receiver = self.roles.remove(&link);
        match receiver {
            Some(Role::Receiver(it)) if matches!(it.stage, Stage::Waiting(_)) => {
                self.engine.refuse(link, error);
            }
            _ => self.engine.detach(link, Some(error)),
        }
    }

    /// Finds the session that the client holds at an address.
    pub(super) fn held(&self, address: &Address, id: &str) -> Option<SessionKey> {
        self.roles.values().find_map(|role| match role {
            Role::Receiver(receiver) if receiver.address == *address => {
                receiver.key().filter(|key| &*key.id == id).cloned()
            }
            _ => None,
        })
    }

    /// Notes that the lock of a session ends later.
    pub(super) fn hold_until(&mut self, held: &SessionKey, later: Time) {
        for role in self.roles.values_mut() {
            if let Role::Receiver(receiver) = role
                && let Stage::Holding { key, until } = &mut receiver.stage
                && key == held
            {
                *until = later;
            }
        }
    }
}

impl Receiver {
    fn take(
        &mut self,
        model: &mut model::Model,
        credit: u32,
        now: Time,
    ) -> model::Result<Vec<Delivery>> {
        let receive = Receive {
            max: usize::try_from(credit).unwrap_or(usize::MAX),
            mode: self.mode,
            session: self.key(),
        };
        model.receive(now, &self.address, receive)
    }
}

fn shipment(delivery: &Delivery) -> Shipment {
    let lock = delivery.lock.as_ref();
    // Without a lock the tag says nothing, but it must be there.
    let tag = lock.map_or([0; 16], |lock| lock.token.to_bytes_le());
    Shipment {
        tag: Bytes::copy_from_slice(&tag),
        format: FORMAT,
        is_settled: lock.is_none(),
        payload: encode(&delivery.message, delivery.state, lock),
    }
}

/// Returns what becomes of a message by the number that requests have for it.
pub(super) const fn mode_of(number: i64) -> Mode {
    if number == 0 {
        Mode::ReceiveAndDelete
    } else {
        Mode::PeekLock
    }
}
