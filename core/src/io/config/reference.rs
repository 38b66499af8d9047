//! `docs/configuration.md`, made from the table.

use std::fmt::Write;

use super::setting::{Form, Setting, Standard};
use super::table::TABLE;
use super::value::{Kind, Unit};
use super::zookeeper::idle;

/// What stands before the tables.
const HEAD: &str = include_str!("reference.md");

/// What stands before the keys that stand for settings.
const KEYS: &str = "
## Keys of zoo.cfg

| Key | Setting |
|---|---|
";

/// What stands before those that have no effect.
const IDLE: &str = "
`authProvider.N` may name the providers of Apache's server for digest, ensemble, ip, sasl and x509, which are
built in. Of `server.N` there may be one line; what it says about clients counts. `dynamicConfigFile`,
`standaloneEnabled` and `peerType` are read as far as they concern one server. `forceSync=no` has no effect: an
answer means that the change is on the disk. `autopurge.purgeInterval` has none either: old snapshots go as soon as
there are newer ones. `dataLogDir` is only looked at for data of Apache's. `ssl.crl`, `ssl.ocsp` and `ssl.clientHostnameVerification` ask for checks that tenure does not
make; where one is `true`, no server starts.

These keys have no effect, for the reason that is given:

";

/// The whole page.
pub fn reference() -> String {
    let mut page = HEAD.to_owned();
    let mut table = "";
    for setting in TABLE {
        if setting.place().0 != table {
            table = setting.place().0;
            let _ = write!(page, "\n## [{table}]\n");
        }
        describe(&mut page, setting);
    }
    list_keys(&mut page);
    page
}

/// What becomes of each key of a `zoo.cfg`.
fn list_keys(page: &mut String) {
    let mut rows: Vec<(&str, String)> = Vec::new();
    for setting in TABLE {
        for key in setting.keys {
            match rows.iter_mut().find(|(known, _)| *known == key.name) {
                Some((_, settings)) => *settings += &format!(", `{}`", setting.path),
                None => rows.push((key.name, format!("`{}`", setting.path))),
            }
        }
    }
    rows.sort_unstable_by_key(|(key, _)| key.to_ascii_lowercase());
    page.push_str(KEYS);
    for (key, settings) in rows {
        let _ = writeln!(page, "| `{key}` | {settings} |");
    }
    page.push_str(IDLE);
    for (reason, mut keys) in idle() {
        keys.sort_unstable_by_key(|key| key.to_ascii_lowercase());
        let keys: Vec<_> = keys.iter().map(|key| format!("`{key}`")).collect();
        let _ = writeln!(page, "* {reason}: {}", keys.join(", "));
    }
}

fn describe(page: &mut String, setting: &Setting) {
    let _ = write!(page, "\n### {}\n\n{}\n\n", setting.path, setting.about);
    let _ = writeln!(page, "* value: {}; default: {}", kind(setting.kind), default(setting));
    let mut names = Vec::new();
    if let Some(flag) = setting.flag() {
        names.push(format!("`--{flag}`"));
    }
    if let Some(variable) = setting.variable() {
        names.push(format!("`{variable}`"));
    }
    for key in setting.keys {
        let form = match key.form {
            Form::Same | Form::Together | Form::EmptyIs(_) => String::new(),
            Form::YesNo => " (yes or no)".to_owned(),
            Form::OrDefault => " (-1: the default)".to_owned(),
            Form::Kib => " (in KiB; 0 or less: never)".to_owned(),
            Form::AtLeast(least) => format!(" (at least {least})"),
        };
        names.push(format!("`{}` in zoo.cfg{form}", key.name));
    }
    if !names.is_empty() {
        let _ = writeln!(page, "* also: {}", names.join(", "));
    }
}

fn kind(kind: Kind) -> String {
    match kind {
        Kind::Bool => "`true` or `false`".to_owned(),
        Kind::Number(least, most, unit) => {
            let unit = match unit {
                Unit::Count => "a number",
                Unit::Bytes => "bytes",
                Unit::Millis => "milliseconds",
                Unit::Seconds => "seconds",
            };
            // A bound that is only that of the type tells nobody anything.
            if most >= i32::MAX as u64 {
                format!("{unit}, at least {least}")
            } else {
                format!("{unit}, {least} to {most}")
            }
        }
        Kind::Address { or_none: true } => "`ADDRESS:PORT` or `none`".to_owned(),
        Kind::Address { or_none: false } => "`ADDRESS:PORT`".to_owned(),
        Kind::Path => "a path".to_owned(),
        Kind::Text => "text".to_owned(),
        Kind::Choice(words) => {
            words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
        }
        Kind::List => "a list of words".to_owned(),
        Kind::Users => "a table of names and passwords".to_owned(),
    }
}

fn default(setting: &Setting) -> String {
    match setting.default {
        Standard::Words(text) => text.to_owned(),
        _ => format!("`{}`", setting.shown_default()),
    }
}
