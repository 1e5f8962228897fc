//! Peeks.

use super::*;

#[test]
fn peek_shows_all_states_in_order_and_changes_nothing() {
    let mut world = World::with_queue(|_| ());
    world.send_all("q", &["a", "b", "c"]);
    let deliveries = world.receive("q", 2);
    world.settle("q", &deliveries[0], defer()).unwrap();
    let later = Contents {
        scheduled: Some(world.now.after(Duration::from_secs(10))),
        ..text("d")
    };
    world.send("q", later).unwrap();
    let peeked = world.peek("q");
    let states = peeked.iter().map(|it| (body(&it.message), it.state));
    assert_eq!(
        states.collect::<Vec<_>>(),
        [
            ("a", State::Deferred),
            ("b", State::Active),
            ("c", State::Active),
            ("d", State::Scheduled),
        ]
    );
    assert_eq!(peeked, world.peek("q"));
    assert_eq!(bodies(&world.receive("q", 9)), ["c"]);
}

#[test]
fn peek_begins_at_a_number_and_ends_after_a_count() {
    let mut world = World::with_queue(|_| ());
    world.send_all("q", &["a", "b", "c", "d"]);
    let at = address("q");
    let peeked = world.model.peek(world.now, &at, 2, 2, None).unwrap();
    let numbers = peeked.iter().map(|it| it.message.sequence);
    assert_eq!(numbers.collect::<Vec<_>>(), [2, 3]);
    assert!(
        world
            .model
            .peek(world.now, &at, 5, 2, None)
            .unwrap()
            .is_empty()
    );
}

#[test]
fn peek_of_a_session_shows_it_alone_whoever_holds_it() {
    let mut world = World::with_sessions();
    for (session, body) in [("s", "a"), ("r", "b"), ("s", "c")] {
        world.send("q", in_session(session, body)).unwrap();
    }
    let session = world.accept("q", Some("s")).unwrap().unwrap();
    world.receive_from("q", 1, &session);
    let at = address("q");
    let peeked = world.model.peek(world.now, &at, 0, 9, Some("s")).unwrap();
    let bodies = peeked.iter().map(|it| body(&it.message));
    assert_eq!(bodies.collect::<Vec<_>>(), ["a", "c"]);
    assert_eq!(world.peek("q").len(), 3);
}
