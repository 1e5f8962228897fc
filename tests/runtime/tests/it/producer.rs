//! Sends: batched naturally, answered one by one, withdrawn when nobody waits.

use std::{
    future::Future,
    num::{NonZeroU32, NonZeroU64},
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
    time::Duration,
};

use async_trait::async_trait;
use relayhouse_core::{
    Capabilities, Error, ErrorKind, Event, Instant, Message, MessageId, Observer, QueueName,
    Result, Sending, Sent, Source, Support,
    port::{Admin, Provider, Receiver, ReceiverOptions, Sender, Sessions, Transactional},
};
use relayhouse_runtime::{Full, Ordering, Producer, ProducerBuilder, SendStart};
use tokio::sync::Semaphore;
use tower_service::Service;

use crate::fixture::{Fixture, simulated, text};

/// Takes a call when a permit is there, and fails messages that say so.
#[derive(Debug)]
pub(crate) struct Gate {
    queue: QueueName,
    capabilities: Capabilities,
    permits: Semaphore,
    calls: Mutex<Vec<Vec<String>>>,
}

impl Gate {
    pub(crate) fn new(capabilities: Capabilities) -> Arc<Self> {
        Arc::new(Self {
            queue: QueueName::new("orders").unwrap(),
            capabilities,
            permits: Semaphore::new(0),
            calls: Mutex::default(),
        })
    }

    pub(crate) fn open(&self) {
        self.let_through(1_000);
    }

    pub(crate) fn let_through(&self, calls: usize) {
        self.permits.add_permits(calls);
    }

    fn calls(&self) -> Vec<Vec<String>> {
        self.calls.lock().unwrap().clone()
    }
}

#[async_trait]
impl Sender for Gate {
    fn queue(&self) -> &QueueName {
        &self.queue
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn send(&self, batch: &mut [Sending]) -> Result<()> {
        let bodies = batch.iter().map(|item| text(&item.message)).collect();
        self.calls.lock().unwrap().push(bodies);
        self.permits.acquire().await.unwrap().forget();
        for item in batch {
            match text(&item.message).as_str() {
                "bad" => item.fail(Error::new(ErrorKind::MessageInvalid, "bad message")),
                "panic" => panic!("a message that the sender cannot bear"),
                "unanswered" => {}
                _ => drop(item.done(Sent::default())),
            }
        }
        Ok(())
    }

    async fn close(&self) -> Result<()> {
        Ok(())
    }
}

pub(crate) fn builder(gate: &Arc<Gate>) -> ProducerBuilder {
    let sender: Arc<dyn Sender> = Arc::clone(gate) as _;
    Producer::builder(sender, simulated())
}

/// Sends in a task of its own, and lets that task begin.
pub(crate) async fn begin(
    producer: &Producer,
    message: Message,
) -> tokio::task::JoinHandle<Result<Sent>> {
    let producer = producer.clone();
    let task = tokio::spawn(async move { producer.send(message).await });
    tokio::task::yield_now().await;
    task
}

async fn begin_all(
    producer: &Producer,
    bodies: &[&'static str],
) -> Vec<tokio::task::JoinHandle<Result<Sent>>> {
    let mut tasks = Vec::new();
    for body in bodies {
        tasks.push(begin(producer, Message::new(*body)).await);
    }
    tasks
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_while_a_call_is_in_flight_goes_with_the_next() {
    let gate = Gate::new(Capabilities::NONE);
    let producer = builder(&gate).build().unwrap();
    let tasks = begin_all(&producer, &["a", "b", "c", "d"]).await;
    gate.open();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(gate.calls(), [vec!["a"], vec!["b", "c", "d"]]);
}

#[tokio::test(start_paused = true)]
async fn each_send_gets_its_own_answer() {
    let gate = Gate::new(Capabilities::NONE);
    let producer = builder(&gate).build().unwrap();
    let tasks = begin_all(&producer, &["a", "b", "bad", "unanswered", "c"]).await;
    gate.open();
    let mut kinds = Vec::new();
    for task in tasks {
        kinds.push(task.await.unwrap().err().map(|error| error.kind()));
    }
    let invalid = Some(ErrorKind::MessageInvalid);
    assert_eq!(
        kinds,
        [None, None, invalid, Some(ErrorKind::OutcomeUnknown), None]
    );
}

#[tokio::test(start_paused = true)]
async fn send_all_answers_in_order() {
    let gate = Gate::new(Capabilities::NONE);
    gate.open();
    let producer = builder(&gate).batch_max(2).build().unwrap();
    let messages = ["a", "bad", "b", "c", "bad"].map(Message::new);
    let answers = producer.send_all(messages).await;
    let is_ok: Vec<bool> = answers.iter().map(Result::is_ok).collect();
    assert_eq!(is_ok, [true, false, true, true, false]);
    assert_eq!(
        gate.calls(),
        [vec!["a", "bad"], vec!["b", "c"], vec!["bad"]]
    );
}

#[tokio::test(start_paused = true)]
async fn send_all_may_be_larger_than_the_buffer() {
    let gate = Gate::new(Capabilities::NONE);
    let producer = builder(&gate)
        .batch_max(2)
        .buffer_messages_max(3)
        .build()
        .unwrap();
    gate.permits.add_permits(100);
    let messages = (0..50).map(|number| Message::new(number.to_string()));
    assert!(producer.send_all(messages).await.iter().all(Result::is_ok));
    let slow = Gate::new(Capabilities::NONE);
    let producer = builder(&slow)
        .batch_max(2)
        .buffer_messages_max(3)
        .build()
        .unwrap();
    let messages = (0..50).map(|number| Message::new(number.to_string()));
    let send = tokio::spawn(async move { producer.send_all(messages).await });
    tokio::task::yield_now().await;
    slow.permits.add_permits(100);
    assert!(send.await.unwrap().iter().all(Result::is_ok));
    let sent: Vec<String> = slow.calls().into_iter().flatten().collect();
    assert!(
        sent.into_iter()
            .eq((0..50).map(|number| number.to_string()))
    );
}

#[tokio::test(start_paused = true)]
async fn calls_are_packed_within_the_providers_bytes() {
    let capabilities = Capabilities {
        send_bytes_max: NonZeroU64::new(10),
        send_batch_max: NonZeroU32::new(3),
        ..Capabilities::NONE
    };
    let gate = Gate::new(capabilities);
    gate.open();
    let producer = builder(&gate).build().unwrap();
    let messages = ["aaaa", "bbbb", "cccc", "d", "e", "f", "g"].map(Message::new);
    assert!(producer.send_all(messages).await.iter().all(Result::is_ok));
    let expected = [vec!["aaaa", "bbbb"], vec!["cccc", "d", "e"], vec!["f", "g"]];
    assert_eq!(gate.calls(), expected);
}

#[tokio::test(start_paused = true)]
async fn withdrawn_message_is_never_sent_and_a_call_in_flight_is_never_dropped() {
    let gate = Gate::new(Capabilities::NONE);
    let producer = builder(&gate).build().unwrap();
    let first = begin(&producer, Message::new("in flight")).await;
    let second = begin(&producer, Message::new("waiting")).await;
    let third = begin(&producer, Message::new("patient")).await;
    first.abort();
    second.abort();
    tokio::task::yield_now().await;
    gate.open();
    third.await.unwrap().unwrap();
    producer.close().await.unwrap();
    assert_eq!(gate.calls(), [vec!["in flight"], vec!["patient"]]);
}

#[tokio::test(start_paused = true)]
async fn send_dropped_at_its_first_poll_goes_on() {
    let gate = Gate::new(Capabilities::NONE);
    let producer = builder(&gate).build().unwrap();
    {
        let mut send = Box::pin(producer.send("once"));
        let mut context = Context::from_waker(Waker::noop());
        assert!(send.as_mut().poll(&mut context).is_pending());
    }
    gate.open();
    producer.close().await.unwrap();
    assert_eq!(gate.permits.available_permits(), 999, "the call ended");
}

#[tokio::test(start_paused = true)]
async fn eager_producer_starts_calls_beside_others() {
    let gate = Gate::new(Capabilities::NONE);
    let producer = builder(&gate)
        .start(SendStart::Anything)
        .calls_in_flight(2)
        .build()
        .unwrap();
    let tasks = begin_all(&producer, &["a", "b", "c"]).await;
    assert_eq!(gate.calls(), [vec!["a"], vec!["b"]]);
    gate.open();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn calls_that_share_a_key_never_overlap() {
    let capabilities = Capabilities {
        key_order: Support::Native,
        ..Capabilities::NONE
    };
    let gate = Gate::new(capabilities);
    let producer = builder(&gate).start(SendStart::Anything).build().unwrap();
    let mut tasks = Vec::new();
    for (body, key) in [("a1", "a"), ("a2", "a"), ("b1", "b"), ("a3", "a")] {
        tasks.push(begin(&producer, Message::new(body).ordering_key(key)).await);
    }
    assert_eq!(gate.calls(), [vec!["a1"], vec!["b1"]]);
    gate.open();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(gate.calls()[2], ["a2", "a3"]);
}

#[tokio::test(start_paused = true)]
async fn call_without_an_answer_is_unknown_at_its_deadline() {
    let gate = Gate::new(Capabilities::NONE);
    let producer = builder(&gate).build().unwrap();
    let error = producer.send("a").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
    assert!(error.to_string().contains("orders"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn full_buffer_waits_or_fails() {
    let gate = Gate::new(Capabilities::NONE);
    let waits = builder(&gate).buffer_messages_max(1).build().unwrap();
    let tasks = begin_all(&waits, &["in flight", "waiting", "outside"]).await;
    assert!(tasks.iter().all(|task| !task.is_finished()));
    let fails = builder(&gate)
        .buffer_messages_max(1)
        .full(Full::Fail)
        .build()
        .unwrap();
    let mut others = begin_all(&fails, &["in flight", "waiting", "outside"]).await;
    let refused = others.pop().unwrap().await.unwrap().unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Full);
    assert!(
        refused.to_string().contains("at most 1 messages"),
        "{refused}"
    );
    gate.open();
    for task in tasks.into_iter().chain(others) {
        task.await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn readiness_tells_the_truth() {
    let gate = Gate::new(Capabilities::NONE);
    let producer = builder(&gate).buffer_messages_max(1).build().unwrap();
    let tasks = begin_all(&producer, &["in flight", "waiting"]).await;
    let mut service = producer.clone();
    let mut context = Context::from_waker(Waker::noop());
    assert!(service.poll_ready(&mut context).is_pending());
    gate.open();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert!(matches!(
        service.poll_ready(&mut context),
        Poll::Ready(Ok(()))
    ));
    let mut other = producer.clone();
    assert!(
        other.poll_ready(&mut context).is_pending(),
        "the room is kept for the first"
    );
    service.call(Message::new("a")).await.unwrap();
    drop(service);
    assert!(matches!(
        other.poll_ready(&mut context),
        Poll::Ready(Ok(()))
    ));
}

#[tokio::test(start_paused = true)]
async fn close_flushes_and_refuses_what_comes_later() {
    let gate = Gate::new(Capabilities::NONE);
    let producer = builder(&gate).build().unwrap();
    let tasks = begin_all(&producer, &["a", "b"]).await;
    gate.open();
    producer.close().await.unwrap();
    producer.close().await.unwrap();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let late = producer.send("c").await.unwrap_err();
    assert_eq!(late.kind(), ErrorKind::Closed);
}

#[tokio::test(start_paused = true)]
async fn dropped_producer_still_sends_what_it_took() {
    let gate = Gate::new(Capabilities::NONE);
    let producer = builder(&gate).build().unwrap();
    let tasks = begin_all(&producer, &["a", "b"]).await;
    drop(producer);
    gate.open();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn ids_are_given_and_kept_and_keys_come_from_the_strategy() {
    let fixture = Fixture::new();
    let memory = Arc::clone(&fixture.memory);
    let producer = Producer::of(memory, fixture.queue.clone(), fixture.context.clone())
        .ordering(Ordering::header("tenant"))
        .build()
        .unwrap();
    producer
        .send(Message::new("a").id("order-7").header("tenant", "acme"))
        .await
        .unwrap();
    producer.send("b").await.unwrap();
    fixture.pass(Duration::from_millis(1)).await;
    let taken = fixture.take(&fixture.source()).await;
    assert_eq!(taken[0].id.to_string(), "order-7");
    assert_eq!(
        taken[0].message.details().ordering_key.as_deref(),
        Some("acme")
    );
    assert_ne!(taken[1].id, taken[0].id);
    assert!(taken[1].message.is_plain());
}

/// Opens its sender when a permit is there.
#[derive(Debug)]
struct Slow {
    memory: Arc<dyn Provider>,
    permits: Semaphore,
}

#[async_trait]
impl Provider for Slow {
    fn scheme(&self) -> &'static str {
        self.memory.scheme()
    }

    fn capabilities(&self) -> &Capabilities {
        self.memory.capabilities()
    }

    async fn sender(&self, queue: &QueueName) -> Result<Arc<dyn Sender>> {
        self.permits.acquire().await.unwrap().forget();
        self.memory.sender(queue).await
    }

    async fn receiver(
        &self,
        source: &Source,
        options: ReceiverOptions,
    ) -> Result<Arc<dyn Receiver>> {
        self.memory.receiver(source, options).await
    }

    async fn sessions(
        &self,
        source: &Source,
        options: ReceiverOptions,
    ) -> Result<Arc<dyn Sessions>> {
        self.memory.sessions(source, options).await
    }

    fn admin(&self) -> Option<Arc<dyn Admin>> {
        self.memory.admin()
    }

    fn transactional(&self) -> Option<Arc<dyn Transactional>> {
        self.memory.transactional()
    }

    async fn close(&self) -> Result<()> {
        self.memory.close().await
    }
}

#[tokio::test(start_paused = true)]
async fn send_that_comes_after_the_opening_passes_none_that_waited_for_it() {
    let fixture = Fixture::new();
    let slow = Arc::new(Slow {
        memory: Arc::clone(&fixture.memory),
        permits: Semaphore::new(0),
    });
    let provider: Arc<dyn Provider> = Arc::clone(&slow) as _;
    let producer = Producer::of(provider, fixture.queue.clone(), fixture.context.clone())
        .build()
        .unwrap();
    let mut sends: Vec<_> = ["a", "b", "c"]
        .map(|body| Box::pin(producer.send(Message::new(body))))
        .into();
    let context = &mut Context::from_waker(Waker::noop());
    for send in &mut sends {
        assert!(send.as_mut().poll(context).is_pending());
    }
    // One that gives up while it waits holds nobody up.
    drop(sends.remove(1));
    slow.permits.add_permits(1);
    assert!(sends[0].as_mut().poll(context).is_ready());
    let mut late = Box::pin(producer.send(Message::new("late")));
    assert!(late.as_mut().poll(context).is_pending());
    assert!(sends[1].as_mut().poll(context).is_ready());
    assert!(late.as_mut().poll(context).is_ready());
    let bodies: Vec<_> = fixture.take(&fixture.source()).await;
    let bodies: Vec<_> = bodies.iter().map(|found| text(&found.message)).collect();
    assert_eq!(bodies, ["a", "c", "late"]);
}

/// Keeps what it is told of sends.
#[derive(Debug, Default)]
struct Told(Mutex<Vec<(String, u64)>>);

impl Observer for Told {
    fn observe(&self, _now: Instant, events: &[Event<'_>]) {
        for event in events {
            if let Event::Sent { id, bytes, .. } = event {
                self.0.lock().unwrap().push((id.to_string(), *bytes));
            }
        }
    }
}

/// An adapter takes the message when it has sent it, and may know it by another id.
#[tokio::test(start_paused = true)]
async fn observer_is_told_of_the_message_that_was_sent() {
    let told = Arc::<Told>::default();
    let context = simulated().observer(Arc::clone(&told) as _);
    let gate = Gate::new(Capabilities::NONE);
    gate.open();
    let producer = Producer::builder(gate, context).build().unwrap();
    let message = Message::new("seven").id(MessageId::from(7));
    let expected = (MessageId::from(7).to_string(), message.size());
    producer.send(message).await.unwrap();
    assert_eq!(*told.0.lock().unwrap(), [expected]);
    producer.close().await.unwrap();
}
