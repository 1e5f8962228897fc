//! The arguments of `relayhouse dlq`.

use std::{num::NonZeroU32, path::PathBuf, time::Duration};

use clap::{Args, Subcommand};
use regex::bytes::Regex;

use super::{
    audit::Audited,
    decoding::Decoding,
    value::{Format, Group, MESSAGES_MAX, Rate, count, size},
};

/// Looks through the dead letters of a queue, and sends them back, mends or removes them
///
/// URL names the queue, or its dead letters. Where the provider can show messages, a look takes
/// nothing. Amazon SQS cannot: there each dead letter is received and given back, which counts as
/// a delivery, and nobody else gets it meanwhile.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct Dlq {
    #[command(subcommand)]
    pub(crate) action: Action,
}

/// Says what to do with dead letters.
#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    List(List),
    Show(Show),
    Grep(Grep),
    Redrive(Redrive),
    Edit(Edit),
    Export(Export),
    Import(Import),
    Purge(Purge),
}

/// Says which dead letters are meant.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Which {
    /// Those of this group: the digits that `dlq list` shows, or the first few of them
    #[arg(long, value_name = "HEX")]
    pub(crate) group: Option<Group>,

    /// The one with this id; may be given several times
    #[arg(long = "id", value_name = "ID")]
    pub(crate) ids: Vec<String>,

    /// Those that were dead-lettered for this reason
    #[arg(long, value_name = "REASON")]
    pub(crate) reason: Option<String>,

    /// Those whose body, headers, reason or description match this regular expression; given
    /// several times, each of them
    #[arg(long = "match", value_name = "REGEX")]
    pub(crate) patterns: Vec<Regex>,

    /// How many dead letters to look through at most; where they have to be received, those that
    /// are not meant are 100000 at most, and 10000 where the provider shows no messages
    #[arg(long, value_name = "N", value_parser = count(MESSAGES_MAX))]
    pub(crate) scan: Option<u32>,
}

/// Counts dead letters, grouped by what failed
///
/// A group is what failed in the same way: by reason and description, without their numbers, ids
/// and quoted values. Other verbs take it as --group.
#[derive(Debug, Args)]
#[command(after_help = LOOKS)]
pub(crate) struct List {
    /// The queue, or its dead letters
    #[arg(value_name = "URL")]
    pub(crate) url: String,

    /// Says which dead letters are counted
    #[command(flatten)]
    pub(crate) which: Which,

    /// How the groups are printed; a table on a terminal, otherwise ndjson
    #[arg(long, value_name = "FORMAT")]
    pub(crate) output: Option<Format>,
}

/// Shows dead letters whole
#[derive(Debug, Args)]
#[command(after_help = LOOKS)]
pub(crate) struct Show {
    /// The queue, or its dead letters
    #[arg(value_name = "URL")]
    pub(crate) url: String,

    /// Says which dead letters are shown
    #[command(flatten)]
    pub(crate) which: Which,

    /// How many to show at most
    #[arg(long, value_name = "N", default_value = "10")]
    pub(crate) max: NonZeroU32,

    /// Says whether bodies are decoded
    #[command(flatten)]
    pub(crate) decoding: Decoding,

    /// How dead letters are printed; a table on a terminal, otherwise ndjson
    #[arg(long, value_name = "FORMAT")]
    pub(crate) output: Option<Format>,
}

/// Shows the dead letters that match a regular expression, all of them
///
/// It is looked for in the body as it stands, in header values, in the reason and the description.
#[derive(Debug, Args)]
#[command(after_help = LOOKS)]
pub(crate) struct Grep {
    /// The queue, or its dead letters
    #[arg(value_name = "URL")]
    pub(crate) url: String,

    /// The regular expression
    #[arg(value_name = "REGEX")]
    pub(crate) regex: Regex,

    /// Says among which dead letters to look
    #[command(flatten)]
    pub(crate) which: Which,

    /// How dead letters are printed; a table on a terminal, otherwise ndjson
    #[arg(long, value_name = "FORMAT")]
    pub(crate) output: Option<Format>,
}

/// Sends dead letters back to where they came from
///
/// Each keeps its id, headers and ordering key. It is sent, and acked once the far side has
/// confirmed it: a kill in between leaves it on both sides, never on none. Messages of one ordering
/// key go one after the other, in the order read; where one is not taken, those behind it in its
/// key stay. Where the far side drops duplicates, a dead letter that is sent twice arrives once.
#[derive(Debug, Args)]
#[command(after_help = REDRIVES)]
pub(crate) struct Redrive {
    /// The queue, or its dead letters
    #[arg(value_name = "URL")]
    pub(crate) url: String,

    /// Says which dead letters are sent back
    #[command(flatten)]
    pub(crate) which: Which,

    /// Send them to this queue, instead of where each came from
    #[arg(long, value_name = "URL")]
    pub(crate) to: Option<String>,

    /// How many to send back at most
    #[arg(long, value_name = "N", value_parser = count(MESSAGES_MAX))]
    pub(crate) max: Option<u32>,

    /// Count what would be sent back, and send nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Send so many first, and the rest only if none of them comes back as a dead letter
    #[arg(long, value_name = "N", value_parser = count(MESSAGES_MAX), conflicts_with = "to")]
    pub(crate) canary: Option<u32>,

    /// How long to wait until it is known what became of the first ones
    #[arg(long, value_name = "TIME", default_value = "1min", requires = "canary",
        value_parser = humantime::parse_duration)]
    pub(crate) canary_wait: Duration,

    /// How fast they are sent, such as 100/s or 6000/min
    #[arg(long, value_name = "N/TIME")]
    pub(crate) rate: Option<Rate>,

    /// Says where changes are written down
    #[command(flatten)]
    pub(crate) audited: Audited,

    /// How the counts are printed
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub(crate) output: Format,
}

/// Mends the body of a dead letter in an editor, and sends it back
///
/// The editor is $VISUAL or $EDITOR. What it leaves must still decode: JSON as JSON, a body with a
/// schema by that schema. The original is kept in a file first. No provider lets a message be put
/// among the dead letters: the mended one goes to where it came from, or to another queue.
#[derive(Debug, Args)]
#[command(after_help = EDITS)]
pub(crate) struct Edit {
    /// The queue, or its dead letters
    #[arg(value_name = "URL")]
    pub(crate) url: String,

    /// The id of the dead letter
    #[arg(value_name = "ID")]
    pub(crate) id: String,

    /// Send it to this queue, instead of where it came from
    #[arg(long, value_name = "URL")]
    pub(crate) to: Option<String>,

    /// The file that the original is kept in; edited.ndjson beside the audit log
    #[arg(long, value_name = "FILE")]
    pub(crate) keep: Option<PathBuf>,

    /// The file of an Avro schema, or a directory of files *.avsc
    #[arg(long, value_name = "PATH", conflicts_with = "registry")]
    pub(crate) schema: Option<PathBuf>,

    /// The URL of a schema registry
    #[arg(long, value_name = "URL")]
    pub(crate) registry: Option<String>,

    /// How many dead letters to look through at most
    #[arg(long, value_name = "N", value_parser = count(MESSAGES_MAX))]
    pub(crate) scan: Option<u32>,

    /// Says where changes are written down
    #[command(flatten)]
    pub(crate) audited: Audited,
}

/// Writes dead letters to a file, a line of JSON each, and leaves them where they are
///
/// It is what `relayhouse receive` prints, and `dlq import` and `relayhouse send --envelope` take.
#[derive(Debug, Args)]
#[command(after_help = EXPORTS)]
pub(crate) struct Export {
    /// The queue, or its dead letters
    #[arg(value_name = "URL")]
    pub(crate) url: String,

    /// The file to create, or - for standard output
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub(crate) file: PathBuf,

    /// Says which dead letters are written
    #[command(flatten)]
    pub(crate) which: Which,
}

/// Sends the messages of an export to a queue, with their ids
///
/// No provider lets a message be put among the dead letters: they go to the queue itself, to be
/// handled again.
#[derive(Debug, Args)]
#[command(after_help = IMPORTS)]
pub(crate) struct Import {
    /// The queue
    #[arg(value_name = "URL")]
    pub(crate) url: String,

    /// The export, or - for standard input
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub(crate) file: PathBuf,

    /// The longest line that is taken
    #[arg(long, value_name = "SIZE", default_value = "1MiB", value_parser = size)]
    pub(crate) line_max: usize,

    /// How fast they are sent, such as 100/s or 6000/min
    #[arg(long, value_name = "N/TIME")]
    pub(crate) rate: Option<Rate>,

    /// Says where changes are written down
    #[command(flatten)]
    pub(crate) audited: Audited,

    /// How the counts are printed
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub(crate) output: Format,
}

/// Removes dead letters for good
///
/// Without a choice all of them go at once, where the provider can do that. It asks first.
#[derive(Debug, Args)]
#[command(after_help = PURGES)]
pub(crate) struct Purge {
    /// The queue, or its dead letters
    #[arg(value_name = "URL")]
    pub(crate) url: String,

    /// Says which dead letters are removed
    #[command(flatten)]
    pub(crate) which: Which,

    /// Remove them without asking
    #[arg(long)]
    pub(crate) yes: bool,

    /// Says where changes are written down
    #[command(flatten)]
    pub(crate) audited: Audited,

    /// How the counts are printed
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub(crate) output: Format,
}

const LOOKS: &str = "\
Exit codes: 0 all is printed, be it nothing; 2 wrong usage; 65 a file is no schema; 66 a file \
cannot be read; 69 the provider refuses; 74 writing failed; 130 interrupted; 141 whoever read \
standard output has gone.";

const EXPORTS: &str = "\
Exit codes: 0 all is written, be it nothing; 2 wrong usage; 69 the provider refuses; 73 the file \
cannot be created; 74 writing failed; 130 interrupted; 141 whoever read standard output has gone.";

const REDRIVES: &str = "\
With --canary it waits until the first ones are gone from the queue, and looks whether one came
back as a dead letter. Where the provider cannot show messages, all of --canary-wait passes, and
then the dead letters are looked through. What is still on the queue by then ends it as well.

A change is written down before it begins, with \"result\":\"begun\", and when it has ended.

Exit codes, the first that applies:
  74   a change cannot be written down; nothing further was done
  69   the queue failed, or did not take or confirm all of them; or so many stay that no more can
       be held, and there may be more
  130  interrupted; what was under way has ended
  1    one of the first came back, or is not done with
  0    all of them are sent, be it none
Before anything is sent: 2 wrong usage, 69 no queue, 73 no audit log.";

const EDITS: &str = "\
Where the body is left as it was, nothing is done. If what the editor leaves does not decode, it is
kept in its file, which is named, and nothing is done.

Exit codes: 0 it is sent, or was left as it was; 2 wrong usage, or no editor; 65 it does not \
decode; 69 the queue failed, or has no such dead letter; 73 no audit log, or no file for the \
original; 74 writing failed; 130 interrupted.";

const IMPORTS: &str = "\
Exit codes, the first that applies:
  74   reading failed, or a change cannot be written down
  69   the queue failed, or did not take all of them
  130  interrupted
  65   a line was not taken
  0    all of them are sent
Before anything is sent: 2 wrong usage, 66 no input, 69 no queue, 73 no audit log.";

const PURGES: &str = "\
Exit codes: 0 they are gone, be it none; 2 wrong usage, or nobody said yes; 69 the provider \
refuses, or so many stay that no more can be held, and there may be more; 73 no audit log; 74 a change cannot be written down; 130 interrupted.";
