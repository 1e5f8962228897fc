//! Rust files: a header, no switched-off test, no gap left in the code, no silenced lint, no
//! sleeping test.

use super::report::Function;
use super::tokens::{self, Found};
use super::{Finding, Source};

/// Checks one file, and adds its functions to `functions`.
pub(super) fn check(source: &Source, functions: &mut Vec<Function>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !source.text.starts_with("//! ") {
        findings.push(Finding::new(
            source,
            1,
            "no header: begin with a line of `//!`",
        ));
    }
    let found = match tokens::walk(&source.text) {
        Ok(found) => found,
        Err(error) => {
            findings.push(Finding::new(source, error.span().start().line, "not Rust"));
            return findings;
        }
    };
    for found in found {
        if let Found::Function { name, line, length } = found {
            functions.push(Function {
                path: source.path.clone(),
                name,
                line,
                length,
            });
        } else if let Some((line, text)) = wrong(source, &found) {
            findings.push(Finding::new(source, line, text));
        }
    }
    findings
}

/// What is wrong with one thing of the file, if anything is.
fn wrong(source: &Source, found: &Found) -> Option<(usize, &'static str)> {
    match found {
        Found::Attribute { name, line } => forbidden_attribute(name).map(|text| (*line, text)),
        Found::Macro { name, line } => forbidden_macro(name).map(|text| (*line, text)),
        Found::Call {
            name,
            line,
            in_tests,
        } => {
            let sleeps = matches!(name.as_str(), "sleep" | "sleep_ms" | "sleep_until");
            let is_test = *in_tests || is_test_file(&source.path);
            let text = "a test that sleeps: use a clock that the test moves, or say why above it";
            (sleeps && is_test && !has_comment_above(source, *line)).then_some((*line, text))
        }
        Found::Function { .. } => None,
    }
}

fn forbidden_attribute(name: &str) -> Option<&'static str> {
    match name {
        "allow" => Some("allow: write #[expect(.., reason = \"..\")]"),
        "ignore" => Some("a test that is ignored: mend it or take it out"),
        "should_panic" => Some("should_panic: assert what is returned"),
        _ => None,
    }
}

fn forbidden_macro(name: &str) -> Option<&'static str> {
    let is_gap = matches!(name, "todo" | "unimplemented");
    is_gap.then_some("a gap in the code: finish it or take it out")
}

fn is_test_file(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.split('/').any(|part| part == "tests")
}

fn has_comment_above(source: &Source, line: usize) -> bool {
    let above = line
        .checked_sub(2)
        .and_then(|index| source.text.lines().nth(index));
    above.is_some_and(|above| above.trim_start().starts_with("// "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> Vec<(usize, String)> {
        let source = Source {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        let findings = check(&source, &mut Vec::new()).into_iter();
        findings
            .map(|finding| (finding.line, finding.text))
            .collect()
    }

    #[test]
    fn tidy_file_has_no_findings() {
        assert_eq!(
            findings("a/src/lib.rs", "//! A.\n\n#[test]\nfn a() {}\n"),
            []
        );
    }

    #[test]
    fn missing_header_is_found() {
        assert_eq!(findings("a/src/lib.rs", "// A.\n").len(), 1);
        assert_eq!(findings("a/src/lib.rs", "").len(), 1);
    }

    #[test]
    fn switched_off_tests_and_lints_are_found() {
        let text = "//! A.\n#[ignore = \"b\"]\n#[should_panic]\n#[allow(c)]\nfn a() {}\n\
            #![cfg_attr(d, allow(e))]";
        let lines = findings("a/src/lib.rs", text)
            .into_iter()
            .map(|(line, _)| line);
        assert_eq!(lines.collect::<Vec<_>>(), [2, 3, 4, 6]);
    }

    #[test]
    fn gaps_are_found() {
        assert_eq!(
            findings("a/src/lib.rs", "//! A.\nfn a() { m!(todo!()) }").len(),
            1
        );
        assert_eq!(
            findings("a/src/lib.rs", "//! A.\nfn a() { unimplemented!() }").len(),
            1
        );
    }

    #[test]
    fn sleeping_test_is_found() {
        let text = "//! A.\nmod tests {\n    fn a() {\n        thread::sleep(b);\n    }\n}\n";
        assert_eq!(findings("a/src/lib.rs", text)[0].0, 4);
        assert_eq!(
            findings("tests/a/src/b.rs", "//! A.\nfn a() { time::sleep(b) }").len(),
            1
        );
    }

    #[test]
    fn other_sleeps_are_left_alone() {
        let text = "//! A.\nfn a() { sleep(b) }\nmod tests { fn c() { clock.sleep_until(d) } }";
        assert_eq!(findings("a/src/lib.rs", text), []);
        let text = "//! A.\nfn a() {\n    // The server has no other sign.\n    sleep(b)\n}\n";
        assert_eq!(findings("tests/a/src/b.rs", text), []);
    }
}
