//! Traces: one from the producer to the settlement, links of batches, and what is not sampled.

use std::{sync::Arc, time::Duration};

use opentelemetry::{baggage::BaggageExt, trace::TraceContextExt};
use opentelemetry_proto::tonic::trace::v1::{Span, span::SpanKind};
use relayhouse::{
    Message, Outgoing, Queue, Registry, Settlement,
    telemetry::{SCHEMA_URL, TraceContext},
};
use tokio::sync::Notify;

use crate::fixture::{World, attribute, one, telemetry};

fn ids(span: &Span) -> TraceContext {
    let number = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(0, |sum, byte| sum << 8 | u128::from(*byte))
    };
    TraceContext {
        trace_id: number(&span.trace_id),
        span_id: u64::try_from(number(&span.span_id)).unwrap(),
        is_sampled: true,
    }
}

fn is_within(span: &Span, parent: &Span) -> bool {
    span.trace_id == parent.trace_id && span.parent_span_id == parent.span_id
}

fn links(span: &Span) -> Vec<&[u8]> {
    span.links.iter().map(|link| &link.span_id[..]).collect()
}

#[tokio::test]
async fn one_trace_runs_from_the_producer_to_the_settlement() {
    let world = World::new([]).await;
    world
        .send(Message::new("an order").correlation_id("exchange-1"))
        .await;
    world.handle(1, |_| async { Ok(()) }).await;
    let spans = world.spans().await;
    let create = one(&spans, "create orders");
    assert!(create.parent_span_id.is_empty());
    let id = attribute(
        &one(&spans, "send orders").attributes,
        "messaging.message.id",
    );
    assert!(id.is_some());
    let expected = [
        ("create orders", SpanKind::Producer, "create"),
        ("send orders", SpanKind::Client, "send"),
        ("receive orders", SpanKind::Client, "receive"),
        ("process orders", SpanKind::Consumer, "process"),
        ("ack orders", SpanKind::Client, "settle"),
    ];
    for (name, kind, operation) in expected {
        let span = one(&spans, name);
        assert_eq!(span.trace_id, create.trace_id, "{name}");
        assert_eq!(span.kind, i32::from(kind), "{name}");
        assert!(
            span.start_time_unix_nano <= span.end_time_unix_nano,
            "{name}"
        );
        let of = |key| attribute(&span.attributes, key);
        assert_eq!(of("messaging.system").as_deref(), Some("memory"));
        assert_eq!(of("messaging.destination.name").as_deref(), Some("orders"));
        assert_eq!(of("messaging.operation.type").as_deref(), Some(operation));
        let action = name.split(' ').next();
        assert_eq!(of("messaging.operation.name").as_deref(), action);
        if name != "create orders" {
            assert_eq!(of("messaging.message.id"), id, "{name}");
            assert!(is_within(span, create), "{name}");
            assert_eq!(links(span), [&create.span_id[..]], "{name}");
        }
    }
    let process = one(&spans, "process orders");
    let of = |key| attribute(&process.attributes, key);
    assert_eq!(of("relayhouse.attempt").as_deref(), Some("1"));
    assert_eq!(of("relayhouse.outcome").as_deref(), Some("ack"));
    assert_eq!(
        of("messaging.message.conversation_id").as_deref(),
        Some("exchange-1")
    );
    let left: f64 = of("relayhouse.lease.left").unwrap().parse().unwrap();
    assert!((29.0..=30.0).contains(&left), "{left}");
    assert!(SCHEMA_URL.ends_with("1.44.0"));
}

#[tokio::test]
async fn trace_runs_through_two_runtimes() {
    let world = World::new([]).await;
    let other = Registry::with_context(world.context.clone());
    let invoices = world
        .queue
        .sibling(relayhouse::Source::queue("invoices".parse().unwrap()));
    let invoices: Queue = invoices.unwrap();
    drop(other);
    world.send(Message::new("an order")).await;
    let create = Arc::new(world.telemetry.create("memory", invoices.source()));
    let producer = invoices.producer();
    // The first runtime handles the order and sends an invoice, which the second handles.
    let handler = move |_| {
        let (create, producer) = (Arc::clone(&create), producer.clone());
        async move {
            use tower::{Layer, Service, ServiceExt};
            let mut producer = create.layer(producer);
            let producer = producer.ready().await.map_err(|_| "not ready")?;
            producer
                .call(Message::new("an invoice"))
                .await
                .map_err(|_| "not sent")?;
            Ok(())
        }
    };
    world.handle(1, handler).await;
    let done = Arc::new(Notify::new());
    let notify = Arc::clone(&done);
    let layer = world.telemetry.process("memory", invoices.source());
    let consumer = invoices.consumer().layer(layer).handler(move || {
        notify.notify_one();
        async {}
    });
    consumer.run_until(done.notified()).await.unwrap();
    let spans = world.spans().await;
    let process = one(&spans, "process orders");
    let create = one(&spans, "create invoices");
    assert!(is_within(create, process));
    assert!(is_within(one(&spans, "process invoices"), create));
    assert!(is_within(one(&spans, "ack invoices"), create));
    let trace_id = &one(&spans, "create orders").trace_id;
    assert!(spans.iter().all(|span| span.trace_id == *trace_id));
}

#[tokio::test]
async fn answer_that_sends_carries_the_trace_on() {
    let world = World::new([]).await;
    let source = relayhouse::Source::queue("invoices".parse().unwrap());
    let invoices = world.queue.sibling(source).unwrap();
    world.send(Message::new("an order")).await;
    let done = Arc::new(Notify::new());
    let notify = Arc::clone(&done);
    let layer = world.telemetry.process("memory", world.queue.source());
    let consumer = world.queue.consumer().output(invoices.output().unwrap());
    let consumer = consumer.layer(layer).handler(move || {
        notify.notify_one();
        async { Outgoing::new().send("invoices", Message::new("an invoice")) }
    });
    let report = consumer.run_until(done.notified()).await.unwrap();
    assert_eq!((report.acked, report.failed), (1, 0), "{report:?}");
    let pull = invoices.consumer().pull().await.unwrap();
    let delivery = pull.next().await.unwrap().unwrap();
    let header = delivery.message.headers().text("traceparent").unwrap();
    let header = TraceContext::parse(header).unwrap();
    pull.settle(delivery, Settlement::Ack).await.unwrap();
    pull.close().await.unwrap();
    let spans = world.spans().await;
    let process = one(&spans, "process orders");
    assert_eq!(header, ids(process));
    assert!(is_within(one(&spans, "send invoices"), process));
}

#[tokio::test]
async fn batch_has_a_link_for_each_message() {
    let world = World::new([]).await;
    for _ in 0..3 {
        world.send(Message::new("an order")).await;
    }
    let done = Arc::new(Notify::new());
    let notify = Arc::clone(&done);
    let layer = world.telemetry.process("memory", world.queue.source());
    let consumer = world.queue.consumer().batch_max(10).layer(layer);
    let consumer = consumer.batch_handler(move |batch: relayhouse::runtime::Batch| {
        notify.notify_one();
        async move { Ok::<_, relayhouse::Error>(batch) }
    });
    let report = consumer.run_until(done.notified()).await.unwrap();
    assert_eq!(report.acked, 3);
    let spans = world.spans().await;
    let created = spans.iter().filter(|span| span.name == "create orders");
    let mut created: Vec<_> = created.map(|span| &span.span_id[..]).collect();
    created.sort_unstable();
    assert_eq!(created.len(), 3);
    for name in ["receive orders", "process orders", "ack orders"] {
        let span = one(&spans, name);
        assert!(
            span.parent_span_id.is_empty(),
            "{name}: a batch belongs to no one message"
        );
        let mut linked = links(span);
        linked.sort_unstable();
        assert_eq!(linked, created, "{name}");
        let count = attribute(&span.attributes, "messaging.batch.message_count");
        assert_eq!(count.as_deref(), Some("3"), "{name}");
    }
}

#[tokio::test]
async fn what_is_not_sampled_makes_no_span_anywhere() {
    let sampler = [
        ("traces_sampler", "parentbased_traceidratio"),
        ("traces_sampler_arg", "0"),
    ];
    let world = World::new(sampler).await;
    world.send(Message::new("an order")).await;
    let collector = world.collector.http();
    // The consumer would record everything that nobody has decided on.
    let eager = telemetry(&world.context, &collector, [("service_name", "eager")]);
    let done = Arc::new(Notify::new());
    let notify = Arc::clone(&done);
    let layer = eager.process("memory", world.queue.source());
    let seen = Arc::new(std::sync::Mutex::new(None));
    let keep = Arc::clone(&seen);
    let consumer =
        world
            .queue
            .consumer()
            .layer(layer)
            .handler(move |headers: relayhouse::Headers| {
                let header = headers.text("traceparent").map(ToOwned::to_owned);
                *keep.lock().unwrap() = header;
                notify.notify_one();
                async {}
            });
    consumer.run_until(done.notified()).await.unwrap();
    eager.shutdown().await.unwrap();
    let header = seen.lock().unwrap().take().unwrap();
    assert!(header.ends_with("-00"), "the decision travels: {header}");
    assert_eq!(world.spans().await.len(), 0);
}

#[tokio::test]
async fn failure_is_on_the_span_by_its_kind() {
    let world = World::new([]).await;
    world.send(Message::new("an order")).await;
    world
        .handle(1, |_| async { Err("the canary is dead") })
        .await;
    let spans = world.spans().await;
    let process = one(&spans, "process orders");
    let status = process.status.as_ref().unwrap();
    assert_eq!((status.code, status.message.as_str()), (2, "handler"));
    let of = |key| attribute(&process.attributes, key);
    assert_eq!(of("error.type").as_deref(), Some("handler"));
    assert_eq!(of("relayhouse.outcome").as_deref(), Some("error"));
    one(&spans, "release orders");
}

#[tokio::test]
async fn extension_of_a_lease_is_a_part_of_the_trace() {
    let world = World::new([]).await;
    let short = Registry::with_context(world.context.clone());
    let short = short.observed(world.telemetry.observers());
    let queue = short.open("memory://slow?lease=200ms").await.unwrap();
    let layer = world.telemetry.create("memory", queue.source());
    {
        use tower::{Layer, Service, ServiceExt};
        let mut producer = layer.layer(queue.producer());
        let producer = producer.ready().await.unwrap();
        producer.call(Message::new("an order")).await.unwrap();
    }
    let (done, clock) = (Arc::new(Notify::new()), Arc::clone(&world.context.clock));
    let notify = Arc::clone(&done);
    let layer = world.telemetry.process("memory", queue.source());
    let consumer = queue.consumer().layer(layer).handler(move || {
        let (notify, clock) = (Arc::clone(&notify), Arc::clone(&clock));
        async move {
            // The lease is extended when half of it is over: real time, since the collector has none
            // but that.
            clock
                .sleep_until(clock.now() + Duration::from_millis(150))
                .await;
            notify.notify_one();
        }
    });
    consumer.run_until(done.notified()).await.unwrap();
    queue.close().await.unwrap();
    let spans = world.spans().await;
    let create = one(&spans, "create slow");
    let extended = spans.iter().filter(|span| span.name == "extend slow");
    let extended: Vec<_> = extended.collect();
    assert!(!extended.is_empty());
    assert!(extended.iter().all(|span| is_within(span, create)));
}

#[tokio::test]
async fn baggage_and_state_travel_through_a_handler() {
    let world = World::new([]).await;
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let message = Message::new("an order")
        .header("traceparent", parent)
        .header("tracestate", "vendor=1")
        .header("baggage", "tenant=acme");
    world.send(message).await;
    let handler = |_| async {
        let context = opentelemetry::Context::current();
        let tenant = context
            .baggage()
            .get("tenant")
            .map(|it| it.as_str() == "acme");
        let state = context.span().span_context().trace_state().header();
        match (tenant, state.as_str()) {
            (Some(true), "vendor=1") => Ok(()),
            _ => Err("lost"),
        }
    };
    world.handle(1, handler).await;
    let spans = world.spans().await;
    assert!(
        spans.iter().all(|span| span.name != "create orders"),
        "it had a trace"
    );
    let process = one(&spans, "process orders");
    assert_eq!(
        process.status.as_ref().map(|it| it.code),
        Some(0),
        "{process:?}"
    );
    let parent = TraceContext::parse(parent).unwrap();
    assert_eq!(ids(process).trace_id, parent.trace_id);
    assert_eq!(process.parent_span_id, parent.span_id.to_be_bytes());
    assert_eq!(process.trace_state, "vendor=1");
}

#[tokio::test]
async fn traces_of_others_are_joined() {
    let world = World::new([]).await;
    let amazon = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
    let azure = "00-aaf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    for (key, value) in [("X-Amzn-Trace-Id", amazon), ("Diagnostic-Id", azure)] {
        let message = Message::new("an order").header(key, value);
        world.queue.producer().send(message).await.unwrap();
    }
    world.handle(2, |_| async { Ok(()) }).await;
    let spans = world.spans().await;
    let processes = spans.iter().filter(|span| span.name == "process orders");
    let mut traces: Vec<_> = processes
        .map(|span| format!("{:032x}", ids(span).trace_id))
        .collect();
    traces.sort_unstable();
    let expected = [
        "5759e988bd862e3fe1be46a994272793",
        "aaf92f3577b34da6a3ce929d0e0e4736",
    ];
    assert_eq!(traces, expected);
}

#[tokio::test]
async fn baggage_travels_without_a_trace_too() {
    for sampler in ["always_on", "always_off"] {
        let world = World::new([("traces_sampler", sampler)]).await;
        let message = Message::new("an order").header("baggage", "tenant=acme");
        world.queue.producer().send(message).await.unwrap();
        let handler = |_| async {
            let context = opentelemetry::Context::current();
            let tenant = context.baggage().get("tenant");
            tenant.map(drop).ok_or("lost")
        };
        world.handle(1, handler).await;
        let snapshot = world.telemetry.metrics().snapshot();
        let failed = snapshot.sum(relayhouse::telemetry::Metric::HandlerFailures, &[]);
        assert_eq!(failed, 0, "{sampler}");
        world.spans().await;
    }
}
