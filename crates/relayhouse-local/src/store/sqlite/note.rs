//! Notes: messages that a transaction here sends into another file.
//!
//! The note lasts with the settlements. The other file takes it in once, however often it is
//! brought there, and then it is forgotten here.

use relayhouse_core::{Message, Text};
use rusqlite::{OptionalExtension, params};

use super::{
    SqliteStore,
    fault::{Fault, Result},
    record,
};
use crate::store::Kind;

/// How many notes of one file are remembered as taken: more than are ever on their way.
const TAKEN_KEPT: i64 = 10_000;

impl SqliteStore {
    pub(super) fn write_note(&mut self, file: &str, messages: &[Message]) -> Result<u64> {
        let data = record::encode_all(messages)?;
        let mut insert = self
            .connection
            .prepare_cached("INSERT INTO note (file, messages, crc) VALUES (?1, ?2, ?3)")?;
        let number = insert.insert(params![file, data, crc32fast::hash(&data)])?;
        Ok(number.unsigned_abs())
    }

    pub(super) fn read_note(&mut self) -> Result<Option<(u64, Text, Vec<Message>)>> {
        let mut select = self.connection.prepare_cached(
            "SELECT number, file, messages, crc FROM note ORDER BY number LIMIT 1",
        )?;
        let found = select.query_row([], |row| {
            Ok((
                row.get::<_, i64>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, Vec<u8>>(2)?,
                row.get::<_, u32>(3)?,
            ))
        });
        let Some((number, file, data, crc)) = found.optional()? else {
            return Ok(None);
        };
        if crc32fast::hash(&data) != crc {
            return Err(Fault::damaged(format!(
                "note {number} is not what was written"
            )));
        }
        let messages = record::decode_all(&data)?;
        Ok(Some((number.unsigned_abs(), Text::from(file), messages)))
    }

    pub(super) fn remove_note(&mut self, number: u64) -> Result<()> {
        let mut delete = self
            .connection
            .prepare_cached("DELETE FROM note WHERE number = ?1")?;
        delete.execute([number.cast_signed()])?;
        Ok(())
    }

    pub(super) fn take_note_in(
        &mut self,
        from: u128,
        number: u64,
        messages: &[Message],
    ) -> Result<Vec<u64>> {
        let from = from.to_be_bytes();
        if let Some(sequences) = self.taken(from, number)? {
            return Ok(sequences);
        }
        if self.file.kind == Kind::Undecided {
            self.decide_as(Kind::Queue)?;
        }
        let targets = self.targets();
        let mut sequences = Vec::with_capacity(messages.len());
        for message in messages {
            let sequence = self.next_sequence()?;
            self.write(message, sequence, &targets)?;
            sequences.push(sequence.unsigned_abs());
        }
        let text = serde_json::to_string(&sequences)
            .map_err(|error| Fault::damaged(format!("a note: {error}")))?;
        let number = number.cast_signed();
        self.connection.execute(
            "INSERT INTO taken (identity, number, sequences) VALUES (?1, ?2, ?3)",
            params![from, number, text],
        )?;
        self.connection.execute(
            "DELETE FROM taken WHERE identity = ?1 AND number < ?2",
            params![from, number - TAKEN_KEPT],
        )?;
        Ok(sequences)
    }

    fn taken(&self, from: [u8; 16], number: u64) -> Result<Option<Vec<u64>>> {
        let mut select = self
            .connection
            .prepare_cached("SELECT sequences FROM taken WHERE identity = ?1 AND number = ?2")?;
        let params = params![from, number.cast_signed()];
        let text: Option<String> = select.query_row(params, |row| row.get(0)).optional()?;
        let sequences = text.map(|text| {
            serde_json::from_str(&text).map_err(|error| Fault::damaged(format!("a note: {error}")))
        });
        sequences.transpose()
    }
}
