//! What was fetched: schemas, and why there is none.

use std::{
    collections::{HashMap, VecDeque},
    num::NonZeroUsize,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use relayhouse_core::{Error, Instant, Result};

use crate::avro::schema::Schema;

/// Keeps schemas by their ids, and which ids have none that can be used.
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
    /// Until when each id counts as one without a schema, and why, the oldest first.
    refused: VecDeque<(u32, Instant, Error)>,
}

impl Cache {
    pub(super) fn new(schemas_max: NonZeroUsize, missing_for: Duration) -> Self {
        Self {
            kept: Mutex::default(),
            schemas_max,
            missing_for,
        }
    }

    /// Returns the schema of `id`, nothing if it must be fetched, and an error if none can be used.
    pub(super) fn known(&self, id: u32, now: Instant) -> Result<Option<Schema>> {
        let kept = self.kept();
        if let Some(schema) = kept.schemas.get(&id) {
            return Ok(Some(schema.clone()));
        }
        let mut refused = kept.refused.iter();
        match refused.find(|(of, until, _)| *of == id && now < *until) {
            Some((.., error)) => Err(error.clone()),
            None => Ok(None),
        }
    }

    /// Keeps the schema of `id`.
    pub(super) fn keep(&self, id: u32, schema: &Schema) {
        let mut kept = self.kept();
        kept.refused.retain(|(of, ..)| *of != id);
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

    /// Keeps for a moment why no schema of `id` can be used.
    pub(super) fn refuse(&self, id: u32, now: Instant, error: Error) {
        let mut kept = self.kept();
        kept.refused
            .retain(|(of, until, _)| *of != id && now < *until);
        if self.schemas_max.get() <= kept.refused.len() {
            kept.refused.pop_front();
        }
        kept.refused.push_back((id, now + self.missing_for, error));
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use relayhouse_core::ErrorKind;

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
        let error = || Error::new(ErrorKind::Codec, "there is none");
        cache.refuse(7, Instant::START, error());
        assert!(cache.known(7, Instant::START).is_err());
        assert!(cache.known(7, Instant::START + SECOND).unwrap().is_none());
        cache.refuse(8, Instant::START, error());
        assert!(
            cache.known(7, Instant::START).unwrap().is_none(),
            "there is room for one"
        );
        cache.keep(8, &Schema::parse(r#""int""#).unwrap());
        assert!(cache.known(8, Instant::START).unwrap().is_some());
    }
}
