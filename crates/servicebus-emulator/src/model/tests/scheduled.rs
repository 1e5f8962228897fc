//! Messages that are due later.

use super::*;

impl World {
    fn at(&self, seconds: u64, body: &'static str) -> Contents {
        Contents {
            scheduled: Some(self.now.after(Duration::from_secs(seconds))),
            ..text(body)
        }
    }

    fn schedule(&mut self, to: &str, batch: Vec<Contents>) -> Result<Vec<u64>> {
        let (call, path) = (self.call(), Path::new(to));
        self.model.schedule(call, &path, batch)
    }
}

#[test]
fn scheduled_message_comes_when_it_is_due_with_another_number() {
    let mut world = World::with_queue(|_| ());
    let batch = vec![world.at(20, "b"), world.at(10, "a")];
    assert_eq!(world.schedule("q", batch).unwrap(), [1, 2]);
    assert_eq!(world.counts("q").scheduled, 2);
    assert!(world.receive("q", 9).is_empty());
    let due = world.now.after(Duration::from_secs(10));
    assert_eq!(world.model.next_due(), Some(due));
    world.pass(25);
    let deliveries = world.receive("q", 9);
    assert_eq!(bodies(&deliveries), ["a", "b"]);
    assert_eq!(deliveries[0].message.sequence, 3);
    assert_eq!(deliveries[0].message.enqueued, due);
}

#[test]
fn scheduled_message_lives_from_when_it_is_due() {
    let mut world = World::with_queue(|it| it.common.time_to_live = Some(Duration::from_secs(5)));
    let batch = vec![world.at(10, "a")];
    world.schedule("q", batch).unwrap();
    world.pass(14);
    assert_eq!(world.counts("q").active, 1);
    world.pass(1);
    assert_eq!(world.counts("q").total(), 0);
}

#[test]
fn message_with_a_time_that_is_past_is_enqueued_at_once() {
    let mut world = World::with_queue(|_| ());
    let past = world.at(0, "a");
    world.pass(5);
    world.send("q", past.clone()).unwrap();
    world.schedule("q", vec![past]).unwrap();
    assert_eq!(world.counts("q").active, 2);
    let sent = world.at(9, "b");
    world.send("q", sent).unwrap();
    assert_eq!(world.counts("q").scheduled, 1);
}

#[test]
fn scheduled_messages_are_taken_back_all_or_none() {
    let mut world = World::with_queue(|_| ());
    let batch = vec![world.at(10, "a"), world.at(10, "b")];
    let numbers = world.schedule("q", batch).unwrap();
    let path = Path::new("q");
    let refused = kind(world.model.cancel(world.now, &path, &[numbers[0], 9]));
    assert_eq!(refused, Some(ErrorKind::MessageNotFound));
    assert_eq!(world.counts("q").scheduled, 2);
    world.model.cancel(world.now, &path, &numbers).unwrap();
    assert_eq!(world.counts("q").total(), 0);
    let again = kind(world.model.cancel(world.now, &path, &numbers));
    assert_eq!(again, Some(ErrorKind::MessageNotFound));
}

#[test]
fn message_that_does_not_say_when_cannot_be_scheduled() {
    let mut world = World::with_queue(|_| ());
    let refused = kind(world.schedule("q", vec![text("a")]));
    assert_eq!(refused, Some(ErrorKind::Argument));
}

#[test]
fn topic_keeps_scheduled_messages_until_they_are_due() {
    let mut world = World::new();
    world.topic("t", |_| ());
    world.subscription("s", |_| ());
    let batch = vec![world.at(10, "a"), world.at(10, "b")];
    let numbers = world.schedule("t", batch).unwrap();
    assert_eq!(world.counts("t").scheduled, 2);
    assert_eq!(world.peek("t").len(), 2);
    let path = Path::new("t");
    world.model.cancel(world.now, &path, &numbers[..1]).unwrap();
    world.pass(10);
    assert_eq!(bodies(&world.receive("t/subscriptions/s", 9)), ["b"]);
    assert_eq!(world.counts("t").scheduled, 0);
}
