//! Requests that are about messages.

use serde_amqp::{Value as Encoded, primitives::Array};
use serde_bytes::ByteBuf;

use super::{
    Found, Refusal, Result,
    arguments::{Arguments, map},
};
use crate::{
    model::{Address, Call, Contents, Error, ErrorKind, Receive, Settlement},
    node::{
        Client,
        encode::{encode, number, timestamp},
        message::{decode_one, properties},
        receiver::mode_of,
    },
};

/// How many messages are scheduled at once.
const SCHEDULED_MAX: usize = 1_000;

impl Client {
    pub(super) fn renew_lock(
        &mut self,
        address: &Address,
        arguments: Arguments<'_>,
    ) -> Result<Encoded> {
        let (now, tokens) = (self.shared.time(), arguments.tokens()?);
        let ends = self.shared.state().model.renew(now, address, &tokens)?;
        let ends = ends.into_iter().map(timestamp).collect();
        Ok(map([("expirations", Encoded::Array(Array(ends)))]))
    }

    pub(super) fn peek(&mut self, address: &Address, arguments: Arguments<'_>) -> Result<Found> {
        let from = u64::try_from(arguments.number("from-sequence-number")?).unwrap_or(0);
        let max = arguments.count("message-count")?;
        let session = arguments.find_text("session-id");
        let now = self.shared.time();
        let peeked = self
            .shared
            .state()
            .model
            .peek(now, address, from, max, session)?;
        if peeked.is_empty() {
            return Ok(Found::Nothing);
        }
        let messages = peeked.iter().map(|it| {
            let message = encode(&it.message, it.state, None);
            map([("message", Encoded::Binary(ByteBuf::from(message.to_vec())))])
        });
        let messages = Encoded::List(messages.collect());
        Ok(Found::of(&map([("messages", messages)])))
    }

    pub(super) fn schedule(
        &mut self,
        address: &Address,
        arguments: Arguments<'_>,
    ) -> Result<Encoded> {
        let items = arguments.items("messages")?;
        if SCHEDULED_MAX < items.clone().count() {
            let description = format!("there are more than {SCHEDULED_MAX} messages");
            return Err(Refusal::argument(description));
        }
        let batch = items.map(scheduled).collect::<Result<Vec<_>>>()?;
        let call = Call::at(self.shared.time());
        let sequences = self
            .shared
            .state()
            .model
            .schedule(call, &address.path, batch)?;
        let sequences = sequences.into_iter().map(number).collect();
        Ok(map([(
            "sequence-numbers",
            Encoded::Array(Array(sequences)),
        )]))
    }

    pub(super) fn cancel(
        &mut self,
        address: &Address,
        arguments: Arguments<'_>,
    ) -> Result<Encoded> {
        let (now, sequences) = (self.shared.time(), arguments.sequences()?);
        self.shared
            .state()
            .model
            .cancel(now, &address.path, &sequences)?;
        Ok(map([]))
    }

    pub(super) fn receive_deferred(
        &mut self,
        address: &Address,
        arguments: Arguments<'_>,
    ) -> Result<Found> {
        let (now, sequences) = (self.shared.time(), arguments.sequences()?);
        let session = self.session_of(address, arguments)?;
        let receive = Receive {
            max: sequences.len(),
            mode: mode_of(arguments.number("receiver-settle-mode").unwrap_or(1)),
            session: session.as_ref(),
        };
        let model = &mut self.shared.state().model;
        let taken = model.receive_deferred(now, address, &sequences, receive)?;
        if taken.is_empty() {
            return Ok(Found::Nothing);
        }
        let messages = taken.iter().map(|delivery| {
            let lock = delivery.lock.as_ref();
            let token = lock.map_or(Encoded::Null, |lock| Encoded::Uuid(lock.token.into()));
            let message = encode(&delivery.message, delivery.state, lock);
            let message = Encoded::Binary(ByteBuf::from(message.to_vec()));
            map([("lock-token", token), ("message", message)])
        });
        let messages = Encoded::List(messages.collect());
        Ok(Found::of(&map([("messages", messages)])))
    }

    pub(super) fn update_disposition(
        &mut self,
        address: &Address,
        arguments: Arguments<'_>,
    ) -> Result<Encoded> {
        let settlement = settlement(arguments)?;
        let (call, tokens) = (Call::at(self.shared.time()), arguments.tokens()?);
        // Each lock is for itself: what could be settled is, also if another could not.
        let mut refused = None;
        for token in tokens {
            let model = &mut self.shared.state().model;
            let settled = model.settle(call, address, token, settlement.clone());
            refused = refused.or(settled.err());
        }
        match refused {
            None => Ok(map([])),
            Some(error) => Err(error.into()),
        }
    }
}

fn scheduled(item: &[u8]) -> Result<Contents> {
    let message = Arguments::of(item)?.binary("message")?;
    let contents = decode_one(&message).map_err(Refusal::argument)?;
    if contents.scheduled.is_none() {
        let description = "a message does not say when it is due";
        return Err(Error::new(ErrorKind::Argument, description).into());
    }
    Ok(contents)
}

fn settlement(arguments: Arguments<'_>) -> Result<Settlement> {
    let properties = properties(arguments.entries("properties-to-modify"));
    let text = |name| arguments.find_text(name).map(Into::into);
    Ok(match arguments.text("disposition-status")? {
        "completed" => Settlement::Complete,
        "abandoned" => Settlement::Abandon { properties },
        "suspended" => Settlement::DeadLetter {
            reason: text("deadletter-reason"),
            description: text("deadletter-description"),
            properties,
        },
        // One SDK writes it with one r.
        "defered" | "deferred" => Settlement::Defer { properties },
        other => {
            let description = format!("there is no disposition-status {other:?}");
            return Err(Refusal::argument(description));
        }
    })
}
