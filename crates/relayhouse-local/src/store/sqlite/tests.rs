//! The store by itself, with the file it writes.

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

fn text(text: &str) -> Message {
    Message::new(text.to_owned()).id(text.to_owned())
}

#[test]
fn everything_of_a_message_survives() {
    let mut fixture = Fixture::new(&settings());
    let message = text("seven")
        .header("tenant", "acme")
        .header("blob", Bytes::from_static(&[0, 255]))
        .content_type("text/plain")
        .ordering_key("k")
        .dedup_id("d")
        .ttl(HOUR)
        .priority(Priority::MAX)
        .correlation_id("c")
        .reply_to("answers");
    let inline = Message::new("eight").id(7_u128);
    fixture.send(&[message.clone(), inline.clone()]);
    fixture.reopen();
    let found = fixture.take(10);
    assert_eq!(found[0].message, message);
    assert_eq!(found[1].message, inline);
    assert_eq!(found[1].id, inline.id.unwrap());
    assert_eq!((found[0].sequence, found[0].attempt), (Some(1), 1));
    assert_eq!(found[0].previous, Previous::None);
}

#[test]
fn lease_ends_and_stale_receipt_is_inert() {
    let mut fixture = Fixture::new(&settings());
    fixture.send(&[text("a")]);
    let first = fixture.take(1);
    assert!(fixture.take(1).is_empty());
    fixture.clock.advance(LEASE);
    let second = fixture.take(1);
    assert_eq!(
        (second[0].attempt, second[0].previous),
        (2, Previous::Expired)
    );
    assert!(first[0].lease.token() < second[0].lease.token());
    assert_eq!(
        fixture.settle(&first[0], Settlement::Ack),
        Verdict::LeaseLost
    );
    assert_eq!(fixture.settle(&second[0], Settlement::Ack), Verdict::Done);
    assert_eq!(
        fixture.settle(&second[0], Settlement::Ack),
        Verdict::LeaseLost
    );
    let stats = fixture.group(|store| store.stats(QUEUE));
    assert_eq!((stats.ready, stats.leased, stats.bytes), (0, 0, Some(0)));
}

#[test]
fn released_message_comes_back_in_its_place() {
    let mut fixture = Fixture::new(&settings());
    fixture.send(&["a", "b", "c"].map(text));
    let taken = fixture.take(2);
    fixture.settle(&taken[1], Settlement::RELEASE);
    fixture.settle(&taken[0], Settlement::Release { delay: SECOND });
    assert_eq!(fixture.bodies(10), ["b", "c"]);
    fixture.clock.advance(SECOND);
    assert_eq!(fixture.bodies(10), ["a"]);
}

#[test]
fn key_is_locked_while_one_of_it_is_out() {
    let mut fixture = Fixture::new(&settings());
    let keyed = |body: &str, key: &str| text(body).ordering_key(key.to_owned());
    fixture.send(&[
        keyed("a1", "a"),
        keyed("a2", "a"),
        keyed("b1", "b"),
        text("c"),
    ]);
    let taken = fixture.take(1);
    assert_eq!(fixture.bodies(10), ["b1", "c"]);
    fixture.settle(&taken[0], Settlement::RELEASE);
    let both = fixture.take(10);
    assert_eq!(both.len(), 2);
    fixture.settle(&both[1], Settlement::RELEASE);
    assert!(fixture.take(10).is_empty());
    fixture.settle(&both[0], Settlement::Ack);
    assert_eq!(fixture.bodies(10), ["a2"]);
}

#[test]
fn one_receive_takes_each_key_in_turn() {
    let mut fixture = Fixture::new(&settings());
    let keyed = |body: &str, key: &str| text(body).ordering_key(key.to_owned());
    fixture.send(&[
        keyed("a1", "a"),
        keyed("a2", "a"),
        keyed("a3", "a"),
        keyed("b1", "b"),
    ]);
    fixture.send(&[keyed("b2", "b")]);
    assert_eq!(fixture.bodies(10), ["a1", "b1", "a2", "b2", "a3"]);
}

#[test]
fn every_tenth_delivery_goes_to_the_oldest() {
    let mut fixture = Fixture::new(&settings());
    fixture.send(&[text("low").priority(Priority::MIN)]);
    let high: Vec<_> = (0..20)
        .map(|n| text(&n.to_string()).priority(Priority::MAX))
        .collect();
    fixture.send(&high);
    let bodies = fixture.bodies(30);
    assert_eq!(bodies.iter().position(|body| body == "low"), Some(9));
}

#[test]
fn dead_letters_are_redriven_before_what_came_later() {
    let mut fixture = Fixture::new(&settings());
    fixture.send(&["a", "b"].map(|body| text(body).ordering_key("k")));
    let taken = fixture.take(2);
    fixture.settle(&taken[0], Settlement::dead_letter("rejected", "no stock"));
    fixture.settle(&taken[1], Settlement::RELEASE);
    let stats = fixture.group(|store| store.stats(QUEUE));
    assert_eq!((stats.ready, stats.dead), (1, 1));
    let dead = fixture.take_of(QUEUE.dead_letters(), 10);
    let envelope = dead[0].envelope.clone().unwrap();
    assert_eq!(
        (envelope.attempts, &*envelope.dead_letter.reason),
        (1, "rejected")
    );
    assert_eq!(envelope.source.to_string(), "orders");
    let again = Settlement::dead_letter("rejected", "");
    assert_eq!(fixture.settle(&dead[0], again), Verdict::DeadAlready);
    assert_eq!(fixture.settle(&dead[0], Settlement::RELEASE), Verdict::Done);
    assert_eq!(fixture.group(|store| store.redrive(QUEUE, 10)), 1);
    let back = fixture.take(10);
    let order: Vec<_> = back
        .iter()
        .map(|found| (&found.message.body[..], found.attempt))
        .collect();
    assert_eq!(order, [(&b"a"[..], 1), (b"b", 2)]);
}

#[test]
fn parked_dead_letter_waits_for_room() {
    let mut fixture = Fixture::new(&Settings {
        messages_max: 1,
        attempts_max: NonZeroU32::new(1),
        ..settings()
    });
    for body in ["a", "b"] {
        fixture.send(&[text(body)]);
        assert_eq!(fixture.bodies(1), [body]);
        fixture.clock.advance(LEASE);
        fixture.take(1);
    }
    let stats = fixture.group(|store| store.stats(QUEUE));
    assert_eq!((stats.ready, stats.delayed, stats.dead), (0, 1, 1));
    for body in ["a", "b"] {
        let dead = fixture.take_of(QUEUE.dead_letters(), 10);
        assert_eq!(dead[0].message.body, body);
        fixture.settle(&dead[0], Settlement::Ack);
    }
}

#[test]
fn expired_message_is_never_delivered() {
    let mut fixture = Fixture::new(&Settings {
        dead_letter_expired: true,
        ..settings()
    });
    fixture.send(&[
        text("short").ttl(SECOND),
        text("late").ttl(SECOND).delay(HOUR),
        text("c"),
    ]);
    fixture.clock.advance(SECOND);
    assert_eq!(fixture.bodies(10), ["c"]);
    let dead = fixture.take_of(QUEUE.dead_letters(), 10);
    assert_eq!(dead.len(), 2);
}

#[test]
fn dedup_id_is_known_within_its_window() {
    let mut fixture = Fixture::new(&settings());
    let message = text("a").dedup_id("d");
    assert_eq!(
        fixture.send(std::slice::from_ref(&message)),
        [Admission::In { sequence: 1 }]
    );
    assert_eq!(
        fixture.send(std::slice::from_ref(&message)),
        [Admission::Duplicate { sequence: 1 }]
    );
    fixture.clock.advance(HOUR);
    assert_eq!(fixture.send(&[message]), [Admission::In { sequence: 2 }]);
}

#[test]
fn full_queue_answers_as_asked() {
    let mut fixture = Fixture::new(&Settings {
        messages_max: 2,
        ..settings()
    });
    let three = ["a", "b", "c"].map(text);
    let fail = fixture.group(|store| store.enqueue(&three, Full::Fail));
    assert_eq!(fail, [Admission::Full; 3]);
    let wait = fixture.group(|store| store.enqueue(&three, Full::Wait));
    assert_eq!(wait[2], Admission::Waits);
    let shed = fixture.group(|store| store.enqueue(&three, Full::Shed));
    assert_eq!(shed, [Admission::Full; 3]);
}

#[test]
fn scheduled_message_arrives_behind_what_came_before() {
    let mut fixture = Fixture::new(&settings());
    fixture.send(&[text("later").ordering_key("k").delay(SECOND)]);
    fixture.send(&[text("now").ordering_key("k"), text("gone").delay(HOUR)]);
    assert!(fixture.group(|store| store.cancel(3)));
    assert!(!fixture.group(|store| store.cancel(3)));
    fixture.clock.advance(SECOND);
    assert_eq!(fixture.bodies(10), ["now", "later"]);
}

#[test]
fn session_is_exclusive_and_comes_back_in_order() {
    let mut fixture = Fixture::new(&Settings {
        requires_sessions: true,
        ..settings()
    });
    fixture.send(&["a", "b"].map(|body| text(body).ordering_key("s")));
    let accept = |fixture: &mut Fixture| fixture.group(|store| store.accept(QUEUE, None, LEASE));
    let Accepted::Held(held) = accept(&mut fixture) else {
        panic!("no session was free");
    };
    assert_eq!(accept(&mut fixture), Accepted::None);
    let named = SessionId::new("s").unwrap();
    let busy = fixture.group(|store| store.accept(QUEUE, Some(&named), LEASE));
    assert_eq!(busy, Accepted::Busy);
    let take = Take {
        messages_max: 10,
        bytes_max: u64::MAX,
        lease: LEASE,
    };
    let mut taken = Vec::new();
    assert!(fixture.group(|store| store.lease_in_session(QUEUE, &held, take, &mut taken)));
    assert_eq!(taken.len(), 2);
    assert!(fixture.group(|store| store.set_session_state(QUEUE, &held, Some(b"half"))));
    assert_eq!(
        fixture.settle(&taken[1], Settlement::RELEASE),
        Verdict::Done
    );
    fixture.clock.advance(LEASE);
    assert!(!fixture.group(|store| store.lease_in_session(QUEUE, &held, take, &mut taken)));
    let Accepted::Held(held) = accept(&mut fixture) else {
        panic!("the session was not given back");
    };
    let mut again = Vec::new();
    fixture.group(|store| store.lease_in_session(QUEUE, &held, take, &mut again));
    let order: Vec<_> = again
        .iter()
        .map(|found| (&found.message.body[..], found.attempt))
        .collect();
    assert_eq!(order, [(&b"a"[..], 2), (b"b", 2)]);
    let state = fixture.group(|store| store.session_state(QUEUE, &held));
    assert_eq!(state, Some(Some(Bytes::from_static(b"half"))));
    fixture.group(|store| store.give_back(QUEUE, &held));
    assert_ne!(accept(&mut fixture), Accepted::None);
}

#[test]
fn topic_shares_a_message_among_its_subscriptions() {
    let mut fixture = Fixture::new(&settings());
    let names = ["audit", "billing"].map(|name| SubscriptionName::new(name).unwrap());
    let lanes = names.map(|name| fixture.group(|store| store.create(Some(&name), &settings())));
    fixture.send(&[text("a")]);
    for lane in lanes {
        let taken = fixture.take_of(lane, 10);
        assert_eq!(taken.len(), 1);
        let proof = Proof::read(&taken[0].receipt).unwrap();
        fixture.group(|store| store.settle(lane, &[(proof, Settlement::Ack)]));
    }
    let left: i64 = fixture
        .store
        .connection
        .query_row("SELECT count(*) FROM message", [], |row| row.get(0))
        .unwrap();
    assert_eq!(left, 0);
    fixture.group(|store| store.delete(lanes[0]));
    assert_eq!(fixture.group(Store::subscriptions).len(), 1);
}

#[test]
fn wall_clock_that_jumps_ends_no_lease() {
    let mut fixture = Fixture::new(&settings());
    fixture.send(&[text("a")]);
    fixture.take(1);
    // Another process opens the file after the jump.
    fixture.jumping.set_ahead(HOUR);
    fixture.reopen();
    assert!(fixture.take(1).is_empty());
    fixture.jumping.set_behind(HOUR);
    fixture.reopen();
    assert!(fixture.take(1).is_empty());
    fixture.clock.advance(LEASE);
    assert_eq!(fixture.bodies(1), ["a"]);
}

#[test]
fn restart_of_the_machine_ends_every_lease() {
    let mut fixture = Fixture::new(&settings());
    fixture.send(&[text("a"), text("b").delay(HOUR)]);
    fixture.take(1);
    fixture.clock.restart();
    fixture.reopen();
    assert_eq!(fixture.bodies(10), ["a"]);
}

#[test]
fn note_is_taken_once() {
    let mut fixture = Fixture::new(&settings());
    let noted = fixture.group(|store| store.note_for("answers", &[text("a")]));
    fixture.reopen();
    let (number, file, messages) = fixture.group(Store::noted).unwrap();
    assert_eq!((number, &*file), (noted, "answers"));
    let first = fixture.group(|store| store.take_note(9, number, &messages));
    let again = fixture.group(|store| store.take_note(9, number, &messages));
    assert_eq!(first, again);
    fixture.group(|store| store.forget_note(number));
    assert_eq!(fixture.group(Store::noted), None);
    assert_eq!(fixture.bodies(10), ["a"]);
}

#[test]
fn drained_file_gets_small() {
    let mut fixture = Fixture::new(&settings());
    let big = Message::new(vec![7; 4096]).id("big");
    for _ in 0..5 {
        let bodies: Vec<_> = (0..100).map(|_| big.clone()).collect();
        fixture.send(&bodies[..50]);
        fixture.send(&bodies[50..]);
        let taken = fixture.take(1000);
        if taken.len() < 100 {
            continue;
        }
        for found in &taken {
            fixture.settle(found, Settlement::Ack);
        }
    }
    while fixture.store.give_space_back().unwrap() {}
    let bytes = std::fs::metadata(fixture.path()).unwrap().len();
    assert!(bytes < 256 * 4096, "{bytes} bytes are left");
}

#[test]
fn changed_row_is_noticed() {
    let mut fixture = Fixture::new(&settings());
    fixture.send(&[text("a")]);
    fixture
        .store
        .connection
        .execute("UPDATE message SET body = x'00'", [])
        .unwrap();
    let take = Take {
        messages_max: 1,
        bytes_max: 1,
        lease: LEASE,
    };
    let error = fixture
        .try_group(|store| store.lease(QUEUE, take, &mut Vec::new()))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("orders.queue"), "{error}");
    let later = fixture
        .try_group(|store| store.enqueue(&[text("b")], Full::Shed))
        .unwrap_err();
    assert_eq!(later.kind(), ErrorKind::Corrupt);
    let moment = fixture.moment();
    fixture.store.begin(moment, Access::Look).unwrap();
    assert_eq!(fixture.store.stats(QUEUE).unwrap().ready, 1);
}

#[test]
fn missing_row_is_noticed() {
    let mut fixture = Fixture::new(&settings());
    fixture.send(&[text("a")]);
    fixture
        .store
        .connection
        .execute("DELETE FROM entry", [])
        .unwrap();
    fixture.store.is_fresh = false;
    let take = Take {
        messages_max: 1,
        bytes_max: 1,
        lease: LEASE,
    };
    let error = fixture
        .try_group(|store| store.lease(QUEUE, take, &mut Vec::new()))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
}

#[test]
fn lost_log_is_noticed() {
    let mut fixture = Fixture::new(&settings());
    fixture.send(&[text("a")]);
    let copy = fixture.directory.path().join("copy.queue");
    std::fs::copy(fixture.path(), &copy).unwrap();
    let with_mark = Options {
        mark: Some(fixture.store.mark()),
        ..options()
    };
    let clock = fixture.clock.clone();
    // Without its log the copy lacks what was flushed there: its tables, its name, its queue.
    let log = |of: &Path| of.with_extension("queue-wal");
    let whole = std::fs::read(log(&fixture.path())).unwrap();
    for frames in 0..whole.len() / 4120 {
        std::fs::copy(fixture.path(), &copy).unwrap();
        std::fs::write(log(&copy), &whole[..32 + 4120 * frames]).unwrap();
        let opened = SqliteStore::open(&copy, with_mark.clone(), &clock, &SeededRandom::new(8));
        let error = opened.expect_err("the loss went unnoticed");
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        let kept = log(&copy);
        assert_eq!(std::fs::read(&kept).unwrap(), &whole[..32 + 4120 * frames]);
    }
    std::fs::remove_file(log(&copy)).unwrap();
    fixture
        .store
        .connection
        .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
        .unwrap();
    fixture.send(&[text("b")]);
    let late = Options {
        mark: Some(fixture.store.mark()),
        ..options()
    };
    std::fs::copy(fixture.path(), &copy).unwrap();
    let error = SqliteStore::open(&copy, late, &clock, &SeededRandom::new(8)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(
        error.to_string().contains("1 commits that were flushed"),
        "{error}"
    );
}

#[test]
fn foreign_and_newer_files_are_refused() {
    let mut fixture = Fixture::new(&settings());
    fixture.send(&[text("a")]);
    fixture
        .store
        .connection
        .pragma_update(None, "user_version", 2)
        .unwrap();
    let error = open_at(&fixture.path(), &fixture.clock).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
    assert!(error.to_string().contains("has format 2"), "{error}");
    let other = fixture.directory.path().join("other.queue");
    let connection = Connection::open(&other).unwrap();
    connection.execute_batch("CREATE TABLE t (a)").unwrap();
    let error = open_at(&other, &fixture.clock).unwrap_err();
    assert!(
        error.to_string().contains("was not made by relayhouse"),
        "{error}"
    );
    let noise = fixture.directory.path().join("noise.queue");
    std::fs::write(&noise, [7; 8192]).unwrap();
    let error = open_at(&noise, &fixture.clock).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
}

#[test]
fn migration_is_all_or_nothing() {
    let mut fixture = Fixture::new(&settings());
    fixture.send(&[text("a")]);
    let good = ["", "ALTER TABLE file ADD COLUMN note TEXT"];
    let bad = [
        "",
        good[1],
        "ALTER TABLE file ADD COLUMN more TEXT; CREATE TABLE entry (a)",
    ];
    assert!(fixture.store.migrate(&bad).is_err());
    fixture.store.roll_back();
    assert_eq!(fixture.store.format().unwrap(), 1);
    assert!(
        fixture
            .store
            .connection
            .prepare("SELECT note FROM file")
            .is_err()
    );
    fixture.store.migrate(&good).unwrap();
    assert_eq!(fixture.store.format().unwrap(), 2);
    assert!(
        fixture
            .store
            .connection
            .prepare("SELECT note FROM file")
            .is_ok()
    );
    assert_eq!(fixture.bodies(1), ["a"]);
}

#[test]
fn unseen_delivery_is_no_attempt() {
    let mut fixture = Fixture::new(&settings());
    fixture.send(&["a", "b"].map(|body| text(body).ordering_key("k")));
    let taken = fixture.take(2);
    let proofs: Vec<_> = taken
        .iter()
        .filter_map(|found| Proof::read(&found.receipt))
        .collect();
    fixture.group(|store| store.unlease(QUEUE, &proofs));
    let again = fixture.take(2);
    let attempts: Vec<_> = again
        .iter()
        .map(|found| (found.attempt, found.previous))
        .collect();
    assert_eq!(attempts, [(1, Previous::None); 2]);
}

#[test]
fn purge_leaves_what_is_leased() {
    let mut fixture = Fixture::new(&settings());
    fixture.send(&[
        text("a"),
        text("b"),
        text("c").delay(HOUR),
        text("d").ordering_key("k"),
    ]);
    fixture.send(&[text("e").ordering_key("k")]);
    let taken = fixture.take(1);
    let purged =
        fixture.group(|store| store.purge(QUEUE, 2)) + fixture.group(|store| store.purge(QUEUE, 9));
    assert_eq!(purged, 4);
    assert_eq!(fixture.settle(&taken[0], Settlement::Ack), Verdict::Done);
    let stats = fixture.group(|store| store.stats(QUEUE));
    assert_eq!(
        (stats.ready, stats.leased, stats.delayed, stats.bytes),
        (0, 0, 0, Some(0))
    );
}

#[test]
fn lock_of_another_process_is_waited_for_with_a_bound() {
    let mut fixture = Fixture::new(&settings());
    let other = Connection::open(fixture.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    busy::wait_for_locks(&mut fixture.store.connection, Duration::from_millis(3)).unwrap();
    let moment = fixture.moment();
    let error = fixture.store.begin(moment, Access::Flush).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.is_temporary());
    assert!(
        error.to_string().contains("another process has locked"),
        "{error}"
    );
    other.execute_batch("COMMIT").unwrap();
    fixture.send(&[text("a")]);
    assert_eq!(fixture.bodies(1), ["a"]);
}

#[test]
fn much_that_is_due_at_once_is_done_by_and_by() {
    let mut fixture = Fixture::new(&Settings {
        messages_max: 10_000,
        ..settings()
    });
    let short: Vec<_> = (0..6000)
        .map(|n| text(&n.to_string()).ttl(SECOND))
        .collect();
    fixture.send(&short);
    fixture.send(&[text("long")]);
    fixture.clock.advance(SECOND);
    let left = |fixture: &mut Fixture| fixture.group(|store| store.stats(QUEUE)).ready;
    assert_eq!(left(&mut fixture), 6001 - 4096);
    assert_eq!(fixture.bodies(10), ["long"]);
    assert_eq!(left(&mut fixture), 0);
}

#[test]
fn lease_that_ended_is_lost_though_much_was_due_before_it() {
    let mut fixture = Fixture::new(&Settings {
        messages_max: 10_000,
        ..settings()
    });
    let many: Vec<_> = (0..6000).map(|n| text(&n.to_string())).collect();
    fixture.send(&many);
    let taken = fixture.take(6000);
    fixture.clock.advance(LEASE);
    let last = &taken[5999];
    assert_eq!(fixture.settle(last, Settlement::Ack), Verdict::LeaseLost);
    assert_eq!(
        fixture.settle(last, Settlement::RELEASE),
        Verdict::LeaseLost
    );
}
