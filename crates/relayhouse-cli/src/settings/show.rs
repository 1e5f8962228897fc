//! `relayhouse config show`: what is set, and who says so.

use std::path::Path;

use clap::ValueEnum;
use serde::Serialize;

use super::{From, Setting, Settings};
use crate::{
    Stdout,
    args::{Config, ConfigAction, Format},
    exit::{Code, Failure},
    open, print,
};

/// Is one setting; without a value it is left to each command.
#[derive(Debug, Serialize)]
struct Row {
    setting: String,
    value: Option<String>,
    from: String,
}

pub(crate) async fn run(args: Config, settings: Settings, stdout: Stdout) -> Result<Code, Failure> {
    let ConfigAction::Show(show) = args.action;
    let rows = settings.rows();
    let text = match show.output {
        Format::Json => print::json(&rows)?,
        Format::Ndjson => rows.iter().map(print::json).collect::<Result<_, _>>()?,
        Format::Table => rows.iter().map(Row::line).collect(),
    };
    print::once(stdout, &text).await?;
    Ok(Code::Done)
}

impl Settings {
    fn rows(&self) -> Vec<Row> {
        let Self {
            config,
            profile,
            output,
            verbosity,
            audit,
            queues,
        } = self;
        let row = |name, value| self.row(name, value);
        let mut rows = vec![
            row("config", shown(config, |it| path(it))),
            row("profile", shown(profile, Clone::clone)),
            row("output", shown(output, |it| it.name().to_owned())),
            row("verbosity", shown(verbosity, name)),
            row("audit", shown(audit, |it| path(it))),
            row("base", shown(&queues.base, |it| without_options(it))),
        ];
        rows.extend(queues.named.iter().map(|(name, url)| {
            let value = (without_options(url), From::Profile);
            self.row(&format!("queue {name}"), Some(value))
        }));
        rows
    }

    fn row(&self, name: &str, value: Option<(String, From)>) -> Row {
        let (value, from) = value.unzip();
        Row {
            setting: name.to_owned(),
            value,
            from: from.map_or("nobody".to_owned(), |from| self.named(from)),
        }
    }

    /// Names who said a setting.
    fn named(&self, from: From) -> String {
        let file = self.config.as_ref().map(|it| path(&it.value));
        let file = file.unwrap_or_default();
        match from {
            From::Option(name) => format!("the option {name}"),
            From::Variable(name) => format!("the variable {name}"),
            From::Profile => {
                let profile = self.profile.as_ref().map_or("", |it| &it.value);
                format!("profile {profile} in {file}")
            }
            From::File => file,
            From::Place => "its usual place".to_owned(),
        }
    }
}

impl Row {
    fn line(&self) -> String {
        let Self {
            setting,
            value,
            from,
        } = self;
        let value = value.as_deref().unwrap_or("-");
        format!("{setting:<16}  {value:<40}  {from}\n")
    }
}

fn shown<T>(
    setting: &Option<Setting<T>>,
    show: impl FnOnce(&T) -> String,
) -> Option<(String, From)> {
    let Setting { value, from } = setting.as_ref()?;
    Some((show(value), *from))
}

fn name<T: ValueEnum>(value: &T) -> String {
    let name = value.to_possible_value();
    name.map_or_else(String::new, |name| name.get_name().to_owned())
}

fn path(path: &Path) -> String {
    path.display().to_string()
}

/// Hides what may be secret in a URL: its options, and a password, which has no place there.
fn without_options(url: &str) -> String {
    match open::parts(url) {
        (place, _) if place.contains('@') => "..".to_owned(),
        (place, Some(_)) => format!("{place}?.."),
        (place, None) => place.to_owned(),
    }
}
