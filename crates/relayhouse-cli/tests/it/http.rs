//! `work --http`: what is shown and changed from outside, and to whom.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    process::{Child, ChildStderr},
};

use crate::{
    program::{Ran, command, end, feed, run},
    stop::{interrupt, read_until},
};

const TOKEN: &str = "canary-7f3a9c-do-not-show";

/// Is work with an endpoint.
struct Work {
    child: Child,
    stderr: ChildStderr,
    address: String,
}

impl Work {
    fn start(args: &[&str]) -> Self {
        let all = [
            "work",
            "memory://orders",
            "--exec",
            "cat",
            "--http",
            "127.0.0.1:0",
        ];
        let mut child = command(&[&all[..], args].concat()).spawn().unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let said = read_until(&mut stderr, "\n");
        let address = said.trim_end().split_once("http://").unwrap().1;
        Self {
            child,
            stderr,
            address: address.to_owned(),
        }
    }

    /// Asks, and returns the whole answer.
    fn ask(&self, request: &str, headers: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let head = format!("{request} HTTP/1.1\r\nhost: {}\r\n", self.address);
        let request = format!("{head}connection: close\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

#[test]
fn work_is_seen_paused_and_resumed_from_outside() {
    let mut work = Work::start(&[]);
    let stats = work.ask("GET /stats", "");
    assert!(stats.starts_with("HTTP/1.1 200 "), "{stats}");
    assert!(
        stats.contains(r#""source":"orders","state":"running""#),
        "{stats}"
    );
    let metrics = work.ask("GET /metrics", "");
    assert!(metrics.contains("\n# TYPE process_"), "{metrics}");
    let paused = work.ask("POST /pause", "");
    assert!(paused.contains(r#""state":"paused""#), "{paused}");
    let audit = read_until(&mut work.stderr, "\n");
    assert!(audit.contains("relayhouse::audit"), "{audit}");
    assert!(audit.contains("action=\"pause\""), "{audit}");
    let ready = work.ask("GET /readyz", "");
    assert!(ready.starts_with("HTTP/1.1 503 "), "{ready}");
    let resumed = work.ask("POST /resume", "");
    assert!(resumed.contains(r#""state":"running""#), "{resumed}");
    interrupt(&work.child);
    end(work.child).ended(130);
}

#[test]
fn token_of_a_file_is_needed_and_not_said() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    fs::write(&path, format!("{TOKEN}\n")).unwrap();
    let mut work = Work::start(&["--http-token-file", path.to_str().unwrap()]);
    let refused = work.ask("POST /pause", "");
    assert!(refused.starts_with("HTTP/1.1 401 "), "{refused}");
    let bearer = format!("authorization: Bearer {TOKEN}\r\n");
    let paused = work.ask("POST /pause", &bearer);
    assert!(paused.starts_with("HTTP/1.1 200 "), "{paused}");
    interrupt(&work.child);
    let mut said = String::new();
    work.stderr.read_to_string(&mut said).unwrap();
    assert!(
        said.contains("outcome=\"refused\"") && !said.contains(TOKEN),
        "{said}"
    );
    end(work.child).ended(130);
}

#[test]
fn other_machines_need_a_token() {
    let all = ["work", "memory://orders", "--exec", "cat", "--http"];
    let ran = run(&[&all[..], &["0.0.0.0:0"]].concat(), "").ended(2);
    ran.said_only(
        "0.0.0.0:0 is reached from other machines, which --http allows with a token only: \
         use --http-token-file FILE or RELAYHOUSE_HTTP_TOKEN, or listen on 127.0.0.1",
    );
    let short = command(&[&all[..], &["127.0.0.1:0"]].concat())
        .env("RELAYHOUSE_HTTP_TOKEN", "hunter2")
        .spawn()
        .unwrap();
    let ran = end(short).ended(2);
    ran.said_only("the console's token must have 16 to 1024 characters");
    let args = ["127.0.0.1:0", "--http-token-file", "/nothing/here"];
    run(&[&all[..], &args].concat(), "").ended(66);
    let args = [
        "work",
        "memory://orders",
        "--exec",
        "cat",
        "--http-token-file",
        "token",
    ];
    run(&args, "").ended(2);
}

#[test]
fn commands_do_not_see_the_token() {
    let directory = tempfile::tempdir().unwrap();
    let ran = |args: &[&str], input: &str| {
        let mut child = command(args)
            .current_dir(directory.path())
            .env("RELAYHOUSE_HTTP_TOKEN", TOKEN)
            .spawn()
            .unwrap();
        feed(&mut child, input.into());
        Ran::ended(end(child), 0)
    };
    let queue = "local:./q/orders";
    ran(&["send", queue], "7\n");
    let show = "echo ${RELAYHOUSE_HTTP_TOKEN-unset}";
    let args = [
        "work",
        queue,
        "--exec",
        show,
        "--until-empty",
        "--http",
        "127.0.0.1:0",
    ];
    assert_eq!(ran(&args, "").stdout, "unset\n");
}
