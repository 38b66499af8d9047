//! Reading records one after the other, in large pieces, each one checked.

use std::io;
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};

use super::disk::File;
use super::faults::Faults;
use super::record::{HEAD, Identity, Record, decode_head, is_whole, space};

/// Bytes of the first read, for whoever wants one entry, and of each later one at most: twice as much
/// as before.
const PIECES: (u64, u64) = (64 << 10, 1 << 20);

/// What stands at a place of a segment.
pub(super) enum Found {
    /// A whole record. The next one is looked for behind it.
    Record(Record),
    /// Nothing was ever written here, or the file ends.
    Nothing,
    /// Something that is no record, and what is wrong with it.
    Bad(String),
}

/// A reader of the records between two offsets of a file.
pub(super) struct Scan {
    file: Arc<dyn File>,
    identity: Identity,
    faults: Faults,
    /// Where the next record is expected.
    at: u64,
    /// Nothing behind it is looked at.
    limit: u64,
    /// Bytes of the next read.
    piece: u64,
    /// Bytes of the file from `at` on.
    held: Bytes,
}

impl Scan {
    pub(super) fn new(
        file: Arc<dyn File>,
        identity: Identity,
        faults: Faults,
        range: std::ops::Range<u64>,
    ) -> Scan {
        let (at, limit) = (range.start, range.end);
        Scan { file, identity, faults, at, limit, piece: PIECES.0, held: Bytes::new() }
    }

    /// Where the next record is expected: behind the last whole one.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// What stands at this place.
    pub(super) fn next(&mut self) -> io::Result<Found> {
        if !self.hold(HEAD)? {
            return Ok(self.short_rest());
        }
        let head: &[u8; HEAD] = self.held[..HEAD].try_into().expect("as many bytes as asked for");
        if *head == [0; HEAD] {
            return Ok(Found::Nothing);
        }
        let head = match decode_head(head, &self.identity, self.faults) {
            Ok(head) => head,
            Err(found) => return Ok(Found::Bad(found)),
        };
        let size = space(head.length as usize);
        if !self.hold(size)? {
            return Ok(Found::Bad(format!("a record of {size} bytes where the file ends sooner")));
        }
        if !is_whole(&self.held[..size], &self.identity, self.faults) {
            return Ok(Found::Bad("a record with a wrong checksum".to_owned()));
        }
        let mut bytes = self.held.split_to(size);
        bytes.advance(HEAD);
        bytes.truncate(head.length as usize);
        self.at += size as u64;
        Ok(Found::Record(Record { head, body: bytes }))
    }

    /// Looks for the next whole record at any later place at which one could stand.
    pub(super) fn resume(&mut self) -> io::Result<Option<Record>> {
        loop {
            self.at += 8;
            self.held.advance(self.held.len().min(8));
            if !self.hold(HEAD)? {
                return Ok(None);
            }
            if self.held[..HEAD] == [0; HEAD] {
                self.skip_zeros();
                continue;
            }
            if let Found::Record(record) = self.next()? {
                return Ok(Some(record));
            }
        }
    }

    /// Steps over what is held and zero, and leaves the last steps to be looked at one by one.
    fn skip_zeros(&mut self) {
        let zeros = self.held.iter().take_while(|byte| **byte == 0).count();
        let steps = (zeros / 8).saturating_sub(HEAD / 8) * 8;
        self.at += steps as u64;
        self.held.advance(steps);
    }

    /// What the last bytes of a file are, too few for a record.
    fn short_rest(&self) -> Found {
        if self.held.iter().all(|byte| *byte == 0) {
            Found::Nothing
        } else {
            Found::Bad("the rest of a record that is not there".to_owned())
        }
    }

    /// Holds at least `size` bytes from `at` on, unless the file ends sooner.
    fn hold(&mut self, size: usize) -> io::Result<bool> {
        if self.held.len() >= size {
            return Ok(true);
        }
        let rest = self.limit.saturating_sub(self.at);
        let wanted = (size as u64).max(self.piece).min(rest) as usize;
        self.piece = (self.piece * 2).min(PIECES.1);
        let had = self.held.len();
        if wanted > had {
            let mut bytes = BytesMut::zeroed(wanted);
            bytes[..had].copy_from_slice(&self.held);
            let read = read_full(&*self.file, &mut bytes[had..], self.at + had as u64)?;
            bytes.truncate(had + read);
            self.held = bytes.freeze();
        }
        Ok(self.held.len() >= size)
    }
}

/// Reads until the buffer is full or the file ends.
pub(super) fn read_full(file: &dyn File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut read = 0;
    while read < buffer.len() {
        match file.read_at(&mut buffer[read..], offset + read as u64)? {
            0 => break,
            more => read += more,
        }
    }
    Ok(read)
}
