//! What goes wrong on the way to Amazon SQS: one line that says what to do, and no secret.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    thread,
};

use sqs_emulator::{Fault, Operation, Refusal, Times};

use crate::cloud::{Cloud, DEAD, Place, QUEUE};

/// The commands that use a queue, of which the last two have an input.
const COMMANDS: [&[&str]; 6] = [
    &["stats", QUEUE],
    &["receive", QUEUE, "--wait", "0s"],
    &["work", QUEUE, "--exec", "cat", "--until-empty"],
    &["list", QUEUE],
    &["send", QUEUE],
    &["pipe", "--from", "-", "--url", QUEUE],
];

/// Runs every command, and asserts that each says one line that ends with `way_out`.
#[track_caller]
fn all_say(place: &Place, start: &str, way_out: &str) {
    for command in COMMANDS {
        let ran = place.run(command, "1\n").ended(69);
        let said = ran.stderr.lines().next().unwrap_or_default();
        assert!(said.contains(start), "{command:?}: {said}");
        assert!(said.ends_with(way_out), "{command:?}: {said}");
        assert_eq!(ran.stdout, "", "{command:?}");
    }
}

#[test]
fn missing_queue_can_be_created() {
    let cloud = Cloud::new();
    for command in COMMANDS.iter().filter(|command| command[0] != "list") {
        let ran = cloud.run(command, "1\n").ended(69);
        let said = ran.stderr.lines().next().unwrap_or_default();
        assert!(said.contains("orders: it does not exist"), "{said}");
        let way_out = "; create it with `relayhouse create`, or check its URL";
        assert!(said.ends_with(way_out), "{said}");
    }
    let url = "sqs://us-east-1/orders?create=true";
    cloud.run(&["send", url], "1\n").ended(0);
    let dead = cloud.run(&["receive", DEAD, "--wait", "0s"], "").ended(0);
    dead.said_only("no message came within 0s");
    cloud.close();
}

#[test]
fn endpoint_that_is_down_is_said() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let way_out = "; check the address and the network, or try again later";
    all_say(&Place::new(&endpoint), "SQS cannot be reached", way_out);
}

#[test]
fn missing_credentials_are_said() {
    let mut cloud = Cloud::with_queue();
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        cloud.place.unset(name);
    }
    let way_out = "; check the credentials and what they may do";
    all_say(
        &cloud.place,
        "no credentials could be loaded from AWS_ACCESS_KEY_ID",
        way_out,
    );
    cloud.close();
}

#[test]
fn region_has_to_be_known_and_the_same() {
    let cloud = Cloud::with_queue();
    for (url, text) in [
        ("sqs:///orders", "no region is known: name it in the URL"),
        (
            "sqs:https://sqs.eu-west-1.amazonaws.com/000000000000/orders?region=us-east-1",
            "us-east-1 is another than eu-west-1",
        ),
        ("sqs://us-east-1", "expected sqs://region/queue"),
        ("sqs://us-east-1/a.b", "must have 1 to 80 letters"),
        (
            "sqs://us-east-1/orders?leese=1s",
            "option leese is not known",
        ),
        (
            "sqs://us-east-1/orders?endpoint=localhost:1",
            "such as http://localhost",
        ),
    ] {
        let ran = cloud.run(&["stats", url], "").ended(2);
        assert!(ran.stderr.contains(text), "{}", ran.stderr);
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    }
    let ran = cloud.run(&["list", "sqs://us-east-1"], "").ended(2);
    let way_out = "; a URL that ends with / lists all beneath it\n";
    assert!(ran.stderr.ends_with(way_out), "{}", ran.stderr);
    cloud.close();
}

#[test]
fn what_sqs_does_not_take_is_refused_before_it_leaves() {
    let cloud = Cloud::with_queue();
    let calls = || cloud.count(Operation::SendMessageBatch).calls;
    let ran = cloud
        .run(&["send", QUEUE, "--delay", "16min"], "1\n")
        .ended(65);
    assert!(ran.stderr.contains("line 1: "), "{}", ran.stderr);
    assert!(ran.stderr.contains("at most 900s"), "{}", ran.stderr);
    let ran = cloud
        .run(&["receive", QUEUE, "--lease", "13h"], "")
        .ended(2);
    assert!(ran.stderr.contains("at most 43200s"), "{}", ran.stderr);
    let large = format!("\"{}\"\n", "x".repeat(1024 * 1024));
    let args = ["send", QUEUE, "--line-max", "2MiB"];
    let ran = cloud.run(&args, &large).ended(65);
    assert!(ran.stderr.contains("at most"), "{}", ran.stderr);
    assert_eq!(calls(), 0);
    cloud.close();
}

#[test]
fn throttled_send_tries_again() {
    let cloud = Cloud::with_queue();
    let throttle = Fault::Refuse(Refusal::Throttled);
    let faults = cloud.emulator().faults();
    faults.inject(Operation::SendMessageBatch, throttle, Times::Next(2));
    cloud.run(&["send", QUEUE], "1\n2\n").ended(0);
    assert_eq!(cloud.count(Operation::SendMessageBatch).errors, 2);
    assert_eq!(cloud.stats(QUEUE)["ready"], 2);
    cloud.close();
}

/// With two `-v` the libraries are heard as well.
#[test]
fn secrets_are_in_no_log() {
    let cloud = Cloud::with_queue();
    for args in [
        &["send", QUEUE, "-vv"][..],
        &["work", QUEUE, "--exec", "cat", "--until-empty", "-vv"],
        &["stats", QUEUE, "-vv"],
    ] {
        let ran = cloud.run(args, "1\n").ended(0);
        assert!(!ran.stderr.contains("aws_"), "{}", ran.stderr);
    }
    cloud.close();
}

/// SQS repeats the signed request where the signature is wrong, session token included.
#[test]
fn secrets_that_sqs_repeats_are_not_printed() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            // Who was answered is gone.
            let _ = echo(&stream.unwrap());
        }
    });
    let place = Place::new(&endpoint);
    for more in ["-v", "-vv"] {
        for command in COMMANDS {
            let ran = place.run(&[command, &[more]].concat(), "1\n").ended(69);
            let said = ran.stderr.contains("credentials are not accepted");
            assert!(said, "{command:?}: {}", ran.stderr);
        }
    }
}

/// Answers one request with an error that repeats it.
fn echo(mut stream: &TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        if let Some(("content-length", value)) = line.split_once(": ") {
            length = value.parse().unwrap();
        }
        head.push_str(line);
        head.push(' ');
    }
    reader.read_exact(&mut vec![0; length])?;
    let secrets = crate::cloud::SECRETS.map(|(_, secret)| secret).join(" ");
    let text = format!("The request signature does not match: {head} {secrets}");
    let body = serde_json::json!({
        "__type": "com.amazon.coral.service#SignatureDoesNotMatch", "message": text,
    });
    let body = body.to_string();
    write!(
        stream,
        "HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}
