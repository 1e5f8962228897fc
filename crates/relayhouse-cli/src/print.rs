//! What is printed for programs and people on standard output: tables, and JSON.

use serde::Serialize;
use serde_json::Value;

use crate::{
    Stdout,
    args::Format,
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

/// Lists the fields of `object` with their values, as a person reads them.
pub(crate) fn fields(object: &impl Serialize) -> Result<Vec<(String, String)>, Failure> {
    match serde_json::to_value(object).map_err(|error| unprintable(&error))? {
        Value::Object(fields) => Ok(fields
            .into_iter()
            .map(|(name, value)| (name, cell(&value)))
            .collect()),
        value => Ok(vec![(String::new(), cell(&value))]),
    }
}

/// Returns the width that all of `texts` fit into.
pub(crate) fn width<'a>(texts: impl Iterator<Item = &'a str>) -> usize {
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
    fn cells_are_short_and_move_no_cursor() {
        assert_eq!(shortened("a\nb\x1b[2J", 9), "a b [2J");
        assert_eq!(shortened("abcdef", 4), "abc…");
        assert_eq!(shortened("abcd", 4), "abcd");
    }
}
