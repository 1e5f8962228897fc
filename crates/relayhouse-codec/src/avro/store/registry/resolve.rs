//! Schemas that name others: the registry says which versions define those.

use std::collections::{HashSet, VecDeque};

use relayhouse_core::Result;

use super::{
    http::Http,
    reply::{Named, Stored},
};
use crate::avro::{
    inline::Definitions,
    schema::{Schema, invalid},
};

/// How many other schemas one may need.
const REFERENCES_MAX: usize = 64;

/// Parses what is stored, after it has fetched what it refers to.
pub(super) async fn resolve(http: &Http, stored: Stored) -> Result<Schema> {
    check(&stored)?;
    let mut others = Definitions::default();
    let mut seen = HashSet::new();
    let mut waiting = VecDeque::from(stored.references);
    while let Some(reference) = waiting.pop_front() {
        let version = reference.version.to_string();
        if !seen.insert((reference.subject.clone(), reference.version)) {
            continue;
        }
        if REFERENCES_MAX < seen.len() {
            return Err(invalid(format!(
                "schema needs more than {REFERENCES_MAX} others"
            )));
        }
        let path = ["subjects", &reference.subject, "versions", &version];
        let Named { schema: other, .. } = http.get(&path).await?;
        check(&other)?;
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
