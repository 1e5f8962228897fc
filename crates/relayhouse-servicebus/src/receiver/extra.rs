//! What Service Bus can do with deliveries, and other providers cannot.

use fe2o3_amqp_types::{
    definitions::Fields,
    primitives::{Symbol, Value},
};
use relayhouse_core::{Delivery, Error, ErrorKind, Headers, Operation, Receipt, Result};

use super::{ServiceBusReceiver, renew, settle::Decision};
use crate::{
    browse::{longs, message_of},
    convert::{read, value_of},
    link::{Question, field, items, tap::Token},
};

/// The most messages that are fetched by their numbers at once.
pub const DEFERRED_MAX: usize = 500;

/// The number by which messages are locked, and not removed at once.
const PEEK_LOCK: u32 = 1;

impl ServiceBusReceiver {
    /// Sets a message aside, with `changed` among its headers: nobody receives it any more, but
    /// who asks for its [sequence number](Delivery::sequence) by
    /// [`receive_deferred`](Self::receive_deferred).
    ///
    /// Dropping the future leaves it unknown whether it is set aside.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::LeaseLost`] if its lock has ended, and
    /// [`ErrorKind::OutcomeUnknown`] if the broker did not answer.
    pub async fn defer(&self, delivery: &Delivery, changed: &Headers) -> Result<()> {
        let decision = Decision::defer(fields(changed));
        self.settle_one(self.decided(delivery, decision)?).await
    }

    /// Releases a message at once, with `changed` among its headers.
    ///
    /// Dropping the future leaves it unknown whether it is released.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::LeaseLost`] if its lock has ended, and
    /// [`ErrorKind::OutcomeUnknown`] if the broker did not answer.
    pub async fn abandon(&self, delivery: &Delivery, changed: &Headers) -> Result<()> {
        let decision = Decision::abandon(fields(changed));
        self.settle_one(self.decided(delivery, decision)?).await
    }

    /// Receives messages that were set aside, by their sequence numbers. They are settled and
    /// extended as others are.
    ///
    /// Dropping the future may leave them locked until their locks end.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::MessageNotFound`] if one of them is not there, and
    /// [`ErrorKind::ConfigInvalid`] if more than [`DEFERRED_MAX`] are asked for.
    pub async fn receive_deferred(&self, sequences: &[u64]) -> Result<Vec<Delivery>> {
        let at = |error: Error| error.at(Operation::Receive, &self.source);
        if sequences.is_empty() {
            return Ok(Vec::new());
        }
        if DEFERRED_MAX < sequences.len() {
            return Err(at(Error::new(
                ErrorKind::ConfigInvalid,
                format!(
                    "{} messages are asked for, at most {DEFERRED_MAX} can be at once",
                    sequences.len()
                ),
            )));
        }
        self.desk().await.map_err(at)?;
        let numbers = sequences
            .iter()
            .map(|it| i64::try_from(*it).unwrap_or(i64::MAX));
        let question = Question::new(
            "receive-by-sequence-number",
            [
                ("sequence-numbers", longs(numbers)),
                ("receiver-settle-mode", Value::Uint(PEEK_LOCK)),
            ],
        );
        let body = self.ask(question, Operation::Receive).await?;
        let deliveries = items(&body, "messages").iter();
        let deliveries = deliveries.map(|item| self.deferred(item));
        deliveries.collect::<Result<_>>().map_err(at)
    }

    fn deferred(&self, item: &Value) -> Result<Delivery> {
        let Some(Value::Uuid(token)) = field(item, "lock-token") else {
            return Err(Error::new(
                ErrorKind::Unexpected,
                "the broker gives a message without a lock",
            ));
        };
        let token: Token = uuid::Uuid::from(token.clone()).to_bytes_le();
        let reading = read(message_of(item)?, &self.source);
        let until = renew::lease(&reading, &self.anchor());
        self.shelf.hold(token, None, until);
        Ok(reading.delivery(Receipt::from_bytes(token), until, 0))
    }
}

/// Writes headers as the properties that a settlement changes.
fn fields(headers: &Headers) -> Fields {
    let mut fields = Fields::new();
    for (key, value) in headers.iter() {
        fields.insert(Symbol::from(key), value_of(value).into());
    }
    fields
}
