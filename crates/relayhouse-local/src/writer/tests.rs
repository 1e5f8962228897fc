//! Who runs a call: the caller, or the storage thread.

use std::{
    fs::File,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
    time::Duration,
};

use relayhouse_core::{Result, SeededRandom, Timestamp};
use relayhouse_testkit::clock::ManualClock;
use tempfile::TempDir;

use super::{group::Writer, jobs::Order, pace::Pace, *};
use crate::{
    bell::{Belfry, Bell},
    store::{Access, Moment, Options, Settings, SqliteStore, Store},
    wait::Waits,
};

/// Is a file with its writer at rest, and no thread to take it.
struct Fixture {
    directory: TempDir,
    clock: ManualClock,
    jobs: Jobs,
    /// The names of the calls, as they ran.
    ran: Arc<Mutex<Vec<&'static str>>>,
}

impl Fixture {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("orders.queue");
        File::create(&path).unwrap();
        let clock = ManualClock::new(Timestamp::from_micros(1_700_000_000_000_000));
        let options = Options {
            name: "orders".parse().unwrap(),
            relaxed: false,
            file_bytes_max: None,
            dedup_keys_max: 1000,
            busy_timeout: Duration::ZERO,
            mark: None,
        };
        let store = SqliteStore::open(&path, options, &clock, &SeededRandom::new(7)).unwrap();
        let bell = directory.path().join("orders.bell");
        let opening = Opening {
            epoch: store.epoch(),
            store: Box::new(store),
            bell: Arc::new(Bell::new(&Belfry::default(), bell)),
        };
        let writer = Writer::new(opening, Arc::new(clock.clone()), Arc::new(Waits::new()));
        let fixture = Self {
            directory,
            clock,
            jobs: Jobs::new(),
            ran: Arc::default(),
        };
        fixture.jobs.rest(Box::new(writer));
        // The first group reads the file.
        fixture.push("create", Access::Flush, |store| {
            store.create(None, &settings()).map(drop)
        });
        fixture.work();
        // Whether the file has space to give back is looked at once.
        fixture.work();
        fixture.ran.lock().unwrap().clear();
        fixture
    }

    /// Makes a call, which is quick if it only writes.
    fn push(
        &self,
        name: &'static str,
        access: Access,
        run: impl FnOnce(&mut dyn Store) -> Result<()> + Send + 'static,
    ) {
        let ran = Arc::clone(&self.ran);
        let run = move |store: &mut dyn Store, _: Moment| {
            ran.lock().unwrap().push(name);
            run(store)
        };
        let call = Call::new(Cost::ONE, access, run, |_: Result<()>| ()).quick();
        let mut push = pin!(self.jobs.push(Box::new(call)));
        let pushed = push.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(pushed, Poll::Ready(Ok(()))));
    }

    fn push_quick(&self, name: &'static str) {
        self.push(name, Access::Write, |_| Ok(()));
    }

    /// Does what the storage thread would do next.
    fn work(&self) {
        let mut pace = Pace::new(Arc::new(self.clock.clone()));
        let (mut writer, order) = self.jobs.next(&mut pace).unwrap();
        match order {
            Order::Group { jobs, .. } => {
                let count = jobs.len();
                writer.group(jobs);
                self.jobs.answered(count);
            }
            Order::Chores | Order::Stop => writer.do_chores(),
        }
        self.jobs.rest(writer);
    }

    fn ran(&self) -> Vec<&'static str> {
        self.ran.lock().unwrap().clone()
    }
}

fn settings() -> Settings {
    Settings {
        lease: Duration::from_secs(30),
        attempts_max: None,
        requires_sessions: false,
        dedup_window: Duration::from_secs(60),
        ttl: None,
        dead_letter_expired: false,
        messages_max: 1000,
        bytes_max: 1 << 20,
    }
}

#[test]
fn lone_quick_call_runs_where_it_is_made() {
    let fixture = Fixture::new();
    fixture.push_quick("a");
    fixture.push_quick("b");
    assert_eq!(fixture.ran(), ["a", "b"]);
    assert_eq!(fixture.jobs.pending(), 0);
}

#[test]
fn quick_call_passes_nobody() {
    let fixture = Fixture::new();
    fixture.push("flush", Access::Flush, |_| Ok(()));
    fixture.push_quick("quick");
    assert_eq!(fixture.jobs.pending(), 2);
    assert!(fixture.ran().is_empty());
    fixture.work();
    assert_eq!(fixture.ran(), ["flush", "quick"]);
    fixture.push_quick("later");
    assert_eq!(fixture.ran(), ["flush", "quick", "later"]);
}

#[test]
fn quick_call_waits_for_no_lock() {
    let fixture = Fixture::new();
    let other = rusqlite::Connection::open(fixture.directory.path().join("orders.queue")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    fixture.push_quick("a");
    fixture.push_quick("b");
    assert!(fixture.ran().is_empty());
    other.execute_batch("ROLLBACK").unwrap();
    fixture.work();
    assert_eq!(fixture.ran(), ["a", "b"], "the order is that of the calls");
}

#[test]
fn quick_call_leaves_the_changes_of_others_to_the_thread() {
    let fixture = Fixture::new();
    let other = rusqlite::Connection::open(fixture.directory.path().join("orders.queue")).unwrap();
    other
        .execute_batch("INSERT INTO taken VALUES (x'01', 1, '')")
        .unwrap();
    fixture.push_quick("a");
    assert!(fixture.ran().is_empty());
    fixture.work();
    // While others are at work, each call would be tried in vain.
    for _ in 0..8 {
        fixture.push_quick("rest");
        assert_eq!(fixture.jobs.pending(), 1);
        fixture.work();
    }
    fixture.push_quick("b");
    assert_eq!(fixture.ran().last(), Some(&"b"));
    assert_eq!(fixture.jobs.pending(), 0);
}

#[test]
fn calls_that_are_not_quick_send_the_next_ones_to_the_thread() {
    let fixture = Fixture::new();
    for _ in 0..2 {
        let clock = fixture.clock.clone();
        fixture.push("slow", Access::Write, move |_| {
            clock.advance(Duration::from_millis(3));
            Ok(())
        });
    }
    fixture.push_quick("next");
    assert_eq!(fixture.ran(), ["slow", "slow"]);
    fixture.work();
    assert_eq!(fixture.ran(), ["slow", "slow", "next"]);
}

#[test]
fn failed_quick_call_is_rolled_back_and_answered() {
    let fixture = Fixture::new();
    let (to, mut answer) = tokio::sync::oneshot::channel();
    let run = |store: &mut dyn Store, _: Moment| {
        store.delete_file()?;
        Err::<(), _>(crate::error::unanswered())
    };
    let call = Call::new(Cost::ONE, Access::Write, run, reply(to)).quick();
    let mut push = pin!(fixture.jobs.push(Box::new(call)));
    let pushed = push.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(pushed, Poll::Ready(Ok(()))));
    assert!(answer.try_recv().unwrap().is_err());
    fixture.push_quick("next");
    fixture.work();
    assert_eq!(fixture.ran(), ["next"]);
}

#[test]
fn call_that_panics_ends_the_thread() {
    let fixture = Fixture::new();
    let panics = || fixture.push("panics", Access::Write, |_| panic!("as it should"));
    assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
    fixture.push_quick("next");
    let mut pace = Pace::new(Arc::new(fixture.clock.clone()));
    assert!(fixture.jobs.next(&mut pace).is_none());
    let (left, _) = fixture.jobs.give_up(None);
    assert_eq!((left.len(), fixture.ran()), (1, vec!["panics"]));
}
