//! Where a value was given, and what is wrong with it.

use std::fmt::{self, Display, Formatter};
use std::sync::Arc;

/// Where a value was given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Origin {
    /// In a file.
    File {
        /// Its name, as it was given.
        file: Arc<str>,
        /// Counted from 1.
        line: u32,
        /// What it is called there.
        key: String,
    },
    /// In a variable of the environment.
    Environment(String),
    /// On the command line, by the name behind the dashes.
    Flag(String),
    /// As a system property among the options for a Java machine.
    Java {
        /// The variable of the environment that has those options.
        variable: String,
        /// The property.
        property: String,
    },
    /// By nobody, or by nobody in particular.
    Nowhere,
}

impl Origin {
    /// What the setting is called where it was given.
    pub fn key(&self) -> &str {
        match self {
            Origin::File { key, .. } => key,
            Origin::Environment(name) | Origin::Flag(name) => name,
            Origin::Java { property, .. } => property,
            Origin::Nowhere => "",
        }
    }

    /// Whether it is one that was written for Apache ZooKeeper.
    pub fn line(&self) -> u32 {
        match self {
            Origin::File { line, .. } => *line,
            _ => 0,
        }
    }
}

/// `zoo.cfg:7`, `TENURE_TICK`, `--tick`.
impl Display for Origin {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Origin::File { file, line, .. } => write!(f, "{file}:{line}"),
            Origin::Environment(name) => f.write_str(name),
            Origin::Flag(name) => write!(f, "--{name}"),
            Origin::Java { variable, property } => write!(f, "{variable} -D{property}"),
            Origin::Nowhere => f.write_str("default"),
        }
    }
}

/// How bad a problem is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Severity {
    /// Worth knowing: a line that has no effect here, and needs none.
    Note,
    /// Something is otherwise than whoever wrote the line may think.
    Warning,
    /// A server does not start with this.
    Error,
}

/// What is wrong, where, and the way out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// Where.
    pub origin: Origin,
    /// What, beginning with the name of the setting.
    pub text: String,
}

impl Display for Severity {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        })
    }
}

/// `zoo.cfg:7: error: tickTime: …`.
impl Display for Problem {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Origin::Nowhere => write!(f, "{}: {}", self.severity, self.text),
            origin => write!(f, "{origin}: {}: {}", self.severity, self.text),
        }
    }
}

/// Problems as they are found.
#[derive(Clone, Default, Debug)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// A server does not start with this.
    pub fn error(&mut self, origin: &Origin, text: impl Into<String>) {
        self.add(Severity::Error, origin, text.into());
    }

    /// Something is otherwise than whoever wrote it may think.
    pub fn warn(&mut self, origin: &Origin, text: impl Into<String>) {
        self.add(Severity::Warning, origin, text.into());
    }

    /// Worth knowing.
    pub fn note(&mut self, origin: &Origin, text: impl Into<String>) {
        self.add(Severity::Note, origin, text.into());
    }

    /// All of them, in the order in which they were found.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }

    /// How many are this bad.
    pub fn count(&self, severity: Severity) -> usize {
        self.0.iter().filter(|problem| problem.severity == severity).count()
    }

    /// In the order of the lines they are about, files before everything else.
    pub(super) fn sort(&mut self) {
        self.0.sort_by_cached_key(|problem| match &problem.origin {
            Origin::File { file, line, .. } => (0, file.to_string(), *line),
            Origin::Java { .. } => (1, String::new(), 0),
            Origin::Environment(_) => (2, String::new(), 0),
            Origin::Flag(_) => (3, String::new(), 0),
            Origin::Nowhere => (4, String::new(), 0),
        });
    }

    fn add(&mut self, severity: Severity, origin: &Origin, text: String) {
        self.0.push(Problem { severity, origin: origin.clone(), text });
    }
}
