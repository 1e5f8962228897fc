//! Overload: a consumer asks more of a database than that can do, and then it can do half of that.
//!
//! `cargo run -p relayhouse --example overload --features middleware`
//!
//! The database works on 16 queries at a time, then on 8, then on 16 again. The consumer runs up to
//! 256 handlers, and gives up on a query after half a second; the database works on it all the
//! same. So it soon works on nothing that anybody waits for, until the breaker opens and gives it
//! half a minute of rest, and then again. The stack for high throughput finds how many queries at a
//! time the database can bear; a limit that is right would do as well, for whoever knows it.
//! Time is simulated.
#![cfg_attr(
    not(test),
    expect(clippy::print_stdout, reason = "an example shows what it does")
)]

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use relayhouse::{
    Clock, Event, Instant, Observer, Timestamp,
    middleware::{adaptive::AdaptiveConfig, stack, timeout::TimeoutConfig},
    prelude::*,
    time,
};

pub(crate) const PLACES: [usize; 3] = [16, 8, 16];
const QUERY: Duration = Duration::from_millis(40);
const PART: Duration = Duration::from_secs(20);
const PATIENCE: Duration = Duration::from_millis(500);
const HANDLERS: u32 = 256;
const MESSAGES: u32 = 25_000;

/// Is what came of one part of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    /// The queries that were answered in time.
    pub(crate) answered: u64,
    /// The queries that it worked on in vain.
    pub(crate) in_vain: u64,
    /// How many handlers could run at its end.
    pub(crate) limit: u32,
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<()> {
    for (name, is_adaptive) in [("no limit", false), ("adaptive limit", true)] {
        for (places, part) in PLACES.into_iter().zip(run(is_adaptive).await?) {
            let possible = possible(places);
            let Part {
                answered,
                in_vain,
                limit,
            } = part;
            println!(
                "{name:14}  {places:2} places: {answered:4} of {possible} queries answered, \
                 {in_vain:5} in vain; up to {limit} at a time"
            );
        }
    }
    Ok(())
}

/// Returns how many queries a database with so many places can answer in one part.
pub(crate) fn possible(places: usize) -> u64 {
    let in_turn = PART.as_millis() / QUERY.as_millis();
    places as u64 * u64::try_from(in_turn).unwrap_or_default()
}

/// Serves queries in their order, as many at a time as it has places.
struct Database {
    clock: Arc<dyn Clock>,
    /// When each place is free.
    places: Mutex<Vec<Instant>>,
    answered: AtomicU64,
    in_vain: AtomicU64,
}

impl Database {
    fn places(&self) -> MutexGuard<'_, Vec<Instant>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers a query. It is worked on to its end, whether anybody still waits or not.
    async fn query(&self) {
        let now = self.clock.now();
        let mut end = now;
        if let Some(place) = self.places().iter_mut().min() {
            *place = now.max(*place) + QUERY;
            end = *place;
        }
        let is_in_vain = PATIENCE <= end.since(now);
        let count = if is_in_vain {
            &self.in_vain
        } else {
            &self.answered
        };
        count.fetch_add(1, Relaxed);
        self.clock.sleep_until(end).await;
    }
}

/// Hears of the limit.
#[derive(Debug)]
struct Limit(AtomicU32);

impl Observer for Limit {
    fn observe(&self, _: Instant, events: &[Event<'_>]) {
        for event in events {
            if let Event::LimitChanged { limit, .. } = event {
                self.0.store(*limit, Relaxed);
            }
        }
    }
}

/// Runs all parts, with an adaptive limit or without.
pub(crate) async fn run(is_adaptive: bool) -> Result<Vec<Part>> {
    let limit = Arc::new(Limit(AtomicU32::new(HANDLERS)));
    let context = time::simulated(Timestamp::default(), 7).observer(Arc::clone(&limit) as _);
    let registry = Registry::with_context(context.clone());
    let queue = registry.open("memory://reports").await?;
    let messages = (0..MESSAGES).map(|number| Message::new(number.to_string()));
    for sent in queue.producer().send_all(messages).await {
        sent?;
    }

    let database = Arc::new(Database {
        clock: Arc::clone(&context.clock),
        places: Mutex::new(vec![Instant::START; PLACES[0]]),
        answered: AtomicU64::new(0),
        in_vain: AtomicU64::new(0),
    });
    let asked = Arc::clone(&database);
    let handler = move || {
        let database = Arc::clone(&asked);
        async move { database.query().await }
    };

    let config = stack::ConsumerConfig {
        timeout: TimeoutConfig {
            limit: PATIENCE,
            ..TimeoutConfig::default()
        },
        ..stack::ConsumerConfig::default()
    };
    let consumer = queue.consumer().concurrency(HANDLERS);
    let consumer = if is_adaptive {
        let adaptive = AdaptiveConfig::default();
        let stack = stack::high_throughput_with("reports", config, adaptive, &context);
        consumer.layer(stack).handler(handler)
    } else {
        let stack = stack::consumer_with("reports", config, &context);
        consumer.layer(stack).handler(handler)
    };
    let mut parts = Vec::new();
    let all_parts = async {
        let clock = &context.clock;
        for places in PLACES {
            database.places().resize(places, clock.now());
            clock.sleep_until(clock.now() + PART).await;
            parts.push(Part {
                answered: database.answered.swap(0, Relaxed),
                in_vain: database.in_vain.swap(0, Relaxed),
                limit: limit.0.load(Relaxed),
            });
        }
    };
    consumer.run_until(all_parts).await?;
    Ok(parts)
}
