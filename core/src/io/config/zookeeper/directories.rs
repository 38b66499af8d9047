//! `dataDir` and `dataLogDir`: where Apache's server keeps its files. Tenure keeps its own in a
//! directory beside them; which one is found by looking, in [`check`](super::super::check).

use std::path::PathBuf;

use super::Entries;
use super::ports::whole;
use crate::io::config::table::DATA;
use crate::io::config::value::Kind;
use crate::io::config::{ApacheDirs, Config};

/// Whether a key is read here and is not in the table.
pub(super) fn is_one(key: &str) -> bool {
    key == "dataLogDir"
}

/// Reads them.
pub(super) fn read(config: &mut Config, entries: &Entries) {
    let Some(data) = entries.get("dataDir") else {
        let text = "dataDir is missing: it names the directory that everything is kept in";
        config.problems.error(&whole(config), text);
        return;
    };
    config.give_text(&DATA, &data.value, data.origin.clone());
    if data.value.is_empty() {
        return;
    }
    let path = |text: &str| Kind::Path.parse(text).is_ok().then(|| PathBuf::from(text));
    let Some(directory) = path(&data.value) else { return };
    let log = entries.get("dataLogDir").filter(|log| log.value != data.value);
    if let Some(log) = log {
        let text = "dataLogDir has no effect: tenure keeps its log beside its snapshots; if this is \
                    the faster disk, name it as dataDir";
        config.problems.warn(&log.origin, text);
    }
    let log = log.and_then(|log| path(&log.value));
    config.apache = Some(ApacheDirs { data: directory, log });
}
