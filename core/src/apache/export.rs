//! Writes a state as a snapshot that Apache starts on.
//!
//! The znodes are written as releases since 3.4 read them; the section behind the first seal, a
//! digest by which later ones check what they have read, is passed over by the older ones.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use adler2::Adler32;
use bytes::{BufMut, BytesMut};

use super::owner::Owner;
use super::password::password;
use super::report::Counts;
use super::snapshot::{DIGEST_VERSION, MAGIC, VERSION};
use super::source::FOLDER;
use crate::base::{Acl, Zxid};
use crate::engine::{Engine, Znode};
use crate::wire::jute;

/// What stands where a server's database could have a number; nobody reads it.
const DATABASE: i64 = -1;

/// How many znodes are written between two calls of `progress`.
const STEP: u64 = 4_096;

/// The only file that may be in the target: the number of a server in its ensemble.
const MYID: &str = "myid";

/// What was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExportReport {
    /// The snapshot.
    pub file: PathBuf,
    /// Its length.
    pub bytes: u64,
    /// The last transaction in it; Apache goes on with the next one.
    pub zxid: Zxid,
    /// What is in it.
    pub counts: Counts,
    /// Sessions whose clients cannot come back to them, because Apache computes passwords and theirs
    /// is not the result. They expire there, and their ephemerals with them.
    pub sessions_lost: u64,
}

impl fmt::Display for ExportReport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "wrote       {} ({} bytes)", self.file.display(), self.bytes)?;
        writeln!(out, "zxid        {}", self.zxid)?;
        write!(out, "{}", self.counts)?;
        if self.sessions_lost > 0 {
            writeln!(
                out,
                "warning     sessions that Apache did not create: {}; their clients cannot re-attach \
                 there and have to open new ones; the old ones expire",
                self.sessions_lost
            )?;
        }
        if self.counts.ttl > 0 {
            writeln!(
                out,
                "warning     start Apache with -Dzookeeper.extendedTypesEnabled=true, or it takes the \
                 {} TTL znodes for ephemerals of ended sessions and deletes them",
                self.counts.ttl
            )?;
        }
        Ok(())
    }
}

/// Why nothing was exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// There are files where the new ones would go.
    #[error("{0} is not empty; name a directory that is empty or does not exist")]
    NotEmpty(String),
    /// The system refuses.
    #[error("{doing} failed: {source}")]
    Io {
        /// Which step, with the file it was about.
        doing: String,
        /// What the system said.
        source: io::Error,
    },
}

/// Writes the state as the data directory `to` of an Apache server, releases 3.4 to 3.9.
///
/// The directory is made if there is none. The snapshot has its name when it is durable, not before.
/// `progress` hears how many znodes of how many were written.
///
/// # Errors
/// `NotEmpty` if `to` holds anything but a `myid`; `Io`.
pub fn export(
    engine: &Engine,
    to: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<ExportReport, ExportError> {
    refuse_content(to)?;
    let folder = to.join(FOLDER);
    fs::create_dir_all(&folder).map_err(failed("creation", &folder))?;
    let zxid = engine.last_zxid();
    let file = folder.join(format!("snapshot.{:x}", zxid.0));
    // Apache takes whatever begins with the word for a snapshot.
    let aside = folder.join("aside");
    let (counts, bytes) = match write_file(engine, &aside, progress) {
        Ok(written) => written,
        Err(source) => {
            let _ = fs::remove_file(&aside);
            return Err(failed("writing", &aside)(source));
        }
    };
    fs::rename(&aside, &file).map_err(failed("renaming", &aside))?;
    for folder in [&folder, to] {
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.map_err(failed("sync", folder))?;
    }
    let is_lost = |&id: &crate::base::SessionId| {
        let known = engine.registry().get(id).map(|registered| registered.password);
        known != Some(password(id))
    };
    let sessions_lost = engine.registry().iter().filter(|(id, _)| is_lost(id)).count() as u64;
    Ok(ExportReport { file, bytes, zxid, counts, sessions_lost })
}

fn refuse_content(to: &Path) -> Result<(), ExportError> {
    let entries = match fs::read_dir(to) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(failed("listing", to)(source)),
    };
    for entry in entries {
        if entry.map_err(failed("listing", to))?.file_name() != MYID {
            return Err(ExportError::NotEmpty(to.display().to_string()));
        }
    }
    Ok(())
}

fn failed(step: &str, path: &Path) -> impl FnOnce(io::Error) -> ExportError {
    let doing = format!("{step} of {}", path.display());
    move |source| ExportError::Io { doing, source }
}

fn write_file(
    engine: &Engine,
    path: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> io::Result<(Counts, u64)> {
    // For its owner only: it holds everybody's data, and to Apache the id of a session proves it.
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let mut out = BufWriter::with_capacity(256 << 10, file);
    let (counts, bytes) = write(engine, &mut out, progress)?;
    out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    Ok((counts, bytes))
}

/// Writes the snapshot; returns what is in it and how many bytes it has.
pub(super) fn write(
    engine: &Engine,
    out: &mut dyn Write,
    progress: &mut dyn FnMut(u64, u64),
) -> io::Result<(Counts, u64)> {
    let mut out = Summed { out, sum: Adler32::new(), bytes: 0 };
    let mut counts = Counts::default();
    let mut record = BytesMut::new();
    record.put_i32(MAGIC);
    record.put_i32(VERSION);
    record.put_i64(DATABASE);
    jute::put_length(&mut record, engine.registry().len());
    for (id, registered) in engine.registry().iter() {
        record.put_i64(id.0);
        record.put_i32(i32::try_from(registered.timeout.0).unwrap_or(i32::MAX));
        counts.sessions += 1;
    }
    let acls = acl_numbers(engine);
    jute::put_length(&mut record, acls.len());
    for (acl, &number) in &acls {
        record.put_i64(number);
        jute::put_acl(&mut record, acl);
        counts.acls += 1;
    }
    out.put(&mut record)?;
    let total = engine.node_count() as u64;
    for (path, znode) in engine.znodes() {
        put_znode(&mut record, &path, &znode, acls[&znode.acl]);
        out.put(&mut record)?;
        counts.count(znode.kind, znode.data.as_deref());
        counts.quotas += u64::from(super::quota::is_limit(&path));
        if counts.znodes().is_multiple_of(STEP) {
            progress(counts.znodes(), total);
        }
    }
    jute::put_string(&mut record, "/");
    out.put(&mut record)?;
    out.seal()?;
    record.put_i64(engine.last_zxid().0);
    record.put_i32(DIGEST_VERSION);
    record.put_u64(engine.digest());
    out.put(&mut record)?;
    out.seal()?;
    progress(total, total);
    Ok((counts, out.bytes))
}

/// A number for each list; Apache's own begin with 1 too.
fn acl_numbers(engine: &Engine) -> BTreeMap<Arc<[Acl]>, i64> {
    let mut acls = BTreeMap::new();
    for (_, znode) in engine.znodes() {
        let next = acls.len() as i64 + 1;
        acls.entry(znode.acl).or_insert(next);
    }
    acls
}

fn put_znode(record: &mut BytesMut, path: &str, znode: &Znode, acl: i64) {
    jute::put_string(record, if path == "/" { "" } else { path });
    jute::put_buffer(record, znode.data.as_deref());
    record.put_i64(acl);
    record.put_i64(znode.czxid.0);
    record.put_i64(znode.mzxid.0);
    record.put_i64(znode.ctime.0);
    record.put_i64(znode.mtime.0);
    record.put_i32(znode.version);
    record.put_i32(znode.creations);
    record.put_i32(znode.aversion);
    record.put_i64(Owner::of(znode.kind).0);
    record.put_i64(znode.pzxid.0);
}

/// Writes and sums.
struct Summed<'a> {
    out: &'a mut dyn Write,
    sum: Adler32,
    bytes: u64,
}

impl Summed<'_> {
    /// Writes a record and empties it.
    fn put(&mut self, record: &mut BytesMut) -> io::Result<()> {
        self.sum.write_slice(record);
        self.bytes += record.len() as u64;
        self.out.write_all(record)?;
        record.clear();
        Ok(())
    }

    /// Seals everything so far.
    fn seal(&mut self) -> io::Result<()> {
        let mut seal = BytesMut::new();
        seal.put_i64(i64::from(self.sum.checksum()));
        jute::put_string(&mut seal, "/");
        self.put(&mut seal)
    }
}
