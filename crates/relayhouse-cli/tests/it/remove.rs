//! `purge` and `delete`, and what shells and manuals are made of.

use std::fs;

use serde_json::{Value, json};

use crate::desk::{DEAD, Desk, QUEUE, parsed};

#[test]
fn purge_removes_messages_and_leaves_dead_letters() {
    let desk = Desk::new();
    desk.kill(&[json!(1)], "timeout");
    desk.run(&["send", QUEUE], "2\n3\n", 0);
    let ran = desk.run(&["purge", QUEUE], "", 2);
    assert!(ran.stderr.contains("say --yes"), "{}", ran.stderr);
    let told = desk.run(&["purge", QUEUE, "--yes", "--output", "json"], "", 0);
    assert_eq!(parsed(&told.stdout), [json!({"removed": 2})]);
    assert_eq!((desk.drain(QUEUE).len(), desk.dead()), (0, 1));
    let audit = desk.audit();
    let told: Vec<_> = audit
        .iter()
        .map(|line| (&line["result"], &line["count"]))
        .collect();
    assert_eq!(
        told,
        [(&json!("begun"), &Value::Null), (&json!("done"), &json!(2))]
    );
    assert_eq!(audit[0]["verb"], "purge");
}

#[test]
fn deleted_queue_is_gone_with_its_dead_letters() {
    let desk = Desk::new();
    desk.kill(&[json!(1)], "timeout");
    desk.run(&["delete", QUEUE], "", 2);
    desk.run(&["delete", DEAD, "--yes"], "", 2);
    assert_eq!(desk.audit().len(), 0);
    desk.run(&["delete", QUEUE, "--yes", "--audit", "q"], "", 73);
    assert_eq!(desk.dead(), 1);
    desk.run(&["delete", QUEUE, "--yes"], "", 0);
    assert_eq!(desk.lines(&["list", "local:./q/"]), <[Value; 0]>::default());
    assert_eq!(desk.audit().len(), 2);
}

#[test]
fn message_that_is_held_back_is_cancelled_by_its_number() {
    let desk = Desk::new();
    desk.run(&["send", QUEUE, "--delay", "1h"], "1\n2\n", 0);
    let shown = desk.lines(&["peek", QUEUE]);
    let number = shown[0]["delivery"]["sequence"].to_string();
    desk.run(&["cancel", QUEUE, &number], "", 0);
    let left = desk.lines(&["peek", QUEUE]);
    assert_eq!((left.len(), &left[0]["body"]), (1, &json!(2)));
    desk.run(&["cancel", QUEUE, &number], "", 69);
    let audit = desk.audit();
    let told: Vec<_> = audit
        .iter()
        .filter_map(|line| line["result"].as_str())
        .collect();
    assert_eq!(told, ["begun", "done", "begun", "failed: MessageNotFound"]);
    assert_eq!(audit[0]["sequence"].to_string(), number);
}

#[test]
fn completions_and_manual_pages_name_every_command() {
    let desk = Desk::new();
    let commands = ["send", "receive", "dlq", "doctor", "purge", "man"];
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let text = desk.run(&["completions", shell], "", 0).stdout;
        for command in commands {
            assert!(text.contains(command), "{shell}: {command}");
        }
    }
    desk.run(&["completions", "dos"], "", 2);
    let page = desk.run(&["man"], "", 0).stdout;
    assert!(page.contains(".TH relayhouse 1"), "{page}");
    desk.run(&["man", "--dir", "pages"], "", 0);
    let redrive = fs::read_to_string(desk.path("pages/relayhouse-dlq-redrive.1")).unwrap();
    assert!(redrive.contains("canary"), "{redrive}");
    desk.run(&["man", "--dir", "pages/relayhouse.1"], "", 73);
}

#[test]
fn options_that_commands_have_in_common_are_the_same_everywhere() {
    let desk = Desk::new();
    desk.run(&["man", "--dir", "pages"], "", 0);
    let mut has_output = 0;
    for page in fs::read_dir(desk.path("pages")).unwrap() {
        let path = page.unwrap().path();
        let page = fs::read_to_string(&path).unwrap().replace('\\', "");
        for option in ["--verbose", "--quiet", "--config", "--profile"] {
            assert!(page.contains(option), "{option} in {}", path.display());
        }
        if !page.contains("--output") {
            continue;
        }
        has_output += 1;
        for format in [
            "table: Columns for a person",
            "json: One JSON value",
            "ndjson: A JSON object on each line",
        ] {
            assert!(page.contains(format), "{format} in {}", path.display());
        }
    }
    assert!(20 <= has_output, "{has_output}");
}
