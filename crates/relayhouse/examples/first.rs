//! Sends an order, and ships what comes until Ctrl-C.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use relayhouse::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
struct Order {
    id: u64,
    total: u64,
}

#[tokio::main]
async fn main() -> Result<()> {
    let queue = relayhouse::open("memory://orders").await?;
    let order = Order { id: 7, total: 1999 };
    queue.producer().json().send(&order).await?;
    queue
        .consumer()
        .concurrency(64)
        .handler(|Json(order): Json<Order>, attempt: Attempt| async move { ship(&order, attempt) })
        .run_until(ctrl_c())
        .await?;
    Ok(())
}

/// What it returns decides: `Ok` acks, a temporary error comes back later.
fn ship(order: &Order, attempt: Attempt) -> Result<()> {
    if order.total == 0 {
        return Err(Error::new(ErrorKind::Handler, "nothing to ship"));
    }
    println!("attempt {}: shipping {order:?}", attempt.0);
    Ok(())
}
