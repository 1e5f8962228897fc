//! The model by itself: one test for each rule, on a time that stands still until it is moved.

mod addresses;
mod admin;
mod dead;
mod dedup;
mod deferred;
mod forward;
mod locks;
mod peek;
mod properties;
mod queues;
mod rules;
mod scheduled;
mod sessions;
mod speed;
mod transactions;

use std::{collections::BTreeMap, time::Duration};

use uuid::Uuid;

use super::*;

/// A model, the time, and how its entities are called.
struct World {
    model: Model,
    now: Time,
}

impl World {
    fn new() -> Self {
        Self {
            model: Model::new(7),
            now: Time::from_millis(1_767_225_600_000),
        }
    }

    /// Makes a world with a queue "q" that is changed before it is made.
    fn with_queue(change: impl FnOnce(&mut QueueSettings)) -> Self {
        let mut world = Self::new();
        world.queue("q", change);
        world
    }

    /// Makes a world with a queue "q" that requires sessions.
    fn with_sessions() -> Self {
        Self::with_queue(|it| it.outlet.requires_session = true)
    }

    fn queue(&mut self, name: &str, change: impl FnOnce(&mut QueueSettings)) {
        let mut settings = QueueSettings::default();
        change(&mut settings);
        let path = Path::new(name);
        self.model.create_queue(self.now, &path, settings).unwrap();
    }

    fn topic(&mut self, name: &str, change: impl FnOnce(&mut TopicSettings)) {
        let mut settings = TopicSettings::default();
        change(&mut settings);
        let path = Path::new(name);
        self.model.create_topic(self.now, &path, settings).unwrap();
    }

    /// Makes a subscription of the topic "t".
    fn subscription(&mut self, name: &str, change: impl FnOnce(&mut SubscriptionSettings)) {
        let mut settings = SubscriptionSettings::default();
        change(&mut settings);
        let path = Path::of_subscription("t", name);
        self.model
            .create_subscription(self.now, &path, settings, None)
            .unwrap();
    }

    fn pass(&mut self, seconds: u64) {
        self.now = self.now.after(Duration::from_secs(seconds));
    }

    const fn call(&self) -> Call {
        Call::at(self.now)
    }

    fn send(&mut self, to: &str, contents: Contents) -> Result<()> {
        let (call, path) = (self.call(), Path::new(to));
        self.model.send(call, &path, None, vec![contents])
    }

    /// Sends messages that have nothing but a body.
    fn send_all(&mut self, to: &str, bodies: &[&'static str]) {
        for body in bodies {
            self.send(to, text(body)).unwrap();
        }
    }

    fn receive(&mut self, from: &str, max: usize) -> Vec<Delivery> {
        self.try_receive(from, max, Mode::PeekLock, None).unwrap()
    }

    fn receive_from(&mut self, from: &str, max: usize, session: &Session) -> Vec<Delivery> {
        self.try_receive(from, max, Mode::PeekLock, Some(&session.key))
            .unwrap()
    }

    fn try_receive(
        &mut self,
        from: &str,
        max: usize,
        mode: Mode,
        session: Option<&SessionKey>,
    ) -> Result<Vec<Delivery>> {
        let receive = Receive { max, mode, session };
        self.model.receive(self.now, &address(from), receive)
    }

    fn settle(&mut self, at: &str, delivery: &Delivery, settlement: Settlement) -> Result<()> {
        let call = self.call();
        self.model
            .settle(call, &address(at), token(delivery), settlement)
    }

    fn complete(&mut self, at: &str, delivery: &Delivery) -> Result<()> {
        self.settle(at, delivery, Settlement::Complete)
    }

    fn abandon(&mut self, at: &str, delivery: &Delivery) {
        self.settle(at, delivery, abandon()).unwrap();
    }

    fn accept(&mut self, at: &str, id: Option<&str>) -> Result<Option<Session>> {
        self.model.accept_session(self.now, &address(at), id)
    }

    fn counts(&mut self, path: &str) -> Counts {
        let summary = self.model.summary(self.now, &Path::new(path));
        summary.unwrap().counts
    }

    fn peek(&mut self, at: &str) -> Vec<Peeked> {
        self.model
            .peek(self.now, &address(at), 0, PEEK_MAX, None)
            .unwrap()
    }
}

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

fn text(body: &'static str) -> Contents {
    Contents::of_body(body)
}

fn in_session(session: &str, body: &'static str) -> Contents {
    Contents {
        session_id: Some(session.into()),
        ..text(body)
    }
}

fn with_id(id: &str, body: &'static str) -> Contents {
    Contents {
        message_id: Some(id.into()),
        ..text(body)
    }
}

fn with_life(seconds: u64, body: &'static str) -> Contents {
    Contents {
        time_to_live: Some(Duration::from_secs(seconds)),
        ..text(body)
    }
}

fn with_property(name: &str, value: impl Into<Value>) -> Contents {
    Contents {
        properties: [(name.into(), value.into())].into(),
        ..text("")
    }
}

fn abandon() -> Settlement {
    Settlement::Abandon {
        properties: BTreeMap::new(),
    }
}

fn defer() -> Settlement {
    Settlement::Defer {
        properties: BTreeMap::new(),
    }
}

fn dead_letter(reason: &str) -> Settlement {
    Settlement::DeadLetter {
        reason: Some(reason.into()),
        description: None,
        properties: BTreeMap::new(),
    }
}

fn token(delivery: &Delivery) -> Uuid {
    delivery.lock.unwrap().token
}

fn bodies(deliveries: &[Delivery]) -> Vec<&str> {
    deliveries.iter().map(|it| body(&it.message)).collect()
}

fn body(message: &Message) -> &str {
    std::str::from_utf8(&message.contents.body).unwrap()
}

/// Returns a property of a message that is a text.
fn property<'a>(message: &'a Message, name: &str) -> Option<&'a str> {
    match message.contents.properties.get(name)? {
        Value::String(text) => Some(text),
        _ => None,
    }
}

fn reason(message: &Message) -> Option<&str> {
    property(message, DEAD_LETTER_REASON)
}

fn kind<T>(result: Result<T>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}
