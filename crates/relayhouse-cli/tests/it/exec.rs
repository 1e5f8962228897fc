//! Commands: what they see, what their exit codes mean, where their output goes.

use std::fs;

use crate::program::{pipe, run};

#[test]
fn body_is_the_input_and_output_the_result() {
    let input = "{\"id\":1}\n{\"id\":2}\n{\"id\":3}\n";
    let ran = pipe(&["--exec", "cat"], input).ended(0);
    assert_eq!(ran.stdout, input);
    assert_eq!(ran.stderr, "");
}

#[test]
fn results_are_whole_and_end_with_a_line_feed() {
    let command = "read x; echo a$x; echo b$x; printf c$x";
    let input: String = (0..64).map(|number| format!("{number}\n")).collect();
    let ran = pipe(&["--exec", command, "--concurrency", "8"], input).ended(0);
    let lines: Vec<_> = ran.stdout.lines().collect();
    assert_eq!(lines.len(), 192);
    for record in lines.chunks(3) {
        let number = &record[0][1..];
        assert_eq!(
            record,
            [
                format!("a{number}"),
                format!("b{number}"),
                format!("c{number}")
            ]
        );
    }
}

#[test]
fn command_sees_attempt_line_and_id() {
    let command = "echo $RELAYHOUSE_LINE $RELAYHOUSE_ATTEMPT ${#RELAYHOUSE_MESSAGE_ID}";
    let ran = pipe(&["--exec", command], "1\n\n1\n").ended(0);
    assert_eq!(ran.stdout, "1 1 32\n3 1 32\n");
}

#[test]
fn other_exit_codes_are_tried_again() {
    let command = "test $RELAYHOUSE_ATTEMPT -eq 3 && cat";
    let args = ["--exec", command, "--retry-delay", "1ms", "-v"];
    let ran = pipe(&args, "7\n").ended(0);
    assert_eq!(ran.stdout, "7\n");
    let lines: Vec<_> = ran.stderr.lines().collect();
    assert_eq!(
        lines,
        [
            "relayhouse: line 1, attempt 1: command ended with exit code 1",
            "relayhouse: line 1, attempt 2: command ended with exit code 1",
            "relayhouse: 1 lines: 1 done, 2 retries",
        ]
    );
}

#[test]
fn attempts_used_up_is_a_dead_letter() {
    let args = [
        "--exec",
        "echo lost; exit 3",
        "--attempts",
        "2",
        "--retry-delay",
        "1ms",
    ];
    let ran = pipe(&args, "7\n").ended(1);
    assert_eq!(ran.stdout, "");
    let lines: Vec<_> = ran.stderr.lines().collect();
    assert_eq!(
        lines,
        [
            "relayhouse: line 1: dead-lettered after 2 attempts: command ended with exit code 3",
            "relayhouse: 1 lines: 0 done, 1 dead-lettered, 1 retries",
        ]
    );
}

#[test]
fn exit_65_is_a_dead_letter_at_once() {
    let ran = pipe(&["--exec", "exit 65"], "7\n").ended(1);
    assert!(
        ran.stderr
            .contains("line 1: dead-lettered after 1 attempt: "),
        "{}",
        ran.stderr
    );
}

#[test]
fn exit_75_comes_back_until_its_attempts_are_used_up() {
    let command = "test $RELAYHOUSE_ATTEMPT -eq 2 || exit 75";
    let args = ["--exec", command, "--release-delay", "1ms"];
    pipe(&args, "7\n").ended(0);
    let args = [
        "--exec",
        "exit 75",
        "--release-delay",
        "1ms",
        "--attempts",
        "3",
    ];
    let ran = pipe(&args, "7\n").ended(1);
    assert!(
        ran.stderr.contains("dead-lettered after 3 attempts"),
        "{}",
        ran.stderr
    );
}

#[test]
fn command_ended_by_a_signal_has_failed() {
    let ran = pipe(&["--exec", "kill -9 $$", "--attempts", "1"], "7\n").ended(1);
    assert!(
        ran.stderr.contains("command ended with signal 9"),
        "{}",
        ran.stderr
    );
}

#[test]
fn slow_command_is_killed_with_its_children() {
    // Standard error ends only when the children are gone, which the test waits for.
    let command = "sleep 600 & sleep 600";
    let ran = pipe(
        &["--exec", command, "--timeout", "50ms", "--attempts", "1"],
        "7\n",
    )
    .ended(1);
    assert!(
        ran.stderr.contains("command took longer than 50ms"),
        "{}",
        ran.stderr
    );
}

#[test]
fn command_need_not_read_its_input() {
    let body = format!("\"{}\"\n", "x".repeat(1_000_000));
    let ran = pipe(&["--exec", "echo done"], body.repeat(3)).ended(0);
    assert_eq!(ran.stdout, "done\ndone\ndone\n");
}

#[test]
fn large_bodies_and_large_results_do_not_wait_for_each_other() {
    let body = format!("\"{}\"\n", "x".repeat(1_000_000));
    let ran = pipe(
        &["--exec", "cat; cat", "--concurrency", "3"],
        body.repeat(3),
    )
    .ended(0);
    assert!(ran.stdout == body.repeat(3), "{} bytes", ran.stdout.len());
}

#[test]
fn command_that_is_not_there_is_a_failure_of_the_message() {
    let args = ["--exec", "no-such-command-here", "--attempts", "1"];
    let ran = pipe(&args, "7\n").ended(1);
    assert!(ran.stderr.contains("exit code 127"), "{}", ran.stderr);
}

#[test]
fn results_and_dead_letters_go_to_files() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name| directory.path().join(name);
    let (input, results, letters) = (path("input"), path("results"), path("letters"));
    fs::write(&input, "{\"n\":1}\n{\"n\": 2, \"n\": 2}\nx\n{\"n\":3}\n").unwrap();
    let command = "test $RELAYHOUSE_LINE -ne 2 || exit 65; cat";
    let text = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    let (from, to, dead) = (text(&input), text(&results), text(&letters));
    let args = ["pipe", "--from", &from, "--exec", command, "--results", &to];
    let ran = run(&[&args[..], &["--dead-letters", &dead]].concat(), "").ended(65);
    assert_eq!(ran.stdout, "");
    assert_eq!(
        fs::read_to_string(&results).unwrap(),
        "{\"n\":1}\n{\"n\":3}\n"
    );
    let letters = fs::read_to_string(&letters).unwrap();
    let fields: serde_json::Value = serde_json::from_str(&letters).unwrap();
    assert_eq!(fields["line"], 2);
    assert_eq!(fields["attempts"], 1);
    assert_eq!(fields["reason"], "rejected");
    assert_eq!(fields["description"], "command ended with exit code 65");
    assert!(
        letters.ends_with(",\"body\":{\"n\": 2, \"n\": 2}}\n"),
        "{letters}"
    );
}
