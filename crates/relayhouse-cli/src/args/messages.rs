//! The input of what sends messages.

use std::path::PathBuf;

use clap::Args;
use relayhouse::Priority;

use super::value::{Header, priority, size};

/// The input, and what its messages have.
#[derive(Debug, Args)]
pub(crate) struct Messages {
    /// The input: a file, or - for standard input
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub(crate) file: PathBuf,

    /// Take all of the input for one body, of any bytes
    #[arg(long, conflicts_with_all = ["envelope", "skip", "strict"])]
    pub(crate) raw: bool,

    /// Take each line for an object with a body, headers and more
    #[arg(long)]
    pub(crate) envelope: bool,

    /// What messages have that do not say otherwise themselves
    #[command(flatten)]
    pub(crate) details: Details,

    /// Pass over this many lines first: where to go on is said when it ends early
    #[arg(long, value_name = "LINES", default_value = "0")]
    pub(crate) skip: u64,

    /// The longest line that is taken, and with --raw the longest input
    #[arg(long, value_name = "SIZE", default_value = "1MiB", value_parser = size)]
    pub(crate) line_max: usize,

    /// Stop at the first line that is not taken, instead of passing over it
    #[arg(long)]
    pub(crate) strict: bool,
}

/// What a message has unless its line says otherwise.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Details {
    /// A header; may be given several times
    #[arg(long = "header", value_name = "KEY=VALUE")]
    pub(crate) headers: Vec<Header>,

    /// The ordering key: messages of one key are handled one after the other, in their order
    #[arg(long, value_name = "KEY", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) key: Option<String>,

    /// What the queue knows a message by that it has already; the message of line N gets ID:N, so
    /// that the same input can be sent again
    #[arg(long, value_name = "ID", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) dedup_id: Option<String>,

    /// The priority, 0 to 9, of which 9 comes first
    #[arg(long, value_name = "0-9", value_parser = priority)]
    pub(crate) priority: Option<Priority>,

    /// The media type of the bodies; application/json, and with --raw none
    #[arg(long, value_name = "TYPE", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) content_type: Option<String>,
}
