//! The keeper: extends leases while they are held, and says which were lost.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use futures_util::stream::{FuturesUnordered, StreamExt};
use relayhouse_core::{
    Clock, Context, Error, ErrorKind, Event, Extending, HeaderValue, Instant, LeaseKind, Outcome,
    Result,
    port::{Receiver, SessionReceiver},
};
use tokio::sync::Notify;
use tracing::debug;

use super::{
    Leases,
    table::{Answer, Held},
};
use crate::{config::ConsumerConfig, sync::answered};

/// Is one call that extends leases. There are at most as many as leases are held.
type Call<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Extends the leases that are held of one receiver, in a task of its own, until it is dropped.
///
/// It sleeps while nothing is held.
#[derive(Debug)]
pub(crate) struct Keeper {
    tables: Vec<Arc<Leases>>,
    wake: Arc<Notify>,
    receiver: Arc<dyn Receiver>,
    session: Option<Arc<dyn SessionReceiver>>,
    context: Context,
    /// How long an extension may take.
    timeout: Duration,
    total_max: Duration,
}

impl Keeper {
    /// Makes the keeper of what `receiver` brings.
    pub(crate) fn new(
        receiver: Arc<dyn Receiver>,
        context: &Context,
        config: &ConsumerConfig,
    ) -> Self {
        Self {
            tables: Vec::new(),
            wake: Arc::default(),
            receiver,
            session: None,
            context: context.clone(),
            timeout: config.timeouts.settle,
            total_max: config.lease_total_max,
        }
    }

    /// Makes the keeper of a session's one lease, and its table.
    pub(crate) fn of_session(
        session: Arc<dyn SessionReceiver>,
        context: &Context,
        config: &ConsumerConfig,
    ) -> (Self, Arc<Leases>) {
        let receiver: Arc<dyn Receiver> = Arc::clone(&session) as _;
        let mut keeper = Self::new(receiver, context, config);
        let (now, until) = (context.clock.now(), session.until());
        let wake = Arc::clone(&keeper.wake);
        let leases = Leases::of_session(keeper.total_max, wake, now, until);
        keeper.tables.push(Arc::clone(&leases));
        keeper.session = Some(session);
        (keeper, leases)
    }

    /// Makes a further table of leases to keep.
    pub(crate) fn table(&mut self) -> Arc<Leases> {
        let leases = Leases::new(self.total_max, Arc::clone(&self.wake));
        self.tables.push(Arc::clone(&leases));
        leases
    }

    /// Keeps the leases for as long as it is polled.
    pub(crate) async fn run(self) {
        let lost = async {
            let mut receipts = Vec::new();
            loop {
                self.receiver.lost(&mut receipts).await;
                self.tables.iter().for_each(|table| table.lose(&receipts));
                receipts.clear();
            }
        };
        let keep = async {
            let mut calls = FuturesUnordered::new();
            loop {
                let next = self.look(&mut calls).await;
                self.wait(next, &mut calls).await;
            }
        };
        tokio::select! {
            biased;
            () = lost => {}
            () = keep => {}
        }
    }

    /// Sleeps until `next`, or until a lease is held that is due before, and goes on with `calls`.
    async fn wait(&self, next: Instant, calls: &mut FuturesUnordered<Call<'_>>) {
        let mut late = self.clock().sleep_until(next);
        loop {
            tokio::select! {
                biased;
                Some(()) = calls.next() => {}
                () = self.wake.notified() => return,
                () = &mut late => return,
            }
        }
    }

    /// Begins what is due, and returns when to look again. A call that hangs holds back no other.
    async fn look<'a>(&'a self, calls: &mut FuturesUnordered<Call<'a>>) -> Instant {
        let mut next = Instant::NEVER;
        for table in &self.tables {
            let due = table.due(self.clock().now());
            next = next.min(due.next);
            if due.session {
                self.renew(table).await;
            }
            if !due.leases.is_empty() {
                self.extend(table, due.leases, due.by, calls);
            }
            for (held, by) in due.last {
                self.extend(table, vec![held], by, calls);
            }
        }
        next
    }

    async fn renew(&self, table: &Leases) {
        let Some(session) = &self.session else {
            return;
        };
        let result = self.bounded(session.renew()).await;
        if let Err(error) = &result {
            debug!(source = %session.source(), %error, "session was not renewed");
        }
        table.renewed(answer(&result));
    }

    fn extend<'a>(
        &'a self,
        table: &'a Leases,
        mut leases: Vec<Held>,
        by: Duration,
        calls: &mut FuturesUnordered<Call<'a>>,
    ) {
        let capabilities = self.receiver.capabilities();
        if capabilities.lease != LeaseKind::Delivery {
            for held in leases {
                table.extended(held.slot, Answer::Failed);
            }
            return;
        }
        let max = capabilities
            .extend_batch_max
            .map_or(usize::MAX, |max| max.get() as usize);
        while !leases.is_empty() {
            let rest = leases.split_off(leases.len().min(max));
            calls.push(Box::pin(self.extend_batch(table, leases, by)));
            leases = rest;
        }
    }

    async fn extend_batch(&self, table: &Leases, leases: Vec<Held>, by: Duration) {
        let item = |held: &Held| Extending::new(held.receipt.clone());
        let mut batch: Vec<Extending> = leases.iter().map(item).collect();
        let began = self.clock().now();
        let call = self.bounded(self.receiver.extend(&mut batch, by)).await;
        let mut results = Vec::with_capacity(batch.len());
        for (item, held) in batch.iter_mut().zip(&leases) {
            let outcome = std::mem::take(&mut item.outcome);
            let result = Outcome::settle(outcome, &call);
            table.extended(held.slot, answer(&result));
            results.push(result);
        }
        table.end_extensions();
        self.report(began, &leases, &results, call.as_ref().err());
    }

    /// Calls the provider within the deadline of a settle.
    async fn bounded<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        answered(self.clock(), self.timeout, ErrorKind::OutcomeUnknown, call).await
    }

    fn report(
        &self,
        began: Instant,
        leases: &[Held],
        results: &[Result<Instant>],
        error: Option<&Error>,
    ) {
        let Some(observer) = &self.context.observer else {
            return;
        };
        let (now, source) = (self.clock().now(), self.receiver.source());
        let mut events = Vec::with_capacity(1 + leases.len());
        events.push(Event::ExtendCall {
            source,
            messages: u32::try_from(leases.len()).unwrap_or(u32::MAX),
            messages_max: self.receiver.capabilities().extend_batch_max,
            took: now.since(began),
            error,
        });
        let extended = leases.iter().zip(results);
        events.extend(extended.map(|(held, result)| Event::Extended {
            source,
            receipt: &held.receipt,
            traceparent: held.trace.as_ref().and_then(HeaderValue::as_text),
            result: result.as_ref().copied(),
        }));
        observer.observe(now, &events);
    }

    fn clock(&self) -> &dyn Clock {
        &*self.context.clock
    }
}

fn answer(result: &Result<Instant>) -> Answer {
    match result {
        Ok(until) => Answer::Until(*until),
        Err(error) if error.kind() == ErrorKind::LeaseLost => Answer::Lost,
        Err(_) => Answer::Failed,
    }
}
