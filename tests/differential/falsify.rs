//! The negative control: one thing in an answer is made wrong, and that has to be noticed.
//!
//! It is done to the records before the rules are applied, so a rule that lets too much pass is found
//! as well.

use tenure_tests::op;

use crate::action::{Action, Request};
use crate::side::Record;

/// Makes one thing wrong, if it is there.
type Falsify = fn(&Action, &mut Record) -> bool;

/// Every way to make an answer wrong, by name.
pub const WAYS: [(&str, Falsify); 12] = [
    ("cversion", |_, record| raise(record, "cversion ")),
    ("pzxid", |_, record| raise(record, "pzxid ")),
    ("data-length", |_, record| raise(record, "length ")),
    ("event-lost", |_, record| {
        record.event_zxids.pop();
        record.events.pop().is_some()
    }),
    ("event-after-return", |action, record| {
        let is_after = matches!(action, Action::SetWatches2(..) | Action::SetWatches(..));
        is_after && record.events.pop().is_some() && record.event_zxids.pop().is_some()
    }),
    ("event-zxid", |action, record| {
        // What setWatches makes up has none.
        let last = record.event_zxids.last_mut().filter(|_| !action.is_rewatch());
        last.map(|zxid| *zxid -= 1).is_some()
    }),
    ("acl", |action, record| {
        let is_acl = matches!(action, Action::Call(Request::Path { kind: op::GET_ACL, .. }));
        let entry = record.reply.iter().position(|line| line.contains("perms"));
        is_acl && entry.map(|place| record.reply.remove(place)).is_some()
    }),
    ("no-auth", |_, record| forgive(record, op::NO_AUTH)),
    ("quota-refusal", |_, record| forgive(record, op::QUOTA_EXCEEDED)),
    ("quota-usage", |action, record| {
        let is_stats = matches!(action, Action::Call(Request::Read { kind: op::GET_DATA, path: Some(path), .. })
            if path.ends_with("zookeeper_stats"));
        let line =
            record.reply.iter_mut().find(|line| line.starts_with("data Some")).filter(|_| is_stats);
        line.map(|line| line.push_str(" and more")).is_some()
    }),
    ("multi-result", |action, record| {
        let is_multi = matches!(action, Action::Call(Request::Multi(_)));
        let failed = record.reply.iter_mut().find(|line| line.as_str() == "result -2");
        failed.filter(|_| is_multi).map(|line| *line = "result 0".to_owned()).is_some()
    }),
    ("reaped", |action, record| {
        let is_removal = matches!(action, Action::Reap) && !record.reply.is_empty();
        record.zxid -= i64::from(is_removal);
        is_removal
    }),
];

/// Raises the first number of this name by 1, but not in a Stat that the other server does not send.
fn raise(record: &mut Record, name: &str) -> bool {
    for line in record.reply.iter_mut().filter(|line| !line.starts_with("created 15 ")) {
        let Some((head, tail)) = line.split_once(name) else { continue };
        let (number, rest) = tail.split_once(' ').unwrap_or((tail, ""));
        let raised = number.parse::<i64>().expect("it is a number") + 1;
        *line = format!("{head}{name}{raised} {rest}");
        return true;
    }
    false
}

/// Takes an error back.
fn forgive(record: &mut Record, code: i32) -> bool {
    let is = record.code == code;
    if is {
        record.code = 0;
        record.reply = vec!["error 0".to_owned()];
    }
    is
}
