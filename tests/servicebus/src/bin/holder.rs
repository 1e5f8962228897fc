//! Receives messages of a queue with the full runtime, and holds them until it is killed: for each
//! that a handler has, it prints a line.
#![expect(
    clippy::print_stdout,
    reason = "it is how the test that starts this program hears of a handler"
)]

use std::{error::Error, future::pending, sync::Arc};

use relayhouse_core::{Delivery, QueueName, Source, port::Provider};
use relayhouse_runtime::Consumer;
use relayhouse_servicebus::ServiceBus;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let mut next = || args.next().ok_or("an argument is missing");
    let (connection, queue, handlers) = (next()?, next()?, next()?);
    let context = relayhouse_time::context()?;
    let builder = ServiceBus::builder(context.clone()).connection_string(connection);
    let provider: Arc<dyn Provider> = Arc::new(builder.build()?);
    let source = Source::from(queue.parse::<QueueName>()?);
    let consumer = Consumer::of(provider, source, context)
        .concurrency(handlers.parse()?)
        .handler(|delivery: Delivery| async move {
            println!("{}", delivery.id);
            pending::<()>().await;
        });
    consumer.run_until(pending::<()>()).await?;
    Ok(())
}
