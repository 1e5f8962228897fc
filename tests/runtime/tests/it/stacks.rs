//! The recommended stacks around handlers and producers, on the memory adapter.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

use relayhouse_core::{Delivery, Error, ErrorKind, Instant, Message};
use relayhouse_middleware::{correlation::CorrelationLayer, stack};
use relayhouse_runtime::Batch;
use tower::{ServiceBuilder, ServiceExt};

use crate::fixture::{Fixture, Latch};

/// A try that panics, one that hangs and one that fails are followed by another, and all messages
/// are acked.
#[tokio::test(start_paused = true)]
async fn stack_around_a_handler_saves_what_may_do_better() {
    let fixture = Fixture::new();
    fixture.send((0..40).map(|number| number.to_string())).await;
    let (latch, tries) = (Latch::default(), Arc::new(AtomicU32::new(0)));
    let handler = {
        let latch = latch.clone();
        move || {
            let (latch, number) = (latch.clone(), tries.fetch_add(1, SeqCst));
            async move {
                match number {
                    4 => panic!("a try that panics"),
                    9 => std::future::pending().await,
                    14 => return Err(Error::new(ErrorKind::Handler, "a try that fails")),
                    _ => {}
                }
                latch.hit();
                Ok(())
            }
        }
    };
    let layers = stack::consumer("database", &fixture.context);
    let consumer = fixture.consumer().layer(layers).handler(handler);
    let report = consumer.run_until(latch.reached(40)).await.unwrap();
    assert_eq!((report.acked, report.panicked), (40, 0));
    let took = fixture.context.clock.now().since(Instant::START);
    let timeout = Duration::from_secs(30);
    assert!((timeout..timeout * 2).contains(&took), "{took:?}");
    assert!(fixture.dead_letters().await.is_empty());
}

/// An outage of ten minutes costs few calls and no message: the intake rests.
#[tokio::test(start_paused = true)]
async fn outage_behind_the_stack_dead_letters_nothing() {
    let fixture = Fixture::new();
    fixture
        .send((0..100).map(|number| number.to_string()))
        .await;
    let is_down = Arc::new(AtomicBool::new(true));
    let (calls, done) = (Arc::new(AtomicU32::new(0)), Latch::default());
    let handler = {
        let (is_down, calls) = (Arc::clone(&is_down), Arc::clone(&calls));
        let done = done.clone();
        move || {
            calls.fetch_add(1, SeqCst);
            let result = if is_down.load(SeqCst) {
                Err(Error::new(ErrorKind::Handler, "the database is away"))
            } else {
                done.hit();
                Ok(())
            };
            async { result }
        }
    };
    let layers = stack::consumer("database", &fixture.context);
    let consumer = fixture.consumer().layer(layers).handler(handler);
    let running = consumer.start().await.unwrap();
    fixture.pass(Duration::from_secs(600)).await;
    // Ten failures open it, up to 16 handlers at a time; then one probe each half minute.
    let made = calls.load(SeqCst);
    assert!((10..=26 + 20).contains(&made), "{made} calls");
    is_down.store(false, SeqCst);
    done.reached(100).await;
    let report = running.shutdown(Duration::from_secs(10)).await.unwrap();
    assert_eq!((report.acked, report.dead_lettered), (100, 0));
    let took = fixture.context.clock.now().since(Instant::START);
    assert!(took < Duration::from_secs(600 + 60), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn stack_goes_around_a_handler_of_batches() {
    let fixture = Fixture::new();
    fixture.send((0..90).map(|number| number.to_string())).await;
    let (latch, calls) = (Latch::default(), Arc::new(AtomicU32::new(0)));
    let handler = {
        let (latch, calls) = (latch.clone(), Arc::clone(&calls));
        move |batch: Batch| {
            let call = calls.fetch_add(1, SeqCst);
            if call != 0 {
                batch.deliveries().iter().for_each(|_| {
                    latch.hit();
                });
            }
            async move {
                assert!(call != 0, "the first batch panics");
                Ok::<_, Error>(batch)
            }
        }
    };
    let layers = stack::high_throughput("database", &fixture.context);
    let consumer = fixture.consumer().layer(layers).batch_handler(handler);
    let report = consumer.run_until(latch.reached(90)).await.unwrap();
    assert_eq!(report.acked, 90);
    assert!(calls.load(SeqCst) < 90, "batches stay together");
}

/// Around a producer: correlation outside, and a deadline that has passed ends the send before it
/// is made.
#[tokio::test(start_paused = true)]
async fn stack_goes_around_a_producer() {
    let fixture = Fixture::new();
    let context = &fixture.context;
    let producer = ServiceBuilder::new()
        .layer(CorrelationLayer::new(context))
        .layer(stack::producer("broker", context))
        .service(fixture.producer());
    let message = Message::new("in time");
    producer.clone().oneshot(message).await.unwrap();
    let late = Message::new("late").deadline(context.clock.wall());
    let error = producer.oneshot(late).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    let taken = fixture.take(&fixture.source()).await;
    let [Delivery { message, .. }] = taken.as_slice() else {
        panic!("{} messages", taken.len());
    };
    assert_eq!(&message.body[..], b"in time");
    assert!(message.details().correlation_id.is_some());
}
