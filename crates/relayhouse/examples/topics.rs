//! A topic with two subscriptions: each has every message, its consumers share them.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use relayhouse::prelude::*;
use tokio::sync::mpsc;

const MESSAGES: usize = 5;

#[tokio::main]
async fn main() -> Result<()> {
    let registry = Registry::new()?;
    let audit = registry.open("memory://orders/subscriptions/audit").await?;
    let mail = registry.open("memory://orders/subscriptions/mail").await?;
    let (audited, mailed) = (one_by_one(&audit, "audit"), one_by_one(&mail, "mail"));

    let topic = registry.open("memory://orders").await?;
    let send = async {
        // A subscription has what is sent after it was created, which its consumer does.
        for queue in [&audit, &mail] {
            queue
                .admin()?
                .create(&queue.source().entity, &Default::default())
                .await?;
        }
        for number in 0..MESSAGES {
            topic.producer().send(format!("order {number}")).await?;
        }
        Ok(())
    };
    tokio::try_join!(send, audited, mailed)?;
    Ok(())
}

async fn one_by_one(queue: &Queue, name: &'static str) -> Result<()> {
    let (done, mut seen) = mpsc::channel(MESSAGES);
    let print = move |delivery: Delivery| {
        let done = done.clone();
        async move {
            println!(
                "{name}: {}",
                String::from_utf8_lossy(&delivery.message.body)
            );
            // Nobody counts any more after the last one.
            let _ = done.send(()).await;
        }
    };
    let all_seen = async {
        for _ in 0..MESSAGES {
            seen.recv().await;
        }
    };
    queue.consumer().handler(print).run_until(all_seen).await?;
    Ok(())
}
