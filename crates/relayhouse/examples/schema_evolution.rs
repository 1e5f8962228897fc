//! A producer on schema 2 and a consumer on schema 1, at the same time on one queue.
//!
//! `cargo run -p relayhouse --example schema_evolution --features avro`
//!
//! Schema 2 has its fields in another order, leaves the note out and brings a currency. A program
//! that was built with schema 2 sends; one with schema 1 goes on as it did, and reads what both send
//! as its own schema says. So does one with schema 2.
#![cfg_attr(
    not(test),
    expect(clippy::print_stdout, reason = "an example shows what it does")
)]

use relayhouse::{
    Timestamp,
    codec::avro::{Avro, AvroCodec, Compatibility, MemorySchemas, Schema, compare},
    prelude::*,
    time,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::sync::mpsc;

const SCHEMA_1: &str = r#"{"type": "record", "name": "Order", "fields": [
    {"name": "id", "type": "long"},
    {"name": "cents", "type": "long"},
    {"name": "note", "type": "string", "default": ""}
]}"#;

const SCHEMA_2: &str = r#"{"type": "record", "name": "Order", "fields": [
    {"name": "cents", "type": "long"},
    {"name": "currency", "type": "string", "default": "EUR"},
    {"name": "id", "type": "long"}
]}"#;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Order1 {
    pub(crate) id: i64,
    pub(crate) cents: i64,
    pub(crate) note: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Order2 {
    pub(crate) id: i64,
    pub(crate) cents: i64,
    pub(crate) currency: String,
}

/// Is what there was to see.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The differences of the schemas, each with whether it breaks who reads.
    pub(crate) differences: Vec<(String, bool)>,
    /// What the consumer on schema 1 got.
    pub(crate) first: Vec<Order1>,
    /// What the consumer on schema 2 got.
    pub(crate) second: Vec<Order2>,
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<()> {
    let outcome = run().await?;
    for (difference, is_breaking) in &outcome.differences {
        println!("{difference}; breaks: {is_breaking}");
    }
    for order in &outcome.first {
        println!("the consumer on schema 1 got {order:?}");
    }
    for order in &outcome.second {
        println!("the consumer on schema 2 got {order:?}");
    }
    Ok(())
}

pub(crate) async fn run() -> Result<Outcome> {
    let (first, second) = (Schema::parse(SCHEMA_1)?, Schema::parse(SCHEMA_2)?);
    let found = compare(&first, &second, Compatibility::Full)?;
    let differences = found
        .iter()
        .map(|found| (found.to_string(), found.is_breaking));

    // Who brings a schema publishes it first. In earnest the store is a registry, which a layer
    // asks before the handler runs, or a directory that is deployed with the programs.
    let schemas = MemorySchemas::new();
    schemas.insert(first.clone())?;
    schemas.insert(second.clone())?;
    let first = AvroCodec::<Order1>::builder(first)
        .store(schemas.clone())
        .build()?;
    let second = AvroCodec::<Order2>::builder(second)
        .store(schemas)
        .build()?;
    Ok(Outcome {
        differences: differences.collect(),
        first: received("first", first.clone(), &first, &second).await?,
        second: received("second", second.clone(), &first, &second).await?,
    })
}

/// Runs both producers and a consumer of `codec` at the same time, until it has all orders.
async fn received<T>(
    name: &str,
    codec: AvroCodec<T>,
    first: &AvroCodec<Order1>,
    second: &AvroCodec<Order2>,
) -> Result<Vec<T>>
where
    T: DeserializeOwned + Send + Sync + 'static,
{
    const ORDERS: usize = 4;
    let context = time::simulated(Timestamp::default(), 7);
    let registry = Registry::with_context(context);
    let queue = registry.open(&format!("memory://{name}")).await?;
    let (done, mut seen) = mpsc::channel(ORDERS);
    let handler = move |Avro(order): Avro<T>| {
        let done = done.clone();
        async move { done.send(order).await }
    };
    let mut orders = Vec::new();
    let all = async {
        while orders.len() < ORDERS {
            orders.extend(seen.recv().await);
        }
    };
    let consumer = queue
        .consumer()
        .concurrency(1)
        .state(codec)
        .handler(handler);
    let (sent, report) = tokio::join!(send(&queue, first, second), consumer.run_until(all));
    sent?;
    report?;
    Ok(orders)
}

/// Sends orders of both schemas in turns.
async fn send(queue: &Queue, first: &AvroCodec<Order1>, second: &AvroCodec<Order2>) -> Result<()> {
    let old = queue.producer().encoded_by(first.clone());
    let new = queue.producer().encoded_by(second.clone());
    for id in [1, 3] {
        let note = "gift".to_owned();
        old.send(&Order1 {
            id,
            cents: 1999,
            note,
        })
        .await?;
        let (id, currency) = (id + 1, "CHF".to_owned());
        new.send(&Order2 {
            id,
            cents: 1999,
            currency,
        })
        .await?;
    }
    Ok(())
}
