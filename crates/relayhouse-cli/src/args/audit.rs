//! The arguments that say where changes are written down.

use std::path::PathBuf;

use clap::Args;

/// Says where changes are written down.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Audited {
    /// The file that changes are written down in; what is set elsewhere, or relayhouse/audit.jsonl
    /// in the user's directory for state, which is ~/.local/state unless the system says otherwise
    #[arg(long, value_name = "FILE")]
    pub(crate) audit: Option<PathBuf>,
}
