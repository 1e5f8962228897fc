//! `work`: commands for the messages of a queue, on one registry with what sent them.

use std::{collections::BTreeMap, fs, time::Duration};

use serde_json::{Value, json};
use tokio::select;

use crate::{
    house::{Ended, House, Leaving},
    program::run,
};

const QUEUE: &str = "memory://orders";

/// Runs commands until the queue is empty.
async fn work(house: &House, command: &str, args: &[&str]) -> Ended {
    let all = [
        "work",
        QUEUE,
        "--exec",
        command,
        "--until-empty",
        "--retry-delay",
        "1ms",
    ];
    house.run(&[&all[..], args].concat()).await
}

async fn house(lines: &str) -> House {
    let house = House::new();
    house.send(QUEUE, lines, &[], 0).await;
    house
}

async fn counts(house: &House) -> [u64; 4] {
    let stats = house.stats(QUEUE).await;
    ["ready", "leased", "delayed", "dead"].map(|name| stats[name].as_u64().unwrap())
}

#[tokio::test]
async fn every_message_is_handled_once_and_its_output_passed_on_whole() {
    let lines: String = (0..200).map(|number| format!("{number}\n")).collect();
    let house = house(&lines).await;
    let command = "read x; echo a$x; printf b$x";
    let ended = work(&house, command, &["--concurrency", "8"])
        .await
        .ended(0);
    let mut seen: Vec<u32> = Vec::new();
    let printed: Vec<&str> = ended.stdout.lines().collect();
    for record in printed.chunks(2) {
        let number = &record[0][1..];
        assert_eq!(record, [format!("a{number}"), format!("b{number}")]);
        seen.push(number.parse().unwrap());
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..200).collect::<Vec<_>>());
    assert_eq!(counts(&house).await, [0, 0, 0, 0]);
}

#[tokio::test]
async fn command_sees_attempt_id_key_and_headers() {
    let house = House::new();
    let line = "{\"body\":1,\"key\":\"k 7\",\"headers\":{\"tenant-id\":\"a b\",\"PATH\":\"/evil\",\
                \"bytes\":{\"base64\":\"/w==\"}}}\n";
    house.send(QUEUE, line, &["--envelope"], 0).await;
    let command = "echo $RELAYHOUSE_ATTEMPT ${#RELAYHOUSE_MESSAGE_ID} \"$RELAYHOUSE_KEY\" \
                   \"$RELAYHOUSE_HEADER_TENANT_ID\" $RELAYHOUSE_HEADER_PATH \
                   ${RELAYHOUSE_HEADER_BYTES-unset} ${RELAYHOUSE_LINE-unset}; \
                   test $PATH != /evil";
    let ended = work(&house, command, &[]).await.ended(0);
    assert_eq!(ended.stdout, "1 32 k 7 a b /evil unset unset\n");
}

#[tokio::test]
async fn exit_code_decides_what_becomes_of_a_message() {
    let house = house("65\n75\n1\n0\n").await;
    // What is not done at first is done in the second attempt.
    let command = "read code; test $RELAYHOUSE_ATTEMPT -eq 2 || exit $code";
    let args = ["--release-delay", "1ms", "--output", "ndjson"];
    let records = work(&house, command, &args).await.ended(1).lines();
    let mut ends: Vec<(Option<u64>, u64, &str)> = records
        .iter()
        .map(|record| {
            let attempt = record["attempt"].as_u64().unwrap();
            (
                record["exit_code"].as_u64(),
                attempt,
                record["result"].as_str().unwrap(),
            )
        })
        .collect();
    ends.sort_unstable();
    let expected = [
        (Some(0), 1, "acked"),
        (Some(0), 2, "acked"),
        (Some(0), 2, "acked"),
        (Some(1), 1, "failed"),
        (Some(65), 1, "dead-lettered"),
        (Some(75), 1, "released"),
    ];
    assert_eq!(ends, expected);
    let dead = house.drain("memory://orders/$deadletterqueue").await;
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0]["body"], 65);
    assert_eq!(dead[0]["dead_letter"]["reason"], "rejected");
}

#[tokio::test]
async fn message_is_dead_lettered_when_its_retries_are_used_up() {
    for (retries, exit) in [("0", "3"), ("2", "3"), ("2", "75")] {
        let house = house("7\n").await;
        let command = format!("exit {exit}");
        let args = [
            "--retries",
            retries,
            "--release-delay",
            "1ms",
            "--output",
            "json",
        ];
        let counts = work(&house, &command, &args).await.ended(1).json();
        assert_eq!(counts["dead_lettered"], 1);
        assert_eq!(counts["released"].to_string(), retries);
        let dead = house.drain("memory://orders/$deadletterqueue").await;
        let letter = &dead[0]["dead_letter"];
        assert_eq!(letter["reason"], "attempts-exhausted");
        let attempts = retries.parse::<u32>().unwrap() + 1;
        assert_eq!(letter["attempts"], attempts);
    }
}

#[tokio::test]
async fn messages_of_a_key_are_handled_in_their_order_and_keys_at_once() {
    let house = House::new();
    let line = |number: u32| format!("{{\"body\":{number},\"key\":\"k{}\"}}\n", number % 7);
    let lines: String = (0..210).map(line).collect();
    house.send(QUEUE, &lines, &["--envelope"], 0).await;
    // Every tenth fails at first: what comes after it in its key has to wait.
    let command = "read n; test $((n % 10)) -ne 3 || test $RELAYHOUSE_ATTEMPT -gt 1 || exit 1; \
                   echo $RELAYHOUSE_KEY $n";
    let ended = work(&house, command, &["--concurrency", "8"])
        .await
        .ended(0);
    let mut last = BTreeMap::new();
    for line in ended.stdout.lines() {
        let (key, number) = line.split_once(' ').unwrap();
        let number: u32 = number.parse().unwrap();
        let before = last.insert(key.to_owned(), number);
        assert!(
            before.is_none_or(|before| before < number),
            "{line} after {before:?}"
        );
    }
    assert_eq!(ended.stdout.lines().count(), 210);
    assert_eq!(last.len(), 7);
}

#[tokio::test]
async fn lease_is_renewed_while_the_command_runs() {
    let house = house("7\n").await;
    // The command has to outlast its lease: nothing but time makes leases end.
    let command = "echo run >> \"$0.runs\"; sleep 1; echo $RELAYHOUSE_ATTEMPT";
    let runs = house.path("x.runs");
    let command = command.replace("$0", house.path("x").to_str().unwrap());
    let ended = work(
        &house,
        &command,
        &["--lease", "250ms", "--concurrency", "2"],
    )
    .await;
    assert_eq!(ended.ended(0).stdout, "1\n");
    assert_eq!(fs::read_to_string(runs).unwrap(), "run\n");
}

#[tokio::test]
async fn what_a_dead_worker_held_comes_back_when_its_lease_ends() {
    let house = house("7\n").await;
    let started = house.path("started");
    let hang = format!(
        "echo x > {}; exec cat < {}",
        started.display(),
        fifo(&house)
    );
    let args = ["work", QUEUE, "--exec", &hang, "--lease", "300ms"];
    select! {
        ended = house.run(&args) => panic!("{ended:?}"),
        () = exists(&house, &started) => {}
    }
    assert_eq!(counts(&house).await, [0, 1, 0, 0]);
    let ended = work(&house, "echo $RELAYHOUSE_ATTEMPT", &[]).await.ended(0);
    assert_eq!(ended.stdout, "2\n");
}

#[tokio::test(start_paused = true)]
async fn what_a_dead_worker_held_is_back_within_thirty_seconds() {
    let house = house("7\n").await;
    let started = house.path("started");
    let hang = format!(
        "echo x > {}; exec cat < {}",
        started.display(),
        fifo(&house)
    );
    let args = ["work", QUEUE, "--exec", &hang];
    select! {
        ended = house.run(&args) => panic!("{ended:?}"),
        () = exists(&house, &started) => {}
    }
    let died = house.clock().now();
    assert_eq!(counts(&house).await, [0, 1, 0, 0]);
    house
        .clock()
        .sleep_until(died + Duration::from_secs(30))
        .await;
    assert_eq!(counts(&house).await, [1, 0, 0, 0]);
}

#[tokio::test]
async fn command_that_takes_too_long_is_killed_and_tried_again() {
    let house = house("7\n").await;
    let gate = fifo(&house);
    let command = format!("test $RELAYHOUSE_ATTEMPT -gt 1 || cat < {gate}; echo done");
    let args = ["--timeout", "200ms", "--output", "ndjson"];
    let records = work(&house, &command, &args).await.ended(0).lines();
    let results: Vec<&Value> = records.iter().map(|record| &record["result"]).collect();
    assert_eq!(results, ["failed", "acked"]);
    assert_eq!(records[0]["error"], "command took longer than 200ms");
    assert_eq!(
        (&records[0]["exit_code"], &records[1]["output"]),
        (&Value::Null, &json!("done\n"))
    );
}

#[tokio::test]
async fn until_empty_waits_for_what_is_held_back_and_for_what_others_have() {
    let house = House::new();
    let lines = "{\"body\":1,\"delay\":\"400ms\"}\n{\"body\":2}\n";
    house.send(QUEUE, lines, &["--envelope"], 0).await;
    let leave = ["receive", QUEUE, "--leave", "--lease", "400ms", "--raw"];
    assert_eq!(house.run(&leave).await.ended(0).stdout, "2\n");
    let ended = work(&house, "cat", &[]).await.ended(0);
    let mut bodies: Vec<_> = ended.stdout.lines().collect();
    bodies.sort_unstable();
    assert_eq!(bodies, ["1", "2"]);
}

#[tokio::test]
async fn empty_queue_ends_at_once() {
    let house = House::new();
    house.run(&["create", QUEUE]).await.ended(0);
    let start = house.clock().now();
    let ended = work(&house, "echo never", &[]).await.ended(0);
    assert_eq!(ended.stdout, "");
    assert!(house.clock().now().since(start) < Duration::from_secs(5));
}

#[tokio::test]
async fn counts_are_printed_instead_of_what_commands_print() {
    let house = house("1\n2\n").await;
    let counts = work(&house, "echo noise", &["--output", "json"])
        .await
        .ended(0)
        .json();
    let expected = json!({
        "done": 2, "released": 0, "dead_lettered": 0, "lease_lost": 0, "unknown": 0,
        "not_settled": 0,
    });
    assert_eq!(counts, expected);
    house.send(QUEUE, "3\n", &[], 0).await;
    let table = work(&house, "echo noise", &["--output", "table"])
        .await
        .ended(0)
        .stdout;
    let rows: Vec<Vec<&str>> = table
        .lines()
        .map(|row| row.split_whitespace().collect())
        .collect();
    assert!(rows.contains(&vec!["done", "1"]), "{table}");
    assert!(!table.contains("noise"), "{table}");
}

#[tokio::test]
async fn message_whose_result_cannot_be_written_is_not_lost() {
    let house = house("1\n2\n3\n").await;
    let args = ["work", QUEUE, "--exec", "cat"];
    assert_eq!(house.run_to(&args, Leaving(1)).await, 141);
    let ended = work(&house, "cat", &["--lease", "1s"]).await.ended(0);
    for body in ["2", "3"] {
        assert!(
            ended.stdout.lines().any(|line| line == body),
            "{}",
            ended.stdout
        );
    }
}

#[tokio::test]
async fn queue_with_sessions_and_dead_letters_can_be_worked_on() {
    let house = House::new();
    house.run(&["create", QUEUE, "--sessions"]).await.ended(0);
    house.send(QUEUE, "1\n2\n", &["--key", "s"], 0).await;
    let ended = work(&house, "cat; exit 65", &["--output", "json"])
        .await
        .ended(1);
    assert_eq!(ended.json()["dead_lettered"], 2);
    let args = [
        "work",
        "memory://orders/$deadletterqueue",
        "--exec",
        "cat",
        "--until-empty",
    ];
    let ended = house.run(&args).await.ended(0);
    assert_eq!(ended.stdout, "1\n2\n");
}

#[tokio::test]
async fn emptiness_that_cannot_be_seen_is_refused() {
    let house = House::new();
    let args = ["work", "flaky://orders", "--exec", "cat", "--until-empty"];
    house.run(&args).await.ended(2);
}

#[test]
fn missing_command_and_wrong_numbers_are_said_in_one_line() {
    for (args, start) in [
        (
            &["--concurrency", "0"][..],
            "invalid value '0' for '--concurrency <N>'",
        ),
        (&["--retries", "-1"], "unexpected argument '-1'"),
        (
            &["--lease", "soon"],
            "invalid value 'soon' for '--lease <TIME>'",
        ),
    ] {
        let all = ["work", "memory://orders", "--exec", "cat"];
        let ran = run(&[&all[..], args].concat(), "").ended(2);
        assert!(
            ran.stderr.starts_with(&format!("relayhouse: {start}")),
            "{}",
            ran.stderr
        );
        assert_eq!(ran.stderr.lines().count(), 1);
    }
    let ran = run(&["work", "memory://orders"], "").ended(2);
    ran.said_only("the following required arguments were not provided: --exec <CMD> (see --help)");
}

/// Makes a named pipe that nobody writes to: who reads it waits.
fn fifo(house: &House) -> String {
    let path = house.path("gate");
    let made = std::process::Command::new("mkfifo")
        .arg(&path)
        .status()
        .unwrap();
    assert!(made.success());
    path.to_str().unwrap().to_owned()
}

/// Waits until a command has made the file at `path`.
async fn exists(house: &House, path: &std::path::Path) {
    let clock = house.clock();
    while !path.exists() {
        clock
            .sleep_until(clock.now() + Duration::from_millis(5))
            .await;
    }
}
