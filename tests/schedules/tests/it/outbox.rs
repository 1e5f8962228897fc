//! The task of an outbox, those who store, and the close.

use std::{collections::BTreeSet, sync::Arc};

use relayhouse_core::{
    Capabilities, Context, ErrorKind, Message, Sending, Support,
    port::{Provider, ReceiverOptions, Sender},
};
use relayhouse_memory::Memory;
use relayhouse_schedules::outbox::Outbox;
use relayhouse_testkit::hostile::{Call, HostileSender, Reply, Script};
use shuttle::future::{JoinHandle, block_on, spawn, yield_now};

use crate::support::{Time, clock, context, explore, join};

const ORDERED: Capabilities = Capabilities {
    key_order: Support::Native,
    dedup: Support::Native,
    ..Capabilities::NONE
};

/// An outbox on a queue in memory, before a broker that follows a script.
struct Fixture {
    memory: Memory,
    broker: Arc<HostileSender>,
    outbox: Arc<Outbox>,
}

impl Fixture {
    fn new(context: &Context, script: Script) -> Self {
        let memory = Memory::builder(context.clone()).build().unwrap();
        let orders = "orders".parse().unwrap();
        let clock = Arc::clone(&context.clock);
        let broker = Arc::new(HostileSender::new(orders, ORDERED, clock, script));
        let to: Arc<dyn Sender> = Arc::<HostileSender>::clone(&broker);
        let outbox = block_on(async {
            let store = memory.sender(&"outbox".parse().unwrap()).await.unwrap();
            let source = "outbox".parse().unwrap();
            let options = ReceiverOptions::default();
            let stored = memory.receiver(&source, options).await.unwrap();
            let builder = Outbox::builder(store, stored, to);
            builder.start(context).await.unwrap()
        });
        Self {
            memory,
            broker,
            outbox: Arc::new(outbox),
        }
    }

    /// Starts two tasks that store two messages each, and tell how many are.
    fn store(&self) -> Vec<JoinHandle<usize>> {
        let tasks = ["a", "b"].map(|key| {
            let sender = self.outbox.sender();
            spawn(async move {
                let mut stored = 0;
                for _ in 0..2 {
                    let message = Message::new("order 7").ordering_key(key);
                    let mut batch = [Sending::new(message)];
                    // After the close it is refused.
                    drop(sender.send(&mut batch).await);
                    stored += usize::from(batch[0].outcome.is_done());
                    yield_now().await;
                }
                stored
            })
        });
        tasks.into()
    }
}

/// Returns how many messages the broker has, copies aside.
fn taken(broker: &HostileSender) -> usize {
    let taken = broker.taken();
    let ids = taken.iter().map(|message| message.id.clone().unwrap());
    let ids: BTreeSet<String> = ids.map(|id| id.to_string()).collect();
    ids.len()
}

/// Returns how many messages are in the local queue.
fn left(memory: &Memory) -> usize {
    let admin = memory.admin().unwrap();
    let stats = block_on(admin.stats(&"outbox".parse().unwrap())).unwrap();
    usize::try_from(stats.live()).unwrap()
}

/// Whenever something is stored, the task forwards it, with nothing else that wakes it.
#[test]
fn stored_messages_wake_the_forwarder() {
    explore(|| {
        let fixture = Fixture::new(&context(&clock()), Script::new());
        let stored: usize = join(fixture.store()).into_iter().sum();
        assert_eq!(stored, 4);
        let outbox = Arc::clone(&fixture.outbox);
        join([spawn(async move {
            while outbox.gauges().forwarded < 4 {
                yield_now().await;
            }
            outbox.close().await.unwrap();
        })]);
        assert_eq!((taken(&fixture.broker), left(&fixture.memory)), (4, 0));
    });
}

/// A close meets sends, forwarding, and failures of the broker: it ends, and all that was stored is
/// with the broker or still in the queue.
#[test]
fn close_loses_nothing_that_was_stored() {
    explore(|| {
        let clock = clock();
        let script = Script::new()
            .then(Call::fails(ErrorKind::ConnectionFailed))
            .then(Call::all(Reply::UnknownDone));
        let fixture = Fixture::new(&context(&clock), script);
        let storing = fixture.store();
        let closing = [(); 2].map(|()| {
            let outbox = Arc::clone(&fixture.outbox);
            spawn(async move { outbox.close().await.unwrap() })
        });
        let _time = Time::pass(&clock);
        join(closing);
        let stored: usize = join(storing).into_iter().sum();
        let (taken, left) = (taken(&fixture.broker), left(&fixture.memory));
        assert!(
            stored <= taken + left,
            "{stored} stored, {taken} taken, {left} left"
        );
    });
}

/// The task of an outbox that is dropped ends, with nothing else that wakes it, and lets go of all
/// ports; what was stored by then is with the broker or still in the queue.
#[test]
fn dropped_outbox_ends_its_task() {
    explore(|| {
        let fixture = Fixture::new(&context(&clock()), Script::new());
        let storing = fixture.store();
        let Fixture {
            memory,
            broker,
            outbox,
        } = fixture;
        let dropping = spawn(async move { drop(outbox) });
        join([dropping]);
        let stored: usize = join(storing).into_iter().sum();
        assert_eq!(stored, 4, "the queue itself is open");
        let held = Arc::clone(&broker);
        join([spawn(async move {
            while 2 < Arc::strong_count(&held) {
                yield_now().await;
            }
        })]);
        let (taken, left) = (taken(&broker), left(&memory));
        assert!(stored <= taken + left, "{taken} taken, {left} left");
    });
}
