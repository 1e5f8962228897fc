//! The arguments of `relayhouse schema`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::value::Format;

/// Looks at Avro schemas: whether they are compatible, and what they are called
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct Schema {
    #[command(subcommand)]
    pub(crate) action: Action,
}

/// Says what to do with schemas.
#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    Check(Check),
    Fingerprint(Fingerprint),
    Show(Show),
}

/// Tells whether a new schema is compatible with an old one, and explains each difference
///
/// The schemas are compatible if no difference breaks those who read. The exit code says so, for
/// the gate of a build.
#[derive(Debug, Args)]
#[command(after_help = CHECK)]
pub(crate) struct Check {
    /// The file of the old schema
    #[arg(value_name = "OLD")]
    pub(crate) old: PathBuf,

    /// The file of the new schema
    #[arg(value_name = "NEW")]
    pub(crate) new: PathBuf,

    /// Who reads whose data
    #[arg(long, value_name = "MODE", default_value = "backward")]
    pub(crate) mode: Mode,

    /// How the differences are printed
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub(crate) output: Format,
}

/// Says who reads whose data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// The new schema reads data of the old one: consumers change first
    Backward,
    /// The old schema reads data of the new one: producers change first
    Forward,
    /// Both
    Full,
}

/// Prints the fingerprint of a schema, by which messages name it: 16 hexadecimal digits
///
/// It is CRC-64-AVRO of the canonical form, so it stays the same for other blanks, texts of
/// documentation, defaults and logical types.
#[derive(Debug, Args)]
#[command(after_help = EXITS)]
pub(crate) struct Fingerprint {
    /// The file of the schema, or - for standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

/// Prints the schema of a type, with the definitions that it needs from other files
#[derive(Debug, Args)]
#[command(after_help = EXITS)]
pub(crate) struct Show {
    /// The full name of the type, or the last part of it
    #[arg(value_name = "TYPE")]
    pub(crate) name: String,

    /// A directory of files *.avsc, or the file of a schema
    #[arg(long = "in", value_name = "PATH", default_value = ".")]
    pub(crate) path: PathBuf,

    /// Print the canonical form, of which the fingerprint is taken
    #[arg(long)]
    pub(crate) canonical: bool,
}

const CHECK: &str = "\
Exit codes: 0 compatible; 1 not compatible; 2 wrong usage; 65 a file is no schema; \
66 a file cannot be read; 74 writing failed; 141 whoever read standard output has gone.";

const EXITS: &str = "\
Exit codes: 0 it is printed; 2 wrong usage; 65 a file is no schema; 66 a file cannot be read, or \
has no such type; 74 writing failed; 141 whoever read standard output has gone.";
