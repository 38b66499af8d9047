//! `tenure config`: what a server would be told, without starting one.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use tenure::config::{Severity, reference};

use crate::exit::Failure;
use crate::settings::{Flags, load};

/// What to do about configuration.
#[derive(Args)]
pub struct Config {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Show what a server would be told, setting by setting, and everything that is wrong with it.
    Check(Check),
    /// Print the page that explains all settings.
    Reference,
}

/// As `serve` would read it; nothing is made, changed or opened.
#[derive(Args)]
struct Check {
    /// The file: TOML if its name ends in .toml, a zoo.cfg of Apache ZooKeeper otherwise.
    file: Option<PathBuf>,
    /// Take warnings for errors.
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    flags: Flags,
}

impl Config {
    /// Does it.
    pub fn run(&self) -> Result<(), Failure> {
        match &self.verb {
            Verb::Check(check) => check.run(),
            Verb::Reference => {
                print!("{}", reference());
                Ok(())
            }
        }
    }
}

impl Check {
    fn run(&self) -> Result<(), Failure> {
        let config = load(self.file.clone(), &self.flags)?;
        print!("{}", config.report());
        if config.count(Severity::Error) > 0 {
            return Err(Failure::usage("the settings are wrong; see above"));
        }
        if self.strict && config.count(Severity::Warning) > 0 {
            return Err(Failure::usage("there are warnings, and --strict takes them for errors"));
        }
        Ok(())
    }
}
