//! `dlq` on queues in files, as a shell starts it.

use std::{collections::BTreeSet, fs, os::unix::fs::MetadataExt};

use serde_json::{Value, json};

use crate::{
    desk::{DEAD, Desk, QUEUE, parsed, write_editor},
    program::end,
    stop::interrupt,
};

/// Has three dead letters for one reason, and two for another.
fn desk() -> Desk {
    let desk = Desk::new();
    desk.kill(&[json!(1), json!(2), json!(3)], "timeout");
    desk.kill(&[json!({"id": 4}), json!({"id": 5})], "no stock");
    desk
}

fn bodies(lines: &[Value]) -> Vec<Value> {
    lines.iter().map(|line| line["body"].clone()).collect()
}

fn ids(lines: &[Value]) -> Vec<String> {
    let ids = lines.iter().map(|line| line["delivery"]["id"].as_str());
    ids.map(|id| id.unwrap().to_owned()).collect()
}

/// Returns the digits of the group with this reason.
fn group(desk: &Desk, reason: &str) -> String {
    let groups = desk.lines(&["dlq", "list", QUEUE]);
    let group = groups.iter().find(|group| group["reason"] == reason);
    group.unwrap()["group"].as_str().unwrap().to_owned()
}

#[test]
fn dead_letters_are_grouped_by_what_failed() {
    let desk = desk();
    for url in [QUEUE, DEAD] {
        let groups = desk.lines(&["dlq", "list", url]);
        let told: Vec<_> = groups
            .iter()
            .map(|it| (&it["reason"], &it["count"]))
            .collect();
        let expected = [
            (&json!("timeout"), &json!(3)),
            (&json!("no stock"), &json!(2)),
        ];
        assert_eq!(told, expected);
        assert!(groups[0]["first"].as_str() < groups[0]["last"].as_str());
        assert!(groups[0]["last"].as_str() < groups[1]["first"].as_str());
    }
    let table = desk.run(&["dlq", "list", QUEUE, "--output", "table"], "", 0);
    assert!(table.stdout.starts_with("GROUP"), "{}", table.stdout);
    let chosen = desk.lines(&["dlq", "list", QUEUE, "--reason", "no stock"]);
    assert_eq!(chosen.len(), 1);
    let cut = desk.run(&["dlq", "list", QUEUE, "--scan", "4"], "", 0);
    assert!(cut.stderr.contains("--scan"), "{}", cut.stderr);
    assert_eq!(desk.dead(), 5, "nothing was taken");
}

#[test]
fn dead_letters_are_shown_by_group_id_and_pattern() {
    let desk = desk();
    let group = group(&desk, "no stock");
    let shown = desk.lines(&["dlq", "show", QUEUE, "--group", &group, "--decode"]);
    assert_eq!(bodies(&shown), [json!({"id": 4}), json!({"id": 5})]);
    assert_eq!(shown[0]["decoded"], json!({"id": 4}));
    let id = ids(&shown).remove(1);
    let one = desk.lines(&["dlq", "show", QUEUE, "--id", &id]);
    assert_eq!(bodies(&one), [json!({"id": 5})]);
    let found = desk.lines(&["dlq", "grep", QUEUE, r#""id":\s*[5-9]"#]);
    assert_eq!(ids(&found), [id]);
    assert_eq!(desk.lines(&["dlq", "grep", QUEUE, "^time"]).len(), 3);
    let both = desk.lines(&["dlq", "grep", QUEUE, "^time", "--match", "^2$"]);
    assert_eq!(bodies(&both), [json!(2)]);
    assert_eq!(desk.lines(&["dlq", "grep", QUEUE, "^acme$"]).len(), 5);
    desk.run(&["dlq", "grep", QUEUE, "("], "", 2);
    desk.run(&["dlq", "show", QUEUE, "--group", "xyz"], "", 2);
}

#[test]
fn redriven_dead_letters_keep_id_headers_and_order() {
    let desk = desk();
    let before = desk.lines(&["dlq", "show", QUEUE]);
    let ran = desk.run(&["dlq", "redrive", QUEUE, "--output", "json"], "", 0);
    assert_eq!(parsed(&ran.stdout)[0]["done"], 5);
    assert_eq!(desk.dead(), 0);
    let after = desk.drain(QUEUE);
    assert_eq!(ids(&after), ids(&before));
    assert_eq!(bodies(&after), bodies(&before));
    for line in &after {
        assert_eq!(line["headers"], json!({"tenant": "acme"}));
        assert_eq!(
            (&line["key"], &line["delivery"]["attempt"]),
            (&json!("k"), &json!(1))
        );
    }
}

#[test]
fn dead_letter_of_a_message_with_a_dedup_id_arrives_again() {
    let desk = Desk::new();
    desk.run(&["send", QUEUE, "--dedup-id", "once"], "1\n", 0);
    desk.lines(&["receive", QUEUE, "--dead-letter", "timeout"]);
    desk.run(&["dlq", "redrive", QUEUE], "", 0);
    assert_eq!(bodies(&desk.drain(QUEUE)), [json!(1)]);
}

#[test]
fn chosen_dead_letters_go_and_the_others_stay() {
    let desk = desk();
    let group = group(&desk, "no stock");
    let dry = [
        "dlq",
        "redrive",
        QUEUE,
        "--group",
        &group,
        "--dry-run",
        "--output",
        "json",
    ];
    assert_eq!(
        parsed(&desk.run(&dry, "", 0).stdout)[0],
        json!({"would_send": 2})
    );
    assert_eq!((desk.dead(), desk.audit().len()), (5, 0));

    let other = "local:./q/repaired";
    desk.run(
        &[
            "dlq",
            "redrive",
            QUEUE,
            "--group",
            &group[..6],
            "--to",
            other,
        ],
        "",
        0,
    );
    assert_eq!(
        bodies(&desk.drain(other)),
        [json!({"id": 4}), json!({"id": 5})]
    );
    let max = ["dlq", "redrive", QUEUE, "--reason", "timeout", "--max", "1"];
    desk.run(&max, "", 0);
    assert_eq!(bodies(&desk.drain(QUEUE)), [json!(1)]);
    let left = desk.lines(&["dlq", "show", QUEUE]);
    assert_eq!(bodies(&left), [json!(2), json!(3)]);
}

#[test]
fn every_change_is_in_the_audit_log_before_it_is_made() {
    let desk = desk();
    desk.run(&["dlq", "redrive", QUEUE, "--reason", "no stock"], "", 0);
    let audit = desk.audit();
    let lines = audit.iter().filter(|line| line["result"] == "done");
    let done: BTreeSet<_> = lines.map(|line| line["id"].as_str()).collect();
    let begun = audit.iter().filter(|line| line["result"] == "begun");
    assert_eq!(
        begun
            .map(|line| line["id"].as_str())
            .collect::<BTreeSet<_>>(),
        done
    );
    assert_eq!((done.len(), audit.len()), (2, 4));
    let first = &audit[0];
    assert_eq!(
        (&first["user"], &first["verb"]),
        (&json!("nightowl"), &json!("dlq redrive"))
    );
    assert_eq!(
        (&first["queue"], &first["to"]),
        (&json!(QUEUE), &json!("local:orders"))
    );
    assert_eq!(first["group"].as_str().unwrap().len(), 8);
    assert!(!format!("{audit:?}").contains("acme"));
    let file = desk.path(".local/state/relayhouse/audit.jsonl");
    assert_eq!(fs::metadata(file).unwrap().mode() & 0o777, 0o600);
}

#[test]
fn nothing_is_changed_without_an_audit_log() {
    let desk = desk();
    let file = desk.path("orders-export");
    fs::write(&file, "{\"body\":1}\n").unwrap();
    for args in [
        &["dlq", "redrive", QUEUE][..],
        &["dlq", "purge", QUEUE, "--yes"],
        &["dlq", "edit", QUEUE, "x"],
        &["dlq", "import", QUEUE, "--file", "orders-export"],
    ] {
        // A directory cannot be written to.
        let ran = desk.run(&[args, &["--audit", "q"]].concat(), "", 73);
        assert!(ran.stderr.contains("nothing is changed"), "{}", ran.stderr);
    }
    assert_eq!(desk.dead(), 5);
    assert_eq!(desk.drain(QUEUE), <[Value; 0]>::default());
}

/// A device of Linux that is full.
#[cfg(target_os = "linux")]
#[test]
fn nothing_is_changed_where_the_audit_log_has_no_room() {
    let desk = desk();
    let full = ["--audit", "/dev/full"];
    let redrive = [&["dlq", "redrive", QUEUE, "--output", "json"][..], &full].concat();
    let told = parsed(&desk.run(&redrive, "", 74).stdout).remove(0);
    assert_eq!(
        (&told["done"], &told["unconfirmed"]),
        (&json!(0), &json!(0))
    );
    assert!(told["behind"].as_u64() > Some(0), "{told}");
    desk.run(
        &[&["dlq", "purge", QUEUE, "--yes"][..], &full].concat(),
        "",
        74,
    );
    desk.run(&[&["delete", QUEUE, "--yes"][..], &full].concat(), "", 74);
    assert_eq!(desk.dead(), 5);
    assert_eq!(desk.drain(QUEUE), <[Value; 0]>::default());
}

#[test]
fn canary_that_comes_back_keeps_the_others() {
    let desk = desk();
    let fails = ["work", QUEUE, "--exec", "exit 65"];
    let work = desk.command(&fails).spawn().unwrap();
    let args = ["dlq", "redrive", QUEUE, "--canary", "2", "--output", "json"];
    let ran = desk.run(&args, "", 1);
    let told = &parsed(&ran.stdout)[0];
    assert_eq!(told["canaries"], json!({"sent": 2, "failed": 2, "open": 0}));
    assert_eq!(told["done"], 2);
    assert!(ran.stderr.contains("2 came back"), "{}", ran.stderr);
    interrupt(&work);
    end(work).ended(130);
    assert_eq!(desk.dead(), 5);
}

#[test]
fn canary_that_is_done_lets_the_others_go() {
    let desk = desk();
    let work = desk
        .command(&["work", QUEUE, "--exec", "true"])
        .spawn()
        .unwrap();
    let args = ["dlq", "redrive", QUEUE, "--canary", "1", "--output", "json"];
    let told = parsed(&desk.run(&args, "", 0).stdout).remove(0);
    assert_eq!(told["canaries"], json!({"sent": 1, "failed": 0, "open": 0}));
    assert_eq!(told["done"], 5);
    interrupt(&work);
    end(work).ended(130);
    assert_eq!(desk.dead(), 0);
}

#[test]
fn canary_that_nobody_handles_keeps_the_others() {
    let desk = desk();
    let args = [
        "dlq",
        "redrive",
        QUEUE,
        "--canary",
        "1",
        "--canary-wait",
        "0s",
        "--output",
        "json",
    ];
    let told = parsed(&desk.run(&args, "", 1).stdout).remove(0);
    assert_eq!(told["canaries"], json!({"sent": 1, "failed": 0, "open": 1}));
    assert_eq!(desk.dead(), 4);
}

#[test]
fn redrive_that_is_killed_loses_nothing() {
    let desk = Desk::new();
    let sent: Vec<_> = (0..40).map(|number| json!(number)).collect();
    desk.kill(&sent, "timeout");
    let args = ["dlq", "redrive", QUEUE, "--rate", "40/s"];
    let mut child = desk.command(&args).spawn().unwrap();
    while desk.audit().len() < 10 {
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let some = desk.drain(QUEUE);
    assert!((4..40).contains(&some.len()), "{}", some.len());
    // What it had leased is there as well, and comes when the lease ends.
    let left = desk.lines(&["dlq", "show", QUEUE, "--max", "100"]);
    let all = [some, left].concat();
    let all: BTreeSet<_> = all
        .iter()
        .map(|line| line["body"].as_u64().unwrap())
        .collect();
    assert!(all.into_iter().eq(0..40));
}

#[test]
fn export_can_be_imported_with_its_ids() {
    let desk = desk();
    let before = desk.lines(&["dlq", "show", QUEUE]);
    desk.run(&["dlq", "export", QUEUE, "--file", "dead.ndjson"], "", 0);
    assert_eq!(desk.dead(), 5, "an export takes nothing");
    let export = fs::read_to_string(desk.path("dead.ndjson")).unwrap();
    assert_eq!(parsed(&export), before);
    desk.run(&["dlq", "purge", QUEUE, "--yes"], "", 0);
    let import = [
        "dlq",
        "import",
        DEAD,
        "--file",
        "dead.ndjson",
        "--output",
        "json",
    ];
    assert_eq!(parsed(&desk.run(&import, "", 0).stdout)[0]["done"], 5);
    let after = desk.drain(QUEUE);
    assert_eq!(
        (ids(&after), bodies(&after)),
        (ids(&before), bodies(&before))
    );
    let bad = desk.run(&["dlq", "import", QUEUE], "{\"body\":1}\nnothing\n", 65);
    assert!(bad.stderr.contains("line 2: "), "{}", bad.stderr);
    assert_eq!(bodies(&desk.drain(QUEUE)), [json!(1)]);
}

#[test]
fn purge_asks_and_removes_what_is_chosen() {
    let desk = desk();
    let ran = desk.run(&["dlq", "purge", QUEUE], "yes\n", 2);
    assert!(ran.stderr.contains("--yes"), "{}", ran.stderr);
    let some = [
        "dlq", "purge", QUEUE, "--reason", "timeout", "--yes", "--output", "json",
    ];
    assert_eq!(parsed(&desk.run(&some, "", 0).stdout)[0]["removed"], 3);
    assert_eq!((desk.dead(), desk.audit().len()), (2, 6));
    let all = ["dlq", "purge", DEAD, "--yes", "--output", "json"];
    assert_eq!(parsed(&desk.run(&all, "", 0).stdout)[0]["removed"], 2);
    assert_eq!(desk.dead(), 0);
    let audit = desk.audit();
    assert_eq!(audit[7]["count"], 2);
}

fn editor(desk: &Desk, body: &str) {
    write_editor(&desk.path("editor"), body);
}

#[test]
fn edited_dead_letter_goes_back_and_the_original_is_kept() {
    let desk = desk();
    let shown = desk.lines(&["dlq", "show", QUEUE]);
    let id = ids(&shown).remove(3);
    editor(&desk, r#"{"id":40}"#);
    let mut command = desk.command(&["dlq", "edit", QUEUE, &id]);
    let edit = command.env("EDITOR", "./editor -w").env_remove("VISUAL");
    let ran = end(edit.spawn().unwrap()).ended(0);
    let told = &parsed(&ran.stdout)[0];
    assert_eq!(told["id"], *id);
    let kept = fs::read_to_string(told["kept"].as_str().unwrap()).unwrap();
    assert_eq!(parsed(&kept)[0]["body"], json!({"id": 4}));
    let back = desk.drain(QUEUE);
    assert_eq!(
        (ids(&back), bodies(&back)),
        (vec![id], vec![json!({"id": 40})])
    );
    assert_eq!(back[0]["headers"], json!({"tenant": "acme"}));
    assert_eq!(desk.dead(), 4);
    assert_eq!(desk.audit().len(), 2);
}

#[test]
fn edit_that_does_not_decode_or_changes_nothing_is_not_sent() {
    let desk = desk();
    let id = ids(&desk.lines(&["dlq", "show", QUEUE])).remove(3);
    let run = |code| {
        let mut command = desk.command(&["dlq", "edit", QUEUE, &id]);
        let edit = command
            .env("VISUAL", "./editor -w")
            .env("TMPDIR", desk.path(""));
        end(edit.spawn().unwrap()).ended(code)
    };
    editor(&desk, r#"{"id":"#);
    let ran = run(65);
    let (_, file) = ran.stderr.trim().rsplit_once("the edit is in ").unwrap();
    assert_eq!(fs::read_to_string(file).unwrap(), "{\"id\":\n");
    editor(&desk, r#"{"id":4}"#);
    assert!(run(0).stderr.contains("nothing is changed"));
    assert_eq!((desk.dead(), desk.audit().len()), (5, 0));
    let mut command = desk.command(&["dlq", "edit", QUEUE, &id]);
    let edit = command.env_remove("VISUAL").env_remove("EDITOR");
    end(edit.spawn().unwrap()).ended(2);
    desk.run(&["dlq", "edit", QUEUE, "nobody"], "", 69);
}
