//! Messages that are received by their numbers.

use super::*;

fn by_number(world: &mut World, numbers: &[u64], mode: Mode) -> Result<Vec<Delivery>> {
    let receive = Receive {
        max: numbers.len(),
        mode,
        session: None,
    };
    let at = address("q");
    world
        .model
        .receive_deferred(world.now, &at, numbers, receive)
}

/// Makes a queue with the message 1, which is deferred.
fn with_deferred() -> World {
    let mut world = World::with_queue(|it| {
        it.common.time_to_live = Some(Duration::from_secs(1_000));
        it.outlet.delivery_count_max = 3;
    });
    world.send_all("q", &["a"]);
    let delivery = world.receive("q", 1).remove(0);
    world.settle("q", &delivery, defer()).unwrap();
    world
}

#[test]
fn deferred_message_is_received_by_its_number_alone() {
    let mut world = with_deferred();
    assert!(world.receive("q", 1).is_empty());
    assert_eq!(world.counts("q").deferred, 1);
    let delivery = by_number(&mut world, &[1], Mode::PeekLock)
        .unwrap()
        .remove(0);
    assert_eq!(delivery.state, State::Deferred);
    world.complete("q", &delivery).unwrap();
    assert_eq!(world.counts("q"), Counts::default());
}

#[test]
fn number_that_is_of_no_deferred_message_is_not_found() {
    let mut world = with_deferred();
    world.send_all("q", &["b"]);
    for numbers in [&[2][..], &[1, 9], &[1, 1]] {
        let refused = kind(by_number(&mut world, numbers, Mode::PeekLock));
        assert_eq!(refused, Some(ErrorKind::MessageNotFound), "{numbers:?}");
    }
    by_number(&mut world, &[1], Mode::PeekLock).unwrap();
    let refused = kind(by_number(&mut world, &[1], Mode::PeekLock));
    assert_eq!(refused, Some(ErrorKind::MessageNotFound), "it is locked");
}

#[test]
fn deferred_message_stays_so_when_it_comes_back_and_dies_at_last() {
    let mut world = with_deferred();
    for _ in 0..2 {
        let delivery = by_number(&mut world, &[1], Mode::PeekLock)
            .unwrap()
            .remove(0);
        world.abandon("q", &delivery);
        assert_eq!(world.counts("q").deferred, 1);
    }
    by_number(&mut world, &[1], Mode::PeekLock).unwrap();
    world.pass(60);
    assert_eq!(world.counts("q").dead_letter, 1);
}

#[test]
fn deferred_message_does_not_expire() {
    let mut world = with_deferred();
    world.pass(10_000);
    let deliveries = by_number(&mut world, &[1], Mode::ReceiveAndDelete).unwrap();
    assert_eq!(bodies(&deliveries), ["a"]);
    assert_eq!(world.counts("q"), Counts::default());
}
