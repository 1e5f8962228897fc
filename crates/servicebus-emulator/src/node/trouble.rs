//! Faults, as they happen to what a client does.

use std::time::{Duration, SystemTime};

use fe2o3_amqp_types::{
    definitions::{Error, LinkError},
    messaging::{DeliveryState, Rejected},
};

use super::{
    Client, condition,
    role::{Node, Role},
};
use crate::{
    amqp::{Event, LinkId, error},
    clock::Clock,
    fault::{Drawn, Operation},
};

/// Something that is done later than it could be.
#[derive(Debug)]
pub(super) struct Delayed {
    pub(super) due: SystemTime,
    event: Event,
    drawn: Drawn,
}

impl Client {
    /// Acts on an event, with the faults that are drawn for it.
    pub(super) fn on_event(&mut self, event: Event) {
        let Some((operation, _)) = self.operation_of(&event) else {
            return self.run(event, Drawn::default());
        };
        let drawn = self.shared.state().rules.draw(operation);
        if drawn.delay == Duration::ZERO {
            return self.run_with(event, drawn);
        }
        let due = self.shared.clock.now() + drawn.delay;
        self.delayed.push(Delayed { due, event, drawn });
    }

    /// Does what was delayed, if its time has come.
    pub(super) fn catch_up(&mut self) {
        let now = self.shared.clock.now();
        let is_due = |delayed: &mut Delayed| delayed.due <= now;
        let due = self.delayed.extract_if(.., is_due).collect::<Vec<_>>();
        for Delayed { event, drawn, .. } in due {
            self.run_with(event, drawn);
        }
    }

    fn run_with(&mut self, event: Event, drawn: Drawn) {
        // What it was about may be gone by now.
        let Some((_, link)) = self.operation_of(&event) else {
            return;
        };
        if drawn.is_cut {
            self.is_cut = true;
        } else if drawn.is_detached {
            self.force_detach(link);
        } else if drawn.is_throttled {
            self.refuse_busy(event);
        } else {
            self.run(event, drawn);
        }
    }

    /// Returns what an event is of those things that can go wrong.
    fn operation_of(&self, event: &Event) -> Option<(Operation, LinkId)> {
        match event {
            Event::Attached { link, .. } => Some((Operation::Attach, *link)),
            Event::Disposed(it) => {
                let role = self.roles.get(&it.link)?;
                matches!(role, Role::Receiver(_)).then_some((Operation::Settle, it.link))
            }
            Event::Delivered(it) => match self.roles.get(&it.link)? {
                Role::Sender(_) => Some((Operation::Send, it.link)),
                Role::Requests(Node::Management(_)) => Some((Operation::Request, it.link)),
                _ => None,
            },
            _ => None,
        }
    }

    /// Detaches a link, as a server does that goes down for an update.
    pub(super) fn force_detach(&mut self, link: LinkId) {
        let description = "the link is detached by a fault that was injected";
        let error = error(LinkError::DetachForced, description);
        self.engine.detach(link, Some(error));
        self.on_detached(link);
    }

    fn refuse_busy(&mut self, event: Event) {
        let rejected = || {
            DeliveryState::Rejected(Rejected {
                error: Some(busy()),
            })
        };
        match event {
            Event::Attached { link, .. } => self.engine.refuse(link, busy()),
            Event::Delivered(it) if !it.is_settled => {
                self.engine.answer(it.link, it.delivery, rejected());
            }
            Event::Disposed(it) if !it.is_settled => {
                self.engine.settle(it.link, it.delivery, rejected());
            }
            _ => {}
        }
    }
}

fn busy() -> Error {
    let condition = condition::named(condition::microsoft::SERVER_BUSY);
    error(
        condition,
        "the server is busy, by a fault that was injected: try again later",
    )
}
