//! The primitive encodings: integers, strings, buffers, vectors, and the records of ACL and Stat.
//!
//! Null and empty are different values for strings, buffers and vectors, and stay different both
//! ways. Strings are read leniently: bytes that are not UTF-8 become U+FFFD.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::base::{Acl, Identity, Perms, SessionId, Stat, WallMillis, Zxid};

/// The bytes do not hold the record that was expected.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("malformed record")]
pub struct Malformed;

/// A value or the reason there is none.
pub type Result<T> = std::result::Result<T, Malformed>;

/// Takes values off the front of a record. Bytes left at the end are ignored by design: that is how
/// the protocol grows.
pub struct Reader {
    rest: Bytes,
}

impl Reader {
    /// Reads `record` from its start.
    pub fn new(record: Bytes) -> Reader {
        Reader { rest: record }
    }

    /// How many bytes are left.
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// One byte.
    pub fn byte(&mut self) -> Result<u8> {
        self.need(1)?;
        Ok(self.rest.get_u8())
    }

    /// As many bytes as the type says.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.need(N)?;
        let mut bytes = [0; N];
        self.rest.copy_to_slice(&mut bytes);
        Ok(bytes)
    }

    /// One byte; any value but 0 is true.
    pub fn bool(&mut self) -> Result<bool> {
        self.need(1)?;
        Ok(self.rest.get_u8() != 0)
    }

    /// Four bytes.
    pub fn int(&mut self) -> Result<i32> {
        self.need(4)?;
        Ok(self.rest.get_i32())
    }

    /// Eight bytes.
    pub fn long(&mut self) -> Result<i64> {
        self.need(8)?;
        Ok(self.rest.get_i64())
    }

    /// A buffer that may be null; shares the memory of the record.
    pub fn buffer(&mut self) -> Result<Option<Bytes>> {
        let length = match self.int()? {
            -1 => return Ok(None),
            length => usize::try_from(length).map_err(|_| Malformed)?,
        };
        self.need(length)?;
        Ok(Some(self.rest.split_to(length)))
    }

    /// A string that may be null.
    pub fn nullable_string(&mut self) -> Result<Option<String>> {
        Ok(self.buffer()?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// A string that must not be null.
    pub fn string(&mut self) -> Result<String> {
        self.nullable_string()?.ok_or(Malformed)
    }

    /// A vector that may be null. Any negative count but -1 reads as empty, as in ZooKeeper.
    pub fn nullable_vector<T>(
        &mut self,
        mut item: impl FnMut(&mut Reader) -> Result<T>,
    ) -> Result<Option<Vec<T>>> {
        let count = match self.int()? {
            -1 => return Ok(None),
            count => usize::try_from(count).unwrap_or(0),
        };
        // Every item takes at least four bytes, so a lying count reserves no more than it brought.
        let mut items = Vec::with_capacity(count.min(self.remaining() / 4));
        for _ in 0..count {
            items.push(item(self)?);
        }
        Ok(Some(items))
    }

    /// A vector that must not be null.
    pub fn vector<T>(&mut self, item: impl FnMut(&mut Reader) -> Result<T>) -> Result<Vec<T>> {
        self.nullable_vector(item)?.ok_or(Malformed)
    }

    /// A list of ACL entries; null reads as empty, for both are refused alike. A null scheme or id
    /// reads as an empty one, which no scheme accepts.
    pub fn acl(&mut self) -> Result<Vec<Acl>> {
        let entries = self.nullable_vector(|reader| {
            let perms = Perms(reader.int()?);
            let scheme = reader.nullable_string()?.unwrap_or_default();
            let id = reader.nullable_string()?.unwrap_or_default();
            Ok(Acl { perms, id: Identity { scheme, id } })
        })?;
        Ok(entries.unwrap_or_default())
    }

    /// The 68 bytes of a Stat.
    pub fn stat(&mut self) -> Result<Stat> {
        Ok(Stat {
            czxid: Zxid(self.long()?),
            mzxid: Zxid(self.long()?),
            ctime: WallMillis(self.long()?),
            mtime: WallMillis(self.long()?),
            version: self.int()?,
            cversion: self.int()?,
            aversion: self.int()?,
            ephemeral_owner: SessionId(self.long()?),
            data_length: self.int()?,
            num_children: self.int()?,
            pzxid: Zxid(self.long()?),
        })
    }

    fn need(&self, bytes: usize) -> Result<()> {
        if self.rest.len() < bytes { Err(Malformed) } else { Ok(()) }
    }
}

/// Appends a boolean.
pub fn put_bool(out: &mut BytesMut, value: bool) {
    out.put_u8(u8::from(value));
}

/// Appends a buffer or null.
pub fn put_buffer(out: &mut BytesMut, value: Option<&[u8]>) {
    match value {
        None => out.put_i32(-1),
        Some(bytes) => {
            put_length(out, bytes.len());
            out.put_slice(bytes);
        }
    }
}

/// Appends a string.
pub fn put_string(out: &mut BytesMut, value: &str) {
    put_buffer(out, Some(value.as_bytes()));
}

/// Appends a string or null.
pub fn put_nullable_string(out: &mut BytesMut, value: Option<&str>) {
    put_buffer(out, value.map(str::as_bytes));
}

/// Appends a vector of strings.
pub fn put_strings<S: AsRef<str>>(out: &mut BytesMut, values: &[S]) {
    put_length(out, values.len());
    for value in values {
        put_string(out, value.as_ref());
    }
}

/// Appends a count or length. What this side built always fits: frames have a ceiling.
pub fn put_length(out: &mut BytesMut, length: usize) {
    out.put_i32(i32::try_from(length).expect("what is encoded fits a frame"));
}

/// Appends a list of ACL entries.
pub fn put_acl(out: &mut BytesMut, entries: &[Acl]) {
    put_length(out, entries.len());
    for entry in entries {
        out.put_i32(entry.perms.0);
        put_string(out, &entry.id.scheme);
        put_string(out, &entry.id.id);
    }
}

/// Appends the 68 bytes of a Stat.
pub fn put_stat(out: &mut BytesMut, stat: &Stat) {
    out.put_i64(stat.czxid.0);
    out.put_i64(stat.mzxid.0);
    out.put_i64(stat.ctime.0);
    out.put_i64(stat.mtime.0);
    out.put_i32(stat.version);
    out.put_i32(stat.cversion);
    out.put_i32(stat.aversion);
    out.put_i64(stat.ephemeral_owner.0);
    out.put_i32(stat.data_length);
    out.put_i32(stat.num_children);
    out.put_i64(stat.pzxid.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(bytes: &[u8]) -> Reader {
        Reader::new(Bytes::copy_from_slice(bytes))
    }

    #[test]
    fn p10_null_and_empty_stay_different() {
        let mut out = BytesMut::new();
        put_buffer(&mut out, None);
        put_buffer(&mut out, Some(b""));
        put_nullable_string(&mut out, None);
        put_string(&mut out, "");
        let mut reader = Reader::new(out.freeze());
        assert_eq!(reader.buffer(), Ok(None));
        assert_eq!(reader.buffer(), Ok(Some(Bytes::new())));
        assert_eq!(reader.nullable_string(), Ok(None));
        assert_eq!(reader.nullable_string(), Ok(Some(String::new())));
    }

    #[test]
    fn p11_lengths_beyond_the_bytes_are_refused() {
        assert_eq!(reader(&[0x7F, 0xFF, 0xFF, 0xFF, 1]).buffer(), Err(Malformed));
        assert_eq!(reader(&[0xFF, 0xFF, 0xFF, 0xFE]).buffer(), Err(Malformed));
        assert_eq!(reader(&[0, 0]).int(), Err(Malformed));
    }

    #[test]
    fn p12_negative_counts_read_as_empty() {
        assert_eq!(reader(&[0xFF, 0xFF, 0xFF, 0xFE]).vector(Reader::int), Ok(vec![]));
        assert_eq!(reader(&[0xFF; 4]).vector(Reader::int), Err(Malformed));
        assert_eq!(
            reader(&[0x7F, 0xFF, 0xFF, 0xFF, 0, 0, 0, 1]).vector(Reader::int),
            Err(Malformed)
        );
    }

    #[test]
    fn p13_bytes_that_are_not_utf8_become_replacement_characters() {
        assert_eq!(reader(&[0, 0, 0, 2, b'/', 0xFF]).string(), Ok("/\u{FFFD}".to_owned()));
    }
}
