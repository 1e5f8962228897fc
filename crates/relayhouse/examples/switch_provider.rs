//! One program on any provider: the README's, with the URL from its argument or `RELAYHOUSE_URL`.
//!
//! With nothing said it uses files: `cargo run -p relayhouse --example switch_provider`. Amazon SQS
//! it uses, or `relayhouse emulator sqs` where `AWS_ENDPOINT_URL_SQS` says so, with
//! `--features sqs sqs://us-east-1/orders` behind that, once the queue was created. Azure Service Bus
//! it uses with `--features servicebus servicebus:///orders`, or `relayhouse emulator servicebus`:
//! which of them `RELAYHOUSE_SERVICEBUS_CONNECTION_STRING` says.
#![cfg_attr(
    not(test),
    expect(clippy::print_stdout, reason = "an example shows what it does")
)]
#![expect(clippy::unused_async, reason = "what ships in earnest has to wait")]

use relayhouse::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Order {
    id: u64,
    total: u64,
}

async fn ship(order: Order) -> std::io::Result<()> {
    println!("shipping {}", order.id);
    Ok(())
}

#[tokio::main]
async fn main() -> Result<()> {
    let queue = relayhouse::open(&url()).await?;
    run(&queue, ctrl_c()).await?;
    queue.close().await
}

/// Sends an order, and ships what comes until `end`.
pub(crate) async fn run(
    queue: &Queue,
    end: impl Future<Output = ()>,
) -> Result<relayhouse::runtime::Report> {
    queue
        .producer()
        .json()
        .send(&Order { id: 7, total: 1999 })
        .await?;
    queue
        .consumer()
        .concurrency(64)
        .handler(|Json(order): Json<Order>, attempt: Attempt| async move {
            println!("attempt {}", attempt.0);
            ship(order).await
        })
        .run_until(end)
        .await
}

#[expect(
    clippy::disallowed_methods,
    reason = "what a program reads beyond its typed configuration is its own affair"
)]
fn url() -> String {
    let argument = std::env::args().nth(1);
    let given = argument.or_else(|| std::env::var("RELAYHOUSE_URL").ok());
    given.unwrap_or_else(|| "local:./queues/orders".to_owned())
}
