//! Outbox: a dropped send is a dropped send to the local queue, and a dropped close is left to the
//! next.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use async_trait::async_trait;
use relayhouse_core::{
    Capabilities, Context, Message, QueueName, Result, Sending, Support,
    port::{Provider, ReceiverOptions, Sender},
};
use relayhouse_memory::Memory;
use relayhouse_middleware::outbox::Outbox;
use relayhouse_testkit::hostile::{Call, HostileSender, Script};

use crate::cancel::harness::{STEP, at_every_poll, context, message, pass};

const DEDUP: Capabilities = Capabilities {
    dedup: Support::Native,
    ..Capabilities::NONE
};

/// Sends, and takes a step before it does, and one after that.
#[derive(Debug)]
struct SlowSender {
    inner: Arc<dyn Sender>,
    context: Context,
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Sender for SlowSender {
    fn queue(&self) -> &QueueName {
        self.inner.queue()
    }

    fn capabilities(&self) -> &Capabilities {
        self.inner.capabilities()
    }

    async fn send(&self, batch: &mut [Sending]) -> Result<()> {
        pass(&self.context, STEP).await;
        let sent = self.inner.send(batch).await;
        pass(&self.context, STEP).await;
        sent
    }

    async fn close(&self) -> Result<()> {
        pass(&self.context, STEP).await;
        self.inner.close().await
    }
}

/// An outbox on a queue in memory that takes its time.
struct Fixture {
    memory: Memory,
    broker: Arc<HostileSender>,
    outbox: Outbox,
}

impl Fixture {
    async fn new(context: &Context) -> Self {
        let memory = Memory::builder(context.clone()).build().unwrap();
        let slow = || Call::DONE.before(STEP).after(STEP);
        let script = (0..10).fold(Script::new(), |script, _| script.then(slow()));
        let orders = "orders".parse().unwrap();
        let clock = Arc::clone(&context.clock);
        let broker = Arc::new(HostileSender::new(orders, DEDUP, clock, script));
        let store = SlowSender {
            inner: memory.sender(&"outbox".parse().unwrap()).await.unwrap(),
            context: context.clone(),
        };
        let source = "outbox".parse().unwrap();
        let stored = memory.receiver(&source, ReceiverOptions::default());
        let stored = stored.await.unwrap();
        let to: Arc<dyn Sender> = Arc::<HostileSender>::clone(&broker);
        let builder = Outbox::builder(Arc::new(store), stored, to);
        Self {
            outbox: builder.start(context).await.unwrap(),
            memory,
            broker,
        }
    }

    /// Returns the dedup ids of what the broker has taken: of copies it keeps one.
    fn taken(&self) -> BTreeSet<String> {
        let dedup_id = |message: &Message| message.details().dedup_id.clone().unwrap().to_string();
        self.broker.taken().iter().map(dedup_id).collect()
    }

    async fn left(&self) -> u64 {
        let admin = self.memory.admin().unwrap();
        let stats = admin.stats(&"outbox".parse().unwrap()).await.unwrap();
        stats.live()
    }
}

/// A send that is dropped is unknown: sent again it is the same message, for which a broker that
/// knows dedup ids has one place.
#[tokio::test(start_paused = true)]
async fn dropped_send_is_unknown_and_the_same_message_again() {
    at_every_poll(3, async |polls| {
        let context = context();
        let fixture = Fixture::new(&context).await;
        let sender = fixture.outbox.sender();
        let mut batch = [Sending::new(message())];
        let ended = polls.then_drop(sender.send(&mut batch)).await;
        if ended.is_none() {
            assert!(batch[0].outcome.is_pending());
            sender.send(&mut batch).await.unwrap();
        }
        assert!(batch[0].outcome.is_done());
        pass(&context, Duration::from_secs(60)).await;
        assert_eq!(fixture.left().await, 0);
        fixture.outbox.close().await.unwrap();
        assert_eq!(fixture.taken().len(), 1);
        ended.is_some()
    })
    .await;
}

/// All that was stored is with the broker or in the local queue, wherever a close is dropped, and
/// the next close ends.
#[tokio::test(start_paused = true)]
async fn dropped_close_is_left_to_the_next() {
    at_every_poll(3, async |polls| {
        let context = context();
        let fixture = Fixture::new(&context).await;
        let mut batch = [(); 3].map(|()| Sending::new(message()));
        fixture.outbox.sender().send(&mut batch).await.unwrap();
        let closed = polls.then_drop(fixture.outbox.close()).await;
        if closed.is_none() {
            fixture.outbox.close().await.unwrap();
        }
        assert!(fixture.broker.is_closed());
        let taken = fixture.taken().len() as u64;
        assert!(3 <= taken + fixture.left().await);
        closed.is_some()
    })
    .await;
}
