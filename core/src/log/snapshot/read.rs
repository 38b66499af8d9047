//! Reading a snapshot, whatever the file has become.

use std::sync::Arc;

use lz4_flex::block;

use super::{
    END, FOOTER, FRAME, FRAME_HEAD, HEADER, Head, LZ4, MAGIC, MAX_MEMBERSHIP, PLAIN, SnapshotName,
    VERSION,
};
use crate::base::{WallMillis, Zxid};
use crate::log::record::MOST;
use crate::log::{Damage, Disk, File, LogId, OpenError};

/// What a snapshot that was read to its end is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Summary {
    /// The name of its file.
    pub name: String,
    /// What moment it is of.
    pub head: Head,
    /// How many things the state consists of.
    pub items: u64,
    /// Its bytes before they were compressed.
    pub raw_bytes: u64,
    /// Bytes of the file.
    pub bytes: u64,
}

/// A snapshot being read from its beginning to its end. No byte counts before its checksum is seen
/// to be right, and none of them before [`SnapshotReader::next`] has returned false.
pub struct SnapshotReader {
    file: Arc<dyn File>,
    name: String,
    shown: String,
    head: Head,
    offset: u64,
    /// The checksum of everything that was read.
    whole: u32,
    frames: u64,
    raw_bytes: u64,
    /// A frame as it is in the file.
    stored: Vec<u8>,
    summary: Option<Summary>,
}

impl SnapshotReader {
    /// Opens a snapshot and reads what moment it is of.
    ///
    /// # Errors
    /// [`OpenError`]: the header is damaged or of a newer release, or the system refuses the file.
    pub fn open(disk: &dyn Disk, name: &str) -> Result<SnapshotReader, OpenError> {
        let shown = disk.shown(name);
        let file = disk.open(name).map_err(|source| {
            let doing = format!("opening {shown}");
            OpenError::Io { doing, source }
        })?;
        let mut reader = SnapshotReader {
            file,
            name: name.to_owned(),
            shown,
            head: Head {
                identity: [0; 16],
                last: LogId::default(),
                zxid: Zxid::ZERO,
                at: WallMillis(0),
                membership: Vec::new(),
            },
            offset: 0,
            whole: 0,
            frames: 0,
            raw_bytes: 0,
            stored: Vec::new(),
            summary: None,
        };
        reader.read_head()?;
        Ok(reader)
    }

    /// What moment it is of.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// What it is, once it was read to its end.
    pub fn summary(&self) -> Option<&Summary> {
        self.summary.as_ref()
    }

    /// Puts the next bytes of the state into `out`, in the place of what is there: [`FRAME`] bytes
    /// at most. Returns false at the end, when all of it was there.
    ///
    /// # Errors
    /// [`OpenError`]; the reader is of no more use then.
    pub fn next(&mut self, out: &mut Vec<u8>) -> Result<bool, OpenError> {
        out.clear();
        if self.summary.is_some() {
            return Ok(false);
        }
        let (start, before) = (self.offset, self.whole);
        let mut head = [0; FRAME_HEAD];
        self.read(&mut head[..1])?;
        if head[0] == END {
            return self.read_footer(start, before).map(|()| false);
        }
        self.read(&mut head[1..])?;
        let (raw, stored) = (u32_at(&head, 1) as usize, u32_at(&head, 5) as usize);
        let fits = match head[0] {
            PLAIN => stored == raw,
            LZ4 => stored < raw,
            _ => return Err(self.damage(start, "no frame begins like this")),
        };
        if !fits || raw == 0 || raw > FRAME {
            return Err(self.damage(start, "a frame of an impossible length"));
        }
        let mut bytes = std::mem::take(&mut self.stored);
        bytes.resize(stored, 0);
        self.read(&mut bytes)?;
        if crc32c::crc32c_append(crc32c::crc32c(&head[..9]), &bytes) != u32_at(&head, 9) {
            return Err(self.damage(start, "a frame with a wrong checksum"));
        }
        if head[0] == PLAIN {
            out.extend_from_slice(&bytes);
        } else {
            out.resize(raw, 0);
            if !block::decompress_into(&bytes, out).is_ok_and(|length| length == raw) {
                return Err(self.damage(start, "a frame that is no LZ4 block of its length"));
            }
        }
        self.stored = bytes;
        self.frames += 1;
        self.raw_bytes += raw as u64;
        Ok(true)
    }

    fn read_head(&mut self) -> Result<(), OpenError> {
        let mut head = [0; HEADER];
        self.read(&mut head)?;
        if head[..8] != MAGIC {
            return Err(self.damage(0, "this is no snapshot"));
        }
        let version = u32_at(&head, 8);
        if version != VERSION {
            let file = self.shown.clone();
            return Err(OpenError::Version { file, version, newest: VERSION });
        }
        let length = u32_at(&head, 12) as usize;
        if length > MAX_MEMBERSHIP {
            return Err(self.damage(12, "a membership of an impossible length"));
        }
        let mut membership = vec![0; length];
        self.read(&mut membership)?;
        let expected = self.whole;
        let mut sum = [0; 4];
        self.read(&mut sum)?;
        if u32::from_le_bytes(sum) != expected {
            return Err(self.damage(0, "a header with a wrong checksum"));
        }
        let (index, zxid) = (u64_at(&head, 40), u64_at(&head, 48));
        if index.max(zxid) > MOST {
            return Err(self.damage(40, "a moment that no log reaches"));
        }
        self.head = Head {
            identity: array_at(&head, 16),
            last: LogId { term: u64_at(&head, 32), index },
            zxid: Zxid(zxid as i64),
            at: WallMillis(u64_at(&head, 56) as i64),
            membership,
        };
        if SnapshotName::parse(&self.name).is_some() && self.head.name() != self.name {
            return Err(self.damage(0, &format!("this is {} under another name", self.head.name())));
        }
        Ok(())
    }

    /// Reads what follows the first byte of the footer. `before` is the checksum of everything that
    /// stands before that byte.
    fn read_footer(&mut self, start: u64, before: u32) -> Result<(), OpenError> {
        let mut footer = [END; FOOTER];
        self.read(&mut footer[1..])?;
        if crc32c::crc32c(&footer[..FOOTER - 4]) != u32_at(&footer, FOOTER - 4) {
            return Err(self.damage(start, "a footer with a wrong checksum"));
        }
        let counted = (u64_at(&footer, 1), u64_at(&footer, 9));
        if counted != (self.frames, self.raw_bytes) {
            return Err(self.damage(start, "a footer that counts other frames than there are"));
        }
        if u32_at(&footer, 25) != before {
            return Err(self.damage(start, "a footer with another checksum of the file"));
        }
        if self.read_some(&mut [0])? != 0 {
            return Err(self.damage(self.offset, "bytes behind the end"));
        }
        self.summary = Some(Summary {
            name: self.name.clone(),
            head: self.head.clone(),
            items: u64_at(&footer, 17),
            raw_bytes: self.raw_bytes,
            bytes: self.offset,
        });
        Ok(())
    }

    /// Fills the buffer from the file.
    fn read(&mut self, buffer: &mut [u8]) -> Result<(), OpenError> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read_some(&mut buffer[filled..])? {
                0 => return Err(self.damage(self.offset, "the file ends too early")),
                length => {
                    filled += length;
                    self.offset += length as u64;
                }
            }
        }
        self.whole = crc32c::crc32c_append(self.whole, buffer);
        Ok(())
    }

    fn read_some(&self, buffer: &mut [u8]) -> Result<usize, OpenError> {
        self.file.read_at(buffer, self.offset).map_err(|source| {
            let doing = format!("reading {}", self.shown);
            OpenError::Io { doing, source }
        })
    }

    fn damage(&self, offset: u64, found: &str) -> OpenError {
        Damage { file: self.shown.clone(), offset, found: found.to_owned() }.into()
    }
}

/// Reads a snapshot to its end and returns what it is.
///
/// # Errors
/// [`OpenError`]: something is wrong with it.
pub fn verify(disk: &dyn Disk, name: &str) -> Result<Summary, OpenError> {
    let mut reader = SnapshotReader::open(disk, name)?;
    let mut bytes = Vec::with_capacity(FRAME);
    while reader.next(&mut bytes)? {}
    Ok(reader.summary.expect("the end was read"))
}

fn array_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    *bytes[at..].first_chunk().expect("the offsets of fields lie inside")
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array_at(bytes, at))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array_at(bytes, at))
}
