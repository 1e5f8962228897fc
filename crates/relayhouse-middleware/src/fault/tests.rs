//! Each fault by itself, and all of them by their shares.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::future::join_all;
use relayhouse_core::{
    Delivery, Error, ErrorKind, Instant, Message, Sent, Settlement, config::Params,
};
use tower::{Service, ServiceExt, service_fn};
use tower_layer::Layer;

use super::{Fault, FaultConfig, FaultLayer};
use crate::{
    catch_panic::CatchPanicLayer,
    sync::lock,
    testing::{context, delivery, poll_and_drop},
};

type Outbox = Arc<Mutex<Vec<Message>>>;

fn producer(
    layer: &FaultLayer,
    outbox: &Outbox,
) -> Fault<impl Service<Message, Response = Sent, Error = Error, Future: Send> + Clone + use<>> {
    let outbox = Arc::clone(outbox);
    layer.layer(service_fn(move |message: Message| {
        lock(&outbox).push(message);
        async {
            tokio::task::yield_now().await;
            Ok::<_, Error>(Sent::default())
        }
    }))
}

#[tokio::test(start_paused = true)]
async fn failed_call_is_not_made_and_lost_answer_is_unknown() {
    let cases = [
        (
            FaultConfig {
                fail: 1.0,
                ..FaultConfig::default()
            },
            ErrorKind::ConnectionFailed,
            0,
        ),
        (
            FaultConfig {
                lose_answer: 1.0,
                ..FaultConfig::default()
            },
            ErrorKind::OutcomeUnknown,
            1,
        ),
        (
            FaultConfig {
                lose_answer: 1.0,
                duplicate: 1.0,
                ..FaultConfig::default()
            },
            ErrorKind::OutcomeUnknown,
            2,
        ),
    ];
    for (config, kind, sent) in cases {
        let layer = FaultLayer::new(config, 7, &context());
        let outbox = Outbox::default();
        let error = producer(&layer, &outbox)
            .call(Message::new(""))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), kind);
        assert_eq!(lock(&outbox).len(), sent);
    }
}

#[tokio::test(start_paused = true)]
async fn handler_fails_and_may_have_run() {
    let config = FaultConfig {
        lose_answer: 1.0,
        ..FaultConfig::default()
    };
    let layer = FaultLayer::new(config, 7, &context());
    let handler = layer.layer(service_fn(|_: Delivery| async {
        Ok::<_, Error>(Settlement::Ack)
    }));
    let delivery = delivery("7", 1, Instant::NEVER);
    let error = handler.oneshot(delivery).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Handler);
    assert!(error.is_temporary());
}

#[tokio::test(start_paused = true)]
async fn panic_is_one_of_the_call() {
    let config = FaultConfig {
        panic: 1.0,
        ..FaultConfig::default()
    };
    let layer = FaultLayer::new(config, 7, &context());
    let outbox = Outbox::default();
    let mut caught = CatchPanicLayer::new().layer(producer(&layer, &outbox));
    let error = caught.call(Message::new("")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Panicked);
    assert!(lock(&outbox).is_empty());
}

/// A call that is to be overtaken is made after one that came later, or after its time alone.
#[tokio::test(start_paused = true)]
async fn reordered_call_is_overtaken() {
    let context = context();
    let reorder = FaultConfig {
        reorder: 1.0,
        ..FaultConfig::default()
    };
    let layer = FaultLayer::new(reorder, 7, &context);
    let outbox = Outbox::default();
    let mut producer = producer(&layer, &outbox);
    let first = producer.call(Message::new("first"));
    layer.set(FaultConfig::default());
    let second = producer.call(Message::new("second"));
    let (first, second) = tokio::join!(first, second);
    first.and(second).unwrap();
    let sent: Vec<_> = lock(&outbox).drain(..).map(|sent| sent.body).collect();
    assert_eq!(sent, ["second", "first"]);
    assert_eq!(context.clock.now(), Instant::START);
    layer.set(FaultConfig {
        reorder: 1.0,
        ..FaultConfig::default()
    });
    producer.call(Message::new("alone")).await.unwrap();
    assert_eq!(context.clock.now(), Instant::START + Duration::from_secs(1));
}

/// The same seed gives the same faults, as often as was asked for.
#[tokio::test(start_paused = true)]
async fn faults_follow_seed_and_shares() {
    let config = FaultConfig {
        fail: 0.1,
        lose_answer: 0.1,
        duplicate: 0.1,
        delay: 0.1,
        reorder: 0.1,
        ..FaultConfig::default()
    };
    let mut histories = Vec::new();
    for seed in [7, 7, 8] {
        let layer = FaultLayer::new(config.clone(), seed, &context());
        let outbox = Outbox::default();
        let mut producer = producer(&layer, &outbox);
        let calls = (0..2_000_u32).map(|number| producer.call(Message::new(number.to_string())));
        let results = join_all(calls).await;
        let failed = results.iter().filter(|result| result.is_err()).count();
        assert!((330..430).contains(&failed), "{failed} failed");
        let counts = layer.counts();
        assert_eq!(counts.calls, 2_000);
        for count in [counts.failed, counts.delayed, counts.reordered] {
            assert!((150..250).contains(&count), "{counts:?}");
        }
        assert_eq!(counts.failed + counts.answers_lost, failed as u64);
        let made = lock(&outbox).len() as u64;
        assert_eq!(made, 2_000 - counts.failed + counts.duplicated);
        let bodies: Vec<_> = lock(&outbox).drain(..).map(|sent| sent.body).collect();
        histories.push(bodies);
    }
    assert_eq!(histories[0], histories[1]);
    assert_ne!(histories[0], histories[2]);
}

/// A call that is dropped while it waits is not made, and whenever it is dropped, no more than it
/// had made is made later.
#[tokio::test(start_paused = true)]
async fn call_can_be_dropped_at_any_poll() {
    let context = context();
    let config = FaultConfig {
        delay: 1.0,
        reorder: 1.0,
        duplicate: 1.0,
        ..FaultConfig::default()
    };
    let layer = FaultLayer::new(config, 7, &context);
    let mut history = Vec::new();
    for polls in 0.. {
        let outbox = Outbox::default();
        let mut producer = producer(&layer, &outbox);
        let ended = poll_and_drop(producer.call(Message::new("")), polls).await;
        let made = lock(&outbox).len();
        let later = context.clock.now() + Duration::from_secs(60);
        context.clock.sleep_until(later).await;
        assert_eq!(lock(&outbox).len(), made);
        history.push(made);
        if ended.is_some() {
            break;
        }
    }
    assert_eq!(history[..3], [0, 0, 0]);
    assert_eq!(history.last(), Some(&2));
    assert!(history.contains(&1), "{history:?}");
}

#[test]
fn shares_are_read_from_text() {
    let params = Params::from_pairs([("fail", "0.25"), ("delay_max", "5s")]);
    let config: FaultConfig = params.unwrap().read().unwrap();
    assert!((config.fail - 0.25).abs() < f64::EPSILON);
    assert_eq!(config.delay_max, Duration::from_secs(5));
}
