//! No body, receipt, credential or text of a handler leaves with telemetry.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use relayhouse::{
    Message, Registry, Settlement,
    telemetry::{Emf, Log, Tee, prometheus},
};
use tracing_subscriber::{Layer, filter::Targets, fmt::MakeWriter, layer::SubscriberExt};

use crate::fixture::World;

/// What must be nowhere.
const CANARY: &str = "CANARY";

/// Keeps every line of a log.
#[derive(Clone, Debug, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn canary_is_in_no_span_metric_or_log() {
    let headers = "authorization=CANARY-token";
    let world = World::new([("exporter_otlp_headers", headers)]).await;
    let lines = Lines::default();
    let levels = Targets::new().with_target("relayhouse_telemetry", tracing::Level::TRACE);
    let formatted = tracing_subscriber::fmt::layer().with_writer(lines.clone());
    let subscriber = tracing_subscriber::registry()
        .with(world.telemetry.layer(&levels))
        .with(formatted.with_filter(levels));
    let _subscribed = tracing::subscriber::set_default(subscriber);
    let observers = world.telemetry.observers();
    let registry = Registry::with_context(world.context.clone())
        .observed(move |scheme| Arc::new(Tee::new([observers(scheme), Arc::new(Log)])));
    let queue = registry.open("memory://secrets").await.unwrap();
    let message = Message::new("CANARY-body").header("token", "CANARY-header");
    let message = message.ordering_key("tenant-7");
    queue.producer().send(message).await.unwrap();
    let receipt = {
        let pull = queue.consumer().pull().await.unwrap();
        let delivery = pull.next().await.unwrap().unwrap();
        let receipt = delivery.receipt.to_string();
        let release = Settlement::Release {
            delay: std::time::Duration::ZERO,
        };
        pull.settle(delivery, release).await.unwrap();
        pull.close().await.unwrap();
        receipt
    };
    let done = Arc::new(tokio::sync::Notify::new());
    let notify = Arc::clone(&done);
    let layer = world.telemetry.process("memory", queue.source());
    let consumer = queue.consumer().layer(layer).handler(move || {
        notify.notify_one();
        async { Err::<(), _>("CANARY-error") }
    });
    consumer.run_until(done.notified()).await.unwrap();
    let snapshot = world.telemetry.metrics().snapshot();
    let mut shown = prometheus::render(&snapshot);
    shown.extend(Emf::new("orders").render(&snapshot));
    shown += &format!("{:?} {snapshot:?}", world.telemetry);
    assert!(!shown.contains(CANARY), "{shown}");
    queue.close().await.unwrap();
    world.queue.close().await.unwrap();
    world.telemetry.shutdown().await.unwrap();
    let got = world.collector.got();
    assert!(!got.spans.is_empty() && !got.logs.is_empty() && !got.metrics.is_empty());
    assert!(
        got.authorizations
            .iter()
            .flatten()
            .all(|it| it == "CANARY-token")
    );
    for bytes in &got.bytes {
        assert!(!holds(bytes, CANARY));
        assert!(!holds(bytes, &receipt), "{receipt}");
    }
    let lines = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(
        lines.contains("handler failed") && lines.contains("delivery received"),
        "{lines}"
    );
    let failed = lines.lines().find(|line| line.contains("handler failed"));
    assert!(failed.unwrap().contains("tenant-7"), "{lines}");
    assert!(
        !lines.contains(CANARY) && !lines.contains(&receipt),
        "{lines}"
    );
}
