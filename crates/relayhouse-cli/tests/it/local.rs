//! Several processes on one durable queue: what one sends the other gets, whoever is killed.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader, Read},
    path::PathBuf,
    process::{Child, ChildStdout, Command, Stdio},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    program::{Ran, command, end, feed},
    stop::{interrupt, read_until},
};

const QUEUE: &str = "local:./q/orders";
const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/events.ndjson");

/// Is a directory that processes run in.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = command(args);
        command.current_dir(self.0.path());
        command
    }

    fn run(&self, args: &[&str], input: &str) -> Ran {
        let mut child = self.command(args).spawn().unwrap();
        feed(&mut child, input.into());
        end(child)
    }

    fn send(&self, input: &str) {
        self.run(&["send", QUEUE], input).ended(0);
    }

    /// Runs commands until the queue is empty.
    fn work(&self, command: &str, args: &[&str]) -> Ran {
        let all = [
            "work",
            QUEUE,
            "--exec",
            command,
            "--until-empty",
            "--retry-delay",
            "1ms",
        ];
        self.run(&[&all[..], args].concat(), "")
    }

    fn stats(&self) -> [u64; 3] {
        let ran = self.run(&["stats", QUEUE, "--output", "json"], "").ended(0);
        let stats: Value = serde_json::from_str(&ran.stdout).unwrap();
        ["ready", "leased", "dead"].map(|name| stats[name].as_u64().unwrap())
    }
}

/// Is a process that counts what is on the queue, again and again.
struct Watch {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Watch {
    fn new(place: &Place) -> Self {
        let args = [
            "stats", QUEUE, "--watch", "--every", "1ms", "--output", "ndjson",
        ];
        let mut child = place.command(&args).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self { child, stdout }
    }

    /// Waits for the next count, and returns how many messages are ready.
    fn ready(&mut self) -> u64 {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        let count: Value = serde_json::from_str(&line).unwrap();
        count["ready"].as_u64().unwrap()
    }
}

fn numbers(count: u32) -> String {
    (0..count).map(|number| format!("{number}\n")).collect()
}

fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<_> = text.lines().collect();
    lines.sort_unstable();
    lines
}

fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn what_one_process_sends_another_works_on() {
    let place = Place::new();
    place.run(&["send", QUEUE, "--file", DATA], "").ended(0);
    assert_eq!(place.stats(), [3000, 0, 0]);
    assert_eq!(
        place.run(&["list", "local:./q/"], "").ended(0).stdout,
        "queue         orders\n"
    );
    let args = ["receive", QUEUE, "--max", "3000", "--raw", "--ack"];
    let ran = place.run(&args, "").ended(0);
    assert!(
        ran.stdout == fs::read_to_string(DATA).unwrap(),
        "the data set has changed"
    );
}

#[test]
fn worker_that_waits_hears_of_what_is_sent() {
    let place = Place::new();
    let args = ["work", QUEUE, "--exec", "cat", "--concurrency", "4", "-v"];
    let mut worker = place.command(&args).spawn().unwrap();
    let mut stderr = worker.stderr.take().unwrap();
    read_until(&mut stderr, "waits for messages\n");
    let mut stdout = BufReader::new(worker.stdout.take().unwrap());
    for round in ["1\n", "2\n", "3\n"] {
        place.send(round);
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        assert_eq!(line, round);
    }
    interrupt(&worker);
    let said = read_until(&mut stderr, " done\n");
    assert!(said.contains("interrupted: running commands may end; once more kills them"));
    end(worker).ended(130);
    assert_eq!(place.stats(), [0, 0, 0]);
}

#[test]
fn every_message_is_handled_however_often_the_worker_is_killed() {
    let place = Place::new();
    place.send(&numbers(300));
    let command = "read x; echo $x >> handled; echo $x";
    let args = [
        "work",
        QUEUE,
        "--exec",
        command,
        "--concurrency",
        "8",
        "--lease",
        "500ms",
    ];
    for _ in 0..5 {
        let mut worker = place.command(&args).stderr(Stdio::null()).spawn().unwrap();
        // Each worker dies in the middle of its work.
        let mut stdout = BufReader::new(worker.stdout.take().unwrap());
        for _ in 0..40 {
            assert!(0 < stdout.read_line(&mut String::new()).unwrap());
        }
        kill(worker);
    }
    place.work(command, &["--concurrency", "8"]).ended(0);
    let text = fs::read_to_string(place.path("handled")).unwrap();
    let all: BTreeSet<u32> = text.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(all.len(), 300);
    assert_eq!(place.stats(), [0, 0, 0]);
}

#[test]
fn sender_that_is_killed_can_start_again_and_each_message_is_there_once() {
    let place = Place::new();
    let input = numbers(2000);
    fs::write(place.path("input"), &input).unwrap();
    let args = [
        "send",
        QUEUE,
        "--file",
        "input",
        "--dedup-id",
        "run",
        "--rate",
        "4000/s",
    ];
    place.run(&["create", QUEUE], "").ended(0);
    let mut watch = Watch::new(&place);
    for sent in [50, 300, 700] {
        let sender = place.command(&args).spawn().unwrap();
        while watch.ready() < sent {}
        kill(sender);
    }
    kill(watch.child);
    assert!(place.stats()[0] < 2000);
    place
        .run(&["send", QUEUE, "--file", "input", "--dedup-id", "run"], "")
        .ended(0);
    let receive = ["receive", QUEUE, "--max", "9999", "--ack", "--raw"];
    assert!(
        place.run(&receive, "").ended(0).stdout == input,
        "not each message once"
    );
}

#[test]
fn interrupt_lets_running_commands_end_and_gives_back_the_rest() {
    let place = Place::new();
    place.send(&numbers(10));
    let gate = place.path("gate");
    assert!(
        Command::new("mkfifo")
            .arg(&gate)
            .status()
            .unwrap()
            .success()
    );
    let args = ["work", QUEUE, "--exec", "echo started >&2; cat < gate"];
    let mut worker = place.command(&args).spawn().unwrap();
    let mut stderr = worker.stderr.take().unwrap();
    read_until(&mut stderr, "started\n");
    interrupt(&worker);
    read_until(&mut stderr, "once more kills them\n");
    // The command waits for somebody who writes: one who comes and goes ends it.
    drop(fs::File::options().write(true).open(&gate).unwrap());
    let said = read_until(&mut stderr, " done");
    assert!(said.contains("1 done"), "{said}");
    end(worker).ended(130);
    assert_eq!(place.stats(), [9, 0, 0]);
}

#[test]
fn second_interrupt_kills_and_what_ran_comes_back_after_its_lease() {
    let place = Place::new();
    place.send("7\n");
    let args = [
        "work",
        QUEUE,
        "--exec",
        "echo started >&2; exec sleep 1000",
        "--lease",
        "500ms",
    ];
    let mut worker = place.command(&args).spawn().unwrap();
    let mut stderr = worker.stderr.take().unwrap();
    read_until(&mut stderr, "started\n");
    interrupt(&worker);
    read_until(&mut stderr, "once more kills them\n");
    interrupt(&worker);
    end(worker).ended(130);
    // It ends when the last command that holds it has ended.
    stderr.read_to_string(&mut String::new()).unwrap();
    let ran = place.work("echo $RELAYHOUSE_ATTEMPT", &[]).ended(0);
    assert_eq!(ran.stdout, "2\n");
}

#[test]
fn dead_letters_are_said_with_how_to_see_them() {
    let place = Place::new();
    place.send("7\n");
    let ran = place.work("exit 65", &[]).ended(1);
    let lines: Vec<_> = ran.stderr.lines().collect();
    assert!(
        lines[0].ends_with(": dead-lettered after 1 attempt: command ended with exit code 65"),
        "{lines:?}"
    );
    assert_eq!(lines[1], "relayhouse: 0 done, 1 dead-lettered");
    let hint = "see what is dead with: relayhouse receive 'local:./q/orders/$deadletterqueue'";
    assert_eq!(lines[2], format!("relayhouse: {hint}"));
    let ran = place
        .run(&["receive", "local:./q/orders/$deadletterqueue"], "")
        .ended(0);
    let letter: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        (&letter["body"], &letter["dead_letter"]["reason"]),
        (&json!(7), &json!("rejected"))
    );
}

#[test]
fn pipeline_moves_messages_from_queue_to_queue() {
    let place = Place::new();
    place.send("{\"n\": 1}\n{\"n\": 2}\n");
    let program = env!("CARGO_BIN_EXE_relayhouse");
    let line = format!(
        "{program} receive {QUEUE} --max 9 --ack | {program} send local:./q/other --envelope"
    );
    let status = Command::new("sh")
        .args(["-c", &line])
        .current_dir(place.0.path())
        .status();
    assert!(status.unwrap().success());
    assert_eq!(place.stats(), [0, 0, 0]);
    let ran = place
        .run(&["receive", "local:./q/other", "--max", "9", "--raw"], "")
        .ended(0);
    assert_eq!(ran.stdout, "{\"n\": 1}\n{\"n\": 2}\n");
}

#[test]
fn what_the_next_in_the_pipeline_did_not_read_stays_on_the_queue() {
    let place = Place::new();
    let line = format!("\"{}\"\n", "x".repeat(100 << 10));
    place.send(&line.repeat(50));
    let args = ["receive", QUEUE, "--max", "50", "--ack"];
    let mut child = place.command(&args).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut [0; 1000]).unwrap();
    drop(stdout);
    let ran = end(child).ended(141);
    assert_eq!(ran.stderr, "");
    let [ready, leased, _] = place.stats();
    // What was written into the pipe before its reader went counts as printed.
    assert!(48 <= ready && leased == 0, "{ready} ready, {leased} leased");
}

#[test]
fn watch_prints_a_line_each_time_until_it_is_interrupted() {
    let place = Place::new();
    place.send("1\n");
    let mut watch = Watch::new(&place);
    assert_eq!(watch.ready(), 1);
    place.send("2\n");
    while watch.ready() != 2 {}
    interrupt(&watch.child);
    end(watch.child).ended(130);
}

#[test]
fn queue_that_is_not_there_is_named_with_what_to_do() {
    let place = Place::new();
    let ran = place.run(&["stats", QUEUE], "").ended(69);
    assert!(ran.stderr.contains("orders"), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("create it with `relayhouse create`"),
        "{}",
        ran.stderr
    );
    place
        .run(&["create", QUEUE], "")
        .ended(0)
        .said_only("orders is there");
    assert_eq!(place.stats(), [0, 0, 0]);
}

#[test]
fn results_of_concurrent_commands_are_all_there() {
    let place = Place::new();
    place.send(&numbers(200));
    let ran = place.work("cat", &["--concurrency", "8"]).ended(0);
    let input = numbers(200);
    assert_eq!(sorted(&ran.stdout), sorted(&input));
}
