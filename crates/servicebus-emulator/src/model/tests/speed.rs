//! Many messages, which would take minutes here if one of them cost more with each other.

use super::*;

const MANY: usize = 20_000;

#[test]
fn many_messages_are_sent_received_and_completed_one_by_one() {
    let mut world = World::with_queue(|it| {
        it.common.time_to_live = Some(Duration::from_secs(3_600));
        it.intake.detects_duplicates = true;
    });
    for number in 0..MANY {
        world.send("q", with_id(&number.to_string(), "x")).unwrap();
    }
    assert_eq!(world.counts("q").active, MANY);
    for _ in 0..MANY {
        let delivery = world.receive("q", 1).remove(0);
        world.complete("q", &delivery).unwrap();
    }
    assert_eq!(world.counts("q").total(), 0);
}

#[test]
fn many_sessions_are_accepted_and_closed_one_by_one() {
    let mut world = World::with_sessions();
    for number in 0..MANY {
        let id = (number % 2_000).to_string();
        world.send("q", in_session(&id, "x")).unwrap();
    }
    let mut received = 0;
    while let Some(session) = world.accept("q", None).unwrap() {
        for delivery in world.receive_from("q", 5, &session) {
            world.complete("q", &delivery).unwrap();
            received += 1;
        }
        let at = address("q");
        world
            .model
            .close_session(world.now, &at, &session.key)
            .unwrap();
    }
    assert_eq!(received, MANY);
}
