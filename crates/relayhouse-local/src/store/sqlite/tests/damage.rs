//! Files that are not what was written, that others wrote, or that others have locked.

use super::*;

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
        .pragma_update(None, "user_version", 3)
        .unwrap();
    let error = open_at(&fixture.path(), &fixture.clock).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
    assert!(error.to_string().contains("has format 3"), "{error}");
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
    let good = ["", "", "ALTER TABLE file ADD COLUMN note TEXT"];
    let bad = [
        "",
        "",
        good[2],
        "ALTER TABLE file ADD COLUMN more TEXT; CREATE TABLE entry (a)",
    ];
    assert!(fixture.store.migrate(&bad).is_err());
    fixture.store.roll_back();
    assert_eq!(fixture.store.format().unwrap(), 2);
    assert!(
        fixture
            .store
            .connection
            .prepare("SELECT note FROM file")
            .is_err()
    );
    fixture.store.migrate(&good).unwrap();
    assert_eq!(fixture.store.format().unwrap(), 3);
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
fn file_of_the_first_format_keeps_its_messages_and_gets_what_is_new() {
    let mut fixture = Fixture::new(&settings());
    let message = text("a").dedup_id("a");
    fixture.send(&[message.clone(), text("b")]);
    let older = "DROP TABLE claim; DROP TABLE claims; PRAGMA user_version = 1";
    fixture.store.connection.execute_batch(older).unwrap();
    fixture.reopen();
    assert_eq!(fixture.store.format().unwrap(), 2);
    assert_eq!(fixture.bodies(1), ["a"]);
    assert_eq!(
        fixture.send(&[message]),
        [Admission::Duplicate { sequence: 1 }]
    );
    let claimed = fixture.group(|store| store.claim(&[keyed("k", 1)], HOUR));
    assert_eq!(claimed, [Some(Claim::New)]);
    fixture.reopen();
    let claimed = fixture.group(|store| store.claim(&[keyed("k", 2)], HOUR));
    assert_eq!(claimed, [Some(Claim::Held { left: HOUR })]);
    assert_eq!(fixture.bodies(1), ["b"]);
}

#[test]
fn changed_key_is_noticed() {
    for change in [
        "UPDATE claim SET owner = 2",
        "UPDATE claim SET done = 1",
        "UPDATE claim SET until = 1",
        "UPDATE claim SET key = 'other'",
        "UPDATE claims SET count = 2",
    ] {
        let mut fixture = Fixture::new(&settings());
        fixture.group(|store| store.claim(&[keyed("k", 1)], HOUR));
        fixture.store.connection.execute(change, []).unwrap();
        fixture.store.is_fresh = false;
        let keys = [keyed("k", 1), keyed("other", 1)];
        let error = fixture.try_group(|store| store.claim(&keys, HOUR));
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Corrupt, "{change}");
    }
}

#[test]
fn lock_of_another_process_is_waited_for_with_a_bound() {
    let mut fixture = Fixture::new(&settings());
    let other = Connection::open(fixture.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    Patience::new(&mut fixture.store.connection, Duration::from_millis(3)).unwrap();
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
