//! Duplicates.

use super::*;

fn world() -> World {
    World::with_queue(|it| {
        it.intake.detects_duplicates = true;
        it.intake.duplicate_window = Duration::from_secs(20);
    })
}

#[test]
fn repeat_is_accepted_and_dropped_within_the_window() {
    let mut world = world();
    world.send("q", with_id("1", "a")).unwrap();
    let delivery = world.receive("q", 1).remove(0);
    world.complete("q", &delivery).unwrap();
    world.pass(19);
    world.send("q", with_id("1", "b")).unwrap();
    assert_eq!(world.counts("q").active, 0);
    world.pass(1);
    world.send("q", with_id("1", "c")).unwrap();
    assert_eq!(bodies(&world.receive("q", 9)), ["c"]);
}

#[test]
fn messages_without_an_id_are_no_duplicates() {
    let mut world = world();
    world.send_all("q", &["a", "a"]);
    assert_eq!(world.counts("q").active, 2);
}

#[test]
fn queue_that_does_not_detect_duplicates_takes_them() {
    let mut world = World::with_queue(|_| ());
    world.send("q", with_id("1", "a")).unwrap();
    world.send("q", with_id("1", "b")).unwrap();
    assert_eq!(world.counts("q").active, 2);
}

#[test]
fn scheduled_messages_are_duplicates_from_when_they_are_sent() {
    let mut world = world();
    let later = Contents {
        scheduled: Some(world.now.after(Duration::from_secs(100))),
        ..with_id("1", "a")
    };
    let (call, path) = (world.call(), Path::new("q"));
    world.model.schedule(call, &path, vec![later]).unwrap();
    world.send("q", with_id("1", "b")).unwrap();
    let counts = world.counts("q");
    assert_eq!((counts.active, counts.scheduled), (0, 1));
}

#[test]
fn topic_detects_duplicates_for_its_subscriptions() {
    let mut world = World::new();
    world.topic("t", |it| it.intake.detects_duplicates = true);
    world.subscription("s", |_| ());
    world.send("t", with_id("1", "a")).unwrap();
    world.send("t", with_id("1", "b")).unwrap();
    assert_eq!(bodies(&world.receive("t/Subscriptions/s", 9)), ["a"]);
}
