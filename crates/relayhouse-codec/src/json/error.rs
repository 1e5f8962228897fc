//! What is wrong with a JSON body, in words that hold nothing of the body.

use relayhouse_core::{Error, ErrorKind};
use serde_json::error::Category;

use crate::{
    misfit::misfit,
    path::{self, Segment},
};

/// What `serde_json` says at a depth of 128.
const TOO_DEEP: &str = "recursion limit exceeded";

/// Returns whether a body is too deep, also if the error went through a type unknown here.
pub(super) fn is_too_deep(error: &serde_json::Error) -> bool {
    error.to_string().starts_with(TOO_DEEP)
}

/// Says where a body is wrong, and how, in words that hold nothing of the body.
pub(super) fn not_decoded(name: &str, error: &serde_json::Error, path: &[Segment]) -> Error {
    let (line, column) = (error.line(), error.column());
    let path = path::print(path);
    let text = match error.classify() {
        Category::Data if is_too_deep(error) => format!("body is not JSON: {TOO_DEEP}"),
        Category::Data => format!(
            "JSON body does not fit {name}: {}",
            misfit(&error.to_string())
        ),
        Category::Eof => "body is not JSON: it ends too early".to_owned(),
        Category::Syntax | Category::Io => format!("body is not JSON: {}", syntax(error)),
    };
    Error::new(
        ErrorKind::Codec,
        format!("{text}, at line {line} column {column}{path}"),
    )
}

/// Returns the words of a syntax error, which are constants of `serde_json`, without the place.
fn syntax(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let end = text.rfind(" at line ").unwrap_or(text.len());
    text[..end].to_owned()
}
