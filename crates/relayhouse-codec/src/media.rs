//! Content types, compared as RFC 9110 and RFC 6839 say.

/// Returns whether `content_type` is `expected` or has the structured `suffix`, such as `+json`;
/// parameters and case do not matter.
pub(crate) fn is_of(content_type: &str, expected: &str, suffix: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    let end = essence.len().saturating_sub(suffix.len());
    let has_suffix = essence
        .get(end..)
        .is_some_and(|end| end.eq_ignore_ascii_case(suffix));
    essence.eq_ignore_ascii_case(expected) || (has_suffix && essence.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_case_and_suffix_are_understood() {
        let is_json = |content_type| is_of(content_type, "application/json", "+json");
        for content_type in [
            "application/json",
            "Application/JSON",
            "application/json; charset=utf-8",
            "application/vnd.api+json",
            "application/cloudevents+JSON ;v=1",
        ] {
            assert!(is_json(content_type), "{content_type}");
        }
        for content_type in [
            "",
            "json",
            "+json",
            "text/plain",
            "application/json5",
            "a/b+jsonx",
        ] {
            assert!(!is_json(content_type), "{content_type}");
        }
        assert!(!is_json("application/é"));
    }
}
