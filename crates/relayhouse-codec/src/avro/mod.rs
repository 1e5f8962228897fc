//! Avro: schemas, and how bodies are written and read by them.

mod canonical;
mod clean;
mod fingerprint;
mod schema;
mod screen;

pub use self::{
    fingerprint::Fingerprint,
    schema::{SCHEMA_BYTES_MAX, Schema},
};
