//! The file: opened, checked, and set up when it is new.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, TransactionBehavior};

use super::{DataError, DataErrorKind};

/// The file within its directory.
pub(super) const FILE: &str = "servicebus.sqlite";

/// What SQLite keeps at the start of the file to say whose it is: `sbem`.
const APPLICATION: i64 = 0x7362_656d;

/// The format of the tables and of what is in them.
const FORMAT: i64 = 1;

/// Numbers come first: what is deleted with an entity lies side by side.
const TABLES: &str = "
    CREATE TABLE entities (
        id INTEGER PRIMARY KEY,
        definition BLOB NOT NULL,
        sequence INTEGER NOT NULL,
        accessed INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE messages (
        entity INTEGER NOT NULL,
        subqueue INTEGER NOT NULL,
        sequence INTEGER NOT NULL,
        message BLOB NOT NULL,
        PRIMARY KEY (entity, subqueue, sequence)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE sessions (
        entity INTEGER NOT NULL,
        session TEXT NOT NULL,
        state BLOB,
        updated INTEGER NOT NULL,
        PRIMARY KEY (entity, session)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE ids (
        entity INTEGER NOT NULL,
        number INTEGER NOT NULL,
        id TEXT NOT NULL,
        seen INTEGER NOT NULL,
        PRIMARY KEY (entity, number)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE runs (count INTEGER NOT NULL) STRICT;
    INSERT INTO runs VALUES (0);
";

/// Where an emulator keeps its data. No other process opens it meanwhile.
#[derive(Debug)]
pub(crate) struct Store {
    pub(super) path: PathBuf,
    pub(super) connection: Connection,
    run: u64,
}

impl Store {
    /// Opens the file of a directory, and makes both if they are not there.
    pub(crate) fn open(directory: &Path) -> Result<Self, DataError> {
        let made = fs::create_dir_all(directory);
        made.map_err(|error| DataError::inaccessible(directory, error))?;
        let path = directory.join(FILE);
        let opened = Connection::open(&path).and_then(|connection| {
            prepare(&connection)?;
            Ok(connection)
        });
        let mut connection = opened.map_err(|error| DataError::of(&path, error))?;
        let run = begin_run(&path, &mut connection)?;
        Ok(Self {
            path,
            connection,
            run,
        })
    }

    /// Returns how often the file was opened, this time included.
    pub(crate) const fn run(&self) -> u64 {
        self.run
    }
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    // Whoever has the file now has it until the end: there is nothing to wait for.
    connection.busy_timeout(Duration::ZERO)?;
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")
}

/// Checks what the file is, sets it up if it is empty, and counts this run.
fn begin_run(path: &Path, connection: &mut Connection) -> Result<u64, DataError> {
    let of = |error| DataError::of(path, error);
    let begun = connection.transaction_with_behavior(TransactionBehavior::Exclusive);
    let transaction = begun.map_err(of)?;
    if is_empty(&transaction).map_err(of)? {
        set_up(&transaction).map_err(of)?;
    }
    let application = pragma(&transaction, "application_id").map_err(of)?;
    if application != APPLICATION {
        return Err(DataError::new(path, DataErrorKind::Foreign));
    }
    let format = pragma(&transaction, "user_version").map_err(of)?;
    if FORMAT < format {
        return Err(DataError::new(path, DataErrorKind::Newer));
    }
    let counted = transaction.query_row(
        "UPDATE runs SET count = count + 1 RETURNING count",
        [],
        |row| row.get::<_, i64>(0),
    );
    let run = counted.map_err(of)?;
    transaction.commit().map_err(of)?;
    Ok(run.unsigned_abs())
}

fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    let count = "SELECT count(*) FROM sqlite_schema";
    let count = connection.query_row(count, [], |row| row.get::<_, i64>(0))?;
    Ok(count == 0 && pragma(connection, "application_id")? == 0)
}

fn set_up(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(TABLES)?;
    connection.pragma_update(None, "application_id", APPLICATION)?;
    connection.pragma_update(None, "user_version", FORMAT)
}

fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}
