//! Keys that are kept elsewhere than their messages: what comes first, and what comes of failures.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use relayhouse_core::{
    Capabilities, Context, Error, ErrorKind, Event, Instant, Mark, Message, Observer, Outcome,
    Outgoing, QueueName, Result, Sending, Settlement, Source, Timestamp,
    port::{Claim, Claiming, DedupStore, Marking, Provider, Site},
};
use relayhouse_local::Local;
use relayhouse_memory::Memory;
use relayhouse_runtime::{Consumer, ConsumerBuilder, Output, Producer, Report};
use relayhouse_testkit::hostile::{Call, HostileSender, Reply, Script};

const MINUTE: Duration = Duration::from_secs(60);

/// Writes down what happens, in its order.
#[derive(Clone, Debug, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn add(&self, text: impl Into<String>) {
        self.0.lock().unwrap().push(text.into());
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Observer for Log {
    fn observe(&self, _: Instant, events: &[Event<'_>]) {
        for event in events {
            match event {
                Event::Sent { result, .. } if result.is_ok() => self.add("sent"),
                Event::Settled {
                    settlement, result, ..
                } if result.is_ok() => self.add(ending(settlement)),
                Event::DedupNotNoted { key, error } => {
                    self.add(format!("{key} not noted: {error}"));
                }
                _ => {}
            }
        }
    }
}

const fn ending(settlement: &Settlement) -> &'static str {
    match settlement {
        Settlement::DeadLetter(_) => "dead-lettered",
        Settlement::Release { .. } => "released",
        _ => "acked",
    }
}

/// A store of which only the calls are looked at.
#[derive(Debug)]
struct Store {
    log: Log,
    completes: bool,
}

impl Store {
    fn note(&self, what: &str, batch: &mut [Marking], is_done: bool) {
        for item in batch {
            self.log.add(format!("{what} {}", item.key));
            item.outcome = match is_done {
                true => Outcome::Done(()),
                false => Err(Error::new(ErrorKind::Full, "no room")).into(),
            };
        }
    }
}

#[async_trait]
impl DedupStore for Store {
    fn site(&self) -> Option<&Site> {
        None
    }

    async fn claim(&self, batch: &mut [Claiming], _: Duration) -> Result<()> {
        for item in batch {
            item.outcome = Outcome::Done(Claim::New);
        }
        Ok(())
    }

    async fn complete(&self, batch: &mut [Marking], _: Duration) -> Result<()> {
        self.note("complete", batch, self.completes);
        Ok(())
    }

    async fn abandon(&self, batch: &mut [Marking]) -> Result<()> {
        self.note("abandon", batch, true);
        Ok(())
    }
}

/// Is a memory broker with one order, under paused time.
struct Fixture {
    log: Log,
    context: Context,
    memory: Arc<dyn Provider>,
    mark: Mark,
}

impl Fixture {
    async fn new() -> Self {
        Self::with_store(true).await
    }

    async fn with_store(completes: bool) -> Self {
        let log = Log::default();
        let start = Timestamp::from_micros(1_700_000_000_000_000);
        let context = relayhouse_time::simulated(start, 7);
        let context = context.observer(Arc::new(log.clone()));
        let memory = Memory::builder(context.clone()).lease(MINUTE / 2).build();
        let memory: Arc<dyn Provider> = Arc::new(memory.unwrap());
        let sender = memory.sender(&"orders".parse().unwrap()).await.unwrap();
        let mut order = [Sending::new(Message::new("7"))];
        sender.send(&mut order).await.unwrap();
        let store = Store {
            log: log.clone(),
            completes,
        };
        let mark = Mark {
            store: Arc::new(store),
            key: "7".into(),
            owner: 1,
            keep: MINUTE,
        };
        Self {
            log,
            context,
            memory,
            mark,
        }
    }

    fn consumer(&self) -> ConsumerBuilder {
        let memory = Arc::clone(&self.memory);
        Consumer::of(memory, "orders".parse().unwrap(), self.context.clone())
    }

    /// Makes an output of the memory broker, whose sends could be one with the ack.
    fn near(&self) -> Output {
        let memory = Arc::clone(&self.memory);
        Output::of(memory, "payments".parse().unwrap(), &self.context).unwrap()
    }

    /// Makes an output whose sends are answered by `script`.
    fn far(&self, script: Script) -> Output {
        let queue: QueueName = "payments".parse().unwrap();
        let clock = Arc::clone(&self.context.clock);
        let sender = HostileSender::new(queue.clone(), Capabilities::NONE, clock, script);
        let producer = Producer::builder(Arc::new(sender), self.context.clone());
        Output::new(queue, producer.build().unwrap())
    }

    /// Answers with the mark, and `bodies` to send, after `time`; returns what became of it.
    async fn run(
        &self,
        consumer: ConsumerBuilder,
        bodies: &[&'static str],
        time: Duration,
    ) -> Report {
        let outgoing = Outgoing::new().mark(self.mark.clone());
        let answer: Settlement = bodies
            .iter()
            .fold(outgoing, |it, body| {
                it.send("payments", Message::new(*body))
            })
            .into();
        let clock = Arc::clone(&self.context.clock);
        let handler = move || {
            let (clock, answer) = (Arc::clone(&clock), answer.clone());
            async move {
                clock.sleep_until(clock.now() + time).await;
                answer
            }
        };
        let running = consumer.handler(handler).start().await.unwrap();
        let clock = &self.context.clock;
        clock.sleep_until(clock.now() + MINUTE).await;
        running.shutdown(Duration::from_secs(1)).await.unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn sends_are_confirmed_before_the_marks_and_marks_are_noted_before_the_ack() {
    for is_near in [true, false] {
        let fixture = Fixture::new().await;
        let slow = Call::all(Reply::Done).before(Duration::from_secs(5));
        let output = match is_near {
            true => fixture.near(),
            false => fixture.far(Script::new().then(slow)),
        };
        let consumer = fixture.consumer().output(output);
        let report = fixture.run(consumer, &["a", "b"], Duration::ZERO).await;
        assert_eq!((report.acked, report.failed), (1, 0));
        let expected = ["sent", "sent", "complete 7", "acked"];
        assert_eq!(fixture.log.lines(), expected, "near: {is_near}");
    }
}

#[tokio::test(start_paused = true)]
async fn marks_alone_need_no_output() {
    let fixture = Fixture::new().await;
    let report = fixture.run(fixture.consumer(), &[], Duration::ZERO).await;
    assert_eq!((report.acked, report.failed), (1, 0));
    assert_eq!(fixture.log.lines(), ["complete 7", "acked"]);
}

#[tokio::test(start_paused = true)]
async fn answer_of_nothing_needs_no_output() {
    let fixture = Fixture::new().await;
    let consumer = fixture.consumer().handler(|| async { Outgoing::new() });
    let running = consumer.start().await.unwrap();
    let clock = &fixture.context.clock;
    clock.sleep_until(clock.now() + MINUTE).await;
    let report = running.shutdown(Duration::from_secs(1)).await.unwrap();
    assert_eq!((report.acked, report.failed), (1, 0));
    assert_eq!(fixture.log.lines(), ["acked"]);
}

#[tokio::test(start_paused = true)]
async fn claim_is_given_up_if_a_send_fails() {
    let fixture = Fixture::new().await;
    let fails = Call::fails(ErrorKind::MessageInvalid);
    let output = fixture.far(Script::new().then(fails));
    let consumer = fixture.consumer().output(output);
    let report = fixture.run(consumer, &["a"], Duration::ZERO).await;
    assert_eq!((report.acked, report.dead_lettered), (0, 1));
    assert_eq!(fixture.log.lines(), ["abandon 7", "dead-lettered"]);
    // Without an output by that name, nobody sends at all.
    let fixture = Fixture::new().await;
    let report = fixture
        .run(fixture.consumer(), &["a"], Duration::ZERO)
        .await;
    assert_eq!((report.acked, report.dead_lettered), (0, 1));
    assert_eq!(fixture.log.lines(), ["abandon 7", "dead-lettered"]);
}

#[tokio::test(start_paused = true)]
async fn mark_that_cannot_be_noted_is_told_and_changes_nothing_else() {
    let fixture = Fixture::with_store(false).await;
    let report = fixture.run(fixture.consumer(), &[], Duration::ZERO).await;
    assert_eq!(report.acked, 1);
    let expected = ["complete 7", "7 not noted: no room", "acked"];
    assert_eq!(fixture.log.lines(), expected);
}

#[tokio::test(start_paused = true)]
async fn key_is_done_though_the_lease_has_ended() {
    let fixture = Fixture::new().await;
    // The first handler outlives its lease, which nobody extends; the second has no time to end.
    let lease = Duration::from_secs(40);
    let consumer = fixture.consumer().lease_total_max(lease).concurrency(1);
    let time = lease + Duration::from_secs(10);
    let report = fixture.run(consumer, &[], time).await;
    assert_eq!((report.acked, report.lease_lost), (0, 1));
    assert_eq!(fixture.log.lines(), ["complete 7", "released"]);
}

/// A key that cannot be one with the ack, since another has it by now, does not keep the message.
#[tokio::test(flavor = "multi_thread")]
async fn message_is_acked_though_another_has_its_key() {
    let (directory, log) = (tempfile::tempdir().unwrap(), Log::default());
    let context = relayhouse_time::context().unwrap();
    let context = context.observer(Arc::new(log.clone()));
    let local = Local::builder(context.clone(), directory.path()).build();
    let local = Arc::new(local.unwrap());
    let orders: QueueName = "orders".parse().unwrap();
    let store = local.dedup_store(&orders).await.unwrap();
    let mut claims = [Claiming::new("7", 2)];
    store.claim(&mut claims, MINUTE).await.unwrap();
    let mark = Mark {
        store,
        key: "7".into(),
        owner: 1,
        keep: MINUTE,
    };
    let sender = local.sender(&orders).await.unwrap();
    let mut order = [Sending::new(Message::new("7"))];
    sender.send(&mut order).await.unwrap();
    let provider: Arc<dyn Provider> = Arc::<Local>::clone(&local);
    let consumer = Consumer::of(provider, Source::queue(orders), context.clone());
    let handler = move || {
        let outgoing = Outgoing::new().mark(mark.clone());
        async move { outgoing }
    };
    let running = consumer.handler(handler).start().await.unwrap();
    let clock = &context.clock;
    let end = clock.now() + MINUTE;
    while running.report().acked == 0 {
        assert!(clock.now() < end, "it never came");
        // Files and their threads keep real time.
        let next = clock.now() + Duration::from_millis(1);
        clock.sleep_until(next).await;
    }
    running.shutdown(Duration::from_secs(1)).await.unwrap();
    local.close().await.unwrap();
    let [told, acked] = &log.lines()[..] else {
        panic!("{:?}", log.lines());
    };
    assert!(told.starts_with("7 not noted: "), "{told}");
    assert_eq!(acked, "acked");
}
