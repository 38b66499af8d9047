//! Makes bytes as Apache's servers do.

use adler2::adler32_slice;
use bytes::{BufMut, BytesMut};

use crate::base::Acl;
use crate::wire::jute;

/// A record's body in the making.
#[derive(Default, Clone)]
pub struct Body(pub BytesMut);

impl Body {
    /// The header of a transaction.
    pub fn txn(session: i64, zxid: i64, kind: i32) -> Body {
        Body::default().long(session).int(1).long(zxid).long(zxid * 1_000).int(kind)
    }

    pub fn int(mut self, value: i32) -> Body {
        self.0.put_i32(value);
        self
    }

    pub fn long(mut self, value: i64) -> Body {
        self.0.put_i64(value);
        self
    }

    pub fn bool(mut self, value: bool) -> Body {
        jute::put_bool(&mut self.0, value);
        self
    }

    pub fn string(mut self, value: &str) -> Body {
        jute::put_string(&mut self.0, value);
        self
    }

    pub fn buffer(mut self, value: Option<&[u8]>) -> Body {
        jute::put_buffer(&mut self.0, value);
        self
    }

    pub fn acl(mut self, acl: &[Acl]) -> Body {
        jute::put_acl(&mut self.0, acl);
        self
    }

    /// What a create has for all its numbers: path, data and an ACL of everybody.
    pub fn create(self, path: &str) -> Body {
        self.string(path).buffer(Some(b"x")).acl(&Acl::open_unsafe())
    }

    /// The record as it stands in a file.
    pub fn record(&self) -> Vec<u8> {
        let mut bytes = u64::from(adler32_slice(&self.0)).to_be_bytes().to_vec();
        bytes.extend_from_slice(&(self.0.len() as u32).to_be_bytes());
        bytes.extend_from_slice(&self.0);
        bytes.push(b'B');
        bytes
    }
}

/// A log file of these records.
pub fn log(records: &[Body]) -> Vec<u8> {
    let mut bytes = b"ZKLG\0\0\0\x02\0\0\0\0\0\0\0\0".to_vec();
    for record in records {
        bytes.extend_from_slice(&record.record());
    }
    bytes
}

/// The bytes of digits in hex, with spaces wherever they please.
pub fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits.bytes().filter(|digit| !digit.is_ascii_whitespace()).collect();
    let pair = |pair: &[u8]| {
        let text = std::str::from_utf8(pair).expect("digits are text");
        u8::from_str_radix(text, 16).expect("digits are hex")
    };
    digits.chunks(2).map(pair).collect()
}

/// A folder of a test's own that goes when the test does.
pub struct Folder(pub std::path::PathBuf);

impl Folder {
    /// A data directory with these files in `version-2`.
    pub fn with(files: &[(&str, &[u8])]) -> Folder {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("tenure-import-{}-{number}", std::process::id());
        let folder = Folder(std::env::temp_dir().join(name));
        let inner = folder.0.join("version-2");
        std::fs::create_dir_all(&inner).expect("a folder");
        for (name, bytes) in files {
            std::fs::write(inner.join(name), bytes).expect("a file");
        }
        folder
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
