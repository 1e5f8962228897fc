//! What may be repeated of the text of an error that serde made.

/// Returns what is safe to repeat of a misfit: which field of the type is missing, and what kind
/// of value stands where another was expected. The rest of the text may quote the body.
pub(crate) fn misfit(text: &str) -> String {
    const KINDS: [&str; 10] = [
        "boolean",
        "integer",
        "floating point",
        "string",
        "byte array",
        "null",
        "unit value",
        "sequence",
        "map",
        "unit variant",
    ];
    let quoted = |start: &str| {
        let field = text.strip_prefix(start)?.split('`').next()?;
        let is_name = !field.is_empty() && field.len() <= 64;
        is_name.then_some(field)
    };
    if let Some(field) = quoted("missing field `") {
        return format!("missing field {field}");
    }
    let found = text.strip_prefix("invalid type: ");
    match found.and_then(|found| KINDS.into_iter().find(|kind| found.starts_with(kind))) {
        Some(kind) => format!("unexpected {kind}"),
        None => "invalid value".to_owned(),
    }
}
