//! Messages from clients to entities.

use fe2o3_amqp_types::{
    definitions::{AmqpError, Error},
    messaging::{Accepted, DeliveryState, Outcome, Rejected},
    transaction::TransactionalState,
};

use super::{
    Client, condition,
    message::decode,
    role::{Role, Sender},
};
use crate::{
    amqp::{Delivered, error},
    fault::Drawn,
    model::{Call, TransactionId},
};

impl Client {
    /// Takes a message that has arrived.
    pub(super) fn on_delivered(&mut self, delivered: &Delivered, drawn: Drawn) {
        let is_send = matches!(self.roles.get(&delivered.link), Some(Role::Sender(_)));
        let result = match self.roles.get(&delivered.link) {
            Some(Role::Sender(sender)) => {
                let sender = sender.clone();
                self.send(&sender, delivered, drawn)
            }
            Some(Role::Requests(node)) => {
                let node = node.clone();
                self.on_request(&node, delivered, drawn)
            }
            _ => return,
        };
        if delivered.is_settled || drawn.drops_answer && is_send {
            return;
        }
        let outcome = match result {
            Ok(()) => Outcome::Accepted(Accepted {}),
            Err(error) => Outcome::Rejected(Rejected {
                error: Some(*error),
            }),
        };
        let state = within(delivered.state.as_ref(), outcome);
        self.engine
            .answer(delivered.link, delivered.delivery, state);
    }

    fn send(
        &mut self,
        sender: &Sender,
        delivered: &Delivered,
        drawn: Drawn,
    ) -> Result<(), Box<Error>> {
        let batch = decode(delivered.format, &delivered.payload)
            .map_err(|description| Box::new(error(AmqpError::DecodeError, description)))?;
        let call = self.call(delivered.state.as_ref())?;
        let model = &mut self.shared.state().model;
        let copies = if drawn.is_doubled { 2 } else { 1 };
        let sent = (0..copies)
            .try_for_each(|_| model.send(call, &sender.to, sender.via.as_ref(), batch.clone()));
        sent.map_err(|error| Box::new(condition::of(&error)))
    }

    /// Makes a call of now, in the transaction that a state names.
    pub(super) fn call(&self, state: Option<&DeliveryState>) -> Result<Call, Box<Error>> {
        let call = Call::at(self.shared.time());
        let Some(DeliveryState::TransactionalState(part)) = state else {
            return Ok(call);
        };
        let id = transaction_of(&part.txn_id);
        let id = id.filter(|id| self.transactions.contains(id));
        let id = id.ok_or_else(|| Box::new(condition::unknown_transaction()))?;
        Ok(call.within(id))
    }
}

/// Reads the number of a transaction.
pub(super) fn transaction_of(id: &[u8]) -> Option<TransactionId> {
    let number = u64::from_be_bytes(id.try_into().ok()?);
    Some(TransactionId::of(number))
}

/// Makes the answer to something that may be part of a transaction.
pub(super) fn within(asked: Option<&DeliveryState>, outcome: Outcome) -> DeliveryState {
    match (asked, outcome) {
        // What cannot be is not part of the transaction.
        (_, Outcome::Rejected(it)) if it.error.is_some() => DeliveryState::Rejected(it),
        (Some(DeliveryState::TransactionalState(part)), outcome) => {
            DeliveryState::TransactionalState(TransactionalState {
                txn_id: part.txn_id.clone(),
                outcome: Some(outcome),
            })
        }
        (_, Outcome::Accepted(it)) => DeliveryState::Accepted(it),
        (_, Outcome::Rejected(it)) => DeliveryState::Rejected(it),
        (_, Outcome::Released(it)) => DeliveryState::Released(it),
        (_, Outcome::Modified(it)) => DeliveryState::Modified(it),
        (_, Outcome::Declared(it)) => DeliveryState::Declared(it),
    }
}
