//! The primitive encodings of the wire, written a second time.
//!
//! Nothing here validates: a test must be able to write what no client would send.

use crate::records::{Acl, Stat};

/// Bytes under construction; every method appends one value and hands the body on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body(pub Vec<u8>);

impl Body {
    /// An empty body.
    pub fn new() -> Self {
        Body::default()
    }

    /// Appends bytes as they are.
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// Appends a boolean as one byte, 0 or 1.
    pub fn bool(self, value: bool) -> Self {
        self.raw(&[u8::from(value)])
    }

    /// Appends a 4-byte integer.
    pub fn int(self, value: i32) -> Self {
        self.raw(&value.to_be_bytes())
    }

    /// Appends an 8-byte integer.
    pub fn long(self, value: i64) -> Self {
        self.raw(&value.to_be_bytes())
    }

    /// Appends length -1: the null string, buffer or vector.
    pub fn null(self) -> Self {
        self.int(-1)
    }

    /// Appends a buffer.
    pub fn bytes(self, bytes: &[u8]) -> Self {
        let length = i32::try_from(bytes.len()).expect("a test body is small");
        self.int(length).raw(bytes)
    }

    /// Appends a buffer, or null.
    pub fn optional(self, bytes: Option<&[u8]>) -> Self {
        match bytes {
            Some(bytes) => self.bytes(bytes),
            None => self.null(),
        }
    }

    /// Appends a string.
    pub fn string(self, text: &str) -> Self {
        self.bytes(text.as_bytes())
    }

    /// Appends a vector of strings.
    pub fn strings(self, texts: &[&str]) -> Self {
        let count = i32::try_from(texts.len()).expect("a test body is small");
        texts.iter().fold(self.int(count), |body, text| body.string(text))
    }

    /// Appends a vector of ACL entries.
    pub fn acl(self, entries: &[Acl]) -> Self {
        let count = i32::try_from(entries.len()).expect("a test body is small");
        entries.iter().fold(self.int(count), |body, entry| {
            body.int(entry.perms).string(&entry.scheme).string(&entry.id)
        })
    }
}

/// Reads values off a body from front to back; a body that ends early fails the test.
#[derive(Debug)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Starts at the first byte.
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader(bytes)
    }

    /// How many bytes are left.
    pub fn left(&self) -> usize {
        self.0.len()
    }

    fn take(&mut self, count: usize) -> &'a [u8] {
        assert!(count <= self.0.len(), "a record wants {count} bytes, {} are left", self.0.len());
        let (head, tail) = self.0.split_at(count);
        self.0 = tail;
        head
    }

    /// One byte as a boolean.
    pub fn bool(&mut self) -> bool {
        self.take(1)[0] != 0
    }

    /// A 4-byte integer.
    pub fn int(&mut self) -> i32 {
        i32::from_be_bytes(self.take(4).try_into().expect("four bytes"))
    }

    /// An 8-byte integer.
    pub fn long(&mut self) -> i64 {
        i64::from_be_bytes(self.take(8).try_into().expect("eight bytes"))
    }

    /// A buffer; `None` for null.
    pub fn buffer(&mut self) -> Option<Vec<u8>> {
        let length = self.int();
        (length != -1).then(|| {
            let length = usize::try_from(length).expect("a reply holds no negative length but -1");
            self.take(length).to_vec()
        })
    }

    /// A string that is not null.
    pub fn string(&mut self) -> String {
        let bytes = self.buffer().expect("a string that is not null");
        String::from_utf8(bytes).unwrap_or_else(|error| from_surrogates(error.as_bytes()))
    }

    /// A vector of strings.
    pub fn strings(&mut self) -> Vec<String> {
        let count = self.int();
        (0..count).map(|_| self.string()).collect()
    }

    /// A vector of ACL entries.
    pub fn acl(&mut self) -> Vec<Acl> {
        let count = self.int();
        (0..count)
            .map(|_| Acl { perms: self.int(), scheme: self.string(), id: self.string() })
            .collect()
    }

    /// The 68 bytes of a Stat.
    pub fn stat(&mut self) -> Stat {
        Stat {
            czxid: self.long(),
            mzxid: self.long(),
            ctime: self.long(),
            mtime: self.long(),
            version: self.int(),
            cversion: self.int(),
            aversion: self.int(),
            ephemeral_owner: self.long(),
            data_length: self.int(),
            num_children: self.int(),
            pzxid: self.long(),
        }
    }

    /// States that the record is complete.
    pub fn end(self) {
        assert!(self.0.is_empty(), "{} bytes follow the record", self.0.len());
    }
}

/// Text in which characters beyond the basic plane are two surrogates of three bytes each, as Java
/// writes them.
fn from_surrogates(bytes: &[u8]) -> String {
    let mut units = Vec::new();
    let mut rest = bytes;
    while let Some(&first) = rest.first() {
        let length = match first {
            0x00..=0x7f => 1,
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            _ => panic!("no text: {bytes:02x?}"),
        };
        assert!(length <= rest.len(), "text that ends early: {bytes:02x?}");
        let lead = u16::from(first) & [0x7f, 0x1f, 0x0f][length - 1];
        let unit =
            rest[1..length].iter().fold(lead, |unit, byte| unit << 6 | u16::from(byte & 0x3f));
        units.push(unit);
        rest = &rest[length..];
    }
    String::from_utf16(&units).unwrap_or_else(|_| panic!("no text: {bytes:02x?}"))
}
