//! The same settings as a TOML file.

use std::fmt::Write;

use super::table::TABLE;
use super::{Config, Given, Setting, Value};

impl Config {
    /// A TOML file with every setting that was given, and where it comes from. Secrets are left to be
    /// filled in by hand.
    pub fn to_toml(&self) -> String {
        let mut file = String::new();
        let mut table = "";
        for setting in TABLE {
            let Some(given) = self.given(setting) else { continue };
            if setting.place().0 != table {
                table = setting.place().0;
                let gap = if file.is_empty() { "" } else { "\n" };
                let _ = writeln!(file, "{gap}[{table}]");
            }
            let _ = writeln!(file, "{}", line(setting, given));
        }
        file
    }
}

fn line(setting: &Setting, given: &Given) -> String {
    let (_, key) = setting.place();
    let origin = format!("{} {}", given.origin, given.origin.key());
    if setting.is_secret {
        return format!("# {key} is a secret, to be written here by hand ({origin})");
    }
    format!("{key} = {}  # {origin}", value(&given.value))
}

fn value(value: &Value) -> String {
    match value {
        Value::Bool(yes) => yes.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Text(text) => quoted(text),
        Value::List(words) => {
            let words: Vec<_> = words.iter().map(|word| quoted(word)).collect();
            format!("[{}]", words.join(", "))
        }
        // Users are a secret, and never get here.
        Value::Users(_) => "{}".to_owned(),
    }
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
