//! Where a server's settings come from, on the command line: a file, and a flag for each setting that
//! the table of settings has.

use std::path::PathBuf;

use clap::error::Error;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};
use tenure::config::{self, Config, Kind, Setting, Unit, table};

use crate::exit::Failure;

/// The variable that names a file where no flag does.
const FILE: &str = "TENURE_CONFIG";

/// A configuration file, and everything that is stronger.
#[derive(Args)]
pub struct Settings {
    /// Read settings from FILE: TOML if its name ends in .toml, a zoo.cfg of Apache ZooKeeper
    /// otherwise.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    flags: Flags,
}

/// A flag for each setting, by name.
#[derive(Clone, Default)]
pub struct Flags(Vec<(String, String)>);

impl Settings {
    /// Reads everything.
    pub fn load(&self) -> Result<Config, Failure> {
        load(self.config.clone(), &self.flags)
    }
}

/// Reads a file, the environment and the flags. Where no file is named the environment may name one.
pub fn load(file: Option<PathBuf>, flags: &Flags) -> Result<Config, Failure> {
    let named = std::env::var_os(FILE).filter(|name| !name.is_empty()).map(PathBuf::from);
    let file = file.or(named);
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    config::load(file.as_deref(), environment.collect(), flags.0.clone()).map_err(Failure::usage)
}

impl Args for Flags {
    fn augment_args(command: Command) -> Command {
        let flags = table::TABLE.iter().filter_map(|setting| arg(setting));
        command.args(flags)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Flags::augment_args(command)
    }
}

impl FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Flags, Error> {
        let given = table::TABLE.iter().filter_map(|setting| {
            let name = setting.flag()?;
            Some((name.to_owned(), matches.get_one::<String>(name)?.clone()))
        });
        Ok(Flags(given.collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Flags::from_arg_matches(matches)?;
        Ok(())
    }
}

fn arg(setting: &'static Setting) -> Option<Arg> {
    let name = setting.flag()?;
    let arg = Arg::new(name)
        .long(name)
        .value_name(value_name(setting))
        .help(help(setting))
        .help_heading(setting.place().0);
    let is_switch = setting.kind == Kind::Bool;
    // `--name` alone is yes, and `--name=false` is no.
    Some(if is_switch {
        arg.num_args(0..=1).require_equals(true).default_missing_value("true")
    } else {
        arg
    })
}

fn value_name(setting: &Setting) -> &'static str {
    match setting.kind {
        Kind::Bool => "true|false",
        Kind::Number(_, _, Unit::Count) => "N",
        Kind::Number(_, _, Unit::Bytes) => "BYTES",
        Kind::Number(_, _, Unit::Millis) => "MS",
        Kind::Number(_, _, Unit::Seconds) => "SECONDS",
        Kind::Address { .. } => "ADDRESS:PORT",
        Kind::Path => "PATH",
        Kind::Text | Kind::Users => "TEXT",
        Kind::Choice(_) => "WORD",
        Kind::List => "WORD,…",
    }
}

fn help(setting: &Setting) -> String {
    let about = setting.about.trim_end_matches('.');
    let choices = match setting.kind {
        Kind::Choice(words) => format!(": {}", words.join(", ")),
        _ => String::new(),
    };
    let default = setting.shown_default();
    format!("{about}{choices} [default: {default}]")
}
