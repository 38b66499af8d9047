//! How a snapshot is compressed: not at all, with gzip, or with Snappy as Java's library frames it.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read};
use std::path::Path;
use std::rc::Rc;

use flate2::read::MultiGzDecoder;

/// The first bytes of a Snappy stream of Java's library, before two version numbers.
const SNAPPY: [u8; 8] = [0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0];

/// The most a byte of Snappy can become: copies of 64 bytes take 2 bytes at least.
const SNAPPY_RATIO: usize = 32;

/// Longest compressed block that is read; Java's library writes 32 KiB before compression.
const SNAPPY_BLOCK: usize = 64 << 20;

/// What the name of a file says about its bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Codec {
    /// As they are.
    Plain,
    /// Ends in `.gz`.
    Gzip,
    /// Ends in `.snappy`.
    Snappy,
}

impl Codec {
    /// Splits the ending off a name.
    pub fn of(name: &str) -> (&str, Codec) {
        if let Some(stem) = name.strip_suffix(".gz") {
            (stem, Codec::Gzip)
        } else if let Some(stem) = name.strip_suffix(".snappy") {
            (stem, Codec::Snappy)
        } else {
            (name, Codec::Plain)
        }
    }

    /// Opens a file for reading only; `taken` says from then on how many of its bytes were read. The
    /// second value is the length of what can be read, known for a plain file.
    pub fn open(
        self,
        path: &Path,
        taken: Rc<Cell<u64>>,
    ) -> io::Result<(Box<dyn Read>, Option<u64>)> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        let file = Counted { file, taken };
        let file = BufReader::with_capacity(64 << 10, file);
        Ok(match self {
            Codec::Plain => (Box::new(file), Some(length)),
            Codec::Gzip => (Box::new(MultiGzDecoder::new(file)), None),
            Codec::Snappy => (Box::new(Snappy::new(file)?), None),
        })
    }
}

/// A file that counts what is read of it.
struct Counted {
    file: File,
    taken: Rc<Cell<u64>>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.taken.set(self.taken.get() + count as u64);
        Ok(count)
    }
}

/// Decompresses a Snappy stream: a header of 16 bytes, then blocks, each with its length in front.
struct Snappy<R> {
    source: R,
    block: Vec<u8>,
    taken: usize,
}

impl<R: Read> Snappy<R> {
    fn new(mut source: R) -> io::Result<Snappy<R>> {
        let mut header = [0; 16];
        source.read_exact(&mut header)?;
        if header[..8] != SNAPPY {
            return Err(malformed("the header of a Snappy stream is missing"));
        }
        Ok(Snappy { source, block: Vec::new(), taken: 0 })
    }

    /// Decompresses the next block; false at the end.
    fn refill(&mut self) -> io::Result<bool> {
        let mut first = [0; 1];
        loop {
            match self.source.read(&mut first) {
                Ok(0) => return Ok(false),
                Ok(_) => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let mut others = [0; 3];
        self.source.read_exact(&mut others)?;
        let length = u32::from_be_bytes([first[0], others[0], others[1], others[2]]) as usize;
        if length > SNAPPY_BLOCK {
            return Err(malformed("a Snappy block longer than 64 MiB"));
        }
        let mut compressed = Vec::new();
        if (&mut self.source).take(length as u64).read_to_end(&mut compressed)? < length {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let announced = snap::raw::decompress_len(&compressed).map_err(io::Error::other);
        match announced {
            Ok(bytes) if bytes <= length.saturating_mul(SNAPPY_RATIO) => {}
            _ => return Err(malformed("a Snappy block that does not say how long it is")),
        }
        self.block = snap::raw::Decoder::new()
            .decompress_vec(&compressed)
            .map_err(|_| malformed("a Snappy block that does not decompress"))?;
        self.taken = 0;
        Ok(true)
    }
}

impl<R: Read> Read for Snappy<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.block.len() {
            if !self.refill()? {
                return Ok(0);
            }
        }
        let rest = &self.block[self.taken..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.taken += count;
        Ok(count)
    }
}

fn malformed(what: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(blocks: &[&[u8]]) -> Vec<u8> {
        let mut bytes = SNAPPY.to_vec();
        bytes.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 1]);
        for block in blocks {
            let compressed = snap::raw::Encoder::new().compress_vec(block).expect("compresses");
            bytes.extend_from_slice(&(compressed.len() as u32).to_be_bytes());
            bytes.extend_from_slice(&compressed);
        }
        bytes
    }

    fn unframed(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        Snappy::new(bytes)?.read_to_end(&mut all)?;
        Ok(all)
    }

    #[test]
    fn snappy_streams_are_the_sum_of_their_blocks() {
        let zeros = [0; 100_000];
        let framed = framed(&[b"abc", b"", &zeros]);
        let all = unframed(&framed).expect("a whole stream");
        assert_eq!((all.len(), &all[..3]), (100_003, &b"abc"[..]));
    }

    #[test]
    fn every_cut_of_a_snappy_stream_is_noticed_or_ends_with_a_block() {
        let whole = framed(&[b"abcdefgh", b"ijk"]);
        let ends: Vec<_> =
            (0..whole.len()).filter(|&end| unframed(&whole[..end]).is_ok()).collect();
        assert_eq!(ends, [16, 16 + 4 + 10], "after the header and after the first block");
    }

    #[test]
    fn giant_blocks_are_refused() {
        let mut bytes = framed(&[]);
        bytes.extend_from_slice(&[0x7F, 0xFF, 0xFF, 0xFF, 1]);
        assert!(unframed(&bytes).is_err());
        let mut bytes = framed(&[]);
        // A block of six bytes that announces four gigabytes.
        bytes.extend_from_slice(&[0, 0, 0, 6, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0]);
        assert!(unframed(&bytes).is_err());
    }
}
