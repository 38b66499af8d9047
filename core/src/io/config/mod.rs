//! What a server is told at its start, out of a file, the environment and the command line.
//!
//! [`table`] has one row for each setting, and everything else is made from it. [`read`] takes all
//! sources as bytes and gives a [`Config`]: each setting with its value and where it was given, and
//! every problem at once. It touches nothing. [`load`] reads the files and looks at what they name;
//! [`Config::builder`] makes a server of the result.
//!
//! What is stronger wins: a flag over the environment, that over the file, that over the options for a
//! Java machine in `SERVER_JVMFLAGS` and `JVMFLAGS`, and those over the default. The last are read only
//! beside a `zoo.cfg`, whose keys they can carry.
//!
//! What always holds: no value of a secret is in any message, in `Debug`, or in a report.

mod build;
mod check;
mod convert;
mod document;
mod jaas;
mod load;
mod origin;
mod properties;
mod reference;
mod report;
mod setting;
mod suggestion;
pub mod table;
mod value;
mod zookeeper;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use suggestion::nearest;

pub use load::load;
pub use origin::{Origin, Problem, Problems, Severity};
pub use reference::reference;
pub use setting::{Form, Key, Setting, Standard};
pub use value::{Kind, Unit, Value};

/// The longest file of any kind that is read, in bytes.
const MOST_BYTES: usize = 1 << 20;

/// The contents of a file.
#[derive(Clone, Default)]
pub struct Text {
    /// Its name, as it was given.
    pub name: String,
    /// All of it.
    pub bytes: Vec<u8>,
}

/// Everything that is read.
#[derive(Clone, Default)]
pub struct Sources {
    /// The file; a name that ends in `.toml` makes it one of TOML, everything else is a `zoo.cfg`.
    pub file: Option<Text>,
    /// The file that `dynamicConfigFile` names in a `zoo.cfg`.
    pub dynamic: Option<Text>,
    /// The environment. What is not about tenure is not looked at.
    pub environment: Vec<(String, String)>,
    /// Names of flags, without their dashes, with their values.
    pub flags: Vec<(String, String)>,
}

/// A value, and where it was given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Given {
    /// What was given.
    pub value: Value,
    /// Where.
    pub origin: Origin,
}

/// What Apache's server would have kept where, as a `zoo.cfg` says.
#[derive(Clone, PartialEq, Eq, Debug)]
struct ApacheDirs {
    data: PathBuf,
    log: Option<PathBuf>,
}

/// The settings that were given, and what is wrong with them.
#[derive(Clone, Default, Debug)]
pub struct Config {
    /// For each setting, the weakest first.
    given: BTreeMap<&'static str, Vec<Given>>,
    problems: Problems,
    /// What the file is called.
    file: Option<String>,
    apache: Option<ApacheDirs>,
}

/// Reads all sources. Every input has a result.
pub fn read(sources: &Sources) -> Config {
    let mut config = Config::default();
    if let Some(file) = &sources.file {
        config.file = Some(file.name.clone());
        if is_toml(&file.name) {
            document::read(&mut config, file);
        } else {
            zookeeper::read(&mut config, sources, file);
        }
    }
    config.read_environment(&sources.environment);
    config.read_flags(&sources.flags);
    config.check_together();
    config.problems.sort();
    config
}

/// Whether a file of this name is one of TOML.
pub fn is_toml(name: &str) -> bool {
    name.len() > 5 && name.to_ascii_lowercase().ends_with(".toml")
}

impl Config {
    /// What is wrong, in the order of the files' lines.
    pub fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter()
    }

    /// How many problems are this bad.
    pub fn count(&self, severity: Severity) -> usize {
        self.problems.count(severity)
    }

    /// What a setting is, if anybody gave it.
    pub fn given(&self, setting: &Setting) -> Option<&Given> {
        self.given.get(setting.path)?.last()
    }

    /// What was given too, and is not in force.
    pub fn overridden(&self, setting: &Setting) -> &[Given] {
        match self.given.get(setting.path).map(Vec::as_slice) {
            Some([weaker @ .., _]) => weaker,
            _ => &[],
        }
    }

    /// The number that was given.
    fn number(&self, setting: &Setting) -> Option<u64> {
        match self.given(setting)?.value {
            Value::Number(number) => Some(number),
            _ => None,
        }
    }

    /// What was given, or the default.
    fn yes(&self, setting: &Setting) -> bool {
        match self.given(setting).map(|given| &given.value) {
            Some(Value::Bool(yes)) => *yes,
            _ => setting.default == Standard::Bool(true),
        }
    }

    /// The text that was given.
    fn text(&self, setting: &Setting) -> Option<&str> {
        match &self.given(setting)?.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The words that were given.
    fn words(&self, setting: &Setting) -> Option<&[String]> {
        match &self.given(setting)?.value {
            Value::List(words) => Some(words),
            _ => None,
        }
    }

    /// Where a setting was given.
    fn origin(&self, setting: &Setting) -> Origin {
        self.given(setting).map_or(Origin::Nowhere, |given| given.origin.clone())
    }

    /// Takes what is stronger than all that was given before.
    fn give(&mut self, setting: &'static Setting, value: Value, origin: Origin) {
        self.given.entry(setting.path).or_default().push(Given { value, origin });
    }

    /// The same, from text that may be wrong.
    fn give_text(&mut self, setting: &'static Setting, text: &str, origin: Origin) {
        match setting.kind.parse(text) {
            Ok(value) => self.give(setting, value, origin),
            Err(_) if setting.is_secret => {
                let text = format!("{}: {}", origin.key(), setting.kind);
                self.problems.error(&origin, text);
            }
            Err(why) => self.problems.error(&origin, format!("{}: {why}", origin.key())),
        }
    }

    fn read_environment(&mut self, environment: &[(String, String)]) {
        let names: Vec<_> = table::TABLE.iter().map(|setting| setting.variable()).collect();
        for (setting, name) in table::TABLE.iter().zip(&names) {
            let Some(name) = name else { continue };
            if let Some((_, value)) = environment.iter().find(|(given, _)| given == name) {
                self.give_text(setting, value, Origin::Environment(name.clone()));
            }
        }
        // Others may be about something else: only what looks like a slip is worth a line.
        let known = || names.iter().flatten().map(String::as_str);
        for (name, _) in environment.iter().filter(|(name, _)| name.starts_with("TENURE_")) {
            // Which faults to plant is for a program that can.
            let is_fault = cfg!(feature = "faults") && name == "TENURE_FAULT";
            let is_known = is_fault || known().any(|known| known == name);
            if let Some(meant) = nearest(name, known()).filter(|_| !is_known) {
                let text = format!("{name} has no effect: did you mean {meant}?");
                self.problems.warn(&Origin::Environment(name.clone()), text);
            }
        }
    }

    fn read_flags(&mut self, flags: &[(String, String)]) {
        for setting in table::TABLE {
            let given = flags.iter().find(|(name, _)| Some(name.as_str()) == setting.flag());
            if let Some((name, value)) = given {
                self.give_text(setting, value, Origin::Flag(name.clone()));
            }
        }
    }

    /// The name of a source file, for the origins of its values.
    fn shared_name(&self) -> Arc<str> {
        Arc::from(self.file.as_deref().unwrap_or_default())
    }
}
