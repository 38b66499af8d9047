//! The part of a script that concerns quotas: their znodes come, change and go.
//!
//! The rules `quota-nesting`, `quota-stats`, `quota-malformed` and `quota-reserved` tell what is not asked:
//! quotas lie side by side, limits come before stats and go after them, their text is well formed, and
//! nobody sets stats.

use std::collections::BTreeSet;

use tenure_tests::chance::Chance;
use tenure_tests::op;
use tenure_tests::records::open;

use crate::action::Request;

/// Paths that have a quota at times. None is below another one.
const LIMITED: [&str; 4] = ["/b", "/q", "/d", "/a/x"];

const TOP: &str = "/zookeeper/quota";

/// Which of the znodes that define quotas are there.
#[derive(Default)]
pub struct Quotas {
    there: BTreeSet<String>,
}

impl Quotas {
    /// A znode was created.
    pub fn created(&mut self, path: &str) {
        if path.starts_with(TOP) {
            self.there.insert(path.to_owned());
        }
    }

    /// A znode was deleted.
    pub fn deleted(&mut self, path: &str) {
        self.there.remove(path);
    }

    /// The next request about quotas.
    pub fn next(&self, chance: &mut Chance) -> Request {
        let limited = *chance.pick(&LIMITED);
        let mut place = TOP.to_owned();
        for name in limited.split('/').skip(1) {
            place = format!("{place}/{name}");
            if !self.there.contains(&place) {
                return create(&place, Some(Vec::new()));
            }
        }
        let limits = format!("{place}/zookeeper_limits");
        let stats = format!("{place}/zookeeper_stats");
        let text = Some(text(chance));
        if !self.there.contains(&limits) {
            return match chance.below(4) {
                0 => create(&limits, text),
                1 => delete(place),
                _ => Request::Multi(vec![create(&limits, text), create(&stats, none())]),
            };
        }
        if !self.there.contains(&stats) {
            return match chance.below(3) {
                0 => delete(limits),
                1 => set(limits, text),
                _ => create(&stats, none()),
            };
        }
        match chance.below(20) {
            0 => delete(stats),
            1 => Request::Multi(vec![delete(stats), delete(limits)]),
            2..8 => set(limits, text),
            8 => read(op::GET_DATA, limits),
            9 => read(op::EXISTS, stats),
            10 => read(op::GET_CHILDREN2, stats),
            11 => Request::Path { kind: op::GET_ACL, path: stats },
            12 => Request::MultiRead(vec![read(op::GET_DATA, stats), read(op::GET_DATA, limits)]),
            _ => read(op::GET_DATA, stats),
        }
    }
}

/// What the command line writes before anything is counted.
fn none() -> Option<Vec<u8>> {
    Some(b"count=0,bytes=0".to_vec())
}

fn text(chance: &mut Chance) -> Vec<u8> {
    let count = *chance.pick(&[-1, 1, 2, 3, 5, 9]);
    let bytes = *chance.pick(&[-1, -1, 0, 10, 30]);
    let text = match chance.below(4) {
        0 => format!("count={count},bytes={bytes}"),
        1 => format!("count=-1,bytes=-1=;byteHardLimit={bytes};countHardLimit={count}"),
        2 => format!("count=1,bytes=1=;countHardLimit={count}"),
        _ => format!("count=-1,bytes=-1=;byteHardLimit={bytes}"),
    };
    text.into_bytes()
}

fn create(path: &str, data: Option<Vec<u8>>) -> Request {
    let (path, flags) = (Some(path.to_owned()), op::PERSISTENT);
    Request::Create { kind: op::CREATE, path, data, acl: open(), flags, ttl: 0 }
}

fn delete(path: String) -> Request {
    Request::Delete { path: Some(path), version: -1 }
}

fn set(path: String, data: Option<Vec<u8>>) -> Request {
    Request::SetData { path: Some(path), data, version: -1 }
}

fn read(kind: i32, path: String) -> Request {
    Request::Read { kind, path: Some(path), watch: true }
}
