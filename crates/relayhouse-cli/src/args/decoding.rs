//! The arguments that say how bodies are decoded.

use std::path::PathBuf;

use clap::Args;

/// Says whether bodies are decoded, and by which schemas.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Decoding {
    /// Show what bodies say as well, by their content type: JSON, MessagePack or Avro
    #[arg(long)]
    pub(crate) decode: bool,

    /// The file of an Avro schema, or a directory of files *.avsc
    #[arg(
        long,
        value_name = "PATH",
        requires = "decode",
        conflicts_with = "registry"
    )]
    pub(crate) schema: Option<PathBuf>,

    /// The URL of a schema registry
    #[arg(long, value_name = "URL", requires = "decode")]
    pub(crate) registry: Option<String>,
}
