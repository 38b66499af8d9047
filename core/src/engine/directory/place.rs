//! The paths of the session directory, and what each stands for.

use crate::base::SessionId;

/// The directory.
pub const TOP: &str = "/zookeeper/sessions";
/// Below it: the sessions that are over.
const ENDED: &str = "ended";
/// Below a session: its values.
const DATA: &str = "data";

/// What a path of the directory stands for. Whether it is there is another question.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place<'a> {
    /// The directory itself.
    Top,
    /// A session.
    Session(SessionId),
    /// What a session has bound to itself.
    Data(SessionId),
    /// One value of it.
    Value(SessionId, &'a str),
    /// The sessions that are over.
    AllEnded,
    /// One of them.
    Ended(SessionId),
    /// Nothing: there is never a znode.
    Nowhere,
}

impl<'a> Place<'a> {
    /// What a path stands for; `None` if it is neither [`TOP`] nor below it.
    pub fn of(path: &'a str) -> Option<Place<'a>> {
        let rest = path.strip_prefix(TOP)?;
        if rest.is_empty() {
            return Some(Place::Top);
        }
        let mut names = rest.strip_prefix('/')?.splitn(4, '/');
        let place = match [names.next(), names.next(), names.next(), names.next()] {
            [Some(ENDED), None, ..] => Some(Place::AllEnded),
            [Some(ENDED), Some(name), None, _] => session(name).map(Place::Ended),
            [Some(name), None, ..] => session(name).map(Place::Session),
            [Some(name), Some(DATA), None, _] => session(name).map(Place::Data),
            [Some(name), Some(DATA), Some(value), None] if !value.is_empty() => {
                session(name).map(|id| Place::Value(id, value))
            }
            _ => None,
        };
        Some(place.unwrap_or(Place::Nowhere))
    }

    /// Whether it is a value that this session has, or could have, bound to itself.
    pub fn is_value_of(self, session: SessionId) -> bool {
        matches!(self, Place::Value(owner, _) if owner == session)
    }
}

/// The session whose id is written so. There is one way to write it.
fn session(name: &str) -> Option<SessionId> {
    let digits = name.strip_prefix("0x")?;
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if digits.starts_with('0') || !digits.bytes().all(is_digit) {
        return None;
    }
    u64::from_str_radix(digits, 16).ok().map(|id| SessionId(id as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stands_for_what_is_printed() {
        assert_eq!(Place::of("/zookeeper/sessions"), Some(Place::Top));
        for id in [SessionId(1), SessionId(0x0100_0000_0000_0001), SessionId(-1)] {
            assert_eq!(Place::of(&format!("{TOP}/{id}")), Some(Place::Session(id)));
            assert_eq!(Place::of(&format!("{TOP}/{id}/data")), Some(Place::Data(id)));
            let value = format!("{TOP}/{id}/data/a b");
            assert_eq!(Place::of(&value), Some(Place::Value(id, "a b")));
            assert_eq!(Place::of(&format!("{TOP}/ended/{id}")), Some(Place::Ended(id)));
        }
        assert_eq!(Place::of("/zookeeper/sessions/ended"), Some(Place::AllEnded));
    }

    #[test]
    fn whatever_else_is_below_stands_for_nothing() {
        for name in [
            "",
            "0x",
            "0x0",
            "0x01",
            "0X1",
            "0xA",
            "1",
            "0x+1",
            "0x1/",
            "0x1/x",
            "0x1/data/",
            "0x1/data/a/b",
            "0x1/data/a/",
            "ended/",
            "ended/1",
            "ended/0x1/data",
            "/0x1",
            "0x11111111111111111",
        ] {
            let path = format!("{TOP}/{name}");
            assert_eq!(Place::of(&path), Some(Place::Nowhere), "{path}");
        }
        for path in ["/zookeeper", "/zookeeper/session", "/zookeeper/sessionsx", "/a", ""] {
            assert_eq!(Place::of(path), None, "{path}");
        }
    }
}
