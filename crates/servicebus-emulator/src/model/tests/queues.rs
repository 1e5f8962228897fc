//! Sends, receives and settlements of a queue.

use super::*;

#[test]
fn messages_are_received_in_order_with_their_numbers() {
    let mut world = World::with_queue(|_| ());
    world.send_all("q", &["a", "b", "c"]);
    let deliveries = world.receive("q", 2);
    assert_eq!(bodies(&deliveries), ["a", "b"]);
    let numbers = deliveries.iter().map(|it| it.message.sequence);
    assert_eq!(numbers.collect::<Vec<_>>(), [1, 2]);
    assert_eq!(deliveries[0].message.enqueued, world.now);
    assert_eq!(bodies(&world.receive("q", 2)), ["c"]);
    assert!(world.receive("q", 2).is_empty());
}

#[test]
fn completed_message_is_gone() {
    let mut world = World::with_queue(|_| ());
    world.send_all("q", &["a"]);
    let delivery = world.receive("q", 1).remove(0);
    world.complete("q", &delivery).unwrap();
    assert_eq!(world.counts("q"), Counts::default());
    let again = kind(world.complete("q", &delivery));
    assert_eq!(again, Some(ErrorKind::MessageLockLost));
}

#[test]
fn message_that_is_received_and_deleted_has_no_lock() {
    let mut world = World::with_queue(|_| ());
    world.send_all("q", &["a"]);
    let deliveries = world
        .try_receive("q", 1, Mode::ReceiveAndDelete, None)
        .unwrap();
    assert_eq!(deliveries[0].lock, None);
    assert_eq!(world.counts("q"), Counts::default());
}

#[test]
fn abandoned_message_comes_back_first_with_its_new_properties() {
    let mut world = World::with_queue(|_| ());
    world.send_all("q", &["a", "b"]);
    let first = world.receive("q", 1).remove(0);
    assert_eq!(first.message.delivery_count, 0);
    let properties = [("tried".into(), Value::from("yes"))].into();
    world
        .settle("q", &first, Settlement::Abandon { properties })
        .unwrap();
    let again = world.receive("q", 2);
    assert_eq!(bodies(&again), ["a", "b"]);
    assert_eq!(again[0].message.delivery_count, 1);
    assert_eq!(property(&again[0].message, "tried"), Some("yes"));
    assert!(first.message.bytes < again[0].message.bytes);
}

#[test]
fn released_message_comes_back_uncounted() {
    let mut world = World::with_queue(|_| ());
    world.send_all("q", &["a"]);
    for _ in 0..20 {
        let delivery = world.receive("q", 1).remove(0);
        assert_eq!(delivery.message.delivery_count, 0);
        world.settle("q", &delivery, Settlement::Release).unwrap();
    }
}

#[test]
fn batch_is_sent_as_a_whole_or_not_at_all() {
    let mut world = World::with_queue(|_| ());
    let long = "x".repeat(129);
    let batch = vec![text("a"), with_id(&long, "b")];
    let (call, path) = (world.call(), Path::new("q"));
    let refused = kind(world.model.send(call, &path, None, batch));
    assert_eq!(refused, Some(ErrorKind::ArgumentOutOfRange));
    assert_eq!(world.counts("q").active, 0);
}

#[test]
fn message_is_refused_that_is_too_large() {
    let mut world = World::with_queue(|it| it.intake.message_kilobytes_max = 1);
    let small = Contents::of_body(vec![0; 900]);
    let large = Contents::of_body(vec![0; 1_024]);
    world.send("q", small.clone()).unwrap();
    let refused = kind(world.send("q", large));
    assert_eq!(refused, Some(ErrorKind::MessageTooLarge));
    let (call, path) = (world.call(), Path::new("q"));
    let batch = vec![small.clone(), small];
    let refused = kind(world.model.send(call, &path, None, batch));
    assert_eq!(refused, Some(ErrorKind::MessageTooLarge));
    let limits = world.model.open_sender(world.now, &path, None).unwrap();
    assert_eq!(limits.message_bytes_max, 1_024);
}

#[test]
fn full_queue_takes_more_when_something_is_completed() {
    let mut world = World::with_queue(|it| it.intake.megabytes_max = 1);
    let large = || Contents::of_body(vec![0; 250_000]);
    for _ in 0..4 {
        world.send("q", large()).unwrap();
    }
    assert_eq!(
        kind(world.send("q", large())),
        Some(ErrorKind::QuotaExceeded)
    );
    let delivery = world.receive("q", 1).remove(0);
    world.complete("q", &delivery).unwrap();
    world.send("q", large()).unwrap();
}

#[test]
fn properties_have_bounds_one_by_one_and_together() {
    let mut world = World::with_queue(|_| ());
    let long = |bytes: usize| Value::String("x".repeat(bytes).into());
    let refused = kind(world.send("q", with_property("a", long(40_000))));
    assert_eq!(refused, Some(ErrorKind::ArgumentOutOfRange));
    let mut many = with_property("a", long(30_000));
    many.properties.insert("b".into(), long(30_000));
    world.send("q", many.clone()).unwrap();
    many.properties.insert("c".into(), long(30_000));
    assert_eq!(
        kind(world.send("q", many)),
        Some(ErrorKind::ArgumentOutOfRange)
    );
}

#[test]
fn disabled_queue_refuses_what_its_status_says() {
    let cases = [
        (Status::Active, true, true),
        (Status::Disabled, false, false),
        (Status::SendDisabled, false, true),
        (Status::ReceiveDisabled, true, false),
    ];
    for (status, sends, receives) in cases {
        let mut world = World::with_queue(|it| it.common.status = status);
        let disabled = Some(ErrorKind::EntityDisabled);
        let sent = kind(world.send("q", text("a")));
        assert_eq!(sent, disabled.filter(|_| !sends), "{status:?}");
        let received = kind(world.try_receive("q", 1, Mode::PeekLock, None));
        assert_eq!(received, disabled.filter(|_| !receives), "{status:?}");
    }
}

#[test]
fn partition_key_is_the_session_where_there_are_both() {
    let mut world = World::with_sessions();
    let with_key = |key: &str| Contents {
        partition_key: Some(key.into()),
        ..in_session("s", "a")
    };
    world.send("q", with_key("s")).unwrap();
    assert_eq!(
        kind(world.send("q", with_key("k"))),
        Some(ErrorKind::Argument)
    );
}

#[test]
fn entity_that_is_not_there_is_not_found() {
    let mut world = World::new();
    let missing = Some(ErrorKind::EntityNotFound);
    assert_eq!(kind(world.send("q", text("a"))), missing);
    assert_eq!(
        kind(world.try_receive("q", 1, Mode::PeekLock, None)),
        missing
    );
    assert_eq!(kind(world.model.listen(&address("q"))), missing);
}

#[test]
fn bell_rings_for_what_may_be_received() {
    let mut world = World::with_queue(|_| ());
    let mut bell = world.model.listen(&address("q")).unwrap();
    let mut rang = move || {
        let has_changed = bell.has_changed().unwrap();
        bell.borrow_and_update();
        has_changed
    };
    assert!(!rang());
    world.send_all("q", &["a"]);
    assert!(rang(), "a message came");
    let delivery = world.receive("q", 1).remove(0);
    assert!(!rang(), "it was received");
    world.abandon("q", &delivery);
    assert!(rang(), "it came back");
    world.receive("q", 1);
    world.pass(60);
    world.model.catch_up(world.now);
    assert!(rang(), "its lock is over");
}

#[test]
fn bell_ends_with_its_queue() {
    let mut world = World::with_queue(|_| ());
    let bell = world.model.listen(&address("q")).unwrap();
    world.model.delete(world.now, &Path::new("q")).unwrap();
    assert!(bell.has_changed().is_err());
}
