//! Each rule of the oracle, with a history that keeps it and one that breaks it.

use std::{num::NonZeroU32, time::Duration};

use relayhouse_core::{
    Attempts, DeadLetter, Delivery, Event, Instant, Lease, Message, MessageId, Observer, Previous,
    Receipt, Sent, Settlement, Source, Timestamp,
};

use super::{
    Answer, Breaches, Entry, HandlerEnd, Leases, Oracle, Order, Rules, Sends, Verdict, Watch,
};

const LEASE: Duration = Duration::from_secs(10);

/// A history, a second for each entry.
struct History {
    oracle: Oracle,
    now: Instant,
}

impl History {
    fn new(rules: Rules) -> Self {
        Self {
            oracle: Oracle::new(rules),
            now: Instant::START,
        }
    }

    fn note(&mut self, entry: Entry<'_>) -> &mut Self {
        self.oracle.note(self.now, entry);
        self.now = self.now + Duration::from_secs(1);
        self
    }

    fn wait(&mut self, time: Duration) -> &mut Self {
        self.now = self.now + time;
        self
    }

    fn sent(&mut self, message: &Message) -> &mut Self {
        let id = message.id.as_ref().expect("an id");
        self.note(Entry::Sending(message));
        self.note(Entry::Sent {
            id,
            answer: Answer::Done,
        })
    }

    fn received(&mut self, delivery: &mut Delivery) -> &mut Self {
        delivery.lease = Lease::new(self.now + LEASE, u64::from(delivery.attempt));
        self.note(Entry::Received(delivery))
    }

    fn started(&mut self, delivery: &Delivery) -> &mut Self {
        self.note(Entry::Started(&delivery.receipt))
    }

    fn handled(&mut self, delivery: &Delivery) -> &mut Self {
        let end = HandlerEnd::Success;
        self.note(Entry::Handled {
            receipt: &delivery.receipt,
            end,
        })
    }

    fn settled(
        &mut self,
        delivery: &Delivery,
        settlement: &Settlement,
        answer: Answer,
    ) -> &mut Self {
        let receipt = &delivery.receipt;
        self.note(Entry::Settled {
            receipt,
            settlement,
            answer,
        })
    }

    fn acked(&mut self, delivery: &Delivery) -> &mut Self {
        self.settled(delivery, &Settlement::Ack, Answer::Done)
    }

    fn verdict(self) -> Verdict {
        self.oracle.verdict(0)
    }

    /// The one rule that was broken, once.
    fn broken(self, count: fn(&mut Breaches) -> &mut u64) {
        let verdict = self.verdict();
        let mut expected = Breaches::default();
        *count(&mut expected) = 1;
        assert_eq!(verdict.breaches, expected, "{verdict}");
        assert_eq!(verdict.told.len(), 1, "{verdict}");
    }

    fn fine(self) -> Verdict {
        let verdict = self.verdict();
        assert!(verdict.is_ok(), "{verdict}");
        verdict
    }
}

fn message(number: u64) -> Message {
    Message::new(number.to_string()).id(MessageId::from(u128::from(number)))
}

fn keyed(number: u64) -> Message {
    message(number).ordering_key("key")
}

fn delivery(message: &Message, attempt: u32) -> Delivery {
    let number = message.id.clone().expect("an id");
    Delivery {
        receipt: Receipt::from_text(&format!("{number}-{attempt}")),
        id: number,
        message: message.clone(),
        lease: Lease::new(Instant::START, 0),
        attempt,
        previous: Previous::None,
        sequence: None,
        enqueued_at: Timestamp::default(),
        envelope: None,
    }
}

/// A history with one message that was sent and received.
fn one(rules: Rules) -> (History, Delivery) {
    let mut history = History::new(rules);
    let message = message(1);
    let mut delivery = delivery(&message, 1);
    history.sent(&message).received(&mut delivery);
    (history, delivery)
}

fn again(first: &Delivery) -> Delivery {
    delivery(&first.message, first.attempt + 1)
}

#[test]
fn plain_history_is_fine() {
    let (mut history, first) = one(Rules::default());
    let mut second = again(&first);
    history.started(&first);
    history.settled(&first, &Settlement::RELEASE, Answer::Done);
    history
        .received(&mut second)
        .started(&second)
        .handled(&second)
        .acked(&second);
    let verdict = history.fine();
    assert_eq!(
        (verdict.sent, verdict.received, verdict.redelivered),
        (1, 2, 1)
    );
    assert_eq!(
        (verdict.acked, verdict.released, verdict.started),
        (1, 1, 2)
    );
}

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

fn ordered() -> (History, Delivery, Delivery) {
    let mut history = History::new(Rules {
        order: Order::Key,
        ..Rules::default()
    });
    history.sent(&keyed(1)).sent(&keyed(2));
    let (mut one, mut two) = (delivery(&keyed(1), 1), delivery(&keyed(2), 1));
    history.received(&mut one).received(&mut two);
    (history, one, two)
}

#[test]
fn later_message_must_not_start_first() {
    let (mut history, one, two) = ordered();
    history.started(&two).handled(&two).acked(&two);
    history.started(&one).handled(&one).acked(&one);
    history.broken(|it| &mut it.order);
    let (mut history, one, two) = ordered();
    history.started(&one).handled(&one).acked(&one);
    history.started(&two).handled(&two).acked(&two);
    history.fine();
}

#[test]
fn handlers_of_a_key_must_not_overlap() {
    let (mut history, one, _) = ordered();
    let other_producer = keyed(0).id(MessageId::from(1 << 64));
    let mut third = delivery(&other_producer, 1);
    history.sent(&other_producer).received(&mut third);
    history
        .started(&one)
        .started(&third)
        .handled(&one)
        .handled(&third);
    let verdict = history.oracle.verdict(3);
    assert_eq!(verdict.breaches.order, 1, "{verdict}");
}

#[test]
fn bounds_are_kept() {
    for rules in [
        Rules {
            in_flight_max: Some(0),
            ..Rules::default()
        },
        Rules {
            in_flight_bytes_max: Some(0),
            ..Rules::default()
        },
    ] {
        let (mut history, first) = one(rules);
        history.acked(&first);
        history.broken(|it| &mut it.bounds);
    }
    let (mut history, first) = one(Rules {
        handlers_max: Some(0),
        ..Rules::default()
    });
    history.started(&first).handled(&first).acked(&first);
    history.broken(|it| &mut it.bounds);
    let (mut history, first) = one(Rules {
        in_flight_max: Some(1),
        handlers_max: Some(1),
        ..Rules::default()
    });
    history.started(&first).handled(&first).acked(&first);
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
fn handler_must_not_start_at_the_end_of_its_lease() {
    let (mut history, first) = one(Rules {
        start_margin: Duration::from_secs(5),
        ..Rules::default()
    });
    history.wait(LEASE / 2).started(&first).acked(&first);
    history.broken(|it| &mut it.late_starts);
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
fn nothing_starts_after_the_shutdown() {
    let (mut history, first) = one(Rules::default());
    history
        .note(Entry::ShutDown { abandoned: 1 })
        .started(&first)
        .acked(&first);
    history.broken(|it| &mut it.drain);
}

#[test]
fn shutdown_tells_what_it_leaves() {
    let (mut history, first) = one(Rules::default());
    history.note(Entry::ShutDown { abandoned: 0 }).acked(&first);
    history.broken(|it| &mut it.drain);
    let (mut history, first) = one(Rules::default());
    history.acked(&first).note(Entry::ShutDown { abandoned: 0 });
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

#[test]
fn watch_hears_what_is_about_its_source() {
    let name = |text| relayhouse_core::QueueName::new(text).expect("a valid name");
    let (mine, other) = (Source::queue(name("mine")), Source::queue(name("other")));
    let watch = Watch::new(&mine, Rules::default());
    let (message, mut delivery) = (message(1), delivery(&message(1), 1));
    let now = Instant::START;
    delivery.lease = Lease::new(now + LEASE, 1);
    watch.sending(now, &message);
    let (id, settlement, took) = (&delivery.id, &Settlement::Ack, Duration::ZERO);
    let result = Ok(&Sent::default());
    let (source, delivery) = (&mine, &delivery);
    watch.observe(
        now,
        &[Event::Sent {
            queue: &name("mine"),
            id,
            bytes: 1,
            result,
        }],
    );
    watch.observe(
        now,
        &[Event::Received {
            source: &other,
            delivery,
        }],
    );
    watch.observe(
        now,
        &[
            Event::Received { source, delivery },
            Event::Started { source, delivery },
            Event::Handled {
                source,
                delivery,
                took,
                result: Ok(settlement),
            },
            Event::Settled {
                source,
                delivery,
                settlement,
                result: Ok(()),
            },
        ],
    );
    let verdict = watch.verdict(0, Rules::default());
    assert!(verdict.is_ok(), "{verdict}");
    let counts = (
        verdict.sent,
        verdict.received,
        verdict.started,
        verdict.acked,
    );
    assert_eq!(counts, (1, 1, 1, 1));
}
