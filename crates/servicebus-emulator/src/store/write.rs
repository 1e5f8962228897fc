//! What has changed, into the file.

use rusqlite::{Connection, ToSql, params};
use serde::Serialize;

use super::{DataError, Store, load::number_of};
use crate::model::{Change, EntityId, Time};

/// The tables of what is in an entity.
const CONTENTS: [&str; 3] = [
    "DELETE FROM messages WHERE entity = ?1",
    "DELETE FROM sessions WHERE entity = ?1",
    "DELETE FROM ids WHERE entity = ?1",
];

impl Store {
    /// Writes what has changed, all or nothing, and returns when the disk has it.
    pub(crate) fn write(&mut self, changes: &[Change]) -> Result<(), DataError> {
        let written = write_all(&mut self.connection, changes);
        written.map_err(|error| DataError::of(&self.path, error))
    }
}

fn write_all(connection: &mut Connection, changes: &[Change]) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    for change in changes {
        write(&transaction, change)?;
    }
    transaction.commit()
}

fn write(file: &Connection, change: &Change) -> rusqlite::Result<()> {
    match change {
        Change::Define(id, definition) => {
            let define = "INSERT INTO entities VALUES (?1, ?2, 0, 0) \
                          ON CONFLICT (id) DO UPDATE SET definition = excluded.definition";
            run(file, define, params![number(*id), encode(&**definition)?])
        }
        Change::Delete(id) => {
            for delete in CONTENTS {
                run(file, delete, params![number(*id)])?;
            }
            let delete = "DELETE FROM entities WHERE id = ?1";
            run(file, delete, params![number(*id)])
        }
        Change::Note(id, note) => {
            let update = "UPDATE entities SET sequence = ?2, accessed = ?3 WHERE id = ?1";
            let (sequence, accessed) = (signed(note.sequence), millis(note.accessed));
            run(file, update, params![number(*id), sequence, accessed])
        }
        Change::Put(id, subqueue, message, state) => {
            let put = "INSERT OR REPLACE INTO messages VALUES (?1, ?2, ?3, ?4)";
            let (subqueue, sequence) = (signed(number_of(*subqueue)), signed(message.sequence));
            let bytes = encode(&(state, message))?;
            run(file, put, params![number(*id), subqueue, sequence, bytes])
        }
        Change::Remove(id, subqueue, sequence) => {
            let delete = "DELETE FROM messages \
                          WHERE entity = ?1 AND subqueue = ?2 AND sequence = ?3";
            let (subqueue, sequence) = (signed(number_of(*subqueue)), signed(*sequence));
            run(file, delete, params![number(*id), subqueue, sequence])
        }
        Change::Session(id, session, Some(kept)) => {
            let put = "INSERT OR REPLACE INTO sessions VALUES (?1, ?2, ?3, ?4)";
            let (state, updated) = (kept.state.as_deref(), millis(kept.updated));
            run(file, put, params![number(*id), session, state, updated])
        }
        Change::Session(id, session, None) => {
            let delete = "DELETE FROM sessions WHERE entity = ?1 AND session = ?2";
            run(file, delete, params![number(*id), session])
        }
        Change::Remember(id, count, message_id, at) => {
            let put = "INSERT OR REPLACE INTO ids VALUES (?1, ?2, ?3, ?4)";
            let (count, at) = (signed(*count), millis(*at));
            run(file, put, params![number(*id), count, message_id, at])
        }
        Change::Forget(id, below) => {
            let delete = "DELETE FROM ids WHERE entity = ?1 AND number < ?2";
            run(file, delete, params![number(*id), signed(*below)])
        }
    }
}

fn run(file: &Connection, sql: &str, values: &[&dyn ToSql]) -> rusqlite::Result<()> {
    file.prepare_cached(sql)?.execute(values).map(drop)
}

fn encode<T: Serialize>(value: &T) -> rusqlite::Result<Vec<u8>> {
    postcard::to_stdvec(value)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

fn number(id: EntityId) -> i64 {
    signed(id.0)
}

fn millis(time: Time) -> i64 {
    signed(time.millis())
}

/// Numbers are counted up from 1, and never come near the end.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
