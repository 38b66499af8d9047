//! Whether settings agree with each other, and with what is outside: names that have to be resolved,
//! directories, files.

use std::fs;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::table::{
    CREATE_DATA, DATA, LEAST_FREE, LISTEN, MAX_SESSION_TIMEOUT, MIN_SESSION_TIMEOUT, SLOW_SYNC,
    SNAPSHOT_AFTER, SNAPSHOT_AFTER_BYTES, SNAPSHOT_AFTER_TXNS, SNAPSHOTS_KEPT, TICK,
};
use super::{Config, Given, Origin, Setting, Standard, Value};
use crate::base::limits;

/// Settings that are about a data directory.
const OF_A_DIRECTORY: &[&Setting] = &[
    &CREATE_DATA,
    &LEAST_FREE,
    &SLOW_SYNC,
    &SNAPSHOT_AFTER_TXNS,
    &SNAPSHOT_AFTER_BYTES,
    &SNAPSHOT_AFTER,
    &SNAPSHOTS_KEPT,
];

/// The directory below Apache's `dataDir` that tenure keeps its data in, as Apache's server has
/// `version-2`.
const OWN: &str = "tenure";

/// The directory below its `dataDir` that Apache's server keeps its data in.
const APACHES: &str = "version-2";

/// The file that every data directory of tenure has.
const IDENTITY: &str = "identity";

impl Config {
    /// What can be seen from the settings alone.
    pub(super) fn check_together(&mut self) {
        self.check_timeouts();
        if self.given(&DATA).is_none() {
            self.refuse_without_directory();
        }
    }

    /// What can be seen outside.
    pub(super) fn check_outside(&mut self) {
        for setting in [&LISTEN] {
            if let Some(text) = self.text(setting).map(str::to_owned)
                && let Err(why) = resolve(&text)
            {
                let origin = self.origin(setting);
                self.problems.error(&origin, format!("{}: {text}: {why}", origin.key()));
            }
        }
        self.choose_directory();
        self.problems.sort();
    }

    fn check_timeouts(&mut self) {
        let tick = self.number(&TICK).unwrap_or(limits::TICK.as_millis() as u64);
        let ticks = |count: u32| tick.saturating_mul(u64::from(count));
        let least = self.number(&MIN_SESSION_TIMEOUT);
        let most = self.number(&MAX_SESSION_TIMEOUT);
        let (low, high) = (
            least.unwrap_or(ticks(limits::MIN_SESSION_TICKS)),
            most.unwrap_or(ticks(limits::MAX_SESSION_TICKS)),
        );
        if low <= high {
            return;
        }
        let whose = if most.is_some() { &MAX_SESSION_TIMEOUT } else { &MIN_SESSION_TIMEOUT };
        let origin = self.origin(whose);
        let of = |given: Option<u64>, count: u32| match given {
            Some(_) => String::new(),
            None => format!(" ({count} ticks of {tick} ms)"),
        };
        let text = format!(
            "{}: the shortest session timeout, {low} ms{}, is longer than the longest, {high} ms{}; \
             raise the one or lower the other",
            origin.key(),
            of(least, limits::MIN_SESSION_TICKS),
            of(most, limits::MAX_SESSION_TICKS),
        );
        self.problems.error(&origin, text);
    }

    fn refuse_without_directory(&mut self) {
        for setting in OF_A_DIRECTORY {
            if let Some(Given { origin, .. }) = self.given(setting).cloned()
                && self.apache.is_none()
                // A file without its directory has been told so already.
                && !self.problems.iter().any(|problem| problem.text.starts_with("dataDir"))
            {
                let text = format!(
                    "{} is about a data directory, and there is none: name one with --data, or in the \
                     file as data.dir",
                    origin.key()
                );
                self.problems.error(&origin, text);
            }
        }
    }

    /// Where data are kept. A `zoo.cfg` names Apache's directory; tenure has one of its own in it,
    /// unless what is named is one of tenure.
    fn choose_directory(&mut self) {
        let Some(Given { value: Value::Text(named), origin }) = self.given(&DATA).cloned() else {
            return;
        };
        let mut directory = PathBuf::from(&named);
        if directory.is_relative() && !matches!(origin, Origin::Flag(_)) {
            let text =
                format!("{}: {named} is taken from where the program is started", origin.key());
            self.problems.warn(&origin, text);
        }
        if origin.key() == "dataDir"
            && matches!(origin, Origin::File { .. })
            && !directory.join(IDENTITY).exists()
        {
            directory.push(OWN);
            self.refuse_apaches(&directory, &origin);
            if let Some(given) = self.given.get_mut(DATA.path).and_then(|all| all.last_mut()) {
                given.value = Value::Text(directory.display().to_string());
            }
        }
        if directory.exists() && !directory.is_dir() {
            let text = format!("{}: {} is no directory", origin.key(), directory.display());
            self.problems.error(&origin, text);
        }
        if !self.yes(&CREATE_DATA) && !directory.is_dir() {
            let by = self.origin(&CREATE_DATA);
            let text = format!(
                "{}: the data directory {} does not exist, and is not to be made; make it with mkdir, \
                 or remove this line",
                by.key(),
                directory.display()
            );
            self.problems.error(&by, text);
        }
    }

    /// Data of Apache's that tenure does not have yet, or that have changed since it took them over.
    fn refuse_apaches(&mut self, own: &Path, origin: &Origin) {
        let Some(dirs) = self.apache.clone() else { return };
        let folders = [Some(&dirs.data), dirs.log.as_ref()].into_iter().flatten();
        let written = folders.filter_map(|folder| newest(&folder.join(APACHES))).max();
        let Some((written, file)) = written else { return };
        let founded = fs::metadata(own.join(IDENTITY)).and_then(|it| it.modified());
        let import = |own: &Path| {
            let log = dirs.log.as_ref().map(|log| format!(" --log-dir {}", quoted(log)));
            let (data, log) = (quoted(&dirs.data), log.unwrap_or_default());
            format!("tenure import --from {data}{log} --data {}", quoted(own))
        };
        let text = match founded {
            Err(_) => format!(
                "dataDir: {} holds data of Apache ZooKeeper; stop its server and take them over with: {}",
                dirs.data.display(),
                import(own)
            ),
            Ok(founded) if written > founded => format!(
                "dataDir: {} is newer than {}, so Apache ZooKeeper has served since tenure took over its \
                 data; choose which of them to go on with: Apache's with: mv {} {}.old && {}; tenure's \
                 with: mv {} {}.old",
                file.display(),
                own.display(),
                quoted(own),
                quoted(own),
                import(own),
                quoted(&dirs.data.join(APACHES)),
                quoted(&dirs.data.join(APACHES)),
            ),
            Ok(_) => return,
        };
        self.problems.error(origin, text);
    }
}

/// The address that text stands for; of several the first.
pub(super) fn resolve(text: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let mut found = text.to_socket_addrs().map_err(|error| {
        format!("the name cannot be resolved ({error}); write a numeric address")
    })?;
    found.next().ok_or_else(|| "the name has no address; write a numeric address".to_owned())
}

/// The snapshot or log of Apache's that was written last.
fn newest(folder: &Path) -> Option<(SystemTime, PathBuf)> {
    let files = fs::read_dir(folder).ok()?.flatten().filter(|file| {
        let name = file.file_name();
        let name = name.to_string_lossy();
        name.starts_with("snapshot.") || name.starts_with("log.")
    });
    let dated =
        files.filter_map(|file| Some((file.metadata().ok()?.modified().ok()?, file.path())));
    dated.max()
}

/// As a shell takes it for one word.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+:@".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

impl Setting {
    /// The default as it is shown.
    pub(super) fn shown_default(&self) -> String {
        match self.default {
            Standard::Number(number) => number.to_string(),
            Standard::Bool(yes) => yes.to_string(),
            Standard::Text(text) | Standard::Words(text) => text.to_owned(),
        }
    }
}
