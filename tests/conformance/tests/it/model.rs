//! Random operations, on which a real queue and the reference model must agree.

use libtest_mimic::{Failed, Trial};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use relayhouse_conformance::{LOCAL, SQS, SQS_FIFO, TARGETS, Target};
use relayhouse_testkit::model::{Shape, agree, operations};

const CASES: u32 = 1_000;
/// Fewer, since each makes a file.
const LOCAL_CASES: u32 = 100;
/// Fewer, since each operation is some calls over HTTP.
const SQS_CASES: u32 = 40;
const OPERATIONS_MAX: usize = 60;

/// One test without ordering keys, and one with few keys, that each have many messages.
pub(crate) fn trials() -> Vec<Trial> {
    let [memory, ..] = TARGETS;
    let mut trials = Vec::new();
    for (target, shape, cases) in [
        (memory, Shape::Exact, CASES),
        (LOCAL, Shape::Exact, LOCAL_CASES),
        (SQS, Shape::Seconds, SQS_CASES),
        (SQS_FIFO, Shape::Seconds, SQS_CASES),
    ] {
        let name = |test: &str| format!("{}::{test}", target.name);
        let plain = name("random_operations_agree_with_the_model");
        let keyed = name("random_operations_with_keys_agree_with_the_model");
        let run = move |keys| agrees_with_model(target, shape, cases, keys);
        trials.push(Trial::test(plain, move || run(0)));
        // A standard queue of SQS knows no keys.
        if target.name != SQS.name {
            trials.push(Trial::test(keyed, move || run(3)));
        }
    }
    trials
}

/// Names the shortest operations that fail.
fn agrees_with_model(target: Target, shape: Shape, cases: u32, keys: u8) -> Result<(), Failed> {
    let result = runner(cases).run(&operations(OPERATIONS_MAX, keys), |operations| {
        let verdict = target.run(async |harness| agree(harness, shape, &operations).await);
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
