//! Random operations, on which a real queue and the reference model must agree.

use libtest_mimic::{Failed, Trial};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use relayhouse_conformance::{LOCAL, TARGETS, Target};
use relayhouse_testkit::model::{agree, operations};

const CASES: u32 = 1_000;
/// Fewer, since each makes a file.
const LOCAL_CASES: u32 = 100;
const OPERATIONS_MAX: usize = 60;

/// One test without ordering keys, and one with few keys, that each have many messages.
pub(crate) fn trials() -> Vec<Trial> {
    let [memory, ..] = TARGETS;
    let trial = |target: Target, cases, test: &str, keys| {
        let name = format!("{}::{test}", target.name);
        Trial::test(name, move || agrees_with_model(target, cases, keys))
    };
    let mut trials = Vec::new();
    for (target, cases) in [(memory, CASES), (LOCAL, LOCAL_CASES)] {
        let plain = "random_operations_agree_with_the_model";
        let keyed = "random_operations_with_keys_agree_with_the_model";
        trials.push(trial(target, cases, plain, 0));
        trials.push(trial(target, cases, keyed, 3));
    }
    trials
}

/// Names the shortest operations that fail.
fn agrees_with_model(target: Target, cases: u32, keys: u8) -> Result<(), Failed> {
    let result = runner(cases).run(&operations(OPERATIONS_MAX, keys), |operations| {
        let verdict = target.run(async |harness| agree(harness, &operations).await);
        let verdict = verdict.map_err(|error| TestCaseError::fail(error.to_string()))?;
        verdict.map_err(|violation| TestCaseError::fail(violation.to_string()))
    });
    result.map_err(|error| match error {
        TestError::Fail(reason, operations) => {
            Failed::from(format!("{reason}\n  after {operations:#?}"))
        }
        TestError::Abort(reason) => Failed::from(reason.to_string()),
    })
}

/// Makes a runner that draws the same in every run.
pub(crate) fn runner(cases: u32) -> TestRunner {
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}
