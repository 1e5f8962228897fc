//! Puts a real queue and the model through the same operations.

use std::{fmt::Debug, num::NonZeroU32, time::Duration};

use relayhouse_core::{
    Delivery, Error, ErrorKind, Message, MessageId, Result, Settlement,
    port::{QueueConfig, ReceiveRequest},
};

use super::{
    operation::{End, Operation, delay},
    queue::{Effect, LEASE, Queue},
};
use crate::{
    conformance::{Fixture, Verdict, Violation},
    harness::Harness,
};

/// Puts a queue of `harness` and the model through `operations`, and checks that they agree after
/// each.
///
/// The target must have exclusive leases of its own for each delivery, exact attempts, order by
/// key, dead letters, delays and a purge.
///
/// # Errors
///
/// Returns the operation after which they did not agree, and how.
pub async fn agree(harness: &dyn Harness, operations: &[Operation]) -> Verdict {
    let config = QueueConfig {
        lease: Some(LEASE),
        ..QueueConfig::default()
    };
    let fixture = Fixture::with(harness, config).await?;
    let mut pair = Pair {
        fixture,
        model: Queue::default(),
        deliveries: Vec::new(),
    };
    for (index, operation) in operations.iter().enumerate() {
        let checked = pair.apply(operation).await;
        let checked = match checked {
            Ok(()) => pair.compare_counts().await,
            error => error,
        };
        checked.map_err(|violation| {
            Violation::new(format!("operation {index}, {operation:?}: {violation}"))
        })?;
    }
    pair.drain().await
}

/// A real queue, its model, and the deliveries that both had, in the same order.
struct Pair<'a> {
    fixture: Fixture<'a>,
    model: Queue,
    deliveries: Vec<Delivery>,
}

impl Pair<'_> {
    async fn apply(&mut self, operation: &Operation) -> Verdict {
        match operation {
            Operation::Send(keys) => self.send(keys).await,
            Operation::Schedule(seconds) => {
                let time = delay(*seconds);
                let message = message(self.model.send(None, Some(time)), None).delay(time);
                self.fixture
                    .send(message)
                    .await
                    .map(drop)
                    .map_err(Into::into)
            }
            Operation::Receive(max) => self.receive(*max).await,
            Operation::Settle(which, end) => {
                for index in which {
                    if !self.deliveries.is_empty() {
                        self.settle(index.index(self.deliveries.len()), *end)
                            .await?;
                    }
                }
                Ok(())
            }
            Operation::Extend(_) if self.deliveries.is_empty() => Ok(()),
            Operation::Extend(index) => self.extend(index.index(self.deliveries.len())).await,
            Operation::Pass(seconds) => {
                self.pass(Duration::from_secs(u64::from(*seconds))).await;
                Ok(())
            }
            Operation::Purge => {
                let admin = self.fixture.admin()?;
                let purged = admin.purge(&self.fixture.source).await?;
                same("purged", purged, self.model.purge())
            }
        }
    }

    async fn send(&mut self, keys: &[Option<u8>]) -> Verdict {
        let messages = keys
            .iter()
            .map(|key| message(self.model.send(*key, None), *key));
        let messages = messages.collect();
        self.fixture.send_all(messages).await?;
        Ok(())
    }

    async fn receive(&mut self, max: u8) -> Verdict {
        let mut available = self.model.available();
        let max = u32::from(max);
        let request = ReceiveRequest::up_to(NonZeroU32::new(max).unwrap_or(NonZeroU32::MIN));
        let mut deliveries = Vec::new();
        self.fixture
            .receiver
            .receive(request, &mut deliveries)
            .await?;
        let expected = available
            .len()
            .min(usize::try_from(max).unwrap_or(usize::MAX));
        same("deliveries", deliveries.len(), expected)?;
        for delivery in deliveries {
            let number = number(&delivery)?;
            let Some(key) = available.remove(&number) else {
                let text = format!("message {number} came, only {available:?} could be received");
                return Err(Violation::new(text));
            };
            let is_first = key.is_none() || available.range(..number).all(|it| *it.1 != key);
            same("first of its key", is_first, true)?;
            same("attempt", delivery.attempt, self.model.deliver(number))?;
            same(
                "body",
                &delivery.message.body[..],
                number.to_string().as_bytes(),
            )?;
            self.deliveries.push(delivery);
        }
        Ok(())
    }

    async fn settle(&mut self, delivery: usize, end: End) -> Verdict {
        let settlement = match end {
            End::Ack => Settlement::Ack,
            End::Release => Settlement::RELEASE,
            End::Delay(seconds) => Settlement::Release {
                delay: delay(seconds),
            },
            End::DeadLetter => Settlement::dead_letter("model", ""),
        };
        let result = self
            .fixture
            .settle(&self.deliveries[delivery], settlement)
            .await;
        let expected = self.model.settle(delivery, end);
        effect("settle", &result, expected)
    }

    async fn extend(&mut self, delivery: usize) -> Verdict {
        let result = self.fixture.extend(&self.deliveries[delivery], LEASE).await;
        let expected = self.model.extend(delivery);
        effect("extension", &result, expected)
    }

    async fn pass(&mut self, time: Duration) {
        self.fixture.harness.pass(time).await;
        self.model.pass(time);
    }

    async fn compare_counts(&self) -> Verdict {
        let expected = self.model.counts();
        let stats = self.fixture.stats().await?;
        same("leased", stats.leased, expected.leased)?;
        same("dead", stats.dead, expected.dead)?;
        // Whether a message that waits for its key counts as ready is the target's choice.
        let (held, open) = (
            stats.ready + stats.delayed,
            expected.ready + expected.delayed,
        );
        same("ready and delayed", held, open)
    }

    /// Receives and acks all that is left.
    async fn drain(&mut self) -> Verdict {
        self.pass(Duration::from_secs(60)).await;
        while !self.model.available().is_empty() {
            let first = self.deliveries.len();
            self.receive(100).await?;
            for delivery in first..self.deliveries.len() {
                self.settle(delivery, End::Ack).await?;
            }
        }
        self.receive(1).await?;
        self.compare_counts().await
    }
}

fn message(number: usize, key: Option<u8>) -> Message {
    let id = MessageId::from(number as u128);
    let message = Message::new(number.to_string()).id(id);
    match key {
        Some(key) => message.ordering_key(format!("key-{key}")),
        None => message,
    }
}

fn number(delivery: &Delivery) -> Result<usize, Violation> {
    let bytes = delivery.id.as_bytes().copied().map(u128::from_be_bytes);
    let number = bytes.and_then(|number| usize::try_from(number).ok());
    number.ok_or_else(|| Violation::new(format!("nobody sent {}", delivery.id)))
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "reads at its calls as `assert_eq!` does"
)]
fn same<T: PartialEq + Debug>(what: &str, actual: T, expected: T) -> Verdict {
    if actual == expected {
        return Ok(());
    }
    let text = format!("{what}: the model has {expected:?}, the queue {actual:?}");
    Err(Violation::new(text))
}

fn effect<T>(what: &str, result: &Result<T>, expected: Effect) -> Verdict {
    let kind = result.as_ref().map(drop).map_err(Error::kind);
    let expected = match expected {
        Effect::Done => Ok(()),
        Effect::LeaseLost => Err(ErrorKind::LeaseLost),
    };
    same(what, kind, expected)
}
