//! What the text of a quota's two znodes says.
//!
//! `count=3,bytes=20` in every release. Hard limits stand behind it, as in
//! `count=-1,bytes=-1=;byteHardLimit=100;countHardLimit=5`; the stray `=` keeps older parsers from
//! looking further.

use std::fmt;
use std::ops::{AddAssign, SubAssign};

/// What must not be exceeded. `None` is no limit; a limit allows itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Limits {
    /// How many znodes there should be: more of them are warned of.
    pub count: Option<i64>,
    /// How many bytes of data there should be.
    pub bytes: Option<i64>,
    /// How many znodes there can be: more of them are refused.
    pub hard_count: Option<i64>,
    /// How many bytes of data there can be.
    pub hard_bytes: Option<i64>,
}

/// Text that does not say what the limits are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Unreadable;

impl Limits {
    /// Reads the data of a limits znode; no data are no limits. Keys that are not known are passed
    /// over, of a key that stands twice the last one counts, and a value below 0 or none is no limit.
    pub(super) fn read(data: Option<&[u8]>) -> Result<Limits, Unreadable> {
        let text = std::str::from_utf8(data.unwrap_or_default()).map_err(|_| Unreadable)?;
        let mut limits = Limits::default();
        for pair in text.split([',', ';']).filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').ok_or(Unreadable)?;
            let limit = match value.split('=').next().unwrap_or_default() {
                "" => None,
                value => Some(value.parse().map_err(|_| Unreadable)?).filter(|&n: &i64| n >= 0),
            };
            match key {
                "count" => limits.count = limit,
                "bytes" => limits.bytes = limit,
                "countHardLimit" => limits.hard_count = limit,
                "byteHardLimit" => limits.hard_bytes = limit,
                _ => {}
            }
        }
        Ok(limits)
    }

    /// Whether so much more than what is used cannot be. What stays the same is not asked about.
    pub(super) fn refuse(&self, used: Usage, more: Usage) -> bool {
        let over = |limit: Option<i64>, used: i64, more: i64| {
            more != 0 && limit.is_some_and(|limit| used.saturating_add(more) > limit)
        };
        over(self.hard_count, used.count, more.count)
            || over(self.hard_bytes, used.bytes, more.bytes)
    }

    /// Whether what is used, after so much was added, is more than should be.
    pub(super) fn warn_of(&self, used: Usage, added: Usage) -> bool {
        let over = |limit: Option<i64>, used: i64, added: i64| {
            added > 0 && limit.is_some_and(|limit| used > limit)
        };
        over(self.count, used.count, added.count) || over(self.bytes, used.bytes, added.bytes)
    }
}

/// How much there is, or how much more there is than before.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Usage {
    /// Znodes.
    pub count: i64,
    /// Bytes of their data.
    pub bytes: i64,
}

impl Usage {
    /// One znode with these data.
    pub(in crate::engine) fn of(data: Option<&[u8]>) -> Usage {
        Usage { count: 1, bytes: data.map_or(0, <[u8]>::len) as i64 }
    }

    /// As much less.
    pub(in crate::engine) fn less(self) -> Usage {
        Usage { count: -self.count, bytes: -self.bytes }
    }
}

impl AddAssign for Usage {
    fn add_assign(&mut self, more: Usage) {
        self.count += more.count;
        self.bytes += more.bytes;
    }
}

impl SubAssign for Usage {
    fn sub_assign(&mut self, less: Usage) {
        self.count -= less.count;
        self.bytes -= less.bytes;
    }
}

/// The text of a stats znode.
impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "count={},bytes={}", self.count, self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<[Option<i64>; 4], Unreadable> {
        let limits = Limits::read(Some(text.as_bytes()))?;
        Ok([limits.count, limits.bytes, limits.hard_count, limits.hard_bytes])
    }

    #[test]
    fn the_text_of_every_release_is_read() {
        let none = [None; 4];
        assert_eq!(read("count=3,bytes=20"), Ok([Some(3), Some(20), None, None]));
        assert_eq!(read("count=-1,bytes=-1"), Ok(none));
        let all = "count=1,bytes=2=;byteHardLimit=4;countHardLimit=3";
        assert_eq!(read(all), Ok([Some(1), Some(2), Some(3), Some(4)]));
        assert_eq!(read("count=,bytes=5;,;new=7;"), Ok([None, Some(5), None, None]));
        assert_eq!(read("count=1,count=2,count==9"), Ok(none), "the last one counts");
        assert_eq!(read("count=0,bytes=9223372036854775807"), {
            Ok([Some(0), Some(i64::MAX), None, None])
        });
        for empty in ["", ",", ";;,"] {
            assert_eq!(read(empty), Ok(none), "{empty:?}");
        }
        assert_eq!(Limits::read(None), Ok(Limits::default()));
    }

    #[test]
    fn other_text_is_not() {
        for text in ["count", "count=x", "count= 1", "count=1,bytes", "count=9223372036854775808"] {
            assert_eq!(read(text), Err(Unreadable), "{text:?}");
        }
        assert_eq!(Limits::read(Some(b"count=1,\xFF=2")), Err(Unreadable));
    }
}
