//! `zoo.cfg`, as servers of Apache ZooKeeper 3.4 to 3.9 read it, with what the file leaves to the
//! options of the Java machine.
//!
//! What a key stands for is in [`table`](super::table); keys that have to be seen together are read by
//! [`ports`], [`directories`], [`tls`] and [`identity`]. All that has no effect here is in
//! [`without_effect`], with the reason. A key that nobody knows is no error, because it is none for Apache, and is never passed over in
//! silence.

mod audit;
mod directories;
mod identity;
mod java;
mod members;
mod ports;
mod tls;
mod without_effect;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::origin::{Origin, Problems};
use super::setting::{Form, Setting};
use super::suggestion::{MOST_GUESSES, nearest};
use super::table::{TABLE, of_key};
use super::value::Value;
use super::{Config, Sources, Text, properties};

/// Keys without effect, with the reason.
pub(super) fn idle() -> impl Iterator<Item = (&'static str, Vec<&'static str>)> {
    without_effect::all().chain(tls::all())
}

/// A key as it was given.
#[derive(Clone, Debug)]
struct Entry {
    value: String,
    origin: Origin,
}

/// All keys, each once.
type Entries = BTreeMap<String, Entry>;

/// Reads the file, what it refers to, and the options of the Java machine.
pub(super) fn read(config: &mut Config, sources: &Sources, file: &Text) {
    let mut entries = java::entries(&sources.environment);
    let name = config.shared_name();
    entries.extend(of_file(&mut config.problems, &name, &file.bytes));
    let members = members::of(&entries, sources.dynamic.as_ref(), &mut config.problems);
    let mut unknown = Vec::new();
    let mut idle = without_effect::Idle::default();
    for (key, entry) in in_order(&entries) {
        if let Some((setting, form)) = of_key(key) {
            give(config, setting, form, entry);
        } else if !is_read_elsewhere(key) && !idle.take(key, entry, &mut config.problems) {
            unknown.push((key, entry));
        }
    }
    idle.report(&mut config.problems);
    report_unknown(&unknown, &mut config.problems);
    ports::read(config, &entries, &members);
    tls::read(config, &entries);
    identity::read(config, &entries);
    audit::read(config, &entries);
    directories::read(config, &entries);
}

/// Keys that stand for no setting by themselves, and have an effect.
fn is_read_elsewhere(key: &str) -> bool {
    let all = [members::is_one, directories::is_one, identity::is_one, tls::is_one, audit::is_one];
    all.iter().any(|is_one| is_one(key))
}

/// The keys of a file. Of those that stand in it twice the last one counts.
fn of_file(problems: &mut Problems, name: &Arc<str>, bytes: &[u8]) -> Entries {
    let mut entries = Entries::new();
    let (properties, faults) = properties::read(bytes);
    let at = |line, key: &str| Origin::File { file: name.clone(), line, key: key.to_owned() };
    for fault in faults {
        problems.error(&at(fault.line, ""), fault.text);
    }
    for property in properties {
        let origin = at(property.line, &property.key);
        let entry = Entry { value: property.value, origin: origin.clone() };
        if let Some(before) = entries.insert(property.key.clone(), entry) {
            let (key, line) = (property.key, before.origin.line());
            problems.warn(&origin, format!("{key} stands in line {line} too; this one counts"));
        }
    }
    entries
}

/// By the lines they stand on.
fn in_order(entries: &Entries) -> Vec<(&str, &Entry)> {
    let mut ordered: Vec<_> = entries.iter().map(|(key, entry)| (key.as_str(), entry)).collect();
    ordered.sort_by_key(|(_, entry)| entry.origin.line());
    ordered
}

/// A key that stands for one setting.
fn give(config: &mut Config, setting: &'static Setting, form: Form, entry: &Entry) {
    let (value, origin) = (entry.value.as_str(), &entry.origin);
    let key = origin.key();
    match form {
        Form::Together => {}
        Form::OrDefault if value == "-1" => {}
        Form::EmptyIs(other) if value.is_empty() => {
            config.give_text(setting, other, origin.clone())
        }
        Form::Same | Form::OrDefault | Form::EmptyIs(_) => {
            config.give_text(setting, value, origin.clone())
        }
        Form::YesNo => match yes_or_no(value) {
            Some(yes) => config.give(setting, Value::Bool(yes), origin.clone()),
            None => config.problems.error(origin, format!("{key}: {value:?}: write yes or no")),
        },
        Form::Kib => match value.parse::<i64>() {
            Ok(kib) => {
                let bytes = u64::try_from(kib).unwrap_or(0).saturating_mul(1_024);
                let never = u64::MAX >> 1;
                let bytes = if bytes == 0 { never } else { bytes.min(never) };
                config.give(setting, Value::Number(bytes), origin.clone());
            }
            Err(_) => {
                let why = "write a whole number of kibibytes, 0 for any number";
                config.problems.error(origin, format!("{key}: {value:?}: {why}"));
            }
        },
        Form::AtLeast(least) => match setting.kind.parse(value) {
            Ok(Value::Number(number)) if number < least => {
                let text =
                    format!("{key}: {number} is raised to {least}, as Apache ZooKeeper does");
                config.problems.warn(origin, text);
                config.give(setting, Value::Number(least), origin.clone());
            }
            _ => config.give_text(setting, value, origin.clone()),
        },
    }
}

fn yes_or_no(value: &str) -> Option<bool> {
    match value {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

/// One warning for all keys that nobody knows: typing errors are the usual reason.
fn report_unknown(unknown: &[(&str, &Entry)], problems: &mut Problems) {
    let Some((_, first)) = unknown.first() else { return };
    let known = || {
        let keys = TABLE.iter().flat_map(|setting| setting.keys).map(|key| key.name);
        keys.chain(without_effect::names()).chain(tls::names())
    };
    let mut listed: Vec<String> = unknown
        .iter()
        .take(MOST_GUESSES)
        .map(|(key, entry)| {
            let place = match entry.origin.line() {
                0 => entry.origin.to_string(),
                line => format!("line {line}"),
            };
            match nearest(key, known()) {
                Some(meant) => format!("{key} ({place}; did you mean {meant}?)"),
                None => format!("{key} ({place})"),
            }
        })
        .collect();
    if unknown.len() > MOST_GUESSES {
        listed.push(format!("and {} more", unknown.len() - MOST_GUESSES));
    }
    let keys = if unknown.len() == 1 { "unknown key" } else { "unknown keys" };
    let text = format!("{keys} without effect: {}", listed.join(", "));
    problems.warn(&first.origin, text);
}
