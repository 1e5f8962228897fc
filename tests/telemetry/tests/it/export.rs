//! Metrics and logs at a collector, by both ways.

use opentelemetry_proto::tonic::metrics::v1::{Metric, metric::Data, number_data_point::Value};
use relayhouse::{
    Message, Registry, Settlement,
    telemetry::{Metric as Ours, Metrics, prometheus},
    time,
};
use relayhouse_telemetry_tests::Collector;
use servicebus_emulator::{ServiceBusEmulator, model::QueueSettings};
use tracing_subscriber::{filter::Targets, layer::SubscriberExt};

use crate::{
    fixture::{World, attribute, telemetry},
    processes::quoted,
};

/// Returns the sum of a counter, or of how many values a histogram has.
fn sum(metrics: &[Metric], name: &str) -> f64 {
    let metric = metrics.iter().find(|metric| metric.name == name);
    match metric.and_then(|metric| metric.data.as_ref()) {
        Some(Data::Sum(sum)) => {
            let points = sum.data_points.iter().filter_map(|point| point.value);
            let values = points.map(|value| match value {
                Value::AsDouble(number) => number,
                Value::AsInt(_) => f64::NAN,
            });
            values.sum()
        }
        Some(Data::Histogram(histogram)) => {
            let counts = histogram.data_points.iter().map(|point| point.count);
            f64::from(u32::try_from(counts.sum::<u64>()).unwrap())
        }
        other => panic!("{name}: {other:?}"),
    }
}

/// Sends and settles two messages, and logs a line, with what goes to `endpoint` by `protocol`.
async fn program(endpoint: &str, protocol: &str) {
    let settings = [
        ("exporter_otlp_protocol", protocol),
        ("exporter_otlp_headers", "authorization=Bearer%20token"),
        ("service_name", "orders"),
    ];
    let context = time::context().unwrap();
    let telemetry = telemetry(&context, endpoint, settings);
    let levels = Targets::new().with_default(tracing::Level::INFO);
    let subscriber = tracing_subscriber::registry().with(telemetry.layer(&levels));
    let registry = Registry::with_context(context).observed(telemetry.observers());
    let queue = registry.open("memory://orders").await.unwrap();
    for body in ["a", "b"] {
        queue.producer().send(Message::new(body)).await.unwrap();
    }
    let pull = queue.consumer().pull().await.unwrap();
    for _ in 0..2 {
        let delivery = pull.next().await.unwrap().unwrap();
        pull.settle(delivery, Settlement::Ack).await.unwrap();
    }
    pull.close().await.unwrap();
    tracing::subscriber::with_default(subscriber, || {
        tracing::warn!(queue = "orders", "disk is nearly full");
        tracing::debug!("too quiet");
    });
    queue.close().await.unwrap();
    telemetry.shutdown().await.unwrap();
}

#[tokio::test]
async fn both_ways_bring_the_same() {
    for protocol in ["grpc", "http/protobuf"] {
        let collector = Collector::start().await.unwrap();
        let endpoint = match protocol {
            "grpc" => collector.grpc(),
            _ => collector.http(),
        };
        program(&endpoint, protocol).await;
        let got = collector.got();
        for (name, expected) in [
            ("messaging.client.sent.messages", 2.0),
            ("messaging.client.consumed.messages", 2.0),
            ("relayhouse.settled.messages", 2.0),
            ("relayhouse.message.duration", 2.0),
        ] {
            let found = sum(&got.metrics, name);
            assert!(found == expected, "{protocol} {name}: {found}");
        }
        let [log] = &got.logs[..] else {
            panic!("{protocol}: {:?}", got.logs);
        };
        assert_eq!(log.severity_text, "WARN");
        assert_eq!(
            attribute(&log.attributes, "queue").as_deref(),
            Some("orders")
        );
        let token = Some("Bearer token".to_owned());
        assert!(
            got.authorizations.iter().all(|it| *it == token),
            "{protocol}"
        );
        assert!(!got.authorizations.is_empty());
    }
}

#[tokio::test]
async fn prometheus_shows_what_a_collector_gets() {
    let world = World::new([]).await;
    world.send(Message::new("an order")).await;
    world.handle(1, |_| async { Ok(()) }).await;
    let text = prometheus::render(&world.telemetry.metrics().snapshot());
    let line = r#"relayhouse_settled_messages_total{messaging_system="memory",messaging_destination_name="orders",relayhouse_settlement="ack"} 1"#;
    assert!(text.contains(line), "{text}");
    world.spans().await;
}

#[tokio::test]
async fn collector_that_is_gone_is_told_of_at_the_end() {
    let collector = Collector::start().await.unwrap();
    let endpoint = collector.http();
    drop(collector);
    let context = time::context().unwrap();
    let telemetry = telemetry(&context, &endpoint, []);
    let error = telemetry.shutdown().await.unwrap_err();
    assert_eq!(error.kind(), relayhouse::ErrorKind::Unavailable);
}

#[tokio::test]
async fn connections_are_counted_and_what_they_lead_to_is_named() {
    let emulator = ServiceBusEmulator::builder().queue("orders", QueueSettings::default());
    let emulator = emulator.start().await.unwrap();
    let metrics = Metrics::new(time::context().unwrap().clock);
    let seen = metrics.clone();
    let registry = Registry::with_context(time::context().unwrap());
    let registry = registry.observed(move |scheme| seen.observer(scheme));
    let url = format!(
        "servicebus:///orders?connection_string={}&connect_timeout=200ms",
        quoted(&emulator.connection_string()),
    );
    let queue = registry.open(&url).await.unwrap();
    queue.producer().send("an order").await.unwrap();
    let sum = |metric| metrics.snapshot().sum(metric, &[]);
    assert_eq!((sum(Ours::Connects), sum(Ours::Connections)), (1, 1));
    let shown = format!("{:?}", metrics.snapshot());
    assert!(!shown.contains("SharedAccessKey"), "{shown}");
    queue.close().await.unwrap();
    queue.provider().close().await.unwrap();
    assert_eq!((sum(Ours::Connects), sum(Ours::Connections)), (1, 0));
    emulator.close().await;
    let queue = registry.open(&url).await.unwrap();
    queue.producer().send("an order").await.unwrap_err();
    assert!(1 <= sum(Ours::ConnectFailures));
    let point = metrics.snapshot();
    let point = point.of(Ours::ConnectFailures).next().unwrap();
    assert!(point.attribute("server.address").is_some());
}
