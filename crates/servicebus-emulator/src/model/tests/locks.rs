//! Locks: how long they hold, and what comes of their end.

use super::*;

#[test]
fn lock_ends_after_its_time_and_the_delivery_counts() {
    let mut world = World::with_queue(|it| it.outlet.lock_duration = Duration::from_secs(30));
    world.send_all("q", &["a"]);
    let first = world.receive("q", 1).remove(0);
    let until = first.lock.unwrap().until;
    assert_eq!(until, world.now.after(Duration::from_secs(30)));
    assert_eq!(world.model.next_due(), Some(until));
    world.pass(29);
    assert!(world.receive("q", 1).is_empty());
    world.pass(1);
    let again = world.receive("q", 1).remove(0);
    assert_eq!(again.message.delivery_count, 1);
    assert_ne!(token(&first), token(&again));
    let lost = kind(world.complete("q", &first));
    assert_eq!(lost, Some(ErrorKind::MessageLockLost));
    world.complete("q", &again).unwrap();
}

#[test]
fn renewal_counts_from_now() {
    let mut world = World::with_queue(|_| ());
    world.send_all("q", &["a", "b"]);
    let deliveries = world.receive("q", 2);
    let tokens = deliveries.iter().map(token).collect::<Vec<_>>();
    world.pass(50);
    let until = world
        .model
        .renew(world.now, &address("q"), &tokens)
        .unwrap();
    assert_eq!(until, [world.now.after(Duration::from_secs(60)); 2]);
    world.pass(59);
    for delivery in &deliveries {
        world.complete("q", delivery).unwrap();
    }
}

#[test]
fn renewal_of_several_is_for_all_or_none() {
    let mut world = World::with_queue(|_| ());
    world.send_all("q", &["a"]);
    let delivery = world.receive("q", 1).remove(0);
    world.pass(50);
    let tokens = [token(&delivery), Uuid::nil()];
    let refused = kind(world.model.renew(world.now, &address("q"), &tokens));
    assert_eq!(refused, Some(ErrorKind::MessageLockLost));
    world.pass(10);
    let lost = kind(world.complete("q", &delivery));
    assert_eq!(lost, Some(ErrorKind::MessageLockLost));
}

#[test]
fn message_is_dead_after_the_most_deliveries() {
    let mut world = World::with_queue(|it| it.outlet.delivery_count_max = 3);
    world.send_all("q", &["a"]);
    for count in 0..3 {
        let delivery = world.receive("q", 1).remove(0);
        assert_eq!(delivery.message.delivery_count, count);
        match count {
            1 => world.pass(60),
            _ => world.abandon("q", &delivery),
        }
    }
    assert!(world.receive("q", 1).is_empty());
    let dead = world.receive("q/$DeadLetterQueue", 1).remove(0);
    assert_eq!(reason(&dead.message), Some("MaxDeliveryCountExceeded"));
    assert_eq!(dead.message.enqueued_sequence, 1);
}

#[test]
fn lock_that_is_broken_counts_like_one_that_ends() {
    let mut world = World::with_queue(|_| ());
    world.send_all("q", &["a"]);
    let delivery = world.receive("q", 1).remove(0);
    let at = address("q");
    world
        .model
        .break_lock(world.now, &at, token(&delivery))
        .unwrap();
    let lost = kind(world.complete("q", &delivery));
    assert_eq!(lost, Some(ErrorKind::MessageLockLost));
    assert_eq!(world.receive("q", 1)[0].message.delivery_count, 1);
}

#[test]
fn agenda_tells_when_the_next_thing_is_due() {
    let mut world = World::with_queue(|_| ());
    let mut agenda = world.model.agenda();
    assert_eq!(*agenda.borrow_and_update(), None);
    world.send("q", with_life(10, "a")).unwrap();
    let in_ten = world.now.after(Duration::from_secs(10));
    assert_eq!(*agenda.borrow_and_update(), Some(in_ten));
    world.receive("q", 1);
    let in_sixty = world.now.after(Duration::from_secs(60));
    assert_eq!(*agenda.borrow_and_update(), Some(in_sixty));
    world.pass(60);
    world.model.catch_up(world.now);
    assert_eq!(*agenda.borrow_and_update(), None);
    assert_eq!(world.counts("q").total(), 0, "it expired with its lock");
}
