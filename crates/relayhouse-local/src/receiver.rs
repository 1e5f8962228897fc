//! The receiver of a queue, a subscription, or the dead letters of either.

use std::{future::pending, pin::pin, sync::Arc, time::Duration};

use async_trait::async_trait;
use relayhouse_core::{
    Capabilities, Delivery, ErrorKind, Extending, Operation, Outcome, Receipt, Result, Settlement,
    Settling, Source,
    port::{ReceiveRequest, Receiver, Settings},
};

use crate::{
    error,
    namespace::Namespace,
    queue::{self, Leases, Queue},
    store::{Access, Proof, Store, Take, Verdict},
    wait::{Closing, LaneWaits, Use},
    writer::Cost,
};

/// Receives from one source.
#[derive(Debug)]
pub(crate) struct LocalReceiver {
    namespace: Arc<Namespace>,
    queue: Queue,
    waits: Arc<LaneWaits>,
    source: Source,
    capabilities: Arc<Capabilities>,
    lease: Duration,
    closing: Closing,
    leases: Leases,
}

impl LocalReceiver {
    pub(crate) fn new(
        namespace: Arc<Namespace>,
        queue: Queue,
        source: Source,
        capabilities: Arc<Capabilities>,
        lease: Duration,
    ) -> Self {
        Self {
            namespace,
            waits: queue.waits(),
            queue,
            source,
            capabilities,
            lease,
            closing: Closing::default(),
            leases: Leases::default(),
        }
    }

    fn is_closed(&self) -> bool {
        self.closing.is_closed() || self.namespace.closing.is_closed()
    }

    /// Takes what is ready, and returns whether there may be more.
    async fn take(&self, request: &ReceiveRequest, into: &mut Vec<Delivery>) -> Result<Brought> {
        let take = take_of(request, self.lease);
        let lane = self.queue.lane;
        let run = move |store: &mut dyn Store, _| {
            let mut deliveries = Vec::new();
            store.lease(lane, take, &mut deliveries)?;
            Ok(deliveries)
        };
        let cost = cost_of(&take);
        let taken = self
            .queue
            .take(Operation::Receive, cost, run, |store, lane, taken| {
                queue::unlease(store, lane, taken)
            })
            .await?;
        let now = self.namespace.context.clock.now();
        Ok(keep(taken.keep(), &take, &self.leases, now, into))
    }

    /// Asks, and waits until it is worth asking again.
    async fn wait(&self, request: &ReceiveRequest, into: &mut Vec<Delivery>) -> Result<()> {
        let clock = &self.namespace.context.clock;
        let deadline = clock.now() + request.wait;
        let file = &self.queue.file;
        file.watch().await?;
        let mut waiting = self.waits.join(Use::Any);
        loop {
            let mut notified = pin!(waiting.notified());
            notified.as_mut().enable();
            let brought = match self.take(request, into).await {
                Err(error) if error.kind() == ErrorKind::Closed && self.is_closed() => {
                    return Ok(());
                }
                brought => brought?,
            };
            waiting.looked();
            match brought {
                Brought::Nothing => {}
                Brought::All => return Ok(()),
                Brought::MaybeNotAll => {
                    self.waits.may_be_more();
                    return Ok(());
                }
            }
            if self.is_closed() || deadline <= clock.now() {
                return Ok(());
            }
            tokio::select! {
                biased;
                () = notified => waiting.woken(),
                () = self.closing.closed() => return Ok(()),
                () = self.namespace.closing.closed() => return Ok(()),
                () = clock.sleep_until(deadline) => {}
                () = file.waits.keep_time(&**clock, &file.jobs) => {}
            }
        }
    }
}

/// Says what one look brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Brought {
    Nothing,
    /// All that was there.
    All,
    /// All that was asked for.
    MaybeNotAll,
}

/// Says what one receive takes.
pub(crate) fn take_of(request: &ReceiveRequest, lease: Duration) -> Take {
    Take {
        messages_max: request.messages_max.get(),
        bytes_max: request.bytes_max.get(),
        lease,
    }
}

pub(crate) const fn cost_of(take: &Take) -> Cost {
    Cost {
        messages: take.messages_max as u64,
        bytes: 0,
    }
}

/// Hands deliveries to who asked for them, and notes their leases.
pub(crate) fn keep(
    mut deliveries: Vec<Delivery>,
    take: &Take,
    leases: &Leases,
    now: relayhouse_core::Instant,
    into: &mut Vec<Delivery>,
) -> Brought {
    if deliveries.is_empty() {
        return Brought::Nothing;
    }
    let given = deliveries.iter().map(|it| (&it.receipt, it.lease.until()));
    leases.add(given, now);
    let bytes: u64 = deliveries.iter().map(|it| it.message.size()).sum();
    let is_full =
        deliveries.len() as u64 == u64::from(take.messages_max) || take.bytes_max <= bytes;
    into.append(&mut deliveries);
    match is_full {
        true => Brought::MaybeNotAll,
        false => Brought::All,
    }
}

/// Settles every pending item, each by itself.
pub(crate) async fn settle(queue: &Queue, leases: &Leases, batch: &mut [Settling]) -> Result<()> {
    let mut items = Vec::with_capacity(batch.len());
    for item in batch.iter_mut().filter(|item| item.outcome.is_pending()) {
        match Proof::read(&item.delivery.receipt) {
            Some(proof) => items.push((proof, item.settlement.clone())),
            None => item.outcome = Outcome::Failed(error::lease_lost(Operation::Settle)),
        }
    }
    if items.is_empty() {
        return Ok(());
    }
    let cost = settle_cost(batch);
    let lane = queue.lane;
    let run = move |store: &mut dyn Store, _| store.settle(lane, &items);
    let settled = queue
        .call(Operation::Settle, Access::Write, cost, run)
        .await;
    let outcome = |verdict: &Verdict| match error::of_verdict(verdict, Operation::Settle) {
        None => Outcome::Done(()),
        Some(error) => Outcome::Failed(error),
    };
    let pending = batch.iter_mut().filter(|item| item.outcome.is_pending());
    answer(settled, pending.map(|item| &mut item.outcome), outcome)?;
    let done = batch.iter().filter(|item| item.outcome.is_done());
    leases.remove(done.map(|item| &item.delivery.receipt));
    Ok(())
}

fn settle_cost(batch: &[Settling]) -> Cost {
    let dead = batch.iter().filter_map(|item| match &item.settlement {
        Settlement::DeadLetter(letter) => Some(letter.description.len() as u64),
        _ => None,
    });
    Cost {
        messages: batch.len() as u64,
        bytes: dead.sum(),
    }
}

/// Writes the answers into their items. What may have happened fails them as unknown; what has
/// not is the error of the call.
pub(crate) fn answer<'a, A, T: 'a>(
    answers: Result<Vec<A>>,
    outcomes: impl Iterator<Item = &'a mut Outcome<T>>,
    outcome: impl Fn(&A) -> Outcome<T>,
) -> Result<()> {
    match answers {
        Ok(answers) => {
            for (to, answer) in outcomes.zip(&answers) {
                *to = outcome(answer);
            }
            Ok(())
        }
        Err(error) if error::is_unknown(&error) => {
            for to in outcomes {
                *to = Outcome::Failed(error.clone());
            }
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// Reads the settings of a queue or of its dead letters.
pub(crate) fn settings_of(
    queue: &Queue,
    source: &Source,
    capabilities: &Capabilities,
    lease: Duration,
) -> Settings {
    let settings = &queue.settings;
    let is_live = !source.dead_letter;
    let bytes_max = std::num::NonZeroU64::new(settings.bytes_max);
    let declared = capabilities.message_bytes_max.into_iter();
    Settings {
        lease: Some(lease),
        attempts_max: settings.attempts_max.filter(|_| is_live),
        dead_letter: is_live.then(|| source.dead_letters()),
        is_ordered: Some(true),
        dead_letter_is_ordered: is_live.then_some(true),
        requires_sessions: Some(settings.requires_sessions && is_live),
        message_bytes_max: declared.chain(bytes_max).min(),
        retention: settings.ttl.filter(|_| is_live),
    }
}

/// Tells the leases that were lost because the queue was deleted, once; never ends otherwise.
pub(crate) async fn lost(
    namespace: &Namespace,
    queue: &Queue,
    waits: &LaneWaits,
    leases: &Leases,
    into: &mut Vec<Receipt>,
) {
    if queue.file.watch().await.is_err() {
        // Nobody can be told of a deletion that another process makes; one made here is heard.
        tracing::debug!(queue = %queue.name(), "no news of other processes");
    }
    waits.end.closed().await;
    let lost = leases.take(namespace.context.clock.now());
    if lost.is_empty() {
        return pending().await;
    }
    into.extend(lost);
}

#[async_trait]
impl Receiver for LocalReceiver {
    fn source(&self) -> &Source {
        &self.source
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn settings(&self) -> Result<Settings> {
        let (queue, source) = (&self.queue, &self.source);
        Ok(settings_of(queue, source, &self.capabilities, self.lease))
    }

    async fn receive(&self, request: ReceiveRequest, into: &mut Vec<Delivery>) -> Result<()> {
        if self.is_closed() {
            return Err(error::closed(Operation::Receive).queue(&self.source));
        }
        if request.wait.is_zero() {
            return self.take(&request, into).await.map(|_| ());
        }
        self.wait(&request, into).await
    }

    async fn settle(&self, batch: &mut [Settling]) -> Result<()> {
        settle(&self.queue, &self.leases, batch).await
    }

    async fn extend(&self, batch: &mut [Extending], by: Duration) -> Result<()> {
        let mut proofs = Vec::with_capacity(batch.len());
        for item in batch.iter_mut().filter(|item| item.outcome.is_pending()) {
            match Proof::read(&item.receipt) {
                Some(proof) => proofs.push(proof),
                None => item.outcome = Outcome::Failed(error::lease_lost(Operation::Extend)),
            }
        }
        if proofs.is_empty() {
            return Ok(());
        }
        let cost = Cost {
            messages: proofs.len() as u64,
            bytes: 0,
        };
        let lane = self.queue.lane;
        let run = move |store: &mut dyn Store, moment: crate::store::Moment| {
            let until = moment.instant(moment.tick + by);
            let verdicts = store.extend(lane, &proofs, by)?;
            Ok(verdicts
                .into_iter()
                .map(|verdict| (verdict, until))
                .collect())
        };
        let extended = self
            .queue
            .call(Operation::Extend, Access::Write, cost, run)
            .await;
        let outcome =
            |(verdict, until): &(Verdict, relayhouse_core::Instant)| match error::of_verdict(
                verdict,
                Operation::Extend,
            ) {
                None => Outcome::Done(*until),
                Some(error) => Outcome::Failed(error),
            };
        let pending = batch.iter_mut().filter(|item| item.outcome.is_pending());
        answer(extended, pending.map(|item| &mut item.outcome), outcome)?;
        let ends = batch.iter().filter_map(|item| match item.outcome {
            Outcome::Done(until) => Some((&item.receipt, until)),
            _ => None,
        });
        self.leases.add(ends, self.namespace.context.clock.now());
        Ok(())
    }

    async fn lost(&self, into: &mut Vec<Receipt>) {
        lost(
            &self.namespace,
            &self.queue,
            &self.waits,
            &self.leases,
            into,
        )
        .await;
    }

    async fn close(&self) -> Result<()> {
        self.closing.close();
        Ok(())
    }
}
