//! Messages of one key, handled in their order; other keys at the same time.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use relayhouse::prelude::*;
use tokio::sync::mpsc;

const MESSAGES: usize = 12;

#[tokio::main]
async fn main() -> Result<()> {
    let queue = relayhouse::open("memory://accounts").await?;
    for number in 0..MESSAGES {
        let account = ["ada", "bob", "cyd"][number % 3];
        let message = Message::new(format!("booking {number}")).ordering_key(account);
        queue.producer().send(message).await?;
    }

    let (done, mut seen) = mpsc::channel(MESSAGES);
    let book = move |OrderingKey(account): OrderingKey, delivery: Delivery| {
        let done = done.clone();
        async move {
            let text = String::from_utf8_lossy(&delivery.message.body).into_owned();
            // Nobody listens any more after the last one.
            let _ = done.send((account, text)).await;
        }
    };
    let print = async {
        for _ in 0..MESSAGES {
            if let Some((Some(account), text)) = seen.recv().await {
                println!("{account}: {text}");
            }
        }
    };
    queue
        .consumer()
        .concurrency(8)
        .handler(book)
        .run_until(print)
        .await?;
    Ok(())
}
