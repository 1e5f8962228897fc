//! Bodies that other implementations of a format have made decode here, and ours decode there.
//!
//! Each case is a value that stands here as Rust, and in `cases` as JSON for the others.
//! `samples` has what they made of the cases, and the scripts that made it stand beside.

mod avro;
mod message_pack;
mod sample;

use std::path::Path;

use anyhow::Result;
use clap::ValueEnum;

/// Says which cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Those of Avro.
    Avro,
    /// Those of MessagePack.
    MessagePack,
}

impl Kind {
    /// Writes what our codecs make of the cases to `folder`, and returns the number of values.
    ///
    /// # Errors
    ///
    /// Returns why a value cannot be encoded, or a file cannot be written.
    pub fn write(self, folder: &Path) -> Result<usize> {
        match self {
            Self::Avro => avro::write(folder),
            Self::MessagePack => message_pack::write(folder),
        }
    }

    /// Decodes the samples in `folder` with our codecs, and returns the number of values.
    ///
    /// # Errors
    ///
    /// Returns which sample is not there, does not decode, or is another value.
    pub fn check(self, folder: &Path) -> Result<usize> {
        match self {
            Self::Avro => avro::check(folder),
            Self::MessagePack => message_pack::check(folder),
        }
    }
}
