//! Where messages are received from: what receivers, sessions, and those that accept sessions have
//! in common.

use std::{future::pending, num::NonZeroU64, sync::Arc, time::Duration};

use relayhouse_core::{
    Capabilities, Clock, Delivery, Error, Mark, Operation, Outcome, Receipt, Result, Settlement,
    Settling, Source,
    port::{ReceiveRequest, Settings, Site},
};

use crate::{
    error,
    namespace::Namespace,
    queue::{Leases, Queue},
    store::{Access, Proof, Store, Take, Verdict},
    wait::{Closing, LaneWaits},
    writer::Cost,
};

/// Is the queue, subscription or dead letters that somebody receives from.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub(crate) namespace: Arc<Namespace>,
    pub(crate) queue: Queue,
    pub(crate) waits: Arc<LaneWaits>,
    pub(crate) source: Source,
    pub(crate) capabilities: Arc<Capabilities>,
    pub(crate) lease: Duration,
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

impl Origin {
    pub(crate) fn new(
        namespace: &Arc<Namespace>,
        queue: Queue,
        source: &Source,
        capabilities: Arc<Capabilities>,
        lease: Duration,
    ) -> Self {
        Self {
            namespace: Arc::clone(namespace),
            waits: queue.waits(),
            queue,
            source: source.clone(),
            capabilities,
            lease,
        }
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.namespace.context.clock
    }

    /// Returns true if `closing` was closed, or the namespace.
    pub(crate) fn is_closed(&self, closing: &Closing) -> bool {
        closing.is_closed() || self.namespace.closing.is_closed()
    }

    /// Returns the error of a call after the end.
    pub(crate) fn closed(&self, operation: Operation) -> Error {
        error::closed(operation).queue(&self.source)
    }

    /// Returns what one receive takes.
    pub(crate) fn take_of(&self, request: &ReceiveRequest) -> Take {
        Take {
            messages_max: request.messages_max.get(),
            bytes_max: request.bytes_max.get(),
            lease: self.lease,
        }
    }

    /// Hands deliveries to who asked for them, and notes their leases.
    pub(crate) fn keep(
        &self,
        mut deliveries: Vec<Delivery>,
        take: &Take,
        leases: &Leases,
        into: &mut Vec<Delivery>,
    ) -> Brought {
        if deliveries.is_empty() {
            return Brought::Nothing;
        }
        let given = deliveries.iter().map(|it| (&it.receipt, it.lease.until()));
        leases.add(given, self.clock().now());
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
    pub(crate) async fn settle(&self, leases: &Leases, batch: &mut [Settling]) -> Result<()> {
        let mut items = Vec::with_capacity(batch.len());
        let mut access = Access::Write;
        for item in batch.iter_mut().filter(|item| item.outcome.is_pending()) {
            match provable(item, &self.queue.file.site) {
                Ok(proved) => items.push(proved),
                Err(error) => item.outcome = Outcome::Failed(error),
            }
            // A key that is done stays so when the power is lost.
            let is_marked = matches!(item.settlement, Settlement::Forward(_));
            access = if is_marked { Access::Flush } else { access };
        }
        if items.is_empty() {
            return Ok(());
        }
        let cost = settle_cost(batch);
        let lane = self.queue.lane;
        let run = move |store: &mut dyn Store, _| store.settle(lane, &items);
        let settled = self.queue.call(Operation::Settle, access, cost, run).await;
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

    pub(crate) fn settings(&self) -> Settings {
        settings_of(&self.queue, &self.source, &self.capabilities, self.lease)
    }

    /// Tells the leases that were lost because the queue was deleted, once; never ends otherwise.
    pub(crate) async fn lost(&self, leases: &Leases, into: &mut Vec<Receipt>) {
        if self.queue.file.watch().await.is_err() {
            // Nobody can be told of a deletion that another process makes; one made here is heard.
            tracing::debug!(queue = %self.queue.name(), "no news of other processes");
        }
        self.waits.end.closed().await;
        let lost = leases.take(self.clock().now());
        if lost.is_empty() {
            return pending().await;
        }
        into.extend(lost);
    }
}

/// Returns the proof of a lease, and how the delivery ends, or why it cannot end so.
pub(crate) fn provable(item: &Settling, site: &Site) -> Result<(Proof, Settlement)> {
    let proof = Proof::read(&item.delivery.receipt);
    let proof = proof.ok_or_else(|| error::lease_lost(Operation::Settle))?;
    if let Settlement::Forward(outgoing) = &item.settlement {
        let is_here = |mark: &Mark| mark.store.site() == Some(site);
        if !outgoing.marks().iter().all(is_here) {
            return Err(error::elsewhere());
        }
    }
    Ok((proof, item.settlement.clone()))
}

/// Returns what a receive weighs.
pub(crate) const fn cost_of(take: &Take) -> Cost {
    Cost {
        messages: take.messages_max as u64,
        bytes: 0,
    }
}

fn settle_cost(batch: &[Settling]) -> Cost {
    let bytes = batch.iter().map(|item| match &item.settlement {
        Settlement::DeadLetter(letter) => letter.description.len(),
        Settlement::Forward(outgoing) => outgoing.marks().iter().map(|mark| mark.key.len()).sum(),
        _ => 0,
    });
    Cost {
        messages: batch.len() as u64,
        bytes: bytes.sum::<usize>() as u64,
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

/// Returns the settings of a queue or of its dead letters.
pub(crate) fn settings_of(
    queue: &Queue,
    source: &Source,
    capabilities: &Capabilities,
    lease: Duration,
) -> Settings {
    let settings = &queue.settings;
    let is_live = !source.dead_letter;
    let bytes_max = NonZeroU64::new(settings.bytes_max);
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
