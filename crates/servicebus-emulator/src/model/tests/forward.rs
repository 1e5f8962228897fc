//! Messages that go on to other entities.

use super::*;

/// What keeps a queue from taking messages.
type Break = fn(&mut World);

/// Makes queues, each of which forwards to the one before it.
fn chain(world: &mut World, names: &[&str]) {
    let mut target = None;
    for name in names {
        world.queue(name, |it| it.outlet.forward_to = target.map(Path::new));
        target = Some(*name);
    }
}

#[test]
fn message_is_forwarded_at_once_and_keeps_its_first_number() {
    let mut world = World::new();
    chain(&mut world, &["b", "a"]);
    world.send_all("b", &["other"]);
    world.send_all("a", &["x"]);
    let deliveries = world.receive("b", 9);
    assert_eq!(bodies(&deliveries), ["other", "x"]);
    assert_eq!(deliveries[1].message.sequence, 2);
    assert_eq!(deliveries[1].message.enqueued_sequence, 1);
    let refused = kind(world.try_receive("a", 1, Mode::PeekLock, None));
    assert_eq!(refused, Some(ErrorKind::NotAllowed));
}

#[test]
fn message_goes_through_four_entities_and_dies_before_the_fifth() {
    let mut world = World::new();
    chain(&mut world, &["f", "e", "d", "c", "b", "a"]);
    world.send_all("b", &["near"]);
    assert_eq!(world.counts("f").active, 1);
    world.send_all("a", &["far"]);
    assert_eq!(world.counts("f").active, 1);
    let dead = world.receive("e/$DeadLetterQueue", 1).remove(0);
    assert_eq!(reason(&dead.message), Some("MaxTransferHopCountExceeded"));
}

#[test]
fn circle_ends_as_well() {
    let mut world = World::new();
    chain(&mut world, &["b", "a"]);
    let mut settings = world.model.queue_settings(&Path::new("b")).unwrap();
    settings.outlet.forward_to = Some(Path::new("a"));
    let path = Path::new("b");
    world
        .model
        .update_queue(world.now, &path, settings)
        .unwrap();
    world.send_all("a", &["x"]);
    let (a, b) = (world.counts("a"), world.counts("b"));
    assert_eq!((a.total(), b.total()), (1, 0));
    assert_eq!(a.dead_letter, 1);
}

#[test]
fn message_dies_where_it_is_if_it_cannot_go_on() {
    let breaks: [(Break, &str); 3] = [
        (
            |world| {
                let mut settings = world.model.queue_settings(&Path::new("b")).unwrap();
                settings.common.status = Status::SendDisabled;
                let path = Path::new("b");
                world
                    .model
                    .update_queue(world.now, &path, settings)
                    .unwrap();
            },
            "TransferDestinationDisabled",
        ),
        (
            |world| world.model.delete(world.now, &Path::new("b")).unwrap(),
            "TransferDestinationNotFound",
        ),
        (
            |world| {
                for _ in 0..4 {
                    let large = Contents::of_body(vec![0; 262_000]);
                    world.send("b", large).unwrap();
                }
            },
            "TransferDestinationQuotaExceeded",
        ),
    ];
    for (break_it, why) in breaks {
        let mut world = World::new();
        world.queue("b", |it| it.intake.megabytes_max = 1);
        world.queue("a", |it| it.outlet.forward_to = Some(Path::new("b")));
        break_it(&mut world);
        let large = Contents::of_body(vec![0; 10_000]);
        world.send("a", large).unwrap();
        let dead = world.receive("a/$DeadLetterQueue", 1).remove(0);
        assert_eq!(reason(&dead.message), Some(why));
    }
}

#[test]
fn the_dead_are_forwarded_and_name_where_they_died() {
    let mut world = World::new();
    world.queue("grave", |_| ());
    world.queue("a", |it| {
        it.outlet.forward_dead_letters_to = Some(Path::new("grave"));
        it.outlet.dead_letters_expired = true;
    });
    world.send("a", with_life(10, "x")).unwrap();
    world.pass(10);
    let dead = world.receive("grave", 1).remove(0);
    assert_eq!(reason(&dead.message), Some("TTLExpiredException"));
    assert_eq!(dead.message.dead_letter_source.as_deref(), Some("a"));
    assert_eq!(world.counts("a").total(), 0);
    world.model.delete(world.now, &Path::new("grave")).unwrap();
    world.send("a", with_life(10, "y")).unwrap();
    world.pass(10);
    assert_eq!(world.counts("a").dead_letter, 1, "it stays with its queue");
}

#[test]
fn message_without_a_session_dies_where_sessions_are_required() {
    let mut world = World::with_sessions();
    world.queue("a", |it| it.outlet.forward_to = Some(Path::new("q")));
    world.send_all("a", &["x"]);
    let dead = world.receive("q/$DeadLetterQueue", 1).remove(0);
    assert_eq!(reason(&dead.message), Some("Session ID is null."));
}

#[test]
fn what_waits_is_forwarded_when_that_is_set() {
    let mut world = World::with_queue(|_| ());
    world.queue("b", |_| ());
    world.send_all("q", &["a", "b"]);
    let held = world.receive("q", 1).remove(0);
    let mut settings = world.model.queue_settings(&Path::new("q")).unwrap();
    settings.outlet.forward_to = Some(Path::new("b"));
    let path = Path::new("q");
    world
        .model
        .update_queue(world.now, &path, settings)
        .unwrap();
    assert_eq!(bodies(&world.receive("b", 9)), ["b"]);
    world.abandon("q", &held);
    assert_eq!(bodies(&world.receive("b", 9)), ["a"]);
}

#[test]
fn send_through_another_entity_ends_there_if_the_target_is_disabled() {
    let mut world = World::with_queue(|_| ());
    world.queue("b", |_| ());
    let (via, to) = (Path::new("q"), Path::new("b"));
    let batch = || vec![text("x")];
    let call = world.call();
    world.model.send(call, &to, Some(&via), batch()).unwrap();
    assert_eq!(bodies(&world.receive("b", 9)), ["x"]);
    assert_eq!(world.counts("q").total(), 0);
    let mut settings = world.model.queue_settings(&to).unwrap();
    settings.common.status = Status::Disabled;
    world.model.update_queue(world.now, &to, settings).unwrap();
    world.model.send(call, &to, Some(&via), batch()).unwrap();
    let failed = world.receive("q/$Transfer/$DeadLetterQueue", 9);
    assert_eq!(bodies(&failed), ["x"]);
    assert_eq!(world.counts("q").transfer_dead_letter, 1);
}
