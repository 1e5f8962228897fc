//! Files that cannot be used are told apart.

use std::fs;

use rusqlite::Connection;

use super::*;
use crate::store::file::FILE;

/// Returns the error of opening the directory after something was done to its file.
fn after(change: &str) -> DataError {
    let mut world = World::new();
    world.queue("q", |_| {});
    world.send("q", text("it"));
    world.commit();
    world.store = None;
    let connection = Connection::open(world.directory.path().join(FILE)).unwrap();
    connection.execute_batch(change).unwrap();
    drop(connection);
    let opened = Store::open(world.directory.path());
    let loaded = opened.and_then(|store| store.load(SEED));
    loaded.unwrap_err()
}

#[test]
fn directory_is_made() {
    let directory = TempDir::new().unwrap();
    let below = directory.path().join("some/where");
    drop(Store::open(&below).unwrap());
    assert!(below.join(FILE).is_file());
}

#[test]
fn directory_that_is_a_file_is_refused() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Store::open(&file).unwrap_err();
    assert_eq!(error.kind(), DataErrorKind::Inaccessible);
    assert_eq!(error.path(), file);
    let text = format!(
        "cannot keep data in {}: it cannot be opened",
        file.display()
    );
    assert_eq!(error.to_string(), text);
}

#[test]
fn directory_is_of_one_process_at_a_time() {
    let mut world = World::new();
    let second = Store::open(world.directory.path());
    assert_eq!(kind(second), Some(DataErrorKind::InUse));
    world.store = None;
    assert_eq!(kind(Store::open(world.directory.path())), None);
}

#[test]
fn file_of_others_is_refused() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join(FILE);
    fs::write(
        &path,
        "text that is long enough to be taken for a page".repeat(100),
    )
    .unwrap();
    let opened = Store::open(directory.path());
    assert_eq!(kind(opened), Some(DataErrorKind::Foreign));
    let error = after("PRAGMA application_id = 1");
    assert_eq!(error.kind(), DataErrorKind::Foreign);
}

#[test]
fn file_of_a_newer_version_is_refused() {
    let error = after("PRAGMA user_version = 2");
    assert_eq!(error.kind(), DataErrorKind::Newer);
    assert!(error.to_string().ends_with("by a newer version"), "{error}");
}

#[test]
fn damage_is_told() {
    for change in [
        "UPDATE entities SET definition = x'00'",
        "UPDATE messages SET message = x'ff'",
        "UPDATE messages SET subqueue = 3",
        "UPDATE messages SET entity = 99",
        "UPDATE entities SET sequence = -1",
        "INSERT INTO sessions VALUES (1, 's', NULL, 0)",
        "INSERT INTO ids VALUES (99, 1, 'id', 0)",
    ] {
        assert_eq!(after(change).kind(), DataErrorKind::Damaged, "{change}");
    }
}
