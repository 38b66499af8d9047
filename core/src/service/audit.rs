//! The audit log: who changed what, and with which result. One line for each write, in the order in
//! which writes are carried out; the refused and the failed ones too.
//!
//! The lines are ZooKeeper's, `key=value` between tabs, with the time before them. There are no data in
//! them and no hashes, and nothing a client chooses can begin a line or a field of its own.
//!
//! Lines wait here until a thread above writes them. Nobody waits for that thread: where it falls too
//! far behind, lines are lost, counted, and the next line that is kept says how many.

use std::fmt::{self, Display, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Condvar, Mutex};

use super::deliver::{Origin, Proposal};
use super::escape::Escaped;
use super::identity;
use crate::base::{Acl, Code, EventKind, Identity, Perms, SessionId, WallMillis, limits};
use crate::engine::{Change, Effects};
use crate::wire::{Create, MultiOp, MultiResult, Reply, Request};

/// The lines of one server that are not written yet.
pub struct Audit {
    /// Who runs the server: the user of what it does by itself.
    user: String,
    waiting: Mutex<Waiting>,
    changed: Condvar,
    /// Lines that were written.
    pub written: AtomicU64,
    /// Lines that were not, and never will be.
    pub lost: AtomicU64,
}

#[derive(Default)]
struct Waiting {
    text: String,
    lines: u64,
    /// Lines lost since the last one that was kept.
    lost: u64,
    is_closed: bool,
}

impl fmt::Debug for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Audit").finish_non_exhaustive()
    }
}

/// One line in the making.
#[derive(Clone, Copy)]
struct Entry<'a> {
    at: WallMillis,
    session: SessionId,
    user: &'a str,
    ip: Option<std::net::IpAddr>,
    operation: &'static str,
    znode: Option<&'a str>,
    znode_type: Option<&'static str>,
    acl: Option<&'a [Acl]>,
    /// The other session that it is about.
    other: Option<SessionId>,
    result: &'static str,
}

impl Audit {
    /// An empty one of a server that this user runs.
    pub fn new(user: &str) -> Audit {
        Audit {
            user: user.to_owned(),
            waiting: Mutex::default(),
            changed: Condvar::new(),
            written: AtomicU64::new(0),
            lost: AtomicU64::new(0),
        }
    }

    /// The server has started.
    pub fn note_start(&self, at: WallMillis) {
        self.push(&Entry { operation: "serverStart", ..self.own(at) });
    }

    /// The server stops.
    pub fn note_stop(&self, at: WallMillis) {
        let entry = Entry { operation: "serverStop", result: "invoked", ..self.own(at) };
        self.push(&entry);
    }

    /// Waits for lines, and takes out all there are with their number; `None` if none will come.
    pub fn take(&self) -> Option<(String, u64)> {
        let mut waiting = self.waiting.lock();
        while waiting.text.is_empty() {
            if waiting.is_closed {
                return None;
            }
            self.changed.wait(&mut waiting);
        }
        let lines = std::mem::take(&mut waiting.lines);
        Some((std::mem::take(&mut waiting.text), lines))
    }

    /// No line comes any more.
    pub fn close(&self) {
        self.waiting.lock().is_closed = true;
        self.changed.notify_all();
    }

    /// A transaction was carried out, or failed.
    pub(super) fn note(&self, proposal: &Proposal, effects: &Effects) {
        let txn = &proposal.txn;
        match &txn.change {
            Change::CreateSession { .. } => {}
            Change::EndSession { .. } => {}
            Change::Reap { .. } => {
                for changed in effects.changes.iter().filter(|c| c.kind == EventKind::Deleted) {
                    let znode = Some(changed.path.as_str());
                    self.push(&Entry { operation: "delete", znode, ..self.own(txn.at) });
                }
            }
            Change::Request(request) => self.note_request(proposal, request, &effects.result),
        }
        if let Some(id) = effects.ended {
            self.note_end(id, txn.at, effects);
        }
    }

    /// A session is over, and its ephemerals are gone.
    fn note_end(&self, id: SessionId, at: WallMillis, effects: &Effects) {
        for changed in effects.changes.iter().filter(|c| c.kind == EventKind::Deleted) {
            self.push(&Entry {
                session: id,
                operation: "ephemeralZNodeDeletionOnSessionCloseOrExpire",
                znode: Some(&changed.path),
                ..self.own(at)
            });
        }
    }

    /// A transaction was refused before it was carried out.
    pub(super) fn note_refusal(&self, proposal: &Proposal, code: Code) {
        if let Change::Request(request) = &proposal.txn.change {
            self.note_request(proposal, request, &Err(code));
        }
    }

    fn note_request(&self, proposal: &Proposal, request: &Request, result: &Result<Reply, Code>) {
        let user = users(&proposal.txn.identities);
        let address = |origin: &Origin| origin.peer.address.ip().to_canonical();
        let entry = Entry {
            session: proposal.txn.session,
            user: &user,
            ip: proposal.origin.as_ref().map(address),
            result: if result.is_ok() { "success" } else { "failure" },
            ..self.own(proposal.txn.at)
        };
        match request.unnumbered() {
            Request::Create(create) => {
                let made = match result {
                    Ok(Reply::Created { path } | Reply::Created2 { path, .. }) => path,
                    _ => &create.path,
                };
                self.push(&created(entry, create, made));
            }
            Request::Delete { path, .. } => {
                self.push(&Entry { operation: "delete", znode: Some(path), ..entry });
            }
            Request::SetData { path, .. } => {
                self.push(&Entry { operation: "setData", znode: Some(path), ..entry });
            }
            Request::SetAcl { path, acl, .. } => {
                let (znode, acl) = (Some(path.as_str()), Some(acl.as_slice()));
                self.push(&Entry { operation: "setAcl", znode, acl, ..entry });
            }
            Request::Multi(ops) => self.note_multi(entry, ops, result),
            Request::Adopt { path, from, .. } => {
                let (znode, other) = (Some(path.as_str()), Some(*from));
                self.push(&Entry { operation: "adopt", znode, other, ..entry });
            }
            Request::HandOver { from: other, .. } => {
                self.push(&Entry { operation: "handOver", other: Some(*other), ..entry });
            }
            Request::Fence { session: other, .. } => {
                self.push(&Entry { operation: "fence", other: Some(*other), ..entry });
            }
            Request::Reconfig => self.push(&Entry { operation: "reconfig", ..entry }),
            _ => {}
        }
    }

    /// A multi that was carried out is as many lines as it has writes; one that was not is one.
    fn note_multi(&self, entry: Entry<'_>, ops: &[MultiOp], result: &Result<Reply, Code>) {
        let results = match result {
            Ok(Reply::Multi(results)) => results.as_slice(),
            _ => &[],
        };
        if result.is_err() || matches!(results.first(), Some(MultiResult::Failed(_))) {
            let result = "failure";
            return self.push(&Entry { operation: "multiOperation", result, ..entry });
        }
        for (op, result) in ops.iter().zip(results) {
            match (op, result) {
                (
                    MultiOp::Create(create),
                    MultiResult::Created { path } | MultiResult::Created2 { path, .. },
                ) => self.push(&created(entry, create, path)),
                (MultiOp::Delete { path, .. }, _) => {
                    self.push(&Entry { operation: "delete", znode: Some(path), ..entry });
                }
                (MultiOp::SetData { path, .. }, _) => {
                    self.push(&Entry { operation: "setData", znode: Some(path), ..entry });
                }
                _ => {}
            }
        }
    }

    /// What the server does of its own accord.
    fn own(&self, at: WallMillis) -> Entry<'_> {
        Entry {
            at,
            session: SessionId::NONE,
            user: &self.user,
            ip: None,
            operation: "",
            znode: None,
            znode_type: None,
            acl: None,
            other: None,
            result: "success",
        }
    }

    fn push(&self, entry: &Entry<'_>) {
        let mut waiting = self.waiting.lock();
        let before = waiting.text.len();
        if before >= limits::AUDIT_BYTES {
            waiting.lost += 1;
            self.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let lost = std::mem::take(&mut waiting.lost);
        // Writing to a string cannot fail.
        if lost > 0 {
            let _ = writeln!(waiting.text, "{}\tlinesLost={lost}", Time(entry.at));
            waiting.lines += 1;
        }
        let _ = writeln!(waiting.text, "{entry}");
        waiting.lines += 1;
        drop(waiting);
        if before == 0 {
            self.changed.notify_one();
        }
    }
}

fn created<'a>(entry: Entry<'a>, create: &'a Create, path: &'a str) -> Entry<'a> {
    let znode_type = match create.flags {
        0 => "persistent",
        1 => "ephemeral",
        2 => "persistent_sequential",
        3 => "ephemeral_sequential",
        4 => "container",
        5 => "persistent_with_ttl",
        6 => "persistent_sequential_with_ttl",
        _ => "unknown",
    };
    let (znode, znode_type) = (Some(path), Some(znode_type));
    Entry { operation: "create", znode, znode_type, acl: Some(&create.acl), ..entry }
}

/// Who asks: every identity by its name, without what would prove it.
fn users(identities: &[Identity]) -> String {
    let named = |identity: &Identity| match identity.scheme.as_str() {
        "super" => "super".to_owned(),
        _ => identity.id.clone(),
    };
    identity::shown(identities).iter().map(named).collect::<Vec<_>>().join(",")
}

impl Display for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(&Time(self.at), f)?;
        if !self.session.is_none() {
            write!(f, "\tsession={}", self.session)?;
        }
        write!(f, "\tuser={}", Escaped(self.user))?;
        if let Some(ip) = self.ip {
            write!(f, "\tip={ip}")?;
        }
        write!(f, "\toperation={}", self.operation)?;
        if let Some(path) = self.znode {
            write!(f, "\tznode={}", Escaped(path))?;
        }
        if let Some(kind) = self.znode_type {
            write!(f, "\tznode_type={kind}")?;
        }
        if let Some(acl) = self.acl {
            f.write_str("\tacl=")?;
            put_acl(f, acl)?;
        }
        if let Some(other) = self.other {
            write!(f, "\tother={other}")?;
        }
        write!(f, "\tresult={}", self.result)
    }
}

/// `scheme:id:perms` with commas between them; of a digest only the user.
fn put_acl(f: &mut fmt::Formatter<'_>, acl: &[Acl]) -> fmt::Result {
    for (place, entry) in acl.iter().enumerate() {
        if place > 0 {
            f.write_char(',')?;
        }
        for shown in identity::shown(std::slice::from_ref(&entry.id)) {
            write!(f, "{}:{}:", Escaped(&shown.scheme), Escaped(&shown.id))?;
        }
        for (perm, letter) in [
            (Perms::CREATE, 'c'),
            (Perms::DELETE, 'd'),
            (Perms::READ, 'r'),
            (Perms::WRITE, 'w'),
            (Perms::ADMIN, 'a'),
        ] {
            if entry.perms.intersects(perm) {
                f.write_char(letter)?;
            }
        }
    }
    Ok(())
}

/// A time as RFC 3339 writes it, in UTC.
struct Time(WallMillis);

impl Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DAY: i64 = 86_400_000;
        let (days, millis) = (self.0.0.div_euclid(DAY), self.0.0.rem_euclid(DAY));
        // The calendar repeats every 400 years; its years begin in March, so that leap days end them.
        let since = days + 719_468;
        let (era, day) = (since.div_euclid(146_097), since.rem_euclid(146_097));
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let shifted = (5 * day + 2) / 153;
        let day = day - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = era * 400 + year + i64::from(month <= 2);
        let (hour, minute) = (millis / 3_600_000, millis / 60_000 % 60);
        let (second, milli) = (millis / 1_000 % 60, millis % 1_000);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        let shown = |millis| Time(WallMillis(millis)).to_string();
        assert_eq!(shown(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(shown(1_582_934_400_123), "2020-02-29T00:00:00.123Z");
        assert_eq!(shown(1_795_391_999_999), "2026-11-22T23:59:59.999Z");
        assert_eq!(shown(-1), "1969-12-31T23:59:59.999Z");
    }

    #[test]
    fn nothing_a_client_chooses_forges_a_line_or_a_field() {
        let audit = Audit::new("me");
        let acl = [Acl { perms: Perms::ALL, id: Identity::new("x\ty", "a\nb\tresult=success") }];
        audit.push(&Entry {
            user: "bob\tip=1.2.3.4\n2026",
            znode: Some("/a\n\u{2028}\tresult=success\\t\r"),
            acl: Some(&acl),
            result: "failure",
            ..audit.own(WallMillis(0))
        });
        let (text, lines) = audit.take().expect("a line");
        assert_eq!((lines, text.lines().count()), (1, 1));
        let keys: Vec<_> = text.trim_end_matches('\n').split('\t').skip(1).collect();
        let keys: Vec<_> = keys.iter().map(|field| field.split('=').next().unwrap()).collect();
        assert_eq!(keys, ["user", "operation", "znode", "acl", "result"]);
        assert!(text.ends_with("\tresult=failure\n"), "{text}");
        assert!(!text.trim_end_matches('\n').contains(|c: char| c.is_control() && c != '\t'));
    }

    #[test]
    fn hashes_stay_where_they_are() {
        let acl = [Acl { perms: Perms::READ, id: Identity::new("digest", "bob:HASH=") }];
        let audit = Audit::new("me");
        audit.push(&Entry { acl: Some(&acl), ..audit.own(WallMillis(0)) });
        let (text, _) = audit.take().expect("a line");
        assert!(text.contains("\tacl=digest:bob:r\t") && !text.contains("HASH"), "{text}");
        let who = [Identity::new("ip", "127.0.0.1"), Identity::new("digest", "bob:HASH=")];
        assert_eq!(users(&who), "127.0.0.1,bob");
        assert_eq!(users(&[Identity::new("super", "")]), "super");
    }

    #[test]
    fn what_is_lost_is_counted_and_said() {
        let audit = Audit::new("me");
        let path = "/".to_owned() + &"x".repeat(1 << 20);
        let long = Entry { znode: Some(&path), ..audit.own(WallMillis(0)) };
        let kept = limits::AUDIT_BYTES / path.len() + 1;
        (0..kept + 7).for_each(|_| audit.push(&long));
        let lost = audit.lost.load(Ordering::Relaxed);
        assert!(lost >= 7, "{lost}");
        let (text, _) = audit.take().expect("lines");
        assert!(text.len() < limits::AUDIT_BYTES + (2 << 20));
        audit.note_stop(WallMillis(0));
        let (text, _) = audit.take().expect("lines");
        assert!(
            text.starts_with(&format!("1970-01-01T00:00:00.000Z\tlinesLost={lost}\n")),
            "{text}"
        );
        audit.close();
        assert!(audit.take().is_none());
    }
}
