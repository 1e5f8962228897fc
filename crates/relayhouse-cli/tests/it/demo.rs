//! The demonstration: all accounted for, and nothing else on the display or left behind.

use std::{path::Path, process::Child};

use serde_json::Value;
use tempfile::TempDir;

use crate::program::{Ran, command, end};

/// Runs the demonstration with a directory of its own for what is temporary, and asserts that it
/// leaves nothing there.
fn demo(args: &[&str], code: i32) -> Ran {
    let place = TempDir::new().unwrap();
    let child = start(args, place.path());
    let ran = end(child).ended(code);
    assert_empty(place.path());
    ran
}

/// Starts the demonstration with `place` for what is temporary.
fn start(args: &[&str], place: &Path) -> Child {
    command(&[&["demo"], args].concat())
        .env("TMPDIR", place)
        .env("TMP", place)
        .spawn()
        .unwrap()
}

#[track_caller]
fn assert_empty(place: &Path) {
    let left: Vec<_> = place.read_dir().unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

fn json(args: &[&str]) -> Value {
    let ran = demo(&[&["--quiet", "--output", "json"], args].concat(), 0);
    assert_eq!(ran.stderr, "");
    assert_eq!(ran.stdout.lines().count(), 1);
    serde_json::from_str(&ran.stdout).unwrap()
}

#[test]
fn all_of_the_data_set_is_accounted_for() {
    assert_accounted_for(&json(&[]));
}

#[test]
fn all_of_the_data_set_is_accounted_for_in_memory() {
    assert_accounted_for(&json(&["--url", "memory://demo"]));
}

#[track_caller]
fn assert_accounted_for(result: &Value) {
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
    let ran = demo(&["--messages", "200"], 0);
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
    assert_tells(
        &ran,
        &[
            ", 1 of them by a panic",
            "dead letter: not-decodable, in attempt 1",
            "a second one takes over",
        ],
    );
    assert!(!ran.stderr.contains("backtrace"), "{}", ran.stderr);
}

#[track_caller]
fn assert_tells(ran: &Ran, texts: &[&str]) {
    for text in texts {
        assert!(
            ran.stderr.contains(text),
            "{text} is missing: {}",
            ran.stderr
        );
    }
}

#[test]
fn first_consumer_is_a_process_that_is_killed() {
    let ran = demo(&["--messages", "60"], 0);
    assert_tells(&ran, &["the first consumer, process ", ", was killed ("]);
    #[cfg(unix)]
    assert_tells(&ran, &[", was killed (signal: 9 (SIGKILL)) after "]);
}

#[test]
fn first_consumer_in_memory_is_a_part_of_this_process() {
    let ran = demo(&["--messages", "60", "--url", "memory://demo"], 0);
    assert_tells(&ran, &["the first consumer died after "]);
}

#[test]
fn queue_of_ones_own_is_kept_and_must_be_empty() {
    let place = TempDir::new().unwrap();
    let played = |expected| {
        let mut command = command(&["demo", "--messages", "40", "--url", "local:./q/mine"]);
        let child = command.current_dir(place.path()).spawn().unwrap();
        end(child).ended(expected)
    };
    played(0);
    assert!(place.path().join("q/mine.queue").exists());
    played(2).said_only("the queue has 0 messages and 3 dead letters; name one that is empty");
}

#[test]
fn directory_that_cannot_be_made_is_an_error() {
    let place = TempDir::new().unwrap();
    let missing = place.path().join("missing");
    let ran = end(start(&["--messages", "1"], &missing)).ended(74);
    assert_tells(&ran, &["cannot make a temporary directory: "]);
}

#[cfg(unix)]
mod process {
    use std::{fs, io::Write, process::ChildStdin};

    use rustix::process::{Pid, Signal, kill_process, test_kill_process};

    use super::*;
    use crate::stop::{interrupt, read_until};

    /// More than are sent before the test has seen what it waits for.
    const MANY: &str = "100000";

    /// Starts a long demonstration, and returns it with the first consumer's process, which
    /// consumes.
    fn started(place: &TempDir) -> (Child, Pid) {
        let mut child = start(&["-v", "--messages", MANY], place.path());
        let mut stderr = child.stderr.take().unwrap();
        read_until(&mut stderr, "the first consumer is process ");
        let said = read_until(&mut stderr, "\n");
        let id = said.trim_end().parse().unwrap();
        child.stderr = Some(stderr);
        (child, Pid::from_raw(id).unwrap())
    }

    #[test]
    fn interrupt_ends_the_first_consumer_and_leaves_nothing() {
        let place = TempDir::new().unwrap();
        let (child, first) = started(&place);
        interrupt(&child);
        let ran = end(child).ended(130);
        assert_tells(&ran, &["interrupted: what follows is how far it came"]);
        assert!(
            ran.stdout
                .lines()
                .any(|line| line.starts_with("lost") && line.ends_with(" 0")),
            "{}",
            ran.stdout
        );
        assert!(test_kill_process(first).is_err());
        assert_empty(place.path());
    }

    #[test]
    fn first_consumer_that_dies_before_its_time_is_a_failure() {
        let place = TempDir::new().unwrap();
        let (child, first) = started(&place);
        kill_process(first, Signal::KILL).unwrap();
        let ran = end(child).ended(1);
        assert_tells(
            &ran,
            &["the first consumer ended early: signal: 9 (SIGKILL)"],
        );
        assert_empty(place.path());
    }

    /// Starts the consumer as the demonstration does.
    fn consumer(order: &str) -> (Child, ChildStdin) {
        let mut child = command(&["demo-consumer"]).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(order.as_bytes()).unwrap();
        (child, stdin)
    }

    #[test]
    fn first_consumer_ends_when_its_input_does() {
        let place = TempDir::new().unwrap();
        let url = format!("local:{}/demo", place.path().display());
        let order =
            format!("{{\"url\":\"{url}\",\"messages\":9,\"concurrency\":1,\"seed\":7}}\ngo\n");
        let (child, stdin) = consumer(&order);
        drop(stdin);
        let ran = end(child).ended(0);
        assert!(ran.stdout.starts_with("\"ready\"\n{\"begun\":"), "{ran:?}");
    }

    #[test]
    fn first_consumer_tells_what_it_cannot_open() {
        let place = TempDir::new().unwrap();
        let file = place.path().join("file");
        fs::write(&file, "").unwrap();
        let url = format!("local:{}/demo", file.display());
        let order = format!("{{\"url\":\"{url}\",\"messages\":9,\"concurrency\":1,\"seed\":7}}\n");
        let (child, _stdin) = consumer(&order);
        let ran = end(child).ended(2);
        assert!(
            ran.stdout.starts_with("{\"failed\":{\"text\":\""),
            "{ran:?}"
        );
        assert!(ran.stdout.contains("it is not a directory"), "{ran:?}");
    }
}
