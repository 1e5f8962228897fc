//! Many sessions and few handlers.

use std::{
    collections::{HashMap, HashSet},
    num::NonZeroU32,
    sync::{Arc, Mutex},
    time::Duration,
};

use relayhouse_core::{Delivery, Instant, Message, Result};
use relayhouse_runtime::{Consumer, ConsumerConfig, FailurePolicy, Order, Producer};
use servicebus_emulator::{Fault, Operation, Times};

use crate::world::{Kind, simulate};

const SESSIONS: usize = 1_000;
const HANDLERS: NonZeroU32 = NonZeroU32::new(32).unwrap();
/// Of each session, in two rounds.
const MESSAGES: usize = 4;
const WORK: Duration = Duration::from_millis(10);
/// What a session waits for at most: every other once, with all handlers at work, and the time to
/// hand one over.
const WAIT_MAX: Duration = Duration::from_secs(120);

/// A thousand sessions share 32 handlers: each is served, none waits much longer than the others,
/// and each in its order.
#[test]
fn thousand_sessions_over_32_handlers_all_have_their_turn() {
    simulate(Kind::Sessions, 41, async |world| {
        let provider = Arc::clone(&world.provider);
        let producer = Producer::of(provider, world.queue.clone(), world.context.clone());
        let producer = producer.build().unwrap();
        for number in 0..MESSAGES {
            let message = |session| {
                Message::new(number.to_string()).ordering_key(format!("session-{session}"))
            };
            let answers = producer.send_all((0..SESSIONS).map(message)).await;
            assert!(answers.iter().all(Result::is_ok));
        }
        let began = world.context.clock.now();
        let seen = Arc::new(Mutex::new(HashMap::<String, Vec<(String, Instant)>>::new()));
        let config = ConsumerConfig {
            failure: FailurePolicy {
                delay_max: Duration::ZERO,
                ..FailurePolicy::default()
            },
            concurrency: HANDLERS,
            ..ConsumerConfig::default()
        };
        let (clock, noted) = (Arc::clone(&world.context.clock), Arc::clone(&seen));
        let handler = move |delivery: Delivery| {
            let (clock, noted) = (Arc::clone(&clock), Arc::clone(&noted));
            async move {
                let key = delivery.message.details().ordering_key.clone().unwrap();
                let body = String::from_utf8(delivery.message.body.to_vec()).unwrap();
                let entry = (body, clock.now());
                noted
                    .lock()
                    .unwrap()
                    .entry(key.to_string())
                    .or_default()
                    .push(entry);
                clock.sleep_until(clock.now() + WORK).await;
                Ok::<_, relayhouse_core::Error>(())
            }
        };
        let provider = Arc::clone(&world.provider);
        let consumer = Consumer::of(provider, world.source.clone(), world.context.clone());
        let running = consumer
            .config(config)
            .handler(handler)
            .start()
            .await
            .unwrap();
        world.drained().await;
        running.shutdown(Duration::from_secs(60)).await.unwrap();
        let seen = seen.lock().unwrap();
        let in_order: Vec<_> = (0..MESSAGES).map(|number| number.to_string()).collect();
        let sessions: HashSet<_> = seen.keys().collect();
        assert_eq!(sessions.len(), SESSIONS);
        for (session, handled) in &*seen {
            let bodies: Vec<_> = handled.iter().map(|(body, _)| body.clone()).collect();
            assert_eq!(bodies, in_order, "{session}");
        }
        let first = |handled: &Vec<(String, Instant)>| handled[0].1.since(began);
        let longest = seen.values().map(first).max().unwrap();
        println!("the last of {SESSIONS} sessions waited {longest:?} for its first handler");
        assert!(longest <= WAIT_MAX, "{longest:?}");
    });
}

/// What is fetched ahead in a session goes by what handler and settlement take together: what a
/// turn does not come to goes back.
#[test]
fn session_fetches_no_more_than_settlements_let_start() {
    const MESSAGES: u64 = 200;
    const TURN: Duration = Duration::from_millis(200);
    simulate(Kind::Sessions, 42, async |world| {
        let provider = Arc::clone(&world.provider);
        let producer = Producer::of(provider, world.queue.clone(), world.context.clone());
        let message = |number: u64| Message::new(number.to_string()).ordering_key("session");
        let answers = producer.build().unwrap();
        let answers = answers.send_all((0..MESSAGES).map(message)).await;
        assert!(answers.iter().all(Result::is_ok));
        let slow = Fault::Delay(Duration::from_millis(10));
        let faults = world.harness.faults();
        faults
            .inject(Operation::Settle, slow, Times::Always)
            .unwrap();
        let config = ConsumerConfig {
            failure: FailurePolicy {
                delay_max: Duration::ZERO,
                ..FailurePolicy::default()
            },
            order: Order::Settled,
            session_age_max: TURN,
            ..ConsumerConfig::default()
        };
        let provider = Arc::clone(&world.provider);
        let consumer = Consumer::of(provider, world.source.clone(), world.context.clone());
        let consumer = consumer.config(config).handler(|| async {});
        let running = consumer.start().await.unwrap();
        world.drained().await;
        let report = running.shutdown(Duration::from_secs(60)).await.unwrap();
        assert_eq!(report.acked, MESSAGES);
        assert!(report.received <= MESSAGES * 2, "{report:?}");
    });
}
