//! Ctrl-C: what it waits for, and what it says.

use std::{
    io::{Read, Write},
    process::{Child, ChildStderr},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::program::{command, end};

/// Reads standard error up to and with the text `last`.
pub(crate) fn read_until(stderr: &mut ChildStderr, last: &str) -> String {
    let mut text = Vec::new();
    while !text.ends_with(last.as_bytes()) {
        let mut byte = [0];
        stderr
            .read_exact(&mut byte)
            .expect("standard error goes on");
        text.extend(byte);
    }
    String::from_utf8(text).unwrap()
}

pub(crate) fn interrupt(child: &Child) {
    let id = i32::try_from(child.id()).unwrap();
    kill_process(Pid::from_raw(id).unwrap(), Signal::INT).unwrap();
}

#[test]
fn interrupted_send_says_how_many_are_sent_and_where_to_go_on() {
    let mut child = command(&["send", "memory://orders"]).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A bad line is said when those before it have left.
    stdin.write_all(b"1\n2\n\nx\n").unwrap();
    let mut stderr = child.stderr.take().unwrap();
    read_until(
        &mut stderr,
        "line 4: not JSON: expected value at column 1\n",
    );
    interrupt(&child);
    read_until(
        &mut stderr,
        "interrupted: waits for what is under way; once more does not\n",
    );
    let said = read_until(&mut stderr, "\n");
    assert!(said.starts_with("relayhouse: 2 sent, "), "{said}");
    assert!(
        said.ends_with("/s, 1 not taken; go on with --skip 4\n"),
        "{said}"
    );
    end(child).ended(130);
}

#[test]
fn second_interrupt_waits_for_no_answer_and_says_of_how_many_nobody_knows() {
    let url = "memory://orders?messages_max=2&full=wait";
    let mut child = command(&["send", url]).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"1\n2\n3\nx\n").unwrap();
    let mut stderr = child.stderr.take().unwrap();
    read_until(
        &mut stderr,
        "line 4: not JSON: expected value at column 1\n",
    );
    interrupt(&child);
    read_until(&mut stderr, "once more does not\n");
    interrupt(&child);
    let said = read_until(&mut stderr, "\n");
    assert!(said.starts_with("relayhouse: 2 sent, "), "{said}");
    let end_of_it = "/s, 1 not taken, 1 sent or not, nobody knows; go on with --skip 2\n";
    assert!(said.ends_with(end_of_it), "{said}");
    end(child).ended(69);
}

#[test]
fn interrupt_ends_a_wait_for_messages() {
    for args in [
        &["receive", "memory://orders", "--wait", "1h", "-v"][..],
        &["work", "memory://orders", "--exec", "cat", "-v"],
    ] {
        let mut child = command(args).spawn().unwrap();
        let mut stderr = child.stderr.take().unwrap();
        read_until(&mut stderr, "waits for messages\n");
        interrupt(&child);
        let ran = end(child).ended(130);
        assert_eq!(ran.stdout, "");
    }
}

#[test]
fn endless_input_is_not_read_ahead_of_a_full_queue() {
    const LINE_BYTES: usize = 64 << 10;
    const AHEAD_BYTES_MAX: usize = 80 << 20;
    let url = "memory://orders?messages_max=2&full=wait";
    let mut child = command(&["send", url]).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let (sender, receiver) = std::sync::mpsc::sync_channel(0);
    std::thread::spawn(move || {
        let line = format!("\"{}\"\n", "x".repeat(LINE_BYTES));
        while stdin.write_all(line.as_bytes()).is_ok() && sender.send(()).is_ok() {}
    });
    // No reader is slower than this for one line, unless it has stopped to read.
    let still = std::time::Duration::from_secs(2);
    let mut bytes = 0;
    while receiver.recv_timeout(still).is_ok() {
        bytes += LINE_BYTES;
        assert!(bytes < AHEAD_BYTES_MAX, "{bytes} bytes were read ahead");
    }
    interrupt(&child);
    let mut stderr = child.stderr.take().unwrap();
    read_until(&mut stderr, "once more does not\n");
    interrupt(&child);
    end(child).ended(69);
}
