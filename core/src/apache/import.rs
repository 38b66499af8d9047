//! Takes over the data directory of a stopped Apache server.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use bytes::Bytes;

use super::log::{LogFile, Next};
use super::password::password;
use super::quota;
use super::replay::{Follows, Replay, Tally};
use super::report::{FileReport, Report};
use super::running;
use super::snapshot::{self, Snapshot};
use super::source::{Source, SourceFile};
use super::state::{self, State};
use super::stream::{Stream, Unreadable};
use crate::base::{Millis, Zxid};
use crate::engine::{self, Engine, EngineOptions, Inconsistent};
use crate::log::Damage;
use crate::session::Registered;
use crate::tree::Kind;

/// How to import.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// Where the logs are, if Apache was configured with a `dataLogDir`.
    pub log_dir: Option<PathBuf>,
    /// Go on where transactions are missing or damaged, with what is there. Each such place is a
    /// warning of the report; the result may be a state that no server ever had.
    pub accept_loss: bool,
    /// What the engine is told.
    pub engine: EngineOptions,
}

/// How far an import is.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// The file being read.
    pub file: &'a str,
    /// How many bytes of it were read.
    pub done: u64,
    /// How many it has.
    pub bytes: u64,
}

/// What an import gives.
pub struct Imported {
    /// The state; it goes on in an epoch that the source never had.
    pub engine: Engine,
    /// What was found.
    pub report: Report,
}

/// Why nothing was imported. The source is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// There is no such directory, or it is not one of Apache's.
    #[error(
        "{folder} holds neither version-2 nor snapshots; name the directory that dataDir names in \
         zoo.cfg, and the one of dataLogDir beside it"
    )]
    NotFound {
        /// What was named.
        folder: String,
    },
    /// A server is at work on the files.
    #[error("the source is in use: {0}; stop its server first, or import a copy")]
    InUse(String),
    /// No state to begin with.
    #[error(
        "no snapshot can be read ({tried}), and the log does not begin with the first transaction; \
         import another server of the ensemble, or a backup"
    )]
    NoSnapshot {
        /// What is wrong with those there are.
        tried: String,
    },
    /// Transactions are missing.
    #[error(
        "{file}: after zxid {last} follows {found}, so a log file is missing or its end is lost; \
         find it, import another server of the ensemble, or accept the loss (--accept-loss)"
    )]
    Gap {
        /// The file whose record does not follow.
        file: String,
        /// The last transaction before.
        last: Zxid,
        /// The one that follows.
        found: Zxid,
    },
    /// The log ends before the snapshot does.
    #[error(
        "the snapshot reaches up to zxid {needed}, the log ends at {last}: a log file is missing; \
         did you name the directory of the logs? Otherwise import another server of the ensemble, \
         or accept the loss (--accept-loss)"
    )]
    Behind {
        /// The transaction that the log has to reach.
        needed: Zxid,
        /// Where it ends.
        last: Zxid,
    },
    /// A file is damaged where transactions follow.
    #[error("{damage}; import another server of the ensemble, or accept the loss (--accept-loss)")]
    Damaged {
        /// Where, and what is wrong.
        damage: Damage,
    },
    /// A file cannot be read.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// The znodes do not make a tree of ours.
    #[error("the imported state does not fit together: {0}; import another server of the ensemble")]
    Inconsistent(#[from] Inconsistent),
    /// Apache's counters are used up.
    #[error("there is no epoch after {0:#x}; the zxids of the source are used up")]
    NoEpoch(i64),
}

/// Imports the newest state in the data directory `from`, which is only read.
///
/// Sessions come with the passwords their clients hold, and with a full timeout. The zxids of znodes
/// stay; new transactions get higher ones, in the epoch after the source's last. Membership of an
/// ensemble does not come along. `progress` hears of every file as it is read.
///
/// # Errors
/// See [`ImportError`]; each names the file and the way out.
pub fn import(
    from: &Path,
    options: &ImportOptions,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Imported, ImportError> {
    let source = Source::find(from, options.log_dir.as_deref())?;
    match running::holder(source.folders()) {
        Some(holder) => Err(ImportError::InUse(holder)),
        None => import_idle(from, options, progress),
    }
}

/// Imports from files that no process is seen to have open.
pub(super) fn import_idle(
    from: &Path,
    options: &ImportOptions,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Imported, ImportError> {
    let source = Source::find(from, options.log_dir.as_deref())?;
    let report = Report { server: source.server.clone(), ..Report::default() };
    let mut import = Import { source: &source, options, report, progress };
    let mut replay = import.begin()?;
    import.read_logs(&mut replay)?;
    if let Some(change) = source.change(from)? {
        return Err(ImportError::InUse(change));
    }
    import.finish(replay)
}

struct Import<'a> {
    source: &'a Source,
    options: &'a ImportOptions,
    report: Report,
    progress: &'a mut dyn FnMut(Progress<'_>),
}

impl Import<'_> {
    /// The newest snapshot that is whole, or nothing where the log has everything.
    fn begin(&mut self) -> Result<Replay, ImportError> {
        let mut tried = Vec::new();
        for file in &self.source.snapshots {
            match self.read_snapshot(file) {
                Ok(read) => {
                    self.report.snapshot_zxid = file.zxid;
                    if self.source.logs.is_empty() {
                        self.warn(format!(
                            "there is no log, so nothing behind zxid {} was imported; if zoo.cfg has \
                             a dataLogDir, name it with --log-dir",
                            file.zxid
                        ));
                    }
                    return Ok(Replay::new(read.state, file.zxid, read.digest));
                }
                Err(why) => {
                    self.warn(format!("this snapshot was passed over: {why}"));
                    tried.push(why.to_string());
                }
            }
        }
        let begins_first = match self.source.logs.first() {
            Some(file) => file.zxid == Zxid(1),
            None => false,
        };
        if begins_first {
            self.warn("there is no snapshot; the log begins with the first transaction".to_owned());
            return Ok(Replay::new(State::fresh(), Zxid::ZERO, None));
        }
        let tried = if tried.is_empty() { "there is none".to_owned() } else { tried.join("; ") };
        Err(ImportError::NoSnapshot { tried })
    }

    fn read_snapshot(&mut self, file: &SourceFile) -> Result<Snapshot, Unreadable> {
        let name = file.path.display().to_string();
        let taken = Rc::new(Cell::new(0));
        let (reader, length) = file
            .codec
            .open(&file.path, Rc::clone(&taken))
            .map_err(|source| Unreadable::opening(&name, source))?;
        let mut stream = Stream::new(reader, &name, length);
        let (bytes, progress) = (file.bytes, &mut self.progress);
        let mut heard = || progress(Progress { file: &name, done: taken.get(), bytes });
        let read = snapshot::read(&mut stream, &mut heard)?;
        if let Some(zxid) = read.zxid.filter(|&zxid| zxid != file.zxid) {
            let found = format!("says that it is the snapshot of {zxid}");
            return Err(stream.damage(found));
        }
        let told = format!("snapshot at zxid {}, {} bytes unpacked", file.zxid, stream.offset());
        self.report.files.push(FileReport { file: name, bytes: file.bytes, told });
        Ok(read)
    }

    /// Replays the log files from the one that can hold the transaction after the snapshot.
    fn read_logs(&mut self, replay: &mut Replay) -> Result<(), ImportError> {
        let source = self.source;
        let due = replay.last().next();
        let first = source.logs.iter().rposition(|file| file.zxid <= due).unwrap_or(0);
        // What is wrong at the end of the file before, if it may be no end.
        let mut doubt = None;
        for file in &source.logs[first..] {
            doubt = self.read_log(file, replay, doubt)?;
        }
        let needed = replay.exact_from();
        if replay.last() < needed {
            let last = replay.last();
            self.lose(ImportError::Behind { needed, last })?;
        }
        Ok(())
    }

    /// Replays a file. Returns what is wrong at its end, if something is.
    fn read_log(
        &mut self,
        file: &SourceFile,
        replay: &mut Replay,
        mut doubt: Option<Damage>,
    ) -> Result<Option<Damage>, ImportError> {
        let name = file.path.display().to_string();
        let mut log =
            LogFile::open(&file.path).map_err(|source| Unreadable::opening(&name, source))?;
        let mut records = 0_u64;
        let torn = loop {
            let record = match log.next() {
                Ok(Next::Record(record)) => record,
                Ok(Next::End) => break None,
                Ok(Next::Torn(damage)) => break Some((damage, false)),
                Ok(Next::Damaged(damage)) => break Some((damage, true)),
                Err(Unreadable::Damage(damage)) => {
                    self.lose(ImportError::Damaged { damage })?;
                    break None;
                }
                Err(unreadable) => return Err(unreadable.into()),
            };
            records += 1;
            if records.is_multiple_of(4096) {
                let done = log.offset();
                (self.progress)(Progress { file: &name, done, bytes: file.bytes });
            }
            let last = replay.last();
            match replay.follows(&record) {
                Follows::Known => continue,
                Follows::Next => {}
                Follows::Gap | Follows::Back => {
                    let (file, found) = (name.clone(), record.zxid);
                    self.lose(ImportError::Gap { file, last, found })?;
                }
            }
            if let Some(damage) = doubt.take() {
                self.lose(ImportError::Damaged { damage })?;
            }
            replay.apply(&record);
        };
        (self.progress)(Progress { file: &name, done: file.bytes, bytes: file.bytes });
        let told = format!("{records} log records up to zxid {}", replay.last());
        self.report.files.push(FileReport { file: name, bytes: file.bytes, told });
        match torn {
            None => Ok(doubt),
            Some((damage, is_fatal)) => self.weigh(&log, damage, is_fatal, replay.last()),
        }
    }

    /// Tells the end of a log that a crash has cut from damage with transactions behind it.
    ///
    /// A record with a wrong checksum is an end only in the last file; a record that is cut short is
    /// one in any, for the next file tells whether something is missing.
    fn weigh(
        &mut self,
        log: &LogFile,
        damage: Damage,
        is_fatal: bool,
        last: Zxid,
    ) -> Result<Option<Damage>, ImportError> {
        if let Some(offset) = log.record_behind(last)? {
            let found = format!("{} (and a whole record at byte {offset})", damage.found);
            self.lose(ImportError::Damaged { damage: Damage { found, ..damage } })?;
            return Ok(None);
        }
        self.warn(format!("the log was cut, as a crash leaves it: {damage}"));
        Ok(is_fatal.then_some(damage))
    }

    /// Makes an engine of the state at the end of the log.
    fn finish(mut self, mut replay: Replay) -> Result<Imported, ImportError> {
        let last = replay.last();
        let epoch = (last.0 >> 32).max(self.source.epoch.unwrap_or(0));
        let next = epoch + 1;
        if i32::try_from(next).is_err() {
            return Err(ImportError::NoEpoch(epoch));
        }
        self.report.ephemerals_dropped = replay.drop_orphans();
        self.report.last_zxid = last;
        self.report.new_zxid = Zxid(next << 32);
        let tally = replay.tally();
        self.report.records = tally.records;
        self.report.digests_equal = tally.digests_equal;
        self.report.digests_other = tally.digests_other;
        self.warn_of(&replay.state, &tally);
        let mut state = replay.state;
        state.complete();
        self.leave_membership(&mut state);
        self.report.counts.quotas = quota::recount(&mut state);
        let engine = self.engine(state)?;
        Ok(Imported { engine, report: self.report })
    }

    fn warn_of(&mut self, state: &State, tally: &Tally) {
        if let Some(zxid) = tally.first_other {
            self.warn(format!(
                "the digest of the tree is another one from zxid {zxid} on; compare the result \
                 with the source before you rely on it"
            ));
        }
        if tally.malformed > 0 {
            self.warn(format!("{} writes that make no sense were skipped", tally.malformed));
        }
        let old = state.znodes().filter(|(_, znode)| znode.owner.is_old_ttl()).count();
        if old > 0 {
            self.warn(format!("{old} znodes have owners as release 3.5.3 wrote times to live"));
        }
    }

    /// A server alone has no membership, and clients that ask for it must not be sent elsewhere.
    fn leave_membership(&mut self, state: &mut State) {
        let has_members = |znode: &state::Znode| znode.data.as_ref().is_some_and(|d| !d.is_empty());
        if state.get(state::CONFIG).is_some_and(has_members) {
            state.change(state::CONFIG, |znode| znode.data = Some(Bytes::new()));
            self.warn("the membership in /zookeeper/config was left behind".to_owned());
        }
    }

    fn engine(&mut self, state: State) -> Result<Engine, ImportError> {
        let mut restore = Engine::restore(self.options.engine.clone());
        let sessions = state.sessions().clone();
        for (&id, &timeout) in sessions.iter().filter(|(id, _)| !id.is_none()) {
            let timeout = Millis(u32::try_from(timeout).unwrap_or(0).max(1));
            restore.session(id, Registered::new(timeout, password(id)))?;
        }
        let counts = &mut self.report.counts;
        counts.sessions = sessions.len() as u64;
        counts.acls = state.distinct_acls();
        for (path, znode) in state.into_znodes() {
            let kind = znode.owner.kind(|id| sessions.contains_key(&id));
            counts.count(kind, znode.data.as_deref());
            restore.znode(&path, engine_znode(znode, kind))?;
        }
        Ok(restore.finish(self.report.new_zxid)?)
    }

    /// What cannot be accounted for: a warning if that was asked for, else the end of the import.
    fn lose(&mut self, loss: ImportError) -> Result<(), ImportError> {
        if !self.options.accept_loss {
            return Err(loss);
        }
        self.warn(format!("accepted: {loss}"));
        Ok(())
    }

    fn warn(&mut self, warning: String) {
        self.report.warnings.push(warning);
    }
}

fn engine_znode(znode: state::Znode, kind: Kind) -> engine::Znode {
    engine::Znode {
        data: znode.data,
        acl: znode.acl,
        kind,
        czxid: znode.czxid,
        mzxid: znode.mzxid,
        pzxid: znode.pzxid,
        ctime: znode.ctime,
        mtime: znode.mtime,
        version: znode.version,
        creations: znode.cversion,
        aversion: znode.aversion,
    }
}
