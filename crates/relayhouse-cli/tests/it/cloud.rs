//! Amazon SQS for the program under test: the emulator in this process, and an environment.

use std::{
    io::{Read, Write},
    net::TcpStream,
    process::Command,
};

use serde_json::Value;
use sqs_emulator::{Count, Operation, SqsEmulator};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::program::{Ran, command, end, feed};

pub(crate) const QUEUE: &str = "sqs://us-east-1/orders";
pub(crate) const DEAD: &str = "sqs://us-east-1/orders/$deadletterqueue";

/// Credentials that nothing may print.
pub(crate) const SECRETS: [(&str, &str); 3] = [
    ("AWS_ACCESS_KEY_ID", "AKIDCANARY"),
    ("AWS_SECRET_ACCESS_KEY", "SECRETCANARY"),
    ("AWS_SESSION_TOKEN", "TOKENCANARY"),
];

/// Is an environment in which the program finds one service, and nothing of this machine's.
pub(crate) struct Place {
    directory: TempDir,
    variables: Vec<(&'static str, String)>,
}

/// Is the emulator, and a place where the program finds it.
pub(crate) struct Cloud {
    runtime: Runtime,
    emulator: SqsEmulator,
    pub(crate) place: Place,
}

impl Place {
    /// Makes a place in which SQS is at `endpoint`.
    pub(crate) fn new(endpoint: &str) -> Self {
        let mut place = Self {
            directory: tempfile::tempdir().unwrap(),
            variables: vec![("AWS_EC2_METADATA_DISABLED", "true".to_owned())],
        };
        place.set("AWS_ENDPOINT_URL_SQS", endpoint);
        for (name, value) in SECRETS {
            place.set(name, value);
        }
        place
    }

    pub(crate) fn set(&mut self, name: &'static str, value: &str) {
        self.unset(name);
        self.variables.push((name, value.to_owned()));
    }

    pub(crate) fn unset(&mut self, name: &str) {
        self.variables.retain(|(known, _)| *known != name);
    }

    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join(name)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the program finds a shell where this one does"
    )]
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = command(args);
        let home = self.directory.path();
        command.env_clear().current_dir(home).env("HOME", home);
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs the program with `input`, to its end, and looks whether it prints a secret.
    #[track_caller]
    pub(crate) fn run(&self, args: &[&str], input: &str) -> Ran {
        let mut child = self.command(args).spawn().unwrap();
        feed(&mut child, input.into());
        let ran = end(child);
        for (name, secret) in SECRETS {
            for text in [&ran.stdout, &ran.stderr] {
                assert!(!text.contains(secret), "{args:?} prints {name}: {text}");
            }
        }
        ran
    }
}

impl Cloud {
    pub(crate) fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let emulator = SqsEmulator::builder().start();
        let emulator = runtime.block_on(emulator).unwrap();
        let place = Place::new(emulator.endpoint());
        Self {
            runtime,
            emulator,
            place,
        }
    }

    /// Has the queue at [`QUEUE`] already.
    pub(crate) fn with_queue() -> Self {
        let cloud = Self::new();
        cloud.run(&["create", QUEUE], "").ended(0);
        cloud
    }

    #[track_caller]
    pub(crate) fn run(&self, args: &[&str], input: &str) -> Ran {
        self.place.run(args, input)
    }

    /// Runs `receive` with more arguments, and returns what it printed.
    #[track_caller]
    pub(crate) fn receive(&self, url: &str, args: &[&str]) -> Vec<Value> {
        let all = ["receive", url, "--wait", "0s", "--output", "ndjson"];
        let ran = self.run(&[&all[..], args].concat(), "").ended(0);
        ran.stdout.lines().map(json).collect()
    }

    #[track_caller]
    pub(crate) fn stats(&self, url: &str) -> Value {
        let ran = self.run(&["stats", url, "--output", "json"], "").ended(0);
        json(&ran.stdout)
    }

    pub(crate) fn count(&self, operation: Operation) -> Count {
        self.emulator.count(operation)
    }

    pub(crate) fn emulator(&self) -> &SqsEmulator {
        &self.emulator
    }

    /// Makes a call as no command does.
    pub(crate) fn call(&self, operation: &str, body: &Value) -> Value {
        let body = body.to_string();
        let request = format!(
            "POST / HTTP/1.1\r\nconnection: close\r\nx-amz-target: AmazonSQS.{operation}\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = TcpStream::connect(self.emulator.address()).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
        json(body)
    }

    /// Returns the attributes of a queue.
    pub(crate) fn attributes(&self, name: &str) -> Value {
        let url = self.emulator.queue_url(name);
        let request = serde_json::json!({ "QueueUrl": url, "AttributeNames": ["All"] });
        self.call("GetQueueAttributes", &request)["Attributes"].take()
    }

    pub(crate) fn close(self) {
        self.runtime.block_on(self.emulator.close());
    }
}

#[track_caller]
pub(crate) fn json(text: &str) -> Value {
    serde_json::from_str(text).expect(text)
}
