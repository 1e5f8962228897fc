//! `tail` as a shell starts it: on queues in files, on Azure Service Bus and on Amazon SQS.

use std::{
    io::{BufRead, BufReader},
    process::Child,
};

use serde_json::{Value, json};

use crate::{
    cloud::{Cloud, QUEUE as SQS},
    desk::{Desk, QUEUE},
    emulator_data::{Bus, QUEUE as BUS},
    program::{end, feed},
    stop::{interrupt, read_until},
};

/// Has `send` send while `child` follows, and returns what it shows until it is interrupted.
fn followed(mut child: Child, send: impl FnOnce(), count: usize) -> Vec<Value> {
    feed(&mut child, Vec::new());
    let mut stderr = child.stderr.take().unwrap();
    read_until(&mut stderr, "or a higher one\n");
    send();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let lines = (0..count).map(|_| {
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    });
    let lines = lines.collect();
    interrupt(&child);
    end(child).ended(130);
    lines
}

const TAIL: [&str; 4] = ["-v", "tail", "--every", "10ms"];

#[test]
fn queue_in_a_file_is_followed_until_an_interrupt() {
    let desk = Desk::new();
    desk.run(&["send", QUEUE], "1\n", 0);
    let child = desk
        .command(&[&TAIL[..], &[QUEUE]].concat())
        .spawn()
        .unwrap();
    let lines = followed(child, || drop(desk.run(&["send", QUEUE], "2\n3\n", 0)), 2);
    let bodies: Vec<_> = lines.iter().map(|line| &line["body"]).collect();
    assert_eq!(bodies, [2, 3]);
    assert_eq!(desk.drain(QUEUE)[2]["delivery"]["attempt"], 1);
}

#[test]
fn queue_of_service_bus_is_followed() {
    let directory = tempfile::tempdir().unwrap();
    let bus = Bus::first(&directory);
    bus.run_with(&[], &["send", BUS], "1\n").ended(0);
    let child = bus.started_with(&[], &[&TAIL[..], &[BUS]].concat());
    let send = || drop(bus.run_with(&[], &["send", BUS], "2\n").ended(0));
    assert_eq!(followed(child, send, 1)[0]["body"], json!(2));
    assert_eq!(bus.receive(BUS, &["--max", "9"]).len(), 2);
    bus.interrupt();
}

#[test]
fn provider_that_has_to_receive_is_refused_with_what_to_do() {
    let cloud = Cloud::with_queue();
    for url in [SQS, "sqs://us-east-1/orders?peek=receive"] {
        let ran = cloud.run(&["tail", url], "").ended(2);
        assert!(ran.stderr.contains("stats --watch"), "{}", ran.stderr);
    }
    cloud.close();
}
