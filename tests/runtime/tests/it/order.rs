//! Order within a key, and freedom between keys.

use std::{collections::HashMap, sync::Arc, time::Duration};

use relayhouse_core::{Message, extract::Attempt};
use relayhouse_runtime::{ConsumerBuilder, Order, Ordering};

use crate::fixture::{Fixture, Gauge, Latch, Log, text};

fn keyed(keys: u32, each: u32) -> impl Iterator<Item = Message> {
    (0..each).flat_map(move |number| {
        let message = move |key| {
            let message = Message::new(format!("{key} {number}"));
            message
                .header("customer", format!("c{key}"))
                .ordering_key(format!("k{key}"))
        };
        (0..keys).map(message)
    })
}

fn parts(body: &str) -> (usize, u32) {
    let (key, number) = body.split_once(' ').unwrap();
    (key.parse().unwrap(), number.parse().unwrap())
}

/// Runs 20 keys of 20 messages with handlers of uneven length, and returns the starts.
async fn run(fixture: &Fixture, consumer: ConsumerBuilder) -> Vec<(usize, u32)> {
    let (log, latch) = (Log::default(), Latch::default());
    let gauges: Vec<Gauge> = (0..20).map(|_| Gauge::default()).collect();
    let clock = Arc::clone(&fixture.context.clock);
    consumer
        .concurrency(16)
        .handler({
            let (log, latch, gauges) = (log.clone(), latch.clone(), gauges.clone());
            move |message: Message| {
                let (key, number) = parts(&text(&message));
                log.push((key, number));
                let counted = gauges[key].enter();
                let takes = Duration::from_millis((key as u64 * 7 + u64::from(number) * 3) % 10);
                let (sleep, latch) = (clock.sleep_until(clock.now() + takes), latch.clone());
                async move {
                    sleep.await;
                    drop(counted);
                    latch.hit();
                }
            }
        })
        .run_until(latch.reached(400))
        .await
        .unwrap();
    assert!(
        gauges.iter().all(|gauge| gauge.max() == 1),
        "handlers of a key overlapped"
    );
    log.entries()
}

fn assert_in_order(starts: &[(usize, u32)]) {
    let mut next = HashMap::new();
    for (key, number) in starts {
        let expected = next.entry(key).or_insert(0);
        assert_eq!(number, expected, "key {key}");
        *expected += 1;
    }
}

#[tokio::test(start_paused = true)]
async fn keys_start_in_send_order_and_never_overlap() {
    for order in [Order::Handled, Order::Settled] {
        let fixture = Fixture::new();
        fixture.send_messages(keyed(20, 20)).await;
        let starts = run(&fixture, fixture.consumer().workers(4).order(order)).await;
        assert_in_order(&starts);
    }
}

#[tokio::test(start_paused = true)]
async fn key_may_come_from_a_header() {
    let fixture = Fixture::new();
    fixture.send_messages(keyed(20, 20)).await;
    let ordering = Ordering::header("customer");
    let starts = run(&fixture, fixture.consumer().workers(4).ordering(ordering)).await;
    assert_in_order(&starts);
}

#[tokio::test(start_paused = true)]
async fn failing_key_keeps_its_order_and_slows_no_other() {
    let fixture = Fixture::new();
    fixture.send_messages(keyed(5, 10)).await;
    let (log, latch) = (Log::default(), Latch::default());
    let clock = Arc::clone(&fixture.context.clock);
    let began = clock.now();
    let running = fixture
        .consumer()
        .concurrency(8)
        .handler({
            let (log, latch, clock) = (log.clone(), latch.clone(), Arc::clone(&clock));
            move |message: Message, Attempt(attempt): Attempt| {
                let (key, number) = parts(&text(&message));
                let fails = key == 0 && attempt < 4;
                if !fails {
                    log.push((key, number, clock.now().since(began)));
                    latch.hit();
                }
                async move {
                    if fails {
                        Err(std::io::Error::other("again"))
                    } else {
                        Ok(())
                    }
                }
            }
        })
        .start()
        .await
        .unwrap();
    latch.reached(50).await;
    running.shutdown(Duration::from_secs(1)).await.unwrap();
    let entries = log.entries();
    let done: Vec<(usize, u32)> = entries
        .iter()
        .map(|(key, number, _)| (*key, *number))
        .collect();
    assert_in_order(&done);
    let others = entries.iter().filter(|(key, _, _)| *key != 0);
    let slowest = others.map(|(_, _, at)| *at).max().unwrap();
    assert!(
        slowest < Duration::from_millis(100),
        "others waited {slowest:?}"
    );
}
