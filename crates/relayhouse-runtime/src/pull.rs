//! Taking deliveries one by one, and settling them by hand.

use std::{collections::VecDeque, num::NonZeroU32, sync::Arc, time::Duration};

use relayhouse_core::{
    Clock, Context, Delivery, Error, ErrorKind, Event, Instant, Operation, Result, Settlement,
    Settling,
    port::{ReceiveRequest, Receiver},
};
use tokio::{sync::Mutex, task::JoinHandle};

use crate::{
    config::ConsumerConfig,
    consumer::{Port, Setup, check, open},
    lease::{Hold, Keeper, Leases},
    sync::answered,
};

/// Takes deliveries one by one, for programs that settle by hand.
///
/// It keeps the leases of what it handed out and of what it holds ready. A clone shares both.
/// What is neither settled nor given back comes again when its lease ends.
#[derive(Clone, Debug)]
pub struct Pull(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    receiver: Arc<dyn Receiver>,
    leases: Arc<Leases>,
    context: Context,
    config: ConsumerConfig,
    ready: Mutex<Ready>,
    keeper: JoinHandle<()>,
    /// Whether the pull opened the receiver, and so closes it.
    is_ours: bool,
}

#[derive(Debug, Default)]
struct Ready {
    deliveries: VecDeque<Delivery>,
    is_closed: bool,
}

impl Pull {
    /// Opens the queue; through sessions it cannot be pulled.
    pub(crate) async fn open(setup: Setup) -> Result<Self> {
        let Setup {
            intake,
            context,
            config,
            options,
            ordering: _,
            policy: _,
            outputs: _,
            wrong,
        } = setup;
        if let Some(error) = wrong {
            return Err(error);
        }
        let opened = open(&intake, options, &config, &*context.clock).await?;
        check(
            &opened.source,
            &config,
            &opened.capabilities,
            &opened.settings,
        )?;
        let Port::Receiver(receiver) = opened.port else {
            let rule = "a queue with sessions cannot be pulled, use a handler";
            let error = Error::new(ErrorKind::Unsupported, rule);
            return Err(error.at(Operation::Open, &opened.source));
        };
        let mut keeper = Keeper::new(Arc::clone(&receiver), &context, &config);
        let leases = keeper.table();
        let keeper = tokio::spawn(keeper.run());
        let ready = Mutex::default();
        Ok(Self(Arc::new(Shared {
            receiver,
            leases,
            context,
            config,
            ready,
            keeper,
            is_ours: opened.is_ours,
        })))
    }

    /// Waits for the next delivery; `None` if nothing came within the configured `receive_wait`,
    /// or after [`close`](Self::close).
    ///
    /// Dropping the future loses nothing that was received, but a receive that waits may leave
    /// messages leased to nobody until their lease ends, where the provider cannot cancel it.
    ///
    /// # Errors
    ///
    /// Returns the error of the receive.
    pub async fn next(&self) -> Result<Option<Delivery>> {
        self.next_up_to(NonZeroU32::MAX).await
    }

    /// Does the same for a caller that wants `wanted` deliveries from here on, this one included: no
    /// more are received ahead, which would only be given back, and count as delivered.
    ///
    /// # Errors
    ///
    /// Returns the error of the receive.
    pub async fn next_up_to(&self, wanted: NonZeroU32) -> Result<Option<Delivery>> {
        let mut ready = self.0.ready.lock().await;
        loop {
            if ready.is_closed {
                return Ok(None);
            }
            let now = self.0.context.clock.now();
            let Some(delivery) = ready.deliveries.pop_front() else {
                break;
            };
            if now < delivery.lease.until() {
                return Ok(Some(delivery));
            }
            self.0
                .leases
                .end_settle(std::iter::once(delivery.lease.slot()));
        }
        let mut deliveries = self.0.receive(wanted).await?;
        let is_traced = self.0.context.observer.is_some();
        let now = self.0.context.clock.now();
        self.0.leases.hold(&mut deliveries, now, is_traced);
        ready.deliveries.extend(deliveries);
        Ok(ready.deliveries.pop_front())
    }

    /// Settles a delivery, and returns when the provider has confirmed it.
    ///
    /// Dropping the future leaves it unknown whether the settlement took effect.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::LeaseLost`] if the lease had ended: nothing was changed, and the
    /// message comes again; [`ErrorKind::OutcomeUnknown`] if nobody can say.
    pub async fn settle(&self, delivery: Delivery, settlement: Settlement) -> Result<()> {
        let slot = delivery.lease.slot();
        let result = self.0.settle(delivery, settlement).await;
        self.0.leases.end_settle(std::iter::once(slot));
        let source = self.0.receiver.source();
        result.map_err(|error| error.at(Operation::Settle, source))
    }

    /// Gives back what was received and not handed out, and stops keeping leases. What was handed
    /// out can still be settled until its lease ends, where the provider allows. A receiver that the
    /// consumer was built of stays open.
    ///
    /// A second call does nothing. Dropping the future leaves the rest to the leases.
    ///
    /// # Errors
    ///
    /// Returns the provider's first error; all is given back and closed then too, as far as it can.
    pub async fn close(&self) -> Result<()> {
        let mut ready = self.0.ready.lock().await;
        ready.is_closed = true;
        let deliveries: Vec<Delivery> = ready.deliveries.drain(..).collect();
        drop(ready);
        let mut result = Ok(());
        for delivery in deliveries {
            result = result.and(self.settle(delivery, Settlement::RELEASE).await);
        }
        self.0.keeper.abort();
        if !self.0.is_ours {
            return result;
        }
        result.and(self.0.receiver.close().await)
    }
}

impl Shared {
    async fn receive(&self, wanted: NonZeroU32) -> Result<Vec<Delivery>> {
        let capabilities = self.receiver.capabilities();
        let wait_max = capabilities.receive_wait_max.unwrap_or(Duration::MAX);
        let wait = self.config.receive_wait.min(wait_max);
        let ahead = NonZeroU32::new(self.config.prefetch_max).unwrap_or(NonZeroU32::MIN);
        let messages_max = capabilities.receive_batch_max.unwrap_or(NonZeroU32::MAX);
        let messages_max = messages_max.min(ahead).min(wanted);
        let request = ReceiveRequest::up_to(messages_max)
            .bytes_max(self.config.bytes_max)
            .wait(wait);
        let timeout = wait + self.config.timeouts.receive_beyond_wait;
        let mut deliveries = Vec::new();
        let call = self.receiver.receive(request, &mut deliveries);
        let began = self.clock().now();
        let result = answered(self.clock(), timeout, ErrorKind::Timeout, call).await;
        let source = self.receiver.source();
        let result = result.map_err(|error| error.at(Operation::Receive, source));
        self.report_receive(began, messages_max, &deliveries, result.as_ref().err());
        result.map(|()| deliveries)
    }

    fn report_receive(
        &self,
        began: Instant,
        asked: NonZeroU32,
        deliveries: &[Delivery],
        error: Option<&Error>,
    ) {
        let Some(observer) = &self.context.observer else {
            return;
        };
        let (now, source) = (self.clock().now(), self.receiver.source());
        let mut events = vec![Event::Intake {
            source,
            asked: asked.get(),
            received: u32::try_from(deliveries.len()).unwrap_or(u32::MAX),
            took: now.since(began),
            error,
        }];
        let received = |delivery| Event::Received { source, delivery };
        events.extend(deliveries.iter().map(received));
        observer.observe(now, &events);
    }

    async fn settle(&self, delivery: Delivery, settlement: Settlement) -> Result<()> {
        let slot = delivery.lease.slot();
        loop {
            let extended = self.leases.extension_ended();
            let mut answer = Hold::Lost;
            let now = self.context.clock.now();
            self.leases
                .begin_settle(std::iter::once(slot), now, |hold| answer = hold);
            match answer {
                Hold::Held => break,
                Hold::Busy => extended.await,
                Hold::Lost => return Err(Error::new(ErrorKind::LeaseLost, "the lease has ended")),
            }
        }
        let timeout = self.config.timeouts.settle;
        let mut batch = [Settling::new(delivery, settlement)];
        let began = self.clock().now();
        let call = self.receiver.settle(&mut batch);
        let call = answered(self.clock(), timeout, ErrorKind::OutcomeUnknown, call).await;
        let [mut item] = batch;
        let result = std::mem::take(&mut item.outcome).settle(&call);
        self.report_settle(began, &item, result.as_ref().copied(), call.as_ref().err());
        result
    }

    fn report_settle(
        &self,
        began: Instant,
        item: &Settling,
        result: Result<(), &Error>,
        error: Option<&Error>,
    ) {
        let Some(observer) = &self.context.observer else {
            return;
        };
        let (now, source) = (self.clock().now(), self.receiver.source());
        let took = now.since(began);
        let call = Event::SettleCall {
            source,
            messages: 1,
            messages_max: self.receiver.capabilities().settle_batch_max,
            took,
            error,
        };
        let settled = Event::Settled {
            source,
            delivery: &item.delivery,
            settlement: &item.settlement,
            took,
            result,
        };
        observer.observe(now, &[call, settled]);
    }

    fn clock(&self) -> &dyn Clock {
        &*self.context.clock
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}
