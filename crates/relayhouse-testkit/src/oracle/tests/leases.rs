//! Leases: one holder at a time, receipts that end, attempts and tokens that count.

use super::*;

#[test]
fn delivery_of_a_held_message_is_an_overlap() {
    let (mut history, first) = one(Rules::default());
    let mut second = again(&first);
    history.received(&mut second).acked(&second);
    history.broken(|it| &mut it.overlaps);
    let (mut history, first) = one(Rules::default());
    history.wait(LEASE).received(&mut second).acked(&second);
    history.fine();
    assert_eq!(first.attempt, 1);
}

#[test]
fn release_that_is_heard_late_is_no_overlap() {
    let (mut history, first) = one(Rules::default());
    let mut second = again(&first);
    history.received(&mut second);
    history.settled(&first, &Settlement::RELEASE, Answer::Done);
    history.acked(&second);
    history.fine();
}

#[test]
fn release_that_is_heard_after_the_next_ack_is_not_stale() {
    let (mut history, first) = one(Rules::default());
    let mut second = again(&first);
    history.received(&mut second).acked(&second);
    history.settled(&first, &Settlement::RELEASE, Answer::Done);
    history.fine();
    let (mut history, first) = one(Rules::default());
    history.wait(LEASE).received(&mut second).acked(&second);
    history.settled(&first, &Settlement::RELEASE, Answer::Done);
    history.broken(|it| &mut it.stale);
}

/// Its answer may be on its way for longer than the lease.
#[test]
fn release_that_was_asked_for_in_time_is_not_stale() {
    let (mut history, first) = one(Rules::default());
    let mut second = again(&first);
    history.started(&first).handled(&first);
    history.wait(LEASE).received(&mut second);
    history.settled(&first, &Settlement::RELEASE, Answer::Done);
    history.acked(&second);
    history.fine();
    let (mut history, first) = one(Rules::default());
    history.started(&first).handled(&first);
    history.wait(LEASE).received(&mut second);
    history.acked(&first);
    history.broken(|it| &mut it.stale);
}

#[test]
fn settle_that_failed_leaves_the_message_held() {
    let (mut history, first) = one(Rules::default());
    let mut second = again(&first);
    history.settled(&first, &Settlement::RELEASE, Answer::Unknown);
    history.received(&mut second).acked(&second);
    history.fine();
    let (mut history, first) = one(Rules::default());
    history.received(&mut second);
    history.settled(&first, &Settlement::RELEASE, Answer::Failed);
    history.acked(&second);
    history.broken(|it| &mut it.overlaps);
}

#[test]
fn repeats_are_fine_where_they_are_declared() {
    let rules = Rules {
        leases: Leases::MayRepeat,
        attempts: Attempts::Approximate,
        ..Rules::default()
    };
    let (mut history, first) = one(rules);
    let mut second = again(&first);
    history.received(&mut second).acked(&first).acked(&second);
    history.fine();
}

#[test]
fn leases_may_end_early_where_that_is_declared_and_stay_exclusive() {
    let rules = || Rules {
        leases: Leases::MayEndEarly,
        ..Rules::default()
    };
    let (mut history, first) = one(rules());
    let mut second = again(&first);
    history.received(&mut second);
    history.settled(&first, &Settlement::Ack, Answer::LeaseLost);
    history.acked(&second);
    history.fine();
    let (mut history, first) = one(rules());
    history.received(&mut second).acked(&first);
    history.broken(|it| &mut it.stale);
    let (mut history, first) = one(rules());
    history.acked(&first).received(&mut second);
    history.broken(|it| &mut it.revived);
}

#[test]
fn acked_message_that_comes_again_is_revived() {
    let (mut history, first) = one(Rules::default());
    let mut second = again(&first);
    history.acked(&first).received(&mut second);
    history.broken(|it| &mut it.revived);
}

#[test]
fn old_receipt_that_takes_effect_is_stale() {
    let (mut history, first) = one(Rules::default());
    let mut second = again(&first);
    history.wait(LEASE).received(&mut second).acked(&first);
    history.broken(|it| &mut it.stale);
    let (mut history, first) = one(Rules::default());
    history.wait(LEASE).received(&mut second);
    history.settled(&first, &Settlement::Ack, Answer::LeaseLost);
    history.acked(&second);
    assert_eq!(history.fine().lease_lost, 1);
}

#[test]
fn second_ack_that_takes_effect_is_stale() {
    let (mut history, first) = one(Rules::default());
    history.acked(&first).acked(&first);
    history.broken(|it| &mut it.stale);
}

#[test]
fn attempts_must_be_exact() {
    let (mut history, first) = one(Rules::default());
    let mut third = delivery(&first.message, 3);
    history.wait(LEASE).received(&mut third).acked(&third);
    history.broken(|it| &mut it.attempts);
    let rules = Rules {
        attempts: Attempts::Approximate,
        ..Rules::default()
    };
    let (mut history, _) = one(rules);
    history.wait(LEASE).received(&mut third).acked(&third);
    history.fine();
}

#[test]
fn fencing_token_must_grow() {
    let (mut history, first) = one(Rules::default());
    let mut second = again(&first);
    second.lease = Lease::new(history.now + LEASE * 2, 1);
    history
        .wait(LEASE)
        .note(Entry::Received(&second))
        .acked(&second);
    history.broken(|it| &mut it.attempts);
}

#[test]
fn extension_moves_the_end_of_a_lease() {
    let (mut history, first) = one(Rules::default());
    let until = history.now + LEASE * 2;
    history.note(Entry::Extended {
        receipt: &first.receipt,
        until,
    });
    history
        .wait(LEASE)
        .started(&first)
        .handled(&first)
        .acked(&first);
    history.fine();
}

#[test]
fn extension_after_the_settlement_is_found() {
    let (mut history, first) = one(Rules::default());
    let until = history.now + LEASE * 2;
    history.acked(&first).note(Entry::Extended {
        receipt: &first.receipt,
        until,
    });
    history.broken(|it| &mut it.late_extensions);
}

#[test]
fn message_that_may_be_there_twice_has_two_receipts() {
    let mut history = History::new(Rules::default());
    let message = message(1);
    history.note(Entry::Sending(&message));
    let id = message.id.as_ref().expect("an id");
    let answer = Answer::Unknown;
    history.note(Entry::Sent { id, answer }).sent(&message);
    let (mut first, mut second) = (delivery(&message, 1), delivery(&message, 2));
    history.received(&mut first).received(&mut second);
    history.settled(&first, &Settlement::RELEASE, Answer::Done);
    history.acked(&second);
    history.fine();
}

#[test]
fn crash_leaves_leases_to_end_by_themselves() {
    let (mut history, first) = one(Rules {
        in_flight_max: Some(1),
        ..Rules::default()
    });
    let mut second = again(&first);
    history.started(&first).note(Entry::Crashed);
    history.wait(LEASE).received(&mut second).acked(&second);
    history.fine();
}
