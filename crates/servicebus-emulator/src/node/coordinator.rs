//! Transactions: begun and ended.

use fe2o3_amqp_types::{
    definitions::Error,
    messaging::{Accepted, DeliveryState, Rejected},
    transaction::Declared,
};
use serde_amqp::primitives::Binary;

use super::{Client, condition, sender::transaction_of};
use crate::amqp::{DeliveryId, LinkId};

impl Client {
    /// Begins a transaction.
    pub(super) fn on_declare(&mut self, link: LinkId, delivery: DeliveryId) {
        let begun = {
            let now = self.shared.time();
            self.shared.state().model.begin(now)
        };
        let state = match begun {
            Ok(id) => {
                self.transactions.insert(id);
                DeliveryState::Declared(Declared {
                    txn_id: Binary::from(id.number().to_be_bytes()),
                })
            }
            Err(error) => rejected(condition::of(&error)),
        };
        self.engine.answer(link, delivery, state);
    }

    /// Ends a transaction.
    pub(super) fn on_discharge(
        &mut self,
        link: LinkId,
        delivery: DeliveryId,
        transaction: &[u8],
        is_rollback: bool,
    ) {
        let id = transaction_of(transaction).filter(|id| self.transactions.remove(id));
        let state = match id {
            None => rejected(condition::unknown_transaction()),
            Some(id) => {
                let now = self.shared.time();
                let model = &mut self.shared.state().model;
                let ended = if is_rollback {
                    model.rollback(now, id)
                } else {
                    model.commit(now, id)
                };
                match ended {
                    Ok(()) => DeliveryState::Accepted(Accepted {}),
                    Err(error) => rejected(condition::of(&error)),
                }
            }
        };
        self.engine.answer(link, delivery, state);
    }
}

fn rejected(error: Error) -> DeliveryState {
    DeliveryState::Rejected(Rejected { error: Some(error) })
}
