//! Answers that send: as one with the ack where the provider can, else confirmed before it.

use std::{sync::Arc, time::Duration};

use relayhouse_core::{
    Capabilities, DeadLetter, Delivery, Message, Outgoing, QueueName, Result, Settlement, Source,
    port::Redrive,
};
use relayhouse_runtime::{Batch, ConsumerBuilder, Output, Producer, Report};
use relayhouse_testkit::hostile::{Call, HostileSender, Reply, Script};

use crate::fixture::{Fixture, Latch, text};

impl Fixture {
    /// Makes an output of the provider that the consumer has as well.
    fn near(&self, queue: &'static str) -> Output {
        let queue = QueueName::new(queue).unwrap();
        Output::of(Arc::clone(&self.memory), queue, &self.context).unwrap()
    }

    /// Makes an output whose provider nobody knows.
    fn far(&self, queue: &'static str) -> Output {
        Output::new(QueueName::new(queue).unwrap(), self.producer_of(queue))
    }

    fn producer_of(&self, queue: &'static str) -> Producer {
        let queue = QueueName::new(queue).unwrap();
        Producer::of(Arc::clone(&self.memory), queue, self.context.clone())
            .build()
            .unwrap()
    }

    async fn arrived(&self, queue: &'static str) -> Vec<Delivery> {
        self.take(&Source::queue(QueueName::new(queue).unwrap()))
            .await
    }
}

/// Forwards each body to `payments`, until `count` handlers have run.
async fn forward_all(consumer: ConsumerBuilder, count: usize) -> Report {
    let latch = Latch::default();
    let done = latch.clone();
    let handler = move |message: Message| {
        latch.hit();
        async move { Settlement::forward("payments", Message::new(message.body)) }
    };
    let consumer = consumer.handler(handler);
    consumer.run_until(done.reached(count)).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn forwarded_message_arrives_and_the_handled_one_is_acked() {
    for is_near in [true, false] {
        let fixture = Fixture::new();
        fixture.send(["a", "b", "c"]).await;
        let output = if is_near {
            fixture.near("payments")
        } else {
            fixture.far("payments")
        };
        let report = forward_all(fixture.consumer().output(output), 3).await;
        assert_eq!((report.acked, report.failed), (3, 0), "near: {is_near}");
        let mut bodies: Vec<_> = fixture
            .arrived("payments")
            .await
            .iter()
            .map(|delivery| text(&delivery.message))
            .collect();
        bodies.sort();
        assert_eq!(bodies, ["a", "b", "c"]);
        assert_eq!(fixture.stats().await.ready, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn answer_that_sends_nothing_acks() {
    let fixture = Fixture::new();
    fixture.send(["a"]).await;
    let latch = Latch::default();
    let done = latch.clone();
    let handler = move || {
        latch.hit();
        async { Outgoing::new() }
    };
    let consumer = fixture.consumer().output(fixture.near("payments"));
    let report = consumer.handler(handler).run_until(done.reached(1)).await;
    assert_eq!(report.unwrap().acked, 1);
}

#[tokio::test(start_paused = true)]
async fn output_that_is_not_there_is_named_and_loses_nothing() {
    for has_outputs in [true, false] {
        let fixture = Fixture::new();
        fixture.send(["a"]).await;
        let consumer = if has_outputs {
            fixture.consumer().output(fixture.near("refunds"))
        } else {
            fixture.consumer()
        };
        let report = forward_all(consumer, 1).await;
        assert_eq!((report.dead_lettered, report.acked), (1, 0));
        let letters = fixture.dead_letters().await;
        let letter = &letters[0].envelope.as_ref().unwrap().dead_letter;
        assert_eq!(letter.reason, DeadLetter::REJECTED);
        let known = if has_outputs { "refunds" } else { "none" };
        assert!(letter.description.contains("payments"), "{letter:?}");
        assert!(letter.description.contains(known), "{letter:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn message_that_cannot_be_sent_is_a_failure_of_the_handler() {
    for is_near in [true, false] {
        let fixture = Fixture::new();
        fixture.send(["a"]).await;
        let output = if is_near {
            fixture.near("payments")
        } else {
            fixture.far("payments")
        };
        let latch = Latch::default();
        let done = latch.clone();
        let handler = move || {
            latch.hit();
            async {
                Outgoing::new()
                    .send("payments", Message::new("good"))
                    .send("payments", Message::new("bad").header("a b", "v"))
            }
        };
        let consumer = fixture.consumer().output(output).handler(handler);
        let report = consumer.run_until(done.reached(1)).await.unwrap();
        assert_eq!(
            (report.failed, report.dead_lettered, report.acked),
            (1, 1, 0)
        );
        // As one, nothing is sent; apart, what could be sent was.
        let arrived = fixture.arrived("payments").await.len();
        assert_eq!(arrived, usize::from(!is_near), "near: {is_near}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_again_has_the_same_id() {
    let fixture = Fixture::new();
    fixture.send(["a"]).await;
    let closed = fixture.producer_of("audit");
    closed.close().await.unwrap();
    let audit = Output::new(QueueName::new("audit").unwrap(), closed);
    let latch = Latch::default();
    let done = latch.clone();
    let handler = move || {
        latch.hit();
        async {
            Outgoing::new()
                .send("payments", Message::new("charge"))
                .send("audit", Message::new("charged"))
        }
    };
    let consumer = fixture
        .consumer()
        .output(fixture.far("payments"))
        .output(audit);
    let report = consumer.handler(handler).run_until(done.reached(1)).await;
    // A closed producer is a permanent failure: the message is kept as a dead letter.
    assert_eq!(report.unwrap().dead_lettered, 1);
    let (admin, source) = (fixture.admin(), fixture.source());
    admin.redrive(&source, &Redrive::default()).await.unwrap();
    let report = forward_all(fixture.consumer().output(fixture.far("payments")), 1).await;
    assert_eq!(report.acked, 1);
    let arrived = fixture.arrived("payments").await;
    assert_eq!(arrived.len(), 1, "the second was known by its dedup id");
}

/// What goes in circles keeps its id, and must not be taken for a copy of itself.
#[tokio::test(start_paused = true)]
async fn message_that_comes_a_second_time_is_forwarded_a_second_time() {
    let fixture = Fixture::new();
    for _ in 0..2 {
        fixture.send_messages([Message::new("a").id("7")]).await;
        tokio::time::advance(Duration::from_millis(1)).await;
    }
    let latch = Latch::default();
    let done = latch.clone();
    let handler = move |message: Message| {
        latch.hit();
        async move {
            Outgoing::new()
                .send("payments", message)
                .send("payments", Message::new("charge"))
        }
    };
    let consumer = fixture.consumer().output(fixture.far("payments"));
    let report = consumer.handler(handler).run_until(done.reached(2)).await;
    assert_eq!(report.unwrap().acked, 2);
    assert_eq!(fixture.arrived("payments").await.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn batch_forwards_for_each_of_its_messages() {
    for is_near in [true, false] {
        let fixture = Fixture::new();
        fixture.send(["a", "b", "c"]).await;
        let output = if is_near {
            fixture.near("payments")
        } else {
            fixture.far("payments")
        };
        let latch = Latch::default();
        let done = latch.clone();
        let handler = move |mut batch: Batch| {
            for index in 0..batch.len() {
                latch.hit();
                let message = Message::new(batch.deliveries()[index].message.body.clone());
                let queue = if message.body == "b" {
                    "nowhere"
                } else {
                    "payments"
                };
                batch.settle(index, Settlement::forward(queue, message));
            }
            async move { Result::<_>::Ok(batch) }
        };
        let consumer = fixture.consumer().output(output).batch_handler(handler);
        let report = consumer.run_until(done.reached(3)).await.unwrap();
        assert_eq!((report.acked, report.dead_lettered), (2, 1));
        assert_eq!(fixture.arrived("payments").await.len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn forwards_of_a_key_keep_its_order() {
    for is_near in [true, false] {
        let fixture = Fixture::new();
        let keyed = |number: u32| Message::new(number.to_string()).ordering_key("k");
        fixture.send_messages((0..50).map(keyed)).await;
        let output = if is_near {
            fixture.near("payments")
        } else {
            fixture.far("payments")
        };
        let report = forward_all(fixture.consumer().output(output), 50).await;
        assert_eq!(report.acked, 50);
        let arrived = fixture.arrived("payments").await;
        let bodies: Vec<_> = arrived.iter().map(|it| text(&it.message)).collect();
        let expected: Vec<_> = (0..50).map(|number| number.to_string()).collect();
        assert_eq!(bodies, expected, "near: {is_near}");
    }
}

/// Runs one message through a consumer whose sends are answered by `script`, for a minute.
async fn through(script: Script) -> Report {
    let fixture = Fixture::new();
    fixture.send(["a"]).await;
    let queue = QueueName::new("payments").unwrap();
    let clock = Arc::clone(&fixture.context.clock);
    let sender = HostileSender::new(queue.clone(), Capabilities::NONE, clock, script);
    let producer = Producer::builder(Arc::new(sender), fixture.context.clone());
    let output = Output::new(queue, producer.build().unwrap());
    let handler = |message: Message| async move { Settlement::forward("payments", message) };
    let consumer = fixture.consumer().output(output).handler(handler);
    let running = consumer.start().await.unwrap();
    fixture.pass(Duration::from_secs(60)).await;
    running.shutdown(Duration::from_secs(1)).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn ack_waits_for_the_sends() {
    let slow = Call::all(Reply::Done).before(Duration::from_secs(9));
    let report = through(Script::new().then(slow)).await;
    assert_eq!((report.received, report.acked), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn send_that_is_not_known_to_have_arrived_acks_nothing() {
    let report = through(Script::new().then(Call::hangs())).await;
    assert_eq!((report.started, report.failed, report.acked), (2, 1, 1));
}
