//! What is printed for programs and people on standard output: tables, and JSON.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{MapAccess, Visitor},
};
use serde_json::Value;

use crate::{
    Stdout,
    args::Format,
    console,
    exit::{Code, Failure},
    output::Output,
};

/// Prints `text`, and waits until it is written.
pub(crate) async fn once(stdout: Stdout, text: &str) -> Result<(), Failure> {
    let (output, writing) = Output::to(stdout);
    // Why it failed is known to who writes.
    let _ = output.write(text.to_owned().into()).await;
    drop(output);
    writing.join()
}

/// Takes the format that was asked for; otherwise what suits who reads standard output.
pub(crate) fn suited(format: Option<Format>) -> Format {
    match format {
        Some(format) => format,
        None if console::stdout_is_terminal() => Format::Table,
        None => Format::Ndjson,
    }
}

/// Makes the text of one object: a row for each field, or a line of JSON.
pub(crate) fn object(format: Format, object: &impl Serialize) -> Result<String, Failure> {
    match format {
        Format::Json | Format::Ndjson => json(object),
        Format::Table => {
            let fields = fields(object)?;
            let width = width(fields.iter().map(|(name, _)| name.as_str()));
            let rows = fields
                .iter()
                .map(|(name, value)| format!("{name:<width$}  {value}\n"));
            Ok(rows.collect())
        }
    }
}

/// Makes one line of JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<String, Failure> {
    let mut text = serde_json::to_string(value).map_err(|error| unprintable(&error))?;
    text.push('\n');
    Ok(text)
}

/// Lists the fields of `object` in their order, with their values as a person reads them.
fn fields(object: &impl Serialize) -> Result<Vec<(String, String)>, Failure> {
    let text = serde_json::to_string(object).map_err(|error| unprintable(&error))?;
    let Fields(fields) = serde_json::from_str(&text).map_err(|error| unprintable(&error))?;
    Ok(fields)
}

/// Is what an object holds, in its order.
struct Fields(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            fields.push((name, cell(&value)));
        }
        Ok(Fields(fields))
    }
}

/// Returns the width that all of `texts` fit into.
fn width<'a>(texts: impl Iterator<Item = &'a str>) -> usize {
    texts.map(|text| text.chars().count()).max().unwrap_or(0)
}

/// Makes one line of `text`, at most `chars` long and without what would move the cursor.
pub(crate) fn shortened(text: &str, chars: usize) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    let mut short: String = text.chars().take(chars).map(plain).collect();
    if text.chars().nth(chars).is_some() {
        short.pop();
        short.push('…');
    }
    short
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

fn unprintable(error: &serde_json::Error) -> Failure {
    Failure::new(Code::Io, format!("cannot print the result: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_in_the_order_of_the_fields() {
        #[derive(Serialize)]
        struct Counts {
            sent: u64,
            failed: u64,
            at: Option<&'static str>,
        }
        let counts = Counts {
            sent: 12,
            failed: 0,
            at: None,
        };
        let table = object(Format::Table, &counts).unwrap();
        assert_eq!(table, "sent    12\nfailed  0\nat      -\n");
        let line = object(Format::Ndjson, &counts).unwrap();
        assert_eq!(line, "{\"sent\":12,\"failed\":0,\"at\":null}\n");
    }

    #[test]
    fn cells_are_short_and_move_no_cursor() {
        assert_eq!(shortened("a\nb\x1b[2J", 9), "a b [2J");
        assert_eq!(shortened("abcdef", 4), "abc…");
        assert_eq!(shortened("abcd", 4), "abcd");
    }
}
