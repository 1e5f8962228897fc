//! Wrong usage: one clear line, the right exit code, and nothing done.

use std::fs;

use crate::program::run;

#[test]
fn nothing_at_all_shows_the_help() {
    let ran = run(&[], "").ended(2);
    assert!(ran.stderr.contains("Usage: relayhouse"), "{}", ran.stderr);
    assert_eq!(ran.stdout, "");
}

#[test]
fn help_and_version_go_to_standard_output() {
    for args in [
        &["--help"][..],
        &["help"],
        &["pipe", "--help"],
        &["demo", "--help"],
        &["send", "--help"],
        &["receive", "--help"],
        &["work", "--help"],
        &["create", "--help"],
        &["list", "--help"],
        &["stats", "--help"],
        &["peek", "--help"],
        &["schema", "--help"],
        &["schema", "check", "--help"],
        &["schema", "fingerprint", "--help"],
        &["schema", "show", "--help"],
        &["emulator", "--help"],
        &["emulator", "sqs", "--help"],
    ] {
        let ran = run(args, "").ended(0);
        assert!(ran.stdout.contains("Usage:"), "{}", ran.stdout);
        assert_eq!(ran.stderr, "");
    }
    for name in [
        "pipe", "demo", "send", "receive", "peek", "work", "create", "list", "stats",
    ] {
        let ran = run(&[name, "--help"], "").ended(0);
        assert!(ran.stdout.contains("Exit codes"), "{}", ran.stdout);
    }
    let ran = run(&["--version"], "").ended(0);
    assert_eq!(
        ran.stdout,
        format!("relayhouse {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn wrong_arguments_are_said_in_one_line() {
    let zero = "invalid value '0' for '--concurrency <N>': 0 is not in 1..=10000 (see --help)";
    let cases = [
        (&["demo", "--concurrency", "0"][..], zero),
        (&["pipe", "--from", "-", "--concurrency", "0"], zero),
        (
            &["demo", "--messages", "0"],
            "invalid value '0' for '--messages <N>': 0 is not in 1..=1000000 (see --help)",
        ),
        (
            &["pipe", "--form", "-"],
            "unexpected argument '--form' found; a similar argument exists: '--from' (see --help)",
        ),
        (
            &["pipe"],
            "the following required arguments were not provided: --from <FILE> (see --help)",
        ),
        (
            &["pipe", "--from", "-", "--line-max", "0"],
            "invalid value '0' for '--line-max <SIZE>': 0 is not a size, at least 1 is needed \
             (see --help)",
        ),
    ];
    for (args, line) in cases {
        let ran = run(args, "1\n").ended(2);
        ran.said_only(line);
        assert_eq!(ran.stdout, "");
    }
    let ran = run(&["pipe", "--from", "-", "--timeout", "soon"], "").ended(2);
    assert!(
        ran.stderr
            .starts_with("relayhouse: invalid value 'soon' for '--timeout")
    );
    assert_eq!(ran.stderr.lines().count(), 1);
}

#[test]
fn wrong_urls_are_said_in_one_line() {
    for command in [&["demo"][..], &["pipe", "--from", "-"]] {
        let with = |url| run(&[command, &["--url", url]].concat(), "1\n").ended(2);
        let ran = with("foo://x");
        let start = "relayhouse: scheme foo of the queue URL is not known, known are: ";
        assert!(ran.stderr.starts_with(start), "{}", ran.stderr);
        let known = ran.stderr.lines().next().unwrap_or_default();
        assert!(known.contains("local, memory"), "{known}");
        let ran = with("memory://x?leese=1s");
        assert!(
            ran.stderr
                .starts_with("relayhouse: option leese is not known, known are: ")
        );
        assert_eq!(ran.stderr.lines().count(), 1);
        assert_eq!(ran.stdout, "");
    }
}

#[test]
fn unknown_scheme_is_said_with_the_known_ones_by_every_command() {
    for command in [
        &["send"][..],
        &["receive"],
        &["work", "--exec", "cat"],
        &["create"],
        &["list"],
        &["stats"],
    ] {
        let ran = run(&[command, &["foo://x"]].concat(), "1\n").ended(2);
        let start = "relayhouse: scheme foo of the queue URL is not known, known are: ";
        assert!(ran.stderr.starts_with(start), "{}", ran.stderr);
        assert_eq!(ran.stderr.lines().count(), 1);
        let ran = run(&[command, &["orders"]].concat(), "1\n").ended(2);
        assert!(
            ran.stderr.contains("expected scheme://name"),
            "{}",
            ran.stderr
        );
    }
}

#[test]
fn secrets_are_never_printed() {
    for command in ["send", "receive", "create", "list", "stats"] {
        for url in ["memory://user:hunter2@x", "memory://x?password=hunter2"] {
            let ran = run(&["-vv", command, url], "1\n").ended(2);
            assert!(!ran.stderr.contains("hunter2"), "{}", ran.stderr);
            assert!(!ran.stdout.contains("hunter2"), "{}", ran.stdout);
        }
    }
}

#[test]
fn wrong_options_of_send_are_said_in_one_line() {
    for (args, start) in [
        (
            &["--rate", "fast"][..],
            "invalid value 'fast' for '--rate <N/TIME>': a rate is so many",
        ),
        (
            &["--rate", "0/s"],
            "invalid value '0/s' for '--rate <N/TIME>'",
        ),
        (
            &["--header", "x"],
            "invalid value 'x' for '--header <KEY=VALUE>': a header is written",
        ),
        (
            &["--priority", "10"],
            "invalid value '10' for '--priority <0-9>': a priority is 0 to 9",
        ),
        (&["--key", ""], "a value is required for '--key <KEY>'"),
        (
            &["--raw", "--envelope"],
            "the argument '--raw' cannot be used with '--envelope'",
        ),
        (
            &["--raw", "--skip", "1"],
            "the argument '--raw' cannot be used with '--skip <LINES>'",
        ),
    ] {
        let ran = run(&[&["send", "memory://x"], args].concat(), "1\n").ended(2);
        assert!(
            ran.stderr.starts_with(&format!("relayhouse: {start}")),
            "{}",
            ran.stderr
        );
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    }
}

#[test]
fn what_nothing_can_be_sent_to_is_said_before_anything_is_read() {
    for (url, line) in [
        (
            "memory://orders/$deadletterqueue",
            "nothing can be sent to a dead-letter queue such as orders/$deadletterqueue; send to \
             orders",
        ),
        (
            "memory://events/subscriptions/audit",
            "nothing can be sent to a subscription such as events/subscriptions/audit; send to \
             events",
        ),
    ] {
        run(&["send", url, "--file", "no/such/file"], "")
            .ended(2)
            .said_only(line);
    }
}

#[test]
fn missing_input_is_said_by_name() {
    let ran = run(&["send", "memory://x", "--file", "no/such.ndjson"], "").ended(66);
    assert!(
        ran.stderr
            .starts_with("relayhouse: cannot read no/such.ndjson: ")
    );
    assert_eq!(ran.stderr.lines().count(), 1);
    let ran = run(&["pipe", "--from", "no/such.ndjson"], "").ended(66);
    assert!(
        ran.stderr
            .starts_with("relayhouse: cannot read no/such.ndjson: ")
    );
    assert_eq!(ran.stderr.lines().count(), 1);
    let directory = tempfile::tempdir().unwrap();
    run(&["pipe", "--from", directory.path().to_str().unwrap()], "").ended(66);
}

#[test]
fn output_that_cannot_be_created_is_said_by_name() {
    for option in ["--results", "--dead-letters"] {
        let ran = run(&["pipe", "--from", "-", option, "no/such/file"], "1\n").ended(73);
        assert!(
            ran.stderr
                .starts_with("relayhouse: cannot create no/such/file: ")
        );
        assert_eq!(ran.stderr.lines().count(), 1);
    }
}

#[test]
fn input_is_never_written_over() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("input.ndjson");
    fs::write(&path, "1\n2\n").unwrap();
    let path = path.to_str().unwrap();
    for option in ["--results", "--dead-letters"] {
        run(&["pipe", "--from", path, option, path], "").ended(2);
        assert_eq!(fs::read_to_string(path).unwrap(), "1\n2\n");
    }
    let other = directory.path().join("other");
    let other = other.to_str().unwrap();
    let args = [
        "pipe",
        "--from",
        path,
        "--results",
        other,
        "--dead-letters",
        other,
    ];
    run(&args, "")
        .ended(2)
        .said_only("--results and --dead-letters are the same file");
}
