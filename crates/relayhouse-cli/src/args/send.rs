//! The arguments of `relayhouse send`.

use std::time::Duration;

use super::{
    messages::Messages,
    value::{Format, Rate},
};
use clap::Args;

/// Puts messages on a queue: lines of JSON, or anything, from a file or standard input
///
/// Each line of the input is JSON, and the body of one message as it stands.
///
/// With --envelope each line is an object around the body, of which only the body is needed:
/// `{"body":..,"headers":{..},"key":..,"delay":"5s","dedup_id":..,"priority":..}`, which is what
/// `relayhouse receive` prints as ndjson. A body that is no JSON stands in `text`, or in `base64`.
///
/// With --raw all of the input is one body, of any bytes; an input without any is none.
#[derive(Debug, Args)]
#[command(after_help = EXITS)]
pub(crate) struct Send {
    /// The queue or topic
    #[arg(value_name = "URL")]
    pub(crate) url: String,

    #[command(flatten)]
    pub(crate) messages: Messages,

    /// How long messages are held back; `relayhouse schedule` says how to cancel them
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) delay: Option<Duration>,

    /// How fast messages are sent, such as 100/s or 6000/min
    #[arg(long, value_name = "N/TIME")]
    pub(crate) rate: Option<Rate>,

    /// Print the counts on standard output as well, when it has ended
    #[arg(long, value_name = "FORMAT")]
    pub(crate) output: Option<Format>,
}

const EXITS: &str = "\
Messages arrive in the order of the input, where the queue keeps its order: many are under way at
a time, and leave in large batches. A message counts as sent when the queue has confirmed it. What fails for a while is tried again,
five times in all, but a message with an ordering key: it would come after those behind it. When a
send ends early, it says how many are confirmed, how many failed, of how many nobody knows, and
with which --skip to go on. Messages that are confirmed behind that line are then sent twice, but
for those with a --dedup-id that the queue still knows.

Lines that are empty are passed over. Lines that are not what they should be, or longer than
--line-max, and messages that the queue refuses for what they are, are reported and passed over.
Ctrl-C waits for what is under way; a second one does not.

Exit codes, the first that applies:
  141  whoever read standard output has gone
  74   reading or writing failed
  69   the queue failed, or does not say whether it has a message
  130  interrupted
  65   a line was not taken
  0    every line is on the queue
Before anything is sent: 2 wrong usage, 66 no input, 69 no queue.";
