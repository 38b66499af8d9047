//! The effective configuration, for whoever operates the server.

use std::fmt::{self, Display, Formatter};

use super::table::{MAX_SESSION_TIMEOUT, MIN_SESSION_TIMEOUT, TABLE, TICK, TLS_KEY};
use super::{Config, Given, Origin, Setting, Severity, Value};
use crate::base::limits;

/// What [`Config::report`] gives.
pub struct Report<'a>(&'a Config);

impl Config {
    /// Each setting with its value and where it was given, then every problem, then how it stands.
    pub fn report(&self) -> Report<'_> {
        Report(self)
    }

    /// What holds as nobody gave a setting; what follows from others is computed.
    fn default_of(&self, setting: &Setting) -> String {
        let tick = self.number(&TICK).unwrap_or(limits::TICK.as_millis() as u64);
        let ticks = |count: u32| format!("{} ({count} ticks)", tick.saturating_mul(count.into()));
        match setting.path {
            path if path == MIN_SESSION_TIMEOUT.path => ticks(limits::MIN_SESSION_TICKS),
            path if path == MAX_SESSION_TIMEOUT.path => ticks(limits::MAX_SESSION_TICKS),
            path if path == TLS_KEY.path => self.key_file().unwrap_or("none").to_owned(),
            _ => setting.shown_default(),
        }
    }

    /// One line: how many problems there are, and what that means.
    pub fn verdict(&self) -> String {
        let count = |severity, name: &str| match self.count(severity) {
            0 => None,
            1 => Some(format!("1 {name}")),
            many => Some(format!("{many} {name}s")),
        };
        let counted = [count(Severity::Error, "error"), count(Severity::Warning, "warning")];
        let counted: Vec<_> = counted.into_iter().flatten().collect();
        let counted = if counted.is_empty() { "no problem".to_owned() } else { counted.join(", ") };
        match self.count(Severity::Error) {
            0 => format!("{counted}: a server starts with this"),
            _ => format!("{counted}: no server starts with this"),
        }
    }
}

impl Display for Report<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let config = self.0;
        let rows: Vec<[String; 3]> = TABLE.iter().map(|setting| row(config, setting)).collect();
        let width = |column: usize| {
            let widths = rows.iter().map(|row| row[column].chars().count());
            widths.max().unwrap_or(0).min(44)
        };
        let (names, values) = (width(0), width(1));
        let file = config.file.as_deref().unwrap_or("no file");
        writeln!(f, "{file}, as a server would be told:\n")?;
        let mut table = "";
        for (setting, [name, value, origin]) in TABLE.iter().zip(&rows) {
            if setting.place().0 != table {
                table = setting.place().0;
                writeln!(f, "[{table}]")?;
            }
            writeln!(f, "  {name:names$}  {value:values$}  {origin}")?;
        }
        writeln!(f)?;
        for problem in config.problems() {
            writeln!(f, "{problem}")?;
        }
        if config.problems().next().is_some() {
            writeln!(f)?;
        }
        writeln!(f, "{}", config.verdict())
    }
}

/// Its name, its value, and where that comes from.
fn row(config: &Config, setting: &Setting) -> [String; 3] {
    let name = setting.place().1.to_owned();
    let Some(given) = config.given(setting) else {
        let default = if setting.is_secret { "not set".into() } else { config.default_of(setting) };
        return [name, default, "default".to_owned()];
    };
    let mut origin = place(setting, given);
    for weaker in config.overridden(setting).iter().rev() {
        origin += &format!("; overrides {} ({})", shown(setting, weaker), weaker.origin);
    }
    [name, shown(setting, given), origin]
}

fn shown(setting: &Setting, given: &Given) -> String {
    match &given.value {
        // They are only counted.
        Value::Users(_) => given.value.to_string(),
        _ if setting.is_secret => "set".to_owned(),
        value => value.to_string(),
    }
}

/// With the name it has there, where that is another one.
fn place(setting: &Setting, given: &Given) -> String {
    match &given.origin {
        Origin::File { key, .. } if key != setting.path => format!("{} {key}", given.origin),
        origin => origin.to_string(),
    }
}
