//! Keys about identity that have to be seen together.

use super::{Entries, Entry, in_order};
use crate::io::config::Config;
use crate::io::config::origin::Problems;
use crate::io::config::table::{REQUIRE_AUTH, SUPER_SASL};
use crate::io::config::value::{Kind, Value};

/// Classes that stand for schemes that are built in, by the last part of their names.
const PROVIDERS: &[&str] = &[
    "DigestAuthenticationProvider",
    "EnsembleAuthenticationProvider",
    "IPAuthenticationProvider",
    "SASLAuthenticationProvider",
    "X509AuthenticationProvider",
];

/// Whether a key is read here and is not in the table.
pub(super) fn is_one(key: &str) -> bool {
    key.starts_with("authProvider.")
}

/// Reads them.
pub(super) fn read(config: &mut Config, entries: &Entries) {
    check_providers(entries, &mut config.problems);
    read_superusers(config, entries);
    read_required(config, entries);
}

fn check_providers(entries: &Entries, problems: &mut Problems) {
    for (key, entry) in in_order(entries).into_iter().filter(|(key, _)| is_one(key)) {
        let class = entry.value.rsplit('.').next().unwrap_or_default();
        if !PROVIDERS.contains(&class) {
            let text = format!(
                "{key}: {:?} is no scheme of tenure, which has digest, ensemble, ip, sasl and x509 built \
                 in, and nobody could prove themselves by it; remove the line",
                entry.value
            );
            problems.error(&entry.origin, text);
        }
    }
}

/// `superUser`, and `superUser.` with anything behind it.
fn read_superusers(config: &mut Config, entries: &Entries) {
    let is_one = |key: &str| key == "superUser" || key.starts_with("superUser.");
    let mut names = Vec::new();
    let mut first = None;
    for (key, entry) in in_order(entries).into_iter().filter(|(key, _)| is_one(key)) {
        if entry.value.is_empty() {
            config
                .problems
                .error(&entry.origin, format!("{key}: is empty; write the name of a user"));
            continue;
        }
        names.push(entry.value.clone());
        first.get_or_insert_with(|| entry.origin.clone());
    }
    if let Some(origin) = first {
        config.give(&SUPER_SASL, Value::List(names), origin);
    }
}

/// The older key asks for SASL and for nothing else; only without it the newer pair asks for one scheme
/// of a list.
fn read_required(config: &mut Config, entries: &Entries) {
    let is_on = |key: &str, problems: &mut Problems| {
        entries.get(key).filter(|entry| is_true(entry, problems))
    };
    let only_sasl = is_on("sessionRequireClientSASLAuth", &mut config.problems);
    let enforced = is_on("enforce.auth.enabled", &mut config.problems);
    let listed = entries.get("enforce.auth.schemes");
    let schemes = listed.map(|listed| Kind::List.parse(&listed.value));
    match (only_sasl, enforced, schemes) {
        (Some(entry), None, None) => {
            config.give(&REQUIRE_AUTH, sasl(), entry.origin.clone());
        }
        (Some(entry), _, _) => {
            let idle = listed.or(enforced).unwrap_or(entry);
            let text = "enforce.auth.schemes has no effect beside sessionRequireClientSASLAuth=true, which \
                        takes SASL alone, as Apache ZooKeeper does";
            config.problems.warn(&idle.origin, text);
            config.give(&REQUIRE_AUTH, sasl(), entry.origin.clone());
        }
        (None, Some(entry), Some(Ok(schemes))) => {
            config.give(&REQUIRE_AUTH, schemes, entry.origin.clone());
        }
        (None, Some(entry), _) => {
            let text = "enforce.auth.enabled needs enforce.auth.schemes, such as \
                        enforce.auth.schemes=sasl,x509";
            config.problems.error(&entry.origin, text);
        }
        (None, None, _) => {
            if let Some(listed) = listed {
                let text = "enforce.auth.schemes has no effect without enforce.auth.enabled=true";
                config.problems.warn(&listed.origin, text);
            }
        }
    }
}

fn sasl() -> Value {
    Value::List(vec!["sasl".to_owned()])
}

fn is_true(entry: &Entry, problems: &mut Problems) -> bool {
    match Kind::Bool.parse(&entry.value) {
        Ok(value) => value == Value::Bool(true),
        Err(why) => {
            problems.error(&entry.origin, format!("{}: {why}", entry.origin.key()));
            false
        }
    }
}
