//! The arguments of `relayhouse peek`.

use std::num::NonZeroU32;

use clap::Args;

use super::{decoding::Decoding, value::Format};

/// Shows messages of a queue without taking them
///
/// The oldest first, those that are leased or held back included. No lease begins, and no attempt
/// is counted.
#[derive(Debug, Args)]
#[command(after_help = EXITS)]
pub(crate) struct Peek {
    /// The queue, subscription or dead-letter queue
    #[arg(value_name = "URL")]
    pub(crate) url: String,

    /// How many messages to show at most
    #[arg(long, value_name = "N", default_value = "10")]
    pub(crate) max: NonZeroU32,

    /// The sequence number to begin with
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub(crate) from: u64,

    /// Says whether bodies are decoded
    #[command(flatten)]
    pub(crate) decoding: Decoding,

    /// How messages are printed; a table on a terminal, otherwise ndjson
    #[arg(long, value_name = "FORMAT")]
    pub(crate) output: Option<Format>,
}

const EXITS: &str = "\
With --decode, \"decoded\" is what the body says, and \"undecoded\" why that is not known; the body
itself is printed beside, as `relayhouse receive` does. Bytes in a body are shown as
{\"base64\": \"...\"}. Nothing is guessed: a message without a content type is not decoded.

Exit codes: 0 all is printed, be it nothing; 2 wrong usage, or the provider shows no messages; \
65 a file is no schema; 66 a file cannot be read; 69 the provider refuses; 74 writing failed; \
130 interrupted; 141 whoever read standard output has gone.";
