//! Three queues, each handled and sent on to the next, in one process with one drain: what would
//! otherwise be three loops that receive, transform, send, confirm and ack.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::time::Duration;

use relayhouse::prelude::*;
use tokio::sync::mpsc;

#[tokio::main]
async fn main() -> Result<()> {
    let orders = Registry::new()?.open("memory://orders").await?;
    let [payments, parcels, strange] = ["payments", "parcels", "strange"]
        .map(|name| orders.sibling(name.parse::<relayhouse::QueueName>()?));
    let (payments, parcels, strange) = (payments?, parcels?, strange?);
    for name in ["order.created", "order.created", "order.unheard-of"] {
        let order = Message::new("apples").header("type", name);
        orders.producer().send(order).await?;
    }

    // Sends and acks are one here: what is handled is on one of two queues, never on none or both.
    let order = Routes::new()
        .on("order.created", |order: Message| async {
            Settlement::forward("payments", order)
        })
        .otherwise_forward("strange");
    let payment = Routes::new().otherwise(|paid: Message| async {
        println!("paid for {}", String::from_utf8_lossy(&paid.body));
        Outgoing::new().send("parcels", paid)
    });
    let (done, mut shipped) = mpsc::channel(1);
    let parcel = Routes::new().otherwise(move |parcel: Message| {
        println!("shipped {}", String::from_utf8_lossy(&parcel.body));
        let done = done.clone();
        async move { done.send(()).await }
    });
    let both = async {
        shipped.recv().await;
        shipped.recv().await;
    };
    let order_consumer = orders
        .consumer()
        .output(payments.output()?)
        .output(strange.output()?);
    let router = Router::new()
        .concurrency(16)
        .queue(order_consumer, order)
        .share(
            Share::new().weight(3),
            payments.consumer().output(parcels.output()?),
            payment,
        )
        .queue(parcels.consumer(), parcel);
    for (source, report) in router.run_until(both, Duration::from_secs(5)).await? {
        println!("{source}: {} handled", report.acked);
    }
    Ok(())
}
