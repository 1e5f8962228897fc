//! Every command on Amazon SQS, as a shell starts it.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sqs_emulator::Operation;

use crate::cloud::{Cloud, DEAD, QUEUE, json as parsed};

fn bodies(received: &[Value]) -> Vec<&Value> {
    received.iter().map(|line| &line["body"]).collect()
}

fn lines(count: u32) -> String {
    (0..count).map(|number| format!("{number}\n")).collect()
}

#[test]
fn lines_leave_in_full_batches_and_come_back_whole() {
    let cloud = Cloud::with_queue();
    let args = ["send", QUEUE, "--header", "tenant=acme", "--output", "json"];
    let ran = cloud.run(&args, &lines(201)).ended(0);
    assert_eq!(parsed(&ran.stdout)["sent"], 201);
    assert_eq!(cloud.count(Operation::SendMessage).calls, 0);
    let sends = cloud.count(Operation::SendMessageBatch);
    assert_eq!(sends.messages, 201);
    // The first goes alone, and whatever is read while it does goes in full batches.
    assert!(sends.calls <= 40, "{sends:?}");

    let received = cloud.receive(QUEUE, &["--max", "300", "--ack"]);
    let mut numbers: Vec<_> = received
        .iter()
        .filter_map(|it| it["body"].as_u64())
        .collect();
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(0..201));
    let first = &received[0];
    assert_eq!(first["headers"], json!({ "tenant": "acme" }));
    assert_eq!(first["delivery"]["attempt"], 1);
    assert_eq!(cloud.stats(QUEUE)["ready"], 0);
    cloud.close();
}

#[test]
fn bodies_of_any_bytes_and_what_belongs_to_a_message_survive() {
    let cloud = Cloud::with_queue();
    let line = r#"{"text":"a\u0000b","key":"k","priority":7,"headers":{"empty":"","a.b":"c"}}"#;
    cloud.run(&["send", QUEUE, "--envelope"], line).ended(0);
    let received = cloud.receive(QUEUE, &[]);
    assert_eq!(received[0]["text"], "a\0b");
    assert_eq!(received[0]["key"], "k");
    assert_eq!(received[0]["headers"], json!({ "empty": "", "a.b": "c" }));
    let raw = ["receive", QUEUE, "--wait", "0s", "--raw", "--ack"];
    assert_eq!(cloud.run(&raw, "").ended(0).stdout, "a\0b\n");
    cloud.close();
}

#[test]
fn messages_are_given_back_left_or_dead_lettered() {
    let cloud = Cloud::with_queue();
    cloud.run(&["send", QUEUE], "1\n").ended(0);
    for attempt in [1, 2] {
        let received = cloud.receive(QUEUE, &[]);
        assert_eq!(received[0]["delivery"]["attempt"], attempt);
    }
    let letter = cloud.receive(QUEUE, &["--dead-letter", "not wanted"]);
    assert_eq!(letter[0]["delivery"]["attempt"], 3);
    assert_eq!(cloud.stats(QUEUE)["dead"], 1);
    let dead = cloud.receive(DEAD, &["--ack"]);
    assert_eq!(dead[0]["dead_letter"]["reason"], "not wanted");
    assert_eq!(dead[0]["dead_letter"]["attempts"], 3);

    cloud.run(&["send", QUEUE], "2\n").ended(0);
    assert_eq!(bodies(&cloud.receive(QUEUE, &["--leave"])), [2]);
    assert_eq!(cloud.stats(QUEUE)["leased"], 1);
    let none = ["receive", QUEUE, "--wait", "0s"];
    let none = cloud.run(&none, "").ended(0);
    assert_eq!(none.stdout, "");
    none.said_only("no message came within 0s");
    cloud.close();
}

#[test]
fn work_tries_again_and_dead_letters_what_fails() {
    let cloud = Cloud::with_queue();
    cloud.run(&["send", QUEUE], "0\n65\n3\n").ended(0);
    // 3 always fails, 65 is wrong for good.
    let command = "read code; exit $code";
    let args = [
        "work",
        QUEUE,
        "--exec",
        command,
        "--until-empty",
        "--retries",
        "2",
        "--retry-delay",
        "0s",
        "--output",
        "json",
    ];
    let ran = cloud.run(&args, "").ended(1);
    let expected = json!({
        "done": 1, "released": 2, "dead_lettered": 2, "lease_lost": 0, "unknown": 0,
        "not_settled": 0,
    });
    assert_eq!(parsed(&ran.stdout), expected);
    let way = "see what is dead with: relayhouse receive 'sqs://us-east-1/orders/$deadletterqueue'";
    assert!(ran.stderr.contains(way), "{}", ran.stderr);
    let dead = cloud.receive(DEAD, &["--max", "9", "--ack"]);
    let reasons: BTreeMap<_, _> = dead
        .iter()
        .map(|it| (it["body"].as_u64(), &it["dead_letter"]))
        .map(|(body, letter)| (body, (&letter["reason"], &letter["attempts"])))
        .collect();
    assert_eq!(
        reasons.into_values().collect::<Vec<_>>(),
        [
            (&json!("attempts-exhausted"), &json!(3)),
            (&json!("rejected"), &json!(1))
        ]
    );
    cloud.close();
}

#[test]
fn keys_of_a_fifo_queue_keep_their_order() {
    let url = "sqs://us-east-1/orders.fifo";
    let cloud = Cloud::new();
    cloud.run(&["create", url], "").ended(0);
    let line = |number: u32| format!("{{\"body\":{number},\"key\":\"k{}\"}}\n", number % 3);
    let input: String = (0..30).map(line).collect();
    for _ in 0..2 {
        // Sent again, they are known by their dedup ids.
        let args = ["send", url, "--envelope", "--dedup-id", "run-1"];
        cloud.run(&args, &input).ended(0);
    }
    // Every tenth fails at first: what comes after it in its key has to wait.
    let command = "read n; test $((n % 10)) -ne 3 || test $RELAYHOUSE_ATTEMPT -gt 1 || exit 1; \
                   echo $RELAYHOUSE_KEY $n";
    let args = ["work", url, "--exec", command, "--concurrency", "8"];
    let more = ["--until-empty", "--retry-delay", "0s"];
    let ran = cloud.run(&[&args[..], &more].concat(), "").ended(0);
    let mut by_key = BTreeMap::<_, Vec<u32>>::new();
    for line in ran.stdout.lines() {
        let (key, number) = line.split_once(' ').unwrap();
        by_key.entry(key).or_default().push(number.parse().unwrap());
    }
    for (offset, key) in ["k0", "k1", "k2"].into_iter().enumerate() {
        let expected = (0..10).map(|step| step * 3 + u32::try_from(offset).unwrap());
        assert!(by_key[key].iter().copied().eq(expected), "{by_key:?}");
    }
    cloud.close();
}

#[test]
fn queue_over_several_is_one_for_every_command() {
    let url = "sqs://us-east-1/orders-{0..2}.fifo";
    let cloud = Cloud::new();
    cloud.run(&["create", url], "").ended(0);
    let line = |number: u32| format!("{{\"body\":{number},\"key\":\"k{}\"}}\n", number % 7);
    let input: String = (0..21).map(line).collect();
    cloud.run(&["send", url, "--envelope"], &input).ended(0);
    assert_eq!(cloud.stats(url)["ready"], 21);
    let list = cloud.run(&["list", url], "").ended(0);
    assert!(list.stdout.contains("orders-2.fifo"), "{}", list.stdout);
    let args = ["work", url, "--exec", "cat", "--until-empty"];
    let ran = cloud.run(&args, "").ended(0);
    let mut numbers: Vec<u32> = ran.stdout.lines().map(|it| it.parse().unwrap()).collect();
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(0..21));
    assert_eq!(cloud.stats(url)["ready"], 0);
    cloud.close();
}

#[test]
fn queue_is_created_with_what_sqs_has_and_refused_with_what_it_has_not() {
    let cloud = Cloud::new();
    let create = [
        "create",
        QUEUE,
        "--lease",
        "2min",
        "--attempts",
        "7",
        "--ttl",
        "1day",
    ];
    for _ in 0..2 {
        cloud.run(&create, "").ended(0);
    }
    let attributes = cloud.attributes("orders");
    assert_eq!(attributes["VisibilityTimeout"], "120");
    assert_eq!(attributes["MessageRetentionPeriod"], "86400");
    let policy = parsed(attributes["RedrivePolicy"].as_str().unwrap());
    assert_eq!(policy["maxReceiveCount"], 7);
    let dead = policy["deadLetterTargetArn"].as_str().unwrap();
    assert!(dead.ends_with(":orders-dead"), "{dead}");

    let other = cloud
        .run(&["create", QUEUE, "--lease", "3min"], "")
        .ended(69);
    let way_out = "choose another name, or leave out what differs\n";
    assert!(other.stderr.ends_with(way_out), "{}", other.stderr);
    for (option, text) in [
        (&["--sessions"][..], "there are no sessions"),
        (&["--bytes-max", "1MiB"], "a queue cannot be bounded"),
        (&["--ttl", "15days"], "1 minute to 14 days"),
        (&["--dedup-window", "5min"], "on FIFO queues alone"),
    ] {
        let ran = cloud
            .run(&[&["create", QUEUE], option].concat(), "")
            .ended(2);
        assert!(ran.stderr.contains(text), "{}", ran.stderr);
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    }
    cloud.close();
}

#[test]
fn list_of_many_pages_is_whole() {
    let mut cloud = Cloud::new();
    cloud.place.set("AWS_REGION", "us-east-1");
    for number in 0..1001 {
        let name = format!("orders-{number:04}");
        cloud.call("CreateQueue", &json!({ "QueueName": name }));
    }
    for url in ["sqs://us-east-1/", "sqs:///orders-0007"] {
        let list = cloud.run(&["list", url, "--output", "ndjson"], "").ended(0);
        let list: Vec<_> = list.stdout.lines().map(parsed).collect();
        assert_eq!(list.len(), 1001);
        assert_eq!(list[7], json!({ "kind": "queue", "name": "orders-0007" }));
    }
    assert_eq!(cloud.count(Operation::ListQueues).calls, 4);
    cloud.close();
}

#[test]
fn stats_say_what_is_approximate_and_what_sqs_does_not_tell() {
    let cloud = Cloud::with_queue();
    cloud.run(&["send", QUEUE], "1\n2\n3\n").ended(0);
    cloud
        .run(&["send", QUEUE, "--delay", "10min"], "4\n")
        .ended(0);
    cloud.receive(QUEUE, &["--leave"]);
    let stats = cloud.stats(QUEUE);
    for (name, value) in [
        ("ready", json!(2)),
        ("leased", json!(1)),
        ("delayed", json!(1)),
        ("dead", json!(0)),
        ("bytes", Value::Null),
        ("oldest_age_ms", Value::Null),
        ("approximate", json!(true)),
    ] {
        assert_eq!(stats[name], value, "{name}");
    }
    let table = cloud.run(&["stats", QUEUE], "").ended(0).stdout;
    let rows: Vec<Vec<_>> = table
        .lines()
        .map(|row| row.split_whitespace().collect())
        .collect();
    let expected = [
        ["ready", "~2"],
        ["leased", "~1"],
        ["delayed", "~1"],
        ["dead", "~0"],
        ["bytes", "-"],
        ["oldest", "-"],
    ];
    assert_eq!(rows[..6], expected);
    cloud.close();
}

#[test]
fn pipe_runs_its_lines_through_a_queue() {
    let cloud = Cloud::with_queue();
    let command = "read n; test $n -ne 2 || exit 65; echo done $n";
    let letters = cloud.place.path("letters");
    let letters = letters.to_str().unwrap();
    let args = ["pipe", "--from", "-", "--url", QUEUE, "--exec", command];
    let args = [&args[..], &["--dead-letters", letters]].concat();
    let ran = cloud.run(&args, "1\n2\n3\n").ended(1);
    let mut results: Vec<_> = ran.stdout.lines().collect();
    results.sort_unstable();
    assert_eq!(results, ["done 1", "done 3"]);
    let letter = parsed(&std::fs::read_to_string(letters).unwrap());
    assert_eq!(
        (&letter["line"], &letter["reason"]),
        (&json!(2), &json!("rejected"))
    );
    let stats = cloud.stats(QUEUE);
    assert_eq!((&stats["ready"], &stats["dead"]), (&json!(0), &json!(0)));
    cloud.close();
}
