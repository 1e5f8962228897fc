//! Children that receive.

use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use anyhow::{Result, ensure};
use relayhouse_core::{
    Delivery, Instant, Settling,
    port::{Provider, ReceiveRequest, Receiver},
};
use tokio::task::JoinSet;

use super::{Child, may_go, produce::Producing};
use crate::report::{Answered, How, What, proof};

/// The lease of a child that is killed: long enough for a batch, short enough to be waited for.
const LEASE: Duration = Duration::from_millis(300);

/// The lease of a child that is not killed.
const LEASE_LONG: Duration = Duration::from_secs(60);

/// What must be left of a lease for a message to be handled.
const MARGIN: Duration = Duration::from_millis(50);

/// The most messages of one receive.
const RECEIVE_MAX: NonZeroU32 = NonZeroU32::new(40).unwrap();

/// And of one that has nothing to do but ack them.
const ACK_MAX: NonZeroU32 = NonZeroU32::new(256).unwrap();

/// How long a receive waits.
const WAIT: Duration = Duration::from_millis(100);

/// How long an empty queue may take to become so.
const DRAIN_MAX: Duration = Duration::from_secs(60);

/// Is one task that receives.
#[derive(Debug)]
pub(super) struct Consuming {
    pub(super) child: Child,
    pub(super) receiver: Arc<dyn Receiver>,
    pub(super) task: u64,
}

impl Consuming {
    /// Receives up to `max` messages.
    pub(super) async fn receive(&self, max: NonZeroU32, wait: Duration) -> Result<Vec<Delivery>> {
        let teller = &self.child.teller;
        teller.tell(self.task, What::Receiving)?;
        let mut deliveries = Vec::new();
        let request = ReceiveRequest::up_to(max).wait(wait);
        let result = self.receiver.receive(request, &mut deliveries).await;
        let got = deliveries
            .iter()
            .map(|delivery| teller.got(delivery))
            .collect();
        teller.tell(self.task, What::Received(got))?;
        if let Err(error) = result {
            let (call, error) = ("receive".to_owned(), (&error).into());
            teller.tell(self.task, What::Failed { call, error })?;
        }
        Ok(deliveries)
    }

    /// Settles deliveries, and returns true if all of them are.
    pub(super) async fn settle(&self, items: Vec<(Delivery, How)>) -> Result<bool> {
        if items.is_empty() {
            return Ok(true);
        }
        let teller = &self.child.teller;
        let told = items
            .iter()
            .map(|(delivery, how)| (proof(&delivery.receipt), *how));
        teller.tell(self.task, What::Settling(told.collect()))?;
        let batch = items.into_iter();
        let mut batch: Vec<_> = batch
            .map(|(it, how)| Settling::new(it, how.settlement()))
            .collect();
        let call = self.receiver.settle(&mut batch).await;
        let answers = batch
            .into_iter()
            .map(|item| item.outcome.settle(&call).into());
        let answers: Vec<Answered> = answers.collect();
        let is_all = answers.iter().all(|answer| answer.failure().is_none());
        teller.tell(self.task, What::Settled(answers))?;
        Ok(is_all)
    }

    /// Receives and acks what is there.
    pub(super) async fn ack_some(&self) -> Result<usize> {
        let deliveries = self.receive(ACK_MAX, WAIT).await?;
        let count = deliveries.len();
        self.settle(
            deliveries
                .into_iter()
                .map(|delivery| (delivery, How::Ack))
                .collect(),
        )
        .await?;
        Ok(count)
    }

    /// Receives, acks most, and releases or forgets some.
    async fn handle_all(self, number: u64) -> Result<()> {
        let random = self.child.random(&[number, self.task]);
        loop {
            let deliveries = self.receive(RECEIVE_MAX, WAIT).await?;
            let mut failed = Vec::new();
            let mut items = Vec::new();
            for delivery in deliveries {
                let key = delivery.message.details().ordering_key.clone();
                let is_behind = key.is_some() && failed.contains(&key);
                let chance = random.below(100);
                if !is_behind && chance < 85 {
                    items.push((delivery, How::Ack));
                    continue;
                }
                failed.push(key);
                if chance < 95 {
                    let delay_ms = random.below(2) * random.below(40);
                    items.push((delivery, How::Release { delay_ms }));
                }
            }
            let safe: Instant = self.child.context.clock.now() + MARGIN;
            items.retain(|(delivery, _)| safe < delivery.lease.until());
            self.settle(items).await?;
        }
    }
}

impl Child {
    fn consuming(&self, receiver: &Arc<dyn Receiver>, task: u64) -> Consuming {
        Consuming {
            child: self.clone(),
            receiver: Arc::clone(receiver),
            task,
        }
    }

    /// Sends and receives until it is killed.
    pub(super) async fn work(self, number: u64) -> Result<()> {
        let local = self.builder().build()?;
        let sender = self.sender(&local).await?;
        let receiver = self.receiver(&local, LEASE).await?;
        let mut tasks = JoinSet::new();
        for (task, batch_max) in [(0, 1), (1, 10), (2, 60)] {
            let producing = Producing::new(&self, &sender, task, number * 10 + task);
            tasks.spawn(producing.send_many(u64::MAX, batch_max));
        }
        for task in 3..5 {
            tasks.spawn(self.consuming(&receiver, task).handle_all(number));
        }
        match tasks.join_next().await {
            Some(done) => done?,
            None => Ok(()),
        }
    }

    /// Receives without settling until it is killed.
    pub(super) async fn hold(self) -> Result<()> {
        let local = self.builder().build()?;
        let receiver = self.receiver(&local, LEASE).await?;
        let holding = self.consuming(&receiver, 0);
        let mut held = Vec::new();
        loop {
            held.extend(holding.receive(RECEIVE_MAX, WAIT).await?);
        }
    }

    /// Receives and acks until nothing is left, and if `is_told` nothing more comes.
    pub(super) async fn consume_all(self, is_told: bool) -> Result<()> {
        let local = self.builder().build()?;
        let receiver = self.receiver(&local, LEASE_LONG).await?;
        let consuming = self.consuming(&receiver, 0);
        let is_last = Arc::new(AtomicBool::new(!is_told));
        if is_told {
            let is_last = Arc::clone(&is_last);
            thread::spawn(move || {
                while may_go().unwrap_or(false) {}
                is_last.store(true, Ordering::SeqCst);
            });
        }
        let clock = &self.context.clock;
        let mut progress = clock.now();
        loop {
            let was_last = is_last.load(Ordering::SeqCst);
            if 0 < consuming.ack_some().await? || !was_last {
                progress = clock.now();
                continue;
            }
            let stats = self.stats(&local).await?;
            if stats.live() == 0 {
                break;
            }
            let idle = clock.now().since(progress);
            ensure!(
                idle < DRAIN_MAX,
                "nothing came for {idle:?}, and {stats:?} is left"
            );
        }
        local.close().await?;
        Ok(())
    }
}
