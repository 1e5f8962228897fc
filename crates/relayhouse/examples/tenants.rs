//! Tenants with fair shares: one of four sends a hundred times as much as each of the others.
//!
//! `cargo run -p relayhouse --example tenants --features middleware`
//!
//! In the order of arrival the others wait behind all that the busy tenant has sent before them.
//! With the policy for fair shares tenants take turns: those with little are soon done, and the
//! busy one loses nothing, since it has the handlers that nobody else needs. Time is simulated.
#![cfg_attr(
    not(test),
    expect(clippy::print_stdout, reason = "an example shows what it does")
)]

use std::{collections::BTreeMap, num::NonZeroU32, sync::Arc, time::Duration};

use relayhouse::{
    Instant, Timestamp, middleware::fair::Fair, prelude::*, runtime::ConsumerConfig, time,
};
use tokio::sync::mpsc;

const HANDLERS: NonZeroU32 = NonZeroU32::new(8).unwrap();
const WORK: Duration = Duration::from_millis(10);
const TENANTS: [(&str, u32); 4] = [("busy", 5_000), ("ada", 50), ("bob", 50), ("cyd", 50)];

/// Is when the last message of each tenant was done.
pub(crate) type Ends = BTreeMap<String, Duration>;

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<()> {
    let (in_order, fair) = (run(false).await?, run(true).await?);
    println!("{HANDLERS} handlers, {WORK:?} for each message; all is done after");
    println!("tenant  messages  in order of arrival  in fair shares");
    for (tenant, messages) in TENANTS {
        let [in_order, fair] = [&in_order, &fair].map(|ends| ends.get(tenant).copied());
        let (in_order, fair) = (in_order.unwrap_or_default(), fair.unwrap_or_default());
        println!(
            "{tenant:6}  {messages:8}  {:17.2} s  {:12.2} s",
            in_order.as_secs_f64(),
            fair.as_secs_f64()
        );
    }
    Ok(())
}

/// Handles all messages, and returns when each tenant's were done.
pub(crate) async fn run(is_fair: bool) -> Result<Ends> {
    let context = time::simulated(Timestamp::default(), 7);
    let registry = Registry::with_context(context.clone());
    let queue = registry.open("memory://jobs").await?;
    let messages = TENANTS.into_iter().flat_map(|(tenant, messages)| {
        let message = Message::new("print a report").header("tenant", tenant);
        (0..messages).map(move |_| message.clone())
    });
    let total = TENANTS.iter().map(|(_, messages)| messages).sum();
    for sent in queue.producer().send_all(messages).await {
        sent?;
    }

    let (done, mut seen) = mpsc::channel(usize::try_from(total).unwrap_or(usize::MAX));
    let clock = Arc::clone(&context.clock);
    let handler = move |message: Message| {
        let (done, clock) = (done.clone(), Arc::clone(&clock));
        async move {
            clock.sleep_until(clock.now() + WORK).await;
            let tenant = message.headers().text("tenant").unwrap_or_default();
            // Nobody counts any more after the last one.
            let _ = done.send(tenant.to_owned()).await;
        }
    };
    let mut ends = Ends::new();
    let all_done = async {
        for _ in 0..total {
            if let Some(tenant) = seen.recv().await {
                let end = context.clock.now().since(Instant::START);
                ends.insert(tenant, end);
            }
        }
    };
    // A policy chooses among what was received: as much as the busy tenant is ahead.
    let config = ConsumerConfig {
        concurrency: HANDLERS,
        prefetch_max: total,
        prefetch_window: Duration::from_secs(60),
        ..ConsumerConfig::default()
    };
    let consumer = queue.consumer().config(config);
    let consumer = if is_fair {
        consumer.dispatch(Fair::by_header("tenant"))
    } else {
        consumer
    };
    consumer.handler(handler).run_until(all_done).await?;
    Ok(ends)
}
