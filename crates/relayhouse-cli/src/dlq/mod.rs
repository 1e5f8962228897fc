//! `relayhouse dlq`: what an operator does with dead letters.

mod canary;
mod edit;
mod export;
mod groups;
mod import;
mod letters;
mod list;
mod mend;
mod purge;
mod redrive;
mod show;
mod sources;
mod which;

use relayhouse::{Queue, Registry};

pub(crate) use self::which::matches;
use crate::{
    Stdout,
    args::{Dlq, DlqAction},
    console::Console,
    exit::{Code, Failure},
};

pub(crate) async fn run(
    args: Dlq,
    registry: &Registry,
    console: Console,
    stdout: Stdout,
) -> Result<Code, Failure> {
    match args.action {
        DlqAction::List(args) => list::run(args, registry, console, stdout).await,
        DlqAction::Show(args) => show::show(args, registry, console, stdout).await,
        DlqAction::Grep(args) => show::grep(args, registry, console, stdout).await,
        DlqAction::Redrive(args) => redrive::run(args, registry, console, stdout).await,
        DlqAction::Edit(args) => edit::run(args, registry, console, stdout).await,
        DlqAction::Export(args) => export::run(args, registry, console, stdout).await,
        DlqAction::Import(args) => import::run(args, registry, console, stdout).await,
        DlqAction::Purge(args) => purge::run(args, registry, console, stdout).await,
    }
}

/// Opens the dead letters of the queue at `url`: those themselves, if it names them.
async fn open(registry: &Registry, url: &str) -> Result<Queue, Failure> {
    Ok(registry.open(url).await?.dead_letters()?)
}
