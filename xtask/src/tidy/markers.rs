//! Notes about work to be done: each names the issue that will do it.

use super::{Finding, Source};

// Written in two parts, so that this file does not find itself.
const MARKERS: &[&str] = &[
    concat!("FIX", "ME"),
    concat!("TO", "DO"),
    concat!("X", "XX"),
    concat!("HA", "CK"),
];

/// Finds the notes without an issue, in comments.
pub(super) fn check(source: &Source) -> Vec<Finding> {
    let comment = match () {
        () if source.is("rs") => "//",
        () if source.is("toml") || source.is("yml") => "#",
        () => return Vec::new(),
    };
    let lines = source.text.lines().enumerate();
    let found = lines.filter_map(|(index, line)| {
        let (_, comment) = line.split_once(comment)?;
        let marker = MARKERS
            .iter()
            .find(|marker| is_without_issue(comment, marker))?;
        let text = format!("{marker} without an issue: write {marker}(#12)");
        Some(Finding::new(source, index + 1, text))
    });
    found.collect()
}

/// Whether `marker` stands in `comment` as a word that no `(#12)` follows.
fn is_without_issue(comment: &str, marker: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    comment.match_indices(marker).any(|(start, _)| {
        let before = &comment[..start];
        let after = &comment[start + marker.len()..];
        !before.ends_with(is_word) && !after.starts_with(is_word) && !names_issue(after)
    })
}

fn names_issue(after: &str) -> bool {
    let number = after
        .strip_prefix("(#")
        .and_then(|rest| rest.split_once(')'));
    number.is_some_and(|(digits, _)| digits.parse::<u32>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        let text = text.replace("MARK", concat!("TO", "DO"));
        let source = Source {
            path: path.to_owned(),
            text,
        };
        check(&source).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn note_without_issue_is_found() {
        assert_eq!(
            lines("a.rs", "//! A.\n// MARK: later\nlet a = 1; // MARK(me)"),
            [2, 3]
        );
        assert_eq!(lines("a.toml", "a = 1 # MARK"), [1]);
    }

    #[test]
    fn note_with_issue_is_right() {
        assert_eq!(lines("a.rs", "// MARK(#12): later"), [0; 0]);
    }

    #[test]
    fn other_text_is_left_alone() {
        assert_eq!(lines("a.rs", "let MARK = 1; // MARKS are fine\n"), [0; 0]);
        assert_eq!(lines("a.md", "// MARK"), [0; 0]);
    }
}
