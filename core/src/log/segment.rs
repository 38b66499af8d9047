//! One segment: a file of records that begins with what has to be known to read it.

use std::io;
use std::sync::Arc;

use bytes::Bytes;

use super::disk::{Disk, File};
use super::faults::Faults;
use super::mark::{VERSION, headed_checksum, known_version};
use super::record::{Identity, Kind, MAX_NOTE, MOST, Record, u32_at, u64_at};
use super::scan::{Found, Scan, read_full};
use super::store::{Damage, LogId, OpenError};

/// What a segment's name begins with.
const PREFIX: &str = "log-";

const MAGIC: &[u8; 8] = b"TENURELG";

/// Bytes of a segment's head without the note.
const FIXED: usize = 64;

/// The flag of a segment that begins the log: what has a smaller serial is forgotten.
const BEGINS: u32 = 1;

/// An entry's place is remembered every so many bytes.
const STRIDE: u64 = 64 << 10;

/// How a segment begins.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct SegmentHead {
    /// The serial of the head itself; the first record has the next one.
    pub serial: u64,
    /// The entry before its first one, which need not be kept.
    pub before: LogId,
    /// Whether everything with a smaller serial is forgotten.
    pub begins: bool,
    /// The note as it was.
    pub note: Bytes,
}

/// A segment in force.
#[derive(Clone)]
pub(super) struct Segment {
    pub name: String,
    pub head: SegmentHead,
    pub file: Arc<dyn File>,
    /// Behind its last record.
    pub end: u64,
    /// Some of its entries, and where they stand.
    places: Vec<(u64, u64)>,
}

/// Why the reading of a segment came to its end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Stop {
    /// The last entry that was asked for was read.
    Reached,
    /// There is nothing more.
    Nothing,
    /// Something else stands there.
    Bad(String),
}

/// What a segment turned out to hold.
pub(super) struct Walk {
    /// Behind the last record that continues the log.
    pub end: u64,
    pub last: LogId,
    pub serial: u64,
    /// The note in force at the end.
    pub note: Bytes,
    pub stop: Stop,
    /// Where the first record stands whose serial is above what was asked about.
    pub unproven: u64,
}

impl SegmentHead {
    /// The index of its first entry.
    pub(super) fn first(&self) -> u64 {
        self.before.index + 1
    }

    /// Its bytes, and with them where the first record stands.
    pub(super) fn space(&self) -> u64 {
        (FIXED + self.note.len().next_multiple_of(8)) as u64
    }

    pub(super) fn encode(&self, identity: &Identity) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.space() as usize);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(identity);
        bytes.extend_from_slice(&self.serial.to_le_bytes());
        bytes.extend_from_slice(&self.before.term.to_le_bytes());
        bytes.extend_from_slice(&self.before.index.to_le_bytes());
        bytes.extend_from_slice(&if self.begins { BEGINS } else { 0 }.to_le_bytes());
        bytes.extend_from_slice(&(self.note.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&self.note);
        bytes.resize(self.space() as usize, 0);
        let sum = headed_checksum(identity, &bytes);
        bytes[12..16].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// Reads the head of a segment, or says what is wrong with it.
    fn decode(bytes: &[u8], identity: &Identity) -> Result<SegmentHead, String> {
        let length = u32_at(bytes, 60) as usize;
        let space = FIXED + length.min(MAX_NOTE).next_multiple_of(8);
        if length > MAX_NOTE || bytes.len() < space {
            return Err("the head of a segment that is cut short".to_owned());
        }
        if u32_at(bytes, 12) != headed_checksum(identity, &bytes[..space]) {
            return Err("the head of a segment with a wrong checksum".to_owned());
        }
        let (serial, index) = (u64_at(bytes, 32), u64_at(bytes, 48));
        if serial.max(index) > MOST {
            return Err("the head of a segment with a number that no log reaches".to_owned());
        }
        Ok(SegmentHead {
            serial,
            before: LogId { term: u64_at(bytes, 40), index },
            begins: u32_at(bytes, 56) & BEGINS != 0,
            note: Bytes::copy_from_slice(&bytes[FIXED..FIXED + length]),
        })
    }
}

/// The name of the segment that begins with an index.
pub(super) fn segment_name(first: u64) -> String {
    format!("{PREFIX}{first:016x}")
}

/// The index that a segment's name speaks of; `None` if it is no segment's name.
pub(super) fn first_of(name: &str) -> Option<u64> {
    let digits = name.strip_prefix(PREFIX)?;
    let first = u64::from_str_radix(digits, 16).ok()?;
    (segment_name(first) == name).then_some(first)
}

impl Segment {
    pub(super) fn new(head: SegmentHead, file: Arc<dyn File>) -> Segment {
        let (name, end) = (segment_name(head.first()), head.space());
        Segment { name, head, file, end, places: Vec::new() }
    }

    /// Reads the head of a segment.
    ///
    /// # Errors
    /// What is wrong with the file in the inner result, what the system refuses in the outer one.
    pub(super) fn open(
        disk: &dyn Disk,
        name: &str,
        identity: &Identity,
    ) -> Result<Result<Segment, Damage>, OpenError> {
        let fault =
            |source| OpenError::Io { doing: format!("read of {}", disk.shown(name)), source };
        let file = disk.open(name).map_err(fault)?;
        let mut bytes = vec![0; FIXED + MAX_NOTE];
        let read = read_full(&*file, &mut bytes, 0).map_err(fault)?;
        bytes.truncate(read);
        let damage =
            |found: &str| Damage { file: disk.shown(name), offset: 0, found: found.to_owned() };
        if bytes.len() < FIXED {
            return Ok(Err(damage("the head of a segment that is cut short")));
        }
        if bytes[..8] != *MAGIC {
            return Ok(Err(damage("not a segment of a log")));
        }
        known_version(disk, name, u32_at(&bytes, 8))?;
        if bytes[16..32] != *identity {
            return Ok(Err(damage("a segment of another directory")));
        }
        let head = match SegmentHead::decode(&bytes, identity) {
            Ok(head) => head,
            Err(found) => return Ok(Err(damage(&found))),
        };
        if first_of(name) != Some(head.first()) {
            return Ok(Err(damage(&format!("the segment that begins with {}", head.first()))));
        }
        Ok(Ok(Segment::new(head, file)))
    }

    /// The identity that a segment speaks of, if its head is whole.
    pub(super) fn identity(disk: &dyn Disk, name: &str) -> Result<Option<Identity>, OpenError> {
        let fault =
            |source| OpenError::Io { doing: format!("read of {}", disk.shown(name)), source };
        let mut identity = Identity::default();
        let file = disk.open(name).map_err(fault)?;
        let read = read_full(&*file, &mut identity, 16).map_err(fault)?;
        let is_whole = read == identity.len() && Segment::open(disk, name, &identity)?.is_ok();
        Ok(is_whole.then_some(identity))
    }

    /// Remembers where an entry stands, if it is far enough from the one before.
    pub(super) fn remember(&mut self, index: u64, offset: u64) {
        if self.places.last().is_none_or(|(_, last)| offset - last >= STRIDE) {
            self.places.push((index, offset));
        }
    }

    /// Where to begin to look for an entry.
    pub(super) fn near(&self, index: u64) -> u64 {
        let behind = self.places.partition_point(|(place, _)| *place <= index);
        behind.checked_sub(1).map_or(self.head.space(), |before| self.places[before].1)
    }

    /// Ends it behind an entry of it.
    pub(super) fn end_behind(&mut self, last: u64, end: u64) {
        self.places.retain(|(index, _)| *index <= last);
        self.end = end;
    }

    /// Bytes of its records.
    pub(super) fn bytes(&self) -> u64 {
        self.end - self.head.space()
    }

    /// A reader of what stands between an offset and `limit`.
    pub(super) fn scan(
        &self,
        identity: &Identity,
        faults: Faults,
        range: std::ops::Range<u64>,
    ) -> Scan {
        Scan::new(self.file.clone(), *identity, faults, range)
    }

    /// Reads all its records, with none behind the entry `until`, and remembers where they stand.
    /// `proven` is the serial up to which records are known to be durable.
    pub(super) fn walk(
        &mut self,
        scan: &mut Scan,
        until: Option<u64>,
        proven: u64,
    ) -> io::Result<Walk> {
        let mut walk = Walk {
            end: scan.at(),
            last: self.head.before,
            serial: self.head.serial,
            note: self.head.note.clone(),
            stop: Stop::Nothing,
            unproven: scan.at(),
        };
        self.places.clear();
        walk.stop = loop {
            if until.is_some_and(|until| walk.last.index >= until) {
                break Stop::Reached;
            }
            let record = match scan.next()? {
                Found::Record(record) => record,
                Found::Nothing => break Stop::Nothing,
                Found::Bad(found) => break Stop::Bad(found),
            };
            if let Some(found) = walk.gap(&record) {
                break Stop::Bad(found);
            }
            if record.head.kind == Kind::Entry {
                self.remember(record.head.id.index, walk.end);
            }
            walk.take(record, scan.at(), proven);
        };
        self.end = walk.end;
        Ok(walk)
    }
}

impl Walk {
    /// Why a whole record does not continue the log.
    pub(super) fn gap(&self, record: &Record) -> Option<String> {
        let head = &record.head;
        let expected = match head.kind {
            Kind::Entry => self.last.index + 1,
            Kind::Note => self.last.index,
        };
        if head.serial != self.serial + 1 {
            return Some(format!("record {} where {} belongs", head.serial, self.serial + 1));
        }
        if head.id.index != expected || head.id.term < self.last.term {
            let LogId { term, index } = head.id;
            return Some(format!(
                "entry {index} of term {term} behind entry {} of term {}",
                self.last.index, self.last.term
            ));
        }
        None
    }

    fn take(&mut self, record: Record, end: u64, proven: u64) {
        self.serial = record.head.serial;
        match record.head.kind {
            Kind::Entry => self.last = record.head.id,
            Kind::Note => self.note = Bytes::copy_from_slice(&record.body),
        }
        self.end = end;
        if self.serial <= proven {
            self.unproven = end;
        }
    }
}
