//! Handlers: order within a key, bounds, and the shutdown.

use super::*;

fn ordered() -> (History, Delivery, Delivery) {
    let mut history = History::new(Rules {
        order: Order::Key,
        ..Rules::default()
    });
    history.sent(&keyed(1)).sent(&keyed(2));
    let (mut one, mut two) = (delivery(&keyed(1), 1), delivery(&keyed(2), 1));
    history.received(&mut one).received(&mut two);
    (history, one, two)
}

#[test]
fn later_message_must_not_start_first() {
    let (mut history, one, two) = ordered();
    history.started(&two).handled(&two).acked(&two);
    history.started(&one).handled(&one).acked(&one);
    history.broken(|it| &mut it.order);
    let (mut history, one, two) = ordered();
    history.started(&one).handled(&one).acked(&one);
    history.started(&two).handled(&two).acked(&two);
    history.fine();
}

#[test]
fn handlers_of_a_key_must_not_overlap() {
    let (mut history, one, _) = ordered();
    let other_producer = keyed(0).id(MessageId::from(1 << 64));
    let mut third = delivery(&other_producer, 1);
    history.sent(&other_producer).received(&mut third);
    history
        .started(&one)
        .started(&third)
        .handled(&one)
        .handled(&third);
    let verdict = history.oracle.verdict(3);
    assert_eq!(verdict.breaches.order, 1, "{verdict}");
}

#[test]
fn bounds_are_kept() {
    for rules in [
        Rules {
            in_flight_max: Some(0),
            ..Rules::default()
        },
        Rules {
            in_flight_bytes_max: Some(0),
            ..Rules::default()
        },
    ] {
        let (mut history, first) = one(rules);
        history.acked(&first);
        history.broken(|it| &mut it.bounds);
    }
    let (mut history, first) = one(Rules {
        handlers_max: Some(0),
        ..Rules::default()
    });
    history.started(&first).handled(&first).acked(&first);
    history.broken(|it| &mut it.bounds);
    let (mut history, first) = one(Rules {
        in_flight_max: Some(1),
        handlers_max: Some(1),
        ..Rules::default()
    });
    history.started(&first).handled(&first).acked(&first);
    history.fine();
}

#[test]
fn handler_must_not_start_at_the_end_of_its_lease() {
    let (mut history, first) = one(Rules {
        start_margin: Duration::from_secs(5),
        ..Rules::default()
    });
    history.wait(LEASE / 2).started(&first).acked(&first);
    history.broken(|it| &mut it.late_starts);
}

#[test]
fn nothing_starts_after_the_shutdown() {
    let (mut history, first) = one(Rules::default());
    history
        .note(Entry::ShutDown { abandoned: 1 })
        .started(&first)
        .acked(&first);
    history.broken(|it| &mut it.drain);
}

#[test]
fn shutdown_tells_what_it_leaves() {
    let (mut history, first) = one(Rules::default());
    history.note(Entry::ShutDown { abandoned: 0 }).acked(&first);
    history.broken(|it| &mut it.drain);
    let (mut history, first) = one(Rules::default());
    history.acked(&first).note(Entry::ShutDown { abandoned: 0 });
    history.fine();
}
