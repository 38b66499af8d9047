//! In which order frames of one connection come, and what one session sees of another.

use tenure_tests::jute::Body;
use tenure_tests::op;
use tenure_tests::records::{Frame, open};
use tenure_tests::session::{Session, create_body, multi_body};
use tenure_tests::subject::Subject;

/// The next frames as words: the xid of a reply, the kind and path of an event.
fn arrivals(session: &mut Session, count: usize) -> Vec<String> {
    (0..count)
        .map(|_| match session.frame().expect("a frame") {
            Frame::Reply(reply) => format!("reply {}", reply.xid),
            Frame::Event(event) => format!("event {} {}", event.kind, event.path),
        })
        .collect()
}

#[test]
fn s70_w10_an_own_change_is_told_before_its_reply() {
    let server = Subject::start();
    let mut session = server.session();
    session.make("/a");
    session.get("/a", true).expect("there");
    let set = Body::new().string("/a").bytes(b"x").int(-1);
    session.send_as(77, op::SET_DATA, &set);
    assert_eq!(arrivals(&mut session, 2), ["event 3 /a", "reply 77"]);
}

#[test]
fn s71_the_events_of_a_multi_precede_its_reply_in_order() {
    let server = Subject::start();
    let mut session = server.session();
    session.make("/a");
    session.get("/a", true).expect("there");
    session.exists("/b", true).expect_err("absent");
    session.children("/", true).expect("there");
    let parts = [
        (op::SET_DATA, Body::new().string("/a").bytes(b"").int(-1)),
        (op::CREATE, create_body("/b", Some(b""), &open(), 0)),
    ];
    session.send_as(78, op::MULTI, &multi_body(&parts));
    let wanted = ["event 3 /a", "event 1 /b", "event 4 /", "reply 78"];
    assert_eq!(arrivals(&mut session, 4), wanted);
}

#[test]
fn s72_whoever_sees_the_later_write_sees_the_earlier_one() {
    let server = Subject::start();
    let (mut writer, mut reader) = server.pair();
    writer.make("/x");
    writer.make("/y");
    let rounds = 200;
    let writing = std::thread::spawn(move || {
        for _ in 0..rounds {
            for path in ["/x", "/y"] {
                writer.send(op::SET_DATA, &Body::new().string(path).bytes(b"").int(-1));
            }
        }
        for _ in 0..2 * rounds {
            assert_eq!(writer.reply().map(|reply| reply.err), Ok(0));
        }
    });
    loop {
        let later = reader.stat("/y").version;
        let earlier = reader.stat("/x").version;
        assert!(earlier >= later, "/y is at {later} but /x at {earlier}");
        if later == rounds {
            break;
        }
    }
    writing.join().expect("the writer ends well");
}

#[test]
fn s73_a_read_after_sync_sees_every_acknowledged_write() {
    let server = Subject::start();
    let (mut writer, mut reader) = server.pair();
    writer.make("/a");
    for version in 1..=100 {
        writer.set("/a", b"", -1).expect("set");
        reader.send(op::SYNC, &Body::new().string("/a"));
        let xid = reader.send(op::EXISTS, &Body::new().string("/a").bool(false));
        assert_eq!(reader.reply().map(|reply| reply.err), Ok(0));
        let reply = reader.reply().expect("a reply");
        assert_eq!((reply.xid, reply.reader().stat().version), (xid, version));
    }
}

#[test]
fn s74_pings_and_writes_are_answered_in_order() {
    let server = Subject::start();
    let mut session = server.session();
    session.make("/a");
    for xid in 100..120 {
        session.send_as(xid, op::SET_DATA, &Body::new().string("/a").bytes(b"").int(-1));
        session.send_as(-2, op::PING, &Body::new());
    }
    let pairs = (100..120).map(|xid| [format!("reply {xid}"), "reply -2".to_owned()]);
    let (mut wanted, mut arrived): (Vec<_>, _) =
        (pairs.flatten().collect(), arrivals(&mut session, 40));
    if server.answers_pings_at_once() {
        assert_eq!(arrived.iter().filter(|name| *name == "reply -2").count(), 20);
        wanted.retain(|name| name != "reply -2");
        arrived.retain(|name| name != "reply -2");
    }
    assert_eq!(arrived, wanted);
}

#[test]
fn w36_a_watch_of_another_connection_is_told_before_its_next_reply() {
    let server = Subject::start();
    let (mut writer, mut watcher) = server.pair();
    writer.make("/a");
    for _ in 0..100 {
        watcher.get("/a", true).expect("there");
        writer.set("/a", b"", -1).expect("set");
        watcher.send_as(5, op::EXISTS, &Body::new().string("/a").bool(false));
        assert_eq!(arrivals(&mut watcher, 2), ["event 3 /a", "reply 5"]);
    }
}
