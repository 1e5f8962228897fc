//! What is kept is there again after a restart, and what cannot be kept is told.

mod files;
mod keeping;
mod properties;
mod restarts;

use std::time::Duration;

use tempfile::TempDir;
use uuid::Uuid;

use super::{DataError, DataErrorKind, Store};
use crate::model::{
    Address, Call, Contents, Delivery, Mode, Model, Path, Peeked, QueueSettings, Receive, Result,
    Session, SessionKey, Settlement, SubscriptionSettings, Time, TopicSettings,
};

const SEED: u64 = 7;

/// A model that is kept in a directory, and the time.
struct World {
    directory: TempDir,
    store: Option<Store>,
    model: Model,
    now: Time,
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            directory: TempDir::new().unwrap(),
            store: None,
            model: Model::new(0),
            now: Time::from_millis(1_767_225_600_000),
        };
        world.open();
        world
    }

    fn open(&mut self) {
        let store = Store::open(self.directory.path()).unwrap();
        self.model = store.load(SEED).unwrap();
        self.model.resume(self.now);
        self.store = Some(store);
    }

    fn commit(&mut self) {
        let changes = self.model.take_changes();
        self.store.as_mut().unwrap().write(&changes.all).unwrap();
    }

    /// Ends the process and begins another, which has nothing but what was written.
    fn restart(&mut self) {
        self.commit();
        self.crash();
    }

    /// The same without a last write.
    fn crash(&mut self) {
        self.store = None;
        self.open();
    }

    fn pass(&mut self, seconds: u64) {
        self.now = self.now.after(Duration::from_secs(seconds));
    }

    fn queue(&mut self, name: &str, change: impl FnOnce(&mut QueueSettings)) {
        let mut settings = QueueSettings::default();
        change(&mut settings);
        let created = self
            .model
            .create_queue(self.now, &Path::new(name), settings);
        created.unwrap();
    }

    /// Makes a topic "t" with a subscription "a".
    fn topic(&mut self) {
        let (now, path) = (self.now, Path::new("t"));
        let created = self
            .model
            .create_topic(now, &path, TopicSettings::default());
        created.unwrap();
        let settings = SubscriptionSettings::default();
        let created = self
            .model
            .create_subscription(now, &subscription(), settings, None);
        created.unwrap();
    }

    fn send(&mut self, to: &str, contents: Contents) {
        let (call, path) = (Call::at(self.now), Path::new(to));
        self.model.send(call, &path, None, vec![contents]).unwrap();
    }

    fn receive(&mut self, from: &str, session: Option<&SessionKey>) -> Vec<Delivery> {
        let receive = Receive {
            max: 10,
            mode: Mode::PeekLock,
            session,
        };
        let received = self.model.receive(self.now, &address(from), receive);
        received.unwrap()
    }

    fn settle(&mut self, at: &str, delivery: &Delivery, settlement: Settlement) -> Result<()> {
        let call = Call::at(self.now);
        self.model
            .settle(call, &address(at), token(delivery), settlement)
    }

    fn accept(&mut self, at: &str, id: &str) -> Session {
        let accepted = self.model.accept_session(self.now, &address(at), Some(id));
        accepted.unwrap().unwrap()
    }

    fn peek(&mut self, at: &str) -> Vec<Peeked> {
        let peeked = self.model.peek(self.now, &address(at), 0, 250, None);
        peeked.unwrap()
    }
}

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

fn subscription() -> Path {
    Path::of_subscription("t", "a")
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

fn with_id(id: &str) -> Contents {
    Contents {
        message_id: Some(id.into()),
        ..text("")
    }
}

fn token(delivery: &Delivery) -> Uuid {
    delivery.lock.unwrap().token
}

fn abandon() -> Settlement {
    Settlement::Abandon {
        properties: [].into(),
    }
}

fn dead_letter() -> Settlement {
    Settlement::DeadLetter {
        reason: Some("broken".into()),
        description: None,
        properties: [].into(),
    }
}

fn kind<T>(result: std::result::Result<T, DataError>) -> Option<DataErrorKind> {
    result.err().map(|error| error.kind())
}
