//! What an observer is told beside the messages themselves: calls, load, leases, traces, sessions.

use std::{sync::Arc, time::Duration};

use relayhouse_core::{Event, Instant, Load, Message, Observer};

use crate::fixture::{Fixture, LEASE, Latch, simulated};

/// Keeps what is told, in words.
#[derive(Debug, Default)]
struct Told(std::sync::Mutex<Vec<String>>);

impl Observer for Told {
    fn observe(&self, _: Instant, events: &[Event<'_>]) {
        let mut told = self.0.lock().unwrap();
        told.extend(events.iter().filter_map(words));
    }
}

fn words(event: &Event<'_>) -> Option<String> {
    Some(match event {
        Event::SendCall { messages, took, .. } => format!("send call of {messages} in {took:?}"),
        Event::Sent { traceparent, .. } => format!("sent in {traceparent:?}"),
        Event::SettleCall { messages, .. } => format!("settle call of {messages}"),
        Event::Settled { took, .. } => format!("settled in {took:?}"),
        Event::ExtendCall { messages, .. } => format!("extend call of {messages}"),
        Event::Extended { traceparent, .. } => format!("extended in {traceparent:?}"),
        Event::Started { lease_left, .. } => format!("started with {lease_left:?}"),
        Event::Handled { lease_left, .. } => format!("handled with {lease_left:?}"),
        Event::Drawn { took } => format!("drawn in {took:?}"),
        Event::SessionAccepted { result, .. } => format!("accepted {:?}", result.ok()?),
        Event::SessionEnded { held, .. } => format!("session of {held:?}"),
        Event::Abandoned { messages, .. } => format!("abandoned {messages}"),
        _ => return None,
    })
}

/// Adds up what workers have in their hands.
#[derive(Debug, Default)]
struct Hands(std::sync::Mutex<(Load, u64)>);

impl Observer for Hands {
    fn observe(&self, _: Instant, events: &[Event<'_>]) {
        let mut hands = self.0.lock().unwrap();
        for event in events {
            if let Event::Load { before, now, .. } = event {
                let (sum, running_max) = &mut *hands;
                sum.running = sum.running + now.running - before.running;
                sum.running_bytes = sum.running_bytes + now.running_bytes - before.running_bytes;
                sum.waiting = sum.waiting + now.waiting - before.waiting;
                sum.waiting_bytes = sum.waiting_bytes + now.waiting_bytes - before.waiting_bytes;
                sum.permits = sum.permits + now.permits - before.permits;
                *running_max = sum.running.max(*running_max);
            }
        }
    }
}

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[tokio::test(start_paused = true)]
async fn calls_leases_and_traces_are_told() {
    let told = Arc::new(Told::default());
    let fixture = Fixture::with_context(simulated().observer(Arc::clone(&told) as _));
    let message = Message::new("order").header("traceparent", TRACE);
    fixture.producer().send(message).await.unwrap();
    let (latch, clock) = (Latch::default(), Arc::clone(&fixture.context.clock));
    let hit = latch.clone();
    let handler = move || {
        let (sleep, hit) = (clock.sleep_until(clock.now() + LEASE), hit.clone());
        async move {
            sleep.await;
            hit.hit();
        }
    };
    let consumer = fixture.consumer().handler(handler);
    consumer.run_until(latch.reached(1)).await.unwrap();
    let told = told.0.lock().unwrap().join("\n");
    let lines = [
        "send call of 1 in 0ns".to_owned(),
        format!("sent in Some({TRACE:?})"),
        format!("started with Some({LEASE:?})"),
        "drawn in 0ns".to_owned(),
        "extend call of 1".to_owned(),
        format!("extended in Some({TRACE:?})"),
        "settle call of 1".to_owned(),
        "settled in 0ns".to_owned(),
    ];
    for line in &lines {
        assert!(told.contains(line), "no {line:?} in:\n{told}");
    }
    let handled = told.lines().find(|line| line.starts_with("handled with"));
    let is_renewed =
        handled.is_some_and(|line| !line.contains("Some(0ns)") && !line.contains("None"));
    assert!(is_renewed, "{handled:?}");
}

#[tokio::test(start_paused = true)]
async fn load_is_told_and_taken_back() {
    let hands = Arc::new(Hands::default());
    let fixture = Fixture::with_context(simulated().observer(Arc::clone(&hands) as _));
    let bodies = ["a", "bb", "ccc", "dddd"];
    fixture.send(bodies).await;
    let (latch, gate) = (Latch::default(), Latch::default());
    let (hit, open) = (latch.clone(), gate.clone());
    let handler = move || {
        let (hit, open) = (hit.clone(), open.clone());
        async move {
            hit.hit();
            open.reached(1).await;
        }
    };
    let consumer = fixture
        .consumer()
        .concurrency(4)
        .workers(2)
        .handler(handler);
    let running = consumer.start().await.unwrap();
    latch.reached(4).await;
    tokio::task::yield_now().await;
    gate.hit();
    running.shutdown(Duration::from_secs(5)).await.unwrap();
    let (sum, running_max) = *hands.0.lock().unwrap();
    assert_eq!(sum, Load::default(), "a worker that ended has nothing");
    assert_eq!(running_max, 4);
}

#[tokio::test(start_paused = true)]
async fn sessions_and_what_is_abandoned_are_told() {
    let told = Arc::new(Told::default());
    let context = simulated().observer(Arc::clone(&told) as _);
    let fixture = Fixture::with_sessions_of(context).await;
    let message = Message::new("order").ordering_key("7");
    fixture.send_messages([message]).await;
    let latch = Latch::default();
    let hit = latch.clone();
    let consumer = fixture.consumer().concurrency(1).handler(move || {
        hit.hit();
        std::future::pending::<()>()
    });
    let running = consumer.start().await.unwrap();
    latch.reached(1).await;
    running.shutdown(Duration::from_secs(1)).await.unwrap();
    let told = told.0.lock().unwrap().join("\n");
    for line in ["accepted true", "abandoned 1", "session of 900ms"] {
        assert!(told.contains(line), "no {line:?} in:\n{told}");
    }
}

#[tokio::test(start_paused = true)]
async fn pull_tells_what_a_consumer_tells() {
    let told = Arc::new(Told::default());
    let fixture = Fixture::with_context(simulated().observer(Arc::clone(&told) as _));
    fixture.send(["order"]).await;
    let pull = fixture.consumer().pull().await.unwrap();
    let delivery = pull.next().await.unwrap().unwrap();
    let settled = pull.settle(delivery, relayhouse_core::Settlement::Ack);
    settled.await.unwrap();
    let told = told.0.lock().unwrap().join("\n");
    assert!(told.contains("settle call of 1\nsettled in 0ns"), "{told}");
}
