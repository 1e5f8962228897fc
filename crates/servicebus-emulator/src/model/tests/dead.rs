//! Messages that expire or die, and the subqueue of the dead.

use super::*;

const DEAD: &str = "q/$DeadLetterQueue";

#[test]
fn message_is_dead_with_reason_description_and_properties() {
    let mut world = World::with_queue(|_| ());
    world.send_all("q", &["a"]);
    let delivery = world.receive("q", 1).remove(0);
    let settlement = Settlement::DeadLetter {
        reason: Some("broken".into()),
        description: Some("it cannot be read".into()),
        properties: [("seen".into(), Value::from(true))].into(),
    };
    world.settle("q", &delivery, settlement).unwrap();
    let dead = world.receive(DEAD, 1).remove(0);
    assert_eq!(reason(&dead.message), Some("broken"));
    let description = property(&dead.message, DEAD_LETTER_DESCRIPTION);
    assert_eq!(description, Some("it cannot be read"));
    assert_eq!(
        dead.message.contents.properties["seen"],
        Value::Boolean(true)
    );
    assert_eq!(dead.message.delivery_count, 0);
    assert!(world.receive("q", 1).is_empty());
}

#[test]
fn message_expires_at_the_earlier_of_two_times() {
    for (own, default) in [(10, 20), (20, 10)] {
        let default = Duration::from_secs(default);
        let mut world = World::with_queue(|it| it.common.time_to_live = Some(default));
        world.send("q", with_life(own, "a")).unwrap();
        world.pass(9);
        assert_eq!(world.counts("q").active, 1);
        world.pass(1);
        assert_eq!(world.counts("q"), Counts::default());
    }
}

#[test]
fn message_that_expires_is_dead_if_the_queue_says_so() {
    let mut world = World::with_queue(|it| it.outlet.dead_letters_expired = true);
    world.send("q", with_life(10, "a")).unwrap();
    world.pass(10);
    assert!(world.receive("q", 1).is_empty());
    let dead = world.receive(DEAD, 1).remove(0);
    assert_eq!(reason(&dead.message), Some("TTLExpiredException"));
}

#[test]
fn locked_message_expires_when_it_comes_back() {
    let mut world = World::with_queue(|_| ());
    world.send("q", with_life(10, "a")).unwrap();
    let delivery = world.receive("q", 1).remove(0);
    world.pass(20);
    assert_eq!(world.counts("q").active, 1);
    world.abandon("q", &delivery);
    assert_eq!(world.counts("q").active, 0);
}

#[test]
fn the_dead_neither_expire_nor_die_again() {
    let mut world = World::with_queue(|it| {
        it.common.time_to_live = Some(Duration::from_secs(10));
        it.outlet.delivery_count_max = 1;
    });
    world.send_all("q", &["a"]);
    let delivery = world.receive("q", 1).remove(0);
    world.settle("q", &delivery, dead_letter("x")).unwrap();
    world.pass(1_000);
    for count in 0..5 {
        let dead = world.receive(DEAD, 1).remove(0);
        assert_eq!(dead.message.delivery_count, count);
        world.abandon(DEAD, &dead);
    }
    let dead = world.receive(DEAD, 1).remove(0);
    let refused = kind(world.settle(DEAD, &dead, dead_letter("y")));
    assert_eq!(refused, Some(ErrorKind::NotAllowed));
    world.complete(DEAD, &dead).unwrap();
    assert_eq!(world.counts("q"), Counts::default());
}

#[test]
fn the_dead_of_sessions_are_received_without_them() {
    let mut world = World::with_sessions();
    world.send("q", in_session("s", "a")).unwrap();
    let session = world.accept("q", None).unwrap().unwrap();
    let delivery = world.receive_from("q", 1, &session).remove(0);
    world.settle("q", &delivery, dead_letter("x")).unwrap();
    assert_eq!(bodies(&world.receive(DEAD, 1)), ["a"]);
}

#[test]
fn nobody_sends_to_the_dead() {
    let mut world = World::with_queue(|_| ());
    let refused = kind(world.send(DEAD, text("a")));
    assert_eq!(refused, Some(ErrorKind::EntityNotFound));
}
