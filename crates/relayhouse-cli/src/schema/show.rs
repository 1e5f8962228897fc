//! `relayhouse schema show`: the schema of a type.

use relayhouse::codec::avro::Schema;

use super::file;
use crate::{
    args::SchemaShow,
    exit::{Code, Failure},
};

pub(super) fn show(args: &SchemaShow) -> Result<String, Failure> {
    let schema = find(args)?;
    let text = match args.canonical {
        true => schema.canonical().to_owned(),
        false => schema.to_pretty(),
    };
    Ok(format!("{text}\n"))
}

fn find(args: &SchemaShow) -> Result<Schema, Failure> {
    if !args.path.is_dir() {
        let schema = file::read(&args.path)?;
        let name = schema.name().unwrap_or_default().to_owned();
        return match is_called(&name, &args.name) {
            true => Ok(schema),
            false => Err(unknown(args, &[&name])),
        };
    }
    let directory = file::directory(&args.path)?;
    if let Some(schema) = directory.named(&args.name) {
        return Ok(schema.clone());
    }
    let mut names: Vec<_> = directory.names().collect();
    names.sort_unstable();
    let called = names.iter().filter(|name| is_called(name, &args.name));
    let called: Vec<_> = called.copied().collect();
    match (
        &*called,
        called.first().and_then(|name| directory.named(name)),
    ) {
        ([_], Some(schema)) => Ok(schema.clone()),
        ([], _) => Err(unknown(args, &names)),
        _ => {
            let text = format!("{} may be {}", args.name, called.join(" or "));
            Err(Failure::new(Code::Usage, text))
        }
    }
}

/// Returns whether `asked` is the name, or the last part of it.
fn is_called(name: &str, asked: &str) -> bool {
    name == asked || name.rsplit('.').next() == Some(asked)
}

fn unknown(args: &SchemaShow, names: &[&str]) -> Failure {
    const SHOWN_MAX: usize = 10;
    let shown = names.iter().take(SHOWN_MAX).copied().collect::<Vec<_>>();
    let more = if SHOWN_MAX < names.len() { ", ..." } else { "" };
    let known = match shown.join(", ") {
        known if known.is_empty() => "which has no named type".to_owned(),
        known => format!("which has {known}{more}"),
    };
    let (name, path) = (&args.name, args.path.display());
    Failure::new(Code::NoInput, format!("no type {name} in {path}, {known}"))
}
