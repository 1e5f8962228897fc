//! Services that take many deliveries at once.

use std::{
    future::{Future, Ready, ready},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context as TaskContext, Poll},
    time::Duration,
};

use relayhouse_core::{Clock, Context, Delivery, Error, Result, Settlement};
use rusqlite::{Connection, params};
use tower::Service;

const ROUND_TRIP: Duration = Duration::from_millis(1);
const SCHEMA: &str = "CREATE TABLE orders (id BLOB PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID";
const INSERT: &str = "INSERT INTO orders (id, body) VALUES (?1, ?2)";

type Answers = Vec<Result<Settlement>>;

/// Is a service that takes many deliveries at once.
pub(super) trait Bulk:
    Service<Vec<Delivery>, Response = Answers, Error = Error, Future: Send> + Clone + Send + 'static
{
    /// Forgets what earlier rounds have left behind.
    fn clear(&self) -> anyhow::Result<()>;
}

/// Inserts each delivery into a table in memory, all of a call in one transaction.
#[derive(Clone, Debug)]
pub(super) struct Insert(Arc<Mutex<Connection>>);

/// Answers after a round trip.
#[derive(Clone, Debug)]
pub(super) struct RoundTrip(Arc<dyn Clock>);

/// Acks at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Nothing;

impl Insert {
    pub(super) fn new() -> anyhow::Result<Self> {
        let connection = Connection::open_in_memory()?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn insert(&self, batch: &[Delivery]) -> rusqlite::Result<()> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        {
            let mut insert = transaction.prepare_cached(INSERT)?;
            for delivery in batch {
                let id = delivery.id.as_bytes().map(|bytes| &bytes[..]);
                insert.execute(params![id, &delivery.message.body[..]])?;
            }
        }
        transaction.commit()
    }

    /// Returns how many rows there are.
    #[cfg(test)]
    pub(super) fn count(&self) -> rusqlite::Result<u32> {
        self.connection()
            .query_row("SELECT count(*) FROM orders", [], |row| row.get(0))
    }
}

impl RoundTrip {
    pub(super) fn new(context: &Context) -> Self {
        Self(Arc::clone(&context.clock))
    }
}

impl Bulk for Insert {
    fn clear(&self) -> anyhow::Result<()> {
        self.connection().execute("DELETE FROM orders", [])?;
        Ok(())
    }
}

impl Bulk for RoundTrip {
    fn clear(&self) -> anyhow::Result<()> {
        Ok(())
    }
}

impl Bulk for Nothing {
    fn clear(&self) -> anyhow::Result<()> {
        Ok(())
    }
}

impl Service<Vec<Delivery>> for Insert {
    type Response = Answers;
    type Error = Error;
    type Future = Ready<Result<Answers>>;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, batch: Vec<Delivery>) -> Self::Future {
        ready(match self.insert(&batch) {
            Ok(()) => Ok(acks(&batch)),
            Err(error) => Err(Error::from_boxed(error.into())),
        })
    }
}

impl Service<Vec<Delivery>> for RoundTrip {
    type Response = Answers;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Answers>> + Send>>;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, batch: Vec<Delivery>) -> Self::Future {
        let sleep = self.0.sleep_until(self.0.now() + ROUND_TRIP);
        Box::pin(async move {
            sleep.await;
            Ok(acks(&batch))
        })
    }
}

impl Service<Vec<Delivery>> for Nothing {
    type Response = Answers;
    type Error = Error;
    type Future = Ready<Result<Answers>>;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, batch: Vec<Delivery>) -> Self::Future {
        ready(Ok(acks(&batch)))
    }
}

fn acks(batch: &[Delivery]) -> Answers {
    batch.iter().map(|_| Ok(Settlement::Ack)).collect()
}
