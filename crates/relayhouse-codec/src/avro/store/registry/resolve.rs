//! Schemas that name others: the registry says which versions define those.

use std::collections::{HashSet, VecDeque};

use relayhouse_core::Result;

use super::{
    http::Http,
    reply::{Named, Stored},
};
use crate::avro::{
    inline::Definitions,
    schema::{SCHEMA_BYTES_MAX, Schema, invalid},
};

/// How many other schemas one may need.
const REFERENCES_MAX: usize = 64;

/// How much the others may come to, in bytes: with them it has to be a schema that is parsed.
const REFERENCES_BYTES_MAX: usize = SCHEMA_BYTES_MAX;

/// Parses what is stored, after it has fetched what it refers to.
pub(super) async fn resolve(http: &Http, stored: Stored) -> Result<Schema> {
    check(&stored)?;
    let mut others = Definitions::default();
    let mut seen = HashSet::new();
    let mut bytes_left = REFERENCES_BYTES_MAX;
    let mut waiting = VecDeque::from(stored.references);
    while let Some(reference) = waiting.pop_front() {
        if !seen.insert((reference.subject.clone(), reference.version)) {
            continue;
        }
        if REFERENCES_MAX < seen.len() {
            return Err(invalid(format!(
                "schema needs more than {REFERENCES_MAX} others"
            )));
        }
        let named = http.version(&reference.subject, reference.version);
        let Named { schema: other, .. } = named.await?;
        check(&other)?;
        bytes_left = match bytes_left.checked_sub(other.schema.len()) {
            Some(left) => left,
            None => {
                return Err(invalid(format!(
                    "schema needs others of more than {REFERENCES_BYTES_MAX} bytes"
                )));
            }
        };
        others.add(&other.schema)?;
        waiting.extend(other.references);
    }
    match seen.is_empty() {
        true => Schema::parse(&stored.schema),
        false => others.inline(&stored.schema),
    }
}

fn check(stored: &Stored) -> Result<()> {
    match stored.kind.as_deref() {
        None | Some("AVRO") => Ok(()),
        Some(other) => {
            let other: String = other.chars().take(32).collect();
            Err(invalid(format!(
                "schema is of the type {}, expected AVRO",
                other.escape_debug()
            )))
        }
    }
}
