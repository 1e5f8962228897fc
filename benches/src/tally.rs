//! Counts what consumers take, and tells when the last message of a round was acked.

use std::{
    future::poll_fn,
    mem,
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::{Context as _, Result};
use tokio::{
    sync::oneshot,
    task::{JoinSet, consume_budget, yield_now},
};

use crate::{
    clock::Mark,
    subject::{Consume, Subject, World},
};

/// Counts down what is left of a round.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    left: AtomicUsize,
    end: Mutex<Option<oneshot::Sender<Result<Mark>>>>,
}

impl Tally {
    /// Begins a round of `messages`, and returns what hears of its end.
    pub(crate) fn begin(&self, messages: usize) -> oneshot::Receiver<Result<Mark>> {
        let (sender, receiver) = oneshot::channel();
        *self.end.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        self.left.store(messages, Ordering::Release);
        receiver
    }

    /// Counts what was acked.
    pub(crate) fn count(&self, messages: usize) {
        if self.left.fetch_sub(messages, Ordering::AcqRel) == messages {
            self.end(Ok(Mark::now()));
        }
    }

    /// Ends the round, with the time of its last ack or with what went wrong.
    fn end(&self, end: Result<Mark>) {
        let sender = self
            .end
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(sender) = sender {
            // Nobody listens to the second of two errors.
            _ = sender.send(end);
        }
    }
}

/// Waits for the end of a round.
pub(crate) async fn end(end: oneshot::Receiver<Result<Mark>>) -> Result<Mark> {
    end.await.context("the consumers are gone")?
}

/// Starts consumers that take up to `batch` a call for ever, and end with the set.
pub(crate) fn consumers<S: Subject>(
    world: &World,
    queue: &S,
    (count, batch): (usize, usize),
    tally: &Arc<Tally>,
) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    for _ in 0..count {
        let (consumer, tally) = (queue.consumer(), Arc::clone(tally));
        let task = async move {
            if let Err(error) = consume(consumer, batch, &tally).await {
                tally.end(Err(error));
            }
        };
        tasks.spawn_on(task, world.runtime.handle());
    }
    tasks
}

/// Takes for ever. What was taken is counted when the queue runs dry, so that the consumers do not
/// meet in the counter while there is work.
async fn consume(mut consumer: impl Consume, batch: usize, tally: &Tally) -> Result<()> {
    let mut taken = 0;
    loop {
        let mut take = pin!(consumer.take(batch, |_| ()));
        taken += poll_fn(|context| {
            let poll = take.as_mut().poll(context);
            if poll.is_pending() && 0 < taken {
                tally.count(mem::take(&mut taken));
            }
            poll
        })
        .await?;
        pause(batch).await;
    }
}

/// Lets the other tasks of the thread run: now and then after single messages, and after each
/// batch.
pub(crate) async fn pause(batch: usize) {
    if batch == 1 {
        consume_budget().await;
    } else {
        yield_now().await;
    }
}
