//! The TOML form of the configuration file.
//!
//! Each setting has a table and a key, as [`table`](super::table) says. Types are strict: a number is
//! written without quotes, a list with brackets.

use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::origin::Origin;
use super::setting::Setting;
use super::suggestion::{MOST_GUESSES, nearest};
use super::table::{TABLE, at};
use super::value::{Kind, Value};
use super::{Config, Text};

/// Reads a whole file.
pub(super) fn read(config: &mut Config, file: &Text) {
    let mut lines = Lines::new(config.shared_name(), &file.bytes);
    let Ok(text) = std::str::from_utf8(&file.bytes) else {
        config.problems.error(&lines.at(0, ""), "the file is not UTF-8, which TOML has to be");
        return;
    };
    let (document, errors) = DeTable::parse_recoverable(text);
    // What comes after the first few is usually about the same slip.
    for error in errors.iter().take(MOST_GUESSES) {
        let start = error.span().map_or(0, |span| span.start);
        let text = format!("this is no TOML: {}", error.message());
        config.problems.error(&lines.at(start, ""), text);
    }
    for (name, value) in document.get_ref() {
        let start = name.span().start;
        let name: &str = name.get_ref();
        match value.get_ref() {
            DeValue::Table(_) if !TABLE.iter().any(|setting| setting.place().0 == name) => {
                let meant = lines.meant(name, TABLE.iter().map(|setting| setting.place().0));
                let text = format!("[{name}] is no table of tenure, and has no effect{meant}");
                config.problems.warn(&lines.at(start, name), text);
            }
            DeValue::Table(keys) => read_table(config, &mut lines, name, keys),
            _ => {
                let origin = lines.at(start, name);
                let why = match TABLE.iter().find(|setting| setting.place().1 == name) {
                    Some(setting) => format!("write it below [{}]", setting.place().0),
                    None => "every setting stands in a table, such as [listen]".to_owned(),
                };
                config.problems.error(&origin, format!("{name}: {why}"));
            }
        }
    }
}

fn read_table(config: &mut Config, lines: &mut Lines, table: &str, keys: &DeTable<'_>) {
    for (key, value) in keys {
        let path = format!("{table}.{}", key.get_ref());
        let origin = lines.at(key.span().start, &path);
        match at(&path) {
            Some(setting) => read_value(config, setting, value, origin),
            None => {
                let meant = lines.meant(&path, TABLE.iter().map(|setting| setting.path));
                let text = format!("{path} is no setting of tenure, and has no effect{meant}");
                config.problems.warn(&origin, text);
            }
        }
    }
}

fn read_value(
    config: &mut Config,
    setting: &'static Setting,
    value: &Spanned<DeValue<'_>>,
    origin: Origin,
) {
    let read = match (setting.kind, value.get_ref()) {
        (Kind::Bool, DeValue::Boolean(yes)) => Ok(Value::Bool(*yes)),
        (Kind::Number(..), DeValue::Integer(number)) => integer(number.as_str(), number.radix())
            .map_or_else(
                || Err(setting.kind.refusal(number.as_str())),
                |number| setting.kind.parse(&number.to_string()),
            ),
        (Kind::List, DeValue::Array(words)) => {
            let words = words.iter().map(|word| word.get_ref().as_str().map(str::to_owned));
            match words.collect::<Option<Vec<String>>>() {
                Some(words) => Ok(Value::List(words)),
                None => Err("write text in quotes between the brackets".to_owned()),
            }
        }
        (Kind::Users, DeValue::Table(users)) => {
            let users = users.iter().map(|(name, password)| {
                Some((name.get_ref().to_string(), password.get_ref().as_str()?.to_owned()))
            });
            match users.collect::<Option<Vec<_>>>() {
                Some(users) => Ok(Value::Users(users)),
                None => Err("write each password as text in quotes".to_owned()),
            }
        }
        (Kind::Bool | Kind::Number(..), DeValue::String(_)) => {
            Err(format!("{}, without quotes", setting.kind))
        }
        (Kind::List, _) => Err("write a list, such as [\"one\", \"two\"]".to_owned()),
        (Kind::Users, _) => Err("write a table, such as { name = \"password\" }".to_owned()),
        (Kind::Bool | Kind::Number(..), _) => Err(setting.kind.to_string()),
        (_, DeValue::String(text)) => setting.kind.parse(text),
        (_, _) => Err(format!("{}, in quotes", setting.kind)),
    };
    match read {
        Ok(value) => config.give(setting, value, origin),
        Err(_) if setting.is_secret => {
            config.problems.error(&origin, format!("{}: {}", setting.path, setting.kind));
        }
        Err(why) => config.problems.error(&origin, format!("{}: {why}", setting.path)),
    }
}

fn integer(digits: &str, radix: u32) -> Option<u64> {
    u64::from_str_radix(digits, radix).ok()
}

/// Where in the file something stands.
struct Lines {
    name: Arc<str>,
    /// Where each line ends.
    ends: Vec<usize>,
    /// Guesses that are left.
    guesses: usize,
}

impl Lines {
    fn new(name: Arc<str>, bytes: &[u8]) -> Lines {
        let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        Lines { name, ends: ends.map(|(offset, _)| offset).collect(), guesses: MOST_GUESSES }
    }

    fn at(&self, offset: usize, key: &str) -> Origin {
        let line = self.ends.partition_point(|&end| end < offset) + 1;
        Origin::File { file: self.name.clone(), line: line as u32, key: key.to_owned() }
    }

    /// What was meant instead of a name that nobody knows, if that can be guessed.
    fn meant<'a>(&mut self, name: &str, names: impl Iterator<Item = &'a str>) -> String {
        if self.guesses == 0 {
            return String::new();
        }
        self.guesses -= 1;
        nearest(name, names).map(|name| format!(": did you mean {name}?")).unwrap_or_default()
    }
}
