//! A schema: parsed once, cheap to clone, named by its fingerprint.

use std::{
    collections::HashMap,
    fmt::{self, Debug},
    sync::Arc,
};

use apache_avro::{
    AvroSchema,
    schema::{Name, Schema as Parsed},
};
use relayhouse_core::{Error, ErrorKind, Result};

use super::{
    canonical::canonical, clean::clean, fingerprint::Fingerprint, screen::screen, shown::shown,
};

/// The largest text of a schema, in bytes: 1 MiB.
pub const SCHEMA_BYTES_MAX: usize = 1 << 20;

/// The named types of a schema: its records, enums and fixed types.
pub(crate) type Names<'a> = HashMap<&'a Name, &'a Parsed>;

/// Holds a schema. A clone shares it.
///
/// ```
/// use relayhouse_codec::avro::Schema;
///
/// let schema = Schema::parse(r#"{"type": "array", "items": {"type": "int"}}"#)?;
/// assert_eq!(schema.canonical(), r#"{"type":"array","items":"int"}"#);
/// # Ok::<(), relayhouse_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Schema(Arc<Inner>);

struct Inner {
    text: Box<str>,
    parsed: Parsed,
    canonical: Box<str>,
    fingerprint: Fingerprint,
}

impl Schema {
    /// Parses the JSON text of a schema that stands alone.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Codec`] that says what is wrong, and where, if the text is no schema,
    /// has more than [`SCHEMA_BYTES_MAX`], or names a type that it does not define.
    pub fn parse(text: &str) -> Result<Self> {
        let size = text.len();
        if SCHEMA_BYTES_MAX < size {
            return Err(invalid(format!(
                "schema has {size} bytes, at most {SCHEMA_BYTES_MAX} are parsed"
            )));
        }
        let json = serde_json::from_str(text);
        let mut json = json.map_err(|error| invalid(format!("schema is not JSON: {error}")))?;
        screen(&json)?;
        clean(&mut json);
        let parsed = Parsed::parse(&json);
        let parsed = parsed.map_err(|error| not_avro(&error))?;
        check_names(&parsed)?;
        let canonical = canonical(&parsed).into_boxed_str();
        Ok(Self(Arc::new(Inner {
            text: text.into(),
            fingerprint: Fingerprint::of(&canonical),
            parsed,
            canonical,
        })))
    }

    /// Takes the schema that is derived from a Rust type, by `apache_avro::AvroSchema`.
    ///
    /// ```
    /// use apache_avro::AvroSchema;
    /// use relayhouse_codec::avro::Schema;
    ///
    /// #[derive(AvroSchema)]
    /// struct Order {
    ///     id: i64,
    ///     note: Option<String>,
    /// }
    ///
    /// let schema = Schema::of::<Order>()?;
    /// assert_eq!(schema.name(), Some("Order"));
    /// # Ok::<(), relayhouse_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns what [`parse`](Self::parse) returns, for a schema that was made by hand.
    pub fn of<T: AvroSchema>() -> Result<Self> {
        let text = serde_json::to_string(&T::get_schema());
        let text = text.map_err(|error| invalid(format!("schema is not JSON: {error}")))?;
        Self::parse(&text)
    }

    /// Returns the JSON text that was parsed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// Writes the schema as JSON for people: in lines, with the attributes in their usual order.
    #[must_use]
    pub fn to_pretty(&self) -> String {
        let text = serde_json::to_string_pretty(self.inner());
        // What was parsed from JSON is JSON.
        text.unwrap_or_else(|_| self.text().to_owned())
    }

    /// Returns the Parsing Canonical Form of the specification, which leaves out what no reader
    /// of the data needs.
    #[must_use]
    pub fn canonical(&self) -> &str {
        &self.0.canonical
    }

    /// Returns the fingerprint of the canonical form.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.0.fingerprint
    }

    /// Returns the full name of the schema, if it is of a named type.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.inner().name().map(AsRef::as_ref)
    }

    /// Returns the schema as `apache-avro` has it. Every `Ref` in it is in [`names`](Self::names).
    pub(crate) fn inner(&self) -> &Parsed {
        &self.0.parsed
    }

    /// Collects the named types.
    pub(crate) fn names(&self) -> Names<'_> {
        let mut names = Names::new();
        walk(self.inner(), &mut |schema| {
            if let (Some(name), false) = (schema.name(), matches!(schema, Parsed::Ref { .. })) {
                names.insert(name, schema);
            }
        });
        names
    }
}

impl Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Schema").field(&self.canonical()).finish()
    }
}

/// Says what is wrong with a schema, in words that may quote a part of it.
fn not_avro(error: &apache_avro::Error) -> Error {
    const SHOWN_MAX: usize = 240;
    let text = error.to_string();
    let shown: String = text.chars().take(SHOWN_MAX).collect();
    invalid(format!("schema is not Avro: {}", shown.escape_debug()))
}

/// Checks that each type has one definition, and each name that is used is defined.
fn check_names(parsed: &Parsed) -> Result<()> {
    let mut uses = HashMap::new();
    walk(parsed, &mut |schema| {
        if let Some(name) = schema.name() {
            let is_definition = !matches!(schema, Parsed::Ref { .. });
            *uses.entry(name).or_insert(0_usize) += usize::from(is_definition);
        }
    });
    for (name, definitions) in uses {
        match definitions {
            0 => {
                return Err(invalid(format!(
                    "schema uses {} and does not define it",
                    shown(name.as_ref())
                )));
            }
            1 => {}
            _ => {
                let name = shown(name.as_ref());
                return Err(invalid(format!("schema defines {name} more than once")));
            }
        }
    }
    Ok(())
}

/// Visits `schema` and all schemas inside it.
fn walk<'a>(schema: &'a Parsed, visit: &mut impl FnMut(&'a Parsed)) {
    visit(schema);
    match schema {
        Parsed::Array(array) => walk(&array.items, visit),
        Parsed::Map(map) => walk(&map.types, visit),
        Parsed::Union(union) => {
            for variant in union.variants() {
                walk(variant, visit);
            }
        }
        Parsed::Record(record) => {
            for field in &record.fields {
                walk(&field.schema, visit);
            }
        }
        _ => {}
    }
}

pub(super) fn invalid(text: String) -> Error {
    Error::new(ErrorKind::Codec, text)
}
