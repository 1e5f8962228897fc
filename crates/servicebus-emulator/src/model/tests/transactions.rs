//! Transactions.

use super::*;

impl World {
    fn begin(&mut self) -> (TransactionId, Call) {
        let id = self.model.begin(self.now).unwrap();
        (id, self.call().within(id))
    }

    fn send_within(&mut self, call: Call, to: &str, via: Option<&str>) -> Result<()> {
        let (to, via) = (Path::new(to), via.map(Path::new));
        self.model.send(call, &to, via.as_ref(), vec![text("x")])
    }
}

#[test]
fn sends_and_settlements_are_done_together() {
    let mut world = World::with_queue(|_| ());
    world.send_all("q", &["a", "b"]);
    let deliveries = world.receive("q", 2);
    let (id, call) = world.begin();
    world.send_within(call, "q", None).unwrap();
    let at = address("q");
    let first = token(&deliveries[0]);
    world
        .model
        .settle(call, &at, first, Settlement::Complete)
        .unwrap();
    let second = token(&deliveries[1]);
    world
        .model
        .settle(call, &at, second, dead_letter("why"))
        .unwrap();
    assert!(world.receive("q", 9).is_empty());
    assert_eq!(world.counts("q").active, 2);
    world.model.commit(world.now, id).unwrap();
    assert_eq!(bodies(&world.receive("q", 9)), ["x"]);
    assert_eq!(world.counts("q").dead_letter, 1);
    let again = kind(world.model.commit(world.now, id));
    assert_eq!(again, Some(ErrorKind::TransactionUnknown));
}

#[test]
fn rollback_leaves_messages_locked_and_sends_nothing() {
    let mut world = World::with_queue(|_| ());
    world.send_all("q", &["a"]);
    let delivery = world.receive("q", 1).remove(0);
    let (id, call) = world.begin();
    world.send_within(call, "q", None).unwrap();
    let at = address("q");
    world
        .model
        .settle(call, &at, token(&delivery), Settlement::Complete)
        .unwrap();
    let refused = kind(world.complete("q", &delivery));
    assert_eq!(refused, Some(ErrorKind::NotAllowed), "another is to do it");
    world.model.rollback(world.now, id).unwrap();
    assert!(world.receive("q", 9).is_empty());
    world.complete("q", &delivery).unwrap();
    assert_eq!(world.counts("q").total(), 0);
}

#[test]
fn nothing_is_done_if_a_lock_is_over() {
    let mut world = World::with_queue(|_| ());
    world.send_all("q", &["a"]);
    let delivery = world.receive("q", 1).remove(0);
    world.pass(30);
    let (id, call) = world.begin();
    world.send_within(call, "q", None).unwrap();
    let at = address("q");
    world
        .model
        .settle(call, &at, token(&delivery), Settlement::Complete)
        .unwrap();
    world.pass(30);
    let aborted = kind(world.model.commit(world.now, id));
    assert_eq!(aborted, Some(ErrorKind::TransactionAborted));
    assert_eq!(bodies(&world.receive("q", 9)), ["a"]);
}

#[test]
fn transaction_is_about_one_entity() {
    let mut world = World::with_queue(|_| ());
    world.queue("b", |_| ());
    world.topic("t", |_| ());
    world.subscription("s", |_| ());
    let (_, call) = world.begin();
    world.send_within(call, "q", None).unwrap();
    let refused = kind(world.send_within(call, "b", None));
    assert_eq!(refused, Some(ErrorKind::NotAllowed));
    world.send_within(call, "b", Some("q")).unwrap();
    let (id, call) = world.begin();
    world.send_all("t", &["a"]);
    let delivery = world.receive("t/Subscriptions/s", 1).remove(0);
    let at = address("t/Subscriptions/s");
    world
        .model
        .settle(call, &at, token(&delivery), Settlement::Complete)
        .unwrap();
    world.send_within(call, "b", Some("t")).unwrap();
    world.model.commit(world.now, id).unwrap();
    assert_eq!(world.counts("b").active, 1);
    assert_eq!(world.counts("t/Subscriptions/s").total(), 0);
}

#[test]
fn transaction_is_undone_two_minutes_after_its_first_operation() {
    let mut world = World::with_queue(|_| ());
    let (id, call) = world.begin();
    world.pass(600);
    let call = Call {
        now: world.now,
        ..call
    };
    world.send_within(call, "q", None).unwrap();
    let deadline = world.now.after(TRANSACTION_TIME_MAX);
    assert_eq!(world.model.next_due(), Some(deadline));
    world.pass(120);
    let unknown = kind(world.model.commit(world.now, id));
    assert_eq!(unknown, Some(ErrorKind::TransactionUnknown));
    assert_eq!(world.counts("q").total(), 0);
}

#[test]
fn transaction_sends_a_hundred_messages() {
    let mut world = World::with_queue(|_| ());
    let (id, call) = world.begin();
    for _ in 0..100 {
        world.send_within(call, "q", None).unwrap();
    }
    let refused = kind(world.send_within(call, "q", None));
    assert_eq!(refused, Some(ErrorKind::QuotaExceeded));
    world.model.commit(world.now, id).unwrap();
    assert_eq!(world.counts("q").active, 100);
}

#[test]
fn transactions_that_are_open_have_a_bound() {
    let mut world = World::new();
    for _ in 0..TRANSACTIONS_MAX {
        world.begin();
    }
    let refused = kind(world.model.begin(world.now));
    assert_eq!(refused, Some(ErrorKind::QuotaExceeded));
}

#[test]
fn schedules_are_part_of_a_transaction() {
    let mut world = World::with_queue(|_| ());
    let later = || Contents {
        scheduled: Some(Time::MAX),
        ..text("later")
    };
    let path = Path::new("q");
    let (undone, call) = world.begin();
    world.model.schedule(call, &path, vec![later()]).unwrap();
    world.model.rollback(world.now, undone).unwrap();
    assert_eq!(world.counts("q").scheduled, 0);
    let (done, call) = world.begin();
    let numbers = world.model.schedule(call, &path, vec![later()]).unwrap();
    world.model.commit(world.now, done).unwrap();
    world.model.cancel(world.now, &path, &numbers).unwrap();
}
