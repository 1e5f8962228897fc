//! `send`: what is on the queue afterwards, and what is said when not all of it is.

use std::{fs, time::Duration};

use serde_json::{Value, json};

use crate::{
    house::House,
    program::{command, end, run},
};

fn bodies(received: &[Value]) -> Vec<Value> {
    received.iter().map(|line| line["body"].clone()).collect()
}

#[tokio::test]
async fn each_line_is_a_body_as_it_stands() {
    let house = House::new();
    let lines = "{\"b\": 1,  \"a\":2}\n\n  [1e400]\r\n\"ä\"\nnull\n";
    let counts = house.send("memory://orders", lines, &[], 0).await;
    let expected = json!({
        "sent": 4, "deduplicated": 0, "not_taken": 0, "failed": 0, "unknown": 0, "skip": null,
    });
    assert_eq!(counts, expected);
    let args = [
        "receive",
        "memory://orders",
        "--max",
        "9",
        "--wait",
        "0s",
        "--raw",
    ];
    let received = house.run(&args).await.ended(0);
    assert_eq!(
        received.stdout,
        "{\"b\": 1,  \"a\":2}\n[1e400]\n\"ä\"\nnull\n"
    );
}

#[tokio::test]
async fn options_become_details_of_every_message() {
    let house = House::new();
    let options = [
        "--header",
        "tenant=acme",
        "--header",
        "query=a=b",
        "--key",
        "customer-7",
        "--dedup-id",
        "run",
        "--priority",
        "9",
        "--content-type",
        "application/x",
    ];
    house.send("memory://orders", "1\n\n2\n", &options, 0).await;
    let received = house.drain("memory://orders").await;
    assert_eq!(bodies(&received), [json!(1), json!(2)]);
    for (line, id) in received.iter().zip(["run:1", "run:3"]) {
        assert_eq!(line["headers"], json!({ "tenant": "acme", "query": "a=b" }));
        assert_eq!(line["key"], "customer-7");
        assert_eq!(line["dedup_id"], id);
        assert_eq!(line["priority"], 9);
        assert_eq!(line["content_type"], "application/x");
    }
}

#[tokio::test]
async fn delay_holds_messages_back() {
    let house = House::new();
    house
        .send("memory://orders", "1\n", &["--delay", "1h"], 0)
        .await;
    let stats = house.stats("memory://orders").await;
    assert_eq!((&stats["ready"], &stats["delayed"]), (&json!(0), &json!(1)));
}

#[tokio::test]
async fn raw_input_is_one_body_of_any_bytes() {
    let house = House::new();
    let file = house.file("image", b"\xff\x00\n\n{");
    let args = [
        "send",
        "memory://orders",
        "--raw",
        "--file",
        &file,
        "--dedup-id",
        "x",
    ];
    house.run(&args).await.ended(0);
    let received = house.drain("memory://orders").await;
    assert_eq!(received.len(), 1);
    assert_eq!(received[0]["base64"], "/wAKCns=");
    assert_eq!(
        (&received[0]["dedup_id"], received[0].get("body")),
        (&json!("x"), None)
    );

    let empty = house.file("empty", "");
    house
        .run(&["send", "memory://orders", "--raw", "--file", &empty])
        .await
        .ended(0);
    assert_eq!(house.stats("memory://orders").await["ready"], 0);
}

#[tokio::test]
async fn what_receive_prints_can_be_sent_again_and_is_the_same() {
    let house = House::new();
    let lines = concat!(
        "{\"body\":{\"id\": 7},\"key\":\"a\",\"headers\":{\"h\":\"v\",\"b\":{\"base64\":\"/w==\"}}}\n",
        "{\"text\":\"hi\\n\",\"priority\":9,\"dedup_id\":\"d\",\"ttl\":\"1day\"}\n",
        "{\"base64\":\"/wA=\",\"correlation_id\":\"c\",\"reply_to\":\"r\",\"content_type\":\"x/y\"}\n",
    );
    house.send("memory://one", lines, &["--envelope"], 0).await;
    let args = [
        "receive",
        "memory://one",
        "--max",
        "9",
        "--ack",
        "--wait",
        "0s",
    ];
    let printed = house.run(&args).await.ended(0);
    assert_eq!(printed.lines().len(), 3);
    house
        .send("memory://two", &printed.stdout, &["--envelope"], 0)
        .await;
    let without_delivery = |lines: Vec<Value>| -> Vec<Value> {
        let mut lines = lines;
        for line in &mut lines {
            assert_eq!(line["delivery"]["attempt"], 1);
            line.as_object_mut().unwrap().remove("delivery");
        }
        lines
    };
    let again = house.drain("memory://two").await;
    assert_eq!(without_delivery(again), without_delivery(printed.lines()));
    assert_eq!(house.stats("memory://one").await["ready"], 0);
}

#[tokio::test]
async fn line_says_what_options_would_say_otherwise() {
    let house = House::new();
    let lines = "{\"body\":1,\"key\":\"own\",\"headers\":{\"t\":\"own\"}}\n{\"body\":2}\n";
    let options = ["--envelope", "--key", "given", "--header", "t=given"];
    house.send("memory://orders", lines, &options, 0).await;
    let received = house.drain("memory://orders").await;
    let details = |line: &Value| (line["key"].clone(), line["headers"]["t"].clone());
    assert_eq!(details(&received[0]), (json!("own"), json!("own")));
    assert_eq!(details(&received[1]), (json!("given"), json!("given")));
}

#[tokio::test]
async fn same_input_sent_twice_with_a_dedup_id_adds_nothing() {
    let house = House::new();
    let options = ["--dedup-id", "run-7"];
    let first = house
        .send("memory://orders", "1\n2\n3\n", &options, 0)
        .await;
    assert_eq!(
        (&first["sent"], &first["deduplicated"]),
        (&json!(3), &json!(0))
    );
    let second = house
        .send("memory://orders", "1\n2\n3\n4\n", &options, 0)
        .await;
    assert_eq!(
        (&second["sent"], &second["deduplicated"]),
        (&json!(4), &json!(3))
    );
    assert_eq!(house.stats("memory://orders").await["ready"], 4);
}

#[tokio::test]
async fn order_of_the_input_is_the_order_of_the_key() {
    let house = House::new();
    let lines: String = (0..5000).map(|number| format!("{number}\n")).collect();
    house
        .send("memory://orders", &lines, &["--key", "k"], 0)
        .await;
    let received = house.drain("memory://orders").await;
    let expected: Vec<Value> = (0..5000).map(|number| json!(number)).collect();
    assert!(bodies(&received) == expected, "the order has changed");
}

#[tokio::test]
async fn order_of_the_input_is_kept_without_a_key_as_well() {
    let house = House::new();
    let lines: String = (0..5000).map(|number| format!("{number}\n")).collect();
    house.send("memory://orders", &lines, &[], 0).await;
    let received = house.drain("memory://orders").await;
    let expected: Vec<Value> = (0..5000).map(|number| json!(number)).collect();
    assert!(bodies(&received) == expected, "the order has changed");
}

#[tokio::test]
async fn send_that_fails_says_where_to_go_on_and_nothing_is_left_out() {
    let house = House::new();
    let lines = "1\n2\n\n\"down\"\n4\n";
    let counts = house.send("flaky://orders", lines, &[], 69).await;
    assert_eq!(
        (&counts["failed"], &counts["unknown"]),
        (&json!(1), &json!(0))
    );
    assert_eq!(counts["skip"], 3);
    let mended = lines.replace("down", "up");
    let options = ["--skip", "3"];
    let rest = house.send("flaky://orders", &mended, &options, 0).await;
    assert_eq!(rest["sent"], 2);
    let sent = bodies(&house.drain("memory://orders").await);
    for body in [json!(1), json!(2), json!("up"), json!(4)] {
        assert!(sent.contains(&body), "{body} is not in {sent:?}");
    }
}

#[tokio::test]
async fn unknown_outcome_is_told_apart_from_failed() {
    let house = House::new();
    let counts = house.send("flaky://orders", "1\n\"lost\"\n", &[], 69).await;
    let outcomes = ["sent", "failed", "unknown", "skip"].map(|name| counts[name].clone());
    assert_eq!(outcomes, [1, 0, 1, 1].map(|count| json!(count)));
}

#[tokio::test]
async fn what_fails_for_a_while_is_tried_again_unless_it_would_lose_its_place() {
    let house = House::new();
    let counts = house
        .send("flaky://orders", "1\n\"busy\"\n3\n", &[], 0)
        .await;
    assert_eq!(counts["sent"], 3);
    let keyed = ["--key", "k"];
    let counts = house
        .send("flaky://other", "1\n\"busy\"\n", &keyed, 69)
        .await;
    assert_eq!((&counts["failed"], &counts["skip"]), (&json!(1), &json!(1)));
}

#[tokio::test]
async fn message_that_the_queue_refuses_is_passed_over() {
    let house = House::new();
    let lines = "1\n\"123456789\"\n3\n";
    let counts = house
        .send("memory://small?bytes_max=8", lines, &[], 65)
        .await;
    assert_eq!(
        (&counts["sent"], &counts["not_taken"]),
        (&json!(2), &json!(1))
    );
    let strict = house
        .send("memory://small2?bytes_max=8", lines, &["--strict"], 65)
        .await;
    assert_eq!(strict["skip"], 1);
}

#[tokio::test(start_paused = true)]
async fn rate_is_kept() {
    let house = House::new();
    let start = house.clock().now();
    house
        .send("memory://orders", "1\n2\n3\n4\n5\n", &["--rate", "2/s"], 0)
        .await;
    let took = house.clock().now().since(start);
    assert!(Duration::from_secs(2) <= took, "{took:?}");
}

#[tokio::test]
async fn whole_data_set_is_sent() {
    let house = House::new();
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/data/events.ndjson");
    house
        .run(&["send", "memory://events", "--file", data])
        .await
        .ended(0);
    let args = [
        "receive",
        "memory://events",
        "--max",
        "4000",
        "--ack",
        "--raw",
        "--wait",
        "0s",
    ];
    let received = house.run(&args).await.ended(0);
    assert!(
        received.stdout == fs::read_to_string(data).unwrap(),
        "the data set has changed"
    );
}

#[test]
fn bad_lines_are_said_by_line_and_column() {
    let input = "{\"a\":1}\nnot json\n\n[1\n2\n";
    let ran = run(&["send", "memory://orders"], input).ended(65);
    let lines: Vec<_> = ran.stderr.lines().collect();
    assert_eq!(
        lines[0],
        "relayhouse: line 2: not JSON: expected ident at column 2"
    );
    assert_eq!(
        lines[1],
        "relayhouse: line 4: not JSON: EOF while parsing a list at column 2"
    );
    assert!(
        lines[2].starts_with("relayhouse: 2 sent, "),
        "{}",
        ran.stderr
    );
    assert!(lines[2].ends_with("/s, 2 not taken"), "{}", ran.stderr);

    let ran = run(&["send", "memory://orders", "--strict"], input).ended(65);
    assert!(
        ran.stderr
            .ends_with("/s, 1 not taken; go on with --skip 1\n"),
        "{}",
        ran.stderr
    );

    let envelope = "{\"bdy\":1}\n";
    let ran = run(&["send", "memory://orders", "--envelope"], envelope).ended(65);
    let expected =
        "relayhouse: line 1: not an envelope: unknown field `bdy`, expected one of `body`";
    assert!(ran.stderr.starts_with(expected), "{}", ran.stderr);
}

#[test]
fn long_lines_are_said_with_their_limit() {
    let long = "1".repeat(2 << 20);
    let ran = run(&["send", "memory://orders"], format!("1\n{long}\n2\n")).ended(65);
    let limit = "line 2: 2097152 bytes, at most 1048576 are taken (--line-max)";
    assert_eq!(
        ran.stderr.lines().next(),
        Some(&*format!("relayhouse: {limit}"))
    );
    let args = ["send", "memory://orders", "--line-max", "2MiB"];
    run(&args, long.clone()).ended(0);
    let ran = run(&["send", "memory://orders", "--raw"], long).ended(65);
    assert!(
        ran.stderr
            .contains("at most 1048576 are taken (--line-max)"),
        "{}",
        ran.stderr
    );
}

#[test]
fn empty_input_is_no_error() {
    for input in ["", "\n", "\r\n \n"] {
        let ran = run(&["send", "memory://orders"], input).ended(0);
        assert_eq!((&*ran.stdout, &*ran.stderr), ("", ""));
        run(&["send", "memory://orders", "--raw", "--file", "-"], input).ended(0);
    }
}

#[test]
fn full_queue_is_said_with_what_to_do() {
    let args = [
        "send",
        "memory://orders?messages_max=2&full=fail",
        "--key",
        "k",
    ];
    let ran = run(&args, "1\n2\n3\n").ended(69);
    let lines: Vec<_> = ran.stderr.lines().collect();
    assert!(
        lines[0].starts_with("relayhouse: line 3: cannot send to orders: "),
        "{lines:?}"
    );
    assert!(lines[0].ends_with("; work on what is there, or raise the queue's bounds"));
    assert!(lines[1].starts_with("relayhouse: 2 sent, "), "{lines:?}");
    assert!(
        lines[1].ends_with("/s, 1 failed; go on with --skip 2"),
        "{lines:?}"
    );
}

#[test]
fn reader_that_goes_away_ends_it_quietly() {
    let mut child = command(&["send", "memory://orders", "--output", "json"])
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    drop(child.stdin.take());
    let ran = end(child).ended(141);
    assert_eq!(ran.stderr, "");
}
