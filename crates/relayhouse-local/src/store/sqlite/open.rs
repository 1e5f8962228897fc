//! Opening a file: its settings for SQLite, its format, and whether anything is missing.

use std::{fs::File, path::Path};

use relayhouse_core::{Clock, Error, ErrorKind, Random};
use rusqlite::{Connection, OpenFlags, config::DbConfig};

use super::{
    Access, Claims, Fault, FileRow, Lanes, Log, Moment, News, Options, Patience, SqliteStore, Tick,
    busy, fault, file,
};
use crate::store::Kind;

/// Tells SQLite and others whose file it is: "rlhs".
const APPLICATION_ID: i64 = 0x726c_6873;

/// What makes each format out of the one before; the first makes it out of nothing.
const MIGRATIONS: &[&str] = &[include_str!("schema.sql"), include_str!("claims.sql")];

/// How much of the file is kept in memory, in KiB.
const CACHE_KIB: i64 = 16 * 1024;

/// How many statements are kept ready.
const STATEMENTS: usize = 128;

impl SqliteStore {
    /// Opens the file at `path`, which exists; an empty one becomes a queue file.
    pub(crate) fn open(
        path: &Path,
        options: Options,
        clock: &dyn Clock,
        random: &dyn Random,
    ) -> relayhouse_core::Result<Self> {
        let opened = Self::try_open(path, options, clock, random);
        opened.map_err(|fault| fault.into_error(path))
    }

    fn try_open(
        path: &Path,
        options: Options,
        clock: &dyn Clock,
        random: &dyn Random,
    ) -> fault::Result<Self> {
        let (connection, patience, log) = busy::again(|| connect(path, &options))?;
        let now = clock.now();
        let mut store = Self {
            path: path.to_owned(),
            connection,
            epoch: (Tick(0), now),
            moment: Moment {
                tick: Tick(0),
                now,
                wall: clock.wall(),
            },
            access: Access::Look,
            file: FileRow {
                identity: 0,
                kind: Kind::Undecided,
                is_deleted: false,
                boot: None,
                boot_tick: 0,
            },
            lanes: Lanes::default(),
            claims: Claims::default(),
            version: 0,
            is_fresh: false,
            was_changed: false,
            is_tight: false,
            log,
            patience,
            pages_seen: i64::MAX,
            has_freed: false,
            // Who had the file before may have left space.
            frees: 1,
            is_flushing: true,
            quiet_until: i64::MIN,
            is_behind: false,
            dedups_until: i64::MIN,
            claims_until: i64::MIN,
            news: News::default(),
            broken: None,
            passed_over: std::collections::HashMap::new(),
            options,
        };
        let made = store.migrate(MIGRATIONS);
        let checked = made
            .and_then(|()| store.introduce(random))
            .and_then(|()| store.check_mark());
        if matches!(checked, Err(Fault::Damaged(_))) {
            store.keep_log()?;
        }
        checked?;
        store.set_clock(clock)?;
        Ok(store)
    }

    /// Brings the file to the newest format, in one transaction.
    pub(super) fn migrate(&mut self, migrations: &[&str]) -> fault::Result<()> {
        let known = i64::try_from(migrations.len()).unwrap_or(i64::MAX);
        if self.format()? == known {
            return Ok(());
        }
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        // Another process may have been faster.
        let found = self.format_within()?;
        let is_new = found == 0;
        if is_new && self.has_tables()? {
            return Err(Fault::Foreign);
        }
        if known < found || found < 0 {
            return Err(Fault::Newer { found, known });
        }
        if is_new && self.mark().is_some() {
            return Err(gone());
        }
        let done = usize::try_from(found).unwrap_or(0);
        for migration in migrations.iter().skip(done) {
            self.connection.execute_batch(migration)?;
        }
        self.connection
            .pragma_update(None, "application_id", APPLICATION_ID)?;
        self.connection.pragma_update(None, "user_version", known)?;
        self.connection.execute_batch("COMMIT")?;
        if is_new {
            sync_directory(&self.path)?;
        }
        Ok(())
    }

    pub(super) fn format(&self) -> fault::Result<i64> {
        // Both numbers are of one moment.
        self.connection.execute_batch("BEGIN")?;
        let format = self.format_within();
        self.connection.execute_batch("COMMIT")?;
        format
    }

    fn format_within(&self) -> fault::Result<i64> {
        let id: i64 = self.pragma("application_id")?;
        let version: i64 = self.pragma("user_version")?;
        if id != APPLICATION_ID && (id != 0 || version != 0) {
            return Err(Fault::Foreign);
        }
        Ok(version)
    }

    fn has_tables(&self) -> fault::Result<bool> {
        let count: i64 =
            self.connection
                .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        Ok(0 < count)
    }

    pub(super) fn pragma(&self, name: &str) -> fault::Result<i64> {
        Ok(self
            .connection
            .pragma_query_value(None, name, |row| row.get(0))?)
    }

    /// Gives a new file its identity.
    fn introduce(&mut self, random: &dyn Random) -> fault::Result<()> {
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        let has_row: bool = self
            .connection
            .query_row("SELECT count(*) FROM file", [], |row| row.get(0))?;
        if !has_row {
            if self.mark().is_some() {
                return Err(gone());
            }
            let (high, low) = (random.next_u64(), random.next_u64());
            let file = FileRow {
                identity: u128::from(high) << 64 | u128::from(low),
                ..self.file.clone()
            };
            file.write(&self.connection)?;
        }
        self.connection.execute_batch("COMMIT")?;
        Ok(())
    }

    /// Returns which file, and which flushed commit of it, the bell told of last.
    fn mark(&self) -> Option<(u128, i64)> {
        self.options.mark.as_ref().and_then(file::read_mark)
    }

    /// Compares the file with what its bell says was flushed.
    fn check_mark(&mut self) -> fault::Result<()> {
        self.refresh()?;
        let Some((identity, flushed)) = self.mark() else {
            return Ok(());
        };
        if identity != self.file.identity {
            return Err(gone());
        }
        let commits = self.lanes.get(0).map_or(0, |own| own.commits);
        if commits < flushed {
            let lost = flushed - commits;
            return Err(Fault::damaged(format!(
                "{lost} commits that were flushed are gone from its log"
            )));
        }
        Ok(())
    }

    /// Leaves the log as it is when the file is closed: part of what is missing may be there.
    fn keep_log(&self) -> fault::Result<()> {
        let option = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
        self.connection.set_db_config(option, true)?;
        Ok(())
    }
}

/// The file is as good as new, and there was one.
fn gone() -> Fault {
    Fault::damaged(
        "the queue that was here is gone from it; if it was removed on purpose, remove its .bell \
         file as well",
    )
}

fn connect(path: &Path, options: &Options) -> fault::Result<(Connection, Patience, Log)> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let mut connection = Connection::open_with_flags(path, flags)?;
    let patience = Patience::new(&mut connection, options.busy_timeout)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // A plan depends on its statement alone: else statements are prepared anew when a value of a
    // LIMIT changes, which took a sixth of all time.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
    if pages == 0 {
        // Later it would be without effect, and yet be written.
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        return Err(Fault::Failed(Error::new(
            ErrorKind::ConfigInvalid,
            format!(
                "file {}: no write-ahead log is possible here",
                path.display()
            ),
        )));
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    let log = Log::watch(&mut connection)?;
    Ok((connection, patience, log))
}

/// Makes the name of a new file last.
fn sync_directory(path: &Path) -> fault::Result<()> {
    let Some(directory) = path.parent().filter(|_| cfg!(unix)) else {
        return Ok(());
    };
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(|error| {
            let text = format!("directory {} cannot be flushed", directory.display());
            Fault::Failed(Error::new(ErrorKind::Unexpected, text).with_source(error))
        })
}
