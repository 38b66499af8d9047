//! A [`TxnLog`] as the consensus library wants its log: it asks without waiting, and is told.
//!
//! Nothing here may hold up the library's own tasks, which also keep the heartbeats going. What waits
//! for the disk therefore stands in one lane, carried out in order by a thread of its own; what only
//! fills or reads the system's memory runs on the runtime's threads for blocking calls. While the
//! lane waits for one flush, the next entries are appended, and the flush after it serves them all.

use std::fmt::Debug;
use std::io;
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;
use std::thread::JoinHandle;

use openraft::storage::{IOFlushed, LogState, RaftLogReader, RaftLogStorage};
use tokio::sync::{mpsc, oneshot};

use super::entry;
use super::types::{RaftEntry, RaftLogId, RaftVote, Types, ours, theirs};
use crate::log::{AppendError, TxnLog};

/// How many bytes of entries one message to another member carries, unless a single entry is longer.
const MESSAGE_BYTES: usize = 1 << 20;

type Done = oneshot::Sender<io::Result<()>>;

/// What stands in the lane.
enum Job {
    /// Makes durable what was appended so far.
    Flush(IOFlushed<Types>),
    Vote(RaftVote, Done),
    Truncate(u64, Done),
    Purge(RaftLogId, Done),
}

/// The log of one member.
pub(super) struct MemberLog {
    log: Arc<dyn TxnLog>,
    lane: Option<mpsc::UnboundedSender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl MemberLog {
    pub(super) fn start(log: Arc<dyn TxnLog>) -> io::Result<MemberLog> {
        // Not bounded here: the library waits for every job but flushes, and has room for a bounded
        // number of entries that are not durable.
        let (lane, jobs) = mpsc::unbounded_channel();
        let thread = std::thread::Builder::new().name("tenure-raft-log".into()).spawn({
            let log = log.clone();
            move || carry_out(&*log, jobs)
        })?;
        Ok(MemberLog { log, lane: Some(lane), thread: Some(thread) })
    }

    fn queue(&self, job: Job) -> io::Result<()> {
        let lane = self.lane.as_ref().expect("the lane is open until the log is dropped");
        lane.send(job).map_err(|_| io::Error::other("the thread of the log has ended"))
    }

    async fn wait(&self, job: impl FnOnce(Done) -> Job) -> io::Result<()> {
        let (done, heard) = oneshot::channel();
        self.queue(job(done))?;
        heard.await.map_err(io::Error::other)?
    }
}

impl Drop for MemberLog {
    fn drop(&mut self) {
        self.lane = None;
        if let Some(thread) = self.thread.take() {
            // A panic there has failed every job behind it already.
            thread.join().ok();
        }
    }
}

/// The lane's thread: takes what has gathered, flushes once for all of it up to the first job of
/// another kind.
fn carry_out(log: &dyn TxnLog, mut jobs: mpsc::UnboundedReceiver<Job>) {
    let mut next = None;
    while let Some(job) = next.take().or_else(|| jobs.blocking_recv()) {
        match job {
            Job::Flush(flushed) => {
                let mut waiting = vec![flushed];
                while next.is_none() {
                    match jobs.try_recv() {
                        Ok(Job::Flush(flushed)) => waiting.push(flushed),
                        Ok(other) => next = Some(other),
                        Err(_) => break,
                    }
                }
                let result = log.flush();
                for flushed in waiting {
                    flushed.io_completed(result.clone().map_err(io::Error::other));
                }
            }
            // Whoever asked may have given up; the job stands all the same.
            Job::Vote(vote, done) => {
                done.send(log.keep_note(&entry::encode_vote(&vote)).map_err(io::Error::other)).ok();
            }
            Job::Truncate(last, done) => {
                done.send(log.truncate(last).map_err(io::Error::other)).ok();
            }
            Job::Purge(upto, done) => {
                done.send(purge(log, upto).map_err(io::Error::other)).ok();
            }
        }
    }
}

/// A snapshot from elsewhere may reach further than the log does: nothing of the log is left then.
fn purge(log: &dyn TxnLog, upto: RaftLogId) -> Result<(), crate::log::Failed> {
    let upto = ours(upto);
    if upto.index > log.last().index { log.reset(upto) } else { log.purge(upto.index) }
}

impl RaftLogStorage<Types> for MemberLog {
    type LogReader = Reader;

    async fn get_log_state(&mut self) -> io::Result<LogState<Types>> {
        Ok(LogState {
            last_purged_log_id: theirs(self.log.purged()),
            last_log_id: theirs(self.log.last()),
        })
    }

    async fn get_log_reader(&mut self) -> Reader {
        Reader { log: self.log.clone() }
    }

    async fn save_vote(&mut self, vote: &RaftVote) -> io::Result<()> {
        let vote = *vote;
        self.wait(|done| Job::Vote(vote, done)).await
    }

    async fn append<I>(&mut self, entries: I, flushed: IOFlushed<Types>) -> io::Result<()>
    where
        I: IntoIterator<Item = RaftEntry> + Send,
        I::IntoIter: Send,
    {
        let entries: Vec<_> = entries.into_iter().map(entry::encode).collect();
        let log = self.log.clone();
        // The reserve is open: an entry that its leader has taken can only be kept, or end the member.
        let appended = blocking(move || Ok(log.append(&entries, true))).await?;
        appended.map_err(|error| match error {
            AppendError::Full => io::Error::new(io::ErrorKind::StorageFull, error),
            AppendError::Failed(failed) => io::Error::other(failed),
        })?;
        self.queue(Job::Flush(flushed))
    }

    async fn truncate_after(&mut self, last: Option<RaftLogId>) -> io::Result<()> {
        let last = last.map_or(0, |last| ours(last).index);
        self.wait(|done| Job::Truncate(last, done)).await
    }

    async fn purge(&mut self, upto: RaftLogId) -> io::Result<()> {
        self.wait(|done| Job::Purge(upto, done)).await
    }
}

/// Reads entries, to apply them or to send them.
pub(super) struct Reader {
    log: Arc<dyn TxnLog>,
}

impl RaftLogReader<Types> for Reader {
    async fn try_get_log_entries<R>(&mut self, range: R) -> io::Result<Vec<RaftEntry>>
    where
        R: RangeBounds<u64> + Clone + Debug + Send,
    {
        let (from, to) = bounds(&range);
        let log = self.log.clone();
        blocking(move || read(&*log, from, to, usize::MAX)).await
    }

    async fn limited_get_log_entries(&mut self, from: u64, to: u64) -> io::Result<Vec<RaftEntry>> {
        let log = self.log.clone();
        blocking(move || read(&*log, from + 1, to + 1, MESSAGE_BYTES)).await
    }

    async fn read_vote(&mut self) -> io::Result<Option<RaftVote>> {
        entry::decode_vote(self.log.note()).map_err(io::Error::other)
    }
}

/// The first index of a range, and the one behind its last; in our count.
fn bounds(range: &impl RangeBounds<u64>) -> (u64, u64) {
    let from = match range.start_bound() {
        Bound::Included(&from) => from + 1,
        Bound::Excluded(&from) => from + 2,
        Bound::Unbounded => 1,
    };
    let to = match range.end_bound() {
        Bound::Included(&to) => to.saturating_add(2),
        Bound::Excluded(&to) => to.saturating_add(1),
        Bound::Unbounded => u64::MAX,
    };
    (from, to)
}

/// The entries from `from` on and before `to` that the log has; at least one if there is one, and no
/// more of them than about `bytes`.
fn read(log: &dyn TxnLog, from: u64, to: u64, bytes: usize) -> io::Result<Vec<RaftEntry>> {
    let mut entries = Vec::new();
    let mut next = from.max(log.purged().index + 1);
    let mut left = bytes;
    while next < to && left > 0 {
        let read = match log.read(next, left.min(MESSAGE_BYTES)) {
            // The log let go of it meanwhile; what is missing then is missing at the beginning.
            Err(_) if log.purged().index >= next && entries.is_empty() => {
                next = log.purged().index + 1;
                continue;
            }
            read => read.map_err(io::Error::other)?,
        };
        if read.is_empty() {
            break;
        }
        for entry in read.into_iter().take_while(|entry| entry.id.index < to) {
            left = left.saturating_sub(entry.body.len().max(1));
            next = entry.id.index + 1;
            entries.push(entry::decode(entry).map_err(io::Error::other)?);
        }
    }
    Ok(entries)
}

/// Runs a call that may block on a thread for such calls.
pub(super) async fn blocking<T: Send + 'static>(
    call: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(call).await.map_err(io::Error::other)?
}
