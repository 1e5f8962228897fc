//! Taking messages one by one, and settling them by hand.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::time::Duration;

use relayhouse::prelude::*;

#[tokio::main]
async fn main() -> Result<()> {
    let queue = relayhouse::open("memory://letters").await?;
    for text in ["a letter", "a bill", "an advertisement"] {
        queue.producer().send(text).await?;
    }

    let pull = queue
        .consumer()
        .receive_wait(Duration::from_millis(10))
        .pull()
        .await?;
    while let Some(delivery) = pull.next().await? {
        let text = String::from_utf8_lossy(&delivery.message.body).into_owned();
        let settlement = match text.as_str() {
            "an advertisement" => Settlement::dead_letter("unwanted", "nobody asked for it"),
            "a bill" if delivery.attempt == 1 => Settlement::RELEASE,
            _ => Settlement::Ack,
        };
        println!("attempt {}: {text}: {settlement:?}", delivery.attempt);
        pull.settle(delivery, settlement).await?;
    }
    pull.close().await?;

    let dead = queue.dead_letters()?;
    let count = queue.admin()?.stats(queue.source()).await?.dead;
    println!("{count} on {}", dead.source());
    queue.close().await
}
