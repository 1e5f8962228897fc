//! The plans by which a codec reads what other schemas have written.

use std::{
    collections::VecDeque,
    fmt::{self, Debug},
    num::NonZeroUsize,
    sync::{Arc, PoisonError, RwLock},
};

use relayhouse_core::Result;

use crate::avro::{read::ReadPlan, schema::Schema, store::SchemaId};

/// How many plans a codec keeps unless it is told otherwise.
pub(super) const PLANS_MAX: NonZeroUsize = match NonZeroUsize::new(64) {
    Some(max) => max,
    None => NonZeroUsize::MIN,
};

/// A plan, or why the two schemas have none.
type Compiled = Result<Arc<ReadPlan>>;

/// Keeps the plans of the writers that were met last.
pub(super) struct Plans {
    reader: Schema,
    plans_max: NonZeroUsize,
    /// The newest last. There are few: looking at each costs less than a hash.
    plans: RwLock<VecDeque<(SchemaId, Compiled)>>,
}

impl Plans {
    pub(super) fn new(reader: Schema, plans_max: NonZeroUsize) -> Self {
        Self {
            reader,
            plans_max,
            plans: RwLock::default(),
        }
    }

    /// Returns the plan for `id`, compiled from what `writer` returns if it is not there yet.
    pub(super) fn get(&self, id: SchemaId, writer: impl FnOnce() -> Result<Schema>) -> Compiled {
        if let Some(compiled) = self.find(id) {
            return compiled;
        }
        // Nothing is locked meanwhile: that two compile the same does no harm.
        let compiled = ReadPlan::compile(&writer()?, &self.reader).map(Arc::new);
        let mut plans = self.plans.write().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, earlier)) = plans.iter().find(|(of, _)| *of == id) {
            return earlier.clone();
        }
        if self.plans_max.get() <= plans.len() {
            plans.pop_front();
        }
        plans.push_back((id, compiled.clone()));
        compiled
    }

    fn find(&self, id: SchemaId) -> Option<Compiled> {
        let plans = self.plans.read().unwrap_or_else(PoisonError::into_inner);
        let found = plans.iter().find(|(of, _)| *of == id);
        found.map(|(_, compiled)| compiled.clone())
    }
}

impl Debug for Plans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plans = self.plans.read().unwrap_or_else(PoisonError::into_inner);
        f.debug_list()
            .entries(plans.iter().map(|(id, _)| id))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn schema(text: &str) -> Schema {
        Schema::parse(text).unwrap()
    }

    #[test]
    fn plan_is_compiled_once_until_it_is_the_oldest_of_too_many() {
        let plans = Plans::new(schema(r#""long""#), NonZeroUsize::MIN);
        let compiled = Cell::new(0);
        let get = |number| {
            let writer = || {
                compiled.set(compiled.get() + 1);
                Ok(schema(r#""int""#))
            };
            plans.get(SchemaId::Number(number), writer).unwrap()
        };
        assert!(Arc::ptr_eq(&get(1), &get(1)));
        assert_eq!(compiled.get(), 1);
        get(2);
        get(1);
        assert_eq!(compiled.get(), 3);
    }

    #[test]
    fn schema_that_does_not_resolve_is_remembered_and_one_that_is_not_found_is_not() {
        let plans = Plans::new(schema(r#""long""#), PLANS_MAX);
        let id = SchemaId::Number(1);
        let missing = || Err(crate::avro::store::unknown(id));
        assert!(plans.get(id, missing).is_err());
        let error = plans.get(id, || Ok(schema(r#""string""#))).unwrap_err();
        let again = plans.get(id, || unreachable!()).unwrap_err();
        assert_eq!(again.to_string(), error.to_string());
    }
}
