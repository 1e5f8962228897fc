//! Dead letters: with their envelope, parked, and sent back.

use super::*;

#[test]
fn dead_letters_are_redriven_before_what_came_later() {
    let mut fixture = Fixture::new(&settings());
    fixture.send(&["a", "b"].map(|body| text(body).ordering_key("k")));
    let taken = fixture.take(2);
    fixture.settle(&taken[0], Settlement::dead_letter("rejected", "no stock"));
    fixture.settle(&taken[1], Settlement::RELEASE);
    let stats = fixture.group(|store| store.stats(QUEUE));
    assert_eq!((stats.ready, stats.dead), (1, 1));
    let dead = fixture.take_of(QUEUE.dead_letters(), 10);
    let envelope = dead[0].envelope.clone().unwrap();
    assert_eq!(
        (envelope.attempts, &*envelope.dead_letter.reason),
        (1, "rejected")
    );
    assert_eq!(envelope.source.to_string(), "orders");
    let again = Settlement::dead_letter("rejected", "");
    assert_eq!(fixture.settle(&dead[0], again), Verdict::DeadAlready);
    assert_eq!(fixture.settle(&dead[0], Settlement::RELEASE), Verdict::Done);
    assert_eq!(fixture.group(|store| store.redrive(QUEUE, 10)), 1);
    let back = fixture.take(10);
    let order: Vec<_> = back
        .iter()
        .map(|found| (&found.message.body[..], found.attempt))
        .collect();
    assert_eq!(order, [(&b"a"[..], 1), (b"b", 2)]);
}

#[test]
fn parked_dead_letter_waits_for_room() {
    let mut fixture = Fixture::new(&Settings {
        messages_max: 1,
        attempts_max: NonZeroU32::new(1),
        ..settings()
    });
    for body in ["a", "b"] {
        fixture.send(&[text(body)]);
        assert_eq!(fixture.bodies(1), [body]);
        fixture.clock.advance(LEASE);
        fixture.take(1);
    }
    let stats = fixture.group(|store| store.stats(QUEUE));
    assert_eq!((stats.ready, stats.delayed, stats.dead), (0, 1, 1));
    for body in ["a", "b"] {
        let dead = fixture.take_of(QUEUE.dead_letters(), 10);
        assert_eq!(dead[0].message.body, body);
        fixture.settle(&dead[0], Settlement::Ack);
    }
}
