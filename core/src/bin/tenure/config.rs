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
    /// Print the same settings as a TOML file; secrets are left to be filled in.
    Convert(Convert),
    /// Print the page that explains all settings.
    Reference,
}

/// From what.
#[derive(Args)]
struct Convert {
    /// The file, usually a zoo.cfg of Apache ZooKeeper.
    file: PathBuf,
}

/// As `serve` would read it; nothing is made, changed or opened.
#[derive(Args)]
struct Check {
    /// The file: TOML if its name ends in .toml, a zoo.cfg of Apache ZooKeeper otherwise [default:
    /// what TENURE_CONFIG names, if anything].
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
            Verb::Convert(convert) => convert.run(),
            Verb::Reference => {
                print!("{}", reference());
                Ok(())
            }
        }
    }
}

impl Convert {
    fn run(&self) -> Result<(), Failure> {
        let config = load(Some(self.file.clone()), &Flags::default())?;
        print!("{}", config.to_toml());
        // The file is whole, and what is told of the old one does not belong into it.
        for problem in config.problems() {
            eprintln!("{problem}");
        }
        match config.count(Severity::Error) {
            0 => Ok(()),
            _ => {
                Err(Failure::usage("what is wrong with the old file is wrong with the new one too"))
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
