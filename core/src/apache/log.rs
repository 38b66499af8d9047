//! One file of Apache's transaction log, releases 3.4 to 3.9.
//!
//! A file is extended with zeros ahead of its records, so it ends where a length of 0 stands, where
//! the bytes end, or inside a record that a crash cut short.

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

use adler2::adler32_slice;

use super::record::Record;
use super::stream::{Result, Unreadable};
use crate::base::Zxid;
use crate::base::limits::APACHE_RECORD;
use crate::log::Damage;

/// The first four bytes, `ZKLG`.
const MAGIC: [u8; 4] = *b"ZKLG";

/// The version of the format since the first release.
const VERSION: [u8; 4] = [0, 0, 0, 2];

/// Magic, version, and a number that is not used.
const HEADER: u64 = 16;

/// Checksum and length in front of a record.
const FRAME: usize = 12;

/// The byte behind every record.
const END: u8 = b'B';

/// The shortest record: a transaction's header without a body.
const LEAST: usize = 32;

/// How much is read at a time where records are looked for behind a defect.
const CHUNK: usize = 64 << 10;

/// How many bytes may be summed in that search before it is given up. A file that is not made to
/// mislead needs no more than its own length.
const SEARCH: usize = 1 << 30;

/// What comes next in a file.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Next {
    /// A record whose checksum is right.
    Record(Record),
    /// No more records, as it is where a server stopped writing.
    End,
    /// No more records, and something else than the zeros that were written ahead.
    Torn(Damage),
    /// A record whose checksum is wrong.
    Damaged(Damage),
}

/// A file of the log, read from its start.
pub(super) struct LogFile {
    file: File,
    reader: BufReader<File>,
    name: String,
    offset: u64,
    length: u64,
    has_begun: bool,
}

impl LogFile {
    /// Opens a file for reading only.
    pub fn open(path: &Path) -> io::Result<LogFile> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        Ok(LogFile {
            reader: BufReader::with_capacity(CHUNK, file.try_clone()?),
            file,
            name: path.display().to_string(),
            offset: 0,
            length,
            has_begun: false,
        })
    }

    /// How many bytes were taken so far.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The next record, or why there is none. After anything but a record, the same again.
    pub fn next(&mut self) -> Result<Next> {
        if !self.has_begun {
            if let Some(next) = self.header()? {
                return Ok(next);
            }
            self.has_begun = true;
        }
        let mut frame = [0; FRAME];
        if self.length - self.offset < FRAME as u64 {
            return self.end("the file ends inside the frame of a record");
        }
        self.fill(&mut frame)?;
        let sum = u64::from_be_bytes(frame[..8].try_into().expect("eight bytes"));
        let size = i32::from_be_bytes(frame[8..].try_into().expect("four bytes"));
        if size == 0 {
            return self.end("no record, but bytes that are not zero");
        }
        let left = self.length - self.offset - FRAME as u64;
        let Some(size) = usize::try_from(size).ok().filter(|&size| (size as u64) < left) else {
            return self.end("a record of more bytes than there are");
        };
        if size > APACHE_RECORD {
            return Ok(Next::Damaged(self.damage(format!("a record of {size} bytes"))));
        }
        let mut bytes = vec![0; size + 1];
        self.fill(&mut bytes)?;
        if bytes.pop() != Some(END) {
            return self.end("a record without the mark behind it");
        }
        if sum != u64::from(adler32_slice(&bytes)) {
            let found = "the checksum is not that of the record".to_owned();
            return Ok(Next::Damaged(self.damage(found)));
        }
        let record = Record::decode(&bytes, &self.name, self.offset + FRAME as u64)?;
        self.offset += (FRAME + size + 1) as u64;
        Ok(Next::Record(record))
    }

    /// Takes the header off; says what is wrong if that is no reason to give up.
    fn header(&mut self) -> Result<Option<Next>> {
        if self.length < HEADER {
            return self.end("the file ends inside its header").map(Some);
        }
        let mut header = [0; HEADER as usize];
        self.fill(&mut header)?;
        if header == [0; HEADER as usize] {
            return self.end("no header").map(Some);
        }
        if header[..4] != MAGIC || header[4..8] != VERSION {
            let found = "not a transaction log of Apache ZooKeeper".to_owned();
            return Err(self.damage(found).into());
        }
        self.offset = HEADER;
        Ok(None)
    }

    /// What the place means where no record can be: the end if only zeros follow.
    fn end(&mut self, found: &str) -> Result<Next> {
        let mut chunk = vec![0; CHUNK];
        let mut at = self.offset;
        loop {
            match self.read_at(&mut chunk, at)? {
                0 => return Ok(Next::End),
                count if chunk[..count].iter().all(|&byte| byte == 0) => at += count as u64,
                _ => return Ok(Next::Torn(self.damage(found.to_owned()))),
            }
        }
    }

    /// Looks for a record of a transaction after `last` anywhere behind the place where this file
    /// stopped making sense: if there is one, that place is no end. Returns where it stands.
    ///
    /// # Errors
    /// The system's; and damage if the file is made so that the search has no end.
    pub fn record_behind(&self, last: Zxid) -> Result<Option<u64>> {
        let mut budget = SEARCH;
        let mut at = self.offset + 1;
        let mut chunk = vec![0; CHUNK];
        loop {
            let count = self.read_at(&mut chunk, at)?;
            if count < FRAME {
                return Ok(None);
            }
            for start in 0..=count - FRAME {
                let frame = &chunk[start..start + FRAME];
                // The upper half of a checksum is zero, the lower one never is.
                if frame[..4] != [0; 4] || frame[4..8] == [0; 4] {
                    continue;
                }
                let offset = at + start as u64;
                if self.is_record_after(last, offset, frame, &mut budget)? {
                    return Ok(Some(offset));
                }
            }
            at += (count - FRAME + 1) as u64;
        }
    }

    fn is_record_after(
        &self,
        last: Zxid,
        offset: u64,
        frame: &[u8],
        budget: &mut usize,
    ) -> Result<bool> {
        let sum = u32::from_be_bytes(frame[4..8].try_into().expect("four bytes"));
        let size = u32::from_be_bytes(frame[8..].try_into().expect("four bytes")) as usize;
        let body = offset + FRAME as u64;
        if !(LEAST..=APACHE_RECORD).contains(&size) || body + size as u64 >= self.length {
            return Ok(false);
        }
        let mut mark = [0; 1];
        self.read_at(&mut mark, body + size as u64)?;
        if mark != [END] {
            return Ok(false);
        }
        *budget = budget.checked_sub(size).ok_or_else(|| {
            self.damage("so much behind this place that looks like records".to_owned())
        })?;
        let mut bytes = vec![0; size];
        let is_whole = self.read_at(&mut bytes, body)? == size && adler32_slice(&bytes) == sum;
        let zxid = i64::from_be_bytes(bytes[12..20].try_into().expect("eight bytes"));
        Ok(is_whole && Zxid(zxid) > last)
    }

    fn damage(&self, found: String) -> Damage {
        Damage { file: self.name.clone(), offset: self.offset, found }
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<()> {
        self.reader.read_exact(bytes).map_err(|source| self.failed(source))
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize> {
        let mut count = 0;
        while count < buffer.len() {
            match self.file.read_at(&mut buffer[count..], offset + count as u64) {
                Ok(0) => break,
                Ok(more) => count += more,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(source) => return Err(self.failed(source)),
            }
        }
        Ok(count)
    }

    fn failed(&self, source: io::Error) -> Unreadable {
        Unreadable::Io { file: self.name.clone(), source }
    }
}
