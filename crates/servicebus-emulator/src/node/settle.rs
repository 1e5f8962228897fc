//! What clients decide on messages that they got, and what the broker says to it.

use std::collections::BTreeMap;

use fe2o3_amqp_types::{
    definitions::Error,
    messaging::{DeliveryState, Modified, Outcome, Rejected, Released},
};
use uuid::Uuid;

use super::{Client, condition, message::properties, raw, role::Role, sender::within, value::keep};
use crate::{
    amqp::Disposed,
    fault::Drawn,
    model::{DEAD_LETTER_DESCRIPTION, DEAD_LETTER_REASON, Settlement},
};

// Where things are in the lists that say what was decided.
const STATE: usize = 4;
const OUTCOME_OF_TRANSACTION: usize = 1;
const ANNOTATIONS_OF_MODIFIED: usize = 2;
const ERROR_OF_REJECTED: usize = 0;
const INFO_OF_ERROR: usize = 2;

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
            let settlement = settlement(&outcome, entries(&disposed.disposition, asked, &outcome));
            let settled = model.settle(call, &address, token, settlement);
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

/// Returns the keys and values that an outcome brings for the message, as they came.
fn entries<'a>(
    disposition: &'a [u8],
    asked: Option<&DeliveryState>,
    outcome: &Outcome,
) -> &'a [u8] {
    let to_outcome = match asked {
        Some(DeliveryState::TransactionalState(_)) => &[STATE, OUTCOME_OF_TRANSACTION][..],
        _ => &[STATE],
    };
    let to_map = match outcome {
        Outcome::Modified(_) => &[ANNOTATIONS_OF_MODIFIED][..],
        Outcome::Rejected(_) => &[ERROR_OF_REJECTED, INFO_OF_ERROR],
        _ => return &[],
    };
    let mut path = to_outcome.iter().chain(to_map);
    let map = path.try_fold(disposition, |value, &index| raw::field(value, index));
    map.and_then(raw::map).unwrap_or_default()
}

fn settlement(outcome: &Outcome, entries: &[u8]) -> Settlement {
    match outcome {
        Outcome::Accepted(_) => Settlement::Complete,
        Outcome::Released(_) | Outcome::Declared(_) => Settlement::Release,
        Outcome::Rejected(_) => dead_letter(entries),
        Outcome::Modified(modified) => {
            let properties = properties(entries);
            if modified.undeliverable_here == Some(true) {
                Settlement::Defer { properties }
            } else {
                Settlement::Abandon { properties }
            }
        }
    }
}

fn dead_letter(entries: &[u8]) -> Settlement {
    let mut properties = BTreeMap::new();
    let (mut reason, mut description) = (None, None);
    for (key, value) in raw::entries(entries) {
        match raw::text(key) {
            Some(DEAD_LETTER_REASON) => reason = raw::text(value).map(Into::into),
            Some(DEAD_LETTER_DESCRIPTION) => description = raw::text(value).map(Into::into),
            Some(name) => {
                properties.insert(name.into(), keep(value));
            }
            None => {}
        }
    }
    Settlement::DeadLetter {
        reason,
        description,
        properties,
    }
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

#[cfg(test)]
mod tests {
    use bytes::{Bytes, BytesMut};
    use fe2o3_amqp_types::performatives::Disposition;
    use serde_amqp::from_slice;

    use super::*;
    use crate::{
        model::Value,
        node::compound::{Content, put_map},
    };

    const DISPOSITION: u64 = 0x15;
    const REJECTED: u64 = 0x25;
    const MODIFIED: u64 = 0x27;
    const ERROR: u64 = 0x1d;
    const TRANSACTIONAL_STATE: u64 = 0x34;

    /// A map with a time for a key, and an array of two empty lists.
    const VALUES: [&[u8]; 2] = [
        b"\xc1\x0b\x02\x83\0\0\0\0\0\0\0\x07\x41",
        b"\xe0\x02\x02\x45",
    ];

    /// Reads what a disposition with the state that `put` puts into it asks for.
    fn settled(put: impl FnOnce(&mut Content<'_>)) -> Settlement {
        let mut bytes = BytesMut::new();
        put_map(&mut bytes, |content| {
            content.described(DISPOSITION, |fields| {
                // Of a receiver, about delivery 0 alone, settled.
                fields.encoded(b"\x41\x43\x40\x41");
                put(fields);
            });
        });
        let bytes = raw::map(&bytes).unwrap();
        let state = from_slice::<Disposition>(bytes).unwrap().state;
        let outcome = outcome(state.as_ref(), true).unwrap();
        settlement(&outcome, entries(bytes, state.as_ref(), &outcome))
    }

    fn modified(content: &mut Content<'_>) {
        content.described(MODIFIED, |fields| {
            fields.encoded(b"\x41\x40");
            fields.map(|map| {
                map.encoded(b"\xa3\x01a");
                map.encoded(VALUES[0]);
                map.encoded(b"\xa3\x01b");
                map.encoded(VALUES[1]);
            });
        });
    }

    fn values() -> BTreeMap<Box<str>, Value> {
        let values = VALUES.map(|value| Value::Encoded(Bytes::from_static(value)));
        ["a", "b"].map(Box::from).into_iter().zip(values).collect()
    }

    #[test]
    fn modified_properties_are_kept_as_they_came() {
        let properties = values();
        let abandoned = Settlement::Abandon { properties };
        assert_eq!(settled(modified), abandoned);
        let in_transaction = settled(|content| {
            content.described(TRANSACTIONAL_STATE, |fields| {
                fields.encoded(b"\xa0\x01t");
                modified(fields);
            });
        });
        assert_eq!(in_transaction, abandoned);
        let bare = settled(|content| content.described(MODIFIED, |_| {}));
        let properties = BTreeMap::new();
        assert_eq!(bare, Settlement::Abandon { properties });
    }

    #[test]
    fn dead_letters_have_their_reasons_and_properties_as_they_came() {
        let rejected = settled(|content| {
            content.described(REJECTED, |fields| {
                fields.described(ERROR, |fields| {
                    fields.encoded(b"\xa3\x04dead\x40");
                    fields.map(|map| {
                        map.symbol(DEAD_LETTER_REASON, "why");
                        map.symbol(DEAD_LETTER_DESCRIPTION, "because");
                        map.encoded(b"\xa3\x01a");
                        map.encoded(VALUES[0]);
                        map.encoded(b"\xa3\x01b");
                        map.encoded(VALUES[1]);
                    });
                });
            });
        });
        let expected = Settlement::DeadLetter {
            reason: Some("why".into()),
            description: Some("because".into()),
            properties: values(),
        };
        assert_eq!(rejected, expected);
    }
}
