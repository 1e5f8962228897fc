//! What was fetched: schemas, and that there is none.

use std::{
    collections::{HashMap, VecDeque},
    num::NonZeroUsize,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use relayhouse_core::{Instant, Result};

use crate::avro::{
    schema::Schema,
    store::{SchemaId, unknown},
};

/// Keeps schemas by their ids, and which ids have none.
#[derive(Debug)]
pub(super) struct Cache {
    kept: Mutex<Kept>,
    schemas_max: NonZeroUsize,
    missing_for: Duration,
}

#[derive(Debug, Default)]
struct Kept {
    schemas: HashMap<u32, Schema>,
    /// The ids of the schemas, the oldest first.
    order: VecDeque<u32>,
    /// Until when each id counts as one without a schema, the oldest first.
    missing: VecDeque<(u32, Instant)>,
}

impl Cache {
    pub(super) fn new(schemas_max: NonZeroUsize, missing_for: Duration) -> Self {
        Self {
            kept: Mutex::default(),
            schemas_max,
            missing_for,
        }
    }

    /// Returns the schema of `id`, nothing if it must be fetched, and an error if there is none.
    pub(super) fn known(&self, id: u32, now: Instant) -> Result<Option<Schema>> {
        let kept = self.kept();
        if let Some(schema) = kept.schemas.get(&id) {
            return Ok(Some(schema.clone()));
        }
        let mut missing = kept.missing.iter();
        match missing.any(|(of, until)| *of == id && now < *until) {
            true => Err(unknown(SchemaId::Number(id))),
            false => Ok(None),
        }
    }

    /// Keeps the schema of `id`.
    pub(super) fn keep(&self, id: u32, schema: &Schema) {
        let mut kept = self.kept();
        kept.missing.retain(|(of, _)| *of != id);
        if kept.schemas.insert(id, schema.clone()).is_some() {
            return;
        }
        kept.order.push_back(id);
        if self.schemas_max.get() < kept.order.len()
            && let Some(oldest) = kept.order.pop_front()
        {
            kept.schemas.remove(&oldest);
        }
    }

    /// Keeps for a moment that there is no schema of `id`.
    pub(super) fn miss(&self, id: u32, now: Instant) {
        let mut kept = self.kept();
        kept.missing.retain(|(of, until)| *of != id && now < *until);
        if self.schemas_max.get() <= kept.missing.len() {
            kept.missing.pop_front();
        }
        kept.missing.push_back((id, now + self.missing_for));
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn cache(max: usize) -> Cache {
        Cache::new(NonZeroUsize::new(max).unwrap(), SECOND)
    }

    #[test]
    fn oldest_schema_makes_room() {
        let cache = cache(2);
        let schema = Schema::parse(r#""int""#).unwrap();
        for id in [1, 2, 1, 3] {
            cache.keep(id, &schema);
        }
        let is_known = |id| cache.known(id, Instant::START).unwrap().is_some();
        assert_eq!([1, 2, 3].map(is_known), [false, true, true]);
    }

    #[test]
    fn missing_schema_is_looked_for_again_after_a_moment() {
        let cache = cache(1);
        cache.miss(7, Instant::START);
        assert!(cache.known(7, Instant::START).is_err());
        assert!(cache.known(7, Instant::START + SECOND).unwrap().is_none());
        cache.miss(8, Instant::START);
        assert!(
            cache.known(7, Instant::START).unwrap().is_none(),
            "there is room for one"
        );
        cache.keep(8, &Schema::parse(r#""int""#).unwrap());
        assert!(cache.known(8, Instant::START).unwrap().is_some());
    }
}
