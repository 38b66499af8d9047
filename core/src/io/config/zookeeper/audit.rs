//! `audit.*`: whether writes are noted. Apache's server leaves the file to its logging library; here it
//! is beside the data, unless another one is named.

use std::path::Path;

use super::Entries;
use crate::io::config::Config;
use crate::io::config::table::AUDIT;
use crate::io::config::value::{Kind, Value, shown};

/// What the file is called below `dataDir`.
const FILE: &str = "audit.log";

/// Whether a key is read here and is not in the table.
pub(super) fn is_one(key: &str) -> bool {
    key == "audit.impl.class"
}

/// Reads them.
pub(super) fn read(config: &mut Config, entries: &Entries) {
    if let Some(entry) = entries.get("audit.impl.class") {
        let text = "audit.impl.class has no effect: lines have the form of Apache's own class";
        config.problems.note(&entry.origin, text);
    }
    let Some(entry) = entries.get("audit.enable") else { return };
    match (Kind::Bool.parse(&entry.value), entries.get("dataDir")) {
        (Ok(Value::Bool(true)), Some(data)) if !data.value.is_empty() => {
            let file = Path::new(&data.value).join(FILE).display().to_string();
            config.give(&AUDIT, Value::Text(file), entry.origin.clone());
        }
        // Without a directory nothing starts, which has been told.
        (Ok(_), _) => {}
        (Err(_), _) => {
            let text = format!("audit.enable: {}: write true or false", shown(&entry.value));
            config.problems.error(&entry.origin, text);
        }
    }
}
