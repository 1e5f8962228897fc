//! A collector, a queue in memory, and spans in words.

use std::{future::Future, sync::Arc};

use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, KeyValue, any_value::Value},
    trace::v1::Span,
};
use relayhouse::{
    Context, Message, Queue, Registry, Sent,
    config::Params,
    telemetry::{Settings, Telemetry},
    time,
};
use relayhouse_telemetry_tests::Collector;
use tokio::sync::Notify;
use tower::{Layer, Service, ServiceExt};

/// Is a program with telemetry, and where it goes.
pub(crate) struct World {
    pub(crate) collector: Collector,
    pub(crate) telemetry: Telemetry,
    pub(crate) context: Context,
    pub(crate) queue: Queue,
}

impl World {
    /// Makes a world with a queue in memory, and `more` settings.
    pub(crate) async fn new<const N: usize>(more: [(&str, &str); N]) -> Self {
        let collector = Collector::start().await.unwrap();
        let context = time::context().unwrap();
        let telemetry = telemetry(&context, &collector.http(), more);
        let registry = Registry::with_context(context).observed(telemetry.observers());
        let queue = registry.open("memory://orders?lease=30s").await.unwrap();
        Self {
            collector,
            telemetry,
            context: queue.context().clone(),
            queue,
        }
    }

    /// Sends `message` through the layer that gives it a trace.
    pub(crate) async fn send(&self, message: Message) -> Sent {
        let layer = self.telemetry.create("memory", self.queue.source());
        let mut producer = layer.layer(self.queue.producer());
        producer.ready().await.unwrap().call(message).await.unwrap()
    }

    /// Handles `count` deliveries by `handler`.
    pub(crate) async fn handle<F, Fut>(&self, count: usize, handler: F)
    where
        F: Fn(usize) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<(), &'static str>> + Send + 'static,
    {
        let layer = self.telemetry.process("memory", self.queue.source());
        let (done, calls) = (Arc::new(Notify::new()), Arc::new(AtomicCount::default()));
        let notify = Arc::clone(&done);
        let consumer = self.queue.consumer().layer(layer).handler(move || {
            let number = calls.next();
            if number + 1 == count {
                notify.notify_one();
            }
            handler(number)
        });
        let report = consumer.run_until(done.notified()).await.unwrap();
        assert_eq!(report.started, count as u64);
    }

    /// Sends what is left, and returns all spans.
    pub(crate) async fn spans(self) -> Vec<Span> {
        self.queue.close().await.unwrap();
        self.telemetry.shutdown().await.unwrap();
        std::mem::take(&mut self.collector.got().spans)
    }
}

#[derive(Debug, Default)]
struct AtomicCount(std::sync::atomic::AtomicUsize);

impl AtomicCount {
    fn next(&self) -> usize {
        self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst)
    }
}

/// Makes telemetry that goes to `endpoint`.
pub(crate) fn telemetry<const N: usize>(
    context: &Context,
    endpoint: &str,
    more: [(&str, &str); N],
) -> Telemetry {
    let common = Params::from_pairs([("exporter_otlp_endpoint", endpoint)]).unwrap();
    let params = Params::from_pairs(more).unwrap().or(common);
    let settings: Settings = params.read().unwrap();
    Telemetry::new(context, &settings).unwrap()
}

/// Returns the one span of this name.
pub(crate) fn one<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    let found: Vec<_> = spans.iter().filter(|span| span.name == name).collect();
    let names: Vec<_> = spans.iter().map(|span| &span.name).collect();
    assert_eq!(found.len(), 1, "{name} in {names:?}");
    found[0]
}

/// Returns the value of an attribute, in words.
pub(crate) fn attribute(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|pair| pair.key == key)?;
    match &found.value {
        Some(AnyValue { value: Some(value) }) => Some(match value {
            Value::StringValue(text) => text.clone(),
            Value::IntValue(number) => number.to_string(),
            Value::DoubleValue(number) => number.to_string(),
            other => format!("{other:?}"),
        }),
        _ => None,
    }
}
