//! What the findings of a check come to, beside the differences that are known.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::suite::Difference;

/// How one case or probe ended, as a check printed it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) name: String,
    pub(crate) ending: Ending,
    #[serde(default)]
    pub(crate) said: String,
    /// What is looked at, where the finding is a row of a page.
    #[serde(default)]
    pub(crate) behaviour: Option<String>,
    /// What the provider documents of it.
    #[serde(default)]
    pub(crate) documented: Option<String>,
    /// Which client was used, where that is what a page shows.
    #[serde(default)]
    pub(crate) client: Option<String>,
    #[serde(default)]
    pub(crate) took_ms: u64,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ending {
    Passed,
    Failed,
    LeftOut,
}

/// What the findings come to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) passed: usize,
    pub(crate) left_out: usize,
    /// Failed as it is known.
    pub(crate) known: usize,
    /// Each a reason why the run fails.
    pub(crate) wrong: Vec<String>,
}

/// Holds `findings` against what is known to differ; what is known must still differ, as known.
pub(crate) fn judge(findings: &[Finding], known: &[Difference]) -> Verdict {
    let mut verdict = Verdict::default();
    let mut open: BTreeMap<_, _> = known.iter().map(|it| (it.name.as_str(), it)).collect();
    for finding in findings {
        let difference = open.remove(finding.name.as_str());
        let name = &finding.name;
        match (finding.ending, difference) {
            (Ending::Passed, None) => verdict.passed += 1,
            (Ending::LeftOut, None) => verdict.left_out += 1,
            (Ending::Failed, Some(known)) if finding.said.contains(&known.shows) => {
                verdict.known += 1;
            }
            (Ending::Failed, Some(_)) => {
                let said = &finding.said;
                let text = format!("{name}: differs otherwise than is known: {said}");
                verdict.wrong.push(text);
            }
            (Ending::Failed, None) => verdict.wrong.push(format!("{name}: {}", finding.said)),
            (Ending::Passed | Ending::LeftOut, Some(_)) => {
                let text = format!("{name}: does not differ any more: take it off the list");
                verdict.wrong.push(text);
            }
        }
    }
    let gone = open.keys();
    let gone = gone.map(|name| format!("{name}: is on the list of differences, and did not run"));
    verdict.wrong.extend(gone);
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(name: &str, ending: Ending, said: &str) -> Finding {
        Finding {
            name: name.to_owned(),
            ending,
            said: said.to_owned(),
            behaviour: None,
            documented: None,
            client: None,
            took_ms: 0,
        }
    }

    fn known() -> [Difference; 1] {
        [Difference {
            name: "a".to_owned(),
            shows: "accepted".to_owned(),
            why: "not checked".to_owned(),
        }]
    }

    /// What is wrong if the case on the list ends so.
    fn wrong(ending: Ending, said: &str) -> Vec<String> {
        judge(&[finding("a", ending, said)], &known()).wrong
    }

    #[test]
    fn known_difference_that_still_differs_is_right() {
        let findings = [
            finding("a", Ending::Failed, "it was accepted"),
            finding("b", Ending::Passed, ""),
            finding("c", Ending::LeftOut, "takes too long"),
        ];
        let verdict = judge(&findings, &known());
        assert_eq!(verdict.wrong, [""; 0]);
        assert_eq!((verdict.passed, verdict.left_out, verdict.known), (1, 1, 1));
    }

    #[test]
    fn difference_that_is_gone_fails_the_run() {
        let text = "a: does not differ any more: take it off the list";
        assert_eq!(wrong(Ending::Passed, ""), [text]);
        assert_eq!(wrong(Ending::LeftOut, ""), [text]);
        let verdict = judge(&[], &known());
        assert_eq!(
            verdict.wrong,
            ["a: is on the list of differences, and did not run"]
        );
    }

    #[test]
    fn difference_of_another_kind_fails_the_run() {
        assert_eq!(
            wrong(Ending::Failed, "no answer"),
            ["a: differs otherwise than is known: no answer"]
        );
    }

    #[test]
    fn difference_that_is_not_known_fails_the_run() {
        let verdict = judge(&[finding("b", Ending::Failed, "refused")], &[]);
        assert_eq!(verdict.wrong, ["b: refused"]);
    }

    #[test]
    fn line_of_a_check_is_read() {
        let line = r#"{"name":"a","ending":"left_out","said":"b","took_ms":3,"more":1}"#;
        let finding: Finding = serde_json::from_str(line).unwrap();
        assert_eq!((finding.ending, finding.took_ms), (Ending::LeftOut, 3));
    }
}
