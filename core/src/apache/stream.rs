//! Apache's records as they come off a file: bounded, summed, and with the place of every defect.
//!
//! A length that a file announces is believed only as far as bytes follow: nothing is allocated for
//! bytes that are not there.

use std::io::{self, ErrorKind, Read};

use adler2::Adler32;
use bytes::Bytes;

use crate::base::limits::APACHE_RECORD;
use crate::base::{Acl, Identity, Perms};
use crate::log::Damage;

/// Why something cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// The bytes are not what Apache would have written.
    #[error(transparent)]
    Damage(#[from] Damage),
    /// The system refuses.
    #[error("{file} cannot be read: {source}")]
    Io {
        /// The file.
        file: String,
        /// What the system said.
        source: io::Error,
    },
}

impl Unreadable {
    pub(super) fn opening(file: &str, source: io::Error) -> Unreadable {
        match source.kind() {
            ErrorKind::UnexpectedEof | ErrorKind::InvalidData => {
                let (file, found) = (file.to_owned(), source.to_string());
                Damage { file, offset: 0, found }.into()
            }
            _ => Unreadable::Io { file: file.to_owned(), source },
        }
    }
}

/// A value or the reason there is none.
pub type Result<T> = std::result::Result<T, Unreadable>;

/// What is allocated ahead of the bytes that fill it.
const AHEAD: usize = 64 << 10;

/// Takes values off the front of a file, or of a record inside one.
pub struct Stream<R> {
    source: R,
    file: String,
    /// Where in the file the next byte is; after decompression, if it is compressed.
    offset: u64,
    /// How many bytes follow, where that is known.
    left: Option<u64>,
    sum: Adler32,
}

impl<R: Read> Stream<R> {
    /// Reads `source`, which is called `file` in messages and of which `left` bytes follow.
    pub fn new(source: R, file: &str, left: Option<u64>) -> Stream<R> {
        Stream { source, file: file.to_owned(), offset: 0, left, sum: Adler32::new() }
    }

    /// The same, for a source that begins inside the file.
    pub fn at(self, offset: u64) -> Stream<R> {
        Stream { offset, ..self }
    }

    /// Where in the file the next byte is.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The Adler-32 of everything taken so far.
    pub fn sum(&self) -> u32 {
        self.sum.checksum()
    }

    /// How many bytes follow, where that is known.
    pub fn left(&self) -> Option<u64> {
        self.left
    }

    /// Four bytes.
    pub fn int(&mut self) -> Result<i32> {
        let mut bytes = [0; 4];
        self.fill(&mut bytes)?;
        Ok(i32::from_be_bytes(bytes))
    }

    /// Eight bytes.
    pub fn long(&mut self) -> Result<i64> {
        let mut bytes = [0; 8];
        self.fill(&mut bytes)?;
        Ok(i64::from_be_bytes(bytes))
    }

    /// One byte; any value but 0 is true.
    pub fn bool(&mut self) -> Result<bool> {
        let mut bytes = [0; 1];
        self.fill(&mut bytes)?;
        Ok(bytes != [0])
    }

    /// A buffer that may be null.
    pub fn buffer(&mut self) -> Result<Option<Bytes>> {
        match self.int()? {
            -1 => Ok(None),
            length => self.bytes(length).map(Some),
        }
    }

    /// So many bytes.
    pub fn bytes(&mut self, length: i32) -> Result<Bytes> {
        let fits = usize::try_from(length).is_ok_and(|length| length <= APACHE_RECORD);
        if !fits || self.left.is_some_and(|left| length as u64 > left) {
            return Err(self.damage(format!("a length of {length} bytes, more than there are")));
        }
        let length = length as usize;
        let mut bytes = Vec::with_capacity(length.min(AHEAD));
        let read = (&mut self.source).take(length as u64).read_to_end(&mut bytes);
        let read = read.map_err(|error| self.unreadable(error))?;
        if read < length {
            return Err(self.damage("the file ends inside a value".to_owned()));
        }
        self.took(&bytes);
        Ok(bytes.into())
    }

    /// A string. Null reads as empty, as no record of Apache tells the two apart.
    pub fn string(&mut self) -> Result<String> {
        let bytes = self.buffer()?.unwrap_or_default();
        text(&bytes).ok_or_else(|| self.damage("a string that is not UTF-8".to_owned()))
    }

    /// A vector, item by item; null reads as empty.
    pub fn vector<T>(&mut self, mut item: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let count = self.int()?;
        if count < -1 {
            return Err(self.damage(format!("a list of {count} items")));
        }
        (0..count.max(0)).map(|_| item(self)).collect()
    }

    /// An access control list; an empty one says that everybody may do everything.
    pub fn acl(&mut self) -> Result<Vec<Acl>> {
        let entries = self.vector(|stream| {
            let perms = Perms(stream.int()?);
            let (scheme, id) = (stream.string()?, stream.string()?);
            Ok(Acl { perms, id: Identity { scheme, id } })
        })?;
        Ok(if entries.is_empty() { Acl::open_unsafe() } else { entries })
    }

    /// What the file is called in messages.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Sums bytes that were read ahead of their turn; returns the Adler-32 up to and with them.
    pub fn pass(&mut self, bytes: &[u8]) -> u32 {
        self.took(bytes);
        self.sum()
    }

    /// Everything that is left, at most `most` bytes, not summed yet.
    pub fn rest(&mut self, most: usize) -> Result<Bytes> {
        let mut bytes = Vec::new();
        let read = (&mut self.source).take(most as u64 + 1).read_to_end(&mut bytes);
        read.map_err(|error| self.unreadable(error))?;
        if bytes.len() > most {
            return Err(self.damage(format!("more than {most} bytes where the file should end")));
        }
        Ok(bytes.into())
    }

    /// What is wrong where the stream stands.
    pub fn damage(&self, found: String) -> Unreadable {
        Damage { file: self.file.clone(), offset: self.offset, found }.into()
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<()> {
        if self.left.is_some_and(|left| (bytes.len() as u64) > left) {
            return Err(self.damage("the file ends here".to_owned()));
        }
        self.source.read_exact(bytes).map_err(|error| self.unreadable(error))?;
        self.took(bytes);
        Ok(())
    }

    fn took(&mut self, bytes: &[u8]) {
        self.sum.write_slice(bytes);
        self.offset += bytes.len() as u64;
        self.left = self.left.map(|left| left.saturating_sub(bytes.len() as u64));
    }

    fn unreadable(&self, source: io::Error) -> Unreadable {
        match source.kind() {
            ErrorKind::UnexpectedEof => self.damage("the file ends here".to_owned()),
            // What the decompressors say of bytes they cannot make sense of.
            ErrorKind::InvalidData | ErrorKind::InvalidInput => self.damage(source.to_string()),
            _ => Unreadable::Io { file: self.file.clone(), source },
        }
    }
}

/// The text of these bytes: UTF-8, or what Java's encoder makes of characters beyond the basic
/// plane, two surrogates of three bytes each.
fn text(bytes: &[u8]) -> Option<String> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Some(text.to_owned());
    }
    let mut units = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        if let [0xED, second @ 0xA0..=0xBF, third @ 0x80..=0xBF, tail @ ..] = rest {
            units.push(0xD000 | u16::from(second & 0x3F) << 6 | u16::from(third & 0x3F));
            rest = tail;
            continue;
        }
        let valid = std::str::from_utf8(rest).map_or_else(|fault| fault.valid_up_to(), str::len);
        let (head, tail) = rest.split_at(valid);
        let head = std::str::from_utf8(head).ok().filter(|head| !head.is_empty())?;
        units.extend(head.encode_utf16());
        rest = tail;
    }
    String::from_utf16(&units).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(bytes: &[u8]) -> Stream<&[u8]> {
        Stream::new(bytes, "f", None)
    }

    #[test]
    fn lengths_are_believed_as_far_as_bytes_follow() {
        for announced in [[0x7F, 0xFF, 0xFF, 0xFF], [0x03, 0, 0, 0], [0xFF, 0xFF, 0xFF, 0xFE]] {
            let mut bytes = announced.to_vec();
            bytes.extend_from_slice(b"few");
            assert!(stream(&bytes).buffer().is_err());
            assert!(Stream::new(&bytes[..], "f", Some(7)).buffer().is_err());
        }
        assert!(stream(&[0x7F, 0xFF, 0xFF, 0xFF, 0, 0, 0, 1]).vector(Stream::int).is_err());
    }

    #[test]
    fn p10_null_and_empty_stay_different() {
        let bytes = [0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0];
        let mut stream = stream(&bytes);
        assert_eq!(stream.buffer().expect("null"), None);
        assert_eq!(stream.buffer().expect("empty"), Some(Bytes::new()));
    }

    #[test]
    fn strings_are_utf8_or_what_java_writes_for_it() {
        assert_eq!(text("é/ü".as_bytes()), Some("é/ü".to_owned()));
        assert_eq!(text(b"a\xED\xA0\xBD\xED\xB8\x80b\xC3\xA9"), Some("a😀bé".to_owned()));
        assert_eq!(text(b"\xED\xA0\xBD"), None, "half a character");
        assert_eq!(text(b"a\xFF"), None);
    }

    #[test]
    fn defects_have_a_place() {
        let mut stream = stream(&[0, 0, 0, 1, 2]);
        stream.int().expect("four bytes");
        let Err(Unreadable::Damage(damage)) = stream.int() else { panic!("one byte is no int") };
        assert_eq!((damage.file.as_str(), damage.offset), ("f", 4));
    }
}
