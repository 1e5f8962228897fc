//! What a registry answers, and what its refusals mean.

use relayhouse_core::{Error, ErrorKind, Result, Retry};
use serde::{Deserialize, Serialize};

use crate::avro::{schema::Schema, store::SchemaId};

/// Is a version of a subject.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct Registered {
    /// The id of the schema, which is its own in all of the registry.
    pub id: SchemaId,
    /// The version, which counts from 1 in each subject.
    pub version: u32,
    /// The schema.
    pub schema: Schema,
}

/// What is registered: `POST /subjects/{subject}/versions` and its like.
#[derive(Debug, Serialize)]
pub(super) struct Registration<'a> {
    pub(super) schema: &'a str,
    #[serde(rename = "schemaType")]
    pub(super) kind: &'static str,
}

#[derive(Debug, Deserialize)]
pub(super) struct Identified {
    pub(super) id: u32,
}

#[derive(Debug, Deserialize)]
pub(super) struct Compatible {
    pub(super) is_compatible: bool,
}

/// A version of a subject, as it is stored.
#[derive(Debug, Deserialize)]
pub(super) struct Named {
    pub(super) id: u32,
    pub(super) version: u32,
    #[serde(flatten)]
    pub(super) schema: Stored,
}

/// A schema, as it is stored: other schemas may define what it names.
#[derive(Debug, Deserialize)]
pub(super) struct Stored {
    pub(super) schema: String,
    /// Not set for Avro.
    #[serde(rename = "schemaType")]
    pub(super) kind: Option<String>,
    #[serde(default)]
    pub(super) references: Vec<Reference>,
}

/// The version of a subject that defines what a schema names.
#[derive(Debug, Deserialize)]
pub(super) struct Reference {
    pub(super) subject: String,
    pub(super) version: u32,
}

/// How a registry says no.
#[derive(Debug, Deserialize)]
pub(super) struct Refusal {
    error_code: u32,
    #[serde(default)]
    message: String,
}

/// The codes of what is not there: a subject, a version, a schema.
const NOT_THERE: [u32; 3] = [40401, 40402, 40403];

/// Reads a body of JSON.
pub(super) fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T> {
    serde_json::from_slice(body).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let text = format!(
            "schema registry has answered otherwise than it should, at line {line} column {column}"
        );
        temporary(ErrorKind::Unexpected, text)
    })
}

/// Says what an answer with a `status` other than success means; `None` for what is not there.
///
/// What is wrong with the registry, or with what it lets us do, says nothing of the message that
/// needs a schema: such errors are temporary.
pub(super) fn refused(status: u16, body: &[u8]) -> Option<Error> {
    let refusal: Option<Refusal> = serde_json::from_slice(body).ok();
    let code = refusal.as_ref().map_or(0, |refusal| refusal.error_code);
    let told = refusal.map_or_else(String::new, |refusal| told(&refusal.message));
    let text = format!("schema registry has answered {status}{told}");
    let error = match status {
        404 if NOT_THERE.contains(&code) => return None,
        401 | 403 => temporary(ErrorKind::Unauthorized, text),
        408 | 504 => temporary(ErrorKind::Timeout, text),
        409 | 422 => Error::new(ErrorKind::Codec, text),
        429 => temporary(ErrorKind::Throttled, text),
        500..=599 => temporary(ErrorKind::Unavailable, text),
        _ => temporary(ErrorKind::Unexpected, text),
    };
    Some(error)
}

pub(super) fn temporary(kind: ErrorKind, text: impl Into<String>) -> Error {
    Error::new(kind, text.into()).retry(Retry::Temporary)
}

/// Shows the start of what the registry says of a refusal.
fn told(message: &str) -> String {
    const SHOWN_MAX: usize = 200;
    let shown: String = message.chars().take(SHOWN_MAX).collect();
    match shown.is_empty() {
        true => shown,
        false => format!(": {}", shown.escape_debug()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_say_whether_waiting_helps() {
        let kind = |status, body: &str| {
            let error = refused(status, body.as_bytes()).unwrap();
            (error.kind(), error.is_temporary())
        };
        for (status, expected) in [
            (302, ErrorKind::Unexpected),
            (401, ErrorKind::Unauthorized),
            (404, ErrorKind::Unexpected),
            (429, ErrorKind::Throttled),
            (500, ErrorKind::Unavailable),
            (504, ErrorKind::Timeout),
        ] {
            assert_eq!(kind(status, "<html>"), (expected, true), "{status}");
        }
        let conflict = r#"{"error_code": 409, "message": "Schema is incompatible"}"#;
        assert_eq!(kind(409, conflict), (ErrorKind::Codec, false));
        let text = refused(409, conflict.as_bytes()).unwrap().to_string();
        assert_eq!(
            text,
            "schema registry has answered 409: Schema is incompatible"
        );
        let missing = r#"{"error_code": 40403, "message": "Schema not found"}"#;
        assert!(refused(404, missing.as_bytes()).is_none());
    }
}
