//! The demonstration: all accounted for, and nothing else on the display.

use serde_json::Value;

use crate::program::run;

fn json(args: &[&str]) -> Value {
    let ran = run(
        &[&["demo", "--quiet", "--output", "json"], args].concat(),
        "",
    )
    .ended(0);
    assert_eq!(ran.stderr, "");
    assert_eq!(ran.stdout.lines().count(), 1);
    serde_json::from_str(&ran.stdout).unwrap()
}

#[test]
fn all_of_the_data_set_is_accounted_for() {
    let result = json(&[]);
    let keys: Vec<_> = result
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let mut expected = [
        "sent",
        "acked",
        "retried",
        "dead_lettered",
        "lost",
        "duplicates",
        "p50_ms",
        "p95_ms",
        "p99_ms",
        "rate",
    ];
    expected.sort_unstable();
    assert_eq!(keys, expected);
    assert_eq!(result["sent"], 3000);
    assert_eq!(result["lost"], 0);
    assert_eq!(result["dead_lettered"], 3);
    assert_eq!(result["acked"], 2997);
    assert!(100 < result["retried"].as_u64().unwrap(), "{result}");
    assert!(
        result["p50_ms"].as_f64() <= result["p99_ms"].as_f64(),
        "{result}"
    );
}

#[test]
fn one_message_and_one_handler_are_enough() {
    let result = json(&["--messages", "1", "--concurrency", "1"]);
    assert_eq!((&result["sent"], &result["acked"]), (&1.into(), &1.into()));
    let result = json(&["--messages", "40", "--concurrency", "1", "--seed", "99"]);
    assert_eq!(
        (&result["acked"], &result["dead_lettered"]),
        (&37.into(), &3.into())
    );
}

#[test]
fn table_is_on_standard_output_and_the_story_on_standard_error() {
    let ran = run(&["demo", "--messages", "200"], "").ended(0);
    for row in [
        "sent",
        "acked",
        "retried",
        "dead-lettered",
        "lost",
        "duplicates",
        "p99",
        "rate",
    ] {
        assert!(
            ran.stdout.lines().any(|line| line.starts_with(row)),
            "{}",
            ran.stdout
        );
    }
    assert!(
        ran.stdout
            .lines()
            .any(|line| line.starts_with("lost") && line.ends_with(" 0"))
    );
    assert!(ran.stdout.contains('█'), "{}", ran.stdout);
    assert!(!ran.stdout.contains('\x1b'), "{}", ran.stdout);
    assert!(
        ran.stderr.contains("the first consumer died"),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr.contains(", 1 of them by a panic"),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr
            .contains("dead letter: not-decodable, in attempt 1"),
        "{}",
        ran.stderr
    );
    assert!(!ran.stderr.contains("backtrace"), "{}", ran.stderr);
}
