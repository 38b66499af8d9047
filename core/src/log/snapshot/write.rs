//! Writing a snapshot.

use std::io;
use std::sync::Arc;

use lz4_flex::block;

use super::{
    ASIDE, END, FOOTER, FRAME, FRAME_HEAD, HEADER, Head, LZ4, MAGIC, MAX_MEMBERSHIP, PLAIN,
    Summary, VERSION, verify,
};
use crate::log::{Disk, File};

/// After how many bytes they are made durable on the way, so that the sync of a log on the same disk
/// never waits for much of a snapshot.
const SYNC_EVERY: u64 = if cfg!(test) { 1 << 20 } else { 8 << 20 };

/// A snapshot was not written. What there was of it is gone, as far as the disk let it.
#[derive(Debug, thiserror::Error)]
#[error("{doing} failed: {source}")]
pub struct Unwritten {
    /// Which step, with the file it was about.
    pub doing: String,
    /// What the system said.
    pub source: io::Error,
}

impl Unwritten {
    /// Whether there was no room. An attempt with more room may succeed.
    pub fn is_full(&self) -> bool {
        matches!(self.source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
    }
}

/// A snapshot being written, under a name that nobody takes for a snapshot. If it is dropped before
/// it is finished, its file is removed.
pub struct SnapshotWriter<'a> {
    disk: &'a dyn Disk,
    file: Arc<dyn File>,
    name: String,
    aside: String,
    /// Bytes that do not fill a frame yet.
    raw: Vec<u8>,
    /// A frame on its way to the file.
    frame: Vec<u8>,
    offset: u64,
    synced: u64,
    /// The checksum of everything that was written.
    whole: u32,
    frames: u64,
    raw_bytes: u64,
    is_finished: bool,
}

impl<'a> SnapshotWriter<'a> {
    /// Begins a snapshot, in the place of one that was left unfinished.
    ///
    /// # Errors
    /// [`Unwritten`].
    pub fn create(disk: &'a dyn Disk, head: &Head) -> Result<SnapshotWriter<'a>, Unwritten> {
        let name = head.name();
        let aside = format!("{name}{ASIDE}");
        let created = disk.create(&aside).or_else(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => {
                disk.remove(&aside)?;
                disk.create(&aside)
            }
            _ => Err(error),
        });
        let file = created.map_err(|source| {
            let doing = format!("creation of {}", disk.shown(&aside));
            Unwritten { doing, source }
        })?;
        let mut writer = SnapshotWriter {
            disk,
            file,
            name,
            aside,
            raw: Vec::with_capacity(FRAME),
            frame: vec![0; FRAME_HEAD + block::get_maximum_output_size(FRAME)],
            offset: 0,
            synced: 0,
            whole: 0,
            frames: 0,
            raw_bytes: 0,
            is_finished: false,
        };
        writer.put(&header(head))?;
        Ok(writer)
    }

    /// Appends bytes of the state.
    ///
    /// # Errors
    /// [`Unwritten`]; drop the writer then.
    pub fn write(&mut self, mut bytes: &[u8]) -> Result<(), Unwritten> {
        while !bytes.is_empty() {
            let (now, rest) = bytes.split_at(bytes.len().min(FRAME - self.raw.len()));
            self.raw.extend_from_slice(now);
            if self.raw.len() == FRAME {
                self.put_frame()?;
            }
            bytes = rest;
        }
        Ok(())
    }

    /// Makes it durable, reads it back, and only then gives it its name. `items` is how many things
    /// the state consists of, for whoever reads it.
    ///
    /// # Errors
    /// [`Unwritten`]. If the very last step fails the file may be there, and is whole.
    pub fn finish(mut self, items: u64) -> Result<Summary, Unwritten> {
        if !self.raw.is_empty() {
            self.put_frame()?;
        }
        let mut footer = Vec::with_capacity(FOOTER);
        footer.push(END);
        for number in [self.frames, self.raw_bytes, items] {
            footer.extend_from_slice(&number.to_le_bytes());
        }
        footer.extend_from_slice(&self.whole.to_le_bytes());
        footer.extend_from_slice(&crc32c::crc32c(&footer).to_le_bytes());
        self.put(&footer)?;
        self.file.sync().map_err(|source| self.unwritten("sync", source))?;
        let read_back = verify(self.disk, &self.aside).map_err(io::Error::other);
        let summary = read_back.map_err(|source| self.unwritten("reading back", source))?;
        let renamed = self.disk.rename(&self.aside, &self.name);
        renamed.map_err(|source| self.unwritten("rename", source))?;
        self.is_finished = true;
        let synced = self.disk.sync_names();
        synced.map_err(|source| self.unwritten("sync of the directory", source))?;
        Ok(Summary { name: std::mem::take(&mut self.name), ..summary })
    }

    pub(super) fn put_frame(&mut self) -> Result<(), Unwritten> {
        let mut frame = std::mem::take(&mut self.frame);
        let raw = self.raw.len();
        let squeezed = block::compress_into(&self.raw, &mut frame[FRAME_HEAD..]);
        let (kind, stored) = match squeezed {
            Ok(length) if length < raw => (LZ4, length),
            _ => {
                frame[FRAME_HEAD..FRAME_HEAD + raw].copy_from_slice(&self.raw);
                (PLAIN, raw)
            }
        };
        frame[0] = kind;
        frame[1..5].copy_from_slice(&(raw as u32).to_le_bytes());
        frame[5..9].copy_from_slice(&(stored as u32).to_le_bytes());
        let body = &frame[FRAME_HEAD..FRAME_HEAD + stored];
        let sum = crc32c::crc32c_append(crc32c::crc32c(&frame[..9]), body);
        frame[9..FRAME_HEAD].copy_from_slice(&sum.to_le_bytes());
        let put = self.put(&frame[..FRAME_HEAD + stored]);
        self.frame = frame;
        self.frames += 1;
        self.raw_bytes += raw as u64;
        self.raw.clear();
        put
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Unwritten> {
        let written = self.file.write_at(bytes, self.offset);
        let written = written.map_err(|source| self.unwritten("write", source))?;
        if written < bytes.len() {
            // A full disk takes what fits; what it says to the rest is the reason.
            let rest = self.file.write_at(&bytes[written..], self.offset + written as u64);
            let error = format!("{written} of {} bytes were written", bytes.len());
            let short = io::Error::new(io::ErrorKind::WriteZero, error);
            return Err(self.unwritten("write", rest.err().unwrap_or(short)));
        }
        self.whole = crc32c::crc32c_append(self.whole, bytes);
        self.offset += bytes.len() as u64;
        if self.offset - self.synced >= SYNC_EVERY {
            self.file.sync().map_err(|source| self.unwritten("sync", source))?;
            self.synced = self.offset;
        }
        Ok(())
    }

    fn unwritten(&self, step: &str, source: io::Error) -> Unwritten {
        Unwritten { doing: format!("{step} of {}", self.disk.shown(&self.aside)), source }
    }
}

impl Drop for SnapshotWriter<'_> {
    fn drop(&mut self) {
        if !self.is_finished {
            // What cannot be removed now is removed at the next start.
            let _ = self.disk.remove(&self.aside);
        }
    }
}

fn header(head: &Head) -> Vec<u8> {
    assert!(head.membership.len() <= MAX_MEMBERSHIP, "a membership is short");
    let mut header = Vec::with_capacity(HEADER + head.membership.len() + 4);
    header.extend_from_slice(&MAGIC);
    header.extend_from_slice(&VERSION.to_le_bytes());
    header.extend_from_slice(&(head.membership.len() as u32).to_le_bytes());
    header.extend_from_slice(&head.identity);
    for number in [head.last.term, head.last.index, head.zxid.0 as u64, head.at.0 as u64] {
        header.extend_from_slice(&number.to_le_bytes());
    }
    debug_assert_eq!(header.len(), HEADER);
    header.extend_from_slice(&head.membership);
    header.extend_from_slice(&crc32c::crc32c(&header).to_le_bytes());
    header
}
