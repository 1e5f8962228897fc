//! A policy whose delivery is due while the worker looks, on a thread that was held up.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use relayhouse_core::{
    Context, Delivery, Instant, SeededRandom, Text, Timestamp,
    port::{Choice, Dispatch, DispatchLine},
};
use relayhouse_testkit::clock::ManualClock;
use tokio::task::yield_now;

use crate::fixture::{Fixture, Latch};

/// As many turns as the consumer may need to come to rest.
const TURNS: usize = 100;
/// What a delivery waits for: more than a worker's turn.
const WAIT: Duration = Duration::from_millis(5);

/// Lets one delivery start after a while, once it is open.
#[derive(Clone, Debug)]
struct Late {
    clock: ManualClock,
    is_open: Arc<AtomicBool>,
    key: Option<Text>,
    until: Option<Instant>,
}

impl Dispatch for Late {
    fn line(&self) -> Box<dyn DispatchLine> {
        Box::new(self.clone())
    }
}

impl DispatchLine for Late {
    fn key(&self, _: &Delivery) -> Text {
        Text::from_static("all")
    }

    fn push(&mut self, key: &Text, _: &Delivery) {
        self.key = Some(key.clone());
    }

    fn remove_last(&mut self, _: &Text) {
        self.key = None;
    }

    fn choose(&mut self, now: Instant) -> Choice {
        let key = self.key.clone().filter(|_| self.is_open.load(SeqCst));
        let Some(key) = key else {
            return Choice::Nothing;
        };
        let until = *self.until.get_or_insert_with(|| {
            // The time goes by before the worker can wait for it.
            self.clock.advance(2 * WAIT);
            now + WAIT
        });
        if now < until {
            Choice::Wait(until)
        } else {
            Choice::Start(key)
        }
    }

    fn start(&mut self, _: &Text, _: Instant) {
        self.key = None;
    }

    fn end(&mut self, _: &Text) {}
}

async fn rest() {
    for _ in 0..TURNS {
        yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn delivery_that_is_due_after_the_turn_starts_in_the_next() {
    let clock = ManualClock::new(Timestamp::from_micros(1_700_000_000_000_000));
    let random = Arc::new(SeededRandom::new(7));
    let fixture = Fixture::with_context(Context::new(Arc::new(clock.clone()), random));
    fixture.send(["order"]).await;
    let policy = Late {
        clock,
        is_open: Arc::default(),
        key: None,
        until: None,
    };
    let is_open = Arc::clone(&policy.is_open);
    let latch = Latch::default();
    let started = latch.clone();
    let consumer = fixture.consumer().dispatch(policy).handler(move || {
        latch.hit();
        async {}
    });
    let running = consumer.start().await.unwrap();
    rest().await;
    assert_eq!(running.report().received, 1);
    is_open.store(true, SeqCst);
    // The workers look again, and receive nothing.
    running.pause();
    rest().await;
    assert_eq!(started.count(), 1);
    running.shutdown(Duration::from_secs(1)).await.unwrap();
}
