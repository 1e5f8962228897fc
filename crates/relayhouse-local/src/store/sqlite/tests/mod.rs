//! The store by itself, with the file it writes.

mod bounds;
mod claims;
mod damage;
mod dead;
mod receive;
mod time;

use std::{fs::File, num::NonZeroU32, path::Path, sync::Arc, time::Duration};

use relayhouse_core::{
    Clock, Delivery, ErrorKind, Message, Previous, Priority, SeededRandom, SessionId, Settlement,
    Timestamp,
};
use relayhouse_testkit::{
    WallClock,
    clock::{ManualClock, TestClock},
};
use tempfile::TempDir;

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
const LEASE: Duration = Duration::from_secs(30);
const QUEUE: Lane = live(0);

/// Is a file, the clock it is opened with, and the store.
struct Fixture {
    directory: TempDir,
    clock: ManualClock,
    /// The same clock, with a wall clock that jumps.
    jumping: TestClock,
    store: SqliteStore,
}

fn settings() -> Settings {
    Settings {
        lease: LEASE,
        attempts_max: None,
        requires_sessions: false,
        dedup_window: HOUR,
        ttl: None,
        dead_letter_expired: false,
        messages_max: 1000,
        bytes_max: 1 << 20,
    }
}

fn options() -> Options {
    Options {
        name: "orders".parse().unwrap(),
        relaxed: false,
        file_bytes_max: None,
        dedup_keys_max: 3,
        busy_timeout: SECOND,
        mark: None,
    }
}

fn open_at(path: &Path, clock: &dyn Clock) -> Result<SqliteStore> {
    SqliteStore::open(path, options(), clock, &SeededRandom::new(7))
}

impl Fixture {
    fn new(settings: &Settings) -> Self {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("orders.queue");
        File::create(&path).unwrap();
        let clock = ManualClock::new(Timestamp::from_micros(1_700_000_000_000_000));
        let jumping = TestClock::new(Arc::new(clock.clone()));
        let store = open_at(&path, &jumping).unwrap();
        let mut fixture = Self {
            directory,
            clock,
            jumping,
            store,
        };
        fixture.group(|store| store.create(None, settings).map(|_| ()));
        fixture
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("orders.queue")
    }

    fn moment(&self) -> Moment {
        let (tick, start) = self.store.epoch();
        let now = self.jumping.now();
        Moment {
            tick: tick + now.since(start),
            now,
            wall: self.jumping.wall(),
        }
    }

    /// Runs one group that flushes.
    fn group<T>(&mut self, call: impl FnOnce(&mut SqliteStore) -> Result<T>) -> T {
        self.try_group(call).unwrap()
    }

    fn try_group<T>(&mut self, call: impl FnOnce(&mut SqliteStore) -> Result<T>) -> Result<T> {
        let moment = self.moment();
        self.store.begin(moment, Access::Flush)?;
        let value = call(&mut self.store).inspect_err(|_| self.store.roll_back())?;
        self.store.commit()?;
        Ok(value)
    }

    fn send(&mut self, messages: &[Message]) -> Vec<Admission> {
        self.group(|store| store.enqueue(messages, Full::Shed))
    }

    fn take(&mut self, max: u32) -> Vec<Delivery> {
        self.take_of(QUEUE, max)
    }

    fn take_of(&mut self, lane: Lane, max: u32) -> Vec<Delivery> {
        let take = Take {
            messages_max: max,
            bytes_max: u64::MAX,
            lease: LEASE,
        };
        let mut into = Vec::new();
        self.group(|store| store.lease(lane, take, &mut into));
        into
    }

    fn settle(&mut self, delivery: &Delivery, how: Settlement) -> Verdict {
        let proof = Proof::read(&delivery.receipt).unwrap();
        let lane = match delivery.envelope {
            Some(_) => QUEUE.dead_letters(),
            None => QUEUE,
        };
        let verdicts = self.group(|store| store.settle(lane, &[(proof, how)]));
        verdicts[0].clone()
    }

    fn reopen(&mut self) {
        self.store = open_at(&self.path(), &self.jumping).unwrap();
    }

    fn bodies(&mut self, max: u32) -> Vec<String> {
        let deliveries = self.take(max);
        let bodies = deliveries
            .iter()
            .map(|found| String::from_utf8_lossy(&found.message.body));
        bodies.map(|body| body.to_string()).collect()
    }
}

fn keyed(key: &'static str, owner: u64) -> Keyed {
    let key = key.into();
    Keyed { key, owner }
}

fn text(text: &str) -> Message {
    Message::new(text.to_owned()).id(text.to_owned())
}
