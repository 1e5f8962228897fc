//! How the program ends: the exit codes, and the failure that leads to one, with what to do next.

use std::{fmt::Display, io, process::ExitCode};

use relayhouse::{Error, ErrorKind};

/// What the program tells its caller; the numbers are those of `sysexits.h` and the shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// All went well.
    Done = 0,
    /// A message was dead-lettered, something was found that is wrong, or schemas are not
    /// compatible.
    Failed = 1,
    /// The command line or a URL is wrong.
    Usage = 2,
    /// A line of the input, or a file, is not what it should be.
    Data = 65,
    /// The input cannot be opened.
    NoInput = 66,
    /// The queue cannot be used, or does not say what became of something.
    Unavailable = 69,
    /// An output file cannot be created.
    CannotCreate = 73,
    /// Reading or writing failed.
    Io = 74,
    /// Ctrl-C, or a signal that asks to end.
    Interrupted = 130,
    /// Whoever read the output has gone.
    Pipe = 141,
}

/// Is why the program ends early: one line for a person, and an exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: Code,
    pub(crate) text: String,
}

impl Failure {
    pub(crate) fn new(code: Code, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { code, text }
    }

    /// Makes the failure of reading or writing `what`; a reader that has gone is no news.
    pub(crate) fn io(what: impl Display, error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::new(Code::Pipe, "");
        }
        Self::new(Code::Io, format!("{what}: {error}"))
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let code = match error.kind() {
            ErrorKind::ConfigInvalid | ErrorKind::Unsupported => Code::Usage,
            _ => Code::Unavailable,
        };
        Self::new(code, with_advice(&error))
    }
}

/// Prints an error with its causes in one line, and what to do next.
pub(crate) fn with_advice(error: &Error) -> String {
    let text = chain(error);
    match advice(error.kind()) {
        Some(advice) => format!("{text}; {advice}"),
        None => text,
    }
}

/// Says what a person can do about an error of this kind, where its text does not.
const fn advice(kind: ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::QueueNotFound => Some("create it with `relayhouse create`, or check its URL"),
        ErrorKind::QueueConflict => Some("choose another name, or leave out what differs"),
        ErrorKind::Unauthorized => Some("check the credentials and what they may do"),
        ErrorKind::Full => Some("work on what is there, or raise the queue's bounds"),
        ErrorKind::Throttled => Some("send more slowly with --rate, or try again later"),
        ErrorKind::Timeout | ErrorKind::ConnectionFailed => {
            Some("check the address and the network, or try again later")
        }
        ErrorKind::OutcomeUnknown => Some("it may have happened or not: look before trying again"),
        ErrorKind::Corrupt => Some("keep the files as they are, and restore a copy"),
        _ => None,
    }
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code as u8)
    }
}

/// Prints an error with its causes in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
