//! `relayhouse completions` and `man`: what others make of the command line.

use std::path::Path;

use clap::{Command, CommandFactory};

use crate::{
    Stdout,
    args::{Cli, Completions, Man},
    exit::{Code, Failure},
    print,
};

const NAME: &str = "relayhouse";

pub(crate) async fn completions(args: Completions, stdout: Stdout) -> Result<Code, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), NAME, &mut text);
    print::once(stdout, &String::from_utf8_lossy(&text)).await?;
    Ok(Code::Done)
}

pub(crate) async fn man(args: Man, stdout: Stdout) -> Result<Code, Failure> {
    if let Some(directory) = &args.dir {
        pages(directory)?;
        return Ok(Code::Done);
    }
    let text = page(Cli::command())?;
    print::once(stdout, &text).await?;
    Ok(Code::Done)
}

/// Writes a page for each command.
fn pages(directory: &Path) -> Result<(), Failure> {
    let created = std::fs::create_dir_all(directory);
    let written = created.and_then(|()| clap_mangen::generate_to(Cli::command(), directory));
    written.map_err(|error| {
        let text = format!("cannot write to {}: {error}", directory.display());
        Failure::new(Code::CannotCreate, text)
    })
}

fn page(command: Command) -> Result<String, Failure> {
    let mut text = Vec::new();
    let rendered = clap_mangen::Man::new(command).render(&mut text);
    rendered.map_err(|error| Failure::io("the manual page", &error))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
