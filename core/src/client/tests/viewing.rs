//! Views: what they ask for, when, and what they make of the answers.

use std::collections::BTreeMap;

use super::world::{Heard, World, get, resume_only, set, settings, success};
use crate::base::limits::{VIEW_READS, VIEW_RETRY};
use crate::base::{Code, EventKind, Stat, WatchMode, Zxid};
use crate::client::machine::Input;
use crate::client::{
    Content, Error, LossReason, NewView, News, Recovery, Restore, State, ViewKind, WatchId,
};
use crate::wire::{Op, Reply, Request};

fn open(world: &mut World, watch: u64, kind: ViewKind, path: &str) {
    let (watch, path, chroot) = (WatchId(watch), path.into(), "".into());
    world.handle(Input::View(NewView { watch, kind, path, chroot }));
}

fn data(text: &str, mzxid: i64, num_children: i32) -> Reply {
    let stat = Stat { mzxid: Zxid(mzxid), num_children, ..Stat::default() };
    Reply::Data { data: Some(text.as_bytes().to_vec().into()), stat }
}

fn content(reply: Reply) -> Option<Content> {
    let Reply::Data { data, stat } = reply else { return None };
    Some(Content { data, stat })
}

fn names(names: &[&str]) -> Reply {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    Reply::Children2 { names, stat: Stat::default() }
}

fn add_watch(path: &str, mode: WatchMode) -> Request {
    Request::AddWatch { path: path.into(), mode }
}

/// Views of trees over a model of a server: answers every read until nothing more is asked.
fn serve_tree(world: &mut World, tree: &BTreeMap<&str, &str>) -> usize {
    let mut reads = 0;
    loop {
        let received = world.received();
        if received.is_empty() {
            return reads;
        }
        for (xid, request) in received {
            reads += 1;
            let below = |path: &str| -> Vec<&str> {
                let prefix = format!("{}/", path.trim_end_matches('/'));
                let rest = tree.keys().filter_map(|at| at.strip_prefix(prefix.as_str()));
                rest.filter(|name| !name.is_empty() && !name.contains('/')).collect()
            };
            match &request {
                Request::GetData { path, .. } => match tree.get(path.as_str()) {
                    Some(&"secret") => world.reply_error(xid, Code::NoAuth),
                    Some(text) => world.reply(xid, 1, data(text, 1, below(path).len() as i32)),
                    None => world.reply_error(xid, Code::NoNode),
                },
                Request::GetChildren2 { path, .. } => world.reply(xid, 1, names(&below(path))),
                other => world.reply(xid, 1, success(other)),
            }
        }
    }
}

/// The trees a view has said, from first to last.
fn trees(world: &mut World) -> Vec<BTreeMap<String, String>> {
    let mut tree = BTreeMap::new();
    let mut said = Vec::new();
    for heard in world.take_heard() {
        let Heard::View(_, News::Tree(delta), _) = heard else { continue };
        for (path, read) in delta {
            match read.and_then(|read| read.data) {
                Some(data) => {
                    drop(tree.insert(path, String::from_utf8(data.to_vec()).expect("text")))
                }
                None => drop(tree.remove(&path)),
            }
        }
        said.push(tree.clone());
    }
    said
}

fn shown(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
    entries.iter().map(|(path, text)| ((*path).into(), (*text).into())).collect()
}

#[test]
fn a_view_adds_its_watch_and_reads_right_behind_it() {
    let mut world = World::connected(settings(|_| {}));
    open(&mut world, 1, ViewKind::Data, "/a");
    let received = world.received();
    let requests: Vec<_> = received.iter().map(|(_, request)| request.clone()).collect();
    assert_eq!(requests, [add_watch("/a", WatchMode::Persistent), get("/a")]);
    world.reply(received[0].0, 1, Reply::Confirmed(0));
    world.reply_error(received[1].0, Code::NoNode);
    assert_eq!(world.take_heard(), [Heard::View(1, News::Data(None), true)]);
    world.event(EventKind::Created, "/a");
    assert_eq!(world.take_heard(), [Heard::View(1, News::Doubt, false)]);
    let (xid, request) = world.received().remove(0);
    assert_eq!(request, get("/a"));
    world.reply(xid, 5, data("x", 5, 0));
    let read = content(data("x", 5, 0));
    assert_eq!(world.take_heard(), [Heard::View(1, News::Data(read), true)]);
}

#[test]
fn events_during_a_read_make_one_more_read() {
    let mut world = World::connected(settings(|_| {}));
    open(&mut world, 1, ViewKind::Data, "/a");
    let received = world.received();
    for _ in 0..10 {
        world.event(EventKind::DataChanged, "/a");
    }
    assert_eq!(world.ops(), [], "one read of a path at a time");
    world.reply(received[0].0, 1, Reply::Confirmed(0));
    world.reply(received[1].0, 1, data("x", 5, 0));
    let read = content(data("x", 5, 0));
    assert_eq!(world.take_heard(), [Heard::View(1, News::Data(read), false)]);
    assert_eq!(world.ops(), [Op::GetData], "and one for all ten events");
}

#[test]
fn each_kind_reads_only_after_what_may_change_it() {
    let mut world = World::connected(settings(|_| {}));
    open(&mut world, 1, ViewKind::Data, "/a");
    open(&mut world, 2, ViewKind::Children, "/a");
    world.serve();
    world.event(EventKind::ChildrenChanged, "/a");
    assert_eq!(world.serve().iter().map(Request::op).collect::<Vec<_>>(), [Op::GetChildren2]);
    world.event(EventKind::DataChanged, "/a");
    assert_eq!(world.serve().iter().map(Request::op).collect::<Vec<_>>(), [Op::GetData]);
    world.event(EventKind::Deleted, "/a");
    let both = [Op::GetData, Op::GetChildren2];
    assert_eq!(world.serve().iter().map(Request::op).collect::<Vec<_>>(), both);
}

#[test]
fn after_a_gap_views_read_behind_the_watches_and_before_the_program() {
    let mut world = World::connected(settings(|_| {}));
    open(&mut world, 1, ViewKind::Data, "/a");
    open(&mut world, 2, ViewKind::Children, "/b");
    world.serve();
    world.take_heard();
    world.cut();
    let doubts = world.take_heard();
    let doubt = |watch| Heard::View(watch, News::Doubt, false);
    assert_eq!(doubts[..2], [doubt(1), doubt(2)]);
    world.submit(set("/mine"));
    open(&mut world, 3, ViewKind::Data, "/c");
    world.connect(7);
    let ops = world.ops();
    let expected = [Op::SetWatches2, Op::GetData, Op::GetChildren2, Op::GetData, Op::SetData];
    assert_eq!(ops.last(), Some(&Op::SetData), "{ops:?}");
    assert_eq!(ops[1..], expected[1..]);
}

#[test]
fn a_view_goes_on_in_a_new_session_even_if_streams_do_not() {
    let keep_nothing = |settings: &mut crate::client::Settings| {
        settings.recovery = Recovery::Renew(Restore::default().watches(false));
    };
    let mut world = World::connected(settings(keep_nothing));
    open(&mut world, 1, ViewKind::Data, "/a");
    world.watch_below(2, "/");
    world.serve();
    world.cut();
    world.accept();
    world.refuse();
    world.take_heard();
    world.connect(8);
    let received = world.received();
    let Request::SetWatches(watches) = &received[0].1 else { panic!("{received:?}") };
    assert_eq!((&watches.persistent[..], watches.recursive.len()), (&["/a".to_owned()][..], 0));
    assert_eq!(received[1].1, get("/a"));
    world.reply(received[0].0, 1, Reply::Done);
    world.reply(received[1].0, 9, data("x", 9, 0));
    let heard = world.take_heard();
    let read = content(data("x", 9, 0));
    let expected = [Heard::State(State::Connected, 2), Heard::View(1, News::Data(read), true)];
    assert_eq!(heard, expected);
    assert_eq!(
        world.events.last().and_then(|event| event.restored.clone()).map(|r| r.watches),
        Some(0)
    );
}

#[test]
fn a_view_ends_with_what_finishes_the_client() {
    let mut world = World::connected(settings(resume_only));
    open(&mut world, 1, ViewKind::Tree, "/");
    world.cut();
    world.accept();
    world.take_heard();
    world.refuse();
    let reason = LossReason::ExpiredByServer;
    let over = Error::SessionLost { epoch: crate::client::Epoch::FIRST, reason, sent: false };
    let heard = world.take_heard();
    assert!(heard.contains(&Heard::View(1, News::Ended(over.clone()), false)), "{heard:?}");
    open(&mut world, 2, ViewKind::Data, "/");
    assert_eq!(world.take_heard(), [Heard::View(2, News::Ended(over), false)]);
}

#[test]
fn a_refused_path_ends_its_view_and_its_watch() {
    let mut world = World::connected(settings(|_| {}));
    open(&mut world, 1, ViewKind::Data, "/a");
    let received = world.received();
    world.reply(received[0].0, 1, Reply::Confirmed(0));
    world.reply_error(received[1].0, Code::NoAuth);
    let error = Error::Server { code: Code::NoAuth, path: "/a".into() };
    assert_eq!(world.take_heard(), [Heard::View(1, News::Ended(error), false)]);
    assert_eq!(world.ops(), [Op::RemoveWatches]);
}

#[test]
fn a_server_without_persistent_watches_ends_a_view() {
    let mut world = World::connected(settings(|_| {}));
    open(&mut world, 1, ViewKind::Data, "/a");
    let (xid, _) = world.received()[0];
    world.reply_error(xid, Code::Unimplemented);
    world.cut();
    let error = Error::Server { code: Code::Unimplemented, path: "/a".into() };
    assert_eq!(world.take_heard()[0], Heard::View(1, News::Ended(error), false));
    world.connect(7);
    assert_eq!(world.ops(), [], "nor is it asked again");
}

#[test]
fn a_busy_server_is_asked_again_later() {
    let mut world = World::connected(settings(|_| {}));
    open(&mut world, 1, ViewKind::Data, "/a");
    open(&mut world, 2, ViewKind::Tree, "/t");
    for (xid, request) in world.received() {
        match request.op() {
            Op::AddWatch => world.reply(xid, 1, Reply::Confirmed(0)),
            _ => world.reply_error(xid, Code::ThrottledOp),
        }
    }
    assert_eq!((world.take_heard(), world.ops()), (vec![], vec![]));
    world.pass(VIEW_RETRY.as_millis() as u64);
    assert_eq!(world.ops(), [Op::GetData, Op::GetData]);
}

#[test]
fn views_and_streams_of_a_path_share_one_watch() {
    let mut world = World::connected(settings(|_| {}));
    world.watch_below(1, "/a");
    open(&mut world, 2, ViewKind::Tree, "/a");
    open(&mut world, 3, ViewKind::Tree, "/a");
    world.serve();
    world.handle(Input::Unwatch(WatchId(1)));
    world.handle(Input::Unwatch(WatchId(2)));
    assert_eq!(world.ops(), []);
    world.handle(Input::Unwatch(WatchId(3)));
    assert_eq!(world.ops(), [Op::RemoveWatches]);
}

#[test]
fn removing_all_watches_of_a_path_does_not_end_a_view() {
    let mut world = World::connected(settings(|_| {}));
    open(&mut world, 1, ViewKind::Data, "/a");
    world.serve();
    let kind = crate::base::WatcherKind::Any;
    world.submit(Request::RemoveWatches { path: "/a".into(), kind });
    world.serve();
    world.take_heard();
    assert_eq!(world.serve(), [add_watch("/a", WatchMode::Persistent), get("/a")]);
    let stat = Stat::default();
    let read = Some(Content { data: None, stat });
    assert_eq!(world.take_heard(), [Heard::View(1, News::Data(read), true)]);
}

#[test]
fn an_answer_that_is_too_long_ends_the_view_not_the_client() {
    let mut world = World::connected(settings(|_| {}));
    open(&mut world, 1, ViewKind::Children, "/a");
    let (xid, _) = world.received()[0];
    world.reply(xid, 1, Reply::Confirmed(0));
    let huge = i32::MAX.to_be_bytes();
    world.handle(Input::Received(bytes::BytesMut::from(&huge[..])));
    let heard = world.take_heard();
    assert!(matches!(
        &heard[0],
        Heard::View(1, News::Ended(Error::ConnectionLoss { sent: true, .. }), false)
    ));
    world.connect(7);
    assert_eq!(world.ops(), []);
}

#[test]
fn a_tree_is_told_when_all_of_it_was_read() {
    let mut world = World::connected(settings(|_| {}));
    open(&mut world, 1, ViewKind::Tree, "/a");
    let tree = BTreeMap::from([("/a", "1"), ("/a/b", "2"), ("/a/b/c", "3"), ("/a-z", "no")]);
    let reads = serve_tree(&mut world, &tree);
    assert_eq!(reads, 1 + 3 + 2, "a watch, three times data, two lists: none of a leaf");
    assert_eq!(trees(&mut world), [shown(&[("/a", "1"), ("/a/b", "2"), ("/a/b/c", "3")])]);
    world.event(EventKind::Deleted, "/a/b/c");
    let gone = BTreeMap::from([("/a/b/c".to_owned(), None)]);
    assert_eq!(world.take_heard().pop(), Some(Heard::View(1, News::Tree(gone), true)));
    world.event(EventKind::Created, "/a/d");
    let tree = BTreeMap::from([("/a", "1"), ("/a/b", "2"), ("/a/d", "4")]);
    assert_eq!(serve_tree(&mut world, &tree), 1, "what is gone is not read");
    let last = world.take_heard().pop();
    let delta = BTreeMap::from([("/a/d".to_owned(), content(data("4", 1, 0)))]);
    assert_eq!(last, Some(Heard::View(1, News::Tree(delta), true)));
}

#[test]
fn a_large_tree_is_read_with_few_reads_on_the_way() {
    let mut world = World::connected(settings(|_| {}));
    open(&mut world, 1, ViewKind::Tree, "/a");
    let received = world.received();
    world.reply(received[0].0, 1, Reply::Confirmed(0));
    world.reply(received[1].0, 1, data("", 1, 5_000));
    let all: Vec<String> = (0..5_000).map(|number| number.to_string()).collect();
    let (xid, _) = world.received().remove(0);
    world.reply(xid, 1, Reply::Children2 { names: all, stat: Stat::default() });
    let mut reads = 0;
    loop {
        let received = world.received();
        assert!(received.len() <= VIEW_READS);
        if received.is_empty() {
            break;
        }
        reads += received.len();
        for (xid, _) in received {
            world.reply(xid, 1, data("", 1, 0));
        }
    }
    assert_eq!(reads, 5_000);
    let heard = world.take_heard();
    assert_eq!(heard.len(), 1);
    assert!(matches!(&heard[0], Heard::View(1, News::Tree(delta), true) if delta.len() == 5_001));
}

#[test]
fn what_may_not_be_read_is_left_out_with_all_below_it() {
    let mut world = World::connected(settings(|_| {}));
    open(&mut world, 1, ViewKind::Tree, "/a");
    let tree = BTreeMap::from([("/a", "1"), ("/a/b", "secret"), ("/a/b/c", "3")]);
    serve_tree(&mut world, &tree);
    world.event(EventKind::DataChanged, "/a/b/c");
    serve_tree(&mut world, &tree);
    let trees = trees(&mut world);
    assert_eq!(trees.last(), Some(&shown(&[("/a", "1")])), "{trees:?}");
}

#[test]
fn after_a_gap_a_tree_keeps_nothing_that_is_gone() {
    let mut world = World::connected(settings(|_| {}));
    open(&mut world, 1, ViewKind::Tree, "/");
    let tree = BTreeMap::from([("/", ""), ("/a", "1"), ("/a/b", "2"), ("/zookeeper", "own")]);
    serve_tree(&mut world, &tree);
    world.cut();
    world.connect(7);
    serve_tree(&mut world, &BTreeMap::from([("/", ""), ("/c", "3")]));
    let trees = trees(&mut world);
    let expected =
        [shown(&[("/", ""), ("/a", "1"), ("/a/b", "2")]), shown(&[("/", ""), ("/c", "3")])];
    assert_eq!(trees, expected);
}

#[test]
fn a_round_ends_however_busy_the_tree_is() {
    let mut world = World::connected(settings(|_| {}));
    open(&mut world, 1, ViewKind::Tree, "/a");
    let tree = BTreeMap::from([("/a", "1")]);
    serve_tree(&mut world, &tree);
    world.take_heard();
    for _ in 0..5 {
        world.event(EventKind::DataChanged, "/a");
        let (xid, _) = world.received().remove(0);
        // Another change before the answer.
        world.event(EventKind::DataChanged, "/a");
        world.reply(xid, 1, data("x", 1, 0));
        let is_told = |heard: &Heard| matches!(heard, Heard::View(1, News::Tree(_), false));
        assert!(world.take_heard().iter().any(is_told));
        serve_tree(&mut world, &tree);
    }
}

#[test]
fn a_view_whose_watch_a_busy_server_refused_is_read_again_behind_it() {
    for kind in [ViewKind::Data, ViewKind::Tree] {
        let mut world = World::connected(settings(|_| {}));
        open(&mut world, 1, kind, "/a");
        let received = world.received();
        world.reply_error(received[0].0, Code::ThrottledOp);
        world.reply(received[1].0, 1, data("old", 1, 0));
        let is_fresh = |heard: &Heard| matches!(heard, Heard::View(_, _, true));
        assert!(!world.take_heard().iter().any(is_fresh), "nothing would tell of a change");
        world.pass(VIEW_RETRY.as_millis() as u64);
        let received = world.received();
        let requests: Vec<_> = received.iter().map(|(_, request)| request.clone()).collect();
        assert_eq!(requests, [add_watch("/a", kind.mode()), get("/a")]);
        world.reply(received[0].0, 1, Reply::Confirmed(0));
        world.reply(received[1].0, 1, data("new", 2, 0));
        let heard = world.take_heard();
        assert!(matches!(heard.as_slice(), [.., Heard::View(1, _, true)]), "{heard:?}");
        assert_eq!(world.ops(), []);
    }
}
