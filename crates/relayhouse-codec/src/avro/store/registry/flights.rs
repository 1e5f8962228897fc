//! One fetch for however many wait for the same schema.

use std::{
    collections::HashMap,
    fmt::{self, Debug},
    future::Future,
    sync::{Mutex, PoisonError},
};

use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared, WeakShared},
};
use relayhouse_core::Result;

use crate::avro::schema::Schema;

type Fetch = BoxFuture<'static, Result<Schema>>;

/// Knows the fetches that are under way.
///
/// Those who wait own a fetch: it goes on while one of them is there, and ends with the last.
#[derive(Default)]
pub(super) struct Flights(Mutex<HashMap<u32, WeakShared<Fetch>>>);

impl Flights {
    /// Waits for the fetch of `id`, which is begun by `fetch` if nobody waits for it yet.
    pub(super) async fn join<F>(&self, id: u32, fetch: impl FnOnce() -> F) -> Result<Schema>
    where
        F: Future<Output = Result<Schema>> + Send + 'static,
    {
        self.flight(id, fetch).await
    }

    fn flight<F>(&self, id: u32, fetch: impl FnOnce() -> F) -> Shared<Fetch>
    where
        F: Future<Output = Result<Schema>> + Send + 'static,
    {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let under_way = flights.get(&id).and_then(WeakShared::upgrade);
        // One that has ended is left to those who saw it end.
        if let Some(flight) = under_way.filter(|flight| flight.peek().is_none()) {
            return flight;
        }
        flights.retain(|_, flight| flight.upgrade().is_some());
        let flight = fetch().boxed().shared();
        if let Some(weak) = flight.downgrade() {
            flights.insert(id, weak);
        }
        flight
    }
}

impl Debug for Flights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        f.debug_set().entries(flights.keys()).finish()
    }
}
