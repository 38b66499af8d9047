//! System properties among the options of a Java machine: what the scripts of Apache ZooKeeper pass
//! to it from `SERVER_JVMFLAGS` and `JVMFLAGS`.

use super::{Entries, Entry};
use crate::io::config::origin::Origin;

/// The variables, the one that wins last.
const VARIABLES: &[&str] = &["SERVER_JVMFLAGS", "JVMFLAGS"];

/// Where Java looks for the users of SASL, as a key.
pub(super) const JAAS: &str = "java.security.auth.login.config";

/// Properties that ZooKeeper reads without its prefix.
const BARE: &[&str] = &["jute.maxbuffer", "readonlymode.enabled", "fsync.warningthresholdms", JAAS];

/// Keys that Apache's server takes from its file alone.
const OF_THE_FILE: &[&str] = &[
    "clientPort",
    "clientPortAddress",
    "clientPortListenBacklog",
    "dataDir",
    "dataLogDir",
    "dynamicConfigFile",
    "maxClientCnxns",
    "maxSessionTimeout",
    "minSessionTimeout",
    "secureClientPort",
    "secureClientPortAddress",
    "tickTime",
];

/// The properties that are about ZooKeeper, by the keys of `zoo.cfg` they stand for.
pub(super) fn entries(environment: &[(String, String)]) -> Entries {
    let mut entries = Entries::new();
    for variable in VARIABLES {
        let Some((_, options)) = environment.iter().find(|(name, _)| name == variable) else {
            continue;
        };
        for word in words(options) {
            let Some((property, value)) = word.strip_prefix("-D").and_then(|it| it.split_once('='))
            else {
                continue;
            };
            let Some(key) = key(property) else { continue };
            let (variable, property) = ((*variable).to_owned(), property.to_owned());
            let origin = Origin::Java { variable, property };
            entries.insert(key.to_owned(), Entry { value: value.trim().to_owned(), origin });
        }
    }
    entries
}

fn key(property: &str) -> Option<&str> {
    if BARE.contains(&property) || property.starts_with("znode.container.") {
        return Some(property);
    }
    let key = property.strip_prefix("zookeeper.")?;
    (!OF_THE_FILE.contains(&key)).then_some(key)
}

/// The words of a command line, as a shell parts them.
fn words(options: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = options.chars();
    while let Some(c) = characters.next() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (Some('"') | None, '\\') => word.get_or_insert_default().extend(characters.next()),
            (Some(_), _) => word.get_or_insert_default().push(c),
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, _) if c.is_whitespace() => words.extend(word.take()),
            (None, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_of_zookeeper_are_found_among_other_options() {
        let environment = [
            ("JVMFLAGS".to_owned(), "-Dzookeeper.snapCount=2000".to_owned()),
            (
                "SERVER_JVMFLAGS".to_owned(),
                "-Xmx1g  -Djute.maxbuffer=0xfffff '-Dzookeeper.snapCount=1000' \
                 -Djava.security.auth.login.config=\"/etc/zoo keeper/jaas.conf\" -Dfoo=bar \
                 -Dzookeeper.skipACL=y\\ es -Dzookeeper.tickTime=5 -Dempty -Dzookeeper.x=\"unclosed"
                    .to_owned(),
            ),
            ("OTHER".to_owned(), "-Dzookeeper.enforceQuota=true".to_owned()),
        ];
        let entries = entries(&environment);
        let found: Vec<_> =
            entries.iter().map(|(key, it)| (key.as_str(), it.value.as_str())).collect();
        assert_eq!(
            found,
            [
                (JAAS, "/etc/zoo keeper/jaas.conf"),
                ("jute.maxbuffer", "0xfffff"),
                ("skipACL", "y es"),
                ("snapCount", "2000"),
                ("x", "unclosed"),
            ]
        );
        assert_eq!(entries["snapCount"].origin.to_string(), "JVMFLAGS -Dzookeeper.snapCount");
    }
}
