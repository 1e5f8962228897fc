//! Leases: kept while a handler runs, capped, and never settled late.

use std::{future::pending, sync::Arc, time::Duration};

use relayhouse_core::{
    Context, ErrorKind, Event, Instant, Lease, Observer, Receipt, extract::Attempt,
};

use crate::fixture::{Fixture, LEASE, Latch, Log, simulated};

/// Notes extensions and settlements, in order.
#[derive(Debug, Default)]
struct Notes(std::sync::Mutex<Vec<(Receipt, &'static str)>>);

impl Observer for Notes {
    fn observe(&self, _: Instant, events: &[Event<'_>]) {
        let notes = events.iter().filter_map(|event| match event {
            Event::Extended {
                receipt,
                result: Ok(_),
                ..
            } => Some(((*receipt).clone(), "extended")),
            Event::Settled { delivery, .. } => Some((delivery.receipt.clone(), "settled")),
            _ => None,
        });
        self.0.lock().unwrap().extend(notes);
    }
}

fn observed() -> (Fixture, Arc<Notes>) {
    let notes = Arc::new(Notes::default());
    let observer: Arc<dyn Observer> = Arc::clone(&notes) as _;
    (Fixture::with_context(simulated().observer(observer)), notes)
}

#[tokio::test(start_paused = true)]
async fn handler_of_ten_leases_is_not_delivered_again() {
    let (fixture, notes) = observed();
    fixture.send(["order"]).await;
    let (starts, ends) = (Latch::default(), Latch::default());
    let clock = Arc::clone(&fixture.context.clock);
    let report = fixture
        .consumer()
        .handler({
            let (starts, ends) = (starts.clone(), ends.clone());
            move || {
                starts.hit();
                let (sleep, ends) = (clock.sleep_until(clock.now() + LEASE * 10), ends.clone());
                async move {
                    sleep.await;
                    ends.hit();
                }
            }
        })
        .run_until(ends.reached(1))
        .await
        .unwrap();
    assert_eq!((starts.count(), report.acked), (1, 1));
    let notes = notes.0.lock().unwrap();
    let extensions = notes.iter().filter(|(_, what)| *what == "extended").count();
    assert!((10..=40).contains(&extensions), "{extensions} extensions");
    assert_eq!(
        notes.last().map(|(_, what)| *what),
        Some("settled"),
        "none after the settle"
    );
}

#[tokio::test(start_paused = true)]
async fn lease_of_a_waiting_delivery_is_kept() {
    let fixture = Fixture::new();
    let (log, latch) = (Log::default(), Latch::default());
    fixture.send((0..40).map(|number| number.to_string())).await;
    let clock = Arc::clone(&fixture.context.clock);
    fixture
        .consumer()
        .concurrency(1)
        .handler({
            let (log, latch) = (log.clone(), latch.clone());
            move |Attempt(attempt): Attempt| {
                log.push(attempt);
                // The first ones are quick, so that many are fetched ahead of the slow ones.
                let takes = if latch.hit() < 20 {
                    Duration::ZERO
                } else {
                    LEASE / 3
                };
                clock.sleep_until(clock.now() + takes)
            }
        })
        .run_until(latch.reached(40))
        .await
        .unwrap();
    assert_eq!(log.entries(), [1; 40]);
}

#[tokio::test(start_paused = true)]
async fn lease_is_never_kept_beyond_its_cap() {
    let fixture = Fixture::new();
    fixture.send(["order"]).await;
    let (lost, log) = (Latch::default(), Log::default());
    let clock = Arc::clone(&fixture.context.clock);
    let running = fixture
        .consumer()
        .lease_total_max(LEASE * 3)
        .handler({
            let (lost, log) = (lost.clone(), log.clone());
            move |lease: Lease, Attempt(attempt): Attempt| {
                let (lost, log) = (lost.clone(), log.clone());
                let (clock, began) = (Arc::clone(&clock), clock.now());
                async move {
                    if attempt == 1 {
                        lease.lost().await;
                        log.push(clock.now().since(began));
                        lost.hit();
                    }
                }
            }
        })
        .start()
        .await
        .unwrap();
    lost.reached(1).await;
    fixture.pass(LEASE).await;
    let report = running.shutdown(Duration::from_secs(1)).await.unwrap();
    let held = log.entries()[0];
    assert!(
        (LEASE * 3..LEASE * 3 + Duration::from_secs(1)).contains(&held),
        "{held:?}"
    );
    assert_eq!(
        (report.lease_lost, report.acked),
        (1, 1),
        "the late ack changed nothing"
    );
}

#[tokio::test(start_paused = true)]
async fn fencing_token_grows_with_each_delivery() {
    let fixture = Fixture::new();
    fixture.send(["order"]).await;
    let (log, latch) = (Log::default(), Latch::default());
    fixture
        .consumer()
        .handler({
            let (log, latch) = (log.clone(), latch.clone());
            move |lease: Lease| {
                log.push(lease.token());
                let is_done = latch.hit() == 3;
                async move {
                    if is_done {
                        Ok(())
                    } else {
                        Err(std::io::Error::other("again"))
                    }
                }
            }
        })
        .run_until(latch.reached(3))
        .await
        .unwrap();
    let tokens = log.entries();
    assert!(tokens[0] < tokens[1] && tokens[1] < tokens[2], "{tokens:?}");
}

/// Panics when it hears of an extension, and takes the keeper with it where nobody catches that.
#[derive(Debug)]
struct Afraid;

impl Observer for Afraid {
    fn observe(&self, _: Instant, events: &[Event<'_>]) {
        let is_extension = |event: &Event<'_>| matches!(event, Event::Extended { .. });
        assert!(!events.iter().any(is_extension), "an extension");
    }
}

#[tokio::test(start_paused = true)]
async fn consumer_cannot_go_on_when_nobody_keeps_its_leases() {
    let context = Context {
        observer: Some(Arc::new(Afraid)),
        ..simulated()
    };
    let fixture = Fixture::with_context(context);
    fixture.send(["order"]).await;
    let consumer = fixture.consumer().handler(pending::<()>);
    let running = consumer.start().await.unwrap();
    tokio::select! {
        biased;
        () = running.failed() => {}
        () = fixture.pass(LEASE * 2) => panic!("it goes on"),
    }
    let error = running.shutdown(LEASE).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unexpected);
}

#[tokio::test(start_paused = true)]
async fn observer_that_panics_loses_no_lease() {
    let fixture = Fixture::with_context(simulated().observer(Arc::new(Afraid)));
    fixture.send(["order"]).await;
    let (clock, latch) = (Arc::clone(&fixture.context.clock), Latch::default());
    let report = fixture
        .consumer()
        .handler({
            let latch = latch.clone();
            move || {
                let (sleep, latch) = (clock.sleep_until(clock.now() + LEASE * 3), latch.clone());
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
}
