//! The table: what each operation takes on which znode, who is who, and whom each entry means.

use bytes::Bytes;

use crate::base::{Acl, EventKind, Perms, SessionId, WatchMode, WatcherKind};
use crate::wire::{Create, MultiOp, Op, ReadOp, Request, SetWatches};

/// The znode above.
pub(super) const PARENT: &str = "/p";
/// The znode that is asked about.
pub(super) const NODE: &str = "/p/n";
/// One that is not there.
pub(super) const NEW: &str = "/p/new";

/// Whose list decides.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum On {
    Parent,
    Node,
    Nothing,
}

/// An operation, and what it takes.
#[derive(Clone)]
pub(super) struct Row {
    pub(super) request: Request,
    pub(super) on: On,
    /// One of these is enough.
    pub(super) needs: Perms,
}

/// The permissions, one by one.
pub(super) const PERMS: [Perms; 5] =
    [Perms::READ, Perms::WRITE, Perms::CREATE, Perms::DELETE, Perms::ADMIN];

fn create(op: Op, flags: i32) -> Create {
    let (data, acl) = (Some(Bytes::new()), Acl::open_unsafe());
    Create { op, path: NEW.into(), data, acl, flags, ttl: 60_000 }
}

/// Every operation, most of them in every form they have.
pub(super) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    let mut row = |request, on, needs| rows.push(Row { request, on, needs });
    let path = || NODE.to_owned();
    for (op, flags) in [
        (Op::Create, 0),
        (Op::Create, 1),
        (Op::Create2, 2),
        (Op::Create2, 3),
        (Op::CreateContainer, 4),
        (Op::CreateTtl, 5),
    ] {
        row(Request::Create(create(op, flags)), On::Parent, Perms::CREATE);
        let part = MultiOp::Create(create(op, flags));
        row(Request::Multi(vec![part]), On::Parent, Perms::CREATE);
    }
    let delete = MultiOp::Delete { path: path(), version: -1 };
    row(Request::Delete { path: path(), version: -1 }, On::Parent, Perms::DELETE);
    row(Request::Multi(vec![delete]), On::Parent, Perms::DELETE);
    let set = MultiOp::SetData { path: path(), data: None, version: -1 };
    row(Request::SetData { path: path(), data: None, version: -1 }, On::Node, Perms::WRITE);
    row(Request::Multi(vec![set]), On::Node, Perms::WRITE);
    let acl = Acl::open_unsafe();
    row(Request::SetAcl { path: path(), acl, version: -1 }, On::Node, Perms::ADMIN);
    row(Request::GetAcl { path: path() }, On::Node, Perms::READ | Perms::ADMIN);
    for watch in [false, true] {
        row(Request::Exists { path: path(), watch }, On::Node, Perms::READ);
        row(Request::GetData { path: path(), watch }, On::Node, Perms::READ);
        row(Request::GetChildren { path: path(), watch }, On::Node, Perms::READ);
        row(Request::GetChildren2 { path: path(), watch }, On::Node, Perms::READ);
    }
    row(Request::GetAllChildrenNumber { path: path() }, On::Node, Perms::READ);
    let parts = [ReadOp::Data { path: path() }, ReadOp::Children { path: path() }];
    for part in parts {
        row(Request::MultiRead(vec![part]), On::Node, Perms::READ);
    }
    let check = MultiOp::Check { path: path(), version: -1 };
    row(Request::Multi(vec![check]), On::Node, Perms::READ);
    for request in free() {
        row(request, On::Nothing, Perms(0));
    }
    rows
}

/// Operations that ask no list.
fn free() -> Vec<Request> {
    let path = || NODE.to_owned();
    let once = SetWatches { data: vec![path()], child: vec![path()], ..SetWatches::default() };
    let lasting = SetWatches { persistent: vec![path()], ..once.clone() };
    vec![
        Request::Sync { path: path() },
        Request::Ping,
        Request::Check { path: path(), version: -1 },
        Request::Reconfig,
        Request::AddWatch { path: path(), mode: WatchMode::Persistent },
        Request::AddWatch { path: path(), mode: WatchMode::PersistentRecursive },
        Request::SetWatches(once),
        Request::SetWatches(lasting),
        Request::CheckWatches { path: path(), kind: WatcherKind::Any },
        Request::RemoveWatches { path: path(), kind: WatcherKind::Any },
        Request::GetEphemerals { prefix: None },
        Request::WhoAmI,
        // Of a session that is not there: the right to one that is, is no matter of lists.
        Request::Adopt { path: path(), from: SessionId(5), password: "".into() },
        Request::HandOver { from: SessionId(5), password: "".into() },
        Request::Fence { session: SessionId(5), password: "".into() },
        Request::Multi(vec![MultiOp::CheckSession { session: SessionId(5) }]),
        Request::Auth { scheme: "ip".into(), auth: "".into() },
    ]
}

/// An event somebody watches for: what leaves the watch, what causes the event, and whose list decides
/// whether it is told. That of a new znode is the one it is created with.
pub(super) struct Told {
    pub(super) watch: Request,
    pub(super) change: Change,
    pub(super) event: (EventKind, &'static str),
    pub(super) on: On,
}

/// What happens while somebody watches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Change {
    Set,
    Delete,
    Create,
}

/// Every kind of watch with every kind of event it can bring.
pub(super) fn told() -> Vec<Told> {
    use Change::{Create, Delete, Set};
    use EventKind::{ChildrenChanged, Created, DataChanged, Deleted};
    let path = |path: &str| path.to_owned();
    let data = || Request::GetData { path: path(NODE), watch: true };
    let exists = |at: &str| Request::Exists { path: path(at), watch: true };
    let children = |at: &str| Request::GetChildren { path: path(at), watch: true };
    let children2 = |at: &str| Request::GetChildren2 { path: path(at), watch: true };
    let lasting = |at: &str| Request::AddWatch { path: path(at), mode: WatchMode::Persistent };
    let below =
        |at: &str| Request::AddWatch { path: path(at), mode: WatchMode::PersistentRecursive };
    let mut told = Vec::new();
    let mut row = |watch, change, event, on| told.push(Told { watch, change, event, on });
    row(data(), Set, (DataChanged, NODE), On::Node);
    row(data(), Delete, (Deleted, NODE), On::Node);
    row(exists(NODE), Set, (DataChanged, NODE), On::Node);
    row(exists(NODE), Delete, (Deleted, NODE), On::Node);
    row(exists(NEW), Create, (Created, NEW), On::Node);
    row(children(PARENT), Create, (ChildrenChanged, PARENT), On::Parent);
    row(children(PARENT), Delete, (ChildrenChanged, PARENT), On::Parent);
    row(children2(NODE), Delete, (Deleted, NODE), On::Node);
    row(lasting(NODE), Set, (DataChanged, NODE), On::Node);
    row(lasting(NODE), Delete, (Deleted, NODE), On::Node);
    row(lasting(NEW), Create, (Created, NEW), On::Node);
    row(lasting(PARENT), Create, (ChildrenChanged, PARENT), On::Parent);
    row(lasting(PARENT), Delete, (ChildrenChanged, PARENT), On::Parent);
    row(below(PARENT), Set, (DataChanged, NODE), On::Node);
    row(below(PARENT), Delete, (Deleted, NODE), On::Node);
    row(below(PARENT), Create, (Created, NEW), On::Node);
    told
}

pub(super) const BOB: &str = "bob:ikIaKsbtGweaHnb/jKn7OHqbunM=";

/// The entries that lists are made of.
pub(super) const ENTRIES: [(&str, &str); 8] = [
    ("world", "anyone"),
    ("digest", BOB),
    ("ip", "192.0.2.1"),
    ("ip", "192.0.2.0/24"),
    ("ip", "::ffff:192.0.2.0/120"),
    ("ip", "2001:db8::/32"),
    ("sasl", "bob"),
    ("x509", "CN=bob,O=example"),
];

/// What a client does to be somebody.
#[derive(Clone, Copy)]
pub(super) enum Proof {
    Nothing,
    Digest(&'static str),
    Sasl(&'static str),
    Certificate(&'static str),
}

/// Who asks, and which of [`ENTRIES`] mean them.
#[derive(Clone, Copy)]
pub(super) struct Holder {
    pub(super) name: &'static str,
    pub(super) from: &'static str,
    pub(super) proof: Proof,
    pub(super) meant_by: &'static [usize],
    pub(super) is_super: bool,
}

const ELSEWHERE: &str = "198.51.100.9";

const fn holder(
    name: &'static str,
    from: &'static str,
    proof: Proof,
    meant_by: &'static [usize],
) -> Holder {
    Holder { name, from, proof, meant_by, is_super: false }
}

const fn superuser(name: &'static str, proof: Proof) -> Holder {
    Holder { name, from: ELSEWHERE, proof, meant_by: &[0], is_super: true }
}

pub(super) const HOLDERS: [Holder; 15] = [
    holder("a stranger", ELSEWHERE, Proof::Nothing, &[0]),
    holder("an address", "192.0.2.1", Proof::Nothing, &[0, 2, 3, 4]),
    holder("the same through IPv6", "::ffff:192.0.2.1", Proof::Nothing, &[0, 2, 3, 4]),
    holder("a neighbour", "192.0.2.77", Proof::Nothing, &[0, 3, 4]),
    holder("an IPv6 address", "2001:db8::1", Proof::Nothing, &[0, 5]),
    holder("another IPv6 address", "2001:db9::1", Proof::Nothing, &[0]),
    holder("bob by digest", ELSEWHERE, Proof::Digest("bob:pw"), &[0, 1]),
    holder("not bob by digest", ELSEWHERE, Proof::Digest("bob:other"), &[0]),
    holder("bob by sasl", ELSEWHERE, Proof::Sasl("bob"), &[0, 6]),
    holder("eve by sasl", ELSEWHERE, Proof::Sasl("eve"), &[0]),
    holder("bob by x509", ELSEWHERE, Proof::Certificate("CN=bob,O=example"), &[0, 7]),
    holder("eve by x509", ELSEWHERE, Proof::Certificate("CN=eve,O=example"), &[0]),
    superuser("super by digest", Proof::Digest("super:secret")),
    superuser("super by sasl", Proof::Sasl("root")),
    superuser("super by x509", Proof::Certificate("CN=admin,O=example")),
];
