//! What was kept, back into a model.

use std::sync::Arc;

use bytes::Bytes;
use rusqlite::{Row, params};
use serde::de::DeserializeOwned;

use super::{DataError, DataErrorKind, Store};
use crate::model::{
    Definition, EntityId, Homeless, Message, Model, Note, SessionState, State, Subqueue, Time,
};

impl Store {
    /// Makes a model of all that was kept; its lock tokens follow from the seed and the count of
    /// runs, so that none of an earlier run is given again.
    ///
    /// [`Model::resume`] goes on from there.
    pub(crate) fn load(&self, seed: u64) -> Result<Model, DataError> {
        let mut model = Model::new(seed.wrapping_add(self.run()));
        self.load_entities(&mut model)?;
        self.load_messages(&mut model)?;
        self.load_sessions(&mut model)?;
        self.load_ids(&mut model)?;
        Ok(model)
    }

    fn load_entities(&self, model: &mut Model) -> Result<(), DataError> {
        // Topics come before their subscriptions, as they were made before.
        let select = "SELECT id, definition, sequence, accessed FROM entities ORDER BY id";
        self.each(select, |row| {
            let definition = self.read::<Definition>(row, 1)?;
            let note = Note {
                sequence: self.number(row, 2)?,
                accessed: Time::from_millis(self.number(row, 3)?),
            };
            model.restore_entity(self.entity(row)?, definition, note);
            Ok(())
        })
    }

    fn load_messages(&self, model: &mut Model) -> Result<(), DataError> {
        let select = "SELECT entity, subqueue, message FROM messages \
                      ORDER BY entity, subqueue, sequence";
        self.each(select, |row| {
            let subqueue = self.number(row, 1)?;
            let known = Subqueue::ALL
                .into_iter()
                .find(|it| number_of(*it) == subqueue);
            let subqueue = known.ok_or_else(|| self.damaged())?;
            let (state, message) = self.read::<(State, Message)>(row, 2)?;
            let restored = model.restore_message(self.entity(row)?, subqueue, message, state);
            self.housed(restored)
        })
    }

    fn load_sessions(&self, model: &mut Model) -> Result<(), DataError> {
        let select = "SELECT entity, session, state, updated FROM sessions";
        self.each(select, |row| {
            let state = row
                .get::<_, Option<Vec<u8>>>(2)
                .map_err(|it| self.error(it))?;
            let kept = SessionState {
                state: state.map(Bytes::from),
                updated: Time::from_millis(self.number(row, 3)?),
            };
            let session = self.text(row, 1)?;
            let restored = model.restore_session(self.entity(row)?, &session, kept);
            self.housed(restored)
        })
    }

    fn load_ids(&self, model: &mut Model) -> Result<(), DataError> {
        let select = "SELECT entity, number, id, seen FROM ids ORDER BY entity, number";
        self.each(select, |row| {
            let (number, id) = (self.number(row, 1)?, self.text(row, 2)?);
            let at = Time::from_millis(self.number(row, 3)?);
            let restored = model.restore_id(self.entity(row)?, number, id, at);
            self.housed(restored)
        })
    }

    fn each(
        &self,
        select: &str,
        mut take: impl FnMut(&Row<'_>) -> Result<(), DataError>,
    ) -> Result<(), DataError> {
        let prepared = self.connection.prepare(select);
        let mut statement = prepared.map_err(|it| self.error(it))?;
        let mut rows = statement.query(params![]).map_err(|it| self.error(it))?;
        while let Some(row) = rows.next().map_err(|it| self.error(it))? {
            take(row)?;
        }
        Ok(())
    }

    fn entity(&self, row: &Row<'_>) -> Result<EntityId, DataError> {
        self.number(row, 0).map(EntityId)
    }

    fn number(&self, row: &Row<'_>, column: usize) -> Result<u64, DataError> {
        let number = row.get::<_, i64>(column).map_err(|it| self.error(it))?;
        u64::try_from(number).map_err(|_| self.damaged())
    }

    fn text(&self, row: &Row<'_>, column: usize) -> Result<Arc<str>, DataError> {
        row.get(column).map_err(|it| self.error(it))
    }

    fn read<T: DeserializeOwned>(&self, row: &Row<'_>, column: usize) -> Result<T, DataError> {
        let bytes = row.get_ref(column).map_err(|it| self.error(it))?;
        let bytes = bytes.as_blob().map_err(|_| self.damaged())?;
        postcard::from_bytes(bytes).map_err(|error| DataError::misread(&self.path, error))
    }

    /// What is in an entity must not be there without it.
    fn housed(&self, restored: Result<(), Homeless>) -> Result<(), DataError> {
        restored.map_err(|Homeless| self.damaged())
    }

    fn damaged(&self) -> DataError {
        DataError::new(&self.path, DataErrorKind::Damaged)
    }

    pub(super) fn error(&self, error: rusqlite::Error) -> DataError {
        DataError::of(&self.path, error)
    }
}

/// Returns the number by which a subqueue is kept.
pub(super) const fn number_of(subqueue: Subqueue) -> u64 {
    match subqueue {
        Subqueue::Main => 0,
        Subqueue::DeadLetter => 1,
        Subqueue::TransferDeadLetter => 2,
    }
}
