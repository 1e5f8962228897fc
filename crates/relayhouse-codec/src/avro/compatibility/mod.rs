//! Whether what one schema writes can be read as another, and what differs, field by field.

mod walk;

use std::fmt::{self, Display};

use relayhouse_core::Result;

use self::walk::Walk;
use super::schema::Schema;

/// Says what a new schema owes an old one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Compatibility {
    /// The new schema reads what the old one has written: consumers change first.
    #[default]
    Backward,
    /// The old schema reads what the new one writes: producers change first.
    Forward,
    /// Both.
    Full,
}

/// Says which schema reads the other's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The new schema reads data of the old one.
    Backward,
    /// The old schema reads data of the new one.
    Forward,
}

/// Is one difference of two schemas, and what it means for those who read.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Which schema reads the other's data.
    pub direction: Direction,
    /// Where it is, such as `Order.items[].price`.
    pub path: String,
    /// What differs.
    pub what: String,
    /// The rule of the Avro specification that decides.
    pub rule: &'static str,
    /// Whether data that have it cannot be read.
    pub is_breaking: bool,
}

/// Compares two schemas, and explains every difference that matters to who reads.
///
/// The schemas are compatible if no difference [is breaking](Difference::is_breaking). The rules
/// are those by which an [`AvroCodec`](super::AvroCodec) decodes; a branch of a union, or a symbol
/// of an enum, that only some data have counts as breaking here.
///
/// ```
/// use relayhouse_codec::avro::{Compatibility, Schema, compare};
///
/// let order = |fields| Schema::parse(&format!(
///     r#"{{"type": "record", "name": "Order", "fields": [{fields}]}}"#
/// ));
/// let old = order(r#"{"name": "id", "type": "int"}"#)?;
/// let new = order(r#"{"name": "id", "type": "long"}, {"name": "note", "type": "string"}"#)?;
/// let found = compare(&old, &new, Compatibility::Backward)?;
/// assert_eq!(found[0].path, "Order.id");
/// assert!(!found[0].is_breaking, "an int widens to a long");
/// assert_eq!(found[1].what, "only the new schema has this field, and it has no default");
/// assert!(found[1].is_breaking);
/// # Ok::<(), relayhouse_core::Error>(())
/// ```
///
/// # Errors
///
/// Returns [`ErrorKind::Codec`](relayhouse_core::ErrorKind::Codec) if the schemas are too large to
/// be compared.
pub fn compare(old: &Schema, new: &Schema, of: Compatibility) -> Result<Vec<Difference>> {
    let mut found = Vec::new();
    if of != Compatibility::Forward {
        Walk::new(Direction::Backward, old, new)?.run(&mut found)?;
    }
    if of != Compatibility::Backward {
        Walk::new(Direction::Forward, new, old)?.run(&mut found)?;
    }
    Ok(found)
}

impl Direction {
    /// Returns what the schema is called that has written the data.
    const fn writer(self) -> &'static str {
        match self {
            Self::Backward => "old",
            Self::Forward => "new",
        }
    }

    /// Returns what the schema is called that reads.
    const fn reader(self) -> &'static str {
        match self {
            Self::Backward => "new",
            Self::Forward => "old",
        }
    }
}

impl Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (reader, writer) = (self.reader(), self.writer());
        write!(f, "the {reader} schema reads data of the {writer} one")
    }
}

impl Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            direction: _,
            path,
            what,
            rule,
            is_breaking: _,
        } = self;
        write!(f, "{path}: {what} ({rule})")
    }
}

#[cfg(test)]
mod tests;
