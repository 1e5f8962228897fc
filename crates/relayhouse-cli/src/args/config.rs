//! The arguments of `relayhouse config`.

use clap::{Args, Subcommand};

use super::value::Format;

/// Shows the settings that commands take from the environment and the configuration file
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct Config {
    #[command(subcommand)]
    pub(crate) action: Action,
}

/// Says what to do with it.
#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    Show(Show),
}

/// Lists each setting, and who says so: an option, a variable, or a profile
///
/// Options of URLs are not shown, since they may be secret.
#[derive(Debug, Args)]
#[command(after_help = EXITS)]
pub(crate) struct Show {
    /// How they are printed
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub(crate) output: Format,
}

const EXITS: &str = "\
The file is --config, else the variable RELAYHOUSE_CONFIG, else relayhouse/config.toml in
$XDG_CONFIG_HOME or ~/.config; a file with an empty name is none. It has profiles:

  profile = \"night\"                # the one that is used where nobody names one

  [profiles.night]
  base = \"sqs://eu-west-1/\"        # what stands before the name of a queue; ends with /
  output = \"ndjson\"                # of all commands that print what was asked for
  verbosity = \"quiet\"              # or normal, verbose, debug
  audit = \"/var/log/audit.jsonl\"   # where changes are written down

  [profiles.night.queues]          # queues that have a name of their own
  orders = \"servicebus://shop/orders\"

A profile is chosen by --profile, else by RELAYHOUSE_PROFILE, else by the file. An option comes
before a variable (RELAYHOUSE_BASE, RELAYHOUSE_OUTPUT, RELAYHOUSE_VERBOSITY, RELAYHOUSE_AUDIT), and
that before the profile. --output of send and work, which prints counts as well, is only asked for
by the option.

Where a command takes the URL of a queue it takes a name as well, also with what is behind it:
orders/$deadletterqueue.

Exit codes: 0 all is printed; 2 wrong usage, or the file is wrong; 66 the file cannot be read; \
74 writing failed; 141 whoever read standard output has gone.";
