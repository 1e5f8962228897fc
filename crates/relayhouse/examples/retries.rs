//! Retries and dead letters: a hundred orders go to a warehouse that fails one call in five.
//!
//! `cargo run -p relayhouse --example retries --features middleware`
//!
//! Around the handler is the recommended stack. A call that may do better is made again, in the
//! process or by a redelivery, five times in all. What has not passed by then is put aside with its
//! reason, and what can never pass at once. Then the shelf is filled, and the dead letters are sent
//! back. Time is simulated: the waits between the tries take none of yours.
#![cfg_attr(
    not(test),
    expect(clippy::print_stdout, reason = "an example shows what it does")
)]

use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use relayhouse::{
    Instant, Timestamp,
    middleware::{
        fault::{FaultConfig, FaultLayer},
        stack,
    },
    port::Redrive,
    prelude::*,
    time,
};

const ORDERS: u32 = 100;
/// The order that nothing is on the shelf for.
const OUT_OF_STOCK: u32 = 13;

/// Is how it went.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) shipped: u64,
    pub(crate) calls: u64,
    pub(crate) calls_failed: u64,
    pub(crate) took: Duration,
    pub(crate) dead_letters: Vec<String>,
    pub(crate) shipped_later: u64,
    pub(crate) dead_again: u64,
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<()> {
    let outcome = run().await?;
    println!("{ORDERS} orders, and a message that is none");
    println!(
        "{} shipped, by {} calls, of which {} failed by chance; in {:.1?} of simulated time",
        outcome.shipped, outcome.calls, outcome.calls_failed, outcome.took
    );
    for letter in &outcome.dead_letters {
        println!("dead letter: {letter}");
    }
    println!(
        "the shelf is filled and the dead letters are sent back: {} shipped, {} dead again",
        outcome.shipped_later, outcome.dead_again
    );
    Ok(())
}

pub(crate) async fn run() -> Result<Outcome> {
    let context = time::simulated(Timestamp::default(), 7);
    let registry = Registry::with_context(context.clone());
    let queue = registry.open("memory://orders").await?;
    for order in 1..=ORDERS {
        queue.producer().json().send(&order).await?;
    }
    queue.producer().send("a dozen of each, please").await?;

    let fail = FaultConfig {
        fail: 0.2,
        ..FaultConfig::default()
    };
    let faults = FaultLayer::new(fail, 7, &context);
    let is_filled = Arc::new(AtomicBool::new(false));
    let shelf = Arc::clone(&is_filled);
    let ship = move |Json(order): Json<u32>| {
        let is_there = order != OUT_OF_STOCK || shelf.load(Ordering::Relaxed);
        async move {
            if is_there {
                return Ok(());
            }
            let text = format!("nothing is on the shelf for order {order}");
            Err(Error::new(ErrorKind::Handler, text))
        }
    };
    let consumer = || {
        let stack = stack::consumer("warehouse", &context);
        let consumer = queue.consumer().layer(stack).layer(faults.clone());
        consumer.handler(ship.clone())
    };
    let report = consumer().run_until(until_empty(&queue)).await?;
    let (counts, took) = (faults.counts(), context.clock.now().since(Instant::START));
    let dead_letters = dead_letters(&queue).await?;

    is_filled.store(true, Ordering::Relaxed);
    faults.set(FaultConfig::default());
    let admin = queue.admin()?;
    admin.redrive(queue.source(), &Redrive::default()).await?;
    let later = consumer().run_until(until_empty(&queue)).await?;
    Ok(Outcome {
        shipped: report.acked,
        calls: counts.calls,
        calls_failed: counts.failed,
        took,
        dead_letters,
        shipped_later: later.acked,
        dead_again: later.dead_lettered,
    })
}

/// Waits until nothing is left to handle.
async fn until_empty(queue: &Queue) -> Result<()> {
    let (admin, clock) = (queue.admin()?, &queue.context().clock);
    loop {
        let stats = admin.stats(queue.source()).await?;
        if stats.live() == 0 {
            return Ok(());
        }
        let soon = clock.now() + Duration::from_millis(100);
        clock.sleep_until(soon).await;
    }
}

/// Tells what was put aside, and why, without taking it.
async fn dead_letters(queue: &Queue) -> Result<Vec<String>> {
    let source = queue.source().dead_letters();
    let max = NonZeroU32::MIN.saturating_add(9);
    let letters = queue.admin()?.peek(&source, 0, max).await?;
    let told = letters.into_iter().filter_map(|letter| {
        let body = String::from_utf8_lossy(&letter.message.body);
        let envelope = letter.envelope.as_ref()?;
        let why = &envelope.dead_letter;
        Some(format!("{body}: {}, {}", why.reason, why.description))
    });
    Ok(told.collect())
}
