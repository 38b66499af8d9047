//! The tree on its own: lookup, counters, and steps taken back.

use super::*;
use crate::base::{SessionId, WallMillis, Zxid, path};

fn birth(path: &str, zxid: i64) -> Birth<'_> {
    Birth {
        path,
        data: Some(b"data"),
        acl: Acl::open_unsafe(),
        kind: Kind::Persistent,
        zxid: Zxid(zxid),
        at: WallMillis(zxid * 10),
    }
}

fn create(tree: &mut Tree, at: &str, zxid: i64) -> NodeId {
    let parent = tree.find(path::parent(at).unwrap()).expect("the parent exists");
    let (id, step) = tree.create(parent, birth(at, zxid));
    tree.keep(step);
    tree.check();
    id
}

fn names(tree: &Tree, id: NodeId) -> Vec<&str> {
    tree.children(id).map(|child| tree.node(child).name()).collect()
}

#[test]
fn t1_a_znode_is_found_by_its_path_and_no_other() {
    let mut tree = Tree::new(7);
    let a = create(&mut tree, "/a", 1);
    let b = create(&mut tree, "/a/b", 2);
    assert_eq!((tree.find("/a"), tree.find("/a/b")), (Some(a), Some(b)));
    assert_eq!((tree.find("/"), tree.find("")), (Some(ROOT), Some(ROOT)));
    for absent in ["a", "/b", "a/b", "/a/", "//a", "/a//b", "/a/b/", "/a/bb", "/aa/b", "//"] {
        assert_eq!(tree.find(absent), None, "{absent:?}");
    }
    assert_eq!(tree.path(b), "/a/b");
}

#[test]
fn t6_steps_taken_back_leave_no_trace() {
    let mut tree = Tree::new(7);
    create(&mut tree, "/a", 1);
    let middle = create(&mut tree, "/a/2", 2);
    create(&mut tree, "/a/1", 3);
    let a = tree.find("/a").unwrap();
    let mut steps = vec![tree.remove(middle, Zxid(4))];
    let container = Birth { kind: Kind::Container, acl: Acl::read_unsafe(), ..birth("/a/c", 4) };
    let (_, step) = tree.create(a, container);
    steps.push(step);
    steps.push(tree.set_data(a, None, Zxid(4), WallMillis(40)));
    steps.push(tree.set_data(a, Some(b"longer data"), Zxid(4), WallMillis(40)));
    assert_eq!(names(&tree, a), ["c", "1"]);
    for step in steps.into_iter().rev() {
        tree.undo(step);
    }
    tree.check();
    assert_eq!(names(&tree, a), ["1", "2"]);
    let stat = tree.node(a).stat();
    assert_eq!((stat.version, stat.mzxid, stat.pzxid, stat.cversion), (0, Zxid(1), Zxid(3), 2));
    assert_eq!(tree.node(a).data(), Some(&b"data"[..]));
}

#[test]
fn z08_the_visible_cversion_counts_creations_and_deletions() {
    let mut tree = Tree::new(7);
    let p = create(&mut tree, "/p", 1);
    for (name, zxid) in [("/p/a", 2), ("/p/b", 3), ("/p/c", 4)] {
        create(&mut tree, name, zxid);
    }
    let gone = tree.find("/p/b").unwrap();
    let step = tree.remove(gone, Zxid(5));
    tree.keep(step);
    tree.check();
    let stat = tree.node(p).stat();
    assert_eq!((stat.cversion, stat.num_children, stat.pzxid), (4, 2, Zxid(5)));
    assert_eq!(tree.node(p).creations(), 3);
}

#[test]
fn z12_counters_wrap() {
    let mut tree = Tree::new(7);
    let p = create(&mut tree, "/p", 1);
    tree.slots.get_mut(p).version = i32::MAX;
    tree.slots.get_mut(p).aversion = i32::MAX;
    tree.slots.get_mut(p).creations = i32::MAX;
    let step = tree.set_data(p, None, Zxid(2), WallMillis(2));
    tree.keep(step);
    tree.set_acl(p, Acl::read_unsafe());
    create(&mut tree, "/p/c", 3);
    let node = tree.node(p);
    assert_eq!((node.version(), node.aversion(), node.creations()), (i32::MIN, i32::MIN, i32::MIN));
    assert_eq!(node.stat().cversion, -1);
}

#[test]
fn z32_null_and_empty_data_are_different() {
    let mut tree = Tree::new(7);
    let a = create(&mut tree, "/a", 1);
    for data in [None, Some(&b""[..]), Some(&b"x"[..]), None] {
        let step = tree.set_data(a, data, Zxid(2), WallMillis(2));
        tree.keep(step);
        assert_eq!(tree.node(a).data(), data);
        tree.check();
    }
}

#[test]
fn descendants_are_counted_at_any_depth() {
    let mut tree = Tree::new(7);
    for (path, zxid) in [("/a", 1), ("/a/b", 2), ("/a/b/c", 3), ("/a/b/d", 4), ("/a/e", 5)] {
        create(&mut tree, path, zxid);
    }
    create(&mut tree, "/z", 6);
    let count = |path: &str| tree.descendants(tree.find(path).unwrap());
    assert_eq!((count("/"), count("/a"), count("/a/b"), count("/a/b/c")), (6, 4, 2, 0));
}

#[test]
fn an_ephemeral_shows_its_owner_and_a_container_nothing() {
    let mut tree = Tree::new(7);
    let owner = SessionId(0x0100_0000_0000_0007);
    let (id, step) = tree.create(ROOT, Birth { kind: Kind::Ephemeral(owner), ..birth("/e", 1) });
    tree.keep(step);
    assert_eq!(tree.node(id).stat().ephemeral_owner, owner);
    let (id, step) = tree.create(ROOT, Birth { kind: Kind::Container, ..birth("/c", 2) });
    tree.keep(step);
    assert_eq!(tree.node(id).stat().ephemeral_owner, SessionId::NONE);
    assert_eq!(tree.reapable().collect::<Vec<_>>(), [id]);
}

#[test]
fn slots_are_used_again_across_pages() {
    let mut tree = Tree::new(7);
    let paths: Vec<String> = (0..9_000).map(|n| format!("/n{n}")).collect();
    for round in 0..2 {
        for path in &paths {
            let (_, step) = tree.create(ROOT, birth(path, round));
            tree.keep(step);
        }
        assert_eq!(tree.len(), 9_001);
        tree.check();
        for path in &paths {
            let step = tree.remove(tree.find(path).unwrap(), Zxid(round));
            tree.keep(step);
        }
        assert!(tree.is_empty());
        assert_eq!(tree.bytes(), 1);
    }
    tree.check();
}
