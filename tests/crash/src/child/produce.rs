//! Children that send.

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use relayhouse_core::{
    Sending,
    port::{Provider, Sender},
};

use super::Child;
use crate::{
    content::message,
    judge::names,
    report::{Answered, What},
};

/// The longest that a send holds a message back.
const DELAY_MAX: Duration = Duration::from_millis(100);

/// Is one task that sends.
#[derive(Debug)]
pub(super) struct Producing {
    pub(super) child: Child,
    pub(super) sender: Arc<dyn Sender>,
    pub(super) task: u64,
    pub(super) producer: u64,
    /// How many messages were sent.
    pub(super) next: u64,
    pub(super) delay_max: Duration,
}

impl Producing {
    pub(super) fn new(child: &Child, sender: &Arc<dyn Sender>, task: u64, producer: u64) -> Self {
        Self {
            child: child.clone(),
            sender: Arc::clone(sender),
            task,
            producer,
            next: 0,
            delay_max: DELAY_MAX,
        }
    }

    /// Sends the next `count` messages as one batch, and returns true if all of them are in.
    pub(super) async fn send(&mut self, count: u64) -> Result<bool> {
        let (producer, first) = (self.producer, self.next);
        self.next += count;
        self.child.tell(
            self.task,
            What::Sending {
                producer,
                first,
                count,
            },
        )?;
        let seed = self.child.seed;
        let batch = names((producer, first, count));
        let mut batch: Vec<_> = batch
            .map(|name| Sending::new(message(seed, name, self.delay_max)))
            .collect();
        let call = self.sender.send(&mut batch).await;
        let answers = batch
            .into_iter()
            .map(|item| item.outcome.settle(&call).into());
        let answers: Vec<Answered> = answers.collect();
        let is_all = answers.iter().all(|answer| answer.failure().is_none());
        self.child.tell(self.task, What::Sent(answers))?;
        Ok(is_all)
    }

    /// Sends `count` messages in batches of up to `batch_max`.
    pub(super) async fn send_many(mut self, count: u64, batch_max: u64) -> Result<()> {
        let random = self.child.random(&[self.producer, self.task]);
        while self.next < count {
            let most = batch_max.min(count - self.next);
            let size = match random.below(3) {
                0 => 1,
                _ => 1 + random.below(most),
            };
            self.send(size).await?;
        }
        Ok(())
    }
}

impl Child {
    /// Sends `count` messages, and ends.
    pub(super) async fn produce(self, producer: u64, count: u64, batch_max: u64) -> Result<()> {
        let local = self.builder().build()?;
        let sender = self.sender(&local).await?;
        Producing::new(&self, &sender, 0, producer)
            .send_many(count, batch_max)
            .await?;
        local.close().await?;
        Ok(())
    }
}
