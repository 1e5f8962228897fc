//! Content types, compared as RFC 9110 and RFC 6839 say.

/// Returns whether `content_type` is `expected`; parameters and case do not matter.
#[cfg(any(
    feature = "avro",
    feature = "cloud-events",
    feature = "message-pack",
    feature = "protobuf"
))]
pub(crate) fn is(content_type: &str, expected: &str) -> bool {
    essence(content_type).eq_ignore_ascii_case(expected)
}

/// Returns whether `content_type` ends with `suffix`, such as `+json`; parameters and case do not
/// matter.
#[cfg(any(feature = "avro", feature = "json"))]
pub(crate) fn has_suffix(content_type: &str, suffix: &str) -> bool {
    let essence = essence(content_type);
    let end = essence.len().saturating_sub(suffix.len());
    let has_suffix = essence
        .get(end..)
        .is_some_and(|end| end.eq_ignore_ascii_case(suffix));
    has_suffix && essence.contains('/')
}

fn essence(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

#[cfg(all(test, feature = "json"))]
mod tests {
    use super::*;

    #[test]
    fn parameters_case_and_suffix_are_understood() {
        let is_json =
            |content_type| has_suffix(content_type, "/json") || has_suffix(content_type, "+json");
        for content_type in [
            "application/json",
            "Application/JSON",
            "application/json; charset=utf-8",
            "text/json",
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
