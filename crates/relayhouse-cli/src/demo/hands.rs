//! What the consumers have in their hands: each message's last delivery, and how far it came.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use relayhouse::{Delivery, Event, Instant, Lease, MessageId, Observer, Receipt, Settlement};

/// Knows the last delivery of each message that has not ended.
#[derive(Debug, Default)]
pub(crate) struct Hands(Mutex<HashMap<MessageId, Hand>>);

/// Is the last delivery of one message.
#[derive(Debug)]
struct Hand {
    delivery: Delivery,
    state: State,
}

/// Says how far a delivery came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Its handler has not ended.
    Held,
    /// Its handler succeeded: an ack may be on its way.
    Succeeded,
    /// Its handler failed: a release or a dead letter may be on its way.
    Failed,
    /// It was settled.
    Settled,
}

/// Is what happened to a delivery and nobody told, as the queue shows it.
#[derive(Debug)]
pub(crate) enum Untold {
    Received(Delivery),
    Settled(Delivery, Settlement),
    /// The release may have been done.
    Released(Delivery),
}

/// Is what a queue shows of its messages when nobody consumes.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) live: HashMap<MessageId, Delivery>,
    pub(crate) dead: HashMap<MessageId, Delivery>,
}

impl Hands {
    /// Returns what the consumers that are gone must have done without telling, given what the
    /// queue shows.
    pub(crate) fn untold(&self, shown: &Shown) -> Vec<Untold> {
        let hands = self.hands();
        let settled = hands.values().filter_map(|hand| hand.untold(shown));
        let received = shown.live.values().filter_map(|delivery| {
            let last = hands.get(&delivery.id).map(|hand| &hand.delivery);
            received_untold(last, delivery)
        });
        settled.chain(received).collect()
    }

    fn hands(&self) -> MutexGuard<'_, HashMap<MessageId, Hand>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hand {
    fn untold(&self, shown: &Shown) -> Option<Untold> {
        let delivery = self.delivery.clone();
        let is_live = shown.live.contains_key(&delivery.id);
        let dead = shown.dead.get(&delivery.id);
        match self.state {
            State::Succeeded if !is_live && dead.is_none() => {
                Some(Untold::Settled(delivery, Settlement::Ack))
            }
            State::Failed if is_live => Some(Untold::Released(delivery)),
            State::Failed => {
                let letter = dead?.envelope.as_ref()?.dead_letter.clone();
                let settlement = Settlement::DeadLetter(Box::new(letter));
                Some(Untold::Settled(delivery, settlement))
            }
            // Whoever has not begun to settle cannot have done it: the oracle shall see it.
            _ => None,
        }
    }
}

/// Returns the delivery that a message had after the `last` that is known, if it is one more.
fn received_untold(last: Option<&Delivery>, shown: &Delivery) -> Option<Untold> {
    let (attempt, token) = last.map_or((0, 0), |last| (last.attempt, last.lease.token()));
    if shown.attempt != attempt + 1 {
        return None;
    }
    // Its lease is not shown, and neither is its receipt.
    let receipt = Receipt::from_text(&format!("untold {} {}", shown.id, shown.attempt));
    Some(Untold::Received(Delivery {
        receipt,
        lease: Lease::new(Instant::START, token + 1),
        ..shown.clone()
    }))
}

impl Observer for Hands {
    fn observe(&self, _now: Instant, events: &[Event<'_>]) {
        let mut hands = self.hands();
        for event in events {
            note(&mut hands, event);
        }
    }
}

fn note(hands: &mut HashMap<MessageId, Hand>, event: &Event<'_>) {
    let (delivery, state) = match event {
        Event::Received { delivery, .. } => {
            let delivery = Delivery::clone(delivery);
            let state = State::Held;
            hands.insert(delivery.id.clone(), Hand { delivery, state });
            return;
        }
        Event::Handled {
            delivery, result, ..
        } => match result {
            Ok(settlement) if settlement.is_success() => (delivery, State::Succeeded),
            _ => (delivery, State::Failed),
        },
        Event::Settled {
            delivery,
            settlement,
            result,
            ..
        } => {
            if result.is_ok() && !matches!(settlement, Settlement::Release { .. }) {
                hands.remove(&delivery.id);
                return;
            }
            (delivery, State::Settled)
        }
        _ => return,
    };
    let hand = hands.get_mut(&delivery.id);
    if let Some(hand) = hand.filter(|hand| hand.delivery.receipt == delivery.receipt) {
        hand.state = state;
    }
}
