//! Kinds of record: a schema, and the types that have it.

use std::fmt::Debug;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// Is a kind of record.
pub(super) trait Record {
    /// The schema.
    const SCHEMA: &'static str;

    /// Is the type that owns its texts.
    type Owned: Clone + Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static;

    /// Is the type that borrows them.
    type Borrowed<'a>: Debug + Deserialize<'a>;
}

/// Is a kind of record with a later version.
pub(super) trait Evolving: Record {
    /// The later schema.
    const NEXT_SCHEMA: &'static str;

    /// Is the type that has the later schema.
    type Next: Debug + DeserializeOwned + Send + Sync + 'static;
}
