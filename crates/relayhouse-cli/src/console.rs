//! What a person reads: lines on standard error, in colour on a terminal.

use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

/// The start of the names of what is shown of logs: the libraries of others may log credentials.
const OURS: &str = "relayhouse";

/// The name of what is shown of changes, however quiet it is to be.
const AUDIT: &str = "relayhouse::audit";

/// How much to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Verbosity {
    /// Errors only.
    Quiet,
    /// Errors, and a summary where something went wrong.
    Normal,
    /// Every retry as well.
    Verbose,
    /// What the runtime does as well.
    Debug,
}

/// Writes lines for a person to standard error.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Console {
    pub(crate) verbosity: Verbosity,
    pub(crate) is_terminal: bool,
    pub(crate) is_coloured: bool,
}

impl Console {
    pub(crate) fn new(verbosity: Verbosity) -> Self {
        let is_terminal = io::stderr().is_terminal();
        Self {
            verbosity,
            is_terminal,
            is_coloured: is_terminal && colours_are_wanted(),
        }
    }

    /// Starts to show what our libraries log, and in any case what is changed from outside.
    pub(crate) fn show_logs(self) {
        let level = match self.verbosity {
            Verbosity::Quiet | Verbosity::Normal => LevelFilter::OFF,
            Verbosity::Verbose => LevelFilter::WARN,
            Verbosity::Debug => LevelFilter::DEBUG,
        };
        let lines = tracing_subscriber::fmt()
            .with_max_level(level.max(LevelFilter::INFO))
            .with_writer(io::stderr)
            .with_ansi(self.is_coloured)
            .finish();
        let ours = Targets::new().with_target(OURS, level);
        let ours = ours.with_target(AUDIT, LevelFilter::INFO);
        // A second call, which there is none of, would change nothing.
        let _ = lines.with(ours).try_init();
    }

    /// Says what went wrong.
    pub(crate) fn error(self, text: &str) {
        let name = if self.is_coloured {
            "\x1b[1;31mrelayhouse:\x1b[0m"
        } else {
            "relayhouse:"
        };
        write(&format!("{name} {text}"));
    }

    /// Says what happened, unless it was asked to be quiet.
    pub(crate) fn note(self, text: &str) {
        if Verbosity::Normal <= self.verbosity {
            write(&format!("relayhouse: {text}"));
        }
    }

    /// Says a detail, if it was asked for.
    pub(crate) fn detail(self, text: &str) {
        if Verbosity::Verbose <= self.verbosity {
            write(&format!("relayhouse: {text}"));
        }
    }
}

/// Writes one line; there is nobody to tell if that fails.
fn write(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

#[expect(
    clippy::disallowed_methods,
    reason = "NO_COLOR and TERM are agreements of terminals, not configuration"
)]
fn colours_are_wanted() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !is_set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Returns true if a person reads standard output.
pub(crate) fn stdout_is_terminal() -> bool {
    io::stdout().is_terminal()
}
