//! `dlq` on Amazon SQS, which shows no messages, and on Azure Service Bus.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    cloud::{Cloud, QUEUE},
    desk::{parsed, write_editor},
    emulator_data::{Bus, QUEUE as BUS},
    program::Ran,
};

/// Runs a command line with its input to its end.
type Run<'a> = &'a dyn Fn(&[&str], &str) -> Ran;

const LINES: &str = r#"{"body":1,"headers":{"tenant":"acme"}}
{"body":2}
{"body":3}
"#;

fn bodies(lines: &[Value]) -> Vec<u64> {
    let mut bodies: Vec<_> = lines
        .iter()
        .map(|it| it["body"].as_u64().unwrap())
        .collect();
    bodies.sort_unstable();
    bodies
}

fn ids(lines: &[Value]) -> Vec<String> {
    let ids = lines
        .iter()
        .map(|it| it["delivery"]["id"].as_str().unwrap());
    let mut ids: Vec<_> = ids.map(str::to_owned).collect();
    ids.sort_unstable();
    ids
}

fn ndjson(run: Run<'_>, args: &[&str]) -> Vec<Value> {
    let args = [args, &["--output", "ndjson"]].concat();
    parsed(&run(&args, "").ended(0).stdout)
}

/// Dead-letters up to `max` messages for `reason`, and returns how many.
fn take(run: Run<'_>, queue: &str, max: &str, reason: &str) -> usize {
    let args = ["receive", queue, "--max", max, "--dead-letter", reason];
    ndjson(run, &args).len()
}

/// Looks at two dead letters of one group, and one of another, and returns the larger group.
fn looks(run: Run<'_>, queue: &str, look: &str) -> String {
    run(&["send", queue, "--envelope"], LINES).ended(0);
    assert_eq!(take(run, queue, "2", "timeout"), 2);
    assert_eq!(take(run, queue, "1", "no stock"), 1);

    let ran = run(&["dlq", "list", queue], "").ended(0);
    assert_eq!(
        ran.stderr.contains("received and given back"),
        look == "received"
    );
    let groups = parsed(&ran.stdout);
    let told: Vec<_> = groups
        .iter()
        .map(|it| (&it["reason"], &it["count"]))
        .collect();
    let expected = [
        (&json!("timeout"), &json!(2)),
        (&json!("no stock"), &json!(1)),
    ];
    assert_eq!(told, expected);

    groups[0]["group"].as_str().unwrap().to_owned()
}

/// Goes through all verbs that change something.
fn changes(run: Run<'_>, queue: &str, look: &str, group: &str) {
    let shown = ndjson(run, &["dlq", "show", queue]);
    assert_eq!(bodies(&shown), [1, 2, 3]);
    let redrive = [
        "dlq", "redrive", queue, "--group", group, "--output", "json",
    ];
    let told = parsed(&run(&redrive, "").ended(0).stdout);
    assert_eq!(
        (&told[0]["done"], &told[0]["refused"]),
        (&json!(2), &json!(0))
    );
    let back = ndjson(run, &["receive", queue, "--max", "9", "--ack"]);
    let timeouts: Vec<_> = shown
        .iter()
        .filter(|it| it["dead_letter"]["reason"] == "timeout")
        .cloned()
        .collect();
    assert_eq!(ids(&back), ids(&timeouts));
    assert_eq!(back.len(), 2);
    for line in &back {
        let is_first = line["body"] == 1;
        assert_eq!(line.get("headers").is_some(), is_first, "{line}");
    }

    let canary = [
        "dlq",
        "redrive",
        queue,
        "--canary",
        "1",
        "--canary-wait",
        "0s",
    ];
    let ran = run(&canary, "");
    // Where the queue shows no messages, one that does not come back is taken to be done.
    ran.ended(if look == "received" { 0 } else { 1 });
    take(run, queue, "1", "timeout");
    let purge = ["dlq", "purge", queue, "--yes", "--output", "json"];
    let told = parsed(&run(&purge, "").ended(0).stdout);
    assert_eq!(told[0]["removed"], 1);
    assert_eq!(
        ndjson(run, &["dlq", "list", queue]),
        <[Value; 0]>::default()
    );
}

/// Edits one dead letter, and takes the others away and back by a file.
fn edits(run: Run<'_>, queue: &str, file: &Path) {
    run(&["send", queue, "--envelope"], LINES).ended(0);
    assert_eq!(take(run, queue, "3", "timeout"), 3);
    let mut shown = ndjson(run, &["dlq", "show", queue]);
    let second = shown.iter().position(|it| it["body"] == 2).unwrap();
    let second = ids(&[shown.remove(second)]);

    let edit = ["dlq", "edit", queue, &second[0]];
    let told = parsed(&run(&edit, "").ended(0).stdout);
    assert_eq!(told[0]["id"], *second[0]);
    let back = ndjson(run, &["receive", queue, "--max", "9", "--ack"]);
    assert_eq!((ids(&back), bodies(&back)), (second, vec![20]));

    let file = file.to_str().unwrap();
    run(&["dlq", "export", queue, "--file", file], "").ended(0);
    // One by one: SQS purges a queue once a minute.
    let purge = [
        "dlq", "purge", queue, "--reason", "timeout", "--yes", "--output", "json",
    ];
    let told = parsed(&run(&purge, "").ended(0).stdout);
    assert_eq!(told[0]["removed"], 2);
    let import = ["dlq", "import", queue, "--file", file, "--output", "json"];
    let told = parsed(&run(&import, "").ended(0).stdout);
    assert_eq!(told[0]["done"], 2);
    let back = ndjson(run, &["receive", queue, "--max", "9", "--ack"]);
    assert_eq!((ids(&back), bodies(&back)), (ids(&shown), vec![1, 3]));
}

#[test]
fn all_verbs_work_on_sqs() {
    let mut cloud = Cloud::with_queue();
    let editor = cloud.place.path("editor");
    write_editor(&editor, "20");
    cloud
        .place
        .set("VISUAL", &format!("{} -w", editor.display()));
    let run = |args: &[&str], input: &str| cloud.run(args, input);
    let group = looks(&run, QUEUE, "received");
    changes(&run, QUEUE, "received", &group);
    edits(&run, QUEUE, &cloud.place.path("dead.ndjson"));
    cloud.close();
}

#[test]
fn dead_letters_behind_a_held_one_of_their_key_are_said_to_be_out_of_reach() {
    let url = "sqs://us-east-1/orders.fifo";
    let cloud = Cloud::new();
    cloud.run(&["create", url], "").ended(0);
    let line = |number: u32| format!("{{\"body\":{number},\"key\":\"k\"}}\n");
    let input: String = (0..12).map(line).collect();
    cloud.run(&["send", url, "--envelope"], &input).ended(0);
    let run = |args: &[&str], input: &str| cloud.run(args, input);
    // One after the other, so that they are dead in their order.
    for _ in 0..12 {
        assert_eq!(take(&run, url, "1", "timeout"), 1);
    }
    let ran = cloud.run(&["dlq", "list", url], "").ended(0);
    assert!(ran.stderr.contains("out of reach"), "{}", ran.stderr);
    assert_eq!(parsed(&ran.stdout)[0]["count"], 10);
    // A redrive of all gets to them: what is acked holds nothing back.
    let ran = cloud
        .run(&["dlq", "redrive", url, "--output", "json"], "")
        .ended(0);
    assert_eq!(parsed(&ran.stdout)[0]["done"], 12);
    assert!(!ran.stderr.contains("out of reach"), "{}", ran.stderr);
    let back = ndjson(&run, &["receive", url, "--max", "12", "--ack"]);
    let order: Vec<_> = back.iter().filter_map(|it| it["body"].as_u64()).collect();
    assert!(order.into_iter().eq(0..12));
    cloud.close();
}

#[test]
fn all_verbs_work_on_service_bus() {
    let directory = TempDir::new().unwrap();
    let bus = Bus::first(&directory);
    let home = directory.path().join("home");
    let audit = home.join("audit.jsonl");
    let editor = directory.path().join("editor");
    write_editor(&editor, "20");
    let edit = PathBuf::from(format!("{} -w", editor.display()));
    let variables = [("RELAYHOUSE_AUDIT", &*audit), ("VISUAL", &*edit)];
    let run = |args: &[&str], input: &str| bus.run_with(&variables, args, input);
    let group = looks(&run, BUS, "shown");
    changes(&run, BUS, "shown", &group);
    edits(&run, BUS, &directory.path().join("dead.ndjson"));
    bus.interrupt();
}
