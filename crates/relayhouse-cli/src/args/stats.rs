//! The arguments of `relayhouse stats`.

use std::time::Duration;

use clap::Args;

use super::value::Format;

/// Counts the messages of a queue
///
/// Those that are ready, leased, held back and dead, the bytes of all but the dead, and the age of
/// the oldest that is ready. A ~ stands before what the provider only counts approximately, and may
/// tell late; a - for what it does not tell.
#[derive(Debug, Args)]
#[command(after_help = EXITS)]
pub(crate) struct Stats {
    /// The queue or subscription
    #[arg(value_name = "URL")]
    pub(crate) url: String,

    /// Count again and again, a line each time, until Ctrl-C
    #[arg(long)]
    pub(crate) watch: bool,

    /// How long to wait between two counts
    #[arg(long, value_name = "TIME", default_value = "1s", requires = "watch",
        value_parser = humantime::parse_duration)]
    pub(crate) every: Duration,

    /// How the counts are printed
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub(crate) output: Format,
}

const EXITS: &str = "\
Exit codes: 0 all is printed; 2 wrong usage; 69 the provider refuses; 74 writing failed; \
130 interrupted; 141 whoever read standard output has gone.";
