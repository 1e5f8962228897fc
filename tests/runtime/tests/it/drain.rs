//! Draining: in time, with everything settled or given back.

use std::{sync::Arc, time::Duration};

use crate::fixture::{Fixture, LEASE, Latch};

const LIMIT: Duration = Duration::from_secs(10);

#[tokio::test(start_paused = true)]
async fn running_handlers_end_and_the_rest_is_given_back_at_once() {
    let fixture = Fixture::new();
    fixture.send((0..50).map(|number| number.to_string())).await;
    let (starts, ends) = (Latch::default(), Latch::default());
    let clock = Arc::clone(&fixture.context.clock);
    let running = fixture
        .consumer()
        .concurrency(4)
        .workers(1)
        .handler({
            let (starts, ends, clock) = (starts.clone(), ends.clone(), Arc::clone(&clock));
            move || {
                starts.hit();
                let sleep = clock.sleep_until(clock.now() + Duration::from_secs(5));
                let ends = ends.clone();
                async move {
                    sleep.await;
                    ends.hit();
                }
            }
        })
        .start()
        .await
        .unwrap();
    starts.reached(4).await;
    let began = clock.now();
    let drained = tokio::spawn(running.shutdown(LIMIT));
    fixture.pass(Duration::from_millis(10)).await;
    assert_eq!(
        fixture.stats().await.leased,
        Some(4),
        "what has not started is free again"
    );
    let report = drained.await.unwrap().unwrap();
    assert!(clock.now().since(began) < Duration::from_secs(6));
    assert_eq!((report.acked, report.abandoned, ends.count()), (4, 0, 4));
    assert_eq!(starts.count(), 4, "nothing started after the stop");
    let stats = fixture.stats().await;
    assert_eq!((stats.ready + stats.delayed, stats.leased), (46, Some(0)));
}

#[tokio::test(start_paused = true)]
async fn handler_that_overruns_is_dropped_and_its_message_given_back() {
    let fixture = Fixture::new();
    fixture.send(["order"]).await;
    let starts = Latch::default();
    let clock = Arc::clone(&fixture.context.clock);
    let running = fixture
        .consumer()
        .handler({
            let starts = starts.clone();
            move || {
                starts.hit();
                std::future::pending::<()>()
            }
        })
        .start()
        .await
        .unwrap();
    starts.reached(1).await;
    let began = clock.now();
    let report = running.shutdown(LIMIT).await.unwrap();
    assert!(clock.now().since(began) <= LIMIT);
    assert_eq!((report.abandoned, report.released), (1, 1));
    assert_eq!(fixture.stats().await.ready, 1);
}

#[tokio::test(start_paused = true)]
async fn idle_consumer_stops_at_once() {
    let fixture = Fixture::new();
    let clock = Arc::clone(&fixture.context.clock);
    let running = fixture
        .consumer()
        .handler(|| async {})
        .start()
        .await
        .unwrap();
    fixture.pass(Duration::from_secs(1)).await;
    let began = clock.now();
    let report = running.shutdown(LIMIT).await.unwrap();
    assert!(clock.now().since(began) < Duration::from_millis(100));
    assert_eq!((report.abandoned, report.receives_dropped), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn leases_are_kept_while_draining() {
    let fixture = Fixture::new();
    fixture.send(["order"]).await;
    let starts = Latch::default();
    let clock = Arc::clone(&fixture.context.clock);
    let running = fixture
        .consumer()
        .handler({
            let starts = starts.clone();
            move || {
                starts.hit();
                clock.sleep_until(clock.now() + LEASE * 4)
            }
        })
        .start()
        .await
        .unwrap();
    starts.reached(1).await;
    let report = running.shutdown(LEASE * 5).await.unwrap();
    assert_eq!((report.acked, report.lease_lost), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn dropped_consumer_loses_nothing() {
    let fixture = Fixture::new();
    fixture.send(["order"]).await;
    let starts = Latch::default();
    let handler = {
        let starts = starts.clone();
        move || {
            starts.hit();
            std::future::pending::<()>()
        }
    };
    let consumer = fixture.consumer().handler(handler);
    let run = tokio::spawn(async move { consumer.run_until(std::future::pending::<()>()).await });
    starts.reached(1).await;
    run.abort();
    fixture.pass(LEASE * 2).await;
    assert_eq!(
        fixture.stats().await.ready,
        1,
        "it comes back when its lease ends"
    );
}
