//! The arguments of `relayhouse list`.

use clap::Args;

use super::value::Format;

/// Lists the queues and subscriptions of a provider
#[derive(Debug, Args)]
#[command(after_help = EXITS)]
pub(crate) struct List {
    /// A queue of the provider, or a URL that ends with / for all beneath it
    #[arg(value_name = "URL")]
    pub(crate) url: String,

    /// How the list is printed
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub(crate) output: Format,
}

const EXITS: &str = "\
Exit codes: 0 all are printed, be it none; 2 wrong usage; 69 the provider refuses; 74 writing \
failed; 141 whoever read standard output has gone.";
