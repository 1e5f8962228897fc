//! The hostile provider is hostile within the rules of the ports.

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt;
use proptest::{collection::vec, prelude::Just, prelude::Strategy, prelude::prop_oneof, proptest};
use relayhouse_core::{
    Capabilities, Clock, ErrorKind, Extending, Message, QueueName, SeededRandom, Sending,
    Settlement, Settling, Source, Timestamp,
    port::{ReceiveRequest, Receiver, Sender},
};

use super::{Call, Ending, HostileReceiver, HostileSender, Items, Reply, Script};
use crate::clock::ManualClock;

fn clock() -> ManualClock {
    ManualClock::new(Timestamp::default())
}

fn queue() -> QueueName {
    QueueName::new("orders").expect("a valid name")
}

fn sender(clock: &ManualClock, script: Script) -> HostileSender {
    HostileSender::new(queue(), Capabilities::NONE, Arc::new(clock.clone()), script)
}

fn receiver(clock: &ManualClock) -> HostileReceiver {
    let lease = Duration::from_secs(30);
    let clock = Arc::new(clock.clone());
    HostileReceiver::new(Source::queue(queue()), Capabilities::NONE, clock, lease)
}

fn batch(count: usize) -> Vec<Sending> {
    (0..count)
        .map(|number| Sending::new(Message::new(number.to_string())))
        .collect()
}

fn reply() -> impl Strategy<Value = Reply> {
    prop_oneof![
        Just(Reply::Done),
        Just(Reply::Failed(ErrorKind::Throttled)),
        Just(Reply::UnknownDone),
        Just(Reply::UnknownLost),
        Just(Reply::MissingDone),
        Just(Reply::MissingLost),
    ]
}

proptest! {
    #[test]
    fn done_is_taken_and_failed_is_not(
        replies in vec(reply(), 1..8),
        ending in prop_oneof![
            Just(Ending::Returns),
            Just(Ending::Fails(ErrorKind::ConnectionFailed)),
        ],
    ) {
        let count = replies.len();
        let script = Script::new().then(Call::each(replies).ending(ending));
        let sender = sender(&clock(), script);
        let mut batch = batch(count);
        let call = sender.send(&mut batch).now_or_never().expect("an answer at once");
        let taken = sender.taken();
        for (number, item) in batch.into_iter().enumerate() {
            let body = number.to_string();
            let was_taken = taken.iter().any(|message| message.body == body);
            match item.outcome.settle(&call) {
                Ok(_) => assert!(was_taken),
                Err(error) if error.kind() == ErrorKind::OutcomeUnknown => {}
                Err(_) => assert!(!was_taken, "{body} was said to have failed"),
            }
        }
    }
}

#[test]
fn short_answer_leaves_the_rest_pending() {
    let sender = sender(&clock(), Script::new().then(Call::items(Items::First(2))));
    let mut batch = batch(4);
    assert!(
        sender
            .send(&mut batch)
            .now_or_never()
            .expect("an answer")
            .is_ok()
    );
    let pending: Vec<_> = batch.iter().map(|item| item.outcome.is_pending()).collect();
    assert_eq!(pending, [false, false, true, true]);
    assert_eq!(sender.batches(), [4]);
}

#[test]
fn slow_call_ends_when_its_time_has_come() {
    let clock = clock();
    let slow = Call::DONE
        .before(Duration::from_secs(1))
        .after(Duration::from_secs(1));
    let sender = sender(&clock, Script::new().then(slow).then(Call::hangs()));
    let mut batch = batch(1);
    {
        let mut send = sender.send(&mut batch);
        assert!((&mut send).now_or_never().is_none());
        assert_eq!(sender.taken().len(), 0);
        clock.advance(Duration::from_secs(1));
        assert!((&mut send).now_or_never().is_none());
        assert_eq!(sender.taken().len(), 1);
        clock.advance(Duration::from_secs(1));
        assert!((&mut send).now_or_never().is_some());
    }
    assert!(sender.send(&mut batch).now_or_never().is_none());
    assert_eq!(sender.calls_open_max(), 1);
}

#[test]
fn chance_is_the_same_for_the_same_seed() {
    let run = || {
        let random = Arc::new(SeededRandom::new(7));
        let clock = clock();
        let sender = sender(&clock, Script::new().then_by_chance(random, 0.5));
        let mut outcomes = Vec::new();
        for _ in 0..50 {
            let mut batch = batch(4);
            {
                let mut send = sender.send(&mut batch);
                while (&mut send).now_or_never().is_none() {
                    clock.advance(Duration::from_millis(50));
                }
            }
            outcomes.push(format!("{batch:?}"));
        }
        (outcomes, sender.taken().len())
    };
    assert_eq!(run(), run());
    assert!((20..180).contains(&run().1));
}

#[test]
fn receive_wakes_brings_and_ends() {
    let clock = clock();
    let receiver = receiver(&clock);
    let mut deliveries = Vec::new();
    let request = ReceiveRequest::ONE.wait(Duration::from_secs(5));
    {
        let mut receive = receiver.receive(request, &mut deliveries);
        assert!((&mut receive).now_or_never().is_none());
        receiver.put(Message::new("x"), 2);
        assert!((&mut receive).now_or_never().expect("a message").is_ok());
    }
    assert_eq!(deliveries[0].attempt, 2);
    assert_eq!(
        deliveries[0].lease.until(),
        clock.now() + Duration::from_secs(30)
    );
    let mut receive = receiver.receive(request, &mut deliveries);
    assert!((&mut receive).now_or_never().is_none());
    clock.advance(Duration::from_secs(5));
    assert!(
        (&mut receive)
            .now_or_never()
            .expect("the end of the wait")
            .is_ok()
    );
}

#[test]
fn settles_and_extensions_follow_their_scripts() {
    let clock = clock();
    let replies = vec![Reply::UnknownDone, Reply::Failed(ErrorKind::LeaseLost)];
    let receiver = receiver(&clock)
        .settles(Script::new().then(Call::each(replies)))
        .extends(Script::new().then(Call::fails(ErrorKind::ConnectionFailed)));
    receiver.put(Message::new("a"), 1);
    receiver.put(Message::new("b"), 1);
    let mut deliveries = Vec::new();
    for _ in 0..2 {
        let receive = receiver.receive(ReceiveRequest::ONE, &mut deliveries);
        assert!(receive.now_or_never().expect("a message").is_ok());
    }
    let mut extending = [Extending::new(deliveries[0].receipt.clone())];
    let call = receiver
        .extend(&mut extending, Duration::from_secs(1))
        .now_or_never();
    assert!(call.expect("an answer").is_err());
    assert_eq!(receiver.extended(), []);
    let settling = |delivery| Settling::new(delivery, Settlement::Ack);
    let mut batch: Vec<_> = deliveries.into_iter().map(settling).collect();
    let call = receiver
        .settle(&mut batch)
        .now_or_never()
        .expect("an answer");
    let kinds = batch
        .into_iter()
        .map(|item| item.outcome.settle(&call).map_err(|it| it.kind()));
    let expected = [Err(ErrorKind::OutcomeUnknown), Err(ErrorKind::LeaseLost)];
    assert!(kinds.eq(expected));
    assert_eq!(receiver.settled().len(), 1);
}

#[test]
fn lost_leases_are_told_once() {
    let receiver = receiver(&clock());
    receiver.put(Message::new("x"), 1);
    let mut deliveries = Vec::new();
    assert!(
        receiver
            .receive(ReceiveRequest::ONE, &mut deliveries)
            .now_or_never()
            .is_some()
    );
    let mut lost = Vec::new();
    assert!(receiver.lost(&mut lost).now_or_never().is_none());
    receiver.lose(deliveries[0].receipt.clone());
    assert!(receiver.lost(&mut lost).now_or_never().is_some());
    assert_eq!(lost, [deliveries[0].receipt.clone()]);
    assert!(receiver.lost(&mut lost).now_or_never().is_none());
}
