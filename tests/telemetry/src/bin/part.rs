//! One part of a system of two processes: `part send URL COLLECTOR` or `part handle URL COLLECTOR`.

use std::{io, sync::Arc, time::Duration};

use relayhouse::{
    BoxError, Message, Registry, Result,
    config::Params,
    telemetry::{Settings, Telemetry},
    time,
};
use tokio::sync::Notify;
use tower::{Layer, Service, ServiceExt};

const RECEIVE_WAIT: Duration = Duration::from_secs(1);

#[tokio::main]
async fn main() -> std::result::Result<(), BoxError> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [part, url, collector] = &args[..] else {
        return Err("part send|handle URL COLLECTOR".into());
    };
    let context = time::context()?;
    let settings = Params::from_pairs([
        ("service_name", part.as_str()),
        ("exporter_otlp_endpoint", collector),
        ("exporter_otlp_protocol", "grpc"),
    ]);
    let settings: Settings = settings?.read()?;
    let telemetry = Telemetry::new(&context, &settings)?;
    let registry = Registry::with_context(context).observed(telemetry.observers());
    match part.as_str() {
        "send" => send(&telemetry, &registry, url).await?,
        "handle" => handle(&telemetry, &registry, url).await?,
        other => return Err(io::Error::other(format!("no part is {other}")).into()),
    }
    telemetry.shutdown().await?;
    Ok(())
}

async fn send(telemetry: &Telemetry, registry: &Registry, url: &str) -> Result<()> {
    let queue = registry.open(url).await?;
    let layer = telemetry.create(queue.provider().scheme(), queue.source());
    let mut producer = layer.layer(queue.producer());
    producer
        .ready()
        .await?
        .call(Message::new("an order"))
        .await?;
    queue.close().await
}

async fn handle(telemetry: &Telemetry, registry: &Registry, url: &str) -> Result<()> {
    let queue = registry.open(url).await?;
    let layer = telemetry.process(queue.provider().scheme(), queue.source());
    let done = Arc::new(Notify::new());
    let handled = Arc::clone(&done);
    // A receive that waits is waited for at the end.
    let consumer = queue
        .consumer()
        .receive_wait(RECEIVE_WAIT)
        .layer(layer)
        .handler(move || {
            let handled = Arc::clone(&handled);
            async move { handled.notify_one() }
        });
    consumer.run_until(done.notified()).await?;
    queue.close().await
}
