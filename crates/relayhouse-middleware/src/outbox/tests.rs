//! Forwarding from a queue in memory to a broker that fails.

use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use relayhouse_core::{
    Capabilities, Clock, Context, Delivery, Error, ErrorKind, Extending, Message, Outcome,
    QueueName, Receipt, Result, SeededRandom, Sending, Settling, Source, Support, Timestamp,
    port::{Provider, QueueConfig, ReceiveRequest, Receiver, ReceiverOptions, Sender, Settings},
};
use relayhouse_memory::Memory;
use relayhouse_testkit::hostile::{Call, HostileSender, Reply, Script};
use relayhouse_time::simulated;

use super::*;

const ORDERED: Capabilities = Capabilities {
    key_order: Support::Native,
    dedup: Support::Native,
    ttl: Support::Native,
    ..Capabilities::NONE
};

struct Fixture {
    context: Context,
    memory: Memory,
    broker: Arc<HostileSender>,
}

impl Fixture {
    fn new(capabilities: Capabilities, script: Script) -> Self {
        let context = simulated(Timestamp::from_micros(1_700_000_000_000_000), 7);
        let memory = Memory::builder(context.clone()).build().unwrap();
        let orders = "orders".parse().unwrap();
        let clock = Arc::clone(&context.clock);
        let broker = HostileSender::new(orders, capabilities, clock, script);
        Self {
            context,
            memory,
            broker: Arc::new(broker),
        }
    }

    async fn ports(&self) -> (Arc<dyn Sender>, Arc<dyn Receiver>, Arc<dyn Sender>) {
        let outbox = "outbox".parse().unwrap();
        let store = self.memory.sender(&outbox).await.unwrap();
        let source = "outbox".parse().unwrap();
        let options = ReceiverOptions::default();
        let stored = self.memory.receiver(&source, options).await.unwrap();
        let broker: Arc<dyn Sender> = Arc::<HostileSender>::clone(&self.broker);
        (store, stored, broker)
    }

    /// Opens the local queue with leases of `lease`.
    async fn leased(&self, lease: Duration) -> Arc<dyn Receiver> {
        let options = ReceiverOptions { lease: Some(lease) };
        let outbox = "outbox".parse().unwrap();
        self.memory.receiver(&outbox, options).await.unwrap()
    }

    async fn outbox(&self) -> Outbox {
        let (store, stored, broker) = self.ports().await;
        let builder = Outbox::builder(store, stored, broker);
        builder.start(&self.context).await.unwrap()
    }

    /// Waits until `done` says so, in paused time.
    async fn until(&self, mut done: impl FnMut() -> bool) {
        let clock: &dyn Clock = &*self.context.clock;
        let end = clock.now() + Duration::from_secs(3600);
        while !done() {
            assert!(clock.now() < end, "it never came");
            // Paused time jumps here at once.
            clock
                .sleep_until(clock.now() + Duration::from_millis(10))
                .await;
        }
    }

    fn bodies(&self) -> Vec<String> {
        let text = |message: &Message| String::from_utf8(message.body.to_vec()).unwrap();
        self.broker.taken().iter().map(text).collect()
    }

    async fn left(&self) -> u64 {
        let admin = self.memory.admin().unwrap();
        let stats = admin.stats(&"outbox".parse().unwrap()).await.unwrap();
        stats.live()
    }
}

async fn store_all(outbox: &Outbox, messages: Vec<Message>) -> Vec<Outcome<relayhouse_core::Sent>> {
    let mut batch: Vec<Sending> = messages.into_iter().map(Sending::new).collect();
    outbox.sender().send(&mut batch).await.unwrap();
    batch.into_iter().map(|item| item.outcome).collect()
}

fn messages(bodies: &[&'static str]) -> Vec<Message> {
    bodies.iter().map(|body| Message::new(*body)).collect()
}

#[tokio::test(start_paused = true)]
async fn stored_messages_are_forwarded_with_their_ids() {
    let fixture = Fixture::new(ORDERED, Script::new());
    let outbox = fixture.outbox().await;
    let named = Message::new("b").id("order-7").dedup_id("payment-7");
    let outcomes = store_all(&outbox, vec![Message::new("a"), named]).await;
    assert!(outcomes.iter().all(Outcome::is_done));
    fixture.until(|| outbox.gauges().forwarded == 2).await;
    outbox.close().await.unwrap();
    assert_eq!(fixture.bodies(), ["a", "b"]);
    let taken = fixture.broker.taken();
    let given = taken[0].id.clone().unwrap().to_string();
    let dedup_id = |message: &Message| message.details().dedup_id.clone();
    assert_eq!(dedup_id(&taken[0]).as_deref(), Some(given.as_str()));
    assert_eq!(taken[1].id, Some("order-7".into()));
    assert_eq!(dedup_id(&taken[1]).as_deref(), Some("payment-7"));
    assert_eq!(fixture.left().await, 0);
}

#[tokio::test(start_paused = true)]
async fn outage_of_the_broker_delays_and_loses_nothing() {
    let mut script = Script::new();
    for _ in 0..20 {
        script = script.then(Call::fails(ErrorKind::ConnectionFailed));
    }
    let fixture = Fixture::new(ORDERED, script);
    let outbox = fixture.outbox().await;
    let outcomes = store_all(&outbox, messages(&["a", "b", "c"])).await;
    assert!(
        outcomes.iter().all(Outcome::is_done),
        "the broker is not asked"
    );
    fixture.until(|| 10 < outbox.gauges().failures).await;
    assert_eq!(outbox.gauges().forwarded, 0);
    store_all(&outbox, messages(&["d"])).await;
    fixture.until(|| outbox.gauges().forwarded == 4).await;
    outbox.close().await.unwrap();
    assert_eq!(fixture.bodies(), ["a", "b", "c", "d"]);
    assert_eq!(fixture.left().await, 0);
    assert_eq!(outbox.gauges().failures, 0, "all is well again");
}

#[tokio::test(start_paused = true)]
async fn failed_message_holds_back_its_key_alone() {
    let script = Script::new().then(Call::each(vec![
        Reply::Failed(ErrorKind::Throttled),
        Reply::Done,
    ]));
    let fixture = Fixture::new(ORDERED, script);
    let outbox = fixture.outbox().await;
    let keyed = [("a1", "a"), ("b1", "b"), ("a2", "a"), ("b2", "b")];
    let keyed = keyed.map(|(body, key)| Message::new(body).ordering_key(key));
    store_all(&outbox, keyed.into()).await;
    fixture.until(|| outbox.gauges().forwarded == 4).await;
    outbox.close().await.unwrap();
    let bodies = fixture.bodies();
    let place = |body| bodies.iter().position(|it| it == body).unwrap();
    assert!(place("a1") < place("a2") && place("b1") < place("b2"));
    assert_eq!(bodies[0], "b1");
    assert_eq!(bodies.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn unknown_outcome_is_tried_again_with_the_same_dedup_id() {
    let script = Script::new().then(Call::all(Reply::UnknownDone));
    let fixture = Fixture::new(ORDERED, script);
    let outbox = fixture.outbox().await;
    store_all(&outbox, messages(&["a"])).await;
    fixture.until(|| outbox.gauges().forwarded == 1).await;
    outbox.close().await.unwrap();
    let taken = fixture.broker.taken();
    assert_eq!(taken.len(), 2);
    assert_eq!(taken[0], taken[1], "the broker can drop the second");
}

#[tokio::test(start_paused = true)]
async fn call_without_an_end_is_unknown_and_tried_again() {
    let fixture = Fixture::new(ORDERED, Script::new().then(Call::hangs()));
    let outbox = fixture.outbox().await;
    let before = fixture.context.clock.now();
    store_all(&outbox, messages(&["a"])).await;
    fixture.until(|| outbox.gauges().forwarded == 1).await;
    let took = fixture.context.clock.now().since(before);
    assert!(OutboxConfig::default().send_timeout <= took);
    outbox.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_the_broker_refuses_for_good_is_a_dead_letter() {
    let refused = Reply::Failed(ErrorKind::MessageInvalid);
    let script = Script::new().then(Call::each(vec![refused, Reply::Done]));
    let fixture = Fixture::new(ORDERED, script);
    let outbox = fixture.outbox().await;
    store_all(&outbox, messages(&["bad", "good"])).await;
    fixture.until(|| outbox.gauges().forwarded == 1).await;
    outbox.close().await.unwrap();
    assert_eq!(outbox.gauges().refused, 1);
    let source = "outbox/$deadletterqueue".parse().unwrap();
    let options = ReceiverOptions::default();
    let dead = fixture.memory.receiver(&source, options).await.unwrap();
    let mut deliveries = Vec::new();
    let one = ReceiveRequest::ONE;
    dead.receive(one, &mut deliveries).await.unwrap();
    let envelope = deliveries[0].envelope.as_ref().unwrap();
    assert_eq!(envelope.dead_letter.reason, "outbox-refused");
    assert_eq!(deliveries[0].message.body, "bad");
}

#[tokio::test(start_paused = true)]
async fn what_the_broker_would_refuse_is_refused_at_once() {
    let limited = Capabilities {
        message_bytes_max: 4.try_into().ok(),
        ..ORDERED
    };
    let fixture = Fixture::new(limited, Script::new());
    let outbox = fixture.outbox().await;
    let outcomes = store_all(&outbox, messages(&["too large", "fits"])).await;
    let kind = outcomes[0].error().map(Error::kind);
    assert_eq!(kind, Some(ErrorKind::MessageTooLarge));
    fixture.until(|| outbox.gauges().forwarded == 1).await;
    outbox.close().await.unwrap();
    assert_eq!(fixture.bodies(), ["fits"]);
}

#[tokio::test(start_paused = true)]
async fn delay_is_kept_in_the_local_queue_and_the_time_to_live_goes_on() {
    let fixture = Fixture::new(ORDERED, Script::new());
    let outbox = fixture.outbox().await;
    let (minute, hour) = (Duration::from_secs(60), Duration::from_secs(3600));
    store_all(&outbox, vec![Message::new("a").delay(minute).ttl(hour)]).await;
    let before = fixture.context.clock.now();
    fixture.until(|| outbox.gauges().forwarded == 1).await;
    assert!(minute <= fixture.context.clock.now().since(before));
    outbox.close().await.unwrap();
    let taken = fixture.broker.taken().remove(0);
    assert_eq!(taken.details().not_before, None);
    let ttl = taken.details().ttl.unwrap();
    assert!(ttl <= hour - minute && hour - 2 * minute < ttl, "{ttl:?}");
}

#[tokio::test(start_paused = true)]
async fn close_leaves_what_was_not_forwarded_and_the_next_outbox_goes_on() {
    let mut script = Script::new();
    for _ in 0..1_000 {
        script = script.then(Call::fails(ErrorKind::ConnectionFailed));
    }
    let fixture = Fixture::new(ORDERED, script);
    let outbox = fixture.outbox().await;
    store_all(&outbox, messages(&["a", "b"])).await;
    fixture.until(|| 0 < outbox.gauges().failures).await;
    let (closed, again) = tokio::join!(outbox.close(), outbox.close());
    closed.and(again).unwrap();
    assert_eq!(fixture.left().await, 2);
    let mut late = [Sending::new(Message::new("late"))];
    let error = outbox.sender().send(&mut late).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);

    let clock = Arc::clone(&fixture.context.clock);
    let orders = "orders".parse().unwrap();
    let broker = HostileSender::new(orders, ORDERED, clock, Script::new());
    let next = Fixture {
        broker: Arc::new(broker),
        ..fixture
    };
    let outbox = next.outbox().await;
    next.until(|| outbox.gauges().forwarded == 2).await;
    outbox.close().await.unwrap();
    assert_eq!(next.bodies(), ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn dropped_outbox_stops_forwarding() {
    let fixture = Fixture::new(ORDERED, Script::new());
    let outbox = fixture.outbox().await;
    let sender = outbox.sender();
    drop(outbox);
    let (_, stored, _) = fixture.ports().await;
    // The task closes its receiver when it has heard.
    tokio::task::yield_now().await;
    let mut batch = [Sending::new(Message::new("a"))];
    sender.send(&mut batch).await.unwrap();
    let mut deliveries = Vec::new();
    let wait = ReceiveRequest::ONE.wait(Duration::from_secs(60));
    stored.receive(wait, &mut deliveries).await.unwrap();
    assert_eq!(deliveries.len(), 1, "it is still there");
    assert!(fixture.bodies().is_empty());
}

#[tokio::test(start_paused = true)]
async fn queue_that_limits_attempts_is_refused() {
    let fixture = Fixture::new(ORDERED, Script::new());
    let config = QueueConfig {
        attempts_max: NonZeroU32::new(5),
        ..QueueConfig::default()
    };
    let admin = fixture.memory.admin().unwrap();
    let outbox: Source = "outbox".parse().unwrap();
    admin.create(&outbox.entity, &config).await.unwrap();
    let (store, stored, broker) = fixture.ports().await;
    let builder = Outbox::builder(store, stored, broker);
    let error = builder.start(&fixture.context).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
}

#[tokio::test(start_paused = true)]
async fn lease_that_ends_before_a_send_may_is_refused() {
    let fixture = Fixture::new(ORDERED, Script::new());
    let (store, _, broker) = fixture.ports().await;
    let stored = fixture.leased(OutboxConfig::default().send_timeout).await;
    let builder = Outbox::builder(store, stored, broker);
    let error = builder.start(&fixture.context).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
}

/// Tells no settings, as where the caller may not read them.
#[derive(Debug)]
struct Untold(Arc<dyn Receiver>);

#[async_trait]
impl Receiver for Untold {
    fn source(&self) -> &Source {
        self.0.source()
    }

    fn capabilities(&self) -> &Capabilities {
        self.0.capabilities()
    }

    async fn settings(&self) -> Result<Settings> {
        Ok(Settings::default())
    }

    async fn receive(&self, request: ReceiveRequest, into: &mut Vec<Delivery>) -> Result<()> {
        self.0.receive(request, into).await
    }

    async fn settle(&self, batch: &mut [Settling]) -> Result<()> {
        self.0.settle(batch).await
    }

    async fn extend(&self, batch: &mut [Extending], by: Duration) -> Result<()> {
        self.0.extend(batch, by).await
    }

    async fn lost(&self, into: &mut Vec<Receipt>) {
        self.0.lost(into).await;
    }

    async fn close(&self) -> Result<()> {
        self.0.close().await
    }
}

/// Where nobody tells that the leases are too short, that is a failure, and no loop without a rest.
#[tokio::test(start_paused = true)]
async fn leases_that_turn_out_too_short_are_told_and_rested_after() {
    let fixture = Fixture::new(ORDERED, Script::new());
    let (store, _, broker) = fixture.ports().await;
    let stored = fixture.leased(OutboxConfig::default().send_timeout).await;
    let builder = Outbox::builder(store, Arc::new(Untold(stored)), broker);
    let outbox = builder.start(&fixture.context).await.unwrap();
    store_all(&outbox, messages(&["a", "b"])).await;
    fixture.until(|| 3 < outbox.gauges().failures).await;
    outbox.close().await.unwrap();
    assert!(fixture.bodies().is_empty());
    assert_eq!(fixture.left().await, 2);
}

/// Panics when it is called first.
#[derive(Debug)]
struct Panicking {
    inner: Arc<HostileSender>,
    has_panicked: AtomicBool,
}

#[async_trait]
impl Sender for Panicking {
    fn queue(&self) -> &QueueName {
        self.inner.queue()
    }

    fn capabilities(&self) -> &Capabilities {
        self.inner.capabilities()
    }

    async fn send(&self, batch: &mut [Sending]) -> Result<()> {
        if !self.has_panicked.swap(true, Ordering::Relaxed) {
            std::panic::panic_any("a bug");
        }
        self.inner.send(batch).await
    }

    async fn close(&self) -> Result<()> {
        self.inner.close().await
    }
}

#[tokio::test(start_paused = true)]
async fn panic_of_the_broker_is_a_failure_and_the_forwarding_goes_on() {
    let fixture = Fixture::new(ORDERED, Script::new());
    let (store, stored, _) = fixture.ports().await;
    let broker = Panicking {
        inner: Arc::clone(&fixture.broker),
        has_panicked: AtomicBool::new(false),
    };
    let builder = Outbox::builder(store, stored, Arc::new(broker));
    let outbox = builder.start(&fixture.context).await.unwrap();
    store_all(&outbox, messages(&["a", "b"])).await;
    fixture.until(|| outbox.gauges().forwarded == 2).await;
    outbox.close().await.unwrap();
    assert_eq!(fixture.bodies(), ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_lost_whatever_the_broker_answers() {
    for seed in 0..20 {
        let random = Arc::new(SeededRandom::new(seed));
        let fixture = Fixture::new(ORDERED, Script::new().then_by_chance(random, 0.3));
        let outbox = fixture.outbox().await;
        let keyed = (0..100_u32).map(|number| {
            let message = Message::new(number.to_string()).id(u128::from(number));
            message.ordering_key(format!("key-{}", number % 5))
        });
        store_all(&outbox, keyed.collect()).await;
        fixture.until(|| outbox.gauges().forwarded == 100).await;
        outbox.close().await.unwrap();
        // What the broker took twice has one dedup id, so the first of each counts.
        let mut seen = std::collections::BTreeSet::new();
        let mut firsts = fixture.bodies();
        firsts.retain(|body| seen.insert(body.clone()));
        assert_eq!(seen.len(), 100, "seed {seed}");
        for key in 0..5 {
            let numbers = firsts.iter().map(|body| body.parse::<u32>().unwrap());
            let of_key = numbers.filter(|number| number % 5 == key);
            assert!(of_key.is_sorted(), "seed {seed}: {firsts:?}");
        }
    }
}

#[test]
fn options_are_read_from_text() {
    let pairs = [("messages_max", "10"), ("delay_max", "5s")];
    let params = relayhouse_core::config::Params::from_pairs(pairs).unwrap();
    let config: OutboxConfig = params.read().unwrap();
    assert_eq!(config.messages_max.get(), 10);
    assert_eq!(config.delay_max, Duration::from_secs(5));
}
