//! What becomes of deliveries, in both directions.

use std::mem;

use bytes::Bytes;
use fe2o3_amqp_types::{
    definitions::Role,
    messaging::DeliveryState,
    performatives::{Disposition, Performative},
};

use super::{
    event::{DeliveryId, Disposed, Event},
    outgoing::low,
    output::Output,
    session::{Answers, Session},
};

impl Session {
    /// Takes what the peer decided on deliveries that were sent to it.
    pub(super) fn on_disposition(
        &mut self,
        disposition: &Disposition,
        encoded: &Bytes,
        output: &mut Output,
    ) {
        // What it says about its own deliveries, we have decided on before.
        if disposition.role != Role::Receiver {
            return;
        }
        let first = self.widen(disposition.first);
        let last = self.widen(disposition.last.unwrap_or(disposition.first));
        let is_settled = disposition.settled;
        let state = &disposition.state;
        // A state that is no outcome says that a delivery is there, and asks for nothing.
        let is_decided = is_settled
            || state
                .as_ref()
                .is_some_and(|state| !matches!(state, DeliveryState::Received(_)));
        if !is_decided || last < first {
            return;
        }
        let mut settled = Vec::new();
        for (&delivery, unsettled) in self.unsettled.range(first..=last) {
            let Some(link) = self.links.get(&unsettled.handle) else {
                continue;
            };
            output.event(Event::Disposed(Box::new(Disposed {
                link: link.id,
                delivery: DeliveryId(delivery),
                tag: unsettled.tag.clone(),
                state: state.clone(),
                disposition: encoded.clone(),
                is_settled,
            })));
            if is_settled {
                settled.push(delivery);
            }
        }
        for delivery in settled {
            self.unsettled.remove(&delivery);
        }
        self.tell_room(output);
    }

    /// Tells the owner that there is room again for deliveries that are not settled.
    pub(super) fn tell_room(&mut self, output: &mut Output) {
        if mem::take(&mut self.is_full) {
            self.tell_credit(output);
        }
    }

    /// Returns the number of a delivery of ours by the half of it that the peer sees.
    fn widen(&self, delivery: u32) -> u64 {
        let back = low(self.next_delivery).wrapping_sub(delivery);
        self.next_delivery.wrapping_sub(u64::from(back))
    }

    /// Settles a delivery that we sent; false if it is settled already.
    pub(super) fn settle(
        &mut self,
        delivery: DeliveryId,
        state: DeliveryState,
        output: &mut Output,
    ) -> bool {
        let is_unsettled = self.unsettled.remove(&delivery.0).is_some();
        if is_unsettled {
            self.write_answer(Role::Sender, low(delivery.0), state, output);
        }
        is_unsettled
    }

    /// Answers a delivery that came.
    pub(super) fn answer(
        &mut self,
        handle: u32,
        delivery: DeliveryId,
        state: DeliveryState,
        output: &mut Output,
    ) {
        if let Some(link) = self.links.get_mut(&handle) {
            link.unanswered = link.unanswered.saturating_sub(1);
        }
        self.write_answer(Role::Receiver, low(delivery.0), state, output);
    }

    /// Writes an answer, together with those before it that are alike.
    fn write_answer(
        &mut self,
        role: Role,
        delivery: u32,
        state: DeliveryState,
        output: &mut Output,
    ) {
        if let Some(answers) = &mut self.answers {
            let is_next = answers.last.wrapping_add(1) == delivery;
            if is_next && answers.role == role && answers.state == state {
                answers.last = delivery;
                return;
            }
        }
        self.flush(output);
        self.answers = Some(Answers {
            role,
            first: delivery,
            last: delivery,
            state,
        });
    }

    /// Writes the answers that were kept back, as every other frame does before itself.
    pub(super) fn flush(&mut self, output: &mut Output) {
        let Some(answers) = self.answers.take() else {
            return;
        };
        let disposition = Disposition {
            role: answers.role,
            first: answers.first,
            last: (answers.first != answers.last).then_some(answers.last),
            settled: true,
            state: Some(answers.state),
            batchable: false,
        };
        output.frame(self.channel, &Performative::Disposition(disposition));
    }
}
