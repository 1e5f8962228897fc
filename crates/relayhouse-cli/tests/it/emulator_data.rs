//! `relayhouse emulator servicebus --data`, killed with -9 and started again.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    program::{Ran, command, end, feed},
    stop::interrupt,
};

pub(crate) const QUEUE: &str = "servicebus:///orders";
const DEAD: &str = "servicebus:///orders/$deadletterqueue";
const EMULATOR: [&str; 6] = ["emulator", "servicebus", "--port", "0", "--http-port", "0"];
const CONFIG: &str = r#"{"UserConfig": {"Namespaces": [{"Name": "n", "Queues": [{
    "Name": "orders", "Properties": {"LockDuration": "PT5M", "MaxDeliveryCount": 3}}]}]}}"#;

/// Is an emulator that keeps its data in a directory.
pub(crate) struct Bus {
    child: Child,
    connection: String,
    http: String,
}

impl Bus {
    /// Starts an emulator on `directory`, with more arguments.
    pub(crate) fn start(directory: &TempDir, args: &[&str]) -> Self {
        let data = directory.path().join("data");
        let data = ["--data", data.to_str().unwrap()];
        let args = [&EMULATOR[..], &data, args].concat();
        let mut child = command(&args).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.as_mut().unwrap());
        let [connection, http] = [(); 2].map(|()| {
            let mut line = String::new();
            stdout.read_line(&mut line).unwrap();
            line.trim_end().to_owned()
        });
        Self {
            child,
            connection,
            http,
        }
    }

    /// Starts the first emulator on `directory`, with a queue.
    pub(crate) fn first(directory: &TempDir) -> Self {
        let config = directory.path().join("Config.json");
        fs::write(&config, CONFIG).unwrap();
        Self::start(directory, &["--config", config.to_str().unwrap()])
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = command(args);
        command
            .env("RELAYHOUSE_SERVICEBUS_CONNECTION_STRING", &self.connection)
            .env("RELAYHOUSE_SERVICEBUS_ADMIN_ENDPOINT", &self.http);
        command
    }

    #[track_caller]
    fn run(&self, args: &[&str], input: &str) -> Ran {
        self.run_with(&[], args, input)
    }

    /// Runs the program with more variables.
    #[track_caller]
    pub(crate) fn run_with(&self, variables: &[(&str, &Path)], args: &[&str], input: &str) -> Ran {
        let mut child = self.started_with(variables, args);
        feed(&mut child, input.into());
        end(child)
    }

    /// Starts the program with more variables.
    pub(crate) fn started_with(&self, variables: &[(&str, &Path)], args: &[&str]) -> Child {
        let mut command = self.command(args);
        command.envs(variables.iter().copied());
        command.spawn().unwrap()
    }

    /// Runs `receive` with more arguments, and returns what it printed.
    #[track_caller]
    pub(crate) fn receive(&self, url: &str, args: &[&str]) -> Vec<Value> {
        let all = ["receive", url, "--output", "ndjson"];
        let ran = self.run(&[&all[..], args].concat(), "").ended(0);
        let lines = ran.stdout.lines();
        lines.map(|it| serde_json::from_str(it).unwrap()).collect()
    }

    #[track_caller]
    fn stats(&self, url: &str) -> Value {
        let ran = self.run(&["stats", url, "--output", "json"], "").ended(0);
        serde_json::from_str(&ran.stdout).unwrap()
    }

    /// Kills the program, which so has no say in how it ends.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn interrupt(self) {
        interrupt(&self.child);
        end(self.child).ended(130);
    }
}

fn lines(count: u64) -> String {
    (0..count).map(|number| format!("{number}\n")).collect()
}

fn numbers(received: &[Value]) -> Vec<u64> {
    let bodies = received.iter().map(|it| it["body"].as_u64().unwrap());
    bodies.collect()
}

#[test]
fn all_is_there_after_a_kill() {
    let directory = TempDir::new().unwrap();
    let bus = Bus::first(&directory);
    let more = "servicebus:///more";
    bus.run(&["create", more, "--lease", "1min"], "").ended(0);
    bus.run(&["send", QUEUE], &lines(300)).ended(0);
    bus.run(&["send", QUEUE, "--delay", "1h"], "300\n").ended(0);
    let acked = numbers(&bus.receive(QUEUE, &["--max", "100", "--ack"]));
    let dead = numbers(&bus.receive(QUEUE, &["--dead-letter", "not wanted"]));
    let left = numbers(&bus.receive(QUEUE, &["--max", "20", "--leave"]));
    assert_eq!((acked.len(), dead.len(), left.len()), (100, 1, 20));
    bus.kill();

    let bus = Bus::start(&directory, &[]);
    let stats = bus.stats(QUEUE);
    let counts = ["ready", "delayed", "dead"].map(|name| &stats[name]);
    assert_eq!(counts, [&json!(199), &json!(1), &json!(1)]);
    let list = bus.run(&["list", QUEUE], "").ended(0).stdout;
    assert!(list.contains("more") && list.contains("orders"), "{list}");
    let received = bus.receive(QUEUE, &["--max", "300", "--ack"]);
    let found = numbers(&received);
    let gone: BTreeSet<_> = acked.into_iter().chain(dead.clone()).collect();
    let expected: BTreeSet<_> = (0..300).filter(|it| !gone.contains(it)).collect();
    assert_eq!(found.len(), 199);
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected);
    // Locks end with the program, and a delivery that ended so does not count.
    let is_first = |it: &Value| it["delivery"]["attempt"] == 1;
    assert!(received.iter().all(is_first), "{received:?}");
    let letter = bus.receive(DEAD, &["--ack"]);
    assert_eq!(numbers(&letter), dead);
    assert_eq!(letter[0]["dead_letter"]["reason"], "not wanted");
    bus.interrupt();
}

#[test]
fn what_was_sent_before_a_kill_is_there_and_nothing_twice() {
    let directory = TempDir::new().unwrap();
    let bus = Bus::first(&directory);
    let sender = ["send", QUEUE, "--rate", "2000/s", "--output", "json"];
    let mut sender = bus.command(&sender).spawn().unwrap();
    feed(&mut sender, lines(20_000).into());
    while bus.stats(QUEUE)["ready"].as_u64() < Some(500) {}
    bus.kill();
    let ran = end(sender).ended(69);
    let told: Value = serde_json::from_str(&ran.stdout).unwrap();
    let sent = told["sent"].as_u64().unwrap();
    assert!((500..20_000).contains(&sent), "{told}");

    let bus = Bus::start(&directory, &[]);
    let found = numbers(&bus.receive(QUEUE, &["--max", "20000", "--ack"]));
    let distinct: BTreeSet<_> = found.iter().copied().collect();
    assert_eq!(distinct.len(), found.len());
    assert!(sent <= found.len() as u64, "{} of {sent}", found.len());
    assert!((0..sent).all(|number| distinct.contains(&number)));
    bus.interrupt();
}

#[test]
fn directory_that_another_emulator_uses_is_said() {
    let directory = TempDir::new().unwrap();
    let bus = Bus::first(&directory);
    let data = directory.path().join("data");
    let data = ["--data", data.to_str().unwrap()];
    let second = command(&[&EMULATOR[..], &data].concat()).spawn().unwrap();
    let ran = end(second).ended(69);
    assert_eq!(ran.stdout, "");
    let said = "relayhouse: cannot keep data in ";
    assert!(ran.stderr.starts_with(said), "{}", ran.stderr);
    let reason = "another process keeps its data there";
    assert!(ran.stderr.contains(reason), "{}", ran.stderr);
    bus.interrupt();
}

#[test]
fn nothing_to_serve_is_wrong_usage() {
    let ran = end(command(&EMULATOR).spawn().unwrap()).ended(2);
    assert!(ran.stderr.contains("--config"), "{}", ran.stderr);
}
