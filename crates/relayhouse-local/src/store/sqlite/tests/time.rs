//! What time brings: expiry, dedup windows, schedules, jumps, and much at once.

use super::*;

#[test]
fn expired_message_is_never_delivered() {
    let mut fixture = Fixture::new(&Settings {
        dead_letter_expired: true,
        ..settings()
    });
    fixture.send(&[
        text("short").ttl(SECOND),
        text("late").ttl(SECOND).delay(HOUR),
        text("c"),
    ]);
    fixture.clock.advance(SECOND);
    assert_eq!(fixture.bodies(10), ["c"]);
    let dead = fixture.take_of(QUEUE.dead_letters(), 10);
    assert_eq!(dead.len(), 2);
}

#[test]
fn dedup_id_is_known_within_its_window() {
    let mut fixture = Fixture::new(&settings());
    let message = text("a").dedup_id("d");
    assert_eq!(
        fixture.send(std::slice::from_ref(&message)),
        [Admission::In { sequence: 1 }]
    );
    assert_eq!(
        fixture.send(std::slice::from_ref(&message)),
        [Admission::Duplicate { sequence: 1 }]
    );
    fixture.clock.advance(HOUR);
    assert_eq!(fixture.send(&[message]), [Admission::In { sequence: 2 }]);
}

#[test]
fn scheduled_message_arrives_behind_what_came_before() {
    let mut fixture = Fixture::new(&settings());
    fixture.send(&[text("later").ordering_key("k").delay(SECOND)]);
    fixture.send(&[text("now").ordering_key("k"), text("gone").delay(HOUR)]);
    assert!(fixture.group(|store| store.cancel(3)));
    assert!(!fixture.group(|store| store.cancel(3)));
    fixture.clock.advance(SECOND);
    assert_eq!(fixture.bodies(10), ["now", "later"]);
}

#[test]
fn wall_clock_that_jumps_ends_no_lease() {
    let mut fixture = Fixture::new(&settings());
    fixture.send(&[text("a")]);
    fixture.take(1);
    // Another process opens the file after the jump.
    fixture.jumping.set_ahead(HOUR);
    fixture.reopen();
    assert!(fixture.take(1).is_empty());
    fixture.jumping.set_behind(HOUR);
    fixture.reopen();
    assert!(fixture.take(1).is_empty());
    fixture.clock.advance(LEASE);
    assert_eq!(fixture.bodies(1), ["a"]);
}

#[test]
fn restart_of_the_machine_ends_every_lease() {
    let mut fixture = Fixture::new(&settings());
    fixture.send(&[text("a"), text("b").delay(HOUR)]);
    fixture.take(1);
    fixture.clock.restart();
    fixture.reopen();
    assert_eq!(fixture.bodies(10), ["a"]);
}

#[test]
fn much_that_is_due_at_once_is_done_by_and_by() {
    let mut fixture = Fixture::new(&Settings {
        messages_max: 10_000,
        ..settings()
    });
    let short: Vec<_> = (0..6000)
        .map(|n| text(&n.to_string()).ttl(SECOND))
        .collect();
    fixture.send(&short);
    fixture.send(&[text("long")]);
    fixture.clock.advance(SECOND);
    let left = |fixture: &mut Fixture| fixture.group(|store| store.stats(QUEUE)).ready;
    assert_eq!(left(&mut fixture), 6001 - 4096);
    assert_eq!(fixture.bodies(10), ["long"]);
    assert_eq!(left(&mut fixture), 0);
}

#[test]
fn lease_that_ended_is_lost_though_much_was_due_before_it() {
    let mut fixture = Fixture::new(&Settings {
        messages_max: 10_000,
        ..settings()
    });
    let many: Vec<_> = (0..6000).map(|n| text(&n.to_string())).collect();
    fixture.send(&many);
    let taken = fixture.take(6000);
    fixture.clock.advance(LEASE);
    let last = &taken[5999];
    assert_eq!(fixture.settle(last, Settlement::Ack), Verdict::LeaseLost);
    assert_eq!(
        fixture.settle(last, Settlement::RELEASE),
        Verdict::LeaseLost
    );
}
