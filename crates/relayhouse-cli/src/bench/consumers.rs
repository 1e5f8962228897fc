//! The consumers of a run: they ack what is of the run, and hold what is not.

use std::{sync::Arc, time::Duration};

use futures_util::{
    future::join_all,
    stream::{FuturesUnordered, StreamExt},
};
use relayhouse::{
    Clock, Delivery, Queue, Result, Settlement,
    runtime::{Running, Suspects},
};
use tokio::sync::watch;

use super::book::Book;
use crate::{args::Bench, failure::never, lease::with_lease};

/// How many messages of others a consumer holds at most, beside a batch of its own.
const HELD_MAX: u32 = 1_000;

/// How long a receive waits; an end may have to wait for it.
const RECEIVE_WAIT: Duration = Duration::from_secs(1);

/// How long what is held may take to be given back, and acks to be confirmed.
const DRAIN: Duration = Duration::from_secs(30);

/// Receives the messages of a run.
#[derive(Debug)]
pub(super) struct Consumers {
    running: Vec<Running>,
    ended: watch::Sender<bool>,
}

/// Does what a consumer does with a message.
#[derive(Clone, Debug)]
struct Hand {
    book: Arc<Book>,
    clock: Arc<dyn Clock>,
    ended: watch::Receiver<bool>,
}

impl Consumers {
    pub(super) async fn start(args: &Bench, queue: &Queue, book: &Arc<Book>) -> Result<Self> {
        let (ended, is_ended) = watch::channel(false);
        let hand = Hand {
            book: Arc::clone(book),
            clock: Arc::clone(&queue.context().clock),
            ended: is_ended,
        };
        let mut running = Vec::new();
        for _ in 0..args.consumers {
            running.push(start(args, queue, &hand).await?);
        }
        Ok(Self { running, ended })
    }

    /// Ends when one of them cannot go on.
    pub(super) async fn failed(&self) {
        let failing = self.running.iter().map(Running::failed);
        let mut failing: FuturesUnordered<_> = failing.collect();
        failing.next().await;
    }

    /// Gives back what is of others, and ends.
    pub(super) async fn close(self) -> Result<()> {
        let Self { running, ended } = self;
        ended.send_replace(true);
        let closing = running.into_iter().map(|it| it.shutdown(DRAIN));
        let closed = join_all(closing).await;
        closed.into_iter().try_for_each(|report| report.map(drop))
    }
}

async fn start(args: &Bench, queue: &Queue, hand: &Hand) -> Result<Running> {
    let held_max = if args.shared { HELD_MAX } else { 1 };
    let start = async |lease| {
        let hand = hand.clone();
        let consumer = queue
            .consumer()
            .workers(1)
            .concurrency(args.batch + held_max)
            .prefetch_max(0)
            .receive_wait(RECEIVE_WAIT)
            // What is of others is theirs to give up, or to run alone.
            .suspects(Suspects::Mix)
            .failure(never());
        let consumer = match lease {
            Some(lease) => consumer.lease(lease),
            None => consumer,
        };
        let handle = move |delivery: Delivery| hand.clone().take(delivery);
        consumer.handler(handle).start().await
    };
    with_lease(None, start).await
}

impl Hand {
    async fn take(mut self, delivery: Delivery) -> Result<Settlement> {
        if let Some(number) = self.book.number(&delivery.message) {
            self.book.received(self.clock.now(), number);
            return Ok(Settlement::Ack);
        }
        self.book.foreign();
        // That the other side is gone is an end as well.
        let _ = self.ended.wait_for(|ended| *ended).await;
        Ok(Settlement::RELEASE)
    }
}
