//! What clients decide on messages that they got, and what the broker says to it.

use std::collections::BTreeMap;

use fe2o3_amqp_types::{
    definitions::{Error, Fields},
    messaging::{DeliveryState, Modified, Outcome, Rejected, Released},
};
use uuid::Uuid;

use super::{
    Client, condition,
    role::Role,
    sender::within,
    value::{keep, text},
};
use crate::{
    amqp::Disposed,
    fault::Drawn,
    model::{DEAD_LETTER_DESCRIPTION, DEAD_LETTER_REASON, Settlement, Value},
};

impl Client {
    /// Settles a message by what the client has decided on it, and answers what became of it.
    pub(super) fn on_disposed(&mut self, disposed: &Disposed, drawn: Drawn) {
        let Some(Role::Receiver(receiver)) = self.roles.get(&disposed.link) else {
            return;
        };
        let address = receiver.address.clone();
        let asked = disposed.state.as_ref();
        let Some(outcome) = outcome(asked, disposed.is_settled) else {
            return;
        };
        let result = self.call(asked).and_then(|call| {
            // The tag is ours, and so it is a token.
            let token = disposed.tag[..].try_into().map(Uuid::from_bytes_le);
            let token = token.unwrap_or_default();
            let model = &mut self.shared.state().model;
            if drawn.loses_lock {
                // One that is over already cannot be lost again.
                let _ = model.break_lock(call.now, &address, token);
            }
            let settled = model.settle(call, &address, token, settlement(&outcome));
            settled.map_err(|error| Box::new(condition::of(&error)))
        });
        if disposed.is_settled || drawn.drops_answer {
            return;
        }
        let state = match result {
            Ok(()) => within(asked, answer(outcome)),
            Err(error) => lost(*error),
        };
        self.engine.settle(disposed.link, disposed.delivery, state);
    }
}

/// Returns what is decided; a client that settles without a word gives the message back.
fn outcome(state: Option<&DeliveryState>, is_settled: bool) -> Option<Outcome> {
    match state {
        Some(DeliveryState::Accepted(it)) => Some(Outcome::Accepted(it.clone())),
        Some(DeliveryState::Rejected(it)) => Some(Outcome::Rejected(it.clone())),
        Some(DeliveryState::Released(it)) => Some(Outcome::Released(it.clone())),
        Some(DeliveryState::Modified(it)) => Some(Outcome::Modified(it.clone())),
        Some(DeliveryState::TransactionalState(it)) => it.outcome.clone(),
        Some(DeliveryState::Received(_) | DeliveryState::Declared(_)) | None => {
            is_settled.then(|| Outcome::Released(Released {}))
        }
    }
}

fn settlement(outcome: &Outcome) -> Settlement {
    match outcome {
        Outcome::Accepted(_) => Settlement::Complete,
        Outcome::Released(_) | Outcome::Declared(_) => Settlement::Release,
        Outcome::Rejected(rejected) => dead_letter(rejected),
        Outcome::Modified(modified) => {
            let properties = modified.message_annotations.as_ref().map(annotations);
            let properties = properties.unwrap_or_default();
            if modified.undeliverable_here == Some(true) {
                Settlement::Defer { properties }
            } else {
                Settlement::Abandon { properties }
            }
        }
    }
}

fn dead_letter(rejected: &Rejected) -> Settlement {
    let error = rejected.error.as_ref();
    let mut properties = BTreeMap::new();
    let (mut reason, mut description) = (None, None);
    for (key, value) in error
        .and_then(|error| error.info.as_ref())
        .into_iter()
        .flat_map(|it| it.iter())
    {
        match key.as_str() {
            DEAD_LETTER_REASON => reason = text(value).map(Into::into),
            DEAD_LETTER_DESCRIPTION => description = text(value).map(Into::into),
            name => {
                properties.insert(name.into(), keep(value.clone()));
            }
        }
    }
    Settlement::DeadLetter {
        reason,
        description,
        properties,
    }
}

fn annotations(annotations: &Fields) -> BTreeMap<Box<str>, Value> {
    let named = annotations.iter();
    named
        .map(|(name, value)| (name.as_str().into(), keep(value.clone())))
        .collect()
}

/// Returns the outcome that is confirmed. A rejection is confirmed bare: clients take one with an
/// error for a refusal.
fn answer(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Rejected(_) => Outcome::Rejected(Rejected { error: None }),
        Outcome::Modified(it) => Outcome::Modified(Modified {
            message_annotations: None,
            ..it
        }),
        other => other,
    }
}

fn lost(error: Error) -> DeliveryState {
    DeliveryState::Rejected(Rejected { error: Some(error) })
}
