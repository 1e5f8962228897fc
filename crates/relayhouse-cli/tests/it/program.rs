//! The program under test: started, fed, awaited with a deadline.

use std::{
    io::Write,
    process::{Child, Command, Output, Stdio},
    sync::mpsc::sync_channel,
    thread,
    time::Duration,
};

/// Nothing here takes a tenth of it.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// Is how the program ended, and what it wrote.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Asserts the exit code, and shows everything if it is another.
    #[track_caller]
    pub(crate) fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        assert!(!self.stderr.contains("panicked"), "{self:#?}");
        assert!(!self.stderr.contains('\x1b'), "{self:#?}");
        self
    }

    /// Asserts that the program said this one line and nothing else.
    #[track_caller]
    pub(crate) fn said_only(&self, line: &str) {
        assert_eq!(self.stderr, format!("relayhouse: {line}\n"));
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_relayhouse"));
    command
        .args(args)
        .env("RUST_BACKTRACE", "1")
        // Nothing of whoever runs the tests.
        .env("RELAYHOUSE_CONFIG", "")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs the program with `input`, to its end.
pub(crate) fn run(args: &[&str], input: impl Into<Vec<u8>>) -> Ran {
    let mut child = command(args).spawn().unwrap();
    feed(&mut child, input.into());
    end(child)
}

/// Runs `relayhouse pipe --from -` with more arguments.
pub(crate) fn pipe(args: &[&str], input: impl Into<Vec<u8>>) -> Ran {
    run(&[&["pipe", "--from", "-"], args].concat(), input)
}

/// Writes `input` from a thread of its own, since the program may not read all of it.
pub(crate) fn feed(child: &mut Child, input: Vec<u8>) {
    let mut stdin = child.stdin.take().unwrap();
    thread::spawn(move || stdin.write_all(&input));
}

/// Waits for the end, and for whoever else holds the outputs.
pub(crate) fn end(child: Child) -> Ran {
    end_within(DEADLINE, child)
}

/// Waits as [`end`] does, for what takes longer than anything else.
pub(crate) fn end_within(deadline: Duration, child: Child) -> Ran {
    let (sender, receiver) = sync_channel(1);
    thread::spawn(move || sender.send(child.wait_with_output()));
    let output = receiver
        .recv_timeout(deadline)
        .expect("the program ends in time");
    output.unwrap().into()
}
