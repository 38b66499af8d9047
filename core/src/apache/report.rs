//! What was found and done, for people.

use std::fmt;

use crate::base::Zxid;
use crate::tree::Kind;

/// How many there are of what.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Counts {
    /// Znodes that only a delete removes, the root and the reserved ones among them.
    pub persistent: u64,
    /// Znodes that go with their session.
    pub ephemeral: u64,
    /// Znodes that go when their last child has gone.
    pub container: u64,
    /// Znodes that go when they are not set for some time.
    pub ttl: u64,
    /// Sessions.
    pub sessions: u64,
    /// Different access control lists.
    pub acls: u64,
    /// Paths with a quota.
    pub quotas: u64,
    /// Bytes of data of all znodes.
    pub data_bytes: u64,
}

impl Counts {
    /// All znodes.
    pub fn znodes(&self) -> u64 {
        self.persistent + self.ephemeral + self.container + self.ttl
    }

    pub(super) fn count(&mut self, kind: Kind, data: Option<&[u8]>) {
        match kind {
            Kind::Persistent => self.persistent += 1,
            Kind::Ephemeral(_) => self.ephemeral += 1,
            Kind::Container => self.container += 1,
            Kind::Ttl(_) => self.ttl += 1,
        }
        self.data_bytes += data.map_or(0, |data| data.len() as u64);
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "znodes      {} with {} bytes of data", self.znodes(), self.data_bytes)?;
        writeln!(
            out,
            "            {} persistent, {} ephemeral, {} container, {} TTL",
            self.persistent, self.ephemeral, self.container, self.ttl
        )?;
        writeln!(out, "sessions    {}", self.sessions)?;
        writeln!(out, "ACLs        {} different ones", self.acls)?;
        writeln!(out, "quotas      {}", self.quotas)
    }
}

/// A file that was looked at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileReport {
    /// Its path.
    pub file: String,
    /// Its length.
    pub bytes: u64,
    /// What it was good for.
    pub told: String,
}

/// What an import found, and what it left out.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Report {
    /// The files that were read, in this order.
    pub files: Vec<FileReport>,
    /// The number of the server in its ensemble, if it had one.
    pub server: Option<String>,
    /// The transaction in the name of the snapshot; zero if it began without one.
    pub snapshot_zxid: Zxid,
    /// The last transaction of the source.
    pub last_zxid: Zxid,
    /// Where the imported state goes on: at the start of an epoch that the source never had.
    pub new_zxid: Zxid,
    /// Log records on top of the snapshot.
    pub records: u64,
    /// Digests in snapshot and log that are those of the tree.
    pub digests_equal: u64,
    /// Digests that are not.
    pub digests_other: u64,
    /// What was taken over.
    pub counts: Counts,
    /// Ephemerals whose session had ended.
    pub ephemerals_dropped: u64,
    /// What someone should know, in the order it was found.
    pub warnings: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for file in &self.files {
            writeln!(out, "read        {} ({} bytes): {}", file.file, file.bytes, file.told)?;
        }
        if let Some(server) = &self.server {
            writeln!(out, "server      number {server} of an ensemble")?;
        }
        writeln!(
            out,
            "zxids       snapshot {}, last {}; goes on after {}",
            self.snapshot_zxid, self.last_zxid, self.new_zxid
        )?;
        writeln!(out, "replayed    {} log records", self.records)?;
        let (equal, other) = (self.digests_equal, self.digests_other);
        writeln!(out, "digests     {equal} equal, {other} different")?;
        write!(out, "{}", self.counts)?;
        writeln!(out, "dropped     {} ephemerals without a session", self.ephemerals_dropped)?;
        for warning in &self.warnings {
            writeln!(out, "warning     {warning}")?;
        }
        Ok(())
    }
}
