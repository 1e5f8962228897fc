//! The configuration file, its profiles and the variables: who comes before whom.

use std::fs;

use serde_json::{Value, json};

use crate::{
    desk::{Desk, parsed},
    program::{Ran, end, feed},
};

const USUAL: &str = ".config/relayhouse/config.toml";

const NIGHT: &str = r#"
profile = "night"

[profiles.night]
base = "local:./q/"
output = "ndjson"
verbosity = "quiet"
audit = "night.jsonl"

[profiles.night.queues]
orders = "local:./other/orders?lease=1min"

[profiles.day]
base = "local:./day/?create=false"
output = "json"
"#;

/// Is a desk with a configuration file where it usually is.
fn desk(text: &str) -> Desk {
    let desk = Desk::new();
    fs::create_dir_all(desk.path(".config/relayhouse")).unwrap();
    fs::write(desk.path(USUAL), text).unwrap();
    desk
}

#[track_caller]
fn run(desk: &Desk, variables: &[(&str, &str)], args: &[&str], code: i32) -> Ran {
    let mut command = desk.command(args);
    command
        .env_remove("RELAYHOUSE_CONFIG")
        .env_remove("XDG_CONFIG_HOME")
        .envs(variables.iter().copied());
    let mut child = command.spawn().unwrap();
    feed(&mut child, b"1\n".to_vec());
    end(child).ended(code)
}

#[test]
fn queues_have_names() {
    let desk = desk(NIGHT);
    run(&desk, &[], &["send", "orders"], 0);
    run(&desk, &[], &["send", "bills"], 0);
    assert_eq!(desk.drain("local:./other/orders").len(), 1);
    assert_eq!(desk.drain("local:./q/bills").len(), 1);
    run(&desk, &[], &["send", "local:./orders"], 0);
    assert_eq!(desk.drain("local:./orders").len(), 1);
    run(&desk, &[], &["send", "orders"], 0);
    run(
        &desk,
        &[],
        &["receive", "orders", "--dead-letter", "late"],
        0,
    );
    let letters = run(&desk, &[], &["dlq", "list", "orders/$deadletterqueue"], 0);
    assert_eq!(parsed(&letters.stdout)[0]["reason"], "late");
    run(&desk, &[], &["move", "orders/$deadletterqueue", "bills"], 0);
    assert_eq!(desk.drain("local:./q/bills").len(), 1);
    let ran = run(&desk, &[("RELAYHOUSE_BASE", "orders")], &["send", "x"], 2);
    assert!(ran.stderr.contains("ends with /"), "{}", ran.stderr);
}

#[test]
fn option_comes_before_variable_before_profile() {
    let desk = desk(NIGHT);
    run(&desk, &[], &["send", "orders"], 0);
    let stats = |variables: &[(&str, &str)], args: &[&str]| {
        let args = [&["stats", "orders"], args].concat();
        run(&desk, variables, &args, 0).stdout
    };
    let table = [("RELAYHOUSE_OUTPUT", "table")];
    assert_eq!(parsed(&stats(&[], &[]))[0]["ready"], 1);
    assert!(stats(&table, &[]).starts_with("ready "));
    assert!(stats(&[], &["--output", "table"]).starts_with("ready "));
    assert_eq!(parsed(&stats(&table, &["--output", "json"]))[0]["ready"], 1);
    // What is empty says nothing.
    assert_eq!(
        parsed(&stats(&[("RELAYHOUSE_OUTPUT", "")], &[]))[0]["ready"],
        1
    );
    // Counts of a send are only for whoever asks for them.
    assert_eq!(run(&desk, &[], &["send", "orders"], 0).stdout, "");

    let create = |variables: &[(&str, &str)], args: &[&str]| {
        let args = [&["create", "bills"], args].concat();
        run(&desk, variables, &args, 0).stderr
    };
    assert_eq!(create(&[], &[]), "");
    assert!(create(&[("RELAYHOUSE_VERBOSITY", "normal")], &[]).contains("is there"));
    assert!(create(&[], &["-v"]).contains("is there"));
    let variable = [("RELAYHOUSE_VERBOSITY", "verbose")];
    assert_eq!(create(&variable, &["--quiet"]), "");
}

#[test]
fn changes_are_written_down_where_it_is_set() {
    let desk = desk(NIGHT);
    run(&desk, &[], &["send", "orders"], 0);
    let purge = ["purge", "orders", "--yes"];
    run(&desk, &[], &purge, 0);
    run(&desk, &[("RELAYHOUSE_AUDIT", "variable.jsonl")], &purge, 0);
    let named = [&purge[..], &["--audit", "option.jsonl"]].concat();
    run(&desk, &[("RELAYHOUSE_AUDIT", "not.jsonl")], &named, 0);
    for (file, there) in [
        ("night.jsonl", true),
        ("variable.jsonl", true),
        ("option.jsonl", true),
        ("not.jsonl", false),
    ] {
        assert_eq!(desk.path(file).exists(), there, "{file}");
    }
    assert_eq!(desk.audit().len(), 0);
}

#[test]
fn profile_is_chosen_by_option_variable_or_file() {
    let desk = desk(NIGHT);
    let shown = |variables: &[(&str, &str)], args: &[&str]| {
        let args = [args, &["config", "show", "--output", "json"]].concat();
        let rows = run(&desk, variables, &args, 0).stdout;
        let rows = parsed(&rows)[0].as_array().unwrap().clone();
        let row = rows.iter().find(|row| row["setting"] == "profile").unwrap();
        (
            row["value"].clone(),
            row["from"].as_str().unwrap().to_owned(),
        )
    };
    let (value, from) = shown(&[], &[]);
    assert_eq!(value, "night");
    assert!(from.ends_with(USUAL), "{from}");
    let day = [("RELAYHOUSE_PROFILE", "day")];
    assert_eq!(
        shown(&day, &[]),
        (json!("day"), "the variable RELAYHOUSE_PROFILE".to_owned())
    );
    let option = ["--profile", "night"];
    assert_eq!(
        shown(&day, &option),
        (json!("night"), "the option --profile".to_owned())
    );
    let none = [("RELAYHOUSE_CONFIG", "")];
    assert_eq!(shown(&none, &[]), (Value::Null, "nobody".to_owned()));
}

#[test]
fn each_setting_is_shown_with_who_says_so_and_no_secret() {
    let text = NIGHT.replace("?create=false", "?key=hunter2");
    let text = format!("{text}[profiles.day.queues]\nbus = \"servicebus://a:hunter2@b/c\"\n");
    let desk = desk(&text);
    let args = ["config", "show", "--profile", "day", "-v"];
    let table = run(&desk, &[], &args, 0).stdout;
    // The profile says how it is printed.
    let rows = parsed(&table)[0].as_array().unwrap().clone();
    let row = |name: &str| {
        let row = rows.iter().find(|row| row["setting"] == name);
        row.unwrap_or_else(|| panic!("{name} in {rows:?}"))
    };
    assert_eq!(row("verbosity")["value"], "verbose");
    assert_eq!(row("verbosity")["from"], "the option --verbose");
    assert_eq!(row("base")["value"], "local:./day/?..");
    assert_eq!(row("queue bus")["value"], "..");
    assert_eq!(row("audit")["value"], Value::Null);
    let from = row("output")["from"].as_str().unwrap();
    assert!(from.starts_with("profile day in "), "{from}");
    let show = [&args[..], &["--output", "table"]].concat();
    let shown = run(&desk, &[], &show, 0).stdout;
    assert!(shown.contains("the option --verbose"), "{shown}");
    assert!(!format!("{table}{shown}").contains("hunter2"));
}

#[test]
fn what_is_wrong_is_said_with_file_and_line() {
    for (text, line, what) in [
        (
            "\n[profiles.night]\noutptu = \"json\"\n",
            3,
            "unknown field `outptu`",
        ),
        ("profil = \"night\"\n", 1, "unknown field `profil`"),
        (
            "[profiles.night]\noutput = \"xml\"\n",
            2,
            "\"xml\" is none of table, json, ndjson",
        ),
        (
            "[profiles.night]\nbase = 7\n",
            2,
            "invalid type: integer `7`",
        ),
        ("[profiles.night]\nbase = \"a\"\nbase = \"hunter2\n", 3, ""),
    ] {
        let ran = run(&desk(text), &[], &["stats", "memory://x"], 2);
        let place = format!("{USUAL}, line {line}: ");
        assert!(ran.stderr.contains(&place), "{}", ran.stderr);
        assert!(ran.stderr.contains(what), "{}", ran.stderr);
        assert!(!ran.stderr.contains("hunter2"), "{}", ran.stderr);
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    }
    let named = desk("[profiles.night.queues]\n\"a/b\" = \"memory://a\"\n");
    let ran = run(&named, &[], &["stats", "memory://x"], 2);
    assert!(
        ran.stderr.contains("\"a/b\" of profile night"),
        "{}",
        ran.stderr
    );
}

#[test]
fn what_is_not_there_is_said_by_name() {
    let desk = desk(NIGHT);
    let stats = |variables: &[(&str, &str)], args: &[&str], code| {
        let args = [args, &["stats", "memory://x"]].concat();
        run(&desk, variables, &args, code).stderr
    };
    let said = stats(&[], &["--config", "no.toml"], 66);
    assert!(
        said.starts_with("relayhouse: cannot read no.toml: "),
        "{said}"
    );
    let said = stats(&[("RELAYHOUSE_CONFIG", "no.toml")], &[], 66);
    assert!(
        said.starts_with("relayhouse: cannot read no.toml: "),
        "{said}"
    );
    let said = stats(&[], &["--profile", "dusk"], 2);
    assert!(
        said.contains("no profile dusk in ") && said.contains("day, night"),
        "{said}"
    );
    let said = stats(
        &[("RELAYHOUSE_CONFIG", ""), ("RELAYHOUSE_PROFILE", "dusk")],
        &[],
        2,
    );
    assert!(said.contains("there is no configuration file"), "{said}");
    let said = stats(&[("RELAYHOUSE_OUTPUT", "xml")], &[], 2);
    assert!(
        said.starts_with("relayhouse: RELAYHOUSE_OUTPUT: \"xml\" is none of"),
        "{said}"
    );
    // A shell that starts needs no settings.
    run(
        &desk,
        &[("RELAYHOUSE_OUTPUT", "xml")],
        &["completions", "bash"],
        0,
    );
}

#[test]
fn config_of_an_emulator_is_its_own() {
    let desk = desk("profil = 1\n");
    let none = [("RELAYHOUSE_CONFIG", "")];
    let emulator = ["emulator", "servicebus", "--config", "no.json"];
    let said = run(&desk, &none, &emulator, 66).stderr;
    assert!(
        said.contains("no.json") && !said.contains("profil"),
        "{said}"
    );
    // Its settings are where those of all commands are.
    let said = run(&desk, &[], &emulator, 2).stderr;
    assert!(said.contains(USUAL), "{said}");
}
