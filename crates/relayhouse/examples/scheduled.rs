//! A message that is held back, and one that is cancelled before its time.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::time::Duration;

use relayhouse::{QueueName, prelude::*};

#[tokio::main]
async fn main() -> Result<()> {
    let queue = relayhouse::open("memory://reminders").await?;
    let reminders = queue.producer();
    let later = Message::new("water the plants").delay(Duration::from_millis(50));
    let never = Message::new("call the dentist").delay(Duration::from_secs(3600));
    reminders.send(later).await?;
    let sent = reminders.send(never).await?;

    if let Some(sequence) = sent.sequence {
        queue
            .admin()?
            .cancel(&QueueName::new("reminders")?, sequence)
            .await?;
        println!("the dentist is cancelled");
    }
    let pull = queue.consumer().pull().await?;
    if let Some(delivery) = pull.next().await? {
        println!("{}", String::from_utf8_lossy(&delivery.message.body));
        pull.settle(delivery, Settlement::Ack).await?;
    }
    let stats = queue.admin()?.stats(queue.source()).await?;
    println!("{} left", stats.ready + stats.delayed);
    pull.close().await
}
