//! Entities: how they are made, changed, listed and deleted.

use super::*;

#[test]
fn entity_is_found_in_any_case_and_made_once() {
    let mut world = World::new();
    world.queue("Orders/New", |_| ());
    world.send("oRDERS/nEW", text("a")).unwrap();
    let path = Path::new("orders/new");
    let again = world
        .model
        .create_topic(world.now, &path, TopicSettings::default());
    assert_eq!(kind(again), Some(ErrorKind::EntityExists));
    let summary = world.model.summary(world.now, &path).unwrap();
    assert_eq!(summary.path.as_str(), "Orders/New");
    assert_eq!(summary.kind, EntityKind::Queue);
}

#[test]
fn names_that_cannot_be_are_refused() {
    let mut world = World::new();
    let long = "x".repeat(NAME_LENGTH_MAX + 1);
    for name in [
        "",
        "a b",
        "/a",
        "a/",
        "$a",
        "-a",
        "a/subscriptions/b",
        &long,
    ] {
        let path = Path::new(name);
        let refused = world
            .model
            .create_queue(world.now, &path, QueueSettings::default());
        assert_eq!(kind(refused), Some(ErrorKind::Argument), "{name}");
    }
    world.topic("t", |_| ());
    let long = "x".repeat(51);
    for name in ["a b", &long] {
        let path = Path::of_subscription("t", name);
        let settings = SubscriptionSettings::default();
        let refused = world
            .model
            .create_subscription(world.now, &path, settings, None);
        assert_eq!(kind(refused), Some(ErrorKind::Argument), "{name}");
    }
}

#[test]
fn settings_are_within_their_bounds() {
    let changes: [fn(&mut QueueSettings); 9] = [
        |it| it.outlet.lock_duration = Duration::from_secs(301),
        |it| it.outlet.lock_duration = Duration::ZERO,
        |it| it.outlet.delivery_count_max = 0,
        |it| it.outlet.delivery_count_max = 2_001,
        |it| it.intake.duplicate_window = Duration::from_secs(19),
        |it| it.intake.megabytes_max = 0,
        |it| it.intake.message_kilobytes_max = 102_401,
        |it| it.common.delete_on_idle = Some(Duration::from_secs(299)),
        |it| it.common.user_metadata = Some("x".repeat(1_025).into()),
    ];
    let mut world = World::with_queue(|_| ());
    for (number, change) in changes.into_iter().enumerate() {
        let mut settings = QueueSettings::default();
        change(&mut settings);
        let path = Path::new("new");
        let created = world.model.create_queue(world.now, &path, settings.clone());
        let out = Some(ErrorKind::ArgumentOutOfRange);
        assert_eq!(kind(created), out, "{number}");
        let path = Path::new("q");
        let updated = world.model.update_queue(world.now, &path, settings);
        assert_eq!(kind(updated), out, "{number}");
    }
}

#[test]
fn settings_are_kept_and_some_cannot_be_changed() {
    let mut world = World::with_queue(|it| it.outlet.lock_duration = Duration::from_secs(7));
    let path = Path::new("q");
    let settings = world.model.queue_settings(&path).unwrap();
    assert_eq!(settings.outlet.lock_duration, Duration::from_secs(7));
    let changes: [fn(&mut QueueSettings); 2] = [
        |it| it.outlet.requires_session = true,
        |it| it.intake.detects_duplicates = true,
    ];
    for change in changes {
        let mut settings = settings.clone();
        change(&mut settings);
        let refused = world.model.update_queue(world.now, &path, settings);
        assert_eq!(kind(refused), Some(ErrorKind::Argument));
    }
    world.pass(5);
    let mut settings = settings;
    settings.common.user_metadata = Some("ours".into());
    let updated = world.model.update_queue(world.now, &path, settings.clone());
    updated.unwrap();
    assert_eq!(world.model.queue_settings(&path), Ok(settings));
    let stamps = world.model.summary(world.now, &path).unwrap().stamps;
    assert_eq!(stamps.updated, world.now);
    assert_eq!(stamps.updated.since(stamps.created), Duration::from_secs(5));
}

#[test]
fn forwarding_needs_a_target_that_takes_sends() {
    let mut world = World::new();
    world.topic("t", |_| ());
    world.subscription("s", |_| ());
    let cases = [
        ("missing", ErrorKind::EntityNotFound),
        ("t/Subscriptions/s", ErrorKind::Argument),
        ("self", ErrorKind::Argument),
    ];
    for (target, expected) in cases {
        let mut settings = QueueSettings::default();
        settings.outlet.forward_to = Some(Path::new(target));
        let path = Path::new("self");
        let refused = kind(world.model.create_queue(world.now, &path, settings));
        assert_eq!(refused, Some(expected), "{target}");
    }
}

#[test]
fn entities_are_listed_by_kind_and_in_pages() {
    let mut world = World::new();
    for name in ["b", "a", "c"] {
        world.queue(name, |_| ());
    }
    world.topic("t", |_| ());
    world.subscription("s2", |_| ());
    world.subscription("s1", |_| ());
    let names = |paths: Vec<Path>| paths.iter().map(ToString::to_string).collect::<Vec<_>>();
    let queues = |skip, top| names(world.model.list(EntityKind::Queue, skip, top));
    assert_eq!(queues(0, 9), ["a", "b", "c"]);
    assert_eq!(queues(1, 1), ["b"]);
    assert_eq!(names(world.model.list(EntityKind::Topic, 0, 9)), ["t"]);
    let subscriptions = world.model.subscriptions(&Path::new("T"), 0, 9).unwrap();
    let expected = ["t/Subscriptions/s1", "t/Subscriptions/s2"];
    assert_eq!(names(subscriptions), expected);
    assert_eq!(
        names(world.model.list(EntityKind::Subscription, 0, 9)),
        expected
    );
}

#[test]
fn topic_is_deleted_with_its_subscriptions() {
    let mut world = World::new();
    world.topic("t", |_| ());
    world.subscription("s", |_| ());
    world.subscription("r", |_| ());
    let path = Path::of_subscription("t", "r");
    world.model.delete(world.now, &path).unwrap();
    let summary = world.model.summary(world.now, &Path::new("t")).unwrap();
    assert_eq!(summary.subscription_count, 1);
    world.model.delete(world.now, &Path::new("t")).unwrap();
    for path in ["t", "t/Subscriptions/s"] {
        let missing = kind(world.model.summary(world.now, &Path::new(path)));
        assert_eq!(missing, Some(ErrorKind::EntityNotFound), "{path}");
    }
    assert_eq!(world.model.next_due(), None);
}

#[test]
fn entity_that_nobody_uses_is_deleted() {
    let idle = |it: &mut Common| it.delete_on_idle = Some(Duration::from_secs(300));
    let mut world = World::with_queue(|it| idle(&mut it.common));
    world.topic("t", |it| idle(&mut it.common));
    world.pass(200);
    world.send_all("q", &["a"]);
    world.pass(200);
    world.model.catch_up(world.now);
    let is_there = |world: &mut World, path: &str| {
        let summary = world.model.summary(world.now, &Path::new(path));
        summary.is_ok()
    };
    assert!(is_there(&mut world, "q"), "somebody sent to it");
    assert!(!is_there(&mut world, "t"));
    let bell = world.model.listen(&address("q")).unwrap();
    world.pass(1_000);
    assert!(is_there(&mut world, "q"), "somebody listens");
    drop(bell);
    world.pass(300);
    assert!(!is_there(&mut world, "q"));
}

#[test]
fn queue_of_the_same_name_is_another() {
    let mut world = World::with_queue(|_| ());
    world.send_all("q", &["a"]);
    let delivery = world.receive("q", 1).remove(0);
    world.model.delete(world.now, &Path::new("q")).unwrap();
    world.queue("q", |_| ());
    let lost = kind(world.complete("q", &delivery));
    assert_eq!(lost, Some(ErrorKind::MessageLockLost));
    assert_eq!(world.counts("q").total(), 0);
}

#[test]
fn topic_is_used_by_whoever_uses_its_subscriptions() {
    let mut world = World::new();
    world.topic("t", |it| {
        it.common.delete_on_idle = Some(Duration::from_secs(300));
    });
    world.subscription("s", |_| ());
    world.pass(200);
    world.receive("t/Subscriptions/s", 1);
    world.pass(200);
    assert!(world.model.summary(world.now, &Path::new("t")).is_ok());
    world.pass(100);
    let gone = kind(world.model.summary(world.now, &Path::new("t")));
    assert_eq!(gone, Some(ErrorKind::EntityNotFound));
}
