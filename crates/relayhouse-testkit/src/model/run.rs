//! Puts a real queue and the model through the same operations.

use std::{fmt::Debug, num::NonZeroU32, time::Duration};

use relayhouse_core::{
    Delivery, Error, ErrorKind, Message, MessageId, Result, Settlement,
    port::{QueueConfig, ReceiveRequest},
};

use super::{
    operation::{End, Operation, delay},
    queue::{Effect, LEASE, Queue},
    shape::Shape,
};
use crate::{
    conformance::{Fixture, Verdict, Violation},
    harness::Harness,
};

/// Puts a queue of `harness` and the model through `operations`, and checks that they agree after
/// each, but for what `shape` says.
///
/// The target must have exclusive leases of its own for each delivery, exact attempts, dead
/// letters, delayed releases, and for messages with keys order by them. What it declares that it
/// lacks beyond that is left out.
///
/// # Errors
///
/// Returns the operation after which they did not agree, and how.
pub async fn agree(harness: &dyn Harness, shape: Shape, operations: &[Operation]) -> Verdict {
    let config = QueueConfig {
        lease: Some(LEASE),
        ..QueueConfig::default()
    };
    let fixture = Fixture::with(harness, config).await?;
    let mut pair = Pair {
        fixture,
        shape,
        model: Queue::new(shape),
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
    shape: Shape,
    model: Queue,
    deliveries: Vec<Delivery>,
}

impl Pair<'_> {
    async fn apply(&mut self, operation: &Operation) -> Verdict {
        match operation {
            Operation::Send(keys) => self.send(keys).await,
            Operation::Schedule(seconds) => self.schedule(*seconds).await,
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
                self.pass(self.shape.pass(*seconds)).await;
                Ok(())
            }
            Operation::Purge if !self.shape.purges() => Ok(()),
            Operation::Purge => {
                let admin = self.fixture.admin()?;
                let purged = admin.purge(&self.fixture.source).await?;
                same("purged", purged, self.model.purge())
            }
        }
    }

    async fn send(&mut self, keys: &[Option<u8>]) -> Verdict {
        let mut messages = Vec::new();
        for key in keys {
            let number = self.model.send(*key, None);
            messages.push(self.message(number, *key));
        }
        self.fixture.send_all(messages).await?;
        Ok(())
    }

    async fn schedule(&mut self, seconds: u8) -> Verdict {
        if !self.fixture.capabilities().schedule.is_supported() {
            return Ok(());
        }
        let held_for = self.shape.delay(seconds);
        let number = self.model.send(None, Some(held_for));
        let message = self.message(number, None).delay(delay(seconds));
        self.fixture.send(message).await?;
        Ok(())
    }

    async fn receive(&mut self, max: u8) -> Verdict {
        let mut available = self.model.available();
        let at_a_time = self.fixture.capabilities().receive_batch_max;
        let max = NonZeroU32::new(max.into()).unwrap_or(NonZeroU32::MIN);
        let max = at_a_time.map_or(max, |at_a_time| max.min(at_a_time));
        let request = ReceiveRequest::up_to(max);
        let mut deliveries = Vec::new();
        self.fixture
            .receiver
            .receive(request, &mut deliveries)
            .await?;
        let expected = available
            .len()
            .min(usize::try_from(max.get()).unwrap_or(usize::MAX));
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

    fn message(&self, number: usize, key: Option<u8>) -> Message {
        let id = MessageId::from(number as u128);
        let message = Message::new(number.to_string()).id(id);
        match key {
            Some(key) => message.ordering_key(format!("key-{key}")),
            None => self.fixture.harness.dress(message),
        }
    }

    async fn compare_counts(&self) -> Verdict {
        let expected = self.model.counts();
        let stats = self.fixture.stats().await?;
        let leased = stats.leased.unwrap_or(expected.leased);
        same("leased", leased, expected.leased)?;
        same("dead", stats.dead, expected.dead)?;
        // Whether a message that waits for its key counts as ready is the target's choice.
        let live = expected.ready + expected.leased + expected.delayed;
        same("ready, leased and delayed", stats.live(), live)
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
