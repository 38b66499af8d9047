//! Who hears what, by statement and against a plain model.

use std::collections::BTreeSet;

use super::*;
use crate::base::EventKind::{self, ChildrenChanged, Created, DataChanged, Deleted};
use crate::base::{AccountId, ConnectionId, WatcherKind};

const A: ConnectionId = ConnectionId(1);
const B: ConnectionId = ConnectionId(2);
const C: ConnectionId = ConnectionId(3);

type Heard = Vec<(ConnectionId, EventKind, String, bool)>;

fn fire(table: &mut WatchTable, kind: EventKind, path: &str) -> Heard {
    let mut heard = Heard::new();
    table.fire(kind, path, &mut |connection, kind, path, about_parent| {
        heard.push((connection, kind, path.to_owned(), about_parent));
    });
    table.check();
    heard
}

fn about(
    connection: ConnectionId,
    kind: EventKind,
    path: &str,
) -> (ConnectionId, EventKind, String, bool) {
    (connection, kind, path.into(), kind == ChildrenChanged)
}

fn table(watches: &[(ConnectionId, &str, Registration)]) -> WatchTable {
    let mut table = WatchTable::new(0);
    for &(connection, path, registration) in watches {
        table.add(connection, path, registration);
        table.check();
    }
    table
}

#[test]
fn w01_a_one_shot_watch_fires_once() {
    let mut table = table(&[(A, "/a", Registration::Data)]);
    assert_eq!(fire(&mut table, DataChanged, "/b"), []);
    assert_eq!(fire(&mut table, DataChanged, "/a"), [about(A, DataChanged, "/a")]);
    assert_eq!(fire(&mut table, DataChanged, "/a"), []);
    assert!(table.is_empty());
}

#[test]
fn w05_child_watches_hear_of_direct_children_only() {
    let mut table = table(&[(A, "/a", Registration::Child)]);
    assert_eq!(fire(&mut table, DataChanged, "/a/b"), []);
    assert_eq!(fire(&mut table, Created, "/a/b/c"), []);
    assert_eq!(fire(&mut table, DataChanged, "/a"), []);
    assert_eq!(fire(&mut table, Created, "/a/b"), [about(A, ChildrenChanged, "/a")]);
}

#[test]
fn w06_a_deletion_is_heard_once() {
    let mut table = table(&[
        (A, "/p/a", Registration::Data),
        (A, "/p/a", Registration::Child),
        (B, "/p/a", Registration::Child),
        (A, "/p", Registration::Child),
    ]);
    let heard = fire(&mut table, Deleted, "/p/a");
    let expected =
        [about(A, Deleted, "/p/a"), about(B, Deleted, "/p/a"), about(A, ChildrenChanged, "/p")];
    assert_eq!(heard, expected);
    assert!(table.is_empty(), "W2");
}

#[test]
fn w07_a_watch_registered_twice_is_one() {
    let twice = (A, "/a", Registration::Data);
    let mut table = table(&[twice, twice]);
    assert_eq!(table.counts().total, 1);
    assert_eq!(fire(&mut table, Created, "/a"), [about(A, Created, "/a")]);
}

#[test]
fn w11_w15_the_root_has_no_name_but_children() {
    let mut table = table(&[(A, "/a", Registration::Data), (A, "/", Registration::Child)]);
    let heard = fire(&mut table, Created, "/a");
    assert_eq!(heard, [about(A, Created, "/a"), about(A, ChildrenChanged, "/")]);
    table.add(A, "/", Registration::PersistentRecursive);
    for path in ["/", "/zookeeper/quota/x", "/a"] {
        assert_eq!(fire(&mut table, DataChanged, path), [about(A, DataChanged, path)]);
    }
}

#[test]
fn w13_a_persistent_watch_stays() {
    let mut table = table(&[(A, "/a", Registration::Persistent)]);
    assert_eq!(fire(&mut table, Created, "/a"), [about(A, Created, "/a")]);
    assert_eq!(fire(&mut table, DataChanged, "/a"), [about(A, DataChanged, "/a")]);
    assert_eq!(fire(&mut table, Created, "/a/b"), [about(A, ChildrenChanged, "/a")]);
    assert_eq!(fire(&mut table, DataChanged, "/a/b"), []);
    assert_eq!(fire(&mut table, Deleted, "/a/b"), [about(A, ChildrenChanged, "/a")]);
    assert_eq!(fire(&mut table, Deleted, "/a"), [about(A, Deleted, "/a")]);
}

#[test]
fn w14_a_recursive_watch_hears_everything_below_but_no_list() {
    let mut table = table(&[(A, "/a", Registration::PersistentRecursive)]);
    for path in ["/a", "/a/b", "/a/b/c"] {
        for kind in [Created, DataChanged, Deleted] {
            assert_eq!(fire(&mut table, kind, path), [about(A, kind, path)]);
        }
    }
    for path in ["/", "/ab", "/b/a"] {
        assert_eq!(fire(&mut table, Created, path), [], "{path}");
    }
}

#[test]
fn w16_one_event_however_many_watches_match() {
    let mut table = table(&[
        (B, "/", Registration::PersistentRecursive),
        (A, "/a", Registration::PersistentRecursive),
        (A, "/a/b", Registration::Data),
        (A, "/a/b", Registration::Persistent),
        (A, "/", Registration::PersistentRecursive),
    ]);
    let heard = fire(&mut table, DataChanged, "/a/b");
    assert_eq!(heard, [about(A, DataChanged, "/a/b"), about(B, DataChanged, "/a/b")]);
    assert!(!table.has(A, "/a/b", WatcherKind::Data), "W2");
    assert!(table.has(A, "/a/b", WatcherKind::Persistent));
}

#[test]
fn w17_a_list_is_heard_beside_a_recursive_watch() {
    let mut table =
        table(&[(A, "/a", Registration::PersistentRecursive), (A, "/a", Registration::Child)]);
    let heard = fire(&mut table, Created, "/a/x");
    assert_eq!(heard, [about(A, Created, "/a/x"), about(A, ChildrenChanged, "/a")]);
    assert_eq!(fire(&mut table, Created, "/a/y"), [about(A, Created, "/a/y")]);
}

#[test]
fn w18_w21_each_kind_is_removed_alone() {
    let all = [
        Registration::Data,
        Registration::Child,
        Registration::Persistent,
        Registration::PersistentRecursive,
    ];
    let full = || table(&all.map(|registration| (A, "/a", registration)));
    let kinds = [
        WatcherKind::Data,
        WatcherKind::Children,
        WatcherKind::Persistent,
        WatcherKind::PersistentRecursive,
    ];
    for kind in kinds {
        let mut table = full();
        assert!(table.remove(A, "/a", kind));
        table.check();
        for other in kinds {
            assert_eq!(table.has(A, "/a", other), other != kind, "{kind:?}");
        }
        assert!(!table.remove(A, "/a", kind), "W-22");
        assert!(table.has(A, "/a", WatcherKind::Any));
        assert!(table.remove(A, "/a", WatcherKind::Any));
        table.check();
        assert!(table.is_empty());
    }
}

#[test]
fn w22_w23_nothing_else_is_removed() {
    let mut table = table(&[(A, "/a", Registration::PersistentRecursive)]);
    assert!(!table.remove(A, "/a/b", WatcherKind::Any));
    assert!(!table.remove(B, "/a", WatcherKind::Any));
    assert!(!table.remove(A, "/a", WatcherKind::Data));
    assert!(!table.remove(A, "/a", WatcherKind::Children));
    assert!(!table.remove(A, "/a", WatcherKind::Persistent));
    assert!(table.remove(A, "/a", WatcherKind::PersistentRecursive));
}

#[test]
fn a_watch_goes_with_its_connection() {
    let mut table = table(&[
        (A, "/a", Registration::Data),
        (A, "/b", Registration::Child),
        (A, "/", Registration::PersistentRecursive),
        (B, "/a", Registration::Data),
    ]);
    table.drop_connection(A);
    table.check();
    assert_eq!(fire(&mut table, Deleted, "/a"), [about(B, Deleted, "/a")]);
    table.drop_connection(B);
    table.drop_connection(ConnectionId(3));
    assert!(table.is_empty());
    assert_eq!(table.len(), 0);
}

#[test]
fn counts_leave_child_watches_out() {
    let table = table(&[
        (A, "/a", Registration::Data),
        (A, "/a", Registration::PersistentRecursive),
        (B, "/a", Registration::Persistent),
        (B, "/b", Registration::Data),
        (B, "/c", Registration::Child),
        (ConnectionId(3), "/c", Registration::Child),
    ]);
    assert_eq!(table.counts(), Counts { connections: 2, paths: 2, total: 3 });
    assert_eq!(table.len(), 6);
}

/// Against the plainest model there is: a set of (path, connection, registration).
#[test]
fn w1_to_w4_hold_through_random_use() {
    let mut table = WatchTable::new(0);
    let mut model: BTreeSet<(String, ConnectionId, Registration)> = BTreeSet::new();
    let mut state = 12_345_u64;
    let mut below = |limit: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % limit
    };
    let paths = ["/", "/a", "/a/b", "/a/b/c", "/b", "/ab"];
    let registrations = [
        Registration::Data,
        Registration::Child,
        Registration::Persistent,
        Registration::PersistentRecursive,
    ];
    for _ in 0..20_000 {
        let path = paths[below(6) as usize];
        let connection = ConnectionId(below(4));
        let registration = registrations[below(4) as usize];
        match below(10) {
            0..=5 => {
                table.add(connection, path, registration);
                model.insert((path.into(), connection, registration));
            }
            6 => {
                let kinds = [
                    (WatcherKind::Data, Registration::Data),
                    (WatcherKind::Children, Registration::Child),
                    (WatcherKind::Persistent, Registration::Persistent),
                    (WatcherKind::PersistentRecursive, Registration::PersistentRecursive),
                ];
                let (kind, registration) = kinds[below(4) as usize];
                let known = model.remove(&(path.to_owned(), connection, registration));
                assert_eq!(table.remove(connection, path, kind), known);
            }
            7 if below(8) == 0 => {
                table.drop_connection(connection);
                model.retain(|watch| watch.1 != connection);
            }
            _ => {
                let kind = [Created, Deleted, DataChanged][below(3) as usize];
                assert_eq!(
                    fire(&mut table, kind, path),
                    expected(&mut model, kind, path),
                    "{path}"
                );
            }
        }
        table.check();
    }
}

/// What the model says is heard, after which it forgets the one-shot watches used up.
fn expected(
    model: &mut BTreeSet<(String, ConnectionId, Registration)>,
    kind: EventKind,
    path: &str,
) -> Heard {
    use Registration::*;
    let mut heard = Heard::new();
    let mut told = BTreeSet::new();
    for (at, connection, registration) in &*model {
        let below = at == "/" || path == at || path.starts_with(&format!("{at}/"));
        let here = at == path && matches!(registration, Data | Persistent);
        if here || below && *registration == PersistentRecursive {
            told.insert(*connection);
        }
    }
    heard.extend(told.iter().map(|&connection| about(connection, kind, path)));
    model.retain(|watch| !(watch.0 == path && watch.2 == Data));
    let mut children = |at: &str, kind: EventKind, told: &BTreeSet<ConnectionId>| {
        let here = model.iter().filter(|w| w.0 == at && matches!(w.2, Child | Persistent));
        let connections: BTreeSet<ConnectionId> = here.map(|watch| watch.1).collect();
        heard.extend(connections.difference(told).map(|&connection| about(connection, kind, at)));
        model.retain(|watch| !(watch.0 == at && watch.2 == Child));
    };
    if kind == Deleted {
        children(path, Deleted, &told);
    }
    if kind != DataChanged {
        let parent = match path.rsplit_once('/') {
            Some(("", _)) => "/",
            Some((parent, _)) => parent,
            None => unreachable!(),
        };
        children(parent, ChildrenChanged, &BTreeSet::new());
    }
    heard
}

/// Ceilings of so many watches each.
fn ceilings(per_connection: usize, per_account: usize, total: usize) -> Ceilings {
    let of = |count| Usage { count, bytes: 0 };
    Ceilings { per_connection: of(per_connection), per_account: of(per_account), total: of(total) }
}

#[test]
fn w4_a_connection_an_account_and_all_together_have_ceilings() {
    let (mine, yours) = (AccountId(1), AccountId(2));
    let ceilings = ceilings(2, 3, 4);
    let mut table = WatchTable::new(0);
    let mut add = |connection, account, path| {
        let added =
            table.add_within(&ceilings, (connection, account), path, Registration::Data).is_ok();
        table.check();
        added
    };
    assert!(add(A, mine, "/a") && add(A, mine, "/b"));
    assert!(!add(A, mine, "/c"), "a third watch of one connection");
    assert!(add(A, mine, "/a"), "what is watched already takes no room");
    assert!(add(B, mine, "/a"));
    assert!(!add(B, mine, "/b"), "a fourth watch of one account");
    assert!(add(C, yours, "/a"));
    assert!(!add(C, yours, "/b"), "a fifth watch");
    assert_eq!(table.usage().count, 4);
    // What fires or is dropped makes room again.
    let heard = fire(&mut table, EventKind::DataChanged, "/a");
    assert_eq!(heard.len(), 3);
    assert_eq!(table.usage().count, 1);
    table.check();
    table.drop_connection(A);
    assert_eq!(table.usage(), Usage::default());
    table.check();
}

#[test]
fn w4_bytes_have_ceilings_and_watches_move_with_their_connection() {
    let (mine, yours) = (AccountId(1), AccountId(2));
    let bytes = |bytes| Usage { count: 0, bytes };
    let ceilings = Ceilings { per_account: bytes(2_000), ..Ceilings::default() };
    let mut table = WatchTable::new(0);
    let long = format!("/{}", "n".repeat(1_000));
    let add = |table: &mut WatchTable, connection, account, path: &str| {
        table.add_within(&ceilings, (connection, account), path, Registration::Child)
    };
    add(&mut table, A, mine, &long).expect("there is room");
    assert_eq!(add(&mut table, B, mine, &long), Err(Full));
    table.move_to(A, yours);
    table.check();
    add(&mut table, B, mine, &long).expect("there is room");
    assert_eq!(add(&mut table, A, mine, &format!("{long}x")), Err(Full), "it counts for the other");
    assert!(table.remove(A, &long, WatcherKind::Any));
    table.check();
}
