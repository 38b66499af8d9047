//! Where data are kept: a directory of tenure's own, never one that would hide Apache's data.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::super::table::{
    AUDIT, CREATE_DATA, DATA, LEAST_FREE, SLOW_SYNC, SNAPSHOT_AFTER, SNAPSHOT_AFTER_BYTES,
    SNAPSHOT_AFTER_TXNS, SNAPSHOTS_KEPT,
};
use super::super::{Config, Given, Origin, Setting, Value};
use crate::io::disk::Directory;
use crate::log::OpenError;

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
    /// What is about a directory needs one.
    pub(super) fn check_need_of_directory(&mut self) {
        if self.given(&DATA).is_some() {
            return;
        }
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
    pub(super) fn choose_directory(&mut self) {
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

    /// Makes the directory that a `zoo.cfg` wants the audit log in, which is the one that data are kept
    /// below, if directories may be made.
    ///
    /// # Errors
    /// The system refuses it.
    pub fn prepare(&self) -> Result<(), OpenError> {
        match self.audit_folder() {
            Some((folder, true)) if self.yes(&CREATE_DATA) => Directory::open(&folder).map(drop),
            _ => Ok(()),
        }
    }

    /// Where the audit log is, and whether that is made.
    fn audit_folder(&self) -> Option<(PathBuf, bool)> {
        let folder = Path::new(self.text(&AUDIT)?).parent()?.to_owned();
        let is_made = self.origin(&AUDIT).key().ends_with("audit.enable");
        Some((folder, is_made)).filter(|(folder, _)| !folder.as_os_str().is_empty())
    }

    /// Everybody else's audit log is in a directory that is there.
    pub(super) fn check_audit(&mut self) {
        if let Some((folder, false)) = self.audit_folder().filter(|(folder, _)| !folder.is_dir()) {
            let origin = self.origin(&AUDIT);
            let shown = folder.display();
            let text = format!("{}: the directory {shown} does not exist; make it", origin.key());
            self.problems.error(&origin, text);
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
