//! The arguments of `relayhouse move`.

use std::time::Duration;

use clap::Args;

use super::{
    audit::Audited,
    value::{Format, MESSAGES_MAX, Rate, count},
};

/// Moves messages from one queue to another, of any two providers
///
/// A message is sent, and acked once the far side has confirmed it: a kill in between leaves it on
/// both sides, never on none, and the next move goes on. Each keeps its id, headers and ordering
/// key; the messages of one key go one after the other, in the order read.
///
/// Where the far side drops duplicates, each message goes with a dedup id made of where it was:
/// what is sent again by the next move arrives once, and what was there before may come back.
#[derive(Debug, Args)]
#[command(after_help = EXITS)]
pub(crate) struct Move {
    /// The queue, subscription or dead-letter queue to take from
    #[arg(value_name = "FROM")]
    pub(crate) from: String,

    /// The queue or topic to send to
    #[arg(value_name = "TO")]
    pub(crate) to: String,

    /// Go on until Ctrl-C, instead of until nothing comes
    #[arg(long)]
    pub(crate) follow: bool,

    /// How many messages to move at most
    #[arg(long, value_name = "N", value_parser = count(MESSAGES_MAX))]
    pub(crate) max: Option<u32>,

    /// How long to wait for a further message
    #[arg(long, value_name = "TIME", default_value = "1s",
        value_parser = humantime::parse_duration)]
    pub(crate) wait: Duration,

    /// The lease to ask for; 30s, or what the queue sets where none can be asked for
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) lease: Option<Duration>,

    /// How fast messages are sent, such as 100/s or 6000/min
    #[arg(long, value_name = "N/TIME")]
    pub(crate) rate: Option<Rate>,

    /// Says where changes are written down
    #[command(flatten)]
    pub(crate) audited: Audited,

    /// How the report is printed
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub(crate) output: Format,
}

const EXITS: &str = "\
The report accounts for every message that was taken: done, unconfirmed (there, and perhaps still
here), refused (the far side does not take it: it stays, with the reason), unknown (here, and
perhaps there), and behind (it stays, since it is behind another of its key that stays, or a queue
failed). \"duplicates\" are those of the done that the far side knew already, as far as it tells,
and \"left\" is what the queue counts at the end.

What goes with a message is what a message has: id, body, content type, headers, key, priority,
time to live, correlation id and reply-to, and where nothing is dropped its dedup id. What it was held back for is over, why it was
a dead letter stays behind, and the far side counts its attempts anew.

Exit codes, the first that applies:
  74   a change cannot be written down; nothing further was done
  69   a queue failed, or nobody knows what became of a message
  130  interrupted, without --follow; what was under way has ended
  65   a message was not taken by the far side
  0    all of them are moved, be it none
Before anything is moved: 2 wrong usage, 69 no queue, 73 no audit log.";
