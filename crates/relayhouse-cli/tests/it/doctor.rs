//! `doctor` and `capabilities`: what is said of a queue without receiving.

use serde_json::{Value, json};

use crate::{
    cloud::{Cloud, QUEUE as SQS, json as parsed},
    desk::{DEAD, Desk, QUEUE},
};

fn states(rows: &[Value]) -> Vec<&str> {
    rows.iter()
        .filter_map(|row| row["state"].as_str())
        .collect()
}

fn row<'a>(rows: &'a [Value], text: &str) -> &'a Value {
    let row = rows
        .iter()
        .find(|row| row["what"].as_str().unwrap().contains(text));
    row.unwrap_or_else(|| panic!("{text} in {rows:?}"))
}

#[test]
fn what_fits_is_well_and_what_does_not_comes_with_what_to_change() {
    let desk = Desk::new();
    desk.run(
        &["create", QUEUE, "--attempts", "1", "--lease", "1s"],
        "",
        0,
    );
    desk.kill(&[json!(1)], "timeout");
    let rows = desk.lines(&["doctor", QUEUE]);
    assert_eq!(row(&rows, "orders is reached")["state"], "well");
    assert_eq!(row(&rows, "dead letters go to")["state"], "well");
    for text in [
        "after one delivery",
        "the lease is 1s",
        "there are 1 dead letters",
    ] {
        let row = row(&rows, text);
        assert_eq!(
            (&row["state"], row["change"].is_string()),
            (&json!("warning"), true)
        );
    }
    assert!(!states(&rows).contains(&"wrong"), "{rows:?}");
    assert_eq!(desk.dead(), 1);
    let table = desk.run(&["doctor", DEAD, "--output", "table"], "", 0);
    assert!(
        table
            .stdout
            .starts_with("well     orders/$deadletterqueue is reached")
    );
}

#[test]
fn lease_that_is_shorter_than_a_handler_is_named() {
    let desk = Desk::new();
    desk.run(&["create", QUEUE, "--lease", "20s"], "", 0);
    for (handler, text, state) in [
        ("10s", "the lease is 20s", "well"),
        ("20s", "a handler may take 20s", "warning"),
        ("25s", "a handler may take 25s", "warning"),
    ] {
        let rows = desk.lines(&["doctor", QUEUE, "--handler", handler]);
        assert_eq!(row(&rows, text)["state"], state);
    }
}

#[test]
fn queue_that_is_not_there_is_not_created_by_a_look() {
    let desk = Desk::new();
    for args in [["doctor", QUEUE], ["capabilities", QUEUE]] {
        let ran = desk.run(&args, "", 69);
        assert!(ran.stderr.contains("does not exist"), "{}", ran.stderr);
    }
    assert_eq!(desk.lines(&["list", "local:./q/"]), <[Value; 0]>::default());
}

#[test]
fn queue_of_sqs_without_dead_letters_is_wrong() {
    let cloud = Cloud::with_queue();
    let ran = cloud.run(&["doctor", SQS, "--output", "json"], "").ended(0);
    let rows: Vec<Value> = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(row(&rows, "dead letters go to")["state"], "well");
    assert_eq!(row(&rows, "is reached")["state"], "well");

    cloud.call("CreateQueue", &json!({ "QueueName": "bare" }));
    let ran = cloud
        .run(&["doctor", "sqs://us-east-1/bare", "--output", "json"], "")
        .ended(1);
    let rows: Vec<Value> = serde_json::from_str(&ran.stdout).unwrap();
    let row = row(&rows, "no dead-letter queue");
    assert_eq!(
        (&row["state"], row["change"].is_string()),
        (&json!("wrong"), true)
    );
    cloud
        .run(&["doctor", "sqs://us-east-1/nowhere"], "")
        .ended(69);
    cloud.close();
}

#[test]
fn capabilities_are_those_of_the_queue() {
    let cloud = Cloud::with_queue();
    let of = |url: &str, name: &str| {
        let ran = cloud
            .run(&["capabilities", url, "--output", "json"], "")
            .ended(0);
        parsed(&ran.stdout)[name].take()
    };
    let standard = of(SQS, "orders");
    assert_eq!(
        (&standard["peek"], &standard["key_order"]),
        (&json!("unsupported"), &json!("unsupported"))
    );
    assert_eq!(standard["receive_batch_max"], "10");
    cloud
        .run(&["create", "sqs://us-east-1/orders.fifo"], "")
        .ended(0);
    let fifo = of("sqs://us-east-1/orders.fifo", "orders.fifo");
    assert_eq!(
        (&fifo["key_order"], &fifo["schedule"]),
        (&json!("native"), &json!("unsupported"))
    );
    cloud.close();
}

#[test]
fn adapters_of_this_build_are_compared() {
    let desk = Desk::new();
    let ran = desk.run(&["capabilities", "--output", "json"], "", 0);
    let all = parsed(&ran.stdout);
    assert_eq!(
        (&all["local"]["peek"], &all["sqs"]["peek"]),
        (&json!("native"), &json!("unsupported"))
    );
    assert_eq!(all["memory"]["lease"], "delivery");
    let table = desk.run(&["capabilities"], "", 0).stdout;
    let ack = table.lines().find(|line| line.starts_with("ack ")).unwrap();
    assert!(3 <= ack.matches("native").count(), "{table}");
    assert!(!desk.path("any").exists(), "nothing is created");
}
