//! Watches over lost connections.

use super::world::{Heard, World, add_watch, get, settings, success};
use crate::base::limits::SET_WATCHES_BYTES;
use crate::base::{Code, EventKind, Zxid};
use crate::client::machine::Input;
use crate::client::{Change, Epoch, Intent, ResyncReason, State, WatchId, WatchItem};
use crate::wire::{Op, Reply, Request, SetWatches};

fn changed(change: Change, path: &str, zxid: Option<i64>) -> WatchItem {
    WatchItem::Changed { change, path: path.into(), zxid: zxid.map(Zxid) }
}

#[test]
fn s61_s62_a_data_watch_is_registered_again_until_it_has_fired() {
    let mut world = World::connected(settings(|_| {}));
    world.watch_data(1, "/a");
    world.watch_data(2, "/b");
    world.cut();
    world.connect(7);
    let received = world.received();
    let expected = SetWatches {
        relative_zxid: Zxid(1),
        data: vec!["/a".into(), "/b".into()],
        ..SetWatches::default()
    };
    assert_eq!(received[0].1, Request::SetWatches(expected));
    world.take_heard();
    // The server found a change of /a and says so before it confirms.
    world.event(EventKind::DataChanged, "/a");
    world.reply(received[0].0, 9, Reply::Done);
    assert_eq!(
        world.take_heard(),
        [
            Heard::Item(1, Ok(changed(Change::Data, "/a", Some(5)))),
            Heard::State(State::Connected, 1),
        ]
    );
    world.cut();
    world.connect(7);
    let Request::SetWatches(again) = &world.received()[0].1 else { panic!("watches come first") };
    assert_eq!(again.data, ["/b"], "one fired, one is still armed");
}

#[test]
fn s63_a_persistent_watch_hears_of_the_gap_instead_of_the_changes() {
    let mut world = World::connected(settings(|_| {}));
    world.watch_below(1, "/");
    world.cut();
    world.take_heard();
    world.connect(7);
    assert_eq!(world.take_heard(), [], "not before the watch is back");
    world.serve();
    let resync = WatchItem::Resync { reason: ResyncReason::Reconnected, epoch: Epoch::FIRST };
    assert_eq!(world.take_heard(), [Heard::Item(1, Ok(resync)), Heard::State(State::Connected, 1)]);
}

#[test]
fn s64_an_exist_watch_is_left_by_an_exists_that_finds_nothing() {
    let mut world = World::connected(settings(|_| {}));
    let request = Request::Exists { path: "/n".into(), watch: true };
    world.submit_with(request, |submission| submission.intent = Intent::Once(WatchId(1)));
    let (xid, _) = world.received()[0];
    world.reply_error(xid, Code::NoNode);
    world.cut();
    world.connect(7);
    let Request::SetWatches(again) = &world.received()[0].1 else { panic!("watches come first") };
    assert_eq!(again.exist, ["/n"]);
    world.event(EventKind::Created, "/n");
    let item = Heard::Item(1, Ok(changed(Change::Created, "/n", Some(5))));
    assert!(world.take_heard().contains(&item));
}

#[test]
fn a_read_that_fails_leaves_no_watch() {
    let mut world = World::connected(settings(|_| {}));
    let request = Request::GetData { path: "/n".into(), watch: true };
    world.submit_with(request, |submission| submission.intent = Intent::Once(WatchId(1)));
    let (xid, _) = world.received()[0];
    world.reply_error(xid, Code::NoNode);
    assert_eq!(world.take_heard()[0], Heard::Unwatched(1));
    world.cut();
    world.connect(7);
    assert_eq!(world.ops(), []);
}

#[test]
fn s60_many_watches_go_in_several_frames_and_connected_waits_for_all() {
    let mut world = World::connected(settings(|_| {}));
    for number in 0..1_000 {
        let path = format!("/{number:0>399}");
        let request = Request::GetData { path, watch: true };
        world.submit_with(request, |s| s.intent = Intent::Once(WatchId(number)));
    }
    world.serve();
    world.cut();
    world.connect(7);
    world.take_heard();
    let frames = world.received();
    assert_eq!(frames.len(), 4, "400 000 bytes of paths");
    let mut paths = 0;
    for (xid, request) in frames {
        assert_eq!(world.take_states(), []);
        let Request::SetWatches(batch) = request else { panic!("nothing but watches") };
        assert!(batch.data.iter().map(String::len).sum::<usize>() <= SET_WATCHES_BYTES);
        assert_eq!(batch.relative_zxid, Zxid(1), "the same for all of them");
        paths += batch.data.len();
        world.reply(xid, 77, Reply::Done);
    }
    assert_eq!(paths, 1_000);
    assert_eq!(world.take_states(), [(State::Connected, 1)]);
}

#[test]
fn s67_watches_below_a_chroot_are_kept_by_their_paths_on_the_server() {
    let mut world = World::connected(settings(|_| {}));
    let request = Request::GetData { path: "/app/x".into(), watch: true };
    world.submit_with(request, |submission| {
        submission.chroot = "/app".into();
        submission.intent = Intent::Once(WatchId(1));
    });
    world.serve();
    world.cut();
    world.connect(7);
    let Request::SetWatches(again) = &world.received()[0].1 else { panic!("watches come first") };
    assert_eq!(again.data, ["/app/x"]);
    world.event(EventKind::Deleted, "/app/x");
    let item = Heard::Item(1, Ok(changed(Change::Deleted, "/x", Some(5))));
    assert!(world.take_heard().contains(&item));
}

#[test]
fn dropping_the_last_stream_takes_the_watch_from_the_server() {
    let mut world = World::connected(settings(|_| {}));
    world.watch_below(1, "/");
    world.watch_below(2, "/");
    world.handle(Input::Unwatch(WatchId(1)));
    assert_eq!(world.ops(), []);
    // Another one is on its way: it must not lose its watch to the removal.
    world.submit_with(add_watch("/"), |s| s.intent = Intent::Stream(WatchId(3)));
    world.handle(Input::Unwatch(WatchId(2)));
    assert_eq!(world.serve(), [add_watch("/")]);
    world.handle(Input::Unwatch(WatchId(3)));
    assert_eq!(world.ops(), [Op::RemoveWatches]);
    world.cut();
    world.connect(7);
    assert_eq!(world.ops(), [], "gone with the connection");
}

#[test]
fn a_stream_dropped_before_it_was_added_leaves_nothing() {
    let mut world = World::connected(settings(|_| {}));
    world.submit_with(add_watch("/"), |s| s.intent = Intent::Stream(WatchId(1)));
    let received = world.received();
    world.handle(Input::Unwatch(WatchId(1)));
    world.reply(received[0].0, 1, success(&received[0].1));
    assert_eq!(world.ops(), [Op::RemoveWatches]);
}

#[test]
fn events_come_before_the_answers_that_follow_them() {
    let mut world = World::connected(settings(|_| {}));
    world.watch_below(1, "/");
    let call = world.submit(get("/a"));
    let received = world.received();
    world.take_heard();
    world.event(EventKind::DataChanged, "/a");
    world.reply(received[0].0, 2, success(&received[0].1));
    let heard = world.take_heard();
    assert_eq!(heard[0], Heard::Item(1, Ok(changed(Change::Data, "/a", Some(5)))));
    assert!(matches!(heard[1], Heard::Answer(answered, Ok(_)) if answered == call));
}

#[test]
fn a_watch_that_was_added_too_late_is_removed_again() {
    let mut world = World::connected(settings(|_| {}));
    world.submit_with(add_watch("/"), |submission| {
        submission.intent = Intent::Stream(WatchId(1));
        submission.timeout = Some(std::time::Duration::from_millis(100));
    });
    let (xid, request) = world.received().remove(0);
    world.pass(100);
    world.reply(xid, 1, success(&request));
    assert_eq!(world.ops(), [Op::RemoveWatches], "nobody hears its events");
}

fn resyncs(world: &mut World) -> Vec<ResyncReason> {
    world
        .take_heard()
        .into_iter()
        .filter_map(|heard| match heard {
            Heard::Item(_, Ok(WatchItem::Resync { reason, .. })) => Some(reason),
            _ => None,
        })
        .collect()
}

#[test]
fn a_gap_is_one_resync_however_often_the_connection_breaks_in_it() {
    let mut world = World::connected(settings(|_| {}));
    world.watch_below(1, "/");
    world.cut();
    for _ in 0..3 {
        world.connect(7);
        assert_eq!(world.received().len(), 1, "the watches, which are not confirmed");
        world.cut();
    }
    world.connect(7);
    world.serve();
    assert_eq!(resyncs(&mut world), [ResyncReason::Reconnected]);
    world.pass(1);
    assert_eq!(resyncs(&mut world), []);
}

#[test]
fn a_new_session_is_one_resync_however_often_the_connection_breaks_in_it() {
    let mut world = World::connected(settings(|_| {}));
    world.watch_below(1, "/");
    world.cut();
    world.accept();
    world.refuse();
    for _ in 0..3 {
        world.connect(8);
        world.cut();
    }
    world.connect(8);
    world.serve();
    assert_eq!(resyncs(&mut world), [ResyncReason::NewSession]);
}
