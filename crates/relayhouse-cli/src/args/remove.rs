//! The arguments of `relayhouse purge`, `delete` and `cancel`.

use clap::Args;

use super::{audit::Audited, value::Format};

/// Removes all messages of a queue for good
///
/// The queue itself stays, and so do its dead letters: `relayhouse dlq purge` removes those. What
/// somebody has leased may stay. It asks first.
#[derive(Debug, Args)]
#[command(after_help = EXITS)]
pub(crate) struct Purge {
    /// The queue, subscription or dead-letter queue
    #[arg(value_name = "URL")]
    pub(crate) url: String,

    /// Remove them without asking
    #[arg(long)]
    pub(crate) yes: bool,

    /// Says where changes are written down
    #[command(flatten)]
    pub(crate) audited: Audited,

    /// How the count is printed
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub(crate) output: Format,
}

/// Deletes a queue or subscription with all its messages and dead letters
///
/// It asks first.
#[derive(Debug, Args)]
#[command(after_help = EXITS)]
pub(crate) struct Delete {
    /// The queue or subscription
    #[arg(value_name = "URL")]
    pub(crate) url: String,

    /// Delete it without asking
    #[arg(long)]
    pub(crate) yes: bool,

    /// Says where changes are written down
    #[command(flatten)]
    pub(crate) audited: Audited,
}

/// Cancels a message that is held back, before it is delivered
///
/// `relayhouse schedule` prints its number, and `relayhouse peek` shows it, as "sequence".
#[derive(Debug, Args)]
#[command(after_help = EXITS)]
pub(crate) struct Cancel {
    /// The queue
    #[arg(value_name = "URL")]
    pub(crate) url: String,

    /// The sequence number of the message
    #[arg(value_name = "NUMBER")]
    pub(crate) sequence: u64,

    /// Says where changes are written down
    #[command(flatten)]
    pub(crate) audited: Audited,
}

const EXITS: &str = "\
Exit codes: 0 it is done; 2 wrong usage, nobody said yes, or the provider cannot do it; 69 the \
provider refuses; 73 no audit log; 74 the change cannot be written down.";
