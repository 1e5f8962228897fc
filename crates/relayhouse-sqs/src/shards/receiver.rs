//! Receives from the queues of one logical queue in turn, and waits for all of them at once.

use std::{
    future::pending,
    num::NonZeroU32,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use futures_util::{
    FutureExt, StreamExt,
    future::{Either, join_all, select, try_join_all},
    stream::{self, FuturesUnordered},
};
use relayhouse_core::{
    Capabilities, Delivery, Error, Extending, Instant, Operation, Outcome, Receipt, Result,
    Settling, Source,
    port::{ReceiveRequest, Receiver, Settings},
};
use tokio::sync::Semaphore;

use super::{
    turns::{Look, Seen, Turns},
    untold::Untold,
};
use crate::{
    capability::WAIT_MAX,
    convert::{Dead, Reading},
    error,
    link::{Closing, Link},
    queue::Queue,
    receiver::SqsReceiver,
};

/// Stands in a receipt between the number of the queue and the receipt that it gave.
const MARK: char = ':';

/// What is done for one queue while all are waited for.
#[derive(Debug)]
enum Step {
    /// It brought messages, and those that are not due yet.
    Polled(usize, Result<(Vec<Delivery>, Vec<Reading>)>),
    /// What was not due was sent again.
    Hopped(usize, Result<()>),
}

/// Is the part of a batch that is one queue's: the items, and their places in the batch.
#[derive(Debug)]
struct Part<T> {
    shard: usize,
    places: Vec<usize>,
    items: Vec<T>,
}

/// Receives from the queues of one logical queue.
#[derive(Debug)]
pub(crate) struct ShardedReceiver {
    link: Arc<Link>,
    source: Source,
    capabilities: Capabilities,
    shards: Vec<SqsReceiver>,
    turns: Turns,
    untold: Untold,
    /// True if the last receive waited, and nothing came.
    is_idle: AtomicBool,
    /// Given to the one receive that waits for all queues; the others wait for it.
    waiting: Semaphore,
    closing: Closing,
}

impl ShardedReceiver {
    /// Opens `queues`, which together are `source`.
    pub(crate) async fn open(
        link: &Arc<Link>,
        source: &Source,
        queues: Vec<(Queue, Option<Dead>)>,
        lease: Option<Duration>,
    ) -> Result<Self> {
        let is_fifo = queues.iter().all(|(queue, _)| queue.is_fifo);
        let count = u32::try_from(queues.len()).unwrap_or(u32::MAX);
        let opens = queues.into_iter().map(|(queue, dead)| {
            SqsReceiver::open(Arc::clone(link), queue, source.clone(), dead, lease)
        });
        let shards = try_join_all(opens).await?;
        Ok(Self {
            capabilities: link.declared.sharded(is_fifo, count),
            turns: Turns::new(shards.len(), link.now()),
            untold: Untold::default(),
            link: Arc::clone(link),
            source: source.clone(),
            is_idle: AtomicBool::new(false),
            waiting: Semaphore::new(1),
            closing: Closing::default(),
            shards,
        })
    }

    fn is_closed(&self) -> bool {
        self.closing.is_closed() || self.link.closing.is_closed()
    }

    async fn receive_some(&self, request: ReceiveRequest) -> Result<Vec<Delivery>> {
        let now = self.link.now();
        if let Some(error) = self.untold.take(now) {
            return Err(error);
        }
        let deadline = now + request.wait.min(WAIT_MAX);
        if request.wait.is_zero() {
            return self.look(Look::All, request).await;
        }
        let (looked, failed) = match self.look_first(request).await {
            Ok(came) => (came, None),
            Err(error) => (Vec::new(), Some(error)),
        };
        if !looked.is_empty() {
            self.is_idle.store(false, Ordering::Relaxed);
            return Ok(looked);
        }
        let came = self.wait_for_any(request, deadline).await?;
        self.is_idle.store(came.is_empty(), Ordering::Relaxed);
        self.unless_failed(came, failed)
    }

    /// Brings what came. What failed beside it is told by the next receive.
    fn unless_failed(&self, came: Vec<Delivery>, failed: Option<Error>) -> Result<Vec<Delivery>> {
        match failed {
            Some(error) if came.is_empty() => Err(error),
            Some(error) => {
                self.untold.note(error, self.link.now());
                Ok(came)
            }
            None => Ok(came),
        }
    }

    /// Looks before somebody waits for all queues: of those whose polls are then dropped, none
    /// should have messages. Where nothing came for long it goes without saying.
    async fn look_first(&self, request: ReceiveRequest) -> Result<Vec<Delivery>> {
        if self.turns.has_busy() {
            return self.look(Look::Busy, request).await;
        }
        if self.is_idle.load(Ordering::Relaxed) {
            return Ok(Vec::new());
        }
        self.look(Look::All, request).await
    }

    /// Looks at one queue after the other, until one has messages, or fails: then it is the last
    /// whose turn comes again. Where the busy ones turn out to be empty it looks at the others too.
    async fn look(&self, look: Look, request: ReceiveRequest) -> Result<Vec<Delivery>> {
        let request = request.wait(Duration::ZERO);
        let until = self.link.now() + self.link.config.receive_beyond_wait;
        let (mut look, mut seen) = (look, Seen::default());
        while self.link.now() < until
            && let Some(shard) = self.turns.next(look, &mut seen, self.link.now())
        {
            let came = self.ask(shard, request).await?;
            if !came.is_empty() {
                return Ok(came);
            }
            if !self.turns.has_busy() {
                look = Look::All;
            }
        }
        Ok(Vec::new())
    }

    /// Waits for all queues at once, until one of them has messages.
    async fn wait_for_any(
        &self,
        request: ReceiveRequest,
        deadline: Instant,
    ) -> Result<Vec<Delivery>> {
        let turn = pin!(self.waiting.acquire());
        let late = self.link.clock().sleep_until(deadline);
        let Either::Left((Ok(_turn), _)) = select(turn, late).await else {
            // It is late, or closed.
            return Ok(Vec::new());
        };
        let wait = deadline.since(self.link.now());
        if wait.is_zero() || self.is_closed() {
            return Ok(Vec::new());
        }
        self.race(request.wait(wait)).await
    }

    /// Asks all queues at once, and ends with the first that has messages. Those of others that have
    /// answered by then are brought as well, and the rest is dropped.
    async fn race(&self, request: ReceiveRequest) -> Result<Vec<Delivery>> {
        // Several may answer at once: together they bring no more than was asked for.
        let most = request.messages_max.get();
        let count = u32::try_from(self.shards.len()).unwrap_or(u32::MAX);
        let share = NonZeroU32::new(most / count).unwrap_or(NonZeroU32::MIN);
        let request = ReceiveRequest {
            messages_max: share,
            ..request
        };
        let deadline = self.link.now() + request.wait;
        let poll = |shard| self.poll(shard, request, deadline);
        let hop = |shard, early: Vec<_>| (!early.is_empty()).then(|| self.hop(shard, early));
        let mut polls: FuturesUnordered<_> = (0..self.shards.len()).map(poll).collect();
        let mut hops = FuturesUnordered::new();
        let (mut came, mut failed): (Vec<Delivery>, Option<Error>) = (Vec::new(), None);
        while came.is_empty()
            && let Some(step) = stream::select(&mut polls, &mut hops).next().await
        {
            match step {
                Step::Polled(shard, Ok((brought, early))) => {
                    came.extend(brought);
                    hops.extend(hop(shard, early));
                }
                Step::Hopped(shard, Ok(())) if self.link.now() < deadline => {
                    polls.push(poll(shard));
                }
                Step::Hopped(_, Ok(())) => {}
                Step::Polled(_, Err(error)) | Step::Hopped(_, Err(error)) => {
                    failed = failed.or(Some(error));
                }
            }
        }
        let has_room = |came: &Vec<_>| came.len() + share.get() as usize <= most as usize;
        while has_room(&came)
            && let Some(Some(step)) = polls.next().now_or_never()
        {
            match step {
                Step::Polled(shard, Ok((brought, early))) => {
                    came.extend(brought);
                    hops.extend(hop(shard, early));
                }
                Step::Polled(_, Err(error)) => failed = failed.or(Some(error)),
                Step::Hopped(..) => {}
            }
        }
        drop(polls);
        // A hop that is cut between its calls doubles what it sends; what fails comes again.
        while hops.next().await.is_some() {}
        self.unless_failed(came, failed)
    }

    /// Waits for messages of one queue until `deadline`.
    async fn poll(&self, shard: usize, request: ReceiveRequest, deadline: Instant) -> Step {
        let mut came = Vec::new();
        let request = request.wait(deadline.since(self.link.now()));
        let polled = self.shards[shard].poll(request, &mut came).await;
        self.turns.note(shard, !came.is_empty(), self.link.now());
        mark(shard, &mut came);
        let polled = polled.map_err(|error| self.of_shard(shard, error));
        Step::Polled(shard, polled.map(|early| (came, early)))
    }

    /// Sends again what is not due, apart from the poll that brought it, which may be dropped.
    async fn hop(&self, shard: usize, early: Vec<Reading>) -> Step {
        let hopped = Box::pin(self.shards[shard].hop(early)).await;
        Step::Hopped(shard, hopped.map_err(|error| self.of_shard(shard, error)))
    }

    fn of_shard(&self, shard: usize, error: Error) -> Error {
        self.shards[shard].named(error)
    }

    /// Asks one queue for messages.
    async fn ask(&self, shard: usize, request: ReceiveRequest) -> Result<Vec<Delivery>> {
        let mut came = Vec::new();
        let asked = self.shards[shard].receive(request, &mut came).await;
        self.turns.note(shard, !came.is_empty(), self.link.now());
        asked?;
        mark(shard, &mut came);
        Ok(came)
    }

    /// Returns the queue that gave `receipt`, and the receipt as it gave it.
    fn shard_of(&self, receipt: &Receipt) -> Option<(usize, Receipt)> {
        let (shard, text) = receipt.as_text()?.split_once(MARK)?;
        let shard = shard.parse().ok();
        let shard = shard.filter(|shard| *shard < self.shards.len())?;
        Some((shard, Receipt::from_text(text)))
    }

    /// Groups items of a batch, each with its place and its queue, by queue.
    fn parts<T>(&self, items: Vec<(usize, usize, T)>) -> Vec<Part<T>> {
        let part = |shard| Part {
            shard,
            places: Vec::new(),
            items: Vec::new(),
        };
        let mut parts: Vec<Part<T>> = (0..self.shards.len()).map(part).collect();
        for (place, shard, item) in items {
            parts[shard].places.push(place);
            parts[shard].items.push(item);
        }
        parts.retain(|part| !part.places.is_empty());
        parts
    }
}

/// Writes into the receipts of `deliveries` which queue gave them.
fn mark(shard: usize, deliveries: &mut [Delivery]) {
    for delivery in deliveries {
        let text = format!("{shard}{MARK}{}", delivery.receipt);
        delivery.receipt = Receipt::from_text(&text);
    }
}

#[async_trait]
impl Receiver for ShardedReceiver {
    fn source(&self) -> &Source {
        &self.source
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn settings(&self) -> Result<Settings> {
        let Some(first) = self.shards.first() else {
            return Ok(Settings::default());
        };
        let leases = self.shards.iter().map(SqsReceiver::lease);
        Ok(Settings {
            lease: leases.min(),
            ..first.settings().await?
        })
    }

    async fn receive(&self, request: ReceiveRequest, into: &mut Vec<Delivery>) -> Result<()> {
        if self.is_closed() {
            return Err(error::closed(Operation::Receive).queue(&self.source));
        }
        into.extend(Box::pin(self.receive_some(request)).await?);
        Ok(())
    }

    async fn settle(&self, batch: &mut [Settling]) -> Result<()> {
        let mut items = Vec::new();
        for (place, item) in batch.iter_mut().enumerate() {
            let Some((shard, receipt)) = self.shard_of(&item.delivery.receipt) else {
                let lost = error::lease_lost(Operation::Settle).queue(&self.source);
                item.outcome = Outcome::Failed(lost);
                continue;
            };
            let delivery = Delivery {
                receipt,
                ..item.delivery.clone()
            };
            let part = Settling::new(delivery, item.settlement.clone());
            items.push((place, shard, part));
        }
        let calls = self.parts(items).into_iter().map(|mut part| async move {
            let call = self.shards[part.shard].settle(&mut part.items).await;
            (part, call)
        });
        for (part, call) in Box::pin(join_all(calls)).await {
            for (place, item) in part.places.into_iter().zip(part.items) {
                batch[place].outcome = item.outcome.settle(&call).into();
            }
        }
        Ok(())
    }

    async fn extend(&self, batch: &mut [Extending], by: Duration) -> Result<()> {
        let mut items = Vec::new();
        for (place, item) in batch.iter_mut().enumerate() {
            let Some((shard, receipt)) = self.shard_of(&item.receipt) else {
                let lost = error::lease_lost(Operation::Extend).queue(&self.source);
                item.outcome = Outcome::Failed(lost);
                continue;
            };
            items.push((place, shard, Extending::new(receipt)));
        }
        let calls = self.parts(items).into_iter().map(|mut part| async move {
            let call = self.shards[part.shard].extend(&mut part.items, by).await;
            (part, call)
        });
        for (part, call) in Box::pin(join_all(calls)).await {
            for (place, item) in part.places.into_iter().zip(part.items) {
                batch[place].outcome = item.outcome.settle(&call).into();
            }
        }
        Ok(())
    }

    async fn lost(&self, _into: &mut Vec<Receipt>) {
        pending::<()>().await;
    }

    async fn close(&self) -> Result<()> {
        self.closing.close();
        self.waiting.close();
        let closes = join_all(self.shards.iter().map(Receiver::close)).await;
        closes.into_iter().collect()
    }
}
