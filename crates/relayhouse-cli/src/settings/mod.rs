//! What commands are told by the environment and a configuration file, beside their options.
//!
//! An option of the command line comes before a variable, that before the profile, and that before
//! what a command does where nobody says anything.

mod file;
mod queues;
mod show;

use std::path::PathBuf;

use clap::{Command as Clap, ValueEnum};
use relayhouse::config::Params;
use serde::{Deserialize, Deserializer, de::Error as _};

pub(crate) use self::show::run;
use self::{
    file::{File, Profile},
    queues::Queues,
};
use crate::{
    args::{Cli, Command, Format},
    console::Verbosity,
    exit::{Code, Failure, with_advice},
    place,
};

const PREFIX: &str = "RELAYHOUSE_";

/// The commands whose --output adds to what they print, and is nobody's usual choice.
const NOT_ASKED: [&str; 2] = ["send", "work"];

/// Is a setting, and who said it.
#[derive(Clone)]
pub(crate) struct Setting<T> {
    value: T,
    from: From,
}

impl<T> Setting<T> {
    fn map<U>(self, change: impl FnOnce(T) -> U) -> Setting<U> {
        let Self { value, from } = self;
        Setting {
            value: change(value),
            from,
        }
    }
}

/// Says who said a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum From {
    /// An option of the command line.
    Option(&'static str),
    /// A variable of the environment.
    Variable(&'static str),
    /// The profile.
    Profile,
    /// The configuration file, outside of its profiles.
    File,
    /// The place where it is looked for.
    Place,
}

/// Is everything that commands are told beside their options. It cannot be printed as it is, since
/// URLs may have secrets among their options.
#[derive(Default)]
pub(crate) struct Settings {
    config: Option<Setting<PathBuf>>,
    profile: Option<Setting<String>>,
    output: Option<Setting<Format>>,
    verbosity: Option<Setting<Verbosity>>,
    audit: Option<Setting<PathBuf>>,
    queues: Queues,
}

/// Is what the environment says; but for the file, what is empty says nothing.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Variables {
    config: Option<String>,
    profile: Option<String>,
    base: Option<String>,
    output: Option<String>,
    verbosity: Option<String>,
    audit: Option<String>,
}

/// Is a value that is chosen by its name.
#[derive(Clone, Copy, Debug)]
struct Value<T>(T);

impl<'de, T: ValueEnum> Deserialize<'de> for Value<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        named(&text).map(Self).map_err(D::Error::custom)
    }
}

/// Returns the value that `text` names; else the names that there are.
fn named<T: ValueEnum>(text: &str) -> Result<T, String> {
    T::from_str(text, false).map_err(|_| {
        let known = T::value_variants().iter().filter_map(T::to_possible_value);
        let known: Vec<_> = known.map(|it| it.get_name().to_owned()).collect();
        format!("{text:?} is none of {}", known.join(", "))
    })
}

impl Settings {
    /// Reads what the environment and the file say that `cli` is about.
    pub(crate) fn of(cli: &Cli) -> Result<Self, Failure> {
        if !cli.command.is_set_up() {
            let verbosity = of_options(cli);
            return Ok(Self {
                verbosity,
                ..Self::default()
            });
        }
        let variables = Variables::read()?;
        let (config, file) = config(cli, &variables)?;
        let profile = chosen(cli, &variables, &file);
        let of_profile = match &profile {
            Some(profile) => found(&profile.value, config.as_ref(), &file)?,
            None => Profile::default(),
        };
        Self::joined(cli, config, profile, variables, of_profile)
    }

    fn joined(
        cli: &Cli,
        config: Option<Setting<PathBuf>>,
        profile: Option<Setting<String>>,
        variables: Variables,
        of_profile: Profile,
    ) -> Result<Self, Failure> {
        let Variables {
            config: _,
            profile: _,
            base,
            output,
            verbosity,
            audit,
        } = variables;
        let output = read("RELAYHOUSE_OUTPUT", output)?;
        let verbosity = read("RELAYHOUSE_VERBOSITY", verbosity)?;
        Ok(Self {
            config,
            profile,
            output: output.or_else(|| of(of_profile.output.map(|Value(value)| value))),
            verbosity: of_options(cli)
                .or(verbosity)
                .or_else(|| of(of_profile.verbosity.map(|Value(value)| value))),
            audit: said("RELAYHOUSE_AUDIT", audit)
                .map(|it| it.map(PathBuf::from))
                .or_else(|| of(of_profile.audit)),
            queues: Queues {
                base: said("RELAYHOUSE_BASE", base).or_else(|| of(of_profile.base)),
                named: of_profile.queues,
            },
        })
    }

    /// Returns how much to say.
    pub(crate) fn verbosity(&self) -> Verbosity {
        let said = self.verbosity.as_ref();
        said.map_or(Verbosity::Normal, |said| said.value)
    }

    /// Has `clap` take the output that is set where a command line names none.
    pub(crate) fn suggest(&self, clap: Clap) -> Clap {
        match &self.output {
            Some(output) => suggest_output(clap, output.value),
            None => clap,
        }
    }

    /// Completes `command` with what it does not say itself.
    pub(crate) fn complete(&self, command: &mut Command) -> Result<(), Failure> {
        if let (Some(audited), Some(audit)) = (command.audited(), &self.audit) {
            audited.audit.get_or_insert_with(|| audit.value.clone());
        }
        for url in command.urls() {
            self.queues.complete(url)?;
        }
        Ok(())
    }
}

impl Variables {
    fn read() -> Result<Self, Failure> {
        let params = Params::from_env(PREFIX);
        params.read().map_err(|error| {
            let text = format!("the environment, {PREFIX}*: {}", with_advice(&error));
            Failure::new(Code::Usage, text)
        })
    }
}

/// Finds the file: one that somebody names must be there.
fn config(cli: &Cli, variables: &Variables) -> Result<(Option<Setting<PathBuf>>, File), Failure> {
    let of_option = cli.config.clone().filter(|_| !cli.command.has_own_config());
    let of_option = of_option.map(|value| Setting {
        value,
        from: From::Option("--config"),
    });
    let of_variable = variables.config.clone().map(|value| Setting {
        value: PathBuf::from(value),
        from: From::Variable("RELAYHOUSE_CONFIG"),
    });
    match of_option.or(of_variable) {
        // No name is a way to say that none is wanted.
        Some(named) if named.value.as_os_str().is_empty() => Ok((None, File::default())),
        Some(named) => {
            let file = File::read(&named.value)?;
            Ok((Some(named), file))
        }
        None => usual(),
    }
}

/// Looks where the file is if nobody names one.
fn usual() -> Result<(Option<Setting<PathBuf>>, File), Failure> {
    let Some(value) = place::of_settings() else {
        return Ok((None, File::default()));
    };
    let from = From::Place;
    match File::read_if_there(&value)? {
        Some(file) => Ok((Some(Setting { value, from }), file)),
        None => Ok((None, File::default())),
    }
}

/// Returns the profile that is meant.
fn chosen(cli: &Cli, variables: &Variables, file: &File) -> Option<Setting<String>> {
    let named = [
        (&cli.profile, From::Option("--profile")),
        (&variables.profile, From::Variable("RELAYHOUSE_PROFILE")),
        (&file.profile, From::File),
    ];
    let mut named = named.into_iter();
    named.find_map(|(name, from)| {
        let value = name.clone().filter(|name| !name.is_empty())?;
        Some(Setting { value, from })
    })
}

fn found(name: &str, config: Option<&Setting<PathBuf>>, file: &File) -> Result<Profile, Failure> {
    if let Some(profile) = file.profiles.get(name) {
        return Ok(profile.clone());
    }
    let text = match config {
        None => format!("there is no profile {name}, since there is no configuration file"),
        Some(config) => {
            let known: Vec<_> = file.profiles.keys().map(String::as_str).collect();
            let path = config.value.display();
            format!(
                "there is no profile {name} in {path}, known are: {}",
                known.join(", ")
            )
        }
    };
    Err(Failure::new(Code::Usage, text))
}

/// Takes what options say of how much to say.
fn of_options(cli: &Cli) -> Option<Setting<Verbosity>> {
    let (option, value) = cli.verbosity()?;
    let from = From::Option(option);
    Some(Setting { value, from })
}

/// Takes what a variable says.
fn said(variable: &'static str, text: Option<String>) -> Option<Setting<String>> {
    let value = text.filter(|text| !text.is_empty())?;
    let from = From::Variable(variable);
    Some(Setting { value, from })
}

/// Takes the value that a variable names.
fn read<T: ValueEnum>(
    variable: &'static str,
    text: Option<String>,
) -> Result<Option<Setting<T>>, Failure> {
    let Some(Setting { value, from }) = said(variable, text) else {
        return Ok(None);
    };
    let value =
        named(&value).map_err(|rule| Failure::new(Code::Usage, format!("{variable}: {rule}")))?;
    Ok(Some(Setting { value, from }))
}

/// Takes what the profile says.
fn of<T>(value: Option<T>) -> Option<Setting<T>> {
    let from = From::Profile;
    value.map(|value| Setting { value, from })
}

fn suggest_output(clap: Clap, output: Format) -> Clap {
    let names: Vec<_> = clap
        .get_subcommands()
        .map(|it| it.get_name().to_owned())
        .collect();
    let mut clap = clap;
    for name in names
        .iter()
        .filter(|name| !NOT_ASKED.contains(&name.as_str()))
    {
        clap = clap.mut_subcommand(name, |command| suggest_output(command, output));
    }
    let has_output = clap.get_arguments().any(|it| it.get_id() == "output");
    match has_output {
        true => clap.mut_arg("output", |it| it.default_value(output.name())),
        false => clap,
    }
}
