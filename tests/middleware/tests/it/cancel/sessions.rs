//! Sessions through wrappers: nothing of one is lost, whatever is dropped.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use relayhouse_core::{
    Capabilities, Context, Delivery, Error, ErrorKind, Extending, Instant, Message, Receipt,
    Result, Sending, SessionId, Settlement, Settling, Source, Support,
    port::{
        BlobStore, Provider, ReceiveRequest, Receiver, ReceiverOptions, Sender, SessionReceiver,
        Sessions, Settings,
    },
};
use relayhouse_memory::Memory;
use relayhouse_middleware::{
    WrappedSessions,
    claim_check::{ClaimReceiver, ClaimSender},
    dead_letter::DeadLetterReceiver,
};
use relayhouse_testkit::hostile::HostileSender;

use super::{
    claim_check::{Blobs, config, large},
    dead_letter::slow,
};
use crate::cancel::harness::{STEP, at_every_poll, context, message, pass};

/// Longer than a session is leased.
const LATER: Duration = Duration::from_secs(3_600);

/// Takes a step before each call has its effect, and one after it.
#[derive(Debug)]
struct Slow<T> {
    inner: T,
    context: Context,
}

impl<T> Slow<T> {
    async fn step(&self) {
        pass(&self.context, STEP).await;
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Sessions for Slow<Arc<dyn Sessions>> {
    fn source(&self) -> &Source {
        self.inner.source()
    }

    fn capabilities(&self) -> &Capabilities {
        self.inner.capabilities()
    }

    async fn accept(
        &self,
        session: Option<&SessionId>,
        wait: Duration,
    ) -> Result<Option<Arc<dyn SessionReceiver>>> {
        self.step().await;
        let accepted = self.inner.accept(session, wait).await?;
        self.step().await;
        let context = self.context.clone();
        let slow = |inner| Arc::new(Slow { inner, context }) as Arc<dyn SessionReceiver>;
        Ok(accepted.map(slow))
    }

    async fn close(&self) -> Result<()> {
        self.inner.close().await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Receiver for Slow<Arc<dyn SessionReceiver>> {
    fn source(&self) -> &Source {
        self.inner.source()
    }

    fn capabilities(&self) -> &Capabilities {
        self.inner.capabilities()
    }

    async fn settings(&self) -> Result<Settings> {
        self.inner.settings().await
    }

    async fn receive(&self, request: ReceiveRequest, into: &mut Vec<Delivery>) -> Result<()> {
        self.inner.receive(request, into).await
    }

    async fn settle(&self, batch: &mut [Settling]) -> Result<()> {
        self.step().await;
        let settled = self.inner.settle(batch).await;
        self.step().await;
        settled
    }

    async fn extend(&self, batch: &mut [Extending], by: Duration) -> Result<()> {
        self.inner.extend(batch, by).await
    }

    async fn lost(&self, into: &mut Vec<Receipt>) {
        self.inner.lost(into).await;
    }

    async fn close(&self) -> Result<()> {
        self.step().await;
        self.inner.close().await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl SessionReceiver for Slow<Arc<dyn SessionReceiver>> {
    fn session(&self) -> &SessionId {
        self.inner.session()
    }

    fn until(&self) -> Instant {
        self.inner.until()
    }

    async fn renew(&self) -> Result<Instant> {
        self.step().await;
        let renewed = self.inner.renew().await;
        self.step().await;
        renewed
    }

    async fn state(&self) -> Result<Option<Bytes>> {
        self.inner.state().await
    }

    async fn set_state(&self, state: Option<Bytes>) -> Result<()> {
        self.step().await;
        self.inner.set_state(state).await
    }
}

/// Opens a queue in memory that is received through sessions only.
async fn queue(context: &Context) -> (Arc<dyn Sender>, Arc<dyn Sessions>) {
    let builder = Memory::builder(context.clone()).requires_sessions(true);
    let memory = builder.build().unwrap();
    let sender = memory.sender(&"orders".parse().unwrap()).await.unwrap();
    let (source, options) = ("orders".parse().unwrap(), ReceiverOptions::default());
    let inner = memory.sessions(&source, options);
    let slow = Slow {
        inner: inner.await.unwrap(),
        context: context.clone(),
    };
    (sender, Arc::new(slow))
}

/// Makes a queue with one message, and what sends its dead letters to another one.
async fn dead_letters(context: &Context) -> (Arc<HostileSender>, WrappedSessions) {
    let (sender, sessions) = queue(context).await;
    send(&*sender, [message()]).await;
    let dedup = Capabilities {
        dedup: Support::Native,
        ..Capabilities::NONE
    };
    let (name, clock) = ("orders-dead".parse().unwrap(), Arc::clone(&context.clock));
    let to = Arc::new(HostileSender::new(name, dedup, clock, slow()));
    let dead: Arc<dyn Sender> = Arc::<HostileSender>::clone(&to);
    (to, DeadLetterReceiver::sessions(sessions, dead, context))
}

/// Makes a queue with two messages whose bodies are elsewhere, and what puts them back.
async fn claims(context: &Context) -> WrappedSessions {
    let (sender, sessions) = queue(context).await;
    let store: Arc<dyn BlobStore> = Blobs::new(context);
    let sender = ClaimSender::new(sender, Arc::clone(&store), config(), context);
    send(&sender, [7, 8].map(large)).await;
    ClaimReceiver::sessions(sessions, store, config(), context)
}

async fn send<const COUNT: usize>(sender: &dyn Sender, messages: [Message; COUNT]) {
    let mut batch = messages.map(|message| Sending::new(message.ordering_key("a")));
    sender.send(&mut batch).await.unwrap();
    assert!(batch.iter().all(|item| item.outcome.is_done()));
}

async fn accept(sessions: &dyn Sessions) -> Option<Arc<dyn SessionReceiver>> {
    sessions.accept(None, Duration::ZERO).await.unwrap()
}

async fn received(session: &dyn SessionReceiver) -> Vec<Delivery> {
    let mut deliveries = Vec::new();
    let request = ReceiveRequest::up_to(10.try_into().unwrap());
    session.receive(request, &mut deliveries).await.unwrap();
    deliveries
}

fn lengths(deliveries: &[Delivery]) -> Vec<usize> {
    deliveries.iter().map(|it| it.message.body.len()).collect()
}

/// What a dropped accept has taken is there again when its lease ends.
#[tokio::test(start_paused = true)]
async fn dropped_accept_loses_no_session() {
    at_every_poll(3, async |polls| {
        let context = context();
        for sessions in [dead_letters(&context).await.1, claims(&context).await] {
            let accepted = polls.then_drop(accept(&sessions)).await;
            if accepted.is_some() {
                return true;
            }
            pass(&context, LATER).await;
            let session = accept(&sessions).await.expect("it is free again");
            assert!(!received(&*session).await.is_empty());
        }
        false
    })
    .await;
}

/// Nothing of a session is acked that was not sent before.
#[tokio::test(start_paused = true)]
async fn dropped_settle_of_a_session_acks_nothing_that_was_not_sent() {
    at_every_poll(4, async |polls| {
        let context = context();
        let (to, sessions) = dead_letters(&context).await;
        let session = accept(&sessions).await.unwrap();
        let delivery = received(&*session).await.remove(0);
        let dead = || Settlement::dead_letter("rejected", "no such order");
        let mut batch = [Settling::new(delivery.clone(), dead())];
        let ended = polls.then_drop(session.settle(&mut batch)).await;
        if ended.is_some() {
            assert!(batch[0].outcome.is_done());
            assert_eq!(to.taken().len(), 1);
            return true;
        }
        assert!(batch[0].outcome.is_pending(), "it is unknown");

        // Once it is acked it cannot be settled again, and then it was sent.
        let taken = to.taken().len();
        let mut again = [Settling::new(delivery, dead())];
        session.settle(&mut again).await.unwrap();
        match again[0].outcome.error().map(Error::kind) {
            None => {}
            kind => {
                assert_eq!(kind, Some(ErrorKind::LeaseLost));
                assert!(0 < taken);
            }
        }
        let taken = to.taken();
        let ids: BTreeSet<_> = taken
            .iter()
            .map(|it| it.details().dedup_id.clone())
            .collect();
        assert_eq!(ids.len(), 1, "for the other queue they are one");
        session.close().await.unwrap();
        assert!(accept(&sessions).await.is_none(), "it is settled");
        false
    })
    .await;
}

/// What a dropped receive of a session has brought comes with the next, whole, once and in order.
#[tokio::test(start_paused = true)]
async fn dropped_receive_of_a_session_leaves_its_deliveries_to_the_next() {
    at_every_poll(2, async |polls| {
        let context = context();
        let sessions = claims(&context).await;
        let session = accept(&sessions).await.unwrap();
        let dropped = polls.then_drop(received(&*session)).await;
        let has_ended = dropped.is_some();
        let deliveries = match dropped {
            Some(deliveries) => deliveries,
            None => received(&*session).await,
        };
        let bodies = deliveries.iter().map(|it| it.message.body.clone());
        assert_eq!(bodies.collect::<Vec<_>>(), [7, 8].map(|it| large(it).body));
        has_ended
    })
    .await;
}

/// What a dropped receive has brought goes back with the session, in order.
#[tokio::test(start_paused = true)]
async fn dropped_close_of_a_session_loses_nothing() {
    at_every_poll(2, async |polls| {
        let context = context();
        let sessions = claims(&context).await;
        let session = accept(&sessions).await.unwrap();
        let whole = lengths(&received(&*session).await);
        let closed = polls.then_drop(session.close()).await;
        drop(session);
        if closed.is_none() {
            pass(&context, LATER).await;
        }
        let session = accept(&sessions).await.expect("it is free again");
        assert_eq!(lengths(&received(&*session).await), whole);
        closed.is_some()
    })
    .await;
}
