//! Each rule of the oracle, with a history that keeps it and one that breaks it.

mod handlers;
mod leases;
mod messages;

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
            traceparent: None,
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
            Event::Started {
                source,
                delivery,
                lease_left: None,
            },
            Event::Handled {
                source,
                delivery,
                took,
                lease_left: None,
                result: Ok(settlement),
            },
            Event::Settled {
                source,
                delivery,
                settlement,
                took,
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
