//! Tests of what events become.

use std::sync::Arc;
use std::time::Duration;

use relayhouse_core::{
    Context, Delivery, Error, ErrorKind, Event, Instant, Lease, Load, Message, MessageId,
    Operation, Previous, QueueName, Receipt, Sent, Settlement, Source, Timestamp,
};

use super::{definition::call_index, *};

fn context() -> Context {
    relayhouse_time::context().expect("the system gives randomness")
}

fn source(name: &'static str) -> Source {
    Source::queue(QueueName::new(name).expect("a name"))
}

fn delivery(enqueued_at: Timestamp, attempt: u32) -> Delivery {
    Delivery {
        id: MessageId::from(7),
        message: Message::new("body"),
        receipt: Receipt::from_bytes([1; 16]),
        lease: Lease::new(Instant::NEVER, 1),
        attempt,
        previous: Previous::None,
        sequence: None,
        enqueued_at,
        envelope: None,
    }
}

#[test]
fn life_of_a_message_is_counted() {
    let context = context();
    let metrics = Metrics::new(Arc::clone(&context.clock));
    let observer = metrics.observer("memory");
    let (source, now) = (source("orders"), Instant::from_nanos(1));
    let earlier = Timestamp::from_micros(context.clock.wall().as_micros() - 3_000_000);
    let delivery = delivery(earlier, 2);
    let (source, delivery) = (&source, &delivery);
    let took = Duration::from_millis(7);
    let lost = Error::new(ErrorKind::LeaseLost, "too late");
    observer.observe(
        now,
        &[
            Event::Received { source, delivery },
            Event::Started {
                source,
                delivery,
                lease_left: Some(Duration::from_secs(29)),
            },
            Event::Handled {
                source,
                delivery,
                took,
                lease_left: Some(Duration::from_secs(28)),
                result: Ok(&Settlement::Ack),
            },
            Event::Settled {
                source,
                delivery,
                settlement: &Settlement::Ack,
                took,
                result: Ok(()),
            },
            Event::Settled {
                source,
                delivery,
                settlement: &Settlement::Ack,
                took,
                result: Err(&lost),
            },
        ],
    );
    let snapshot = metrics.snapshot();
    let of = [
        ("messaging.system", "memory"),
        ("messaging.destination.name", "orders"),
    ];
    let sum = |metric| snapshot.sum(metric, &of);
    assert_eq!(sum(Metric::ConsumedMessages), 1);
    assert_eq!(sum(Metric::ReceivedBytes), 4);
    assert_eq!(sum(Metric::RedeliveredMessages), 1);
    assert_eq!(sum(Metric::StartedMessages), 1);
    assert_eq!(sum(Metric::ProcessDuration), 1);
    assert_eq!(sum(Metric::Life), 1);
    let settled = [("relayhouse.settlement", "ack")];
    assert_eq!(snapshot.sum(Metric::SettledMessages, &settled), 1);
    let failed = [("error.type", "lease_lost")];
    assert_eq!(snapshot.sum(Metric::SettleFailures, &failed), 1);
    let wait = snapshot.of(Metric::Wait).next().expect("a wait");
    let Value::Distribution(wait) = &wait.value else {
        panic!("{wait:?}");
    };
    assert_eq!(
        wait.quantile(1.0),
        Some(5_000_000_000),
        "3 s are within 5 s"
    );
    assert_eq!(snapshot.sum(Metric::SeriesRefused, &[]), 0);
}

#[test]
fn levels_add_up_over_workers() {
    let metrics = Metrics::new(context().clock);
    let observer = metrics.observer("");
    let (source, now) = (source("orders"), Instant::from_nanos(1));
    let load = |running| Load {
        running,
        permits: 4,
        ..Load::default()
    };
    let tell = |before, now_is| {
        let event = Event::Load {
            source: &source,
            before,
            now: now_is,
        };
        observer.observe(now, &[event]);
    };
    tell(Load::default(), load(3));
    tell(Load::default(), load(2));
    tell(load(3), load(1));
    let running = |metrics: &Metrics| metrics.snapshot().sum(Metric::Running, &[]);
    assert_eq!(running(&metrics), 3);
    assert_eq!(metrics.snapshot().sum(Metric::Permits, &[]), 8);
    tell(load(1), Load::default());
    tell(load(2), Load::default());
    let snapshot = metrics.snapshot();
    assert_eq!(snapshot.sum(Metric::Running, &[]), 0);
    assert_eq!(
        snapshot.of(Metric::Running).count(),
        1,
        "0 is shown as well"
    );
}

#[test]
fn sends_are_counted_by_how_they_ended() {
    let metrics = Metrics::new(context().clock);
    let observer = metrics.observer("servicebus");
    let queue = QueueName::new("orders").expect("a name");
    let (id, full) = (MessageId::from(1), Error::new(ErrorKind::Full, "full"));
    let sent = |result| Event::Sent {
        queue: &queue,
        id: &id,
        bytes: 10,
        traceparent: None,
        result,
    };
    let call = Event::SendCall {
        queue: &queue,
        messages: 3,
        messages_max: std::num::NonZeroU32::new(10),
        took: Duration::from_millis(2),
        error: None,
    };
    let answer = Sent::default();
    let events = [call, sent(Ok(&answer)), sent(Ok(&answer)), sent(Err(&full))];
    observer.observe(Instant::from_nanos(1), &events);
    let snapshot = metrics.snapshot();
    assert_eq!(snapshot.sum(Metric::SentMessages, &[]), 3);
    assert_eq!(
        snapshot.sum(Metric::SentMessages, &[("error.type", "full")]),
        1
    );
    assert_eq!(snapshot.sum(Metric::SentBytes, &[]), 20);
    let send = [("messaging.operation.name", "send")];
    assert_eq!(snapshot.sum(Metric::CallDuration, &send), 1);
    let fill = snapshot.of(Metric::BatchFill).next().expect("a fill");
    let Value::Distribution(fill) = &fill.value else {
        panic!("{fill:?}");
    };
    assert_eq!(fill.quantile(1.0), Some(300_000), "3 of 10");
}

#[test]
fn time_to_recovery_is_from_the_first_failure() {
    let metrics = Metrics::new(context().clock);
    let observer = metrics.observer("");
    let (source, lost) = (
        source("orders"),
        Error::new(ErrorKind::ConnectionFailed, "gone"),
    );
    let intake = |seconds: u64, error| {
        let event = Event::Intake {
            source: &source,
            asked: 1,
            received: 0,
            took: Duration::ZERO,
            error,
        };
        observer.observe(Instant::from_nanos(seconds * 1_000_000_000), &[event]);
    };
    intake(1, None);
    intake(10, Some(&lost));
    intake(12, Some(&lost));
    intake(19, None);
    intake(20, None);
    let snapshot = metrics.snapshot();
    let recovery = snapshot.of(Metric::Recovery).next().expect("one");
    let Value::Distribution(recovery) = &recovery.value else {
        panic!("{recovery:?}");
    };
    assert_eq!((recovery.count(), recovery.sum), (1, 9_000_000_000));
    assert_eq!(snapshot.sum(Metric::Errors, &[]), 2);
    assert_eq!(snapshot.sum(Metric::EmptyPolls, &[]), 3);
}

/// What the conventions require of the metrics that they name.
#[test]
fn metrics_of_the_conventions_name_their_operation() {
    let attributes = |metric: Metric, index| metric.definition().attributes(index);
    let name = |name| ("messaging.operation.name", name);
    assert_eq!(attributes(Metric::SentMessages, 0), [name("send")]);
    assert_eq!(attributes(Metric::ConsumedMessages, 0), [name("receive")]);
    assert_eq!(attributes(Metric::ProcessDuration, 0), [name("process")]);
    let of_call = |operation, error| attributes(Metric::CallDuration, call_index(operation, error));
    let kind = |kind| ("messaging.operation.type", kind);
    for (operation, typed) in [
        (Operation::Send, "send"),
        (Operation::Receive, "receive"),
        (Operation::Settle, "settle"),
    ] {
        assert_eq!(of_call(operation, None), [name(typed), kind(typed)]);
    }
    let failed = of_call(Operation::Extend, Some(ErrorKind::Timeout));
    assert_eq!(failed, [name("extend"), ("error.type", "timeout")]);
}

/// A breaker that is half open is neither open nor closed, and was opened once for each time.
#[test]
fn breaker_has_three_states() {
    let metrics = Metrics::new(context().clock);
    let observer = metrics.observer("");
    let (name, until) = ("payments", Instant::NEVER);
    let opened = || Event::BreakerOpened { name, until };
    let half_opened = || Event::BreakerHalfOpened { name };
    let closed = || Event::BreakerClosed { name };
    let told = [
        (opened(), 2, 1),
        (half_opened(), 1, 1),
        (opened(), 2, 2),
        (half_opened(), 1, 2),
        (closed(), 0, 2),
    ];
    for (event, state, openings) in told {
        observer.observe(Instant::START, &[event]);
        let snapshot = metrics.snapshot();
        let level = snapshot.of(Metric::BreakerState).next().map(|it| &it.value);
        assert_eq!(level, Some(&Value::Level(state)));
        assert_eq!(snapshot.sum(Metric::BreakerOpened, &[]), openings);
    }
}

#[test]
fn names_beyond_the_bound_are_counted_together() {
    let metrics = Metrics::new(context().clock);
    let observer = metrics.observer("");
    for number in 0..300 {
        let name = format!("breaker-{number}");
        let event = Event::BreakerOpened {
            name: &name,
            until: Instant::NEVER,
        };
        observer.observe(Instant::from_nanos(1), &[event]);
    }
    let snapshot = metrics.snapshot();
    let other = [("relayhouse.name", "_other")];
    assert_eq!(snapshot.sum(Metric::BreakerOpened, &[]), 300);
    assert_eq!(snapshot.sum(Metric::BreakerOpened, &other), 300 - 256);
    assert_eq!(snapshot.sum(Metric::SeriesRefused, &[]), 300 - 256);
}

#[test]
fn names_and_units_of_metrics_are_their_own() {
    let mut names: Vec<_> = Metric::ALL.iter().map(|it| it.definition().name).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
    for metric in Metric::ALL {
        if let Kind::Histogram(bounds) = metric.definition().kind {
            assert!(bounds.is_sorted(), "{metric:?}");
        }
    }
}
