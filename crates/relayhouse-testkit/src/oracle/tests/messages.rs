//! Messages: none is lost, made up or changed, and each answer is honest.

use super::*;

#[test]
fn message_that_is_gone_is_lost() {
    let (history, _) = one(Rules::default());
    history.broken(|it| &mut it.lost);
}

#[test]
fn message_that_is_left_is_not_lost() {
    let (history, _) = one(Rules::default());
    assert!(history.oracle.verdict(1).is_ok());
}

#[test]
fn message_whose_ack_nobody_heard_is_not_lost() {
    let (mut history, first) = one(Rules::default());
    history.settled(&first, &Settlement::Ack, Answer::Unknown);
    assert_eq!(history.fine().unsure, 1);
}

#[test]
fn message_that_nobody_sent_is_a_phantom() {
    let mut history = History::new(Rules::default());
    let mut delivery = delivery(&message(1), 1);
    history.received(&mut delivery).acked(&delivery);
    history.broken(|it| &mut it.phantom);
    let mut history = History::new(Rules {
        sends: Sends::Untold,
        ..Rules::default()
    });
    history.received(&mut delivery).acked(&delivery);
    history.fine();
}

#[test]
fn changed_message_is_found() {
    for changed in [
        Message::new("other").id(MessageId::from(1)),
        message(1).header("tenant", "acme"),
    ] {
        let mut history = History::new(Rules::default());
        let mut delivery = delivery(&changed, 1);
        history
            .sent(&message(1))
            .received(&mut delivery)
            .acked(&delivery);
        history.broken(|it| &mut it.mutated);
    }
}

#[test]
fn message_is_dead_lettered_exactly_when_exhausted() {
    let rules = || Rules {
        attempts_max: NonZeroU32::new(2),
        ..Rules::default()
    };
    let dead = Settlement::dead_letter(DeadLetter::ATTEMPTS_EXHAUSTED, "");
    let (mut history, first) = one(rules());
    history.settled(&first, &dead, Answer::Done);
    history.broken(|it| &mut it.dead_letters);
    let (mut history, first) = one(rules());
    let mut second = again(&first);
    history.wait(LEASE).received(&mut second);
    history.settled(&second, &dead, Answer::Done);
    assert_eq!(history.fine().dead_lettered, 1);
    let (mut history, _) = one(rules());
    let mut third = again(&second);
    history.wait(LEASE).received(&mut second);
    history.wait(LEASE).received(&mut third);
    history.settled(&third, &dead, Answer::Done);
    assert_eq!(history.fine().dead_lettered, 1);
    let (mut history, _) = one(rules());
    history.wait(LEASE).received(&mut second);
    history.wait(LEASE).received(&mut third).started(&third);
    history.handled(&third).acked(&third);
    history.broken(|it| &mut it.dead_letters);
}

#[test]
fn rejected_message_may_be_dead_lettered_early() {
    let (mut history, first) = one(Rules {
        attempts_max: NonZeroU32::new(2),
        ..Rules::default()
    });
    let rejected = Settlement::dead_letter(DeadLetter::REJECTED, "");
    history.settled(&first, &rejected, Answer::Done);
    history.fine();
}

#[test]
fn batch_answers_once_for_each_item() {
    let mut history = History::new(Rules::default());
    history.note(Entry::Batch {
        items: 3,
        answers: 3,
    });
    history.note(Entry::Batch {
        items: 3,
        answers: 2,
    });
    history.broken(|it| &mut it.batches);
}

#[test]
fn failed_send_that_is_delivered_was_not_honest() {
    let mut history = History::new(Rules::default());
    let (message, mut delivery) = (message(1), delivery(&message(1), 1));
    history.note(Entry::Sending(&message));
    history.note(Entry::Sent {
        id: &delivery.id.clone(),
        answer: Answer::Failed,
    });
    history.received(&mut delivery).acked(&delivery);
    history.broken(|it| &mut it.false_failures);
}

#[test]
fn unknown_send_may_be_delivered_or_not() {
    let mut history = History::new(Rules::default());
    for number in [1, 2] {
        let message = message(number);
        history.note(Entry::Sending(&message));
        let id = message.id.as_ref().expect("an id");
        history.note(Entry::Sent {
            id,
            answer: Answer::Unknown,
        });
    }
    let mut delivery = delivery(&message(1), 1);
    history.received(&mut delivery).acked(&delivery);
    assert_eq!(history.fine().send_unknown, 2);
}

#[test]
fn finished_messages_take_a_bit_each() {
    let mut history = History::new(Rules::default());
    for number in 0..10_000 {
        let message = message(number);
        let mut delivery = delivery(&message, 1);
        history
            .sent(&message)
            .received(&mut delivery)
            .acked(&delivery);
    }
    assert_eq!(history.oracle.table.live.len(), 0);
    assert_eq!(history.fine().acked, 10_000);
}
