//! The arguments of `relayhouse bench`.

use std::time::Duration;

use clap::Args;

use super::value::{Format, Rate, count, size};

const BENCH_MESSAGES_MAX: i64 = 10_000_000;
const TASKS_MAX: i64 = 1_000;
const BATCH_MAX: i64 = 1_000;

/// Measures how fast a queue takes and hands out messages, and counts each of them
///
/// It sends messages of its own, receives and acks them, and tells rates, latencies and calls. Each
/// message carries a header, relayhouse-bench, with the number of the run: what has none, or that
/// of another run, is somebody else's and is given back.
///
/// A latency counts from the time at which a message was due: with --rate, by the clock, whether or
/// not the senders keep up; without it, when its sender was ready to send it.
#[derive(Debug, Args)]
#[command(after_help = EXITS)]
pub(crate) struct Bench {
    /// The queue, which must be empty unless --shared is given
    #[arg(value_name = "URL")]
    pub(crate) url: String,

    /// How many messages to send
    #[arg(long, value_name = "N", default_value = "10000", value_parser = count(BENCH_MESSAGES_MAX))]
    pub(crate) count: u32,

    /// The bytes of each body
    #[arg(long, value_name = "SIZE", default_value = "1KiB", value_parser = size)]
    pub(crate) size: usize,

    /// How many senders there are, each of which sends one batch at a time
    #[arg(long, value_name = "N", default_value = "4", value_parser = count(TASKS_MAX))]
    pub(crate) producers: u32,

    /// How many consumers there are
    #[arg(long, value_name = "N", default_value = "4", value_parser = count(TASKS_MAX))]
    pub(crate) consumers: u32,

    /// How many messages a sender sends at once, and a consumer takes at once at most
    #[arg(long, value_name = "N", default_value = "10", value_parser = count(BATCH_MAX))]
    pub(crate) batch: u32,

    /// How fast messages are due, such as 1000/s; without it each sender sends when it can
    #[arg(long, value_name = "N/TIME")]
    pub(crate) rate: Option<Rate>,

    /// Give messages this many ordering keys, in turn; a FIFO queue needs at least one
    #[arg(long, value_name = "N", value_parser = count(BENCH_MESSAGES_MAX))]
    pub(crate) keys: Option<u32>,

    /// How long to wait for what is missing, after the last one that came
    #[arg(long, value_name = "TIME", default_value = "30s",
        value_parser = humantime::parse_duration)]
    pub(crate) patience: Duration,

    /// Run although others use the queue: their messages are held until the end, and given back
    #[arg(long)]
    pub(crate) shared: bool,

    /// How the report is printed
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub(crate) output: Format,
}

const EXITS: &str = "\
Before the clock starts each sender sends one message and waits until all of them came back: that
opens connections, and is in none of the figures.

The report accounts for every message: sent (confirmed), failed (\"reasons\" counts by kind of
error; none is tried again), unknown (sent or not), received, acked, lost (confirmed, and not there
after --patience), twice (received again) and left (confirmed, and not waited for, since the run was
ended early). \"foreign\" are messages of others: without --shared nothing more is sent after the
first one. Each of them has one attempt more on its count.

\"send\" is how long a message took from when it was due until it was confirmed, \"delivery\" until a
consumer had it. Calls are those of the run, the second included in which it looks for what comes
twice. What they cost is told where the provider charges for calls, in the currency of the option
price of the URL.

Ctrl-C sends no more, and waits for what is under way; a second one does not.

Exit codes, the first that applies:
  141  whoever read standard output has gone
  74   writing failed
  69   the queue failed, or messages were not sent, or nobody knows whether
  130  interrupted
  1    a message was lost, or came twice, or was somebody else's without --shared
  0    each message was received once
Before anything is sent: 2 wrong usage, or a queue that is not empty; 69 no queue.";
