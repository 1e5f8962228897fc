//! A consumer of a provider that fails, hangs, leaves answers out and ends leases early.

use std::{sync::Arc, time::Duration};

use relayhouse_core::{
    Capabilities, ErrorKind, Lease, LeaseKind, Message, QueueName, Receipt, Settlement, Source,
    Support,
    port::{Receiver, Timeouts},
};
use relayhouse_runtime::{Consumer, ConsumerBuilder, ConsumerConfig, Report, Running};
use relayhouse_testkit::hostile::{Call, HostileReceiver, Items, Reply, Script};

use crate::fixture::{LEASE, Latch, simulated};

const CAPABILITIES: Capabilities = Capabilities {
    ack: Support::Native,
    release: Support::Native,
    release_delay: Support::Native,
    dead_letter: Support::Native,
    receive_drop: Support::Native,
    lease: LeaseKind::Delivery,
    ..Capabilities::NONE
};

const LIMIT: Duration = Duration::from_secs(60);

fn hostile(capabilities: Capabilities) -> (HostileReceiver, relayhouse_core::Context) {
    let context = simulated();
    let source = Source::queue(QueueName::new("orders").unwrap());
    let clock = Arc::clone(&context.clock);
    (
        HostileReceiver::new(source, capabilities, clock, LEASE),
        context,
    )
}

/// Runs five messages through a provider that settles by `script`.
async fn settle_by(script: Script) -> (Report, Vec<Settlement>) {
    let (receiver, context) = hostile(CAPABILITIES);
    let receiver = Arc::new(receiver.settles(script));
    (0..5).for_each(|_| receiver.put(Message::new("order"), 1));
    let latch = Latch::default();
    let port: Arc<dyn Receiver> = Arc::clone(&receiver) as _;
    let running = start(Consumer::builder(port, context.clone()), &latch).await;
    latch.reached(5).await;
    let clock = context.clock;
    clock
        .sleep_until(clock.now() + Duration::from_secs(20))
        .await;
    let report = running.shutdown(LIMIT).await.unwrap();
    let settled = receiver
        .settled()
        .into_iter()
        .map(|settled| settled.settlement)
        .collect();
    (report, settled)
}

async fn start(consumer: ConsumerBuilder, latch: &Latch) -> Running {
    let latch = latch.clone();
    let handler = move || {
        latch.hit();
        async {}
    };
    consumer
        .workers(1)
        .concurrency(5)
        .handler(handler)
        .start()
        .await
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn settlement_that_never_left_is_tried_again() {
    let script = Script::new()
        .then(Call::fails(ErrorKind::ConnectionFailed))
        .then(Call::all(Reply::Failed(ErrorKind::Throttled)));
    let (report, settled) = settle_by(script).await;
    assert_eq!(
        (report.acked, report.settle_failed, report.unknown),
        (5, 0, 0)
    );
    assert_eq!(settled.len(), 5);
}

#[tokio::test(start_paused = true)]
async fn settlement_that_may_have_left_is_unknown_and_not_tried_again() {
    for reply in [Reply::UnknownDone, Reply::UnknownLost] {
        let (report, _) = settle_by(Script::new().then(Call::all(reply))).await;
        assert_eq!((report.acked, report.unknown), (0, 5), "{reply:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn missing_answer_is_unknown_for_its_item_alone() {
    let (report, _) = settle_by(Script::new().then(Call::items(Items::First(3)))).await;
    assert_eq!((report.acked, report.unknown), (3, 2));
}

#[tokio::test(start_paused = true)]
async fn settle_that_hangs_is_unknown_at_its_deadline() {
    let (report, _) = settle_by(Script::new().then(Call::hangs())).await;
    assert_eq!((report.acked, report.unknown), (0, 5));
}

#[tokio::test(start_paused = true)]
async fn each_settlement_that_nobody_hears_of_is_counted_as_unknown() {
    for call in [Call::hangs(), Call::fails(ErrorKind::Throttled)] {
        let (receiver, context) = hostile(CAPABILITIES);
        let receiver = Arc::new(receiver.settles(Script::new().then(call.clone())));
        (0..5).for_each(|_| receiver.put(Message::new("order"), 1));
        let latch = Latch::default();
        let running = start(Consumer::builder(receiver, context), &latch).await;
        latch.reached(5).await;
        let report = running.shutdown(Duration::from_millis(10)).await.unwrap();
        assert_eq!((report.acked, report.unknown), (0, 5), "{call:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn settlement_that_is_refused_for_good_is_counted_and_not_tried_again() {
    let refused = Reply::Failed(ErrorKind::Unauthorized);
    let (report, settled) = settle_by(Script::new().then(Call::all(refused))).await;
    assert_eq!((report.acked, report.settle_failed), (0, 5));
    assert!(settled.is_empty());
}

#[tokio::test(start_paused = true)]
async fn provider_that_says_the_lease_is_lost_is_believed() {
    let lost = Reply::Failed(ErrorKind::LeaseLost);
    let (report, _) = settle_by(Script::new().then(Call::all(lost))).await;
    assert_eq!((report.acked, report.lease_lost), (0, 5));
}

#[tokio::test(start_paused = true)]
async fn delivery_whose_lease_was_lost_while_it_waited_does_not_start() {
    let (receiver, context) = hostile(CAPABILITIES);
    let receiver = Arc::new(receiver);
    (0..3).for_each(|_| receiver.put(Message::new("order"), 1));
    let starts = Latch::default();
    let handler = {
        let (starts, clock) = (starts.clone(), Arc::clone(&context.clock));
        move || {
            let is_first = starts.hit() == 1;
            let takes = if is_first { Duration::ZERO } else { LEASE / 2 };
            clock.sleep_until(clock.now() + takes)
        }
    };
    let port: Arc<dyn Receiver> = Arc::clone(&receiver) as _;
    let consumer = Consumer::builder(port, context.clone());
    let running = consumer
        .workers(1)
        .concurrency(1)
        .handler(handler)
        .start()
        .await
        .unwrap();
    starts.reached(2).await;
    let clock = context.clock;
    clock.sleep_until(clock.now() + LEASE / 4).await;
    assert_eq!(receiver.waiting(), 0, "the third one waits for the second");
    receiver.lose(Receipt::from_bytes(3_u128.to_be_bytes()));
    clock.sleep_until(clock.now() + LEASE).await;
    let report = running.shutdown(LIMIT).await.unwrap();
    assert_eq!((starts.count(), report.acked, report.lease_lost), (2, 2, 1));
}

#[tokio::test(start_paused = true)]
async fn failed_receives_back_off_and_the_consumer_goes_on() {
    let script = (0..5).fold(Script::new(), |script, _| {
        script.then(Call::fails(ErrorKind::ConnectionFailed))
    });
    let (receiver, context) = hostile(CAPABILITIES);
    let receiver = Arc::new(receiver.receives(script));
    receiver.put(Message::new("order"), 1);
    let latch = Latch::default();
    let port: Arc<dyn Receiver> = Arc::clone(&receiver) as _;
    let began = context.clock.now();
    let running = start(Consumer::builder(port, context.clone()), &latch).await;
    latch.reached(1).await;
    let took = context.clock.now().since(began);
    let backed_off = Duration::from_millis(1_550)..Duration::from_millis(3_200);
    assert!(
        backed_off.contains(&took),
        "{took:?} for waits of 100, 200, 400, 800 and 1,600 ms"
    );
    running.shutdown(LIMIT).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn receive_that_hangs_is_given_up_and_counted_where_it_costs() {
    for (receive_drop, dropped) in [(Support::Native, 0), (Support::Unsupported, 1)] {
        let (receiver, context) = hostile(Capabilities {
            receive_drop,
            ..CAPABILITIES
        });
        let receiver = receiver.receives(Script::new().then(Call::hangs()));
        let consumer = Consumer::builder(Arc::new(receiver), context.clone());
        let running = start(consumer, &Latch::default()).await;
        tokio::task::yield_now().await;
        let report = running.shutdown(Duration::from_secs(5)).await.unwrap();
        assert_eq!(report.receives_dropped, dropped, "{receive_drop:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn permanent_error_of_a_receive_ends_the_consumer() {
    let (receiver, context) = hostile(CAPABILITIES);
    let receiver = receiver.receives(Script::new().then(Call::fails(ErrorKind::Unauthorized)));
    receiver.put(Message::new("order"), 1);
    let consumer = Consumer::builder(Arc::new(receiver), context).handler(|| async {});
    let error = consumer
        .run_until(std::future::pending::<()>())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert!(
        error.to_string().starts_with("cannot receive from orders"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn lease_that_ended_early_is_told_and_not_settled() {
    let (receiver, context) = hostile(CAPABILITIES);
    let receiver = Arc::new(receiver);
    receiver.put(Message::new("order"), 1);
    let (starts, ends) = (Latch::default(), Latch::default());
    let port: Arc<dyn Receiver> = Arc::clone(&receiver) as _;
    let running = Consumer::builder(port, context.clone())
        .handler({
            let (starts, ends) = (starts.clone(), ends.clone());
            move |lease: Lease| {
                starts.hit();
                let ends = ends.clone();
                async move {
                    lease.lost().await;
                    ends.hit();
                }
            }
        })
        .start()
        .await
        .unwrap();
    starts.reached(1).await;
    receiver.lose(Receipt::from_bytes(1_u128.to_be_bytes()));
    ends.reached(1).await;
    let report = running.shutdown(LIMIT).await.unwrap();
    assert_eq!((report.acked, report.lease_lost), (0, 1));
    assert!(receiver.settled().is_empty());
}

#[tokio::test(start_paused = true)]
async fn failed_extension_is_tried_again_before_the_lease_ends() {
    let script = Script::new()
        .then(Call::fails(ErrorKind::Throttled))
        .then(Call::all(Reply::Failed(ErrorKind::ConnectionFailed)));
    let (receiver, context) = hostile(CAPABILITIES);
    let receiver = Arc::new(receiver.extends(script));
    receiver.put(Message::new("order"), 1);
    let latch = Latch::default();
    let clock = Arc::clone(&context.clock);
    let port: Arc<dyn Receiver> = Arc::clone(&receiver) as _;
    let report = Consumer::builder(port, context)
        .handler({
            let latch = latch.clone();
            move || {
                let (sleep, latch) = (clock.sleep_until(clock.now() + LEASE * 2), latch.clone());
                async move {
                    sleep.await;
                    latch.hit();
                }
            }
        })
        .run_until(latch.reached(1))
        .await
        .unwrap();
    assert_eq!((report.acked, report.lease_lost), (1, 0));
    assert!(!receiver.extended().is_empty());
}

/// The extension of the first delivery hangs for longer than a lease lasts; the second is kept.
#[tokio::test(start_paused = true)]
async fn extension_that_hangs_delays_no_other() {
    let (receiver, context) = hostile(CAPABILITIES);
    let receiver = Arc::new(receiver.extends(Script::new().then(Call::hangs())));
    let clock = Arc::clone(&context.clock);
    let port: Arc<dyn Receiver> = Arc::clone(&receiver) as _;
    let latch = Latch::default();
    let timeouts = Timeouts {
        settle: LEASE * 4,
        ..Timeouts::default()
    };
    let config = ConsumerConfig {
        timeouts,
        ..ConsumerConfig::default()
    };
    let consumer = Consumer::builder(port, context).config(config);
    let running = consumer.handler({
        let (clock, latch) = (Arc::clone(&clock), latch.clone());
        move || {
            let (sleep, latch) = (clock.sleep_until(clock.now() + LEASE * 2), latch.clone());
            async move {
                latch.hit();
                sleep.await;
            }
        }
    });
    let running = running.start().await.unwrap();
    receiver.put(Message::new("first"), 1);
    latch.reached(1).await;
    clock.sleep_until(clock.now() + LEASE / 4).await;
    receiver.put(Message::new("second"), 1);
    latch.reached(2).await;
    let report = running.shutdown(LEASE * 6).await.unwrap();
    assert_eq!((report.acked, report.lease_lost), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn contradictions_of_queue_and_consumer_are_refused_at_the_start() {
    let without = Capabilities {
        dead_letter: Support::Unsupported,
        ..CAPABILITIES
    };
    let (receiver, context) = hostile(without);
    let consumer = Consumer::builder(Arc::new(receiver), context).handler(|| async {});
    let error = consumer.start().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("cannot open orders"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn close_of_a_pull_gives_all_back_though_one_is_refused() {
    let (receiver, context) = hostile(CAPABILITIES);
    let script = Script::new().then(Call::fails(ErrorKind::Throttled));
    let receiver = Arc::new(receiver.settles(script));
    (0..4).for_each(|_| receiver.put(Message::new("order"), 1));
    let port: Arc<dyn Receiver> = Arc::clone(&receiver) as _;
    let pull = Consumer::builder(port, context).pull().await.unwrap();
    pull.next().await.unwrap().unwrap();
    let error = pull.close().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Throttled);
    assert_eq!(receiver.settled().len(), 2, "all but the first of three");
}

#[tokio::test(start_paused = true)]
async fn receiver_that_was_given_stays_open() {
    let (receiver, context) = hostile(CAPABILITIES);
    let receiver = Arc::new(receiver);
    let port: Arc<dyn Receiver> = Arc::clone(&receiver) as _;
    let pull = Consumer::builder(Arc::clone(&port), context.clone()).pull();
    pull.await.unwrap().close().await.unwrap();
    assert!(!receiver.is_closed(), "by a pull");
    let running = start(Consumer::builder(port, context), &Latch::default()).await;
    running.shutdown(LIMIT).await.unwrap();
    assert!(!receiver.is_closed(), "by a consumer");
}
