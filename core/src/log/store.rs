//! What a log of transactions promises, whoever keeps it.

use bytes::Bytes;

use crate::base::limits;

/// The place of an entry: the term of whoever ordered it, and its number. Numbers start at 1; (0, 0)
/// stands before the first entry. A server alone is always in term 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct LogId {
    /// Never falls from one entry to the next.
    pub term: u64,
    /// Rises by one from one entry to the next.
    pub index: u64,
}

/// One entry of the order. What its bytes mean is not known here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Where it stands.
    pub id: LogId,
    /// What it says; [`MAX_BODY`] bytes at most.
    pub body: Bytes,
}

/// The longest entry, in bytes: the longest request, with who asks. A reader refuses to allocate more.
pub const MAX_BODY: usize = 65 << 20;

/// Something in a file is not what was written there.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{file} is damaged at byte {offset}: {found}")]
pub struct Damage {
    /// The file, with its directory.
    pub file: String,
    /// Where in it.
    pub offset: u64,
    /// What is wrong there.
    pub found: String,
}

/// The log has failed and acknowledges nothing more.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{doing} failed: {error}")]
pub struct Failed {
    /// Which step, with the file it was about: `sync of /var/lib/tenure/log-0000000000000001`.
    pub doing: String,
    /// What the system said.
    pub error: String,
}

/// Why entries were not appended.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AppendError {
    /// There is no room on the disk but the reserve. Nothing was written, and the log is whole.
    #[error("the disk is full")]
    Full,
    /// The log has failed; what was written of the entries is not known.
    #[error(transparent)]
    Failed(#[from] Failed),
}

/// Why a log cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Entries that were durable are damaged or missing.
    #[error(transparent)]
    Damage(#[from] Damage),
    /// The system refuses a file.
    #[error("{doing} failed: {source}")]
    Io {
        /// Which step, with the file it was about.
        doing: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The files were written by a release this one knows nothing of.
    #[error(
        "{file} has format version {version}, this release reads up to {newest}; use a newer one"
    )]
    Version {
        /// The file.
        file: String,
        /// What it says.
        version: u32,
        /// The newest version known here.
        newest: u32,
    },
}

const _: () = assert!(limits::MOST_FRAME + limits::MAX_FRAME < MAX_BODY, "requests fit");

/// A log of entries. One writer, any number of readers.
pub trait TxnLog: Send + Sync {
    /// The last entry, durable or not; what [`TxnLog::purged`] says if there is none.
    fn last(&self) -> LogId;

    /// The last entry that was purged: the log begins behind it.
    fn purged(&self) -> LogId;

    /// Takes entries, which have to continue the log. They are durable after the next flush. With
    /// `reserve` the room that is kept for the removal of things may be used.
    ///
    /// # Errors
    /// [`AppendError::Full`], [`AppendError::Failed`].
    fn append(&self, entries: &[Entry], reserve: bool) -> Result<(), AppendError>;

    /// Makes everything appended durable. Many callers' entries share one sync. Another thread may
    /// append meanwhile; whether this flush reaches what it appends is not said.
    ///
    /// # Errors
    /// [`Failed`], from then on always.
    fn flush(&self) -> Result<(), Failed>;

    /// Forgets all entries behind `last`, durably on return. An ensemble's follower does this with
    /// what its new leader does not have; a server alone never does.
    ///
    /// # Errors
    /// [`Failed`], from then on always.
    fn truncate(&self, last: u64) -> Result<(), Failed>;

    /// Lets go of entries up to and with `upto`, as far as whole files can be removed. Whoever calls it
    /// has a durable snapshot of them.
    ///
    /// # Errors
    /// [`Failed`], from then on always.
    fn purge(&self, upto: u64) -> Result<(), Failed>;

    /// Forgets everything, and goes on behind `last`: what a snapshot from elsewhere asks for.
    ///
    /// # Errors
    /// [`Failed`], from then on always.
    fn reset(&self, last: LogId) -> Result<(), Failed>;

    /// Entries from `from` on, flushed or not, in order: as many as fit into `bytes`, and at least one
    /// if there is one.
    ///
    /// # Errors
    /// [`Damage`] if a file changed under the log, or if `from` was purged: whoever reads beside a purge
    /// looks at [`TxnLog::purged`] again.
    fn read(&self, from: u64, bytes: usize) -> Result<Vec<Entry>, Damage>;

    /// Keeps a small note beside the entries, durable on return, in the place of the one before: an
    /// ensemble's vote. At most 4,096 bytes.
    ///
    /// # Errors
    /// [`Failed`], from then on always.
    fn keep_note(&self, note: &[u8]) -> Result<(), Failed>;

    /// The note kept last; empty if there is none.
    fn note(&self) -> Bytes;

    /// Bytes of the entries that are kept.
    fn bytes(&self) -> u64;
}
