//! Framing and the primitive encodings: lengths, nulls, surplus bytes.

use std::time::Duration;

use tenure_tests::jute::Body;
use tenure_tests::op;
use tenure_tests::raw::{Silence, Wire};
use tenure_tests::records::{Frame, open};
use tenure_tests::session::{Session, create_body};
use tenure_tests::subject::Subject;

/// The default ceiling of a frame's body.
const CEILING: usize = 1_048_575;

#[test]
fn p01_frames_are_cut_by_their_length_not_by_packets() {
    let server = Subject::start();
    let mut session = server.session();
    let ping = Body::new().int(-2).int(op::PING).0;
    let mut bytes = Vec::new();
    for _ in 0..3 {
        bytes.extend((ping.len() as i32).to_be_bytes());
        bytes.extend(&ping);
    }
    let (dribbled, together) = bytes.split_at(12);
    for byte in dribbled {
        session.wire.send(&[*byte]);
    }
    session.wire.send(together);
    for _ in 0..3 {
        assert_eq!(session.reply().map(|reply| reply.xid), Ok(-2));
    }
}

/// A create whose frame body has exactly this many bytes.
fn create_of_size(size: usize) -> Body {
    let frame = 8 + create_body("/big", Some(b""), &open(), 0).0.len();
    create_body("/big", Some(&vec![b'x'; size - frame]), &open(), 0)
}

#[test]
fn p02_z63_z57_a_frame_of_the_ceiling_is_accepted() {
    let server = Subject::start();
    let mut session = server.session();
    let body = create_of_size(CEILING);
    assert_eq!(session.code(op::CREATE, &body), 0);
    let (data, stat) = session.get("/big", false).expect("it was created");
    assert_eq!(data.map(|data| data.len() as i32), Some(stat.data_length));
    assert_eq!(stat.data_length as usize, CEILING - 8 - (4 + 4) - 4 - (4 + 4 + 9 + 10) - 4);
}

#[test]
fn s77_a_frame_above_the_ceiling_closes_the_connection_but_not_the_session() {
    let server = Subject::start();
    let mut session = server.session();
    assert_eq!(session.try_call(op::CREATE, &create_of_size(CEILING + 1)), Err(Silence::Closed));
    let mut again = session.reattach(server.addr());
    assert_eq!(again.exists("/big", false), Err(op::NO_NODE));
}

#[test]
fn p02_a_negative_length_closes_the_connection() {
    let server = Subject::start();
    for length in [-1, i32::MIN] {
        let mut session = server.session();
        session.wire.send(&length.to_be_bytes());
        assert_eq!(session.reply(), Err(Silence::Closed), "{length}");
    }
}

#[test]
fn p03_z65_a_reply_may_be_larger_than_any_request() {
    let server = Subject::start();
    let mut session = server.session();
    session.make("/p");
    let long = "n".repeat(1_000);
    for round in 0..3 {
        let parts: Vec<_> = (0..400)
            .map(|number| {
                let path = format!("/p/{long}-{round}-{number}");
                (op::CREATE, create_body(&path, Some(b""), &open(), 0))
            })
            .collect();
        assert_eq!(session.multi(&parts).map(|results| results.len()), Ok(400));
    }
    let names = session.children("/p", false).expect("the node is there");
    assert_eq!(names.len(), 1_200);
    assert!(names.iter().map(|name| name.len() + 4).sum::<usize>() > CEILING);
}

#[test]
fn p05_bytes_behind_the_record_are_ignored() {
    let server = Subject::start();
    let mut session = server.session();
    let body = create_body("/a", Some(b"x"), &open(), 0).raw(&[9; 33]);
    assert_eq!(session.code(op::CREATE, &body), 0);
    let body = Body::new().string("/a").bool(false).raw(&[9; 5]);
    assert_eq!(session.code(op::GET_DATA, &body), 0);
}

#[test]
fn p06_no_four_letter_word_is_known_behind_the_handshake() {
    let server = Subject::start();
    let mut session = server.session();
    session.wire.send(b"ruok");
    assert_eq!(session.reply(), Err(Silence::Closed));
}

#[test]
fn p10_z32_null_and_empty_data_stay_what_they_are() {
    let server = Subject::start();
    let mut session = server.session();
    session.create_with("/null", None, &open(), 0).expect("created");
    session.create_with("/empty", Some(b""), &open(), 0).expect("created");
    let read = |session: &mut Session, path: &str| {
        session.get(path, false).map(|(data, stat)| (data, stat.data_length))
    };
    assert_eq!(read(&mut session, "/null"), Ok((None, 0)));
    assert_eq!(read(&mut session, "/empty"), Ok((Some(vec![]), 0)));
    let nulled = Body::new().string("/empty").null().int(-1);
    assert_eq!(session.code(op::SET_DATA, &nulled), 0);
    session.set("/null", b"", -1).expect("set");
    assert_eq!(read(&mut session, "/null"), Ok((Some(vec![]), 0)));
    assert_eq!(read(&mut session, "/empty"), Ok((None, 0)));
}

#[test]
fn p11_p35_an_impossible_length_is_a_decoding_error() {
    let server = Subject::start();
    let mut session = server.session();
    for length in [-2, -1_000, i32::MIN, i32::MAX, 2 * CEILING as i32 + 1, 100] {
        let data = Body::new().string("/a").int(length);
        assert_eq!(session.code(op::CREATE, &data), op::MARSHALLING, "data of {length}");
        let path = Body::new().int(length);
        assert_eq!(session.code(op::GET_DATA, &path), op::MARSHALLING, "path of {length}");
    }
    session.ping();
}

#[test]
fn p12_a_negative_count_is_an_empty_list() {
    let server = Subject::start();
    let mut session = server.session();
    for count in [-2, -77, i32::MIN] {
        let body = Body::new().string("/a").bytes(b"").int(count).int(0);
        assert_eq!(session.code(op::CREATE, &body), op::INVALID_ACL, "{count}");
    }
    let watches = Body::new().long(0).int(-2).int(-3).int(i32::MIN);
    assert_eq!(session.code(op::SET_WATCHES, &watches), 0);
}

#[test]
fn p12_a_count_beyond_the_frame_is_a_decoding_error() {
    let server = Subject::start();
    let mut session = server.session();
    for count in [1, 1_000_000, i32::MAX] {
        let body = Body::new().string("/a").bytes(b"").int(count);
        assert_eq!(session.code(op::CREATE, &body), op::MARSHALLING, "{count}");
    }
    session.ping();
}

#[test]
fn p13_text_that_is_not_utf8_is_read_leniently() {
    let server = Subject::start();
    let mut session = server.session();
    assert_eq!(session.auth("digest", b"\xff:pw"), 0);
    assert!(session.who_am_i().contains(&("digest".to_owned(), "\u{FFFD}".to_owned())));
}

#[test]
fn p13_text_is_written_as_standard_utf8() {
    let server = Subject::start();
    let mut session = server.session();
    let path = "/é/😀";
    let reply = session.call(op::SYNC, &Body::new().string(path));
    assert_eq!(reply.body, Body::new().string(path).0, "four bytes beyond the basic plane");
}

#[test]
fn p14_p36_operations_without_a_result_reply_with_the_bare_header() {
    let server = Subject::start();
    let mut session = server.session();
    session.make("/a");
    session.exists("/a", true).expect("it is there");
    let watched = Body::new().string("/a").int(2);
    let calls = [
        (op::SET_WATCHES, Body::new().long(0).strings(&[]).strings(&[]).strings(&[])),
        (op::SET_WATCHES2, (0..5).fold(Body::new().long(0), |body, _| body.strings(&[]))),
        (op::CHECK_WATCHES, watched.clone()),
        (op::REMOVE_WATCHES, watched),
        (op::DELETE, Body::new().string("/a").int(-1)),
        (op::CLOSE_SESSION, Body::new()),
    ];
    for (kind, body) in calls {
        let reply = session.call(kind, &body);
        assert_eq!((reply.err, reply.body.len()), (0, 0), "operation {kind}");
    }
}

#[test]
fn p30_a_frame_too_short_for_a_header_closes_the_connection() {
    let server = Subject::start();
    for length in [0, 4, 7] {
        let mut session = server.session();
        session.wire.send_frame(&vec![0; length]);
        assert_eq!(session.reply(), Err(Silence::Closed), "{length} bytes");
    }
}

#[test]
fn p80_a_connection_that_says_half_a_length_is_left_alone() {
    let server = Subject::start();
    let mut wire = Wire::open(server.addr());
    wire.send(b"ru");
    server.session().ping();
    assert_eq!(wire.receive_within(Duration::from_millis(50)), Err(Silence::Deadline));
    wire.send(b"ok");
    assert_eq!(wire.read_to_close(), b"imok");
}

#[test]
fn p41_the_state_of_every_event_is_3() {
    let server = Subject::start();
    let mut session = server.session();
    session.exists("/a", true).expect_err("it is absent");
    session.make("/a");
    session.get("/a", true).expect("it is there");
    session.set("/a", b"", -1).expect("set");
    session.children("/a", true).expect("it is there");
    session.make("/a/b");
    assert_eq!(session.set_watches(0, [&["/a"], &[], &[]]), 0);
    let states: Vec<_> = session.events().into_iter().map(|event| event.state).collect();
    assert_eq!(states, [3; 4]);
}

#[test]
fn p43_p32_replies_come_in_the_order_of_the_requests() {
    let server = Subject::start();
    let mut session = server.session();
    let mut wanted = Vec::new();
    for round in 0..50 {
        let path = format!("/n{round}");
        let create = create_body(&path, Some(b""), &open(), 0);
        wanted.push(session.send(op::CREATE, &create));
        wanted.push(session.send(op::GET_DATA, &Body::new().string(&path).bool(false)));
        session.send_as(-2, op::PING, &Body::new());
        wanted.push(-2);
        wanted.push(session.send(op::SYNC, &Body::new().string(&path)));
    }
    let mut arrived: Vec<i32> = Vec::new();
    for _ in &wanted {
        match session.frame() {
            Ok(Frame::Reply(reply)) => {
                assert_eq!(reply.err, 0);
                arrived.push(reply.xid);
            }
            other => panic!("{other:?}"),
        }
    }
    if server.answers_pings_at_once() {
        wanted.retain(|&xid| xid != -2);
        arrived.retain(|&xid| xid != -2);
    }
    assert_eq!(arrived, wanted);
}
