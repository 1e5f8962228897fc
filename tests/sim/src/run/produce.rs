//! Producers without layers, which send in batches.

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use relayhouse_core::{ErrorKind, Message, Sent};
use relayhouse_runtime::Producer;
use relayhouse_testkit::{
    generate::Stream,
    oracle::{Answer, Entry},
};

use super::World;
use crate::fault::FaultySender;

pub(super) const PRODUCERS: u64 = 4;
const SEND_BATCH: u64 = 50;

type Answers = Vec<relayhouse_core::Result<Sent>>;

/// Gives the messages of one producer, in waves.
#[derive(Debug)]
pub(super) struct Waves {
    plain: Stream,
    keyed: Stream,
    left: u64,
}

impl World {
    /// Sends a share of the messages, in batches; what certainly failed is sent again.
    pub(super) async fn produce(self: Arc<Self>, number: u64) -> Result<()> {
        let producer = self.producer().await?;
        let mut waves = self.waves(number);
        while let Some(messages) = waves.next(&self) {
            self.send_all(&producer, messages).await;
        }
        producer.close().await?;
        Ok(())
    }

    /// Makes a producer on a sender that fails.
    pub(super) async fn producer(&self) -> Result<Producer> {
        let inner = self.provider.sender(&self.queue).await?;
        let sender = FaultySender {
            inner,
            faults: Arc::clone(&self.faults),
        };
        let sender = Arc::new(sender);
        Ok(Producer::builder(sender, self.context.clone()).build()?)
    }

    /// Begins the messages of the producer `number`.
    pub(super) fn waves(&self, number: u64) -> Waves {
        let share = self.plan.messages / PRODUCERS;
        let extra = u64::from(number < self.plan.messages % PRODUCERS);
        Waves {
            plain: Stream::new(number),
            keyed: Stream::new(PRODUCERS + number).keys(self.plan.keys),
            left: share + extra,
        }
    }

    async fn send_all(&self, producer: &Producer, mut messages: Vec<Message>) {
        while !messages.is_empty() {
            let now = self.context.clock.now();
            for message in &messages {
                self.watch.sending(now, message);
            }
            let Some(answers) = self.answers(producer, &messages).await else {
                self.forget(&messages);
                return;
            };
            let failed = |answer: &relayhouse_core::Result<_>| {
                answer.as_ref().is_err_and(|error| {
                    error.is_temporary() && error.kind() != ErrorKind::OutcomeUnknown
                })
            };
            for (message, _) in messages.iter().zip(&answers).filter(|(_, it)| it.is_ok()) {
                self.ledger.confirmed(message);
            }
            let mut answers = answers.iter();
            messages.retain(|_| answers.next().is_some_and(failed));
            if !messages.is_empty() {
                self.pass(Duration::from_millis(10)).await;
            }
        }
    }

    /// Sends messages, or stops to listen at a random poll: `None`.
    async fn answers(&self, producer: &Producer, messages: &[Message]) -> Option<Answers> {
        let send = producer.send_all(messages.iter().cloned());
        if !self.faults.strikes(0.01) {
            return Some(send.await);
        }
        let patience = self.context.random.up_to(Duration::from_millis(20));
        let clock = &self.context.clock;
        tokio::select! {
            biased;
            answers = send => Some(answers),
            () = clock.sleep_until(clock.now() + patience) => None,
        }
    }

    /// Takes note that nobody knows what became of messages.
    pub(super) fn forget(&self, messages: &[Message]) {
        let now = self.context.clock.now();
        for id in messages.iter().filter_map(|message| message.id.as_ref()) {
            self.watch.note(
                now,
                Entry::Sent {
                    id,
                    answer: Answer::Unknown,
                },
            );
        }
    }
}

impl Waves {
    /// Returns the next messages: all of them with keys, or none.
    pub(super) fn next(&mut self, world: &World) -> Option<Vec<Message>> {
        let batch = self.left.min(SEND_BATCH);
        self.left -= batch;
        let random = &*world.context.random;
        let is_keyed = world.plan.keys != 0 && 0 < batch && random.below(5) == 0;
        let stream = if is_keyed {
            &mut self.keyed
        } else {
            &mut self.plain
        };
        let messages = (0..batch).map(|_| stream.message(random)).collect();
        (0 < batch).then_some(messages)
    }
}
