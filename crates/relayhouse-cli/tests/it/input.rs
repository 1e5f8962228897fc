//! What goes in: good lines come out, bad ones are said and passed over.

use std::fs;

use crate::program::{pipe, run};

#[test]
fn lines_come_out_as_they_went_in() {
    let lines = "{\"b\": 1,  \"a\":2}\n[1e400]\n\"ä😀\\u0000\"\n-0\n";
    let ran = pipe(&[], lines).ended(0);
    assert_eq!(ran.stdout, lines);
    assert_eq!(ran.stderr, "");
}

#[test]
fn data_set_comes_out_of_a_file_unchanged() {
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/data/events.ndjson");
    let ran = run(&["pipe", "--from", data], "").ended(0);
    assert!(
        ran.stdout == fs::read_to_string(data).unwrap(),
        "the data set has changed"
    );
}

#[test]
fn every_line_comes_out_of_many_at_a_time() {
    let numbers: Vec<String> = (0..2000).map(|number| number.to_string()).collect();
    let ran = pipe(&["--concurrency", "64"], numbers.join("\n")).ended(0);
    let mut lines: Vec<_> = ran.stdout.lines().collect();
    let mut numbers: Vec<_> = numbers.iter().map(String::as_str).collect();
    lines.sort_unstable();
    numbers.sort_unstable();
    assert_eq!(lines, numbers);
}

#[test]
fn empty_input_is_no_error() {
    for input in ["", "\n", "\r\n \n\n"] {
        let ran = pipe(&[], input).ended(0);
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
    }
    let ran = pipe(&["-v"], "").ended(0);
    ran.said_only("0 lines: 0 done");
}

#[test]
fn bad_lines_are_said_and_the_others_go_through() {
    let input = b"{\"a\":1}\n\nnot json\n{\"b\":2}\r\n\xff\n[1\n\x002\n3";
    let ran = pipe(&[], input).ended(65);
    assert_eq!(ran.stdout, "{\"a\":1}\n{\"b\":2}\n3\n");
    let lines: Vec<_> = ran.stderr.lines().collect();
    assert_eq!(
        lines,
        [
            "relayhouse: line 3: not JSON: expected ident at column 2",
            "relayhouse: line 5: not JSON: not UTF-8 at column 1",
            "relayhouse: line 6: not JSON: EOF while parsing a list at column 2",
            "relayhouse: line 7: not JSON: expected value at column 1",
            "relayhouse: 7 lines: 3 done, 4 not taken",
        ]
    );
}

#[test]
fn strict_stops_at_the_first_bad_line_and_finishes_what_came_before() {
    let ran = pipe(&["--strict"], "1\n2\nx\n3\n").ended(65);
    assert_eq!(ran.stdout, "1\n2\n");
    assert!(
        ran.stderr
            .ends_with("relayhouse: 3 lines: 2 done, 1 not taken\n"),
        "{}",
        ran.stderr
    );
}

#[test]
fn long_lines_are_said_with_their_limit() {
    let long = "1".repeat(10 << 20);
    let ran = pipe(&[], format!("1\n{long}\n2\n")).ended(65);
    assert_eq!(ran.stdout, "1\n2\n");
    let first = ran.stderr.lines().next();
    let expected = "relayhouse: line 2: 10485760 bytes, at most 1048576 are taken (--line-max)";
    assert_eq!(first, Some(expected));

    let ran = pipe(&["--line-max", "10MiB"], format!("{long}\n")).ended(0);
    assert_eq!(ran.stdout.len(), (10 << 20) + 1);
}

#[test]
fn garbage_is_not_repeated_without_end() {
    let garbage: Vec<u8> = (0..200_000_u32)
        .map(|number| number.wrapping_mul(2_654_435_761).to_be_bytes()[0])
        .collect();
    let ran = pipe(&[], garbage).ended(65);
    assert!(ran.stderr.lines().count() <= 11, "{}", ran.stderr);
    assert!(ran.stderr.contains("not taken"));
}

#[test]
fn quiet_says_errors_alone() {
    let ran = pipe(&["--quiet"], "x\n1\n").ended(65);
    ran.said_only("line 1: not JSON: expected value at column 1");
}
