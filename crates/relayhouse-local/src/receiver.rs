//! The receiver of a queue, a subscription, or the dead letters of either.

use std::{pin::pin, time::Duration};

use async_trait::async_trait;
use relayhouse_core::{
    Capabilities, Delivery, ErrorKind, Extending, Instant, Operation, Outcome, Receipt, Result,
    Settling, Source,
    port::{ReceiveRequest, Receiver, Settings},
};

use crate::{
    error,
    origin::{self, Brought, Origin},
    queue::{self, Leases},
    store::{Access, Moment, Proof, Store, Verdict},
    wait::{Closing, Use},
    writer::Cost,
};

/// Receives from one source.
#[derive(Debug)]
pub(crate) struct LocalReceiver {
    origin: Origin,
    closing: Closing,
    leases: Leases,
}

impl LocalReceiver {
    pub(crate) fn new(origin: Origin) -> Self {
        Self {
            origin,
            closing: Closing::default(),
            leases: Leases::default(),
        }
    }

    fn is_closed(&self) -> bool {
        self.origin.is_closed(&self.closing)
    }

    /// Takes what is ready, and returns whether there may be more.
    async fn take(&self, request: &ReceiveRequest, into: &mut Vec<Delivery>) -> Result<Brought> {
        let Origin { queue, .. } = &self.origin;
        let (take, lane) = (self.origin.take_of(request), queue.lane);
        let run = move |store: &mut dyn Store, _| {
            let mut deliveries = Vec::new();
            store.lease(lane, take, &mut deliveries)?;
            Ok(deliveries)
        };
        let cost = origin::cost_of(&take);
        let taken = queue
            .take(Operation::Receive, cost, run, |store, lane, taken| {
                queue::unlease(store, lane, taken)
            })
            .await?;
        Ok(self.origin.keep(taken.keep(), &take, &self.leases, into))
    }

    /// Asks, and waits until it is worth asking again.
    async fn wait(&self, request: &ReceiveRequest, into: &mut Vec<Delivery>) -> Result<()> {
        let Origin { queue, waits, .. } = &self.origin;
        let (clock, file) = (self.origin.clock(), &queue.file);
        let deadline = clock.now() + request.wait;
        file.watch().await?;
        let mut waiting = waits.join(Use::Any);
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
                    waits.may_be_more();
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
                () = self.origin.namespace.closing.closed() => return Ok(()),
                () = clock.sleep_until(deadline) => {}
                () = file.waits.keep_time(clock, &file.jobs) => {}
            }
        }
    }
}

#[async_trait]
impl Receiver for LocalReceiver {
    fn source(&self) -> &Source {
        &self.origin.source
    }

    fn capabilities(&self) -> &Capabilities {
        &self.origin.capabilities
    }

    async fn settings(&self) -> Result<Settings> {
        Ok(self.origin.settings())
    }

    async fn receive(&self, request: ReceiveRequest, into: &mut Vec<Delivery>) -> Result<()> {
        if self.is_closed() {
            return Err(self.origin.closed(Operation::Receive));
        }
        if request.wait.is_zero() {
            return self.take(&request, into).await.map(|_| ());
        }
        self.wait(&request, into).await
    }

    async fn settle(&self, batch: &mut [Settling]) -> Result<()> {
        self.origin.settle(&self.leases, batch).await
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
        let Origin { queue, .. } = &self.origin;
        let lane = queue.lane;
        let run = move |store: &mut dyn Store, moment: Moment| {
            let until = moment.instant(moment.tick + by);
            let verdicts = store.extend(lane, &proofs, by)?;
            Ok(verdicts
                .into_iter()
                .map(|verdict| (verdict, until))
                .collect())
        };
        let extended = queue
            .call(Operation::Extend, Access::Write, cost, run)
            .await;
        let outcome = |(verdict, until): &(Verdict, Instant)| match error::of_verdict(
            verdict,
            Operation::Extend,
        ) {
            None => Outcome::Done(*until),
            Some(error) => Outcome::Failed(error),
        };
        let pending = batch.iter_mut().filter(|item| item.outcome.is_pending());
        origin::answer(extended, pending.map(|item| &mut item.outcome), outcome)?;
        let ends = batch.iter().filter_map(|item| match item.outcome {
            Outcome::Done(until) => Some((&item.receipt, until)),
            _ => None,
        });
        self.leases.add(ends, self.origin.clock().now());
        Ok(())
    }

    async fn lost(&self, into: &mut Vec<Receipt>) {
        self.origin.lost(&self.leases, into).await;
    }

    async fn close(&self) -> Result<()> {
        self.closing.close();
        Ok(())
    }
}
