//! The arguments of `relayhouse doctor` and `capabilities`.

use std::time::Duration;

use clap::Args;

use super::value::Format;

/// Looks whether a queue can be reached, and whether its settings fit
///
/// It opens the queue, reads its real settings, counts its messages, and looks whether a consumer
/// with the usual configuration fits, all without receiving. What does not fit comes with what to
/// change.
#[derive(Debug, Args)]
#[command(after_help = DOCTOR)]
pub(crate) struct Doctor {
    /// The queue or subscription
    #[arg(value_name = "URL")]
    pub(crate) url: String,

    /// How long a handler may take; then it is said whether the lease of the queue lasts that long,
    /// and whether a consumer with this limit starts
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) handler: Option<Duration>,

    /// How the findings are printed
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub(crate) output: Format,
}

/// Lists what a queue can do, and within which limits
///
/// Without a URL it lists what the adapters of this build declare, by their schemes.
#[derive(Debug, Args)]
#[command(after_help = CAPABILITIES)]
pub(crate) struct Capabilities {
    /// The queue
    #[arg(value_name = "URL")]
    pub(crate) url: Option<String>,

    /// How they are printed
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub(crate) output: Format,
}

const DOCTOR: &str = "\
Exit codes: 0 all is well, warnings included; 1 something does not work as it is; 2 wrong usage; \
69 the queue cannot be reached; 74 writing failed; 130 interrupted.";

const CAPABILITIES: &str = "\
native is an ability of the provider, emulated one that the adapter builds from others, and
unsupported one whose use is refused. A - is no limit.

Exit codes: 0 all is printed; 2 wrong usage; 69 the queue cannot be reached; 74 writing failed; \
141 whoever read standard output has gone.";
